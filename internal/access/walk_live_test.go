package access_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"landlord/internal/access"
	"landlord/internal/catalog"
	"landlord/internal/localpg"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
)

// walkable is a hole, and how to see that the path through it arrives.
type walkable struct {
	name  string
	kind  string // the kind of step that it is about
	setup []string
	to    string // what is asked for; empty: globex
	// walk is what is run instead of the path's own SQL, where that has gaps.
	walk func(s *pgtest.Server) []string
	// house says that there is another database, with something in it.
	house bool
	// fill is what stands for the … of the path's own SQL.
	fill string
	// proof must succeed at the end of the path, and fail before it.
	proof      string
	until, min int // majors
}

// estate is what each hole is made in: two tenants in one database, walls up.
var estate = []string{
	`CREATE ROLE globex; CREATE ROLE globex_owner; CREATE ROLE acme_app LOGIN; CREATE ROLE acme_owner`,
	`REVOKE ALL ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO acme_app; GRANT globex TO globex_owner`,
	`REVOKE ALL ON SCHEMA public FROM PUBLIC`,
	`CREATE SCHEMA globex AUTHORIZATION globex_owner; CREATE SCHEMA acme AUTHORIZATION acme_owner; GRANT USAGE ON SCHEMA acme TO acme_app`,
	`SET ROLE globex_owner; CREATE TABLE globex.bills (n int DEFAULT 7, note text); INSERT INTO globex.bills VALUES (1, 'secret')`,
}

// left counts globex's rows for the proof, and leads nowhere.
const left = `CREATE FUNCTION acme.left() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT count(*) FROM globex.bills'; GRANT EXECUTE ON FUNCTION acme.left() TO acme_app`

// keyed is a table of globex's with a key.
const keyed = `CREATE TABLE globex.keyed (n int PRIMARY KEY); INSERT INTO globex.keyed VALUES (1); ALTER TABLE globex.keyed OWNER TO globex_owner`

const seeBills = `SELECT n FROM globex.bills`

