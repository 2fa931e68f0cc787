package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// build makes or mends one tenant's house. Its logins are opened at the very
// end, in the transaction that raises the last wall.
func (b *builder) build(h isolation.House) {
	t := h.Tenant
	if what := b.blind(t); what != nil {
		h = b.asItIs(h)
		if t = h.Tenant; len(h.Roles) == 0 {
			b.inside(t, *what)
			return
		}
	}
	b.hashes(h)
	u := unit{b: b, phase: Houses, group: "tenant " + t.Name, tenant: t.Name}
	home := u.in(t.Home.Database)
	// What is about its roles goes with the rest, in one transaction; but a door
	// can be shut without getting in.
	db, c := b.databases[t.Home.Database], b.contents[t.Home.Database]
	if (!t.Alone(t.Home) || db != nil && db.AllowConn) && (c == nil || c.Error == "") {
		home.roles(h)
	} else {
		u.roles(h)
	}
	for _, c := range isolation.Containers([]tenant.Tenant{t}) {
		if !c.Shared {
			u.containerDatabase(c, t.Temp)
		}
	}
	u.placeSettings(h)
	whole := true
	for _, p := range slices.Backward(t.Places()) { // the last wall is raised at home
		contents, ok := b.inside(t, p)
		if whole = whole && ok; ok {
			u.in(p.Database).schemas(h.At(p), contents)
		}
	}
	if !whole {
		return
	}
	home.open(h.Roles)
	home.endLoans(h)
}

// blind is a place of a tenant's that could not be read, and that the plan does
// nothing for that it may be read: what is to stand there will not.
func (b *builder) blind(t tenant.Tenant) *tenant.Place {
	for _, p := range t.Places() {
		c, db := b.contents[p.Database], b.databases[p.Database]
		if db != nil && db.AllowConn && c != nil && c.Error != "" && !b.mends(t, p) {
			return &p
		}
	}
	return nil
}

// mends says whether the plan does something for a database as such.
func (b *builder) mends(t tenant.Tenant, p tenant.Place) bool {
	if b.mended[p.Database] || !t.Alone(p) {
		return b.mended[p.Database]
	}
	trial := *b
	trial.plan, trial.noted, trial.mended = Plan{}, map[Note]bool{}, map[string]bool{}
	trial.lent, trial.made = maps.Clone(b.lent), maps.Clone(b.made)
	for _, c := range isolation.Containers([]tenant.Tenant{t}) {
		if c.Database == p.Database {
			unit{b: &trial, phase: Houses, tenant: t.Name}.containerDatabase(c, t.Temp)
		}
	}
	return trial.mended[p.Database]
}

// asItIs is a house of which nothing new can be finished: no role is made for it,
// and if its door is shut it stays so.
func (b *builder) asItIs(h isolation.House) isolation.House {
	t := h.Tenant
	if b.foundAs[t.Name].Suspended && !t.Suspended {
		t.Suspended = true
		h = b.withPools(b.withKeys(isolation.Build(t)))
	}
	gone := func(role string) bool { return b.roles[role] == nil }
	h.Roles = slices.DeleteFunc(slices.Clone(h.Roles), func(r isolation.Role) bool { return gone(r.Name) })
	var kept []isolation.Membership
	shared := 0
	for i, m := range h.Memberships {
		if !gone(m.Member) && (!gone(m.Role) || b.made[m.Role]) {
			kept = append(kept, m)
			if i < h.Shared {
				shared++
			}
		}
	}
	h.Memberships, h.Shared = kept, shared
	return h
}

// inside returns what one of a tenant's databases holds, nothing where it is
// still to be made; ok is false where it could not be read.
func (b *builder) inside(t tenant.Tenant, p tenant.Place) (*inside, bool) {
	c, db := b.contents[p.Database], b.databases[p.Database]
	switch {
	case db == nil:
		return newInside(&snapshot.Contents{Database: p.Database}), true
	case !db.AllowConn:
		b.plan.Again = true
		return nil, false // it is not to be seen yet
	case c == nil:
		b.cannot(t.Name, fmt.Sprintf("database %s was not read", p.Database), "plan again")
		return nil, false
	case c.Error != "" && b.mended[p.Database]:
		b.plan.Again = true
		return nil, false // it may be to be seen once its door is right
	case c.Error != "":
		b.cannot(t.Name, fmt.Sprintf("database %s cannot be read: %s", p.Database, c.Error), "make it accept landlord's connections")
		if !slices.Contains(b.plan.Unread, p.Database) {
			b.plan.Unread = append(b.plan.Unread, p.Database)
			b.plan.UnreadWhy = cmp.Or(b.plan.UnreadWhy, c.Error)
		}
		return nil, false
	}
	return b.rooms(p.Database), true
}

// roles makes or mends the house's roles, memberships and parameters.
func (u unit) roles(h isolation.House) {
	if h.Tenant.Suspended {
		u.shut("tenant "+h.Tenant.Name+" is suspended", h.Tenant.LoginRoles())
	}
	for _, r := range h.Roles {
		u.role(r)
	}
	u.join(h.Memberships[h.Shared:])
	u.join(u.b.keys(h))
	u.lately().join(h.Memberships[:h.Shared])
	for _, r := range h.Roles {
		if u.b.admin(r.Name) {
			u.settings(r)
		}
	}
}

// keys are the memberships by which a landlord that is no superuser becomes
// the owner whose objects it works on. Since 16 that is SET alone.
func (b *builder) keys(h isolation.House) []isolation.Membership {
	if b.superuser() {
		return nil
	}
	me := b.snap.Session.User
	for _, m := range b.members[me] {
		if m.Role == h.Tenant.Owner && (m.Set || !b.version().MembershipOptions()) {
			return nil
		}
	}
	return []isolation.Membership{{Role: h.Tenant.Owner, Member: me, Set: true}}
}

// schemas makes or mends the tenant's schemas in a place and everything in
// them.
func (u unit) schemas(h isolation.House, c *inside) {
	if u.b.gentle(h) {
		for _, name := range h.Place.Schemas {
			u.move(h, c, name)
		}
	}
	ours := map[string]bool{}
	for _, name := range h.Place.Schemas {
		object := "SCHEMA " + pgsql.Ident(name)
		s, ok := c.schemas[name]
		if !ok {
			u.do("schema "+name+" is missing", Safe, "CREATE "+object+" AUTHORIZATION "+pgsql.Ident(h.Tenant.Owner))
			s = snapshot.Schema{Name: name, Owner: h.Tenant.Owner}
		}
		acl, ok := u.own("schema "+name, object, h.Tenant.Owner, s.Owner, s.ACL)
		if ours[name] = ok; !ok {
			continue
		}
		u.setACL("who may enter schema "+name, object, pgsql.SchemaKind, h.Tenant.Owner, acl, h.SchemaGrants())
	}
	u.defaults(h, c)
	for _, name := range h.Place.Schemas {
		if ours[name] {
			u.objects(h, c, name)
		}
	}
}

// own gives an object to the tenant's owner and returns what becomes of its
// ACL; ok is false where it stays somebody else's.
func (u unit) own(what, object, owner, have string, acl pgsql.ACL) (_ pgsql.ACL, ok bool) {
	if have == owner {
		return acl, true
	}
	return acl.ChangeOwner(have, owner), u.alterOwner(what, object, have, owner)
}
