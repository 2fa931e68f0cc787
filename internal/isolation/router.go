package isolation

import (
	_ "embed"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// routerMark is the role in the mark of the router's login.
const routerMark = "router"

// IsRouter says that the mark is that of the router's login.
func (m Mark) IsRouter() bool { return m.Role == routerMark }

// Router is the login by which PgBouncer looks up verifiers. It has no
// password: it comes in by what the operating system says of it, or by its
// certificate.
func Router() Role {
	const processes, lookups = 20, 10 // as many of the router's as one would have, and connections of each
	return Role{Name: tenant.RouterRole, Login: true, ConnLimit: processes * lookups, Closed: true, Mark: Mark{Role: routerMark},
		Settings: []tenant.Setting{{Name: "search_path", Value: SearchPath([]string{"pg_catalog"})}}}
}

// RouterGrant is what it holds on each database of a tenant's.
func RouterGrant() Grant { return Grant{tenant.RouterRole, pgsql.Connect} }

// tellable says of a role r, a row of pg_authid, whether the router may be told
// its verifier.
//
//go:embed tellable.sql
var tellable string

// Tellable is that condition, for whoever reads all verifiers at once.
func Tellable() string { return strings.TrimSpace(tellable) }

// lookupBody tells a login's verifier: of a tenant's or a pool's login that may
// connect to this database, and of nobody else. It runs as its owner, a
// superuser, since nobody else reads verifiers.
var lookupBody = strings.Replace(lookupText, "{{tellable}}", Tellable(), 1)

//go:embed lookup.sql
var lookupText string

// LookupSignature is the function by which the router looks a login up, as
// regprocedure prints it.
const LookupSignature = tenant.PoolSchema + ".lookup(text)"

// LookupQuery is PgBouncer's auth_query.
const LookupQuery = `SELECT login, verifier FROM landlord.lookup($1)`

// Lookup is the statement that makes that function.
func Lookup() string {
	return "CREATE FUNCTION " + pgsql.Ident(tenant.PoolSchema) + `."lookup"(pg_catalog.text, OUT "login" pg_catalog.text, OUT "verifier" pg_catalog.text) RETURNS SETOF record LANGUAGE sql VOLATILE STRICT SECURITY DEFINER` +
		" SET search_path = pg_catalog, pg_temp AS " + pgsql.Literal(lookupBody)
}

// LookupForm is what a server that has just that function says of its form
// (snapshot.Routine).
func LookupForm() string {
	return "sql t v f t t u record {\"\",login,verifier} {\"search_path=pg_catalog, pg_temp\"}\n" + lookupBody
}
