package prove

import "context"

// serverProbes are about the whole server's configuration, code and state.
var serverProbes = []Probe{
	{Name: "alter-system", What: "change the server's configuration", Expect: Held,
		// The value is looked at after the rights.
		Run: refused("ALTER SYSTEM SET work_mem = 'landlord probe'").byItself().past("22023").run},
	{Name: "parameter-grants", What: "hold a right on a parameter that only superusers set", Since: 15, Expect: Held,
		Run: none(`SELECT pg_catalog.string_agg(p.parname, ', ') FROM pg_catalog.pg_parameter_acl AS p
			WHERE pg_catalog.has_parameter_privilege(p.parname, 'ALTER SYSTEM')
			OR pg_catalog.has_parameter_privilege(p.parname, 'SET') AND EXISTS (SELECT FROM pg_catalog.pg_settings AS s WHERE s.name = p.parname AND s.context <> 'user')`).run},
	{Name: "language-c-function", What: "load machine code as a function", Expect: Held,
		Run: refused("CREATE FUNCTION {schema}.{new}() RETURNS integer LANGUAGE c AS 'landlord_probe_none', 'f'").past("58P01").run},
	{Name: "untrusted-language-usable", What: "call a function in a language that may do anything on the server", Expect: Held,
		Run: none(`SELECT pg_catalog.string_agg(p.oid::pg_catalog.regprocedure::text, ', ') FROM pg_catalog.pg_proc AS p
			JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
			WHERE NOT l.lanpltrusted AND l.lanname NOT IN ('internal', 'c')
			AND pg_catalog.has_schema_privilege(p.pronamespace, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')`).run},
	{Name: "load-library", What: "load a library into its session", Expect: Held, Run: refused("LOAD 'landlord_probe_none'").past("58P01").run},
	{Name: "create-tablespace", What: "create a tablespace", Expect: Held,
		// A path that is not absolute is refused after the rights.
		Run: refused("CREATE TABLESPACE {new} LOCATION 'landlord/probe'").byItself().past("42P17").run},
	{Name: "checkpoint", What: "force a checkpoint", Expect: Held, Run: checkpoint},
	{Name: "switch-wal", What: "switch the write-ahead log", Expect: Held,
		Run: refused("SELECT pg_catalog.pg_switch_wal()").unlessRight("SELECT pg_catalog.has_function_privilege('pg_catalog.pg_switch_wal()', 'EXECUTE')")},
	{Name: "reload-conf", What: "make the server load its configuration", Expect: Held,
		Run: refused("SELECT pg_catalog.pg_reload_conf()").unlessRight("SELECT pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE')")},
	{Name: "replication-slot-physical", What: "make a replication slot, which keeps write-ahead log for ever", Expect: Held,
		Run: refused("SELECT pg_catalog.pg_create_physical_replication_slot({new'}, false, true)").past("55000").unlessRight(replicates)},
	{Name: "replication-slot-logical", What: "decode everybody's changes", Expect: Held,
		Run: refused("SELECT pg_catalog.pg_create_logical_replication_slot({new'}, 'pgoutput', true)").past("55000").unlessRight(replicates)},
	{Name: "create-subscription", What: "make the server connect to another by a subscription", Expect: Held,
		Run: refused("CREATE SUBSCRIPTION {new} CONNECTION 'host=/landlord/probe password=none' PUBLICATION p WITH (connect = false)").run},
	{Name: "create-fdw-server", What: "make the server connect to another by a foreign data wrapper", Expect: Held,
		Run: every(refused("CREATE FOREIGN DATA WRAPPER {new}").run, none(`SELECT pg_catalog.string_agg(w.fdwname, ', ')
			FROM pg_catalog.pg_foreign_data_wrapper AS w WHERE pg_catalog.has_foreign_data_wrapper_privilege(w.oid, 'USAGE')`).run)},
	{Name: "usable-foreign-server", What: "use a foreign server that is there", Expect: Held,
		Run: none(`SELECT pg_catalog.string_agg(s.srvname, ', ') FROM pg_catalog.pg_foreign_server AS s WHERE pg_catalog.has_server_privilege(s.oid, 'USAGE')`).run},
	{Name: "dblink-usable", What: "connect from the server by dblink, past all rules on addresses", Expect: Held,
		Run: none(callable(`p.proname IN ('dblink', 'dblink_connect', 'dblink_exec', 'dblink_open', 'dblink_send_query')`)).run},
	{Name: "dblink-loopback-superuser", What: "connect from the server by dblink without a password", Expect: Held,
		Run: none(callable(`p.proname = 'dblink_connect_u'`)).run},
	{Name: "event-trigger", What: "plant code that runs at everybody's DDL", Expect: Held,
		// The function that does not exist is looked for after the rights.
		Run: refused("CREATE EVENT TRIGGER {new} ON ddl_command_start EXECUTE FUNCTION pg_catalog.landlord_probe_none()").past("42883").run},
	{Name: "session-replication-role", What: "switch triggers and foreign keys off", Expect: Held, Run: refused("SET LOCAL session_replication_role = replica").run},
	{Name: "disable-logging", What: "switch the log of its statements off", Expect: Held, Run: refused("SET LOCAL log_statement = 'none'").run},
	{Name: "raise-temp-file-limit", What: "raise its limit of temporary files", Expect: Held, Run: refused("SET LOCAL temp_file_limit = -1").run},
	{Name: "secdef-unpinned", What: "call a function that runs with another's rights and follows the caller's search_path", Expect: Held,
		Run: none(callable(`p.prosecdef AND NOT EXISTS (
			SELECT FROM pg_catalog.unnest(p.proconfig) AS c WHERE c ~ '^search_path=(pg_catalog|.*pg_temp"?)$')`)).run},
	{Name: "secdef-superuser-owned", What: "call a function that runs with a superuser's rights", Expect: Held,
		Run: none(callable(`p.prosecdef AND EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = p.proowner AND r.rolsuper)`)).run},
	{Name: "terminate-b-backend", What: "end a session of the neighbour's", Scope: Neighbours, Expect: Held, Run: terminate},
}

const replicates = "SELECT r.rolreplication OR r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user"

// callable lists the functions of a kind that the login can call.
func callable(which string) string {
	return `SELECT pg_catalog.string_agg(p.oid::pg_catalog.regprocedure::text, ', ') FROM pg_catalog.pg_proc AS p WHERE ` + which + `
		AND NOT pg_catalog.pg_has_role(p.proowner, 'MEMBER') AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
		AND pg_catalog.has_schema_privilege(p.pronamespace, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')`
}

// checkpoint asks for the right first: since 15 it is a role's, before it is
// the superusers'.
func checkpoint(ctx context.Context, a *Attempt) Result {
	question := "SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user"
	if a.run.snap.Version.Major() >= 15 {
		question = "SELECT pg_catalog.pg_has_role('pg_checkpoint', 'USAGE')"
	}
	return refused("CHECKPOINT").unlessRight(question)(ctx, a)
}

// terminate aims at a session of the neighbour's short-lived login, which
// nobody misses.
func terminate(ctx context.Context, a *Attempt) Result {
	s, err := a.theirs(ctx)
	if err != nil {
		return notTried("%s", explain(err))
	}
	return refused("SELECT pg_catalog.pg_terminate_backend("+pid(s)+")").run(ctx, a)
}
