package landlord_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"landlord"
	"landlord/internal/audit"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
	"landlord/internal/tenant"
)

// builtByHand is a server of three customers on which much is wrong, with
// names that are hard to write.
var builtByHand = map[string][]string{
	"": {
		`CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD 'x1'; CREATE ROLE one LOGIN PASSWORD 'x2'; CREATE ROLE "Two's" LOGIN PASSWORD 'x3'; CREATE ROLE three LOGIN PASSWORD 'x4' REPLICATION; CREATE ROLE web LOGIN BYPASSRLS PASSWORD 'x5'`,
		`GRANT one, "Two's", three TO admin; GRANT "Two's" TO three; GRANT pg_read_all_data TO web; GRANT one TO web WITH ADMIN OPTION`,
		`CREATE DATABASE one OWNER admin`, `CREATE DATABASE "Two's" OWNER admin`, `CREATE DATABASE three OWNER three`, `CREATE DATABASE reports`,
		`GRANT ALL ON DATABASE one TO one; GRANT ALL ON DATABASE "Two's" TO "Two's"; GRANT CONNECT ON DATABASE "Two's" TO one`,
		`ALTER ROLE three SET session_replication_role = 'origin'`, `ALTER SYSTEM SET password_encryption = 'md5'`,
	},
	"one": {
		`GRANT ALL ON SCHEMA public TO PUBLIC; SET ROLE one; CREATE TABLE orders (id serial PRIMARY KEY, who text); INSERT INTO orders (who) VALUES ('x'); GRANT SELECT ON orders TO PUBLIC; CREATE VIEW latest AS SELECT * FROM orders;
			CREATE FUNCTION totals() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM orders'; CREATE SEQUENCE tickets; CREATE MATERIALIZED VIEW sums AS SELECT count(*) FROM orders; CREATE TYPE kind AS ENUM ('a')`,
		`CREATE EXTENSION pg_trgm; ALTER DEFAULT PRIVILEGES FOR ROLE one GRANT SELECT ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES FOR ROLE one IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC`,
	},
	"Two's": {
		`CREATE TABLE "odd ""name" (id serial PRIMARY KEY, who text, n int); GRANT ALL ON "odd ""name" TO "Two's" WITH GRANT OPTION; GRANT SELECT (who) ON "odd ""name" TO one; GRANT UPDATE (n) ON "odd ""name" TO PUBLIC`,
		`ALTER TABLE "odd ""name" ENABLE ROW LEVEL SECURITY; CREATE POLICY "p q" ON "odd ""name" USING (true); CREATE TABLE bare (id int); ALTER TABLE bare ENABLE ROW LEVEL SECURITY; CREATE TABLE off (id int); CREATE POLICY p ON off USING (id > 1)`,
		`CREATE TABLE parts (id int) PARTITION BY RANGE (id); CREATE TABLE part1 PARTITION OF parts DEFAULT; GRANT SELECT ON part1 TO one; GRANT INSERT ON parts TO "Two's"; CREATE TABLE theirs (id int); ALTER TABLE theirs OWNER TO one; GRANT CREATE, USAGE ON SCHEMA public TO "Two's"`,
		`ALTER DEFAULT PRIVILEGES FOR ROLE one GRANT SELECT ON TABLES TO "Two's"; ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO one`,
	},
	"three": {
		`SET ROLE three; CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY, t text); RESET ROLE; CREATE EXTENSION postgres_fdw; CREATE SERVER back FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost'); CREATE USER MAPPING FOR PUBLIC SERVER back OPTIONS (user 'one', password 'x');
			GRANT USAGE ON FOREIGN SERVER back TO PUBLIC; CREATE FOREIGN TABLE far (n int) SERVER back; GRANT SELECT ON far TO PUBLIC; CREATE USER MAPPING FOR web SERVER back OPTIONS (password_required 'false')`,
	},
}

// byHand are the findings that no SQL mends by itself: files, the server's own,
// and what wants a decision, which stands in the script as a comment.
var byHand = []string{"hba-", "server-", "password-", "ext-in-public", "rls-true", "rls-no-policy", "role-login-group", "path-possible", "view-owner-rights", "matview-readable"}

// TestFixesRun: the script that --output sql writes runs on a real server to its
// end, what it says it mends is mended, and each customer's program goes on.
func TestFixesRun(t *testing.T) {
	majors := pgtest.Majors()
	for _, major := range slices.Compact([]int{majors[0], majors[len(majors)-1]}) {
		s := pgtest.Start(t, major, pgtest.WithTrust())
		for _, db := range []string{"", "one", "Two's", "three"} {
			s.Exec(t, db, builtByHand[db]...)
		}
		s.Exec(t, "", "ALTER DATABASE one SET role = 'one'", "SELECT pg_reload_conf()")
		for round := range 2 { // what the first makes by itself, the second sees
			before := auditOf(t, s)
			var script bytes.Buffer
			if err := audit.SQL(&script, before); err != nil {
				t.Fatal(err)
			}
			runScript(t, s, script.Bytes())
			if round == 1 {
				for _, f := range before.Findings {
					if f.Severity < audit.Advice && !slices.ContainsFunc(byHand, func(p string) bool { return strings.HasPrefix(f.Code, p) }) {
						t.Errorf("postgres-%d: it is still there: %s: %s %v", major, f.Key, f.What, f.Fix)
					}
				}
			}
		}
		for _, work := range [][3]string{
			{"one", "one", `INSERT INTO orders (who) VALUES ('y'); UPDATE orders SET who = 'z'; SELECT nextval('tickets'), (SELECT count(*) FROM sums), (SELECT count(*) FROM latest), 'a'::kind, totals(); DELETE FROM orders`},
			{"Two's", "Two's", `INSERT INTO "odd ""name" (who) VALUES ('y'); SELECT * FROM "odd ""name"; INSERT INTO parts VALUES (1)`},
			{"three", "three", `INSERT INTO notes (t) VALUES ('y'); UPDATE notes SET t = 'z'; DELETE FROM notes`},
		} {
			conn := s.Connect(t, work[0], work[1])
			if _, err := conn.Exec(t.Context(), work[2]); err != nil {
				t.Errorf("postgres-%d: %s no longer works: %v", major, work[1], err)
			}
		}
	}
}

func auditOf(t *testing.T, s *pgtest.Server) audit.Report {
	t.Helper()
	snap, err := landlord.Snapshot(t.Context(), landlord.SnapshotOptions{Conninfo: s.ConnString("postgres", "postgres")})
	if err != nil {
		t.Fatal(err)
	}
	in := landlord.AuditSnapshot("main", snap, tenant.Estate{}, "main")
	in.Now = time.Now()
	return landlord.Audit(in)
}

func runScript(t *testing.T, s *pgtest.Server, script []byte) {
	t.Helper()
	psql, err := localpg.FindTool("psql")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "fixes.sql")
	if err := os.WriteFile(file, script, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run.Command(t.Context(), run.Spec{Name: psql, Args: []string{"-X", "-q", "-d", s.ConnString("postgres", "postgres"), "-f", file}}); err != nil {
		t.Errorf("postgres-%d: %v", s.Major(), err)
	}
}
