package access_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"landlord/internal/access"
	"landlord/internal/catalog"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/snapshot"
)

// cases is how many random states are tried on each major
// ($LANDLORD_ACCESS_CASES), and from which seed on ($LANDLORD_ACCESS_SEED).
func cases(t *testing.T) (first, n uint64) {
	t.Helper()
	read := func(name string, usual uint64) uint64 {
		n, err := strconv.ParseUint(os.Getenv(name), 10, 64)
		if err != nil {
			return usual
		}
		return n
	}
	return read("LANDLORD_ACCESS_SEED", 1), read("LANDLORD_ACCESS_CASES", 2)
}

// TestEffectivePrivileges: on random states, for every role, object and
// privilege, the engine says what the server's own functions say.
func TestEffectivePrivileges(t *testing.T) {
	first, n := cases(t)
	for _, major := range pgtest.Majors() {
		for seed := first; seed < first+n; seed++ {
			t.Run(fmt.Sprintf("postgres-%d/seed-%d", major, seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, major, seed)
				w.build()
				w.compare()
			})
		}
	}
}

// world is a random state on a server of its own.
type world struct {
	t       *testing.T
	s       *pgtest.Server
	gen     *rand.Rand
	roles   []string
	objects map[string][]string // by database: "TABLE a.b" and the like
	done    int
	refused int
}

func newWorld(t *testing.T, major int, seed uint64) *world {
	return &world{t: t, s: pgtest.Start(t, major), gen: rand.New(rand.NewPCG(seed, uint64(major))), objects: map[string][]string{}}
}

func pick[T any](w *world, list ...T) T { return list[w.gen.IntN(len(list))] }

func (w *world) chance(percent int) bool { return w.gen.IntN(100) < percent }

// try runs a statement that the server may refuse.
func (w *world) try(conn *pgx.Conn, format string, args ...any) bool {
	_, err := conn.Exec(w.t.Context(), fmt.Sprintf(format, args...))
	if err != nil {
		w.refused++
		return false
	}
	w.done++
	return true
}

func (w *world) role() string { return pick(w, w.roles...) }

func (w *world) grantee() string {
	if w.chance(15) {
		return "PUBLIC"
	}
	return w.role()
}

func (w *world) build() {
	conn := w.s.Connect(w.t, "", "")
	for i := range 9 {
		name := pick(w, "r%d", "Role %d", `q"%d`)
		name = pgsql.Ident(fmt.Sprintf(name, i))
		super := map[bool]string{true: "SUPERUSER"}[w.chance(8)]
		w.try(conn, "CREATE ROLE %s %s %s %s", name, super, pick(w, "INHERIT", "INHERIT", "NOINHERIT"), pick(w, "LOGIN", "NOLOGIN"))
		w.roles = append(w.roles, name)
	}
	for range 16 {
		w.membership(conn)
	}
	for _, r := range []string{"pg_read_all_data", "pg_write_all_data", "pg_maintain", "pg_monitor"} {
		if w.chance(60) {
			w.try(conn, "GRANT %s TO %s", r, w.role())
		}
	}
	w.parameters(conn)
	for _, db := range []string{"d0", "d1"} {
		w.try(conn, "CREATE DATABASE %s OWNER %s", db, w.role())
		w.objects[db] = append(w.objects[db], "DATABASE "+db)
		w.fill(db)
	}
	w.try(conn, "DROP ROLE %s", w.role())
	w.t.Logf("%d statements, %d more refused", w.done, w.refused)
}

func (w *world) membership(conn *pgx.Conn) {
	options := map[bool]string{true: " WITH ADMIN OPTION"}[w.chance(25)]
	if w.s.Major() >= 16 {
		options = fmt.Sprintf(" WITH ADMIN %s, INHERIT %s, SET %s", pick(w, "TRUE", "FALSE", "FALSE"), pick(w, "TRUE", "FALSE"), pick(w, "TRUE", "FALSE"))
	}
	if w.chance(25) {
		options += " GRANTED BY " + w.role()
	}
	w.try(conn, "GRANT %s TO %s%s", w.role(), w.role(), options)
}

func (w *world) parameters(conn *pgx.Conn) {
	if w.s.Major() < 15 {
		return
	}
	for range 3 {
		w.try(conn, "GRANT %s ON PARAMETER %s TO %s%s", pick(w, "SET", "ALTER SYSTEM", "ALL"), pick(w, "log_statement", "work_mem", "my.own"), w.grantee(), w.option())
	}
}

