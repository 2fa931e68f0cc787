package plan

import (
	"fmt"
	"maps"
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// A tenant that is taken over has an application at work, which lives on
// whatever it was given by hand: a table of its own, a group, PUBLIC, or
// SUPERUSER. So first of all it gets what it will live on, beside the old.
// Only when that is committed is anything taken away; and what is looked at
// from here on is the server as it is by then.

// bridges plans that for every house whose logins are open and not yet
// landlord's.
func (b *builder) bridges() {
	b.oldLoans()
	for _, h := range b.houses {
		if b.in.wants(h.Tenant.Name) && b.takenOver(h) && b.whole(h) {
			b.bridge(h)
		}
	}
}

func (b *builder) takenOver(h isolation.House) bool {
	return slices.ContainsFunc(h.Roles, func(r isolation.Role) bool {
		have := b.roles[r.Name]
		return r.Login && have != nil && have.Login && have.Comment != r.Mark.Comment()
	})
}

// whole says whether landlord can take over all that stands in a house. Where
// it cannot, and says so, what it could would be moved away from under the rest.
func (b *builder) whole(h isolation.House) bool {
	return b.superuser() || !slices.ContainsFunc(b.readable(h.Tenant), func(p tenant.Place) bool { return b.foreign(p) })
}

// foreign says whether something in a place's schemas is not landlord's to take
// over.
func (b *builder) foreign(p tenant.Place) bool {
	rooms := b.rooms(p.Database)
	return slices.ContainsFunc(p.Schemas, func(name string) bool {
		if s, ok := rooms.schemas[name]; ok && !b.mayOwn(s.Owner) {
			return true
		}
		for o := range rooms.objects(name) {
			if !b.mayOwn(o.owner) {
				return true
			}
		}
		return false
	})
}

func (b *builder) bridge(h isolation.House) {
	t := h.Tenant
	places := b.readable(t)
	if len(places) == 0 {
		return
	}
	shared := unit{b: b, phase: Markers, group: "server"}
	for _, r := range isolation.Markers() {
		shared.makeRole(r)
	}
	for _, c := range isolation.Containers([]tenant.Tenant{t}) {
		if c.Shared {
			shared.makeRole(c.GroupRole())
		}
	}
	u := unit{b: b, phase: Bridges, group: "tenant " + t.Name, tenant: t.Name}.in(places[0].Database)
	for _, r := range h.Roles[:h.Groups] {
		u.makeRole(r)
	}
	u.letIn(h)
	for _, p := range places {
		u.in(p.Database).bridgePlace(h.At(p), b.rooms(p.Database))
	}
}

// readable lists the places of a tenant that could be read.
func (b *builder) readable(t tenant.Tenant) []tenant.Place {
	return slices.DeleteFunc(t.Places(), func(p tenant.Place) bool {
		c := b.contents[p.Database]
		return c == nil || c.Error != ""
	})
}

func (u unit) bridgePlace(h isolation.House, rooms *inside) {
	u.lend(h, rooms)
	for _, c := range isolation.Containers([]tenant.Tenant{h.Tenant}) {
		if c.Database == h.Place.Database {
			u.bridgeDatabase(c, h.Tenant.Temp)
		}
	}
	for _, name := range h.Place.Schemas {
		u.bridgeSchema(h, rooms, name)
	}
}

// makeRole makes a role that is missing.
func (u unit) makeRole(want isolation.Role) {
	if u.b.roles[want.Name] != nil {
		return
	}
	u.do("role "+want.Name+" is missing", Safe, u.create(want)...)
	u.b.roles[want.Name] = &snapshot.Role{Name: want.Name, Inherit: true, ConnLimit: want.ConnLimit, Verifier: "none", Comment: want.Mark.Comment()}
	u.b.made[want.Name] = true
}

// bridging is the unit that may grant on an owner's objects; ok is false where
// landlord may not, which is said when the owner is to change.
func (u unit) bridging(owner string) (_ unit, ok bool) {
	if d := u.b.databases[u.where()]; owner == databaseOwner && d != nil {
		owner = d.Owner
	}
	return u.by(owner), u.b.mayOwn(owner)
}

// letIn makes the logins that are there members of what pg_hba.conf will ask
// for. Before 16, a login without INHERIT would have nothing of that.
func (u unit) letIn(h isolation.House) {
	for _, l := range h.Tenant.Logins {
		if r := u.b.roles[l.Name]; r != nil && !r.Inherit && u.b.admin(l.Name) {
			u.do("role "+l.Name+" must have what its groups have", Safe, "ALTER ROLE "+pgsql.Ident(l.Name)+" INHERIT")
			changed := *r
			changed.Inherit = true
			u.b.roles[l.Name] = &changed
		}
	}
	var now []isolation.Membership
	for _, m := range h.Memberships {
		if u.b.roles[m.Role] != nil && u.b.roles[m.Member] != nil {
			now = append(now, m)
		}
	}
	u.join(now)
	for _, m := range now {
		if !u.b.joined(m) {
			u.b.nowIn(m)
		}
	}
}

// nowIn notes a membership that a step has made.
func (b *builder) nowIn(m isolation.Membership) {
	old := func(o snapshot.Membership) bool {
		return o.Role == m.Role && (o.Grantor == b.snap.Session.User || !b.version().MembershipOptions())
	}
	b.members[m.Member] = append(slices.DeleteFunc(slices.Clone(b.members[m.Member]), old),
		snapshot.Membership{Role: m.Role, Member: m.Member, Grantor: b.snap.Session.User, Inherit: m.Inherit, Set: m.Set || !b.version().MembershipOptions()})
}

// firstNormal is the number from which objects are not the system's own
// (FirstNormalObjectId).
const firstNormal = 16384

// lend makes those who own something in the house members of the house's
// owner: an owner cannot be granted what it has as the owner, and would be
// without from the change of owners to the grants; a view of its own would stop
// working for everybody. The loans end with the house (endLoans).
func (u unit) lend(h isolation.House, c *inside) {
	for _, role := range slices.Sorted(maps.Keys(u.b.ownersIn(h.Tenant, h.Place, c))) {
		if r := u.b.roles[role]; r == nil || r.OID < firstNormal || role == u.b.snap.Session.User || r.Superuser && u.b.owner[role] == "" ||
			u.b.memberOf(role, h.Tenant.Owner, map[string]bool{}) || u.b.memberOf(h.Tenant.Owner, role, map[string]bool{}) { // a circle is refused
			continue
		}
		u.do(fmt.Sprintf("%s owns things in the house, and keeps its rights on them until all is in its place", role), Safe,
			u.b.grantRole(h.Tenant.Owner, []string{role}, true, false))
		u.b.nowIn(isolation.Membership{Role: h.Tenant.Owner, Member: role, Inherit: true})
		u.b.lent[[2]string{h.Tenant.Owner, role}] = true
	}
}

// ownersIn are the roles, the tenant's or nobody's, that own something in a
// place of a tenant's. A migrator becomes the owner anyway.
func (b *builder) ownersIn(t tenant.Tenant, p tenant.Place, c *inside) map[string]bool {
	owns := map[string]bool{}
	own := func(role string) { owns[role] = owns[role] || b.owner[role] == t.Name }
	if d := b.databases[p.Database]; d != nil {
		own(d.Owner)
	}
	for _, name := range p.Schemas {
		own(c.schemas[name].Owner)
		for o := range c.objects(name) {
			owns[o.owner] = true
		}
	}
	maps.DeleteFunc(owns, func(role string, does bool) bool {
		whose := b.owner[role]
		return !does || whose != "" && whose != t.Name || role == t.Owner || slices.Contains(t.LoginsOf(tenant.Migrator), role)
	})
	return owns
}

// oldLoans finds loans that an apply before this one has not ended: they too
// end with the house, and no sooner.
func (b *builder) oldLoans() {
	for _, m := range b.snap.Memberships {
		t, ok := b.byOwner(m.Role)
		places := b.readable(t)
		if !ok || m.Admin || !m.Inherit || len(places) == 0 || !b.concernsTenant(t.Name) || !b.stays(m) || b.tolerated(m) {
			continue
		}
		login := slices.ContainsFunc(t.Logins, func(l tenant.Login) bool { return l.Name == m.Member && l.Kind != tenant.Migrator })
		owns := func(p tenant.Place) bool { return b.ownersIn(t, p, b.rooms(p.Database))[m.Member] }
		if login || slices.ContainsFunc(places, owns) {
			b.lent[[2]string{m.Role, m.Member}] = true
		}
	}
}

// byOwner is the tenant in the spec whose owner a role is.
func (b *builder) byOwner(role string) (tenant.Tenant, bool) {
	if !b.owns[role] {
		return tenant.Tenant{}, false
	}
	i := slices.IndexFunc(b.houses, func(h isolation.House) bool { return h.Tenant.Owner == role })
	if i < 0 {
		return tenant.Tenant{}, false
	}
	return b.houses[i].Tenant, true
}

// endLoans takes back what lend has lent, in a transaction of its own: a
// client must not see the loan's end before the grants.
func (u unit) endLoans(h isolation.House) {
	u.apart = true
	for _, l := range slices.SortedFunc(maps.Keys(u.b.lent), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		for _, m := range u.b.members[l[1]] {
			if m.Role == l[0] && m.Role == h.Tenant.Owner {
				u.do(fmt.Sprintf("%s must not be in %s", m.Member, m.Role), Access, u.b.revokeRole(m, ""))
			}
		}
	}
}

func (u unit) bridgeDatabase(c isolation.Container, temp bool) {
	d := *u.b.databases[c.Database]
	by, ok := u.bridging(d.Owner)
	if !ok {
		return
	}
	d.ACL = d.ACL.Or(pgsql.DatabaseObj, d.Owner, u.b.version())
	for _, g := range c.Grants(temp) {
		if missing := u.b.missing(d.ACL, d.Owner, g); missing != 0 {
			by.do("who may connect to database "+c.Database, Safe, change{grant: true, privs: missing, grantee: g.Grantee}.sql("DATABASE "+pgsql.Ident(c.Database)))
			d.ACL = d.ACL.With(pgsql.ACLItem{Grantee: g.Grantee, Grantor: d.Owner, Privs: missing})
		}
	}
	u.b.databases[c.Database] = &d
}

// missing is what somebody lacks on an object of an ACL.
func (b *builder) missing(acl pgsql.ACL, owner string, g isolation.Grant) pgsql.Privs {
	if g.Grantee == owner || g.Grantee != "" && b.roles[g.Grantee] == nil {
		return 0
	}
	missing := g.Privs
	for _, it := range acl {
		if it.Grantee == g.Grantee && it.Grantor == owner {
			missing &^= it.Privs
		}
	}
	return missing
}

// bridgeSchema grants on a schema, and on all that stands in it, what the
// logins will live on. So does it to the owner, through whom views and
// SECURITY DEFINER functions reach tables that are still somebody else's.
func (u unit) bridgeSchema(h isolation.House, c *inside, name string) {
	s, ok := c.schemas[name]
	if !ok {
		return
	}
	s.ACL = s.ACL.Or(pgsql.SchemaKind, s.Owner, u.b.version())
	grants := h.SchemaGrants()
	if !u.b.superuser() { // whose objects get an owner who must be able to make such
		grants = append(grants, isolation.Grant{Grantee: h.Tenant.Owner, Privs: pgsql.Create | pgsql.Usage})
	}
	by, ok := u.bridging(s.Owner)
	for _, g := range grants {
		if missing := u.b.missing(s.ACL, s.Owner, g); missing != 0 && ok {
			by.do("who may enter schema "+name, Safe, change{grant: true, privs: missing, grantee: g.Grantee}.sql("SCHEMA "+pgsql.Ident(name)))
			s.ACL = s.ACL.With(pgsql.ACLItem{Grantee: g.Grantee, Grantor: s.Owner, Privs: missing})
		}
	}
	c.schemas[name] = s
	batches := map[string]*batch{}
	of := func(owner string) *batch { // one for each owner, where it takes the owner
		if u.b.superuser() {
			owner = u.b.snap.Session.User
		}
		if batches[owner] == nil {
			batches[owner] = newBatch()
		}
		return batches[owner]
	}
	relations := slices.Clone(c.relations[name])
	for i, r := range relations {
		if !r.Extension && u.b.mayOwn(r.Owner) {
			relations[i].ACL = u.b.bridgeObject(of(r.Owner), h, relation(r))
		}
	}
	routines := slices.Clone(c.routines[name])
	for i, r := range routines {
		if !r.Extension && !r.EventTrigger && u.b.mayOwn(r.Owner) {
			routines[i].ACL = u.b.bridgeObject(of(r.Owner), h, routine(r))
		}
	}
	c.relations[name], c.routines[name] = relations, routines
	for _, owner := range slices.Sorted(maps.Keys(batches)) {
		batches[owner].emit(u, owner, "the rights in schema "+name)
	}
}

// bridgeObject adds grants to a batch and returns the object's ACL with them.
func (b *builder) bridgeObject(to *batch, h isolation.House, o object) pgsql.ACL {
	acl := o.acl.Or(o.kind, o.owner, b.version())
	owner := isolation.Grant{Grantee: h.Tenant.Owner, Privs: o.kind.All(b.version())}
	for _, g := range append(h.ObjectGrants(o.kind), owner) {
		if missing := b.missing(acl, o.owner, g); missing != 0 {
			to.add(o, []change{{grant: true, privs: missing, grantee: g.Grantee}})
			acl = acl.With(pgsql.ACLItem{Grantee: g.Grantee, Grantor: o.owner, Privs: missing})
		}
	}
	return acl
}

// gentle says whether somebody may be at work in a house.
func (b *builder) gentle(h isolation.House) bool {
	return b.whole(h) && slices.ContainsFunc(h.Tenant.Logins, func(l tenant.Login) bool {
		r := b.roles[l.Name]
		return r != nil && r.Login
	})
}

// move gives what stands in a schema to the house's owner while clients are at
// work. To change a table's owner takes a lock that waits for them, and that
// they wait for: so each has a transaction of its own, in which no client can
// be caught between two tables. Functions and views come first, while they
// still find the tables as they were.
func (u unit) move(h isolation.House, c *inside, schema string) {
	owner := h.Tenant.Owner
	routines := slices.Clone(c.routines[schema])
	for i, r := range routines {
		if o := routine(r); !r.Extension && !r.EventTrigger && r.Owner != owner && u.b.mayOwn(r.Owner) {
			if maker := u.b.owner[r.Owner]; maker != h.Tenant.Name {
				tamed := u.tame(o, maker)
				routines[i].Definer = r.Definer && !tamed
			}
			u.alterOwner("routine "+o.name, "ROUTINE "+o.name, r.Owner, owner)
			routines[i].Owner, routines[i].ACL = owner, r.ACL.ChangeOwner(r.Owner, owner)
		}
	}
	relations := slices.Clone(c.relations[schema])
	u.apart = true
	for _, views := range []bool{true, false} {
		for i, r := range relations {
			if isView := r.Kind == 'v' || r.Kind == 'm'; r.Extension || r.Owner == owner || isView != views || !u.b.mayOwn(r.Owner) {
				continue
			}
			if o := relation(r); !r.OwnedBy {
				u.lock = r.Kind == 'r' || r.Kind == 'p'
				u.alterOwner(relationWord(o)+" "+o.name, o.word+" "+o.name, r.Owner, owner)
			}
			relations[i].Owner, relations[i].ACL = owner, r.ACL.ChangeOwner(r.Owner, owner)
		}
	}
	c.routines[schema], c.relations[schema] = routines, relations
}

// LockTable begins the statement that waits for a table's clients, before
// anything is held that they want. To change the owner then takes also the
// sequences that belong to the table.
const LockTable = "LOCK TABLE ONLY "

func relationWord(o object) string {
	if o.kind == pgsql.Sequence {
		return "sequence"
	}
	return "table"
}
