package prove

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// poolProbes are about a login that may become many tenants: that it works,
// that nothing of a transaction stays, and what it gives up.
var poolProbes = []Probe{
	{Name: "pool-login", What: "log in to the shared database, through every door", Scope: Pooled, Expect: Works, Run: poolLogsIn},
	{Name: "pool-become", What: "become a tenant for one transaction, and do its work", Scope: Pooled, Expect: Works, Run: poolWorks},
	{Name: "pool-tenants", What: "become every tenant that has its schema there and is not suspended, and nobody else", Scope: Pooled, Expect: Held, Run: poolTenants},
	{Name: "pool-unchosen", What: "read a tenant's table without having become it", Scope: Pooled, Expect: Held, Run: asPool(refused("SELECT secret FROM {table}"))},
	{Name: "pool-unchosen-rights", What: "hold any right of a tenant's without having become it", Scope: Pooled, Expect: Held, Run: poolUnchosen},
	{Name: "pool-other", What: "read another tenant's table after becoming the first", Scope: PooledHousemates, Expect: Held, Run: refused("SELECT secret FROM {b.table}").control().run},
	{Name: "pool-nested", What: "become another tenant in the same transaction", Scope: PooledHousemates, Expect: Held,
		Run: every(refused(becoming).run, refused("RESET ROLE", becoming).denied("25001").run)},
	{Name: "pool-become-nobody", What: "become a tenant that is not there, or a role that is none", Scope: Pooled, Expect: Held,
		Run: asPool(refused("SELECT landlord.become({owner'})"), refused("SELECT landlord.become({me'})"), refused("SELECT landlord.become('landlord_tenants')"), refused("SELECT landlord.become('')"))},
	{Name: "pool-not-for-tenants", What: "call landlord's function as a tenant's own login", Scope: PooledHousemates, Expect: Held, Run: poolNotForTenants},
	{Name: "pool-after-commit", What: "still be the tenant, or look into its schema, after COMMIT", Scope: Pooled, Expect: Held, Run: leftAfter("COMMIT")},
	{Name: "pool-after-rollback", What: "the same after ROLLBACK", Scope: Pooled, Expect: Held, Run: leftAfter("ROLLBACK")},
	{Name: "pool-after-error", What: "the same after an error", Scope: Pooled, Expect: Held, Run: leftAfter("SELECT 1/0", "COMMIT")},
	{Name: "pool-outside", What: "become a tenant outside of a transaction, and go on as it", Scope: Pooled, Expect: Held, Run: leftAfter()},
	{Name: "pool-temp-shadow", What: "put a temporary table in the place of the next tenant's table", Scope: PooledHousemates, Expect: Held, Run: tempShadow},

	{Name: "pool-set-role-b", What: "become another tenant by SET ROLE", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase, Run: allowed(setB).run,
		Consequence: "whatever speaks SQL as a pool's login is every tenant of the pool: one injected statement reads them all. Give a login of its own to each tenant for which that is too much"},
	{Name: "pool-set-config", What: "become another tenant by a function call within a SELECT", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase,
		Run:         allowed("SELECT pg_catalog.set_config('role', {b.become'}, true)").run,
		Consequence: "a filter that looks for SET ROLE does not help: any SELECT can become another tenant"},
	{Name: "pool-reset-role", What: "go back to the pool's login by RESET ROLE, and on to another tenant", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase, Run: allowed("RESET ROLE", setB).run,
		Consequence: "that a tenant was chosen first holds nobody who may write SQL"},
	{Name: "pool-set-role-none", What: "the same by SET ROLE NONE", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase, Run: allowed("SET LOCAL ROLE NONE", setB).run,
		Consequence: "that a tenant was chosen first holds nobody who may write SQL"},
	{Name: "pool-session-authorization", What: "the same by SET SESSION AUTHORIZATION", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase,
		Run:         allowed("SET LOCAL SESSION AUTHORIZATION DEFAULT", setB).run,
		Consequence: "that a tenant was chosen first holds nobody who may write SQL"},
	{Name: "pool-discard-all", What: "the same by DISCARD ALL", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase, Run: discardAll,
		Consequence: "the statement that cleans a connection also gives the pool's login back: it is no wall, though useful between tenants"},
	{Name: "pool-do-block", What: "become another tenant in a DO block", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase,
		Run:         allowed("DO $landlord$ BEGIN PERFORM pg_catalog.set_config('role', {b.become'}, true); END $landlord$").run,
		Consequence: "code on the server can change who the transaction is, as a statement can"},
	{Name: "pool-function-set-clause", What: "become another tenant by a function's SET clause", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase, Run: setClause,
		Consequence: "a function that somebody may make, and be it a temporary one, can run as another tenant"},
	{Name: "pool-read-b-after-switch", What: "read another tenant's table after becoming it by hand", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase,
		Run:         seenAfter("SELECT secret = {b.secret'} FROM {b.table}", setB).control().run,
		Consequence: "the data of every tenant of the pool is one statement away from code that is not to be trusted"},
	{Name: "pool-alter-pool-role", What: "set a parameter for all sessions of the pool to come", Scope: Pooled, Expect: Exposed, Closes: ByDatabase, Run: allowed(self, "ALTER ROLE {self} SET work_mem = '4MB'").run,
		Consequence: "one injected statement can change search_path, timeouts or the role of every later session of the pool; landlord apply puts them back, and landlord's function sets role and search_path anew each time"},
	{Name: "pool-change-pool-password", What: "change the password of the pool's login", Scope: Pooled, Expect: Exposed, Closes: ByDatabase, Run: allowed(self, "ALTER ROLE {self} PASSWORD NULL").run,
		Consequence: "one injected statement can lock all tenants of the pool out until somebody makes a new password"},
	{Name: "pool-terminate-siblings", What: "end the pool's other connections, and read their statements", Scope: Pooled, Expect: Exposed, Closes: ByDatabase, Run: terminateSibling,
		Consequence: "sessions of one login may see and end each other: one injected statement can stop the work of all tenants of the pool"},
	{Name: "pool-tenant-settings-applied", What: "go without the limits of the tenant that it has become", Scope: Pooled, Expect: Exposed, Closes: ByDatabase, Run: tenantSettings,
		Consequence: "limits that the server enforces per login, connections and temp_files, are the pool's, for all its tenants together; the other settings of a tenant hold, as defaults that it can change"},
	{Name: "pool-session-leftovers", What: "read what an earlier tenant has left in the connection: a cursor that outlives its transaction", Scope: PooledHousemates, Expect: Exposed, Closes: ByDatabase, Run: leftovers,
		Consequence: "cursors WITH HOLD, advisory locks, LISTEN and parameters set without LOCAL stay with the connection, which the next tenant gets: do not use them over a pool, or have PgBouncer clean after each transaction (server_reset_query_always)"},
}