func (w *world) option() string { return pick(w, "", "", " WITH GRANT OPTION") }

// fill makes schemas and objects of all kinds in a database, as several
// roles, then grants and revokes at random.
func (w *world) fill(db string) {
	conn := w.s.Connect(w.t, db, "")
	for range 4 {
		w.defaults(conn)
	}
	for i := range 3 {
		schema := fmt.Sprintf("s%d", i)
		owner := w.role()
		if !w.try(conn, "CREATE SCHEMA %s AUTHORIZATION %s", schema, owner) {
			continue
		}
		w.objects[db] = append(w.objects[db], "SCHEMA "+schema)
		w.try(conn, "SET ROLE %s", owner)
		w.furnish(conn, db, schema)
		w.try(conn, "RESET ROLE")
		w.defaults(conn)
	}
	w.foreign(conn, db)
	for range 50 {
		w.grant(conn, db)
	}
}

func (w *world) furnish(conn *pgx.Conn, db, schema string) {
	for _, o := range []struct{ what, sql string }{
		{"TABLE", "CREATE TABLE %s.t (a serial, b text, c int)"},
		{"TABLE", `CREATE TABLE %s."T 2" (a int, b text, c int GENERATED ALWAYS AS IDENTITY)`},
		{"TABLE", "CREATE TABLE %s.p (a int, b text, c int) PARTITION BY RANGE (a)"},
		{"TABLE", "CREATE VIEW %s.v AS SELECT 1 AS a, 'x'::text AS b, 2 AS c"},
		{"TABLE", "CREATE MATERIALIZED VIEW %s.m AS SELECT 1 AS a, 'x'::text AS b, 2 AS c"},
		{"SEQUENCE", "CREATE SEQUENCE %s.s"},
		{"FUNCTION", "CREATE FUNCTION %s.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'"},
		{"PROCEDURE", "CREATE PROCEDURE %s.x(a text) LANGUAGE sql AS 'SELECT 1'"},
		{"TYPE", "CREATE TYPE %s.e AS ENUM ('a')"},
		{"TYPE", "CREATE TYPE %s.k AS (a int)"},
		{"TYPE", "CREATE TYPE %s.r AS RANGE (subtype = int4)"},
		{"DOMAIN", "CREATE DOMAIN %s.d AS int"},
	} {
		if w.chance(80) && w.try(conn, o.sql, schema) {
			words := strings.Fields(o.sql)
			name := fmt.Sprintf(words[2], schema)
			if words[1] == "MATERIALIZED" {
				name = fmt.Sprintf(words[3], schema)
			}
			if strings.Contains(o.sql, `"T 2"`) {
				name += ` 2"`
			}
			w.objects[db] = append(w.objects[db], o.what+" "+strings.Replace(name, "(a", "(", 1))
		}
	}
	w.try(conn, "CREATE TABLE %[1]s.p1 PARTITION OF %[1]s.p FOR VALUES FROM (1) TO (2)", schema)
	w.objects[db] = append(w.objects[db], "TABLE "+schema+".p1", "SEQUENCE "+schema+".t_a_seq")
}

func (w *world) foreign(conn *pgx.Conn, db string) {
	w.try(conn, "CREATE FOREIGN DATA WRAPPER w")
	w.try(conn, "CREATE SERVER far FOREIGN DATA WRAPPER w")
	w.try(conn, "CREATE FOREIGN TABLE s0.far (a int, b text, c int) SERVER far")
	w.try(conn, "ALTER SERVER far OWNER TO %s", w.role())
	w.try(conn, "SELECT lo_create(n) FROM generate_series(1001, 1004) AS n")
	w.try(conn, "ALTER LARGE OBJECT 1002 OWNER TO %s", w.role())
	w.objects[db] = append(w.objects[db], "FOREIGN DATA WRAPPER w", "FOREIGN SERVER far", "TABLE s0.far", "LANGUAGE plpgsql", "SCHEMA public",
		"LARGE OBJECT 1001", "LARGE OBJECT 1002", "LARGE OBJECT 1003", "TABLESPACE pg_default",
		"FUNCTION pg_catalog.pg_ls_dir(text)", "TABLE pg_catalog.pg_authid", "TABLE pg_catalog.pg_views", "SCHEMA information_schema")
}

