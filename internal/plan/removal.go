package plan

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// removals names, or with Prune drops, what is in the catalog and not in the
// spec.
func (b *builder) removals() {
	for _, t := range b.found {
		if b.inSpec(t.Name) || !b.in.wants(t.Name) {
			continue
		}
		if b.in.Prune {
			b.remove(t)
		} else if len(b.in.Only) == 0 {
			b.note(t.Name, fmt.Sprintf("tenant %s is on the server and not in the spec: left alone", t.Name), "add it to the spec, or drop it with --prune")
		}
	}
	b.extraPlaces()
	b.extraAdmins()
	b.extraPools()
	b.dropRouter()
	if b.in.Prune && len(b.in.Only) == 0 {
		b.extraLogins()
		for _, c := range b.containers {
			b.pruneSchemas(c.Database)
		}
	}
}

// inSpec says whether the spec has a tenant of that name.
func (b *builder) inSpec(name string) bool {
	_, ok := b.find(name)
	return ok
}

// remove takes a tenant away: the door first, then its sessions, then what it
// has in each database, then the roles.
func (b *builder) remove(t tenant.Tenant) {
	u := unit{b: b, phase: Removal, group: "tenant " + t.Name, tenant: t.Name}
	u.closeDoor(t)
	u.leavePools(t)
	var dropped []string
	gone := true // it has nothing anywhere any more
	for _, p := range t.Places() {
		there := b.databases[p.Database] != nil
		gone = gone && !there
		switch {
		case t.Alone(p):
			dropped = append(dropped, p.Database)
			u.dropDatabase(t, p)
		case there:
			u.in(p.Database).dropSchemas(t, p)
		}
	}
	databases := b.touched(t.Roles(), dropped...)
	if !t.Own() {
		databases = b.accepting(append(databases, t.Home.Database))
	}
	for _, name := range databases {
		u.in(name).disown(t)
	}
	if gone {
		u.disown(t)
	}
	u.letRouterGo(t)
	u.dropRoles("the tenant's roles have nothing left", t.Roles())
}

// letRouterGo takes from the router's login the shared database of a tenant that
// goes, if nobody lives in it any more. Killed before it, the tenant is still there
// to be removed.
func (u unit) letRouterGo(t tenant.Tenant) {
	d, group := u.b.databases[t.Home.Database], u.b.roles[t.Group(t.Home)]
	if t.Own() || d == nil || group != nil && group.Shelters || u.b.livedIn(d.Name) || len(u.b.poolsIn(d.Name)) > 0 {
		return
	}
	u.takeAway("nobody lives in database "+d.Name+" any more: the router has no business in it", "DATABASE "+pgsql.Ident(d.Name), d.ACL, d.Owner,
		func(grantee string) bool { return grantee == tenant.RouterRole })
}

// livedIn says whether a tenant's house stands in a database, of one that the plan
// does not remove.
func (b *builder) livedIn(database string) bool {
	in := func(t tenant.Tenant) bool { _, ok := t.Place(database); return ok }
	return slices.ContainsFunc(b.in.Tenants, in) || slices.ContainsFunc(b.found, func(t tenant.Tenant) bool {
		return in(t) && !b.inSpec(t.Name) && !(b.in.Prune && b.in.wants(t.Name))
	})
}

// closeDoor lets nobody in any more, and ends the sessions that are.
func (u unit) closeDoor(t tenant.Tenant) {
	logins := t.LoginRoles()
	u.shut("tenant "+t.Name+" is not in the spec: its door is shut first", logins)
	for _, name := range logins {
		if r := u.b.roles[name]; r != nil && !r.Login {
			u.end([]string{name})
		}
	}
}

func (u unit) dropSchemas(t tenant.Tenant, p tenant.Place) {
	c := u.b.contents[p.Database]
	if c == nil || c.Error != "" {
		u.b.cannot(t.Name, fmt.Sprintf("database %s cannot be read, so tenant %s stays", p.Database, t.Name), "make it accept landlord's connections")
		return
	}
	rooms := u.b.rooms(p.Database)
	for _, name := range p.Schemas {
		if s, ok := rooms.schemas[name]; ok {
			u.dropSchema(&Loss{t.Name, fmt.Sprintf("schema %s of tenant %s in database %s", name, t.Name, p.Database), s.Size}, s)
		}
	}
}

// dropSchema drops a schema with all that stands in it, as its owner.
func (u unit) dropSchema(loss *Loss, s snapshot.Schema) {
	sql, ok := u.b.borrowing([]string{s.Owner}, "DROP SCHEMA "+pgsql.Ident(s.Name)+" CASCADE")
	if !ok {
		u.b.cannot(u.tenant, fmt.Sprintf("%s belongs to %s and stays", loss.What, s.Owner), "have a superuser prune once")
		return
	}
	u.loses(loss, false, sql...)
}

// loses adds a step that destroys data.
func (u unit) loses(loss *Loss, alone bool, sql ...string) {
	s := u.step("drops "+loss.What, Data, sql)
	s.Loses, s.Alone = loss, alone
	u.b.plan.Steps = append(u.b.plan.Steps, s)
}