// becoming and setB become the neighbour, as a pool should and as it could.
const (
	becoming = "SELECT landlord.become({b'})"
	setB     = "SET LOCAL ROLE {b.become}"
)

// seenAfter is a question that the server answers if something is exposed,
// after other statements.
func seenAfter(question string, before ...string) try {
	t := allowed(append(before, question)...)
	t.asks = true
	return t
}

// asPool makes attempts in transactions that have become nobody.
func asPool(tries ...try) func(context.Context, *Attempt) Result {
	var all []func(context.Context, *Attempt) Result
	for _, t := range tries {
		all = append(all, t.run)
	}
	return func(ctx context.Context, a *Attempt) Result {
		s, err := a.own(ctx)
		if err != nil {
			return notTried("no session: %s", explain(err))
		}
		first := s.first
		s.first = ""
		defer func() { s.first = first }()
		return every(all...)(ctx, a)
	}
}

func poolLogsIn(ctx context.Context, a *Attempt) Result {
	return ownLogin(ctx, a)
}

func poolWorks(ctx context.Context, a *Attempt) Result {
	s, err := a.scratched(ctx)
	if err != nil {
		return failed("%s", explain(err))
	}
	login, _ := a.Tenant.PoolLogin()
	r := s.try(ctx, "SELECT current_user, pg_catalog.current_setting('search_path')")
	want := isolation.SearchPath(append(slices.Clone(a.Tenant.Path(a.Tenant.At)), "pg_temp"))
	if r.err != nil || r.rows[0][0] != login || !isolation.SamePath(r.rows[0][1], want) {
		return failed("it should be %s and look into %s: %s %v", login, want, r.said(), r.rows)
	}
	if a.Login.Kind == tenant.App {
		return ownCRUD(ctx, a)
	}
	return ownRead(ctx, a)
}

