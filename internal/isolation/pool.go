package isolation

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// Pool is a pool's login as it should be. It has no rights but CONNECT on its
// database, given to itself: before 16, a role has all its memberships' rights
// or none, and this one is to have none.
type Pool struct {
	Pool tenant.Pool
	Role Role
	// Memberships are those by which pg_hba.conf lets it into its database.
	Memberships []Membership
}

// poolMark is the role in the mark of a pool's login.
const poolMark = "pool"

// IsPool says that the mark is that of a pool's login.
func (m Mark) IsPool() bool { return m.Role == poolMark }

// BuildPool says what a pool consists of, beside the keys to its tenants.
func BuildPool(p tenant.Pool) Pool {
	settings := append([]tenant.Setting{{Name: "search_path", Value: SearchPath([]string{"pg_catalog"})}}, limitSettings(p.Limits)...)
	slices.SortFunc(settings, func(a, b tenant.Setting) int { return strings.Compare(a.Name, b.Name) })
	return Pool{
		Pool: p,
		Role: Role{Name: p.Name, Login: true, NoInherit: true, ConnLimit: connLimit(p.Limits.Connections), Mark: Mark{Role: poolMark, Database: p.Database}, Settings: settings},
		Memberships: []Membership{
			{Role: tenant.TenantsRole, Member: p.Name},
			{Role: p.Database, Member: p.Name},
		},
	}
}

// BuildPools says what a pool's logins consist of: the first, and the second that
// rotation has made. What a session may become is asked of its own login alone, and
// neither is in the other: each has keys of its own.
func BuildPools(p tenant.Pool) []Pool {
	first := BuildPool(p)
	if p.Twin == nil {
		return []Pool{first}
	}
	second := BuildPool(tenant.Pool{Name: p.Twin.Name, Database: p.Database, Limits: p.Limits})
	second.Role.Mark = PoolTwinMark(p.Database, *p.Twin)
	first.Role.age(*p.Twin)
	second.Role.age(*p.Twin)
	return []Pool{first, second}
}

// Name is the pool's: that of its first login.
func (p Pool) Name() string { return cmp.Or(p.Role.Mark.Of, p.Role.Name) }

// Second says that it is the second login that rotation has made.
func (p Pool) Second() bool { return p.Role.Mark.Of != "" }

// Other is the name of the pool's other login; "": there is none.
func (p Pool) Other() string {
	if p.Pool.Twin != nil {
		return p.Pool.Twin.Name
	}
	return p.Role.Mark.Of
}

// PoolTwinMark says whose second login a role is, and what became of both.
func PoolTwinMark(database string, w tenant.Twin) Mark {
	m := TwinMark("", "", w)
	m.Role, m.Database = poolMark, database
	return m
}

// Key is the membership by which the pool may become a tenant; ok is false for
// one that stands elsewhere, or is suspended.
func (p Pool) Key(t tenant.Tenant) (m Membership, ok bool) {
	login, ok := t.PoolLogin()
	return Membership{Role: login, Member: p.Pool.Name, Set: true},
		ok && !t.Own() && t.Home.Database == p.Pool.Database && !t.Suspended
}

// PoolGrants are what the pools of a database hold on it, or on something in
// it, each.
func PoolGrants(pools []Pool, privs pgsql.Privs) []Grant {
	grants := make([]Grant, len(pools))
	for i, p := range pools {
		grants[i] = Grant{p.Pool.Name, privs}
	}
	return grants
}

// becomeBody is the body of landlord's function. Its caller's search_path
// counts in it, so that every name is written in full: SET clauses would undo,
// at its end, what it sets. SET ROLE is not allowed with SECURITY DEFINER; the
// function has its caller's rights, and is nobody's way to more.
//
//go:embed become.sql
var becomeBody string

// BecomeSignature is the function by which a pool's login becomes a tenant, as
// regprocedure prints it.
const BecomeSignature = tenant.PoolSchema + ".become(text)"

// BecomeFunction is that function, as statements name it.
func BecomeFunction() string {
	return "FUNCTION " + pgsql.Ident(tenant.PoolSchema) + `."become"(pg_catalog.text)`
}

// Become is the statement that makes that function.
func Become() string {
	return "CREATE FUNCTION " + pgsql.Ident(tenant.PoolSchema) + `."become"("tenant" pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS ` + pgsql.Literal(becomeBody)
}

// BecomeForm is what a server that has just that function says of its form
// (snapshot.Routine).
func BecomeForm() string { return "plpgsql f v f f f u text {tenant}\n" + becomeBody }
