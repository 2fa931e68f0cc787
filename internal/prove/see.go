package prove

import "context"

// seeServerProbes are about what everybody on a server sees of the others.
var seeServerProbes = []Probe{
	{Name: "see-others-query-text", What: "read the neighbour's statements", Scope: Neighbours, Expect: Held, Run: queryText},
	{Name: "see-pgss-text", What: "read others' statements in pg_stat_statements", Expect: Held, Run: statements},
	{Name: "see-control-data", What: "read the server's control data", Expect: Held, Closes: ByCluster,
		Consequence: "where only a superuser could close it, the server's identifier and its checkpoints are known to all", Run: closable(every(seen("SELECT count(*) FROM pg_catalog.pg_control_system()").run, seen("SELECT count(*) FROM pg_catalog.pg_control_checkpoint()").run))},
	{Name: "see-b-database", What: "see the neighbour's database in the list", Scope: Elsewhere, Expect: Exposed, Closes: ByCluster,
		Consequence: "names of databases are visible to all: give tenants names that tell nothing",
		Run:         seen("SELECT d.datname FROM pg_catalog.pg_database AS d WHERE d.datname = {b.db'}").run},
	{Name: "see-stat-database", What: "see how busy the neighbour's database is", Scope: Elsewhere, Expect: Exposed, Closes: ByCluster,
		Consequence: "transactions, rows written and sessions of each database are visible to all",
		Run:         seen("SELECT 'commits: ' || s.xact_commit FROM pg_catalog.pg_stat_database AS s WHERE s.datname = {b.db'}").run},
	{Name: "see-b-role", What: "see the neighbour's roles", Scope: Neighbours, Expect: Exposed, Closes: ByCluster,
		Consequence: "names of roles are visible to all: give tenants names that tell nothing",
		Run:         seen("SELECT pg_catalog.string_agg(r.rolname, ', ') FROM pg_catalog.pg_roles AS r WHERE r.rolname IN ({b.roles})").run},
	{Name: "see-b-role-by-name-guess", What: "test whether a role of a guessed name exists", Scope: Neighbours, Expect: Exposed, Closes: ByCluster,
		Consequence: "a guess at a tenant's name can be confirmed, even if the catalogs were closed",
		Run:         seen("SELECT pg_catalog.to_regrole(pg_catalog.quote_ident({b'})) IS NOT NULL").run},
	{Name: "see-memberships", What: "see who is a member of the neighbour's roles", Scope: Neighbours, Expect: Exposed, Closes: ByCluster,
		Consequence: "which logins a tenant has is visible to all",
		Run: seen(`SELECT pg_catalog.string_agg(m.member::pg_catalog.regrole::text, ', ') FROM pg_catalog.pg_auth_members AS m
			JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid WHERE r.rolname = {b'}`).run},
	{Name: "see-role-settings", What: "read the parameters of the neighbour's logins", Scope: Neighbours, Expect: Exposed, Closes: ByCluster,
		Consequence: "parameters of roles are visible to all: keep no secret in them",
		// The report names them without their values, which may be secret.
		Run: seen(`SELECT pg_catalog.string_agg(pg_catalog.split_part(c, '=', 1), ', ') FROM pg_catalog.pg_db_role_setting AS s
			JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole, LATERAL pg_catalog.unnest(s.setconfig) AS c WHERE r.rolname = {b.login'}`).run},
	{Name: "see-shared-comments", What: "read comments on the neighbour's roles", Scope: Neighbours, Expect: Exposed, Closes: ByCluster,
		Consequence: "comments on roles and databases are visible to all: write nothing about customers into them",
		Run: seen(`SELECT 'a comment of ' || pg_catalog.length(d.description) || ' characters' FROM pg_catalog.pg_shdescription AS d JOIN pg_catalog.pg_roles AS r ON r.oid = d.objoid
			WHERE d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND r.rolname = {b'}`).run},
	{Name: "see-others-sessions", What: "see the neighbour's sessions", Scope: Neighbours, Expect: Exposed, Closes: ByCluster,
		Consequence: "who is connected to what, and since when, is visible to all", Run: onSession("SELECT s.usename FROM pg_catalog.pg_stat_activity AS s WHERE s.pid = %s AND s.usename IS NOT NULL")},
	{Name: "see-others-application-name", What: "read the neighbour's application_name", Scope: Neighbours, Expect: Exposed, Closes: ByCluster,
		Consequence: "application_name is visible to all: write nothing about customers into it",
		Run:         onSession("SELECT s.application_name FROM pg_catalog.pg_stat_activity AS s WHERE s.pid = %s")},
	{Name: "see-others-advisory-keys", What: "read the keys of the neighbour's advisory locks", Scope: Neighbours, Expect: Exposed, Closes: ByCluster,
		Consequence: "keys of advisory locks are visible to all: use no customer's number as a key", Run: advisoryKeys},
	{Name: "see-all-locks", What: "see the locks of all databases", Expect: Exposed, Closes: ByCluster,
		Consequence: "which tables are locked when, as numbers, is visible to all",
		Run:         seen("SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks").run},
	{Name: "see-prepared-xacts", What: "see others' prepared transactions", Expect: Exposed, Closes: ByCluster,
		Consequence: "names of prepared transactions are visible to all, where there are any",
		Run:         allowed("SELECT gid FROM pg_catalog.pg_prepared_xacts").run},
	{Name: "see-replication-slots", What: "see others' replication slots", Expect: Exposed, Closes: ByCluster,
		Consequence: "names of replication slots are visible to all, where there are any",
		Run:         allowed("SELECT slot_name FROM pg_catalog.pg_replication_slots").run},
	{Name: "see-tablespace-size", What: "see how much data all tenants have together", Expect: Exposed, Closes: ByCluster,
		Consequence: "the size of the whole tablespace is visible to all",
		// Reading it walks through all the server's files.
		Run: seen(`SELECT pg_catalog.has_function_privilege('pg_catalog.pg_tablespace_size(oid)', 'EXECUTE') AND (t.spcname = 'pg_default' OR pg_catalog.has_tablespace_privilege(t.oid, 'CREATE'))
			FROM pg_catalog.pg_database AS d JOIN pg_catalog.pg_tablespace AS t ON t.oid = d.dattablespace WHERE d.datname = pg_catalog.current_database()`).
			saying("it has the right; not read, since that takes long").run},
	{Name: "see-wal-position", What: "see how much the whole server writes", Expect: Exposed, Closes: ByCluster,
		Consequence: "the rate of all tenants' writes together is visible to all",
		Run:         seen("SELECT pg_catalog.pg_current_wal_lsn()::text").run},
	{Name: "see-xid-counter", What: "see how many transactions the whole server makes", Expect: Exposed, Closes: ByCluster,
		Consequence: "the rate of all tenants' transactions together is visible to all",
		Run:         seen("SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text").run},
	{Name: "see-archive-command", What: "read the server's archive_command", Expect: Exposed, Closes: ByCluster,
		Consequence: "archive_command and restore_command are visible to all: keep no password in them",
		Run:         allowed("SELECT pg_catalog.current_setting('archive_command'), pg_catalog.current_setting('restore_command')").run},
	{Name: "see-backend-io", What: "see how much the neighbour's session reads and writes", Scope: Neighbours, Since: 18, Expect: Held, Closes: ByCluster,
		Consequence: "where only a superuser could close it, reads and writes of each session are visible to all since 18",
		Run: closable(every(onSession("SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_backend_io(%s)"),
			onSession("SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_backend_wal(%s)")))},
	{Name: "see-wal-summaries", What: "see which blocks of others' tables have changed, where the server keeps summaries of its write-ahead log", Since: 17, Expect: Held, Closes: ByCluster,
		Consequence: "where only a superuser could close it, and with summarize_wal on, which blocks of whose tables change is known to all",
		Run: closable(every(seen("SELECT pg_catalog.count(*) >= 0 FROM pg_catalog.pg_available_wal_summaries()").run,
			seen("SELECT pg_catalog.count(*) >= 0 FROM pg_catalog.pg_get_wal_summarizer_state()").run,
			// There is no such summary: the file is looked for after the rights.
			seen("SELECT pg_catalog.count(*) >= 0 FROM pg_catalog.pg_wal_summary_contents(1, '0/0', '0/0')").past("58P01").run))},
}

