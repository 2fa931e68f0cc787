package plan

import (
	"fmt"
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// conflicts finds what has a tenant's names and was not made by landlord.
func (b *builder) conflicts() {
	for _, h := range b.houses {
		if b.in.wants(h.Tenant.Name) {
			b.roleConflicts(h)
			b.moved(h.Tenant)
		}
	}
	for _, t := range b.found {
		b.elsewhere(t)
	}
	for _, c := range b.containers {
		if b.concerns(c) {
			b.containerConflicts(c)
		}
	}
	for _, r := range append(isolation.Markers(), isolation.Lost(), isolation.AdminsGroup()) {
		b.roleConflict("", r, false)
	}
	for _, a := range b.admins {
		b.roleConflict("", a.Role, a.Admin.Adopt)
	}
	if b.looksUp() {
		b.roleConflict("", isolation.Router(), false)
	}
	for _, p := range b.pools {
		b.roleConflict("", p.Role, false)
	}
}

func (b *builder) clash(tenant, next, format string, args ...any) {
	b.clashes = append(b.clashes, Conflict{Tenant: tenant, What: fmt.Sprintf(format, args...), Next: next})
}

func (b *builder) roleConflicts(h isolation.House) {
	for _, want := range h.Roles {
		b.roleConflict(h.Tenant.Name, want, h.Tenant.Adopt)
	}
}

// roleConflict refuses a role that exists without landlord's mark, or with
// another tenant's.
func (b *builder) roleConflict(name string, want isolation.Role, adopt bool) {
	have := b.roles[want.Name]
	if have == nil {
		return
	}
	mark, ok := isolation.ParseMark(have.Comment)
	switch {
	case !ok && want.Mark.IsPool():
		b.clash(name, "choose another name for the pool", "role %q exists, and landlord did not make it", want.Name)
	case !ok && !adopt:
		b.clash(name, "choose other names, or write adopt: true to take it over", "role %q exists, and landlord did not make it", want.Name)
	case ok && mark.Tenant != want.Mark.Tenant:
		b.clash(name, "choose other names", "role %q belongs to tenant %q", want.Name, mark.Tenant)
	case ok && (mark.IsAdmin() != want.Mark.IsAdmin() || mark.IsPool() != want.Mark.IsPool() || mark.IsRouter() != want.Mark.IsRouter()):
		b.clash(name, "choose other names", "role %q is there as %q", want.Name, mark.Role)
	case ok && mark.Role == "group" && mark.Database != want.Mark.Database:
		b.clash(name, "choose another database", "role %q is the group of database %q", want.Name, mark.Database)
	case have.Superuser && !ok && !b.demotable(have, want):
		b.clash(name, "adopt a role without SUPERUSER", "role %q is a superuser", want.Name)
	}
}

// bootstrap is the number of the superuser that initdb makes.
const bootstrap = 10

// demotable says that a superuser may become a tenant's login: an
// application's that never should have been one, and neither the server's
// first superuser nor landlord itself.
func (b *builder) demotable(have *snapshot.Role, want isolation.Role) bool {
	return slices.Contains(tenant.Kinds(), tenant.Kind(want.Mark.Role)) && have.OID != bootstrap && have.Name != b.snap.Session.User
}

// moved refuses a change of a tenant's house: data would have to move.
func (b *builder) moved(t tenant.Tenant) {
	have, ok := b.foundAs[t.Name]
	switch {
	case !ok:
	case have.Own() != t.Own():
		b.clash(t.Name, fmt.Sprintf("write isolation: %s; a change of model moves data, which apply does not do", have.Isolation),
			"tenant %q stands in the %s model on the server, and in the %s model in the spec", t.Name, have.Isolation, t.Isolation)
	case have.Home.Database != t.Home.Database:
		b.clash(t.Name, fmt.Sprintf("write database: %q; a change of database moves data, which apply does not do", have.Home.Database),
			"tenant %q stands in database %q on the server, and in %q in the spec", t.Name, have.Home.Database, t.Home.Database)
	}
}

// elsewhere refuses a tenant that stands here, with its door open, and on another
// server in the spec: nobody can tell from either which of both is the one.
func (b *builder) elsewhere(t tenant.Tenant) {
	server, ok := b.in.Elsewhere[t.Name]
	if ok && !t.Suspended && len(b.in.Only) == 0 {
		b.clashes = append(b.clashes, standsElsewhere(t.Name, b.in.Server.Name, server))
	}
}

func standsElsewhere(name, here, inSpec string) Conflict {
	return Conflict{Tenant: name, What: fmt.Sprintf("tenant %q stands on server %s, with its door open, and in the spec on server %s", name, here, inSpec),
		Next: fmt.Sprintf("put its server right in the spec, or close the wrong one: landlord tenant suspend, or remove, %s --server with this server's connection", name)}
}

// Elsewhere is a [*ConflictError] where one of some tenants, whom the spec has on
// other servers, stands on this one with its door open.
func Elsewhere(server string, snap snapshot.Snapshot, others []tenant.Tenant) error {
	var clashes []Conflict
	for _, have := range Found(server, snap) {
		i := slices.IndexFunc(others, func(t tenant.Tenant) bool { return t.Name == have.Name })
		if i >= 0 && !have.Suspended {
			clashes = append(clashes, standsElsewhere(have.Name, server, others[i].Server))
		}
	}
	if len(clashes) == 0 {
		return nil
	}
	return &ConflictError{clashes}
}

// containerConflicts refuses a database that exists and that no mark of
// landlord's names.
func (b *builder) containerConflicts(c isolation.Container) {
	tenant := c.Tenants[0].Name
	if c.Shared {
		b.roleConflict(tenant, c.GroupRole(), c.Adopt)
	}
	if b.databases[c.Database] == nil || c.Adopt || b.marked(c) {
		return
	}
	b.clash(tenant, "choose another name, or write adopt: true to take it over", "database %q exists, and landlord did not make it", c.Database)
}

// marked says whether a role of landlord's names the database as its own: its
// group, or an identity or owner in it, should the group be gone.
func (b *builder) marked(c isolation.Container) bool {
	by := func(name string) bool {
		r := b.roles[name]
		if r == nil {
			return false
		}
		m, ok := isolation.ParseMark(r.Comment)
		return ok && namesDatabase(m, c.Database)
	}
	return by(c.Group) || slices.ContainsFunc(c.Tenants, func(t *tenant.Tenant) bool { return by(t.Identity()) || by(t.Owner) })
}

// namesDatabase says whether a mark names a database.
func namesDatabase(m isolation.Mark, database string) bool {
	return slices.ContainsFunc(m.Places(), func(p tenant.Place) bool { return p.Database == database })
}

// markFor is landlord's mark on a role, if there is one, and it is for a tenant; "":
// for none.
func markFor(r *snapshot.Role, tenant string) (isolation.Mark, bool) {
	if r == nil {
		return isolation.Mark{}, false
	}
	m, ok := isolation.ParseMark(r.Comment)
	return m, ok && m.Tenant == tenant
}