// poolTenants asks, as landlord, whom the pool itself may become.
func poolTenants(ctx context.Context, a *Attempt) Result {
	rows, err := a.run.ask(ctx, `SELECT r.rolname FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid
		JOIN pg_catalog.pg_roles AS p ON p.oid = m.member WHERE p.rolname = `+pgsql.Literal(a.Login.Name))
	if err != nil {
		return notTried("landlord cannot look: %s", explain(err))
	}
	built, have := isolation.BuildPool(*a.pool), map[string]bool{} // of each of its logins, the same
	for _, row := range rows {
		have[row[0]] = true
	}
	for _, m := range built.Memberships {
		delete(have, m.Role)
	}
	n := 0
	for _, t := range a.run.Tenants {
		key, ok := built.Key(t)
		switch {
		case ok && !have[key.Role]:
			return failed("it may not become tenant %s", t.Name)
		case ok:
			n++
			delete(have, key.Role)
		}
	}
	for role := range have {
		return Result{Escaped, "", "it is in role " + role}
	}
	return Result{Held, "", fmt.Sprintf("the server says: it may become %d tenants, and nobody else", n)}
}

// poolUnchosen asks, as landlord, for what the pool has without becoming
// anybody.
func poolUnchosen(ctx context.Context, a *Attempt) Result {
	answer, err := a.run.lookInto(ctx, a.pool.Database, `SELECT pg_catalog.string_agg(x.what, ', ') FROM (
		SELECT 'the rights of ' || r.rolname FROM pg_catalog.pg_roles AS r WHERE r.rolname <> `+a.sql("{me'}")+` AND pg_catalog.pg_has_role(`+a.sql("{me'}")+`, r.oid, 'USAGE')
		UNION ALL SELECT 'USAGE of schema ' || n.nspname FROM pg_catalog.pg_namespace AS n
		WHERE n.nspname IN (`+a.sql("{schemas}")+`) AND pg_catalog.has_schema_privilege(`+a.sql("{me'}")+`, n.oid, 'USAGE')
		LIMIT 3) AS x (what)`)
	switch {
	case err != nil:
		return notTried("landlord cannot look: %s", explain(err))
	case answer != "":
		return Result{Escaped, "", "it has " + answer}
	}
	return Result{Held, "", "the server says: it has no rights but its own"}
}

func poolNotForTenants(ctx context.Context, a *Attempt) Result {
	s, err := a.theirs(ctx)
	if err != nil {
		return notTried("%s", explain(err))
	}
	sql := a.sql("SELECT landlord.become({b'})")
	return refused(sql).judge(s.try(ctx, sql), []string{sql})
}

// leftAfter sees what is left of having become a tenant once its transaction
// has ended. It changes nothing before that end.
func leftAfter(end ...string) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		s, err := a.own(ctx)
		if err != nil {
			return notTried("no session: %s", explain(err))
		}
		sql := []string{s.first}
		if len(end) > 0 {
			sql = slices.Concat([]string{"BEGIN", s.first}, end)
		}
		for _, one := range sql {
			if r := s.run(ctx, one); r.err != nil && one != "SELECT 1/0" {
				return notTried("%s: %s", one, r.said())
			}
		}
		r := s.run(ctx, "SELECT current_user, pg_catalog.current_setting('search_path')")
		switch {
		case r.err != nil:
			return notTried("%s", r.said())
		case r.rows[0][0] != a.who.user || !isolation.SamePath(r.rows[0][1], "pg_catalog"):
			return Result{Escaped, "", fmt.Sprintf("it is %s, and looks into %s", r.rows[0][0], r.rows[0][1])}
		}
		return Result{Held, "", strings.Join(sql, "; ") + ": it is the pool again, and looks nowhere"}
	}
}

// tempShadow leaves a temporary table with the name of the neighbour's in the
// connection, open to everybody, and asks the neighbour's transaction what it
// reads.
func tempShadow(ctx context.Context, a *Attempt) Result {
	if err := a.control(ctx); err != nil {
		return notTried("no positive control: %s", explain(err))
	}
	s, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	name := "pg_temp." + a.sql("{b.name}")
	r := s.run(ctx, strings.Join([]string{"BEGIN", s.first, "CREATE TEMPORARY TABLE " + a.sql("{b.name}") + " (id integer, secret text)", "GRANT ALL ON " + name + " TO PUBLIC", "COMMIT"}, "; "))
	if r.err != nil {
		_ = s.run(ctx, "ROLLBACK")
		return notTried("the tenant cannot make temporary tables: %s", r.said())
	}
	defer s.run(ctx, strings.Join([]string{"BEGIN", s.first, "DROP TABLE " + name, "COMMIT"}, "; "))
	r = s.bare().try(ctx, becomes(a.Neighbour.Name), a.sql("SELECT secret FROM {b.name}"))
	switch {
	case r.err != nil:
		return notTried("%s", r.said())
	case r.value() != a.victim.scratch.secret:
		return Result{Escaped, "", "the next tenant reads the temporary table in place of its own"}
	}
	return Result{Held, "", "the next tenant reads its own table"}
}