// touched lists the databases, other than those that are dropped, in which
// roles own or hold something.
func (b *builder) touched(roles []string, dropped ...string) []string {
	var names []string
	for _, role := range roles {
		for _, database := range b.dependencies(role) {
			if !slices.Contains(dropped, database) {
				names = append(names, database)
			}
		}
	}
	return b.accepting(names)
}

// accepting lists those of some databases that take connections, each once, in
// the server's order.
func (b *builder) accepting(names []string) []string {
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	var out []string
	for _, d := range b.snap.Databases {
		if seen[d.Name] && d.AllowConn {
			out = append(out, d.Name)
		}
	}
	return out
}

// dependencies lists the databases in which a role owns or holds something.
func (b *builder) dependencies(role string) []string {
	if b.depends == nil {
		b.depends = map[string][]string{}
		for _, d := range b.snap.Dependencies {
			if d.Database != "" {
				b.depends[d.Role] = append(b.depends[d.Role], d.Database)
			}
		}
	}
	return b.depends[role]
}

// disown takes over what the tenant owns in somebody else's house, and takes
// away what it holds there.
func (u unit) disown(t tenant.Tenant) {
	var names []string
	for _, name := range t.Roles() {
		if u.b.roles[name] != nil {
			names = append(names, name)
		}
	}
	u.takeOver("what the tenant owns elsewhere is taken over, not dropped", names)
}

// takeOver gives what roles own in a database to nobody, or else to landlord,
// and takes away what they hold in it.
func (u unit) takeOver(why string, roles []string) {
	if len(roles) == 0 {
		return
	}
	list, to := pgsql.Idents(roles...), u.b.snap.Session.User
	if u.b.superuser() {
		to = u.b.nobody()
	}
	sql, ok := u.b.borrowing(roles,
		"REASSIGN OWNED BY "+list+" TO "+pgsql.Ident(to), "DROP OWNED BY "+list)
	if !ok {
		u.b.cannot(u.tenant, fmt.Sprintf("what %s own is not %s's to take over", strings.Join(roles, ", "), u.b.snap.Session.User),
			"have a superuser prune once")
		return
	}
	u.do(why, Access, sql...)
}

// dropRoles drops those of some roles that are there, the last first.
func (u unit) dropRoles(why string, roles []string) {
	var sql []string
	for _, name := range slices.Backward(roles) {
		if u.b.roles[name] != nil {
			sql = append(sql, "DROP ROLE "+pgsql.Ident(name))
		}
	}
	u.do(why, Access, sql...)
}

// extraLogins drops logins of tenants in the spec that the spec does not
// name any more.
func (b *builder) extraLogins() {
	for _, want := range b.in.Tenants {
		have, ok := b.foundAs[want.Name]
		if !ok {
			continue
		}
		gone := tenant.Tenant{Name: have.Name, Home: have.Home, Further: have.Further}
		for _, l := range have.Logins {
			if !slices.Contains(want.Roles(), l.Name) {
				gone.Logins = append(gone.Logins, l)
			}
		}
		for _, w := range have.Twins {
			if !slices.Contains(want.Roles(), w.Name) {
				gone.Twins = append(gone.Twins, w)
			}
		}
		if len(gone.LoginRoles()) > 0 {
			b.dropLogins(gone)
		}
	}
}

func (b *builder) dropLogins(t tenant.Tenant) {
	u := unit{b: b, phase: Removal, group: "tenant " + t.Name, tenant: t.Name}
	u.closeDoor(t)
	databases := b.touched(t.LoginRoles())
	for _, p := range t.Places() {
		databases = append(databases, p.Database)
	}
	for _, name := range b.accepting(databases) {
		u.in(name).disownLogins(t)
	}
	for _, name := range slices.Backward(t.LoginRoles()) {
		u.do(fmt.Sprintf("tenant %s has no login %s in the spec", t.Name, name), Access, "DROP ROLE "+pgsql.Ident(name))
	}
}

func (u unit) disownLogins(t tenant.Tenant) {
	for _, name := range t.LoginRoles() {
		u.takeOver("what the login owns is taken over, not dropped", []string{name})
	}
}

// pruneSchemas drops schemas that are no tenant's.
func (b *builder) pruneSchemas(database string) {
	c := b.contents[database]
	if c == nil || c.Error != "" {
		return
	}
	u := unit{b: b, phase: Removal, group: "schemas of " + database}.in(database)
	for _, s := range c.Schemas {
		if u.landlords(b.rooms(database), s.Name) {
			u.prunePoolSchema(s.Owner, b.rooms(database))
			continue
		}
		if at := (place{database, s.Name}); b.houseAt(at) == "" && b.foundIn[at] == "" && !s.Extension && s.Name != tenant.ExtensionsSchema && !droppedAsEmpty(s) {
			u.dropSchema(&Loss{s.Name, fmt.Sprintf("schema %s in database %s, which is no tenant's", s.Name, database), s.Size}, s)
		}
	}
}

func droppedAsEmpty(s snapshot.Schema) bool { return s.Name == "public" && s.Empty }
