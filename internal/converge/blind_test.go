package converge_test

import (
	"slices"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/plan"
)

// What nobody's name stands on: grants to PUBLIC on the system's own objects,
// which depend on nothing, and rights that are there since an ACL is gone.
func TestPublicOnTheSystemsObjects(t *testing.T) {
	for _, major := range ends() {
		w := neighbours(t, major)
		for i, deed := range []struct{ do, open string }{
			{"GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC", `has_function_privilege($1, 'pg_read_file(text)', 'EXECUTE')`},
			{"GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text), pg_catalog.pg_ls_dir(text) TO PUBLIC", `has_function_privilege($1, 'lo_export(oid, text)', 'EXECUTE') OR has_function_privilege($1, 'pg_ls_dir(text)', 'EXECUTE')`},
			{"SET allow_system_table_mods = on; UPDATE pg_proc SET proacl = NULL WHERE proname = 'pg_ls_dir'", `has_function_privilege($1, 'pg_ls_dir(text)', 'EXECUTE')`},
			{"GRANT SELECT ON pg_catalog.pg_authid TO PUBLIC", `has_table_privilege($1, 'pg_authid', 'SELECT')`},
			{"GRANT SELECT ON pg_catalog.pg_statistic, pg_catalog.pg_largeobject, pg_catalog.pg_user_mapping, pg_catalog.pg_shadow TO PUBLIC",
				`has_table_privilege($1, 'pg_statistic', 'SELECT') OR has_table_privilege($1, 'pg_shadow', 'SELECT') OR has_table_privilege($1, 'pg_user_mapping', 'SELECT')`},
			{"GRANT UPDATE ON pg_catalog.pg_class TO PUBLIC", `$1::text IS NULL OR EXISTS (SELECT FROM pg_class AS c, aclexplode(relacl) AS a WHERE c.oid = 'pg_class'::regclass AND a.grantee = 0 AND a.privilege_type = 'UPDATE')`},
			{"GRANT SELECT (rolpassword) ON pg_catalog.pg_authid TO PUBLIC", `has_column_privilege($1, 'pg_authid', 'rolpassword', 'SELECT')`},
			{"GRANT SELECT (subconninfo) ON pg_catalog.pg_subscription TO PUBLIC", `has_column_privilege($1, 'pg_subscription', 'subconninfo', 'SELECT')`},
			{"GRANT SELECT ON information_schema._pg_user_mappings TO PUBLIC", `has_table_privilege($1, 'information_schema._pg_user_mappings', 'SELECT')`},
			{"GRANT CREATE ON SCHEMA pg_catalog, information_schema TO PUBLIC", `has_schema_privilege($1, 'pg_catalog', 'CREATE') OR has_schema_privilege($1, 'information_schema', 'CREATE')`},
			{"GRANT USAGE ON SCHEMA pg_toast TO PUBLIC", `has_schema_privilege($1, 'pg_toast', 'USAGE')`},
			{"GRANT SELECT ON pg_catalog.pg_authid TO bob_app WITH GRANT OPTION; SET ROLE bob_app; GRANT SELECT ON pg_catalog.pg_authid TO PUBLIC; RESET ROLE", `has_table_privilege($1, 'pg_authid', 'SELECT')`},
			{"GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO eve_app; GRANT INSERT (rolname) ON pg_catalog.pg_authid TO eve_app; GRANT CREATE ON SCHEMA pg_catalog TO eve_app",
				`has_function_privilege($1, 'pg_read_file(text)', 'EXECUTE') OR has_column_privilege($1, 'pg_authid', 'rolname', 'INSERT') OR has_schema_privilege($1, 'pg_catalog', 'CREATE')`},
		} {
			w.must("shared", "", deed.do)
			open := func() bool { return w.column("shared", "SELECT ("+deed.open+")", "eve_app")[0] == "true" }
			if !open() {
				t.Fatalf("%d: %s opens nothing", major, deed.do)
			}
			w.settle(deed.do, i%2 == 0)
			if open() {
				t.Errorf("%d: still open after %s", major, deed.do)
			}
		}
	}
}