// seeHouseProbes are about what everybody in a database sees of the others.
var seeHouseProbes = []Probe{
	{Name: "see-b-table-names", What: "read the names of the neighbour's tables", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "names of tables are visible to all in the database",
		Run:         seen("SELECT c.relname FROM pg_catalog.pg_class AS c WHERE c.oid = {b.oid}").run},
	{Name: "see-b-columns", What: "read the names of the neighbour's columns", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "names and types of columns are visible to all in the database",
		Run:         seen("SELECT pg_catalog.string_agg(a.attname, ', ') FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = {b.oid} AND a.attnum > 0").run},
	{Name: "see-b-row-counts", What: "see how many rows the neighbour writes", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "how many rows each table has, and how often it is used, is visible to all in the database",
		Run:         seen("SELECT 'rows: ' || s.n_live_tup FROM pg_catalog.pg_stat_all_tables AS s WHERE s.relid = {b.oid}").run},
	{Name: "see-b-table-size", What: "see how big the neighbour's tables are", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "sizes of tables are visible to all in the database",
		Run:         seen("SELECT pg_catalog.pg_total_relation_size({b.oid}) || ' bytes'").run},
	{Name: "see-b-function-source", What: "read the source of the neighbour's functions", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "the text of functions is visible to all in the database: keep no secret in it",
		Run:         onFunction(seen("SELECT 'the source of ' || p.proname FROM pg_catalog.pg_proc AS p WHERE p.proname = {b.name'} || '_f' AND p.prosrc LIKE '%' || {b.secret'} || '%'"))},
	{Name: "see-b-view-definition", What: "read the definitions of the neighbour's views", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "definitions of views, with the constants in them, are visible to all in the database",
		Run: seen(`SELECT 'the definition of ' || c.relname FROM pg_catalog.pg_class AS c
			WHERE c.relname = {b.name'} || '_v' AND pg_catalog.pg_get_viewdef(c.oid) LIKE '%' || {b.mark'} || '%'`).run},
	{Name: "see-b-constraints", What: "read the neighbour's constraints", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "constraints, defaults and indexes, with the constants in them, are visible to all in the database",
		Run: seen(`SELECT 'the constraint ' || c.conname FROM pg_catalog.pg_constraint AS c
			WHERE c.conrelid = {b.oid} AND pg_catalog.pg_get_constraintdef(c.oid) LIKE '%' || {b.mark'} || '%' LIMIT 1`).run},
	{Name: "see-b-largeobjects", What: "list the neighbour's large objects", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "number, owner and rights of large objects are visible to all in the database",
		Run:         onLargeObject(seen("SELECT m.oid FROM pg_catalog.pg_largeobject_metadata AS m WHERE m.oid = {b.lo}"))},
	{Name: "listen-to-b", What: "hear the neighbour's notifications", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "NOTIFY is heard by all in the database, with what it says", Run: listen},
	{Name: "spoof-notify", What: "send notifications in the neighbour's name", Scope: Housemates, Expect: Exposed, Closes: ByDatabase,
		Consequence: "anybody in the database can send a notification on any channel: trust none", Run: spoof},
}

