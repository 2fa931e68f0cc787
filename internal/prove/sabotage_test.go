package prove_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
)

// sabotage is a hole in a wall, by which a probe must get out.
type sabotage struct {
	// probes are those that must get out through it, by name.
	probes []string
	// by is the tenant that is tried; empty: acme.
	by string
	// in is the database where the SQL runs, as superuser; empty: postgres.
	in, sql string
	// undo is for what landlord does not put right; the rest is left to it.
	undo string
	// at is the further database that it is a hole of, on either side.
	at string
	// hba are lines before all others of pg_hba.conf.
	hba string
	// want is the verdict; empty: ESCAPED.
	want  prove.Verdict
	since int
}

const (
	super      = "ALTER ROLE acme_app SUPERUSER"
	crowbar    = "GRANT USAGE ON SCHEMA crux TO bolt_app; ALTER DEFAULT PRIVILEGES FOR ROLE crux_owner IN SCHEMA crux GRANT "
	toBolt     = " TO bolt_app"
	own        = "GRANT crux_owner TO bolt_app"
	intoDyne   = "GRANT dyne TO acme; GRANT TEMPORARY ON DATABASE dyne TO acme"
	takeDyne   = "ALTER DATABASE dyne OWNER TO acme_app"
	takeAcme   = "ALTER DATABASE acme OWNER TO acme_app"
	createAcme = "GRANT CREATE ON DATABASE acme TO acme_app"
	openPublic = "CREATE SCHEMA IF NOT EXISTS public; GRANT ALL ON SCHEMA public TO PUBLIC"
	shutPublic = "REVOKE ALL ON SCHEMA public FROM PUBLIC"
	common     = `CREATE SCHEMA common; GRANT USAGE ON SCHEMA common TO PUBLIC;
		CREATE TABLE common.t (tenant text); ALTER TABLE common.t ENABLE ROW LEVEL SECURITY; `
	noCommon = "DROP SCHEMA common CASCADE"
	lib      = `CREATE SCHEMA lib; GRANT USAGE ON SCHEMA lib TO PUBLIC;
		CREATE FUNCTION lib.f() RETURNS int SECURITY DEFINER LANGUAGE sql `
	noLib    = "DROP SCHEMA lib CASCADE"
	messages = `DO $$ BEGIN EXECUTE (SELECT string_agg(format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', p.oid::regprocedure), '; ')
		FROM pg_proc AS p WHERE p.proname = 'pg_logical_emit_message'); END $$`
	foreign = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; "
)

func walk(db string) string {
	return fmt.Sprintf("GRANT CONNECT, TEMPORARY ON DATABASE %s TO acme", db)
}

func walkHBA(db string) string { return "local " + db + " +landlord_tenants scram-sha-256\n" }