// What an admin has made stricter, and what others than tenants hold, is left
// alone.
func TestSystemsObjectsOfOthersStay(t *testing.T) {
	w := neighbours(t, slices.Max(ends()))
	w.must("shared", "", `CREATE ROLE monitor; GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO monitor; GRANT SELECT ON pg_catalog.pg_authid TO monitor WITH GRANT OPTION;
		REVOKE EXECUTE ON FUNCTION pg_catalog.lo_create(oid) FROM PUBLIC; REVOKE SELECT ON pg_catalog.pg_database FROM PUBLIC; CREATE SCHEMA ext; CREATE EXTENSION dblink SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; GRANT USAGE ON SCHEMA ext TO PUBLIC`)
	w.wantEmpty(w.planWith(landlord.Options{}), "what is not tenants' or PUBLIC's")
	w.must("shared", "", "GRANT EXECUTE ON FUNCTION ext.dblink_connect_u(text) TO PUBLIC; GRANT EXECUTE ON FUNCTION ext.dblink_connect_u(text, text) TO eve_app")
	w.applyWith(landlord.Options{})
	w.wantEmpty(w.planWith(landlord.Options{}), "more than the extension gave")
	if open := w.column("shared", "SELECT has_function_privilege('eve_app', 'ext.dblink_connect_u(text)', 'EXECUTE') OR has_function_privilege('eve_app', 'ext.dblink_connect_u(text, text)', 'EXECUTE')"); open[0] != "false" {
		t.Error("eve runs dblink_connect_u")
	}
	if held := w.column("shared", "SELECT has_function_privilege('monitor', 'pg_ls_dir(text)', 'EXECUTE') AND has_table_privilege('monitor', 'pg_authid', 'SELECT') AND has_function_privilege('eve_app', 'ext.dblink_connect(text)', 'EXECUTE') AND has_function_privilege('eve_app', 'ext.hstore(text, text)', 'EXECUTE')"); held[0] != "true" {
		t.Error("monitor has lost what it held, or an extension what it gave")
	}
}

// A schema with an extension in it stays open, for the extension alone.
func TestBesideAnExtension(t *testing.T) {
	for _, major := range ends() {
		w := neighbours(t, major)
		w.must("shared", "", `CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; GRANT USAGE ON SCHEMA ext TO PUBLIC; CREATE TABLE ext.notes (a int, b int);
			CREATE FUNCTION ext.spill() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; GRANT SELECT ON ext.notes TO PUBLIC; GRANT UPDATE (b) ON ext.notes TO PUBLIC;
			CREATE TABLE ext.kept (); CREATE ROLE friend; GRANT SELECT ON ext.kept TO friend`)
		w.applyWith(landlord.Options{})
		w.wantEmpty(w.planWith(landlord.Options{}), "things beside an extension")
		open := `has_table_privilege('eve_app', 'ext.notes', 'SELECT'), has_column_privilege('eve_app', 'ext.notes', 'b', 'UPDATE'), has_function_privilege('eve_app', 'ext.spill()', 'EXECUTE')`
		if got := w.column("shared", "SELECT concat_ws(' ', "+open+")"); got[0] != "f f f" {
			t.Errorf("%d: eve may select, update, execute: %s", major, got[0])
		}
		if got := w.column("shared", "SELECT has_function_privilege('eve_app', 'ext.hstore(text, text)', 'EXECUTE') AND has_table_privilege('friend', 'ext.kept', 'SELECT')"); got[0] != "true" {
			t.Errorf("%d: the extension, or somebody else, has lost something", major)
		}
	}
}

