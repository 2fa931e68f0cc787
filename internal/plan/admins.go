package plan

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// FoundAdmins lists the administrators that the catalog knows, sorted by name.
func FoundAdmins(snap snapshot.Snapshot) []tenant.Admin {
	var out []tenant.Admin
	for _, r := range snap.Roles {
		if m, ok := isolation.ParseMark(r.Comment); ok && m.IsAdmin() {
			out = append(out, tenant.Admin{Name: r.Name, DataAccess: m.Access})
		}
	}
	slices.SortFunc(out, func(a, b tenant.Admin) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// hasAdmins says whether the server has administrators, or is to have them.
// Their group stays when the last one goes, so that the databases' ACLs need
// not change.
func hasAdmins(server tenant.Server, snap snapshot.Snapshot) bool {
	return slices.ContainsFunc(server.Admins, tenant.Admin.HasRole) ||
		slices.ContainsFunc(snap.Roles, func(r snapshot.Role) bool { return r.Name == tenant.AdminsRole })
}

// withAdmins is a snapshot as it is once the spec's administrators are in
// their group.
func withAdmins(snap snapshot.Snapshot, server tenant.Server) snapshot.Snapshot {
	snap.Memberships = slices.Clip(snap.Memberships)
	for _, a := range server.Admins {
		if a.HasRole() {
			snap.Memberships = append(snap.Memberships, snapshot.Membership{Role: tenant.AdminsRole, Member: a.Name})
		}
	}
	return snap
}

func (x *index) indexAdmins(in Input) {
	x.adminOf = map[string]tenant.Admin{}
	for _, a := range FoundAdmins(in.Snapshot) {
		x.adminOf[a.Name] = a
	}
	for _, a := range in.Server.Admins {
		if a.HasRole() || x.adminOf[a.Name].Name != "" {
			x.adminOf[a.Name] = a
		}
		if a.HasRole() {
			x.admins = append(x.admins, isolation.BuildAdmin(a))
		}
	}
}

// withKeys adds the memberships of the administrators who may become the
// house's owner.
func (x *index) withKeys(h isolation.House) isolation.House {
	for _, a := range x.admins {
		if key, ok := a.Key(h.Tenant); ok {
			h.Memberships = append(h.Memberships, key)
		}
	}
	return h
}

// wantsAdmin returns what the spec says of an administrator's membership.
func (b *builder) wantsAdmin(m snapshot.Membership) (isolation.Membership, bool) {
	i := slices.IndexFunc(b.admins, func(a isolation.Admin) bool { return a.Role.Name == m.Member })
	if i < 0 {
		return isolation.Membership{}, false
	}
	if h := b.builtFor(b.owner[m.Role]); h != nil && h.Tenant.Owner == m.Role {
		return b.admins[i].Key(h.Tenant)
	}
	for _, want := range b.admins[i].Memberships {
		if want.Role == m.Role {
			return want, true
		}
	}
	return isolation.Membership{}, false
}

// extraAdmin says whether a role is an administrator that the spec does not
// name.
func (b *builder) extraAdmin(role string) bool {
	_, is := b.adminOf[role]
	return is && !slices.ContainsFunc(b.in.Server.Admins, func(a tenant.Admin) bool { return a.Name == role })
}

// adminsOwn says whether a membership is one that landlord answers for since
// it makes an administrator mightier, or somebody else an administrator. One
// with full access may be in roles that it has made itself.
func (b *builder) adminsOwn(m snapshot.Membership) bool {
	if _, is := b.adminOf[m.Role]; is {
		return true
	}
	a, is := b.adminOf[m.Member]
	if !is {
		return false
	}
	role := b.roles[m.Role]
	return a.DataAccess != tenant.FullAccess || strings.HasPrefix(m.Role, "pg_") || role != nil && role.Superuser
}

// databaseGrants are what others than the owner hold on a container.
func (b *builder) databaseGrants(c isolation.Container, temp bool) []isolation.Grant {
	grants := c.Grants(temp)
	if hasAdmins(b.in.Server, b.snap) {
		grants = append(grants, isolation.AdminsGrant())
	}
	for _, name := range b.in.Server.Operators {
		if b.entersAs(name, c.Database) {
			grants = append(grants, isolation.Grant{Grantee: name, Privs: pgsql.Connect})
		}
	}
	if b.looksUp() {
		grants = append(grants, isolation.RouterGrant())
	}
	return append(grants, isolation.PoolGrants(b.poolsIn(c.Database), pgsql.Connect)...)
}

// entersAs says whether an operator's own name lets it into a database: as the
// owner, which it will not stay, or by the ACL. It keeps that.
func (b *builder) entersAs(operator, database string) bool {
	d, r := b.databases[database], b.roles[operator]
	if d == nil || r == nil || r.Superuser || operator == b.snap.Session.User || b.isTenants(operator) {
		return false
	}
	return d.Owner == operator && !b.mayKeep(operator) || slices.ContainsFunc(d.ACL, func(it pgsql.ACLItem) bool {
		return it.Grantee == operator && it.Privs&pgsql.Connect != 0 && operator != d.Owner
	})
}

// administrators makes or mends them; they are let in when the walls stand.
func (b *builder) administrators(u unit) {
	for _, a := range b.in.Server.Admins {
		b.honest(a)
	}
	if !hasAdmins(b.in.Server, b.snap) {
		return
	}
	u.role(isolation.AdminsGroup())
	u.settings(isolation.AdminsGroup())
	u.adminsDoor()
	for _, a := range b.admins {
		a.Role.BypassRLS = a.Role.BypassRLS && b.mayBypass(a.Role.Name)
		u.role(a.Role)
		u.join(a.Memberships)
		if b.admin(a.Role.Name) {
			u.settings(a.Role)
		}
		b.hash("", a.Role.Name, "landlord credentials --admin "+a.Role.Name+" --rotate")
	}
}

// adminsDoor lets the administrators' group into the database that landlord
// itself connects to, where roles and databases are made.
func (u unit) adminsDoor() {
	d := u.b.databases[u.b.maintenance()]
	if d == nil || slices.ContainsFunc(d.ACL, func(it pgsql.ACLItem) bool {
		return it.Grantee == tenant.AdminsRole && it.Privs&pgsql.Connect != 0
	}) {
		return
	}
	sql := "GRANT CONNECT ON DATABASE " + pgsql.Ident(d.Name) + " TO " + pgsql.Ident(tenant.AdminsRole)
	if !u.b.mayOwn(d.Owner) {
		u.b.cannot("", fmt.Sprintf("administrators may not connect to database %s, which belongs to %s", d.Name, d.Owner), "have its owner or a superuser run: "+sql)
		return
	}
	u.by(d.Owner).do("administrators may connect to database "+d.Name, Safe, sql)
}

// mayBypass says whether a role may keep or get BYPASSRLS; only a superuser
// gives it.
func (b *builder) mayBypass(role string) bool {
	have := b.roles[role]
	if b.superuser() || have != nil && have.BypassRLS {
		return true
	}
	b.note("", fmt.Sprintf("admin %s has not BYPASSRLS, which only a superuser gives: its dumps stop at tables with row-level security", role),
		"have a superuser run: ALTER ROLE "+pgsql.Ident(role)+" BYPASSRLS")
	return false
}

// honest says what an administrator's data_access comes to on this server.
func (b *builder) honest(a tenant.Admin) {
	switch {
	case a.DataAccess == tenant.NoAccess:
		b.withoutRole(a)
	case a.DataAccess == tenant.FullAccess && !b.version().MembershipOptions():
		b.note("", fmt.Sprintf("admin %s: before PostgreSQL 16, CREATEROLE may grant itself every role that is no superuser, and so run programs as the server's own user: it can do what a superuser can", a.Name),
			"give it to nobody whom you would not give the superuser, or upgrade to 16 or newer")
	case a.DataAccess == tenant.FullAccess:
		b.note("", fmt.Sprintf("admin %s can read and change the data of every tenant, by SET ROLE to its owner", a.Name), "use data_access: read or none for whom that is too much")
	}
}

// withoutRole explains data_access: none, and takes the login from a role
// that had more.
func (b *builder) withoutRole(a tenant.Admin) {
	b.note("", fmt.Sprintf("admin %s has data_access: none, so no role is made: none may both administer and not read", a.Name),
		"landlord sudoers writes a rule by which such a person adds, lists, suspends and resumes tenants (docs/admins.md)")
	r := b.roles[a.Name]
	if r == nil {
		return
	}
	u := unit{b: b, phase: Ground, group: "server"}
	if m, ok := isolation.ParseMark(r.Comment); ok && m.IsAdmin() {
		u.shut("admin "+a.Name+" has data_access: none", []string{a.Name})
		u.role(isolation.StrippedAdmin(a))
		if !b.in.Prune {
			b.note("", fmt.Sprintf("role %s stays, with no right at all", a.Name), "drop it with --prune")
		}
		return
	}
	b.cannot("", fmt.Sprintf("role %s exists, though admin %s is to have none", a.Name, a.Name), "drop it, or name it under operators instead of admins")
}

// openAdmins lets the administrators in, once pg_hba.conf and the databases
// are as they should be.
func (b *builder) openAdmins() {
	for _, a := range b.admins {
		u := unit{b: b, phase: Houses, group: "admin " + a.Role.Name}
		u.open([]isolation.Role{a.Role})
	}
}

// extraAdmins names, or with Prune drops, the administrators that the spec
// does not name.
func (b *builder) extraAdmins() {
	if len(b.in.Only) > 0 {
		return
	}
	for _, a := range FoundAdmins(b.snap) {
		want, inSpec := b.in.Server.Admin(a.Name)
		switch {
		case inSpec && want.HasRole():
		case b.in.Prune:
			b.dropAdmin(a.Name)
		case inSpec:
		default:
			b.note("", fmt.Sprintf("admin %s is on the server and not in the spec: left alone", a.Name), "add it to admins in the spec, or drop it with --prune")
		}
	}
}

// dropAdmin takes an administrator away: its door, its sessions, what it owns
// and holds, the role.
func (b *builder) dropAdmin(name string) {
	u := unit{b: b, phase: Removal, group: "admin " + name}
	u.shut("admin "+name+" has no role in the spec: its door is shut first", []string{name})
	for _, database := range b.touched([]string{name}) {
		u.in(database).takeOver("what admin "+name+" owns is taken over, not dropped", []string{name})
	}
	u.do("admin "+name+" has nothing left", Access, "DROP ROLE "+pgsql.Ident(name))
}
