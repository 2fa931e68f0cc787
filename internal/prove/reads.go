package prove

// readProbes are about reading what the server keeps to itself.
var readProbes = []Probe{
	{Name: "read-pg-authid", What: "read all password verifiers", Expect: Held, Run: refused("SELECT rolname FROM pg_catalog.pg_authid WHERE rolpassword IS NOT NULL LIMIT 1").run},
	{Name: "read-pg-shadow", What: "read all password verifiers by the old view", Expect: Held, Run: refused("SELECT usename FROM pg_catalog.pg_shadow LIMIT 1").run},
	{Name: "read-subscription-conninfo", What: "read the passwords of subscriptions", Expect: Held, Run: refused("SELECT subname FROM pg_catalog.pg_subscription WHERE subconninfo IS NOT NULL LIMIT 1").run},
	{Name: "read-user-mapping", What: "read the passwords of foreign servers", Expect: Held, Run: refused("SELECT umid FROM (SELECT oid AS umid, umoptions FROM pg_catalog.pg_user_mapping) AS m WHERE umoptions IS NOT NULL LIMIT 1").run},
	{Name: "read-pg-largeobject", What: "read all large objects in the catalog", Expect: Held, Run: refused("SELECT loid FROM pg_catalog.pg_largeobject LIMIT 1").run},
	{Name: "read-server-file", What: "read a file of the server", Expect: Held, Run: refused("SELECT pg_catalog.length(pg_catalog.pg_read_file('PG_VERSION'))").run},
	// The table and the file that do not exist are looked for after the rights.
	{Name: "copy-from-server-file", What: "copy a file of the server into a table", Expect: Held, Run: refused("COPY landlord_probe_none FROM '/landlord/probe/none'").past("42P01", "58P01").run},
	{Name: "copy-to-server-file", What: "write a file on the server", Expect: Held, Run: refused("COPY (SELECT 1) TO '/landlord/probe/none'").past("58P01").run},
	{Name: "copy-to-program", What: "run a program on the server", Expect: Held, Run: refused("COPY landlord_probe_none FROM PROGRAM 'true'").past("42P01").run},
	{Name: "lo-import-server", What: "import a file of the server as a large object", Expect: Held, Run: refused("SELECT pg_catalog.lo_import('/landlord/probe/none')").past("58P01").run},
	{Name: "see-config-paths", What: "read where the server keeps its files", Expect: Held, Run: refused("SELECT pg_catalog.current_setting('data_directory'), pg_catalog.current_setting('hba_file')").run},
}