// Foreign servers and the like stand in no schema, and PUBLIC has no row in
// pg_shdepend.
func TestWhatStandsInNoSchema(t *testing.T) {
	for _, major := range ends() {
		w := neighbours(t, major)
		w.must("shared", "", `CREATE FOREIGN DATA WRAPPER odd; CREATE SERVER "Far" FOREIGN DATA WRAPPER odd; CREATE SERVER near FOREIGN DATA WRAPPER odd;
			CREATE ROLE mapped; CREATE USER MAPPING FOR mapped SERVER near; CREATE PUBLICATION p FOR ALL TABLES`)
		w.wantEmpty(w.planWith(landlord.Options{}), "nothing of it is a tenant's")
		for _, deed := range []string{
			`GRANT USAGE ON FOREIGN DATA WRAPPER odd TO PUBLIC`,
			`GRANT USAGE ON FOREIGN SERVER "Far", near TO PUBLIC`,
			`GRANT USAGE ON FOREIGN DATA WRAPPER odd TO eve_owner; GRANT USAGE ON FOREIGN SERVER near TO bob_app WITH GRANT OPTION; SET ROLE bob_app; GRANT USAGE ON FOREIGN SERVER near TO PUBLIC; RESET ROLE`,
			`ALTER SERVER "Far" OWNER TO eve_owner; ALTER SERVER near OWNER TO bob_app; GRANT USAGE ON FOREIGN SERVER near TO PUBLIC`,
			`ALTER ROLE eve SUPERUSER; ALTER FOREIGN DATA WRAPPER odd OWNER TO eve; ALTER PUBLICATION p OWNER TO eve; ALTER ROLE eve NOSUPERUSER`,
			`ALTER LANGUAGE plpgsql OWNER TO eve_owner`,
			`ALTER TABLESPACE pg_default OWNER TO eve_owner; GRANT CREATE ON TABLESPACE pg_default TO PUBLIC`,
			`CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; ALTER ROLE bob SUPERUSER;
				CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.watch(); ALTER EVENT TRIGGER watch OWNER TO bob; ALTER ROLE bob NOSUPERUSER`,
		} {
			if strings.Contains(deed, "public.") {
				w.must("shared", "", "CREATE SCHEMA public")
			}
			w.must("shared", "", deed)
			w.settle(deed, true)
			for _, r := range w.rows("shared", `SELECT 'wrapper', fdwname::text FROM pg_foreign_data_wrapper, aclexplode(fdwacl) a WHERE a.grantee = 0
				UNION ALL SELECT 'server', srvname::text FROM pg_foreign_server, aclexplode(srvacl) a WHERE a.grantee = 0`) {
				t.Errorf("%d: after %s, PUBLIC has %v", major, deed, r)
			}
		}
	}
}

// What landlord cannot close, it says, and is not done as long as it stands.
func TestWhatStandsOpenIsSaid(t *testing.T) {
	for _, major := range ends() {
		w := neighbours(t, major)
		w.must("shared", "", `CREATE FOREIGN DATA WRAPPER odd; CREATE SERVER near FOREIGN DATA WRAPPER odd; CREATE USER MAPPING FOR PUBLIC SERVER near;
			GRANT CREATE ON DATABASE shared TO eve_owner; CREATE SCHEMA ext; GRANT ALL ON SCHEMA ext TO eve_owner`)
		w.must("shared", "eve_owner", "CREATE EXTENSION hstore SCHEMA ext")
		result := w.applyWith(landlord.Options{})
		p := w.planWith(landlord.Options{})
		w.wantEmpty(p, "what cannot be closed")
		for _, notes := range [][]plan.Note{result.Open, p.Open()} {
			var said string
			for _, n := range notes {
				said += n.What + "\n"
			}
			if len(notes) != 2 || !strings.Contains(said, "extension hstore in database shared belongs to eve_owner") || !strings.Contains(said, "user mapping for PUBLIC") {
				t.Errorf("%d: open are\n%s", major, said)
			}
		}
		w.must("shared", "", "DROP EXTENSION hstore; DROP USER MAPPING FOR PUBLIC SERVER near")
		if open := w.planWith(landlord.Options{}).Open(); len(open) > 0 {
			t.Errorf("%d: still open: %v", major, open)
		}
	}
}