var sabotages = []sabotage{
	{sql: intoDyne,
		probes: []string{"connect-b-db", "temp-in-b-db"}},
	{at: "dyne_stats", sql: "GRANT dyne_stats TO acme; GRANT TEMPORARY ON DATABASE dyne_stats TO acme",
		probes: []string{"connect-b-db", "temp-in-b-db"}},
	{at: "dyne_stats", sql: "GRANT CONNECT ON DATABASE dyne_stats TO acme_app",
		probes: []string{"acl-b-db"}},
	{at: "dyne_stats", in: "dyne_stats", sql: "GRANT dyne_stats TO acme; GRANT USAGE ON SCHEMA stats TO acme_app; ALTER DEFAULT PRIVILEGES FOR ROLE dyne_owner IN SCHEMA stats GRANT SELECT ON TABLES TO acme_app",
		probes: []string{"acl-b-schema", "b-schema-usage", "b-table-select"}},
	{at: "dyne_stats", by: "dyne", sql: "GRANT CREATE ON DATABASE dyne_stats TO dyne_app",
		probes: []string{"create-schema"}},
	{at: "dyne_stats", by: "dyne", sql: "GRANT CONNECT ON DATABASE acme TO dyne_stats",
		probes: []string{"acl-b-db"}},
	{at: "dyne_stats", by: "dyne", sql: "ALTER ROLE dyne_app IN DATABASE dyne_stats SET search_path = stats, pg_temp", want: prove.Failed,
		probes: []string{"own-search-path"}},
	{at: "dyne_stats", by: "dyne", sql: "REVOKE dyne_stats FROM dyne", want: prove.Failed,
		probes: []string{"own-login"}},
	{in: "dyne", sql: intoDyne + "; " + openPublic, probes: []string{"create-in-b-public"}},
	{sql: walk("postgres"), hba: walkHBA("postgres"),
		probes: []string{"connect-postgres"}},
	{sql: walk("template1"), hba: walkHBA("template1"),
		probes: []string{"connect-template1"}},
	{sql: walk("other"), hba: walkHBA("other"),
		probes: []string{"connect-any-other-db"}},
	{sql: "GRANT CONNECT ON DATABASE dyne TO acme_app",
		probes: []string{"acl-b-db"}},
	{by: "bolt", in: "shared", sql: "GRANT USAGE ON SCHEMA crux TO bolt_app",
		probes: []string{"acl-b-schema", "b-schema-usage"}},
	{in: "postgres", sql: walk("postgres") + ";" + openPublic, hba: walkHBA("postgres"), undo: shutPublic,
		probes: []string{"create-in-postgres-public"}},
	{in: "template1", sql: walk("template1") + ";" + openPublic, hba: walkHBA("template1"),
		probes: []string{"template1-poison-table", "template1-poison-function"}},
	{hba: "local all dyne_app trust\n",
		probes: []string{"login-as-b-wrong-password"}},
	{hba: "local all postgres trust\n",
		probes: []string{"login-as-superuser-wrong-password"}},
	{sql: "ALTER ROLE acme_app REPLICATION",
		probes: []string{"replication-connect", "replication-slot-physical", "replication-slot-logical"}},
	{hba: "local all +landlord_tenants scram-sha-256\n", want: prove.Exposed,
		probes: []string{"db-existence-oracle"}},
	{by: "bolt", in: "shared", sql: "GRANT CREATE ON SCHEMA crux TO bolt_app",
		probes: []string{"b-schema-create"}},
	{by: "bolt", in: "shared", sql: crowbar + "ALL ON TABLES" + toBolt,
		probes: []string{"b-table-select", "b-table-copy", "b-table-insert", "b-table-update", "b-table-delete", "b-table-truncate", "b-table-trigger", "b-table-lock"}},
	{by: "bolt", in: "shared", sql: crowbar + "REFERENCES ON TABLES" + toBolt + "; GRANT CREATE ON SCHEMA bolt TO bolt_app",
		probes: []string{"b-table-references"}},
	{by: "bolt", in: "shared", sql: crowbar + "SELECT ON TABLES" + toBolt + "; GRANT CREATE ON SCHEMA bolt TO bolt_app", want: prove.Held,
		probes: []string{"b-table-references"}},
	{by: "crux", in: "shared", sql: "GRANT USAGE ON SCHEMA bolt TO crux_owner; ALTER DEFAULT PRIVILEGES FOR ROLE bolt_owner IN SCHEMA bolt GRANT REFERENCES ON TABLES TO crux_owner",
		probes: []string{"b-table-references"}},
	{sql: "GRANT landlord_tenants TO acme_app WITH SET TRUE", since: 16,
		probes: []string{"set-role-group"}},
	{by: "bolt", in: "shared", sql: messages,
		probes: []string{"write-message"}},
	{in: "acme", sql: "GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_get_backend_io(int) TO PUBLIC", since: 18,
		probes: []string{"see-backend-io"}},
	{in: "acme", sql: "GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_get_backend_wal(int) TO PUBLIC", since: 18,
		probes: []string{"see-backend-io"}},
	{in: "acme", sql: "GRANT EXECUTE ON FUNCTION pg_catalog.pg_wal_summary_contents(bigint, pg_lsn, pg_lsn) TO PUBLIC", since: 17,
		probes: []string{"see-wal-summaries"}},
	{by: "bolt", sql: own,
		probes: []string{"b-table-ddl", "b-schema-drop"}},
	{by: "bolt", in: "shared", sql: own + "; GRANT EXECUTE ON FUNCTION pg_catalog.lo_get(oid) TO PUBLIC",
		probes: []string{"b-largeobject-read"}},
	{by: "bolt", in: "shared", sql: crowbar + "EXECUTE ON FUNCTIONS" + toBolt,
		probes: []string{"b-function-execute"}},
	{by: "bolt", sql: own + "; GRANT CREATE ON DATABASE shared TO bolt_app",
		probes: []string{"b-schema-rename"}},
	{sql: takeDyne,
		probes: []string{"b-db-alter", "b-db-owner"}},
	{sql: "GRANT CONNECT ON DATABASE dyne TO acme_app WITH GRANT OPTION",
		probes: []string{"b-db-grant"}},
	{sql: "ALTER ROLE acme_app CREATEDB; ALTER DATABASE dyne IS_TEMPLATE true",
		probes: []string{"b-db-template-copy"}},
	{sql: "GRANT dyne_owner TO acme_app",
		probes: []string{"set-role-b", "set-config-role"}},
	{sql: "GRANT postgres TO acme_app",
		probes: []string{"set-role-superuser"}},
	{sql: super,
		probes: []string{"set-session-authorization", "alter-self-superuser", "alter-self-createrole", "alter-self-createdb", "alter-self-replication", "alter-self-bypassrls", "alter-self-connection-limit", "alter-b-password", "alter-b-nologin", "alter-b-settings", "drop-b-role", "alter-role-all", "read-server-file", "alter-system", "load-library", "create-tablespace", "checkpoint", "create-subscription", "event-trigger", "session-replication-role", "disable-logging", "raise-temp-file-limit"}},
	{sql: "GRANT pg_monitor TO acme_app",
		probes: []string{"member-of-any-role"}},
	{sql: "GRANT dyne TO acme_app",
		probes: []string{"member-of-b"}},
	{sql: "ALTER ROLE acme_owner BYPASSRLS",
		probes: []string{"role-attributes"}},
	{sql: "ALTER ROLE acme_app CREATEROLE",
		probes: []string{"create-role"}},
	{sql: "ALTER ROLE acme_app CREATEDB",
		probes: []string{"create-database"}},
	{sql: "GRANT dyne TO acme_app WITH ADMIN OPTION",
		probes: []string{"grant-b-to-self"}},
	{sql: "GRANT pg_read_all_data TO acme_app WITH ADMIN OPTION",
		probes: []string{"grant-predefined-role"}},
	{sql: "GRANT pg_read_all_data TO acme_app",
		probes: []string{"read-pg-authid", "read-pg-shadow", "read-subscription-conninfo", "read-user-mapping", "read-pg-largeobject"}},
	{sql: "GRANT pg_read_server_files, pg_write_server_files, pg_execute_server_program TO acme_app",
		probes: []string{"copy-from-server-file", "copy-to-server-file", "copy-to-program"}},
	{in: "acme", sql: "GRANT EXECUTE ON FUNCTION lo_import(text) TO acme_app",
		probes: []string{"lo-import-server"}},
	{sql: "GRANT pg_read_all_settings TO acme_app",
		probes: []string{"see-config-paths"}},
	{sql: "GRANT SET ON PARAMETER log_statement TO acme_app", since: 15,
		probes: []string{"parameter-grants"}},
	{by: "dyne", sql: "ALTER ROLE dyne_owner SUPERUSER",
		probes: []string{"language-c-function"}},
	{in: "acme", sql: "CREATE FUNCTION acme.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; UPDATE pg_language SET lanpltrusted = false WHERE lanname = 'plpgsql'",
		undo:   "DROP FUNCTION acme.f; UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'plpgsql'",
		probes: []string{"untrusted-language-usable"}},
	{in: "acme", sql: "GRANT EXECUTE ON FUNCTION pg_switch_wal(), pg_reload_conf() TO acme_app",
		probes: []string{"switch-wal", "reload-conf"}},
	{in: "acme", sql: foreign + "GRANT USAGE ON FOREIGN DATA WRAPPER w TO acme_app", undo: "DROP FOREIGN DATA WRAPPER w CASCADE",
		probes: []string{"create-fdw-server"}},
	{in: "acme", sql: foreign + "GRANT USAGE ON FOREIGN SERVER s TO acme_app", undo: "DROP FOREIGN DATA WRAPPER w CASCADE",
		probes: []string{"usable-foreign-server"}},
	{in: "acme", sql: "CREATE SCHEMA lib; GRANT USAGE ON SCHEMA lib TO PUBLIC; CREATE EXTENSION dblink SCHEMA lib", undo: noLib,
		probes: []string{"dblink-usable"}},
	{in: "acme", undo: noLib,
		sql:    "CREATE SCHEMA lib; GRANT USAGE ON SCHEMA lib TO PUBLIC; CREATE EXTENSION dblink SCHEMA lib; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA lib TO PUBLIC",
		probes: []string{"dblink-loopback-superuser"}},
	{in: "acme", sql: lib + "AS 'SELECT 1'; ALTER FUNCTION lib.f OWNER TO pg_monitor", undo: noLib,
		probes: []string{"secdef-unpinned"}},
	{in: "acme", sql: lib + "SET search_path = pg_catalog AS 'SELECT 1'", undo: noLib,
		probes: []string{"secdef-superuser-owned"}},
	{sql: "GRANT pg_signal_backend TO acme_app",
		probes: []string{"terminate-b-backend"}},
	{sql: takeAcme,
		probes: []string{"own-db-settings", "own-db-connection-limit"}},
	{sql: "GRANT CONNECT ON DATABASE acme TO acme_app WITH GRANT OPTION",
		probes: []string{"own-db-grant-public"}},
	{in: "acme", sql: "UPDATE pg_extension SET extowner = 'acme_app'::regrole WHERE extname = 'plpgsql'", undo: "UPDATE pg_extension SET extowner = 10 WHERE extname = 'plpgsql'",
		probes: []string{"drop-extension"}},
	{in: "acme", sql: "GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC",
		probes: []string{"make-large-object"}},
	{by: "bolt", in: "shared", sql: "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), pg_try_advisory_xact_lock(bigint) TO PUBLIC",
		probes: []string{"advisory-lock"}},
	{in: "acme", sql: "GRANT EXECUTE ON FUNCTION pg_control_checkpoint() TO PUBLIC",
		probes: []string{"see-control-data"}},
	{sql: createAcme,
		probes: []string{"create-schema", "trusted-extension"}},
	{in: "acme", sql: openPublic,
		probes: []string{"create-in-public"}},
	{by: "bolt", sql: "GRANT CREATE ON DATABASE shared TO bolt_app",
		probes: []string{"trojan-user-schema"}},
	{by: "bolt", in: "shared", sql: "GRANT USAGE ON SCHEMA bolt TO bolt_app WITH GRANT OPTION", want: prove.Exposed,
		probes: []string{"own-schema-grant-public"}},
	{by: "bolt", sql: "GRANT bolt_owner TO bolt_app", want: prove.Exposed,
		probes: []string{"own-table-grant-public"}},
	{sql: "GRANT pg_read_all_stats TO acme_app",
		probes: []string{"see-others-query-text"}},
	{in: "acme", undo: noLib,
		sql:    "CREATE SCHEMA lib; GRANT USAGE ON SCHEMA lib TO PUBLIC; CREATE EXTENSION pg_stat_statements SCHEMA lib; GRANT pg_read_all_stats TO acme_app",
		probes: []string{"see-pgss-text"}},
	{in: "acme", undo: noCommon,
		sql:    common + "CREATE POLICY p ON common.t USING (tenant = current_setting('app.tenant')); GRANT SELECT ON common.t TO acme_app",
		probes: []string{"rls-policy-on-settable-guc"}},
	{in: "acme", sql: common + "ALTER TABLE common.t OWNER TO acme_app", undo: noCommon,
		probes: []string{"rls-owner-not-forced"}},
	{in: "acme", sql: common + "GRANT TRUNCATE ON common.t TO acme_app", undo: noCommon,
		probes: []string{"rls-truncate"}},
	{in: "acme", sql: common + "CREATE VIEW common.v AS SELECT * FROM common.t; GRANT SELECT ON common.v TO acme_app", undo: noCommon,
		probes: []string{"rls-bypass-view"}},
	{sql: "ALTER ROLE acme_app CONNECTION LIMIT -1",
		probes: []string{"heavy-connections"}},
	{in: "acme", sql: "CREATE TRUSTED LANGUAGE tcl HANDLER plpgsql_call_handler", undo: "DROP LANGUAGE tcl",
		probes: []string{"heavy-uninterruptible-pl"}},
	{sql: "ALTER ROLE acme_app NOLOGIN", want: prove.Failed,
		probes: []string{"own-login"}},
	{sql: "ALTER ROLE acme_app SET search_path = pg_catalog", want: prove.Failed,
		probes: []string{"own-search-path"}},
	{by: "dyne", sql: "ALTER ROLE dyne_ddl RESET role", want: prove.Failed,
		probes: []string{"own-owner"}},
	{in: "acme", sql: "ALTER DEFAULT PRIVILEGES FOR ROLE acme_owner IN SCHEMA acme REVOKE UPDATE ON TABLES FROM acme_app", want: prove.Failed,
		probes: []string{"own-crud"}},
	{in: "acme", sql: "ALTER DEFAULT PRIVILEGES FOR ROLE acme_owner IN SCHEMA acme REVOKE SELECT ON TABLES FROM acme_ro", want: prove.Failed,
		probes: []string{"own-read"}},
	{in: "acme", sql: "ALTER DEFAULT PRIVILEGES FOR ROLE acme_owner IN SCHEMA acme GRANT INSERT ON TABLES TO acme_ro", want: prove.Failed,
		probes: []string{"own-read-only"}},
	{in: "acme", sql: "CREATE TABLE acme.t (id int); REVOKE ALL ON acme.t FROM PUBLIC", undo: "DROP TABLE acme.t", want: prove.Failed,
		probes: []string{"own-tables"}},
	{by: "dyne", sql: "REVOKE dyne_owner FROM dyne_ddl", want: prove.Failed,
		probes: []string{"own-ddl"}},
	{in: "acme", sql: "GRANT CREATE ON SCHEMA acme TO acme_app", want: prove.Failed,
		probes: []string{"own-no-ddl"}},
	{by: "dyne", sql: "GRANT TEMPORARY ON DATABASE dyne TO dyne_app", want: prove.Failed,
		probes: []string{"own-temp"}},
}

