package plan

import (
	"cmp"
	"fmt"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// ground closes what stands open on every server, and makes landlord's own
// roles.
func (b *builder) ground() {
	u := unit{b: b, phase: Ground, group: "server"}
	for _, r := range isolation.Markers() {
		u.role(r)
		u.settings(r)
	}
	if b.roles[tenant.LostRole] != nil {
		u.role(isolation.Lost())
		u.settings(isolation.Lost())
	}
	b.parameters(u)
	b.administrators(u)
	b.router(u)
	b.expel(u)
	b.superuserGrants(u)
	managed, about := map[string]bool{}, map[string]bool{}
	for _, c := range b.containers {
		managed[c.Database], about[c.Database] = true, b.concerns(c)
	}
	for _, t := range b.found {
		for _, p := range t.Places() {
			managed[p.Database] = true
		}
	}
	for i := range b.snap.Databases {
		switch d := &b.snap.Databases[i]; {
		case d.Name == "template0" || about[d.Name]:
		case managed[d.Name]:
			u.keepOut(d)
		default:
			u.closeDatabase(d)
		}
	}
	if c := b.contents["template1"]; c != nil && c.Error == "" && !managed["template1"] {
		u.in("template1").closePublic(c)
	}
	if c := b.contents["postgres"]; c != nil && c.Error == "" && !managed["postgres"] && len(b.in.Server.Admins) > 0 {
		u.in("postgres").closeCreate(c)
	}
}

// superuserGrants takes away what tenants were granted of parameters and
// tablespaces, and what of the server's own they own.
func (b *builder) superuserGrants(u unit) {
	u.strays(b.snap.ParameterGrants)
	for _, s := range b.snap.ParameterGrants {
		if s.Owns {
			u.evict(s, "")
		}
	}
}

// closeDatabase keeps PUBLIC and the tenants out of a database that is none
// of theirs.
func (u unit) closeDatabase(d *snapshot.Database) {
	me := u.b.snap.Session.User
	if u.b.concernsTenant(u.b.owner[d.Owner]) && u.alterOwner("database "+d.Name+", which is nobody's house,", "DATABASE "+pgsql.Ident(d.Name), d.Owner, me) {
		taken := *d
		taken.ACL, taken.Owner = d.ACL.ChangeOwner(d.Owner, me), me
		d = &taken
		u.resetDatabase(d.Name)
	}
	acl := d.ACL.Or(pgsql.DatabaseObj, d.Owner, u.b.version())
	bad := func(grantee string) bool { return grantee == "" || u.b.concernsTenant(u.b.owner[grantee]) }
	if !u.b.mayOwn(d.Owner) {
		var names, roles []string
		for _, it := range acl {
			if it.Grantee != d.Owner && bad(it.Grantee) {
				names, roles = append(names, cmp.Or(it.Grantee, "PUBLIC")), append(roles, grantee(it.Grantee))
			}
		}
		if len(names) > 0 {
			say := u.b.stands
			if d.Name == "postgres" || d.Name == "template1" { // initdb's: nobody's data is in there
				say = u.b.cannot
			}
			say("", fmt.Sprintf("%s may connect to database %s, which belongs to %s: tenants can get in there", strings.Join(names, ", "), d.Name, d.Owner),
				"have its owner or a superuser run: REVOKE ALL ON DATABASE "+pgsql.Ident(d.Name)+" FROM "+strings.Join(roles, ", "))
		}
		return
	}
	u.takeAway(fmt.Sprintf("database %s is nobody's house: PUBLIC and tenants have no business in it", d.Name),
		"DATABASE "+pgsql.Ident(d.Name), acl, d.Owner, bad)
}

// keepOut takes from the tenants that the plan is about what they hold on a
// house of others, whom it is not about. (What it is about gets its whole ACL.)
func (u unit) keepOut(d *snapshot.Database) {
	u.takeAway(fmt.Sprintf("database %s is another tenant's house", d.Name), "DATABASE "+pgsql.Ident(d.Name), d.ACL, d.Owner, func(grantee string) bool {
		whose := u.b.owner[grantee]
		return u.b.concernsTenant(whose) && !u.b.livesAt(whose, d.Name)
	})
}

// takeAway takes from bad ones what they hold on an object that is not
// theirs.
func (u unit) takeAway(why, object string, acl pgsql.ACL, owner string, bad func(grantee string) bool) {
	u.change(why, object, "", owner, takeBack(acl, owner, u.b.heirs(owner), bad))
}

// change makes changes to the rights on an object (or a column of it), as its
// owner, or whoever else has to.
func (u unit) change(why, object, column, owner string, changes []change) {
	for _, c := range changes {
		if u.b.lost(c) {
			continue
		}
		sql, by := c.on(object, column), u.by(owner)
		if c.as != "" {
			by.as = c.as
		}
		if who := cmp.Or(c.as, owner); !u.b.mayOwn(who) {
			note := u.b.stands
			if c.grant {
				note = u.b.cannot
			}
			note(u.tenant, fmt.Sprintf("%s, which is %s's to change", why, who), "have that role or a superuser run: "+sql)
			continue
		}
		by.do(why, danger([]change{c}), sql)
	}
}

// lost says that a change is about a role that is gone, whose number an ACL
// still has. Nobody can revoke that, nor use it.
func (b *builder) lost(c change) bool {
	gone := func(role string) bool { return role != "" && b.roles[role] == nil }
	return gone(c.as) || gone(c.grantee) && (!c.grant || c.option)
}

// heirs says who has an owner's rights without asking. Since 16 that takes a
// membership that no house wants, and those are ended first, but for loans.
func (b *builder) heirs(owner string) heirs {
	return func(role string) bool {
		if b.version().MembershipOptions() {
			return b.lent[[2]string{owner, role}]
		}
		return b.memberOf(role, owner, map[string]bool{})
	}
}

// closePublic keeps PUBLIC from creating in schema public of template1, so
// that new databases are born closed.
func (u unit) closePublic(c *snapshot.Contents) {
	for _, s := range c.Schemas {
		acl := s.ACL.Or(pgsql.SchemaKind, s.Owner, u.b.version())
		u.takeAway(fmt.Sprintf("new databases would be born with an open schema %s", s.Name),
			"SCHEMA "+pgsql.Ident(s.Name), acl, s.Owner, func(g string) bool { return g == "" })
	}
}

// closeCreate keeps PUBLIC from creating in a database that administrators get
// into: before 15 everybody may leave in schema public what a superuser's
// session would run there (CVE-2018-1058).
func (u unit) closeCreate(c *snapshot.Contents) {
	for _, s := range c.Schemas {
		for _, it := range s.ACL.Or(pgsql.SchemaKind, s.Owner, u.b.version()) {
			if it.Grantee == "" && it.Grantor == s.Owner && it.Privs&pgsql.Create != 0 {
				u.do(fmt.Sprintf("everybody may leave things in schema %s, where administrators come", s.Name), Access,
					"REVOKE CREATE ON SCHEMA "+pgsql.Ident(s.Name)+" FROM PUBLIC")
			}
		}
	}
}

// memberOf says whether a role is in another, directly or not.
func (b *builder) memberOf(member, role string, seen map[string]bool) bool {
	if seen[member] {
		return false
	}
	seen[member] = true
	for _, m := range b.members[member] {
		if m.Role == role && (m.Inherit || m.Set) || m.Inherit && b.memberOf(m.Role, role, seen) {
			return true
		}
	}
	return false
}

// container makes or mends a database that tenants share; the database of a
// single tenant is made with its house.
func (b *builder) container(c isolation.Container) {
	if !c.Shared {
		return
	}
	u := unit{b: b, phase: Shared, group: "database " + c.Database}
	u.role(c.GroupRole())
	u.settings(c.GroupRole())
	u.poolLogins(c.Database)
	u.containerDatabase(c, true)
}

// containerDatabase makes or mends a container and everything in it that is no
// house's.
func (u unit) containerDatabase(c isolation.Container, temp bool) {
	have := u.b.databases[c.Database]
	if have == nil {
		u.newDatabase(c, temp)
		u.in(c.Database).extensions(u.b.snap.Session.User, c, newInside(&snapshot.Contents{Database: c.Database}))
		u.in(c.Database).ownSchema(u.b.snap.Session.User, c, newInside(&snapshot.Contents{Database: c.Database}))
		u.in(c.Database).functionDoors(c, newInside(&snapshot.Contents{Database: c.Database, LargeOpen: true, AdvisoryOpen: true, ControlOpen: true, MessagesOpen: true}))
		return
	}
	owner := u.mendDatabase(c, have, temp)
	if contents := u.b.contents[c.Database]; contents != nil && contents.Error == "" {
		u.in(c.Database).commons(owner, u.b.rooms(c.Database))
		u.in(c.Database).extensions(owner, c, u.b.rooms(c.Database))
		u.in(c.Database).ownSchema(owner, c, u.b.rooms(c.Database))
		u.in(c.Database).functionDoors(c, u.b.rooms(c.Database))
	}
}

// functionDoors closes the functions in a container that everybody may call as the
// server is born, and tenants may not.
func (u unit) functionDoors(c isolation.Container, in *inside) {
	u.largeObjectDoor(c, in)
	u.advisoryDoor(c, in)
	u.controlDoor(in)
	u.messagesDoor(c, in)
}

const createDatabase = "CREATE DATABASE "

// newDatabase makes a database that is born closed: nobody can connect until
// its ACL is right. template0 is the only template that nobody can have
// written to.
func (u unit) newDatabase(c isolation.Container, temp bool) {
	name := pgsql.Ident(c.Database)
	u.alone("database "+c.Database+" is missing", Safe, createDatabase+name+" TEMPLATE template0 ALLOW_CONNECTIONS false")
	sql := []string{"REVOKE ALL ON DATABASE " + name + " FROM PUBLIC"}
	for _, g := range u.b.databaseGrants(c, temp) {
		sql = append(sql, change{grant: true, privs: g.Privs, grantee: g.Grantee}.sql("DATABASE "+name))
	}
	u.do("database "+c.Database+" opens with its door closed to all but its group", Safe, append(sql, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS true")...)
	// Before 15 it is the bootstrap superuser's.
	if u.b.superuser() || u.b.version().Major() >= 15 {
		u.in(c.Database).do("every database that landlord makes does without schema public", Safe, `DROP SCHEMA "public"`)
	}
}

// mendDatabase puts an existing container's owner, ACL and attributes right,
// and returns its owner.
func (u unit) mendDatabase(c isolation.Container, have *snapshot.Database, temp bool) string {
	object := "DATABASE " + pgsql.Ident(c.Database)
	owner, acl := have.Owner, have.ACL
	if have.Invalid() {
		u.b.cannot(u.tenant, fmt.Sprintf("database %s is invalid: a DROP DATABASE was interrupted, and nothing can be saved of it", c.Database),
			fmt.Sprintf("DROP DATABASE %s, and apply makes it anew; or landlord tenant remove --no-dump takes its tenant away", pgsql.Ident(c.Database)))
		return owner
	}
	if !u.b.mayOwn(owner) {
		u.b.cannot(u.tenant, fmt.Sprintf("database %s belongs to %s: landlord can change neither its owner nor its ACL", c.Database, owner),
			fmt.Sprintf("have a superuser run: ALTER DATABASE %s OWNER TO %s", pgsql.Ident(c.Database), pgsql.Ident(u.b.snap.Session.User)))
		return owner
	}
	grants, before := u.b.databaseGrants(c, temp), len(u.b.plan.Steps)
	if !u.b.mayKeep(owner) {
		u.alterOwner("database "+c.Database, object, owner, u.b.snap.Session.User)
		acl, owner = acl.ChangeOwner(owner, u.b.snap.Session.User), u.b.snap.Session.User
	}
	u.setACL("who may connect to database "+c.Database, object, pgsql.DatabaseObj, owner, acl, grants)
	u.b.mended[c.Database] = len(u.b.plan.Steps) > before
	if have.Template {
		u.do("a template can be copied by everybody with CREATEDB", Access, "ALTER "+object+" IS_TEMPLATE false")
	}
	if have.ConnLimit != -1 {
		u.do("connections are limited per login, not per database", Safe, "ALTER "+object+" CONNECTION LIMIT -1")
	}
	u.resetDatabase(c.Database)
	if !have.AllowConn {
		u.do("database "+c.Database+" takes no connections", Safe, "ALTER "+object+" ALLOW_CONNECTIONS true")
		u.b.plan.Again = true
	}
	return owner
}

// mayKeep says whether a tenant's database may stay a role's. An owner sets
// parameters that hold in everybody's sessions, and opens the door to whom it
// likes: so none that logs in has it, an operator's neither, but landlord
// itself and superusers, who can do that anyway.
func (b *builder) mayKeep(owner string) bool {
	r := b.roles[owner]
	return b.trusted[owner] && (owner == b.snap.Session.User || r == nil || r.Superuser || !r.Login)
}

// resetDatabase resets what is set on a database: its owner could turn every
// session in it that way.
func (u unit) resetDatabase(name string) {
	var sql []string
	for _, s := range sortedSettings(u.b.settings[""]) {
		if s.Database == name && u.mayReset("of database "+name, s.Name) {
			sql = append(sql, resetSetting(s))
		}
	}
	u.do("parameters set on database "+name+" hold for everybody in it", Access, sql...)
}

// setACL leads from one ACL to another.
func (u unit) setACL(why, object string, kind pgsql.ObjectKind, owner string, have pgsql.ACL, want []isolation.Grant) {
	v := u.b.version()
	u.change(why, object, "", owner, diffACL(kind, v, owner, u.b.heirs(owner), have.Or(kind, owner, v), want))
}
