package prove

import (
	"context"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// houseProbes are about turning one's own house against others, and about
// what a tenant may do to itself.
var houseProbes = []Probe{
	{Name: "own-db-settings", What: "set a parameter for everybody in the database", Expect: Held, Run: refused("ALTER DATABASE {db} SET work_mem = '4MB'").run},
	{Name: "own-db-connection-limit", What: "change the database's connection limit", Expect: Held, Run: refused("ALTER DATABASE {db} CONNECTION LIMIT 100").run},
	{Name: "own-db-grant-public", What: "open the database to everybody", Expect: Held,
		Run: refused("GRANT CONNECT ON DATABASE {db} TO PUBLIC").effect(`SELECT EXISTS (SELECT FROM pg_catalog.pg_database AS d,
			LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS x
			WHERE d.datname = {db'} AND x.grantee = 0 AND x.privilege_type = 'CONNECT')`).run},
	{Name: "create-schema", What: "create a schema", Expect: Held, Run: refused("CREATE SCHEMA {new}").run},
	{Name: "create-in-public", What: "create in schema public", Expect: Held, Run: inPublic},
	{Name: "trusted-extension", What: "install an extension", Expect: Held, Run: trustedExtension},
	{Name: "make-large-object", What: "make large objects, which stand in no schema and count for no limit", Expect: Held, Closes: ByCluster,
		Consequence: "with large_objects: true, and where only a superuser could close it, tenants can fill the disk with large objects that nobody sees in a list of tables", Run: makesLargeObject},
	{Name: "write-message", What: "write messages into the write-ahead log, which logical replication hands on", Expect: Exposed, Closes: ByCluster,
		Consequence: "even a login that may only read can fill the disk with write-ahead log; and whoever reads the database's changes by logical replication is handed messages that anybody in it may have written: in shared databases landlord takes the function away where it can",
		Run:         writesMessage},
	{Name: "drop-extension", What: "drop an extension, and with it everybody's columns of its types", Expect: Held, Run: dropExtension},
	{Name: "prepare-transaction", What: "prepare a transaction, whose locks stay for ever", Expect: Held, Run: prepared},
	{Name: "trojan-user-schema", What: "make a schema with the name of the neighbour's login, which the neighbour would find first", Scope: Housemates, Expect: Held,
		Run: refused("CREATE SCHEMA {b.login}").past("42P06").run},
	{Name: "create-temp", What: "make temporary tables, which no limit counts", Expect: Exposed, Closes: ByCluster,
		Consequence: "temporary tables count for no limit and can fill the disk; limits of the tenant can forbid them (temp: false)",
		Run:         allowed("CREATE TEMPORARY TABLE landlord_probe_temp (id integer) ON COMMIT DROP").run},
	{Name: "own-schema-grant-public", What: "open its schema to everybody", Expect: Held, Closes: ByDatabase,
		Consequence: "its migrator can show the tenant's own data to others in the database, to one of them or to all, until the next landlord apply; it lowers nobody else's walls",
		Run: inDatabaseOnly(allowed("GRANT USAGE ON SCHEMA {schema} TO PUBLIC").effect(`SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n,
			LATERAL pg_catalog.aclexplode(n.nspacl) AS x WHERE n.nspname = {schema'} AND x.grantee = 0)`))},
	{Name: "own-table-grant-public", What: "open its tables to everybody", Expect: Held, Closes: ByDatabase,
		Consequence: "its migrator can show the tenant's own data to others in the database, once its schema is open, until the next landlord apply",
		Run: inDatabaseOnly(allowed("GRANT SELECT ON {table} TO PUBLIC").effect(`SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c,
			LATERAL pg_catalog.aclexplode(c.relacl) AS x WHERE c.oid = {table'}::pg_catalog.regclass AND x.grantee = 0)`))},
	{Name: "own-default-privileges-public", What: "open all its tables to come to everybody", Expect: Exposed, Closes: ByDatabase,
		Consequence: "the tenant can open what it will create, once its schema is open; a login that creates nothing opens nothing by it",
		Run: inDatabaseOnly(allowed("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC").effect(`SELECT EXISTS (SELECT FROM pg_catalog.pg_default_acl AS d,
			LATERAL pg_catalog.aclexplode(d.defaclacl) AS x WHERE d.defaclrole = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) AND x.grantee = 0)`))},
	{Name: "self-password", What: "change its own password, to a weak one or none", Expect: Exposed, Closes: ByNothing,
		Consequence: "an application can lock itself out, or choose a weak password, in every model; an md5 hash locks it out, since landlord's rules take SCRAM only; the module passwordcheck refuses weak ones",
		Run:         onShort("ALTER ROLE {short} PASSWORD NULL")},
	{Name: "self-settings", What: "change its own parameters for all its sessions to come", Expect: Exposed, Closes: ByNothing,
		Consequence: "parameters such as statement_timeout are defaults to a tenant, no limits, in every model",
		Run:         onShort("ALTER ROLE {short} SET work_mem = '4MB'")},
	{Name: "self-settings-in-b-db", What: "write rows about itself into the catalog for another database", Scope: Elsewhere, Expect: Exposed, Closes: ByCluster,
		Consequence: "every tenant can make the shared catalog of settings grow, which each login on the server reads",
		Run:         onShort("ALTER ROLE {short} IN DATABASE {b.db} SET work_mem = '4MB'")},
	{Name: "override-statement-timeout", What: "switch its statement_timeout off", Expect: Exposed, Closes: ByCluster,
		Consequence: "no statement of a tenant is sure to end; a server of its own has its own processors",
		Run:         allowed("SET LOCAL statement_timeout = 0").run},
	{Name: "override-work-mem", What: "take as much memory as it likes", Expect: Exposed, Closes: ByCluster,
		Consequence: "one tenant can use up the server's memory, and where the operating system then ends one of its processes, everybody's sessions end with it; a server of its own has a limit of memory of its own",
		Run:         allowed("SET LOCAL work_mem = '1GB'").run},
	{Name: "override-parallel-workers", What: "take as many parallel workers as it likes", Expect: Exposed, Closes: ByCluster,
		Consequence: "one tenant's queries can take all parallel workers of the server, and others' then go without; a server of its own has its own",
		Run:         allowed("SET LOCAL max_parallel_workers_per_gather = 1024").run},
}

// makesLargeObject is an exposure where somebody in the database is to have
// large objects, or landlord could not close them.
func makesLargeObject(ctx context.Context, a *Attempt) Result {
	r := refused("SELECT pg_catalog.lo_create(0)").run(ctx, a)
	if r.Verdict == Escaped && a.meant(func(t tenant.Tenant) bool { return t.LargeObjects }) {
		r.Verdict = Exposed
	}
	return r
}

// writesMessage is an exposure in a database of the tenant's own, where its
// application may need it, and where landlord could not close it.
func writesMessage(ctx context.Context, a *Attempt) Result {
	try := allowed("SELECT pg_catalog.pg_logical_emit_message(true, 'landlord_probe', '')").run
	if !a.Tenant.Alone(a.Tenant.At) {
		try = closable(try)
	}
	return try(ctx, a)
}

// meant says that functions of the database's are open since some tenant in it
// is to have them, or since landlord, which is no superuser, could not close them.
func (a *Attempt) meant(has func(tenant.Tenant) bool) bool {
	return !a.run.snap.Session.Superuser || slices.ContainsFunc(a.run.stands, func(s stand) bool { return s.At.Database == a.Tenant.At.Database && has(s.Tenant) })
}

// inPublic makes no sense where public is the tenant's own house.
func inPublic(ctx context.Context, a *Attempt) Result {
	if slices.Contains(a.Tenant.At.Schemas, "public") {
		return notTried("public is the tenant's own schema here")
	}
	return refused("CREATE TABLE public.{new} (id integer)").denied("3F000").run(ctx, a)
}

// trustedExtension tries one that everybody with CREATE on the database may
// install.
func trustedExtension(ctx context.Context, a *Attempt) Result {
	s, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	r := s.try(ctx, "SELECT n FROM pg_catalog.unnest(ARRAY["+a.run.trusted(ctx)+`]::text[]) AS n
		WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = n) LIMIT 1`)
	if r.value() == "" {
		return notTried("no trusted extension is available that is not installed already")
	}
	return refused("CREATE EXTENSION "+pgsql.Ident(r.value())).unlessRight("SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')")(ctx, a)
}

// trusted lists the trusted extensions that the server has, as literals. It
// reads the server's directory, once for all logins.
func (r *run) trusted(ctx context.Context) string {
	return r.memo.once("trusted extensions", func() Result {
		rows, err := r.ask(ctx, `SELECT DISTINCT v.name FROM pg_catalog.pg_available_extension_versions AS v WHERE v.trusted AND v.requires IS NULL`)
		if err != nil {
			return Result{}
		}
		names := make([]string, len(rows))
		for i, row := range rows {
			names[i] = row[0]
		}
		return Result{Verdict: Works, Detail: pgsql.Literals(names...)}
	}).Detail
}

// prepared does not prepare anything where that would succeed: what a killed
// run left would hold its locks for ever.
func prepared(ctx context.Context, a *Attempt) Result {
	s, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	r := s.run(ctx, "SELECT pg_catalog.current_setting('max_prepared_transactions')")
	switch {
	case r.err != nil:
		return notTried("reading max_prepared_transactions: %s", r.said())
	case r.value() != "0":
		return Result{Escaped, "", "max_prepared_transactions is " + r.value() + ": every login can prepare transactions; set it to 0"}
	}
	r = s.run(ctx, "BEGIN; PREPARE TRANSACTION 'landlord_probe'")
	state := r.state()
	_ = s.run(ctx, "ROLLBACK")
	if state != "55000" {
		return Result{NotTried, state, "an answer that says nothing about the wall: " + r.said()}
	}
	return Result{Held, state, r.said()}
}

// inDatabaseOnly is what hurts only where others share the database.
func inDatabaseOnly(t try) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		r := t.run(ctx, a)
		if r.Verdict == Exposed && a.Tenant.Alone(a.Tenant.At) {
			r.Verdict = Held
			r.Detail += "; it leads nowhere: nobody else gets into database " + a.Tenant.At.Database
		}
		return r
	}
}

// onShort is what a login can do to itself, tried on a short-lived login only
// and rolled back: the application's own is never touched.
func onShort(sql string) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		short := *a
		short.who, short.sessions = a.short, newSessions()
		if a.who == a.short {
			short.sessions = a.sessions
		} else {
			defer short.sessions.close()
		}
		return allowed(self, sql).run(ctx, &short)
	}
}