// firesOtherwise are the probes that another test makes fire.
var firesOtherwise = map[string]string{
	"router-absent-name":               "TestProveThroughTheRouter: needs a router",
	"router-startup":                   "TestSharedAfar: needs a router that passes everything on",
	"router-heavy-lookups":             "TestSharedAfar: needs many names",
	"pool-after-rollback":              "ROLLBACK undoes every SET, so that no function of landlord's could leave anything",
	"connect-without-tls":              "TestWithoutTLS: needs another address",
	"prepare-transaction":              "TestPreparedTransactions: needs another server",
	"own-extensions":                   "TestExtensions: needs a tenant that has some",
	"router-own-login":                 "TestProveThroughTheRouter: needs a router",
	"router-wrong-password":            "TestProveThroughTheRouter: needs a router",
	"router-b-name":                    "TestProveThroughTheRouter: needs a router",
	"router-b-login":                   "TestProveThroughTheRouter: needs a router",
	"router-b-here":                    "TestProveThroughTheRouter: needs a router",
	"router-postgres":                  "TestProveThroughTheRouter: needs a router",
	"router-console":                   "TestProveThroughTheRouter: needs a router",
	"router-superuser":                 "TestProveThroughTheRouter: needs a router",
	"router-lookup-login":              "TestProveThroughTheRouter: needs a router",
	"router-odd-names":                 "TestProveThroughTheRouter: needs a router",
	"router-lookup-function":           "TestProveThroughTheRouter: needs a router",
	"router-pool-login":                "TestProveThroughTheRouter: needs a router",
	"router-lookup-answers":            "TestProveThroughTheRouter: needs a router",
	"router-lookup-rights":             "TestProveThroughTheRouter: needs a router",
	"connect-b-server":                 "TestServersElsewhere: needs another server",
	"login-on-b-server-wrong-password": "TestServersElsewhere: needs another server",
	"read-b-server-files":              "TestServersElsewhere, and TestServersUnderSystemd: exposed where both servers run as one user",
	"grant-self-to-b":                  "TestHeld on 14, where it succeeds; from 15 on a login that is no superuser never can",
}