func walkables() []walkable {
	return []walkable{
		{name: "set", kind: "set-role", setup: []string{`ALTER ROLE acme_app NOINHERIT`, `GRANT globex_owner TO acme_app`}, proof: seeBills},
		{name: "inherit", kind: "inherit", setup: []string{`GRANT globex_owner TO acme_app`}, proof: seeBills},
		{name: "admin", kind: "admin-option", setup: []string{`GRANT globex_owner TO acme_app WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`}, proof: seeBills, min: 16},
		{name: "admin of another", kind: "admin-option", min: 16, setup: []string{`CREATE ROLE lead; GRANT lead TO acme_app WITH INHERIT TRUE, SET FALSE`,
			`GRANT globex_owner TO lead WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`}, proof: seeBills},
		{name: "three grants to itself", kind: "admin-option", min: 16, setup: armed("", `WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`), proof: seeBills},
		{name: "two grants to itself", kind: "admin-option", until: 15, setup: armed("NOINHERIT", "WITH ADMIN OPTION"), proof: seeBills},
		{name: "grants itself who may connect", kind: "admin-option", min: 16, house: true, setup: []string{`CREATE DATABASE house`, `REVOKE ALL ON DATABASE house FROM PUBLIC`,
			`CREATE ROLE guest; GRANT CONNECT ON DATABASE house TO guest; GRANT guest TO acme_app WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`}, proof: `SELECT n FROM public.open`},
		{name: "createrole", kind: "createrole", setup: []string{`ALTER ROLE acme_app CREATEROLE`}, proof: seeBills, until: 15},
		{name: "createrole to superuser", kind: "createrole", to: access.Superuser, setup: []string{`ALTER ROLE acme_app CREATEROLE`},
			proof: `CREATE TABLESPACE x LOCATION '/nowhere'`, until: 15, walk: func(s *pgtest.Server) []string {
				return append([]string{`GRANT pg_execute_server_program TO SESSION_USER`, `SET ROLE pg_execute_server_program`}, throughProgram(s)...)
			}},
		{name: "grant", kind: "grant", setup: []string{`GRANT USAGE ON SCHEMA globex TO acme_app; GRANT SELECT ON globex.bills TO acme_app`}, proof: seeBills},
		{name: "grant to public", kind: "grant", setup: []string{`GRANT USAGE ON SCHEMA globex TO PUBLIC; GRANT SELECT ON globex.bills TO PUBLIC`}, proof: seeBills},
		{name: "grant of a column", kind: "grant", setup: []string{`GRANT USAGE ON SCHEMA globex TO acme_app; GRANT SELECT (n) ON globex.bills TO acme_app`}, proof: seeBills},
		{name: "grant in two parts", kind: "grant", setup: []string{`CREATE ROLE readers; GRANT SELECT ON globex.bills TO readers; GRANT readers TO acme_app`,
			`GRANT USAGE ON SCHEMA globex TO acme_app`}, proof: seeBills},
		{name: "view", kind: "view", setup: []string{`CREATE VIEW acme.v AS SELECT * FROM globex.bills; ALTER VIEW acme.v OWNER TO globex_owner;
			GRANT USAGE ON SCHEMA acme TO globex_owner; GRANT SELECT ON acme.v TO acme_app`}, proof: `SELECT n FROM acme.v`},
		{name: "view on a view", kind: "view", setup: []string{`CREATE VIEW acme.inner AS SELECT * FROM globex.bills`, `CREATE VIEW acme.v AS SELECT * FROM acme.inner`,
			`GRANT SELECT ON acme.v TO acme_app`}, proof: `SELECT n FROM acme.v`},
		{name: "materialized view", kind: "view", setup: []string{`CREATE MATERIALIZED VIEW acme.m AS SELECT * FROM globex.bills`, `GRANT SELECT ON acme.m TO acme_app`}, proof: `SELECT n FROM acme.m`},
		{name: "partition", kind: "partition", setup: []string{`CREATE TABLE acme.all (n int DEFAULT 7, note text); ALTER TABLE globex.bills INHERIT acme.all`,
			`GRANT SELECT ON acme.all TO acme_app`}, proof: `SELECT n FROM acme.all`},
		{name: "owner of another's table", kind: "ownership", setup: []string{`CREATE TABLE globex.more AS TABLE globex.bills; ALTER TABLE globex.more OWNER TO postgres`,
			`CREATE ROLE dba; ALTER TABLE globex.more OWNER TO dba; GRANT USAGE ON SCHEMA globex TO dba; GRANT dba TO acme_app`}, proof: `SELECT n FROM globex.more`},
		{name: "a superuser's table in the house", kind: "grant", setup: []string{`CREATE TABLE globex.more AS TABLE globex.bills`,
			`GRANT USAGE ON SCHEMA globex TO acme_app; GRANT SELECT ON globex.more TO acme_app`}, proof: `SELECT n FROM globex.more`},
		{name: "a policy that is always true", kind: "row-security", setup: []string{`GRANT USAGE ON SCHEMA globex TO acme_app; GRANT SELECT ON globex.bills TO acme_app`,
			`ALTER TABLE globex.bills ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON globex.bills USING (true)`}, proof: `SELECT 1 / count(*) FROM globex.bills`},
		{name: "no policy holds", kind: "row-security", setup: []string{`GRANT USAGE ON SCHEMA globex TO acme_app; GRANT SELECT ON globex.bills TO acme_app`,
			`ALTER TABLE globex.bills ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON globex.bills USING (n = 5); ALTER ROLE acme_app BYPASSRLS`}, proof: `SELECT 1 / count(*) FROM globex.bills`},
		{name: "no policy holds, by two roles", kind: "row-security", min: 16, setup: []string{`CREATE ROLE readers; GRANT SELECT ON globex.bills TO readers; GRANT readers TO acme_app WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
			`GRANT USAGE ON SCHEMA globex TO acme_app; ALTER TABLE globex.bills ENABLE ROW LEVEL SECURITY; ALTER ROLE acme_app BYPASSRLS`}, proof: `SELECT 1 / count(*) FROM globex.bills`},
		{name: "a view passes by policies", kind: "view", setup: []string{`CREATE VIEW acme.v AS SELECT * FROM globex.bills`, `ALTER VIEW acme.v OWNER TO globex_owner; GRANT SELECT ON acme.v TO acme_app`,
			`ALTER TABLE globex.bills ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON globex.bills USING (n = 5)`}, proof: `SELECT 1 / count(*) FROM acme.v`},
		{name: "a foreign key hands it on", kind: "foreign-key", setup: []string{`CREATE TABLE acme.keys (k int PRIMARY KEY); INSERT INTO acme.keys VALUES (1); ALTER TABLE acme.keys OWNER TO acme_owner; GRANT acme_owner TO acme_app`,
			`ALTER TABLE globex.bills ADD FOREIGN KEY (n) REFERENCES acme.keys ON DELETE CASCADE`, `GRANT USAGE ON SCHEMA acme TO globex_owner`, left}, proof: `SELECT 1 / (1 - acme.left())`},
		{name: "a foreign key casts", kind: "foreign-key", setup: []string{keyed, `GRANT USAGE ON SCHEMA globex TO acme_app; GRANT REFERENCES ON globex.keyed TO acme_app; GRANT CREATE ON SCHEMA acme TO acme_app`},
			fill: `GRANT SELECT ON globex.bills TO acme_app`, proof: seeBills},
		{name: "a foreign key of a column casts", kind: "foreign-key", setup: []string{keyed, `GRANT USAGE ON SCHEMA globex TO acme_app; GRANT REFERENCES (n) ON globex.keyed TO acme_app; GRANT CREATE ON DATABASE postgres TO acme_app`},
			fill: `GRANT SELECT ON globex.bills TO acme_app`, proof: seeBills},
		{name: "a foreign key casts as a superuser", kind: "foreign-key", to: access.Superuser, proof: `CREATE TABLESPACE x LOCATION '/nowhere'`,
			setup: []string{keyed, `ALTER TABLE globex.keyed OWNER TO postgres; GRANT USAGE ON SCHEMA globex TO PUBLIC; GRANT ALL ON globex.keyed TO acme_app; GRANT CREATE ON SCHEMA acme TO acme_app`},
			fill:  `ALTER ROLE acme_app SUPERUSER`},
		{name: "a policy by a setting", kind: "row-security", setup: []string{`GRANT USAGE ON SCHEMA globex TO acme_app; GRANT SELECT ON globex.bills TO acme_app`,
			`ALTER TABLE globex.bills ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON globex.bills USING (n = NULLIF(current_setting('app.n', true), '')::int)`},
			walk: func(*pgtest.Server) []string { return []string{`SET app.n = '1'`} }, proof: `SELECT 1 / count(*) FROM globex.bills`},
		{name: "owner of a schema", kind: "drop", to: "globex_owner", setup: []string{`ALTER SCHEMA globex OWNER TO acme_owner; GRANT acme_owner TO acme_app`}, proof: `SELECT 1 / (to_regclass('globex.bills') IS NULL)::int`},
		{name: "large object", kind: "large-object", setup: []string{`SELECT lo_from_bytea(4711, 'secret'); ALTER LARGE OBJECT 4711 OWNER TO globex_owner; GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC`},
			proof: `SELECT lo_get(4711)`},
		{name: "reads all", kind: "all-data", setup: []string{`GRANT pg_read_all_data TO acme_app`}, proof: seeBills},
		{name: "writes all", kind: "all-data", setup: []string{`GRANT pg_write_all_data TO acme_app`}, proof: `INSERT INTO globex.bills VALUES (2)`},
		{name: "program", kind: "server-program", to: access.Superuser, setup: []string{`GRANT pg_execute_server_program TO acme_app`},
			proof: `CREATE TABLESPACE x LOCATION '/nowhere'`, walk: throughProgram},
		{name: "reads files", kind: "system-function", setup: []string{`GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO acme_app`},
			proof: `SELECT pg_read_binary_file('global/pg_filenode.map')`},
		{name: "imports files", kind: "system-function", setup: []string{`GRANT EXECUTE ON FUNCTION lo_import(text) TO acme_app`},
			proof: `SELECT lo_import('global/pg_filenode.map')`},
		{name: "decoding", kind: "logical-decoding", setup: []string{`ALTER ROLE acme_app REPLICATION`}, walk: func(*pgtest.Server) []string {
			return []string{`SELECT pg_create_logical_replication_slot('landlord_path', 'test_decoding')`}
		}, proof: `SELECT count(*) FROM pg_logical_slot_peek_changes('landlord_path', NULL, NULL)`},
		{name: "dblink", kind: "dblink", to: access.Superuser, setup: []string{`CREATE ROLE root SUPERUSER LOGIN; CREATE SCHEMA ext; GRANT USAGE ON SCHEMA ext TO PUBLIC; CREATE EXTENSION dblink SCHEMA ext; GRANT EXECUTE ON FUNCTION ext.dblink_connect_u(text) TO acme_app`},
			proof: `CREATE TABLESPACE x LOCATION '/nowhere'`, walk: func(s *pgtest.Server) []string {
				return []string{fmt.Sprintf(`SELECT ext.dblink_connect_u('host=%s port=%d user=root dbname=postgres')`, s.SocketDir(), s.Port()),
					`SELECT ext.dblink_exec('ALTER ROLE acme_app SUPERUSER')`}
			}},
		{name: "owner of a database", kind: "database-owner", setup: []string{`CREATE DATABASE house OWNER acme_owner`, `REVOKE ALL ON DATABASE house FROM PUBLIC`,
			`ALTER ROLE acme_app NOINHERIT; GRANT acme_owner TO acme_app`}, proof: `SELECT n FROM public.open`},
		{name: "template", kind: "template", setup: []string{`CREATE DATABASE house IS_TEMPLATE true`, `REVOKE ALL ON DATABASE house FROM PUBLIC; ALTER ROLE acme_app CREATEDB`},
			proof: `SELECT n FROM public.open`},
	}
}

// throughProgram makes a superuser of acme_app, as the server's own user.
func throughProgram(s *pgtest.Server) []string {
	psql, err := localpg.FindTool("psql")
	if err != nil {
		panic(err)
	}
	command := fmt.Sprintf("%s -h %s -p %d -U postgres -d postgres -c 'ALTER ROLE acme_app SUPERUSER'", psql, s.SocketDir(), s.Port())
	return []string{"COPY (SELECT 1) TO PROGRAM " + pgsql.Literal(command), "RESET ROLE"}
}

// neverCertain are the kinds of steps that are never certain, since they wait
// for somebody, or for something that the catalogs do not tell.
var neverCertain = []string{"server-files", "verifiers", "parameter", "physical-replication", "definer", "search-path", "trigger", "event-trigger",
	"untrusted-language", "foreign-server", "trust", "future",
	"rule", "database-settings", "view-code", "function-code", "expression-code", "subscription", "password"}

func TestEveryCertainKindIsWalked(t *testing.T) {
	walked := map[string]bool{}
	for _, w := range walkables() {
		walked[w.kind] = true
	}
	for _, k := range access.Kinds() {
		if walked[k.Name] == slices.Contains(neverCertain, k.Name) {
			t.Errorf("%s: walked %t, never certain %t", k.Name, walked[k.Name], !walked[k.Name])
		}
		delete(walked, k.Name)
	}
	if len(walked) > 0 {
		t.Errorf("no kinds: %v", slices.Collect(maps.Keys(walked)))
	}
}

// TestCertainPathsArrive walks each kind of certain path on a live server, and
// sees that without the hole there is no path and no way.
func TestCertainPathsArrive(t *testing.T) {
	for _, major := range pgtest.Majors() {
		for _, c := range walkables() {
			if major < c.min || c.until != 0 && major > c.until {
				continue
			}
			t.Run(fmt.Sprintf("postgres-%d/%s", major, c.name), func(t *testing.T) {
				t.Parallel()
				walkOne(t, pgtest.Start(t, major, pgtest.WithTrust(), pgtest.WithSettings(map[string]string{"wal_level": "logical"})), c)
			})
		}
	}
}

func walkOne(t *testing.T, s *pgtest.Server, c walkable) {
	s.Exec(t, "", estate...)
	to := c.to
	if to == "" {
		to = "globex"
	}
	if before := certainPaths(t, s, to); len(before) > 0 {
		t.Fatalf("a path before there is a hole: %s", said(before))
	}
	for _, statement := range c.setup {
		s.Exec(t, "", statement)
	}
	inHouse(t, s, c)
	paths := certainPaths(t, s, to)
	through := func(p access.Path) bool {
		return slices.ContainsFunc(p.Steps, func(s access.Step) bool { return s.Kind == c.kind })
	}
	i := slices.IndexFunc(paths, func(p access.Path) bool { return through(p) && strings.Contains(p.To, "globex_owner") })
	if i < 0 {
		i = slices.IndexFunc(paths, through)
	}
	if i < 0 {
		t.Fatalf("no certain path of kind %s: %+v", c.kind, paths)
	}
	conn := s.Connect(t, "postgres", "acme_app")
	if c.to == access.Superuser {
		if err := try(t, conn, c.proof); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Fatalf("before the walk: %v", err)
		}
	}
	statements := filled(paths[i], c.fill)
	if c.walk != nil {
		statements = c.walk(s)
	}
	for _, statement := range statements {
		if after, ok := strings.CutPrefix(statement, "-- connect to "); ok {
			conn = s.Connect(t, after, "acme_app")
			continue
		}
		if err := try(t, conn, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	err := try(t, conn, c.proof)
	if c.to == access.Superuser && err != nil && !strings.Contains(err.Error(), "42501") {
		err = nil // it was let, and found no such directory
	}
	if err != nil {
		t.Errorf("%s: %v", c.proof, err)
	}
}

// inHouse gives the database of some cases a table of globex's that is open
// to whoever gets in.
func inHouse(t *testing.T, s *pgtest.Server, c walkable) {
	t.Helper()
	if c.house || c.kind == "template" || c.kind == "database-owner" {
		s.Exec(t, "house", `GRANT USAGE ON SCHEMA public TO PUBLIC; CREATE TABLE public.open (n int); ALTER TABLE public.open OWNER TO globex_owner; GRANT SELECT ON public.open TO PUBLIC`)
	}
}

func try(t *testing.T, conn *pgx.Conn, sql string) error {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql)
	return err
}

// filled is the SQL of a path with a statement in the gap, as plpgsql, up to
// where that has run.
func filled(p access.Path, statement string) []string {
	if statement == "" {
		return sqlOf(p)
	}
	var out []string
	for _, s := range p.Steps {
		for _, sql := range s.SQL {
			out = append(out, strings.Replace(strings.Replace(sql, "BEGIN …;", "BEGIN EXECUTE "+strings.ReplaceAll(pgsql.Literal(statement), "'", "''")+";", 1), "-- what …", "-- what", 1))
		}
		if s.Kind == "foreign-key" {
			return out
		}
	}
	return out
}

// sqlOf is the SQL of a path that can be run as it stands.
func sqlOf(p access.Path) []string {
	var out []string
	for _, s := range p.Steps {
		for _, sql := range s.SQL {
			if !strings.Contains(sql, "…") {
				out = append(out, sql)
			}
		}
	}
	return out
}

func certainPaths(t *testing.T, s *pgtest.Server, to string) []access.Path {
	t.Helper()
	snap, err := catalog.Census(t.Context(), catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres")})
	if err != nil {
		t.Fatal(err)
	}
	paths, err := access.Prepare(snap).Paths("acme_app", to)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(paths, func(p access.Path) bool { return p.Certainty != access.Certain })
}
