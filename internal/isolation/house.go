// Package isolation says what each isolation model makes of a tenant: which
// roles, memberships, settings and grants it consists of. It is pure; the
// planner compares what it says with what a server has.
package isolation

import (
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// Role is a role as it should be. All attributes that are not named here are
// off; INHERIT is on.
type Role struct {
	Name      string
	Login     bool
	NoInherit bool
	ConnLimit int // -1: none
	Mark      Mark
	Settings  []tenant.Setting // sorted by name
	// In are parameters that hold in one database only, sorted by it.
	In []PlaceSetting
	// ValidUntil is when its password stops to hold (RFC 3339); empty: never.
	ValidUntil string
	// Closed says that it must have no password: nobody is to use it until
	// the next rotation.
	Closed bool

	// Administrators' only.
	CreateRole, CreateDB, BypassRLS bool
}

// PlaceSetting is a parameter that holds in one database.
type PlaceSetting struct {
	Database string
	tenant.Setting
}

// Membership is a membership as it should be, never with ADMIN. Before 16 the
// server knows neither option; then both hold.
type Membership struct {
	Role, Member string
	Inherit, Set bool
}

// Grant is what one role should hold on an object.
type Grant struct {
	Grantee string
	Privs   pgsql.Privs
}

// House is a tenant as its model makes it.
type House struct {
	Tenant tenant.Tenant
	// Place is the database that is looked at; see [House.At].
	Place tenant.Place
	// Roles are the identity, the owner and the groups of further databases,
	// the first Groups of them, and then the logins.
	Roles  []Role
	Groups int
	// Memberships are in groups that the tenant shares with others, the first
	// Shared of them, and then in its own roles.
	Memberships []Membership
	Shared      int
}

// At is the house as it is in one of the tenant's places.
func (h House) At(p tenant.Place) House {
	h.Place = p
	return h
}

// Build makes the house of one tenant, as it is where the tenant lives.
func Build(t tenant.Tenant) House {
	h := House{Tenant: t, Place: t.Home, Roles: make([]Role, 0, 2+len(t.Logins)), Memberships: make([]Membership, 0, 5+len(t.Logins))}
	h.Roles = append(h.Roles,
		Role{Name: t.Identity(), ConnLimit: -1, Mark: identityMark(t)},
		Role{Name: t.Owner, ConnLimit: -1, Mark: Mark{Tenant: t.Name, Role: "owner", Database: t.Home.Database}})
	for _, p := range t.Further {
		if g := t.Group(p); g != t.Identity() {
			h.Roles = append(h.Roles, Role{Name: g, ConnLimit: -1, Mark: groupMark(t, p)})
		}
	}
	h.Groups = len(h.Roles)
	h.join(tenant.TenantsRole, t.Identity(), false, false)
	if !t.Own() {
		h.join(t.Group(t.Home), t.Identity(), true, false)
		if t.Temp {
			h.join(tenant.TempRole, t.Identity(), true, false)
		}
	}
	h.Shared = len(h.Memberships)
	for _, g := range t.Groups() {
		h.join(g, t.Identity(), true, false)
	}
	// The owner makes temporary tables too, in migrations.
	h.join(t.Identity(), t.Owner, true, false)
	for _, l := range t.Logins {
		h.Roles = append(h.Roles, login(t, l))
		h.join(t.Identity(), l.Name, true, false)
		if l.Kind == tenant.Migrator {
			h.join(t.Owner, l.Name, false, true)
		}
	}
	for _, w := range t.Twins {
		h.twin(w)
	}
	return h
}

func (h *House) join(role, member string, inherit, set bool) {
	h.Memberships = append(h.Memberships, Membership{role, member, inherit, set})
}

// connLimit is a limit of connections, of which 0 is none, as a role has it.
func connLimit(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// LoginSettings are the parameters of a tenant's logins of one kind.
// statement_timeout leaves migrators alone: a migration may take its time.
func LoginSettings(t tenant.Tenant, k tenant.Kind) []tenant.Setting {
	const limits = 6 // parameters besides those of the spec
	s := make([]tenant.Setting, 0, 1+len(t.Settings)+limits)
	s = append(s, tenant.Setting{Name: "search_path", Value: SearchPath(t.Path(t.Home))})
	s = append(s, t.Settings...)
	own := t.Limits
	if k == tenant.Migrator {
		s = append(s, tenant.Setting{Name: "role", Value: t.Owner})
		own.StatementTimeout = 0
	}
	s = append(s, limitSettings(own)...)
	slices.SortFunc(s, func(a, b tenant.Setting) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// limitSettings are the limits that are parameters.
func limitSettings(l tenant.Limits) []tenant.Setting {
	var s []tenant.Setting
	s = appendTime(s, "lock_timeout", l.LockTimeout)
	s = appendTime(s, "idle_in_transaction_session_timeout", l.IdleTransaction)
	s = appendTime(s, "statement_timeout", l.StatementTimeout)
	s = appendSize(s, "temp_file_limit", l.TempFiles)
	return appendSize(s, "work_mem", l.WorkMem)
}

// placeSettings are the parameters of a tenant's logins that are others in its
// further databases.
func placeSettings(t tenant.Tenant) []PlaceSetting {
	var out []PlaceSetting
	for _, p := range t.Further {
		if !slices.Equal(p.Schemas, t.Home.Schemas) {
			out = append(out, PlaceSetting{p.Database, tenant.Setting{Name: "search_path", Value: SearchPath(t.Path(p))}})
		}
	}
	return out
}

// SearchPath is the value of search_path for a tenant's schemas, quoted as
// the server quotes a list.
func SearchPath(schemas []string) string { return pgsql.Idents(schemas...) }

// SchemaGrants are what others than the owner hold on the tenant's schemas.
func (h House) SchemaGrants() []Grant {
	return []Grant{{h.Tenant.Identity(), pgsql.Usage}}
}

// ObjectGrants are what others than the owner hold on each object of a kind
// in the tenant's schemas. Default privileges give the same to objects to
// come.
func (h House) ObjectGrants(k pgsql.ObjectKind) []Grant {
	var app, reader pgsql.Privs
	switch k {
	case pgsql.Table:
		app, reader = pgsql.Select|pgsql.Insert|pgsql.Update|pgsql.Delete, pgsql.Select
	case pgsql.Sequence:
		app, reader = pgsql.Select|pgsql.Usage, pgsql.Select
	case pgsql.Routine:
		app = pgsql.Execute
	case pgsql.TypeKind:
		return []Grant{{"", pgsql.Usage}} // PostgreSQL's default; without the schema it opens nothing
	}
	var grants []Grant
	for _, l := range h.Tenant.Logins {
		switch {
		case l.Kind == tenant.App && app != 0:
			grants = append(grants, Grant{l.Name, app})
		case l.Kind == tenant.Reader && reader != 0:
			grants = append(grants, Grant{l.Name, reader})
		}
	}
	return grants
}

// DefaultGrants are what the owner's default privileges in its schemas give.
func (h House) DefaultGrants(k pgsql.ObjectKind) []Grant {
	if k == pgsql.TypeKind {
		return nil
	}
	return h.ObjectGrants(k)
}