// TestEveryWallCanFall makes each hole in turn and sees that its probe gets
// out through it, and that landlord closes it again.
func TestEveryWallCanFall(t *testing.T) {
	majors := pgtest.Majors()
	if !testing.Short() && os.Getenv("LANDLORD_MAJORS") == "" {
		majors = slices.Compact([]int{slices.Min(majors), slices.Max(majors)})
	}
	for _, major := range majors {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			s := pgtest.Start(t, major, pgtest.WithSettings(map[string]string{"shared_preload_libraries": "pg_stat_statements"}))
			s.Exec(t, "postgres", "CREATE DATABASE other")
			e := build(t, s)
			for _, hole := range sabotages {
				if major >= hole.since {
					t.Run(hole.probes[0], func(t *testing.T) { hole.try(t, s, input(e)) })
				}
				if hole.undo == "" || hole.hba != "" {
					mend(t, s)
				}
			}
			report, err := prove.Run(t.Context(), input(e))
			if err != nil || report.Escaped() || report.Broken() {
				t.Errorf("after all is mended: %v, %v", err, report.Counts)
			}
			for _, o := range report.Outcomes {
				if o.Verdict == prove.Escaped || o.Verdict == prove.Failed {
					t.Errorf("after all is mended: %s %s %s %s: %s %s", o.Tenant, o.Kind, o.Neighbour, o.Probe, o.Verdict, o.Detail)
				}
			}
			nothingLeft(t, s, e)
		})
	}
}