func (w *world) defaults(conn *pgx.Conn) {
	in := map[bool]string{true: " IN SCHEMA " + pick(w, "s0", "s1", "public")}[w.chance(40)]
	kind := pick(w, "TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "TABLES")
	verb := fmt.Sprintf("GRANT ALL ON %s TO %s", kind, w.grantee())
	if w.chance(35) {
		verb = fmt.Sprintf("REVOKE ALL ON %s FROM %s", kind, w.grantee())
	}
	w.try(conn, "ALTER DEFAULT PRIVILEGES FOR ROLE %s%s %s", w.role(), in, verb)
}

// privilegesOf are what can be granted on an object, by the first word of its
// name.
var privilegesOf = map[string][]string{
	"TABLE":    {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "ALL", "SELECT (a)", "UPDATE (b), INSERT (b)", "REFERENCES (c)", "ALL (a, c)"},
	"SEQUENCE": {"USAGE", "SELECT", "UPDATE", "ALL"}, "FUNCTION": {"ALL"}, "PROCEDURE": {"EXECUTE"}, "TYPE": {"USAGE"}, "DOMAIN": {"ALL"},
	"SCHEMA": {"USAGE", "CREATE", "ALL"}, "DATABASE": {"CONNECT", "CREATE", "TEMP", "ALL"}, "FOREIGN": {"USAGE"}, "LANGUAGE": {"USAGE"},
	"LARGE": {"SELECT", "UPDATE", "ALL"}, "TABLESPACE": {"CREATE"},
}

// grant changes one right, as the superuser or as whoever may.
func (w *world) grant(conn *pgx.Conn, db string) {
	object := pick(w, w.objects[db]...)
	kind, _, _ := strings.Cut(object, " ")
	privs := pick(w, privilegesOf[kind]...)
	if kind == "TABLE" && w.s.Major() >= 17 && w.chance(15) {
		privs = "MAINTAIN"
	}
	if w.chance(10) && kind != "DATABASE" && !strings.Contains(object, "pg_catalog") {
		w.try(conn, "ALTER %s OWNER TO %s", object, w.role())
		return
	}
	as := w.chance(40) && w.try(conn, "SET ROLE %s", w.role())
	switch {
	case w.chance(65):
		w.try(conn, "GRANT %s ON %s TO %s%s", privs, object, w.grantee(), w.option())
	default:
		w.try(conn, "REVOKE %s%s ON %s FROM %s %s", map[bool]string{true: "GRANT OPTION FOR "}[w.chance(20)], privs, object, w.grantee(), pick(w, "", "CASCADE"))
	}
	if as {
		w.try(conn, "RESET ROLE")
	}
}

// compare asks the server and the engine the same.
func (w *world) compare() {
	snap, err := catalog.Census(w.t.Context(), catalog.CensusOptions{Conninfo: w.s.ConnString("postgres", "postgres")})
	if err != nil {
		w.t.Fatal(err)
	}
	st := access.Prepare(snap)
	asked := 0
	for db := range w.objects {
		asked += w.compareIn(st, snap, db)
	}
	w.t.Logf("%d answers compared", asked)
	if asked < 10000 {
		w.t.Errorf("only %d answers compared", asked)
	}
}

func (w *world) compareIn(st *access.State, snap snapshot.Snapshot, db string) int {
	got := engineSays(st, snap, db)
	want := w.serverSays(db, w.systemQuestions(st, db))
	wrong := 0
	for key, yes := range want {
		answer, known := got[key]
		if !known || answer != yes {
			if wrong++; wrong <= 15 {
				w.t.Errorf("%s: %s: the server says %t, the engine %t (known: %t)", db, key, yes, answer, known)
			}
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			if wrong++; wrong <= 15 {
				w.t.Errorf("%s: %s: the server was not asked", db, key)
			}
		}
	}
	return len(want)
}

func key(kind, schema, name, column, role, priv string) string {
	return strings.Join([]string{kind, schema, name, column, role, priv}, "|")
}

func engineSays(st *access.State, snap snapshot.Snapshot, db string) map[string]bool {
	out := map[string]bool{}
	say := func(o access.Object, role string, all, privs, grantable pgsql.Privs) {
		for _, name := range all.Names() {
			p := privilege(name)
			k := key(o.Kind.String(), o.Schema, o.Name, o.Column, role, name)
			out[k], out[k+" WITH GRANT OPTION"] = privs&p != 0, grantable&p != 0
		}
	}
	columns := map[[2]string]map[string]*access.Object{}
	each := func(o access.Object) {
		if o.Kind == pgsql.ColumnKind {
			at := [2]string{o.Schema, o.Name}
			if columns[at] == nil {
				columns[at] = map[string]*access.Object{}
			}
			columns[at][o.Column] = &o
			return
		}
		named := o
		if o.Kind == pgsql.LargeObject {
			if snap.Version.Major() < 18 {
				return // nothing to ask the server with
			}
			named.Name = o.Owner + fmt.Sprint(o.ACL)
		}
		for _, r := range snap.Roles {
			p, g := st.Privileges(r.Name, o)
			say(named, r.Name, o.Kind.All(snap.Version), p, g)
		}
	}
	for o := range st.Shared() {
		each(o)
	}
	for o := range st.Inside(db) {
		each(o)
	}
	for o := range st.Inside(db) {
		if o.Kind != pgsql.Table || o.System {
			continue
		}
		for _, c := range []string{"a", "b", "c"} {
			column := columns[[2]string{o.Schema, o.Name}][c]
			named := access.Object{Kind: pgsql.ColumnKind, Schema: o.Schema, Name: o.Name, Column: c}
			for _, r := range snap.Roles {
				p, g := st.Column(r.Name, o, column)
				say(named, r.Name, pgsql.ColumnKind.All(snap.Version), p, g)
			}
		}
	}
	membershipsSaid(st, snap, db, out)
	return out
}

func membershipsSaid(st *access.State, snap snapshot.Snapshot, db string, out map[string]bool) {
	ways := map[string]access.How{"USAGE": access.Usage, "MEMBER": access.Member, "MEMBER WITH ADMIN OPTION": access.Admin}
	if snap.Version.MembershipOptions() {
		ways["SET"] = access.SetRole
	}
	for _, a := range snap.Roles {
		for _, b := range snap.Roles {
			for name, how := range ways {
				out[key("role", "", b.Name, "", a.Name, name)] = st.HasRole(a.Name, b.Name, how, db)
			}
		}
	}
}

func privilege(name string) pgsql.Privs {
	for p := pgsql.Select; p <= pgsql.AlterSystem; p <<= 1 {
		if p.String() == name {
			return p
		}
	}
	panic(name)
}

// serverSays asks has_*_privilege and pg_has_role about everything in a
// database.
func (w *world) serverSays(db string, more []string) map[string]bool {
	conn := w.s.Connect(w.t, db, "")
	out := map[string]bool{}
	for _, q := range append(w.questions(), more...) {
		rows, err := conn.Query(w.t.Context(), q)
		if err != nil {
			w.t.Fatalf("%v\nin %s", err, q)
		}
		for rows.Next() {
			var kind, schema, name, column, role, priv string
			var yes bool
			if err := rows.Scan(&kind, &schema, &name, &column, &role, &priv, &yes); err != nil {
				w.t.Fatalf("%v\nin %s", err, q)
			}
			out[key(kind, schema, name, column, role, priv)] = yes
		}
		if err := rows.Err(); err != nil {
			w.t.Fatalf("%v\nin %s", err, q)
		}
	}
	return out
}

// systemQuestions are about the system's own objects that are not as initdb
// left them.
func (w *world) systemQuestions(st *access.State, db string) []string {
	var list []string
	for o := range st.Inside(db) {
		if !o.System {
			continue
		}
		name, function := pgsql.Literal(o.Schema+"."+o.Name), map[pgsql.ObjectKind]string{
			pgsql.Table: "has_table_privilege", pgsql.Routine: "has_function_privilege", pgsql.SchemaKind: "has_schema_privilege"}[o.Kind]
		if o.Kind == pgsql.SchemaKind {
			name = pgsql.Literal(o.Name)
		}
		privs := strings.Join(o.Kind.All(pgsql.Version(w.s.Major()*10000)).Names(), " ")
		list = append(list, ask(o.Kind.String(), pgsql.Literal(o.Schema), pgsql.Literal(o.Name), privs, function+"(r.oid, "+name+", p.priv)", "(SELECT 1) AS one", "true"))
	}
	return list
}

func (w *world) questions() []string {
	table := "SELECT INSERT UPDATE DELETE TRUNCATE REFERENCES TRIGGER"
	if w.s.Major() >= 17 {
		table += " MAINTAIN"
	}
	const house = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
	list := []string{
		ask("table", "n.nspname", "o.relname", table, "has_table_privilege(r.oid, o.oid, p.priv)",
			"pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace", "o.relkind IN ('r','p','v','m','f') AND "+house),
		ask("sequence", "n.nspname", "o.relname", "SELECT UPDATE USAGE", "has_sequence_privilege(r.oid, o.oid, p.priv)",
			"pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace", "o.relkind = 'S' AND "+house),
		strings.Replace(ask("column", "n.nspname", "o.relname", "SELECT INSERT UPDATE REFERENCES", "has_column_privilege(r.oid, o.oid, a.attnum, p.priv)",
			"pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0",
			"o.relkind IN ('r','p','v','m','f') AND "+house), ", '',", ", a.attname::text,", 1),
		ask("function", "n.nspname", "o.oid::regprocedure::text", "EXECUTE", "has_function_privilege(r.oid, o.oid, p.priv)",
			"pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace", house+" AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'i')"),
		ask("type", "n.nspname", "o.typname", "USAGE", "has_type_privilege(r.oid, o.oid, p.priv)",
			"pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace LEFT JOIN pg_class c ON c.oid = o.typrelid",
			"(o.typtype IN ('d','e','r') OR c.relkind = 'c' OR o.typtype = 'm' AND current_setting('server_version_num')::int < 170000) AND "+house),
		ask("schema", "o.nspname", "o.nspname", "USAGE CREATE", "has_schema_privilege(r.oid, o.oid, p.priv)", "pg_namespace o", "o.nspname !~ '^pg_' AND o.nspname <> 'information_schema'"),
		ask("database", "''", "o.datname", "CREATE CONNECT TEMPORARY", "has_database_privilege(r.oid, o.oid, p.priv)", "pg_database o", "true"),
		ask("language", "''", "o.lanname", "USAGE", "has_language_privilege(r.oid, o.oid, p.priv)", "pg_language o", "o.lanispl"),
		ask("foreign-data wrapper", "''", "o.fdwname", "USAGE", "has_foreign_data_wrapper_privilege(r.oid, o.oid, p.priv)", "pg_foreign_data_wrapper o", "true"),
		ask("foreign server", "''", "o.srvname", "USAGE", "has_server_privilege(r.oid, o.oid, p.priv)", "pg_foreign_server o", "true"),
		ask("tablespace", "''", "o.spcname", "CREATE", "has_tablespace_privilege(r.oid, o.oid, p.priv)", "pg_tablespace o", "true"),
		membershipQuestion("USAGE"), membershipQuestion("MEMBER"), membershipQuestion("MEMBER WITH ADMIN OPTION"),
	}
	if w.s.Major() >= 15 {
		list = append(list, ask("parameter", "''", "o.parname", "SET,ALTER SYSTEM", "has_parameter_privilege(r.oid, o.parname, p.priv)", "pg_parameter_acl o", "true"))
	}
	if w.s.Major() >= 16 {
		list = append(list, membershipQuestion("SET"))
	}
	if w.s.Major() >= 18 {
		list = append(list, ask("large object", "''", "o.name", "SELECT UPDATE", "has_largeobject_privilege(r.oid, o.oid, p.priv)",
			`(SELECT min(oid::int8)::oid AS oid, pg_get_userbyid(lomowner) || '[' || COALESCE(array_to_string(lomacl, ' '), '') || ']' AS name
			  FROM pg_largeobject_metadata GROUP BY 2, lomowner, lomacl) AS o`, "true"))
	}
	return list
}

// ask makes a question about every role, object and privilege.
func ask(kind, schema, name, privs, function, from, where string) string {
	list := strings.Fields(privs)
	if strings.Contains(privs, ",") {
		list = strings.Split(privs, ",")
	}
	var values []string
	for _, p := range list {
		values = append(values, pgsql.Literal(p), pgsql.Literal(p+" WITH GRANT OPTION"))
	}
	return fmt.Sprintf("SELECT '%s', %s::text, %s::text, '', r.rolname::text, p.priv, %s FROM %s CROSS JOIN pg_roles r CROSS JOIN unnest(ARRAY[%s]) AS p(priv) WHERE %s",
		kind, schema, name, function, from, strings.Join(values, ", "), where)
}

func membershipQuestion(how string) string {
	return fmt.Sprintf("SELECT 'role', '', b.rolname::text, '', a.rolname::text, '%[1]s', pg_has_role(a.oid, b.oid, '%[1]s') FROM pg_roles a CROSS JOIN pg_roles b", how)
}
