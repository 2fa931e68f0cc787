package plan

import (
	"fmt"
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// A tenant of whom a server had nothing, and whose house could not be built, is to
// leave nothing there: neither roles that may not log in, nor a database that
// nobody can get into. What is taken back is what the run has made, and nothing
// else: it was not there when the run began, it bears the tenant's mark, nobody
// can have been in it, and it was looked whether it is empty.

// Newcomers lists the tenants that a plan is about and of whom the server has
// nothing, neither roles nor databases of their own. Who is to be taken over is
// none of them.
func Newcomers(in Input) (out []string) {
	had := possessionsOf(in.Snapshot)
	for i := range in.Tenants {
		t := &in.Tenants[i]
		if in.wants(t.Name) && !t.Adopt && !had.any(t) {
			out = append(out, t.Name)
		}
	}
	return out
}

// TakenBack is what undoes a run that could not build some tenants' houses.
type TakenBack struct {
	Plan Plan
	// Made is what the server has of each, by name, and had not before.
	Made map[string][]string
	// Stays says why nothing is taken back of some of them.
	Stays map[string]string
}

// TakeBack plans what undoes, for some of a run's newcomers, what the run has
// made: of first, which it began with, it has come to now. Where that holds
// something, or somebody may be in it, it stays.
func TakeBack(first, now Input, names []string) TakenBack {
	b := newBuilder(now)
	k := &takingBack{builder: b, had: possessionsOf(first.Snapshot), names: names,
		goes: map[string]bool{}, out: TakenBack{Made: map[string][]string{}, Stays: map[string]string{}}}
	houses := slices.DeleteFunc(slices.Clone(b.houses), func(h isolation.House) bool { return !slices.Contains(names, h.Tenant.Name) })
	for _, h := range houses {
		k.look(h)
	}
	for _, c := range b.containers {
		k.lookAround(c)
	}
	for _, h := range houses {
		k.house(h)
	}
	for _, c := range b.containers {
		k.container(c)
	}
	k.out.Plan = b.plan
	return k.out
}

// possessions are the names of what a server has.
type possessions struct {
	roles, databases map[string]bool
	schemas          map[place]bool
}

func possessionsOf(s snapshot.Snapshot) possessions {
	h := possessions{map[string]bool{}, map[string]bool{}, map[place]bool{}}
	for i := range s.Roles {
		h.roles[s.Roles[i].Name] = true
	}
	for i := range s.Databases {
		h.databases[s.Databases[i].Name] = true
	}
	for i := range s.Contents {
		for _, schema := range s.Contents[i].Schemas {
			h.schemas[place{s.Contents[i].Database, schema.Name}] = true
		}
	}
	return h
}

// any says whether there is something of a tenant's.
func (h possessions) any(t *tenant.Tenant) bool {
	for role := range t.EachRole {
		if h.roles[role] {
			return true
		}
	}
	for p := range t.EachPlace {
		if t.Alone(p) && h.databases[p.Database] {
			return true
		}
	}
	return false
}

type takingBack struct {
	*builder
	had   possessions
	names []string
	goes  map[string]bool // shared databases of this run that nobody lives in
	out   TakenBack
}

// fresh says that a database is there, and was not before.
func (k *takingBack) fresh(database string) bool {
	return k.databases[database] != nil && !k.had.databases[database]
}

// rolesOf are a house's roles that are of this run.
func (k *takingBack) rolesOf(h isolation.House) (out []string) {
	for _, r := range h.Roles {
		if k.made(r.Name, h.Tenant.Name) {
			out = append(out, r.Name)
		}
	}
	return out
}

// made says that a role is of this run, and bears landlord's mark for a tenant.
func (k *takingBack) made(role, of string) bool {
	_, ok := markFor(k.roles[role], of)
	return ok && !k.had.roles[role]
}

// look finds what there is of a house, and why it must stay, if it must.
func (k *takingBack) look(h isolation.House) {
	t, roles := h.Tenant, k.rolesOf(h)
	var made []string
	for _, p := range t.Places() {
		if t.Alone(p) && k.fresh(p.Database) {
			made = append(made, "database "+p.Database)
		}
		for _, s := range k.schemasOf(t, p) {
			made = append(made, fmt.Sprintf("schema %s in database %s", s, p.Database))
		}
		if db := k.databases[p.Database]; db != nil && db.AllowConn && k.out.Stays[t.Name] == "" {
			k.stays(t.Name, k.holds(p.Database, roles, t.Alone(p) && k.fresh(p.Database)))
		}
	}
	for _, name := range roles {
		if made = append(made, "role "+name); k.roles[name].Login {
			k.stays(t.Name, "its door is open, so that somebody may be in it")
		}
	}
	k.out.Made[t.Name] = made
}

func (k *takingBack) stays(name, why string) {
	if why != "" {
		k.out.Stays[name] = why
	}
}

// schemasOf are a tenant's schemas of this run in a database that is shared.
func (k *takingBack) schemasOf(t tenant.Tenant, p tenant.Place) (out []string) {
	if c := k.contents[p.Database]; t.Alone(p) || c == nil || c.Error != "" {
		return nil
	}
	for _, name := range p.Schemas {
		if s, ok := k.rooms(p.Database).schemas[name]; ok && s.Owner == t.Owner && !k.had.schemas[place{p.Database, name}] {
			out = append(out, name)
		}
	}
	return out
}

// lookAround says whether a shared database is of this run, and for those alone
// whose houses were not built.
func (k *takingBack) lookAround(c isolation.Container) {
	group := k.made(c.Group, "")
	if !c.Shared || c.Adopt || k.had.databases[c.Database] || !group && !k.fresh(c.Database) {
		return
	}
	for _, t := range c.Tenants {
		failed := slices.Contains(k.names, t.Name)
		if !failed && k.roles[t.Identity()] != nil || failed && k.out.Stays[t.Name] != "" {
			return // somebody lives there
		}
	}
	if slices.ContainsFunc(k.in.Server.Pools, func(p tenant.Pool) bool { return p.Database == c.Database }) {
		return // the pool has its login, which is not of any tenant
	}
	k.goes[c.Database] = true
	for _, t := range c.Tenants {
		if made := k.out.Made; slices.Contains(k.names, t.Name) {
			if k.fresh(c.Database) {
				made[t.Name] = append(made[t.Name], "database "+c.Database)
			}
			if group {
				made[t.Name] = append(made[t.Name], "role "+c.Group)
			}
		}
	}
}

// house takes back one house.
func (k *takingBack) house(h isolation.House) {
	t, roles := h.Tenant, k.rolesOf(h)
	if k.out.Stays[t.Name] != "" {
		return
	}
	u := unit{b: k.builder, phase: Removal, group: "taking back tenant " + t.Name, tenant: t.Name}
	if k.goes[t.Home.Database] {
		// Roles go after all databases in which they have something.
		u.group = "taking back database " + t.Home.Database
		k.drop(u, t.Home.Database)
	}
	for _, p := range t.Places() {
		switch db := k.databases[p.Database]; {
		case db == nil || k.goes[p.Database]:
		case t.Alone(p) && k.fresh(p.Database):
			k.drop(u, p.Database)
		case db.AllowConn && len(roles) > 0:
			k.leave(u.in(p.Database), t, p, roles)
		}
	}
	u.dropRoles("there was nothing of tenant "+t.Name+", and its house could not be built", roles)
}

// drop drops a database that is of this run, once.
func (k *takingBack) drop(u unit, database string) {
	if k.fresh(database) {
		u.alone("database "+database+" is of this run, and nothing is in it", Access, "DROP DATABASE "+pgsql.Ident(database)+" WITH (FORCE)")
		k.had.databases[database] = true
	}
}

// leave takes back what a tenant has in a database that stays. The server drops
// no schema that holds anything.
func (k *takingBack) leave(u unit, t tenant.Tenant, p tenant.Place, roles []string) {
	for _, name := range k.schemasOf(t, p) {
		u.by(t.Owner).do("schema "+name+" is of this run, and nothing is in it", Access, "DROP SCHEMA "+pgsql.Ident(name))
	}
	if sql, ok := k.borrowing(roles, "DROP OWNED BY "+pgsql.Idents(roles...)); ok {
		u.do("what the tenant's roles were given goes with them", Access, sql...)
	}
}

// container takes back the group of a shared database, when all else is gone.
func (k *takingBack) container(c isolation.Container) {
	if k.goes[c.Database] && k.made(c.Group, "") {
		u := unit{b: k.builder, phase: Removal, group: "taking back database " + c.Database}
		k.drop(u, c.Database)
		u.do("nobody's house stands in database "+c.Database, Access, "DROP ROLE "+pgsql.Ident(c.Group))
	}
}

// holds says what somebody has put into a database, or "": anything, where the
// whole of it is of this run, and else what is the tenant's.
func (k *takingBack) holds(database string, roles []string, whole bool) (what string) {
	c := k.contents[database]
	if c == nil || c.Error != "" {
		return "whether database " + database + " is empty could not be looked at"
	}
	is := func(kind, schema, name, owner string, extension bool) {
		if !extension && schema != tenant.PoolSchema && (whole || slices.Contains(roles, owner)) {
			what = fmt.Sprintf("database %s holds %s %s", database, kind, name)
		}
	}
	for _, r := range c.Relations {
		is("relation", r.Schema, pgsql.Idents(r.Schema)+"."+pgsql.Ident(r.Name), r.Owner, r.Extension)
	}
	for _, r := range c.Routines {
		is("function", r.Schema, r.Signature, r.Owner, r.Extension)
	}
	for _, r := range c.Types {
		is("type", r.Schema, pgsql.Idents(r.Schema)+"."+pgsql.Ident(r.Name), r.Owner, r.Extension)
	}
	for _, r := range c.Others {
		is(r.Kind, r.Schema, r.Identity, r.Owner, r.Extension)
	}
	if whole && len(c.LargeObjects) > 0 {
		what = "database " + database + " holds large objects"
	}
	return what
}