func (h sabotage) try(t *testing.T, s *pgtest.Server, in prove.Input) {
	t.Helper()
	db := h.in
	if db == "" {
		db = "postgres"
	}
	if h.sql != "" {
		s.Exec(t, db, h.sql)
	}
	if h.hba != "" {
		before, err := os.ReadFile(s.HBAFile())
		if err != nil {
			t.Fatal(err)
		}
		s.SetHBA(t, h.hba+string(before))
		defer s.SetHBA(t, string(before))
	}
	if h.undo != "" {
		defer s.Exec(t, db, h.undo)
	}
	in.Only, in.Probes = []string{h.by}, h.probes
	if h.by == "" {
		in.Only = []string{"acme"}
	}
	report, err := prove.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := h.want
	if want == "" {
		want = prove.Escaped
	}
	for _, name := range h.probes {
		if !slices.ContainsFunc(report.Outcomes, func(o prove.Outcome) bool {
			return o.Probe == name && o.Verdict == want && (h.at == "" || o.Database == h.at || o.NeighbourDatabase == h.at)
		}) {
			t.Errorf("no outcome of %s is %s: %+v %v", name, want, report.Outcomes, report.Problems)
		}
	}
}

// mend lets landlord put everything right again.
func mend(t *testing.T, s *pgtest.Server) {
	t.Helper()
	e := estate(s)
	result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
	if err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
}

// TestEveryWallHasASabotage sees that no probe is believed that was never
// seen to fire.
func TestEveryWallHasASabotage(t *testing.T) {
	for _, p := range prove.Probes() {
		fires := slices.ContainsFunc(sabotages, func(s sabotage) bool { return slices.Contains(s.probes, p.Name) })
		if p.Scope == prove.Administrators {
			fires = slices.ContainsFunc(adminSabotages, func(s adminSabotage) bool { return s.probe == p.Name })
		}
		if p.Scope == prove.Pooled || p.Scope == prove.PooledHousemates {
			fires = slices.ContainsFunc(poolSabotages, func(s poolSabotage) bool { return slices.Contains(s.probes, p.Name) })
		}
		if p.Expect != prove.Exposed && !fires && firesOtherwise[p.Name] == "" {
			t.Errorf("probe %s has no sabotage", p.Name)
		}
	}
}

func TestPreparedTransactions(t *testing.T) {
	majors := pgtest.Majors()
	s := pgtest.Start(t, slices.Max(majors), pgtest.WithSettings(map[string]string{"max_prepared_transactions": "2"}))
	build(t, s)
	sabotage{probes: []string{"prepare-transaction"}}.try(t, s, input(estate(s)))
}