// discardAll goes on from one tenant to another over the end of a transaction,
// as a session that is never cleaned could.
func discardAll(ctx context.Context, a *Attempt) Result {
	s, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	login, _ := a.Tenant.PoolLogin()
	defer s.run(ctx, "DISCARD ALL")
	defer s.run(ctx, "ROLLBACK")
	for _, sql := range []string{"SET ROLE " + pgsql.Ident(login), "DISCARD ALL", "BEGIN"} {
		if r := s.run(ctx, sql); r.err != nil {
			return notTried("%s: %s", sql, r.said())
		}
	}
	sql := a.sql(setB)
	return allowed(sql).judge(s.run(ctx, sql), []string{"DISCARD ALL", sql})
}

// setClause makes a temporary function; where the tenant may make none, it is
// tried with a parameter that shows as much.
func setClause(ctx context.Context, a *Attempt) Result {
	if !a.Tenant.Temp {
		return notTried("the tenant may make no function, not even a temporary one")
	}
	return seenAfter("SELECT pg_temp.landlord_probe()",
		"CREATE FUNCTION pg_temp.landlord_probe() RETURNS boolean LANGUAGE sql SET role = {b.become'} AS 'SELECT current_user::text = pg_catalog.current_setting(''role'')'").run(ctx, a)
}

func terminateSibling(ctx context.Context, a *Attempt) Result {
	sibling, err := enter(ctx, a.run.doors[0], a.who, a.pool.Database, nil)
	if err != nil {
		return notTried("no second session: %s", explain(err))
	}
	defer sibling.close()
	return seenAfter("SELECT pg_catalog.pg_terminate_backend("+pid(sibling)+")", self).run(ctx, a)
}

// tenantSettings looks which settings of the tenant's login hold in a
// transaction that has become it. Those that everybody may set must.
func tenantSettings(ctx context.Context, a *Attempt) Result {
	s, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	login, _ := a.Tenant.PoolLogin()
	lacks := []string{"connection limit"}
	for _, set := range a.run.snap.Settings {
		if set.Role != login || set.Database != "" || set.Name == "search_path" {
			continue
		}
		// What the server makes of the value, it shows in its own form.
		r := s.try(ctx, fmt.Sprintf("SELECT pg_catalog.current_setting(%s, true), coalesce((SELECT x.context = 'user' FROM pg_catalog.pg_settings AS x WHERE pg_catalog.lower(x.name) = pg_catalog.lower(%[1]s)), true)", pgsql.Literal(set.Name)))
		switch {
		case r.err != nil:
			return notTried("%s", r.said())
		case sameValue(ctx, s, set.Name, set.Value, r.value()):
		case r.rows[0][1] == "t":
			return failed("%s of tenant %s is not what its own login has: %s", set.Name, a.Tenant.Name, r.value())
		default:
			lacks = append(lacks, set.Name)
		}
	}
	return Result{Exposed, "", "not the tenant's, but the pool's: " + strings.Join(lacks, ", ")}
}

// sameValue says whether a parameter that is set to a value shows as another.
func sameValue(ctx context.Context, s *session, name, value, shown string) bool {
	r := s.try(ctx, fmt.Sprintf("SELECT pg_catalog.set_config(%s, %s, true)", pgsql.Literal(name), pgsql.Literal(value)))
	return r.err == nil && r.value() == shown
}

// leftovers declares a cursor that outlives the tenant's transaction, and
// fetches from it as the next.
func leftovers(ctx context.Context, a *Attempt) Result {
	s, err := a.scratched(ctx)
	if err != nil {
		return notTried("%s", explain(err))
	}
	cursor := pgsql.Ident(a.run.newName())
	r := s.run(ctx, strings.Join([]string{"BEGIN", s.first, "DECLARE " + cursor + " CURSOR WITH HOLD FOR SELECT secret FROM " + a.sql("{table}"), "COMMIT"}, "; "))
	if r.err != nil {
		_ = s.run(ctx, "ROLLBACK")
		return notTried("%s", r.said())
	}
	defer s.run(ctx, "CLOSE "+cursor)
	r = s.bare().try(ctx, becomes(a.Neighbour.Name), "FETCH "+cursor)
	if r.err != nil || r.value() != a.guest.scratch.secret {
		return Result{Held, r.state(), "FETCH: " + r.said()}
	}
	return Result{Exposed, "", "the next tenant reads a row of the first out of its cursor"}
}
