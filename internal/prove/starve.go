package prove

import (
	"context"
	"fmt"

	"landlord/internal/tenant"
)

// starvationProbes are about using up what all tenants share. None of it is
// tried out: what is looked at is whether a limit stands in the way.
var starvationProbes = []Probe{
	{Name: "heavy-connections", What: "take all connections", Expect: Held, Closes: ByCluster,
		Consequence: "the login has no limit of connections, as its spec says, and can take all of the server's: set limits.connections", Run: connections},
	{Name: "heavy-unauthenticated", What: "take all connections without logging in", Expect: Exposed, Closes: ByCluster,
		Consequence: "connections that have not logged in yet count for no login's limit, and can keep even a superuser out for authentication_timeout: let only machines that you know reach the server's port",
		Run:         known("it would disturb the server")},
	{Name: "heavy-uninterruptible-pl", What: "use a language whose functions cannot be stopped", Expect: Held,
		Run: none(`SELECT pg_catalog.string_agg(l.lanname, ', ') FROM pg_catalog.pg_language AS l
			WHERE l.lanpltrusted AND l.lanname NOT IN ('sql', 'plpgsql') AND pg_catalog.has_language_privilege(l.oid, 'USAGE')`).run},
	{Name: "heavy-temp-table", What: "fill the disk with temporary tables", Expect: Exposed, Closes: ByCluster,
		Consequence: "temp_file_limit does not count temporary tables; the tenant's limits can forbid them (temp: false)",
		Run:         seen("SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')").saying("not done, since it would disturb the server").run},
	{Name: "heavy-log-flood", What: "fill the disk with the server's log", Expect: Exposed, Closes: ByCluster,
		Consequence: "50 MB a second of log from one session: put the log on a disk of its own", Run: ofPLpgSQL()},
	{Name: "heavy-xid-burn", What: "use up transaction numbers", Expect: Exposed, Closes: ByCluster,
		Consequence: "100,000 transaction numbers a second from one session: watch age(datfrozenxid)", Run: ofPLpgSQL()},
	{Name: "heavy-lock-table", What: "fill the lock table that all databases share, with advisory locks", Expect: Exposed, Closes: ByCluster,
		Consequence: "one statement of one tenant can stop everybody's statements, and the superuser's login",
		Run:         seen("SELECT pg_catalog.has_function_privilege('pg_catalog.pg_advisory_lock(bigint)', 'EXECUTE')").saying("not done, since it would disturb the server").run},
	{Name: "heavy-lock-table-ddl", What: "fill the lock table with the locks of one long transaction", Expect: Exposed, Closes: ByCluster,
		Consequence: "one transaction that touches thousands of tables can stop everybody's statements",
		Run:         known("it would disturb the server")},
	{Name: "heavy-shared-memory", What: "fill the memory that parallel queries share", Expect: Exposed, Closes: ByCluster,
		Consequence: "one tenant's big parallel query fills " + sharedMemory + ", and the parallel queries of everybody on the machine fail meanwhile (53100), also those of servers that have no place of their own for it; a container has 64 MB there unless it is given more",
		Run:         seen("SELECT pg_catalog.current_setting('dynamic_shared_memory_type') = 'posix'").saying("not done, since it would disturb the server").run},
	{Name: "heavy-disk", What: "fill the disk with its data", Kinds: []tenant.Kind{tenant.App, tenant.Migrator}, Expect: Exposed, Closes: ByCluster,
		Consequence: "PostgreSQL has no quota: a tenant that fills the disk stops all; a server of its own has a volume of its own",
		Run:         known("it would disturb the server")},
}

func ofPLpgSQL() func(context.Context, *Attempt) Result {
	return seen(`SELECT pg_catalog.bool_or(pg_catalog.has_language_privilege(l.oid, 'USAGE')) FROM pg_catalog.pg_language AS l WHERE l.lanname = 'plpgsql'`).
		saying("not done, since it would disturb the server").run
}

// connections looks at the limit of the real login, as the server has it.
func connections(ctx context.Context, a *Attempt) Result {
	rows, err := a.run.ask(ctx, a.sql("SELECT r.rolconnlimit FROM pg_catalog.pg_roles AS r WHERE r.rolname = {me'}"))
	switch {
	case err != nil || len(rows) == 0:
		return notTried("the login's limit cannot be read")
	case rows[0][0] != "-1":
		return Result{Held, "", "connection limit " + rows[0][0]}
	case a.Tenant.Connections(a.Login) == 0:
		return Result{Exposed, "", "no connection limit, as the spec says"}
	}
	return Result{Escaped, "", fmt.Sprintf("no connection limit; the spec says %d", a.Tenant.Connections(a.Login))}
}
