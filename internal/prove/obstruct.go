package prove

import (
	"context"
	"fmt"
	"math/rand/v2"

	"landlord/internal/tenant"
)

// obstructionProbes are about rows that several tenants share, and about
// getting in others' way by what every login may do.
var obstructionProbes = []Probe{
	{Name: "rls-policy-on-settable-guc", What: "reach a shared table whose policy trusts a parameter that everybody can set", Expect: Held,
		Run: none(rowSecurity(`EXISTS (SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid
			AND pg_catalog.concat(pg_catalog.pg_get_expr(p.polqual, c.oid), pg_catalog.pg_get_expr(p.polwithcheck, c.oid)) LIKE '%current_setting%')
			AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE')`)).run},
	{Name: "rls-owner-not-forced", What: "own a shared table, whose policies do not bind its owner", Expect: Held,
		Run: none(rowSecurity(`NOT c.relforcerowsecurity AND pg_catalog.pg_has_role(c.relowner, 'USAGE')`)).run},
	{Name: "rls-truncate", What: "empty a shared table, past its policies", Expect: Held,
		Run: none(rowSecurity(`pg_catalog.has_table_privilege(c.oid, 'TRUNCATE')`)).run},
	{Name: "rls-bypass-view", What: "read a shared table through a view that runs with its owner's rights", Expect: Held,
		Run: none(`SELECT pg_catalog.string_agg(DISTINCT v.oid::pg_catalog.regclass::text, ', ') FROM pg_catalog.pg_class AS v
			JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = v.oid
			JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
			JOIN pg_catalog.pg_class AS c ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.refobjid
			JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
			WHERE v.relkind IN ('v', 'm') AND c.relrowsecurity AND n.nspname NOT IN ({schemas})
			AND NOT coalesce(v.reloptions::text LIKE '%security_invoker=true%' OR v.reloptions::text LIKE '%security_invoker=on%', false)
			AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(v.oid, 'SELECT')`).run},
	{Name: "advisory-lock", What: "hold an advisory lock that the neighbour wants", Scope: Housemates, Expect: Held, Closes: ByDatabase,
		Consequence: "with advisory_locks: true, and where only a superuser could close it, tenants in one database share the keys of advisory locks, and can block each other's jobs", Run: advisoryLock},
	{Name: "grant-rowlock-catalog", What: "lock a row of the system's catalog by a GRANT that does nothing", Expect: Exposed, Closes: ByCluster,
		Consequence: "as long as its transaction is open, VACUUM of that catalog in this database waits, and one of the server's autovacuum workers with it",
		Run:         allowed("GRANT SELECT ON pg_catalog.pg_class TO {me}").run},
	{Name: "grant-rowlock-own-table", What: "keep VACUUM from its own table by a GRANT", Expect: Exposed, Closes: ByCluster,
		Consequence: "a few such transactions left open hold all autovacuum workers of the server",
		Run:         allowed("GRANT SELECT ON {table} TO {me}").run},
	{Name: "grant-rowlock-own-db", What: "lock its database's row by a GRANT that does nothing", Expect: Exposed, Closes: ByCluster,
		Consequence: "as long as its transaction is open, changing or dropping the database waits: end its sessions first",
		Run:         allowed("GRANT CONNECT ON DATABASE {db} TO {me}").run},
	{Name: "hold-snapshot", What: "keep a snapshot open as long as it likes", Expect: Exposed, Closes: ByCluster,
		Consequence: "dead rows of the shared catalogs, and of all tables in this database, cannot be cleaned while it does, until the server runs out of transaction numbers; CREATE INDEX CONCURRENTLY in this database, and whoever makes a slot for logical replication on the server, wait for it",
		Run:         allowed("SET LOCAL idle_in_transaction_session_timeout = 0", "DECLARE landlord_probe CURSOR FOR SELECT 1", "SELECT pg_catalog.pg_current_snapshot()::text").run},
	{Name: "debug-print-log-flood", What: "fill the server's log with query plans", Expect: Exposed, Closes: ByCluster,
		Consequence: "every statement can write 100 kB into the server's log: put the log on a disk of its own",
		Run:         allowed("SET LOCAL debug_print_plan = on").run},
	{Name: "log-injection", What: "write lines of its own into the server's log", Expect: Exposed, Closes: ByCluster,
		Consequence: "whoever may use plpgsql can write text into the server's log, as can every statement that fails; REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC closes the first, and landlord leaves that as it is",
		Run:         allowed("DO LANGUAGE plpgsql 'BEGIN NULL; END'").saying("RAISE LOG was not used").run},
	{Name: "notify-queue-usage", What: "fill the queue of notifications that all databases share", Expect: Exposed, Closes: ByCluster,
		Consequence: "a session that listens and stays in a transaction keeps the queue from being emptied, until NOTIFY fails for all",
		Run:         allowed("LISTEN landlord_probe", "SELECT pg_catalog.pg_notification_queue_usage()").saying("the queue was not filled").run},
	{Name: "self-rowlock-blocks-offboarding", What: "lock its own role's row", Expect: Exposed, Closes: ByCluster,
		Consequence: "as long as its transaction is open, closing its login waits: end its sessions first", Run: onShort("ALTER ROLE {short} SET work_mem = '4MB'")},
}

// rowSecurity lists the tables with row level security outside of the
// tenant's own house.
func rowSecurity(which string) string {
	return `SELECT pg_catalog.string_agg(c.oid::pg_catalog.regclass::text, ', ') FROM pg_catalog.pg_class AS c
		JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.relrowsecurity AND n.nspname NOT IN ({schemas}) AND n.nspname <> 'pg_catalog'
		AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND ` + which
}

// advisoryLock lets the neighbour take a lock and wants it too. The key is
// chosen at random, so as not to be anybody's.
func advisoryLock(ctx context.Context, a *Attempt) Result {
	s, err := a.theirs(ctx)
	if err != nil {
		return notTried("%s", explain(err))
	}
	key := fmt.Sprint(rand.Int64())
	if r := s.run(ctx, "SELECT pg_catalog.pg_advisory_lock("+key+")"); r.err != nil {
		return noLocks(ctx, a, r)
	}
	defer s.run(ctx, "SELECT pg_catalog.pg_advisory_unlock("+key+")")
	r := seen("SELECT NOT pg_catalog.pg_try_advisory_xact_lock("+key+")").run(ctx, a)
	if r.Verdict == Exposed && !a.meant(func(t tenant.Tenant) bool { return t.AdvisoryLocks }) {
		r.Verdict = Escaped
	}
	return r
}