// onSession asks about a session of the neighbour's, by its number.
func onSession(format string) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		s, err := a.theirs(ctx)
		if err != nil {
			return notTried("%s", explain(err))
		}
		return seen(replacePID(format, s)).run(ctx, a)
	}
}

// queryText lets the neighbour run a statement with a word in it, and looks
// for the word in pg_stat_activity, which keeps a session's last statement.
func queryText(ctx context.Context, a *Attempt) Result {
	s, err := a.theirs(ctx)
	if err != nil {
		return notTried("%s", explain(err))
	}
	if r := s.run(ctx, "SELECT 'landlord_probe_word'"); r.err != nil {
		return notTried("the neighbour's statement: %s", r.said())
	}
	if r := s.run(ctx, "SELECT pg_catalog.current_setting('track_activities') /* landlord_probe_word */"); r.value() != "on" {
		return notTried("the server does not track statements (track_activities)")
	}
	return none(replacePID("SELECT s.query FROM pg_catalog.pg_stat_activity AS s WHERE s.pid = %s AND s.query LIKE '%%landlord_probe_word%%'", s)).run(ctx, a)
}

func statements(ctx context.Context, a *Attempt) Result {
	s, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	r := s.try(ctx, `SELECT pg_catalog.format('%I.pg_stat_statements', n.nspname) FROM pg_catalog.pg_extension AS e
		JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`)
	if r.value() == "" {
		return notTried("pg_stat_statements is not installed in database %s", a.Tenant.At.Database)
	}
	return none("SELECT pg_catalog.count(*) FROM "+r.value()+` AS s WHERE s.query <> '<insufficient privilege>'
		AND NOT pg_catalog.pg_has_role(s.userid, 'MEMBER')`).run(ctx, a)
}

// closable is an exposure where landlord, which is no superuser, could not
// close it.
func closable(run func(context.Context, *Attempt) Result) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		r := run(ctx, a)
		if r.Verdict == Exposed && a.run.snap.Session.Superuser {
			r.Verdict = Escaped
		}
		return r
	}
}

// noLocks is when the neighbour cannot take an advisory lock at all. A tenant
// that has not got in has not tried anything, though.
func noLocks(ctx context.Context, a *Attempt, r reply) Result {
	if r.state() != "42501" {
		return notTried("the neighbour's lock: %s", r.said())
	}
	if _, err := a.own(ctx); err != nil {
		return notTried("no session: %s", explain(err))
	}
	return Result{Held, r.state(), "no advisory locks here: " + r.said()}
}

func advisoryKeys(ctx context.Context, a *Attempt) Result {
	s, err := a.theirs(ctx)
	if err != nil {
		return notTried("%s", explain(err))
	}
	if r := s.run(ctx, "SELECT pg_catalog.pg_advisory_lock_shared(1279870532, 4711)"); r.err != nil {
		return noLocks(ctx, a, r)
	}
	defer s.run(ctx, "SELECT pg_catalog.pg_advisory_unlock_shared(1279870532, 4711)")
	return seen(replacePID("SELECT 'key ' || l.objid FROM pg_catalog.pg_locks AS l WHERE l.locktype = 'advisory' AND l.pid = %s AND l.objid = 4711", s)).run(ctx, a)
}
