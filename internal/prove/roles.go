package prove

import (
	"context"
	"fmt"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// self is the login as itself: what it may do to its own role counts from the
// role that has logged in, not from the one that its settings make it.
const self = "SET LOCAL ROLE NONE"

// roleProbes are about becoming more than one is.
var roleProbes = []Probe{
	{Name: "set-role-b", What: "become one of the neighbour's roles", Scope: Neighbours, Expect: Held, Run: everyRole("SET LOCAL ROLE %s")},
	{Name: "set-role-superuser", What: "become a superuser", Expect: Held, Run: withSuperuser(refused("SET LOCAL ROLE {superuser}"))},
	{Name: "set-config-role", What: "become the neighbour by a function call, as an injected SELECT could", Scope: Neighbours, Expect: Held,
		Run: refused("SELECT pg_catalog.set_config('role', {b.owner'}, true)").run},
	{Name: "set-session-authorization", What: "become the neighbour's session", Scope: Neighbours, Expect: Held,
		Run: refused("SET LOCAL SESSION AUTHORIZATION {b.login}").unlessRight("SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = {me'}")},
	{Name: "member-of-any-role", What: "be a member of a role that its house does not give it", Expect: Held,
		Run: none(`SELECT pg_catalog.string_agg(r.rolname, ', ') FROM pg_catalog.pg_roles AS r
			WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') AND r.rolname NOT IN ({mine})`).run},
	{Name: "member-of-b", What: "be a member of the neighbour's roles", Scope: Neighbours, Expect: Held,
		Run: none(`SELECT pg_catalog.string_agg(r.rolname, ', ') FROM pg_catalog.pg_roles AS r
			WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') AND r.rolname IN ({b.roles})`).run},
	{Name: "role-attributes", What: "have SUPERUSER, CREATEROLE, CREATEDB, REPLICATION or BYPASSRLS", Expect: Held,
		Run: none(`SELECT pg_catalog.string_agg(r.rolname, ', ') FROM pg_catalog.pg_roles AS r WHERE r.rolname IN ({roles}, session_user)
			AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls)`).run},
	{Name: "alter-self-superuser", What: "make itself a superuser", Expect: Held, Run: refused("ALTER ROLE {me} SUPERUSER").orAs()},
	{Name: "alter-self-createrole", What: "give itself CREATEROLE", Expect: Held, Run: refused("ALTER ROLE {me} CREATEROLE").orAs()},
	{Name: "alter-self-createdb", What: "give itself CREATEDB", Expect: Held, Run: refused("ALTER ROLE {me} CREATEDB").orAs()},
	{Name: "alter-self-replication", What: "give itself REPLICATION", Expect: Held, Run: refused("ALTER ROLE {me} REPLICATION").orAs()},
	{Name: "alter-self-bypassrls", What: "give itself BYPASSRLS", Expect: Held, Run: refused("ALTER ROLE {me} BYPASSRLS").orAs()},
	{Name: "alter-self-connection-limit", What: "raise its own connection limit", Expect: Held, Run: refused("ALTER ROLE {me} CONNECTION LIMIT 1000").orAs()},
	{Name: "alter-b-password", What: "change the neighbour's password", Scope: Neighbours, Expect: Held, Run: refused("ALTER ROLE {b.login} PASSWORD NULL").run},
	{Name: "alter-b-nologin", What: "keep the neighbour from logging in", Scope: Neighbours, Expect: Held, Run: refused("ALTER ROLE {b.login} NOLOGIN").run},
	{Name: "alter-b-settings", What: "change the neighbour's parameters", Scope: Neighbours, Expect: Held, Run: refused("ALTER ROLE {b.login} SET work_mem = '4MB'").run},
	{Name: "drop-b-role", What: "drop the neighbour's login", Scope: Neighbours, Expect: Held, Run: refused("DROP ROLE {b.login}").past("2BP01", "55006").run},
	{Name: "create-role", What: "create a role", Expect: Held, Run: refused("CREATE ROLE {new}").run},
	{Name: "create-database", What: "create a database", Expect: Held,
		// The template that does not exist is looked for after the rights.
		Run: refused("CREATE DATABASE {new} TEMPLATE landlord_probe_none").byItself().past("3D000").run},
	{Name: "grant-b-to-self", What: "grant itself the neighbour's role", Scope: Neighbours, Expect: Held,
		Run: refused("GRANT {b} TO {me}").effect("SELECT pg_catalog.pg_has_role({me'}, {b'}, 'MEMBER')").run},
	{Name: "grant-predefined-role", What: "grant itself the right to read all data", Expect: Held,
		Run: refused("GRANT pg_read_all_data TO {me}").effect("SELECT pg_catalog.pg_has_role({me'}, 'pg_read_all_data', 'MEMBER')").run},
	{Name: "alter-role-all", What: "set a parameter for all roles", Expect: Held, Run: refused("ALTER ROLE ALL SET work_mem = '4MB'").run},
	{Name: "set-role-group", What: "become a group that all tenants share", Expect: Held, Closes: ByCluster,
		Consequence: "before PostgreSQL 16 whoever is in a group may become it: a tenant can set the parameters and the password of one that nobody logs in as, and give it tables, which are then everybody's; landlord apply takes such things back: upgrade",
		Run:         sharedGroups},
	{Name: "grant-self-to-b", What: "push itself into the neighbour's role as a member", Scope: Neighbours, Expect: Held, Closes: ByCluster,
		Consequence: "before PostgreSQL 15 a login may grant itself to others, which then hold its rights, and stands in the way of grants: upgrade",
		Run:         allowed(self, "GRANT {self} TO {b.login}").run},
}

// orAs tries as the role that the session has become, and as the one that has
// logged in.
func (t try) orAs() func(context.Context, *Attempt) Result {
	direct := t
	direct.sql = append([]string{self}, t.sql...)
	return every(t.run, direct.run)
}

// everyRole tries a statement on each of the neighbour's roles.
func everyRole(format string) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		var tries []func(context.Context, *Attempt) Result
		for _, name := range a.victim.t.Roles() {
			tries = append(tries, refused(fmt.Sprintf(format, pgsql.Ident(name))).run)
		}
		return every(tries...)(ctx, a)
	}
}

// sharedGroups tries each group that the tenant is in with others. It is an
// exposure where a server knows no membership without SET.
func sharedGroups(ctx context.Context, a *Attempt) Result {
	groups := []string{tenant.TenantsRole, tenant.TempRole}
	if !a.Tenant.Alone(a.Tenant.At) {
		groups = append(groups, a.Tenant.Group(a.Tenant.At))
	}
	var tries []func(context.Context, *Attempt) Result
	for _, name := range groups {
		tries = append(tries, refused("SET LOCAL ROLE "+pgsql.Ident(name)).run)
	}
	r := every(tries...)(ctx, a)
	if r.Verdict == Escaped && !a.run.snap.Version.MembershipOptions() {
		r.Verdict = Exposed
	}
	return r
}

func withSuperuser(t try) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		if a.run.superuser == "" {
			return notTried("there is no superuser that can log in")
		}
		return t.run(ctx, a)
	}
}
