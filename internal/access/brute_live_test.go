package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"landlord/internal/access"
	"landlord/internal/catalog"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
)

// TestNoPathMeansNoWay: on random states, what the engine finds no certain
// path to is reached by no single step and by no two; and the SQL of every
// certain path works.
func TestNoPathMeansNoWay(t *testing.T) {
	first, n := cases(t)
	for _, major := range pgtest.Majors() {
		for seed := first; seed < first+n; seed++ {
			t.Run(fmt.Sprintf("postgres-%d/seed-%d", major, seed), func(t *testing.T) {
				t.Parallel()
				w := newMaze(t, major, seed)
				w.build()
				w.search()
			})
		}
	}
}

// maze is a state of a few roles, each with a schema and a table, with some
// random holes.
type maze struct {
	*world
	referred int // paths by a foreign key that were walked
}

func newMaze(t *testing.T, major int, seed uint64) *maze {
	w := newWorld(t, major, seed+1000)
	w.s.SetHBA(t, "local all all trust\n")
	return &maze{world: w}
}

func (m *maze) build() {
	conn := m.s.Connect(m.t, "", "")
	m.try(conn, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	for i := range 6 {
		name := fmt.Sprintf("r%d", i)
		m.roles = append(m.roles, name)
		m.try(conn, "CREATE ROLE %s LOGIN %s %s", name, pick(m.world, "INHERIT", "INHERIT", "NOINHERIT"), map[bool]string{true: "CREATEROLE"}[m.chance(12)])
		m.try(conn, "CREATE SCHEMA s%d AUTHORIZATION %s", i, name)
		m.try(conn, "CREATE TABLE s%[1]d.t (n int DEFAULT 1); ALTER TABLE s%[1]d.t OWNER TO %[2]s; INSERT INTO s%[1]d.t VALUES (1)", i, name)
		m.try(conn, "CREATE TABLE s%[1]d.k (n int PRIMARY KEY, m int UNIQUE); ALTER TABLE s%[1]d.k OWNER TO %[2]s; INSERT INTO s%[1]d.k VALUES (1, 1)", i, name)
	}
	for range 5 {
		m.membership(conn)
	}
	if m.chance(30) {
		m.try(conn, "GRANT %s TO %s", pick(m.world, "pg_read_all_data", "pg_write_all_data"), m.role())
	}
	for range 7 {
		m.hole(conn)
	}
}

func (m *maze) hole(conn *pgx.Conn) {
	i, j := m.gen.IntN(6), m.gen.IntN(6)
	switch m.gen.IntN(12) {
	case 0, 1:
		m.try(conn, "GRANT %s ON s%d.t TO %s", pick(m.world, "SELECT", "INSERT", "DELETE", "TRUNCATE", "SELECT (n)"), i, m.grantee())
	case 2, 3:
		m.try(conn, "GRANT USAGE ON SCHEMA s%d TO %s", i, m.grantee())
	case 4:
		m.try(conn, "CREATE VIEW s%[1]d.v AS SELECT * FROM s%[2]d.t; ALTER VIEW s%[1]d.v OWNER TO %[3]s; GRANT SELECT ON s%[1]d.v TO %[4]s", i, j, m.role(), m.grantee())
	case 5:
		m.try(conn, "ALTER TABLE s%d.t INHERIT s%d.t", i, j)
	case 6:
		m.try(conn, "ALTER SCHEMA s%d OWNER TO %s", i, m.role())
	case 7:
		m.try(conn, "ALTER TABLE s%[1]d.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p%[2]d ON s%[1]d.t USING (%[3]s)", i, m.gen.IntN(1000), pick(m.world, "true", "n > 5"))
	case 8:
		m.try(conn, "ALTER ROLE %s BYPASSRLS", m.role())
	case 9, 10:
		who := m.grantee()
		m.try(conn, "GRANT %s ON s%d.k TO %s", pick(m.world, "REFERENCES", "REFERENCES (n)", "REFERENCES (m)"), i, who)
		if m.chance(60) {
			m.try(conn, "GRANT USAGE ON SCHEMA s%d TO %s", i, who)
		}
	case 11:
		m.try(conn, "GRANT CREATE, USAGE ON SCHEMA s%d TO %s", i, m.grantee())
	}
}

// moves are what a role can try to become more.
func (m *maze) moves() []string {
	var out []string
	options := ""
	if m.s.Major() >= 16 {
		options = " WITH INHERIT TRUE, SET TRUE"
	}
	for _, r := range append([]string{"pg_read_all_data", "pg_write_all_data"}, m.roles...) {
		out = append(out, "SET ROLE "+r, "GRANT "+r+" TO SESSION_USER"+options)
	}
	return out
}

// search tries, as each role, every move and every two moves, and looks after
// each at what it has come to.
func (m *maze) search() {
	snap, err := catalog.Census(m.t.Context(), catalog.CensusOptions{Conninfo: m.s.ConnString("postgres", "postgres")})
	if err != nil {
		m.t.Fatal(err)
	}
	st := access.Prepare(snap)
	tried, held := 0, 0
	for _, from := range m.roles {
		reached := map[string]string{} // "the role x" or "data of x" -> by what
		m.explore(from, nil, 2, func(what string, by []string) {
			tried++
			if reached[what] == "" {
				reached[what] = strings.Join(by, "; ")
			}
		})
		for _, to := range m.roles {
			if to == from {
				continue
			}
			certain := m.certain(st, from, to)
			for _, what := range []string{"the role " + to, "data of " + to} {
				if by := reached[what]; by != "" && !certain {
					m.t.Errorf("%s gets at %s by %q, and the engine knows no certain path", from, what, by)
				}
			}
			if !certain {
				held++
			}
		}
	}
	m.t.Logf("%d arrivals; between %d pairs there is no path; %d paths by a foreign key were walked", tried, held, m.referred)
}

func (m *maze) certain(st *access.State, from, to string) bool {
	paths, err := st.Paths(from, to)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, p := range paths {
		if p.Certainty == access.Certain {
			m.walk(from, p)
		}
	}
	return len(paths) > 0 && paths[0].Certainty == access.Certain
}

// walk runs the SQL of a certain path, which must work as it stands.
func (m *maze) walk(from string, p access.Path) {
	conn := m.s.Connect(m.t, "postgres", from)
	m.attempt(conn, "BEGIN")
	defer m.attempt(conn, "ROLLBACK")
	statements, referred := inSession(p)
	for _, sql := range statements {
		if _, err := conn.Exec(m.t.Context(), sql); err != nil {
			m.t.Errorf("from %s to %s: %s: %v\n%+v", from, p.To, sql, err, p.Steps)
			return
		}
	}
	if !referred {
		return
	}
	m.referred++
	if who := m.ran(conn); who == "" || who == from {
		m.t.Errorf("from %s to %s: what the cast calls ran as %q\n%+v", from, p.To, who, p.Steps)
	}
}

// inSession is the SQL of a path as the session runs it. What stands after a
// foreign key is run by the cast that this calls, as the owner of the table
// that it leads to, up to a SET ROLE, which only the session itself can do.
func inSession(p access.Path) (statements []string, referred bool) {
	i := slices.IndexFunc(p.Steps, func(s access.Step) bool { return s.Kind == "foreign-key" })
	if i < 0 {
		return sqlOf(p), false
	}
	inside, _ := inSession(access.Path{Steps: p.Steps[i+1:]})
	var outside []string
	if n := slices.IndexFunc(inside, func(sql string) bool { return strings.HasPrefix(sql, "SET ROLE") }); n >= 0 {
		inside, outside = inside[:n], inside[n:]
	}
	code := strings.Join(append([]string{says}, inside...), "; ")
	return append(filled(access.Path{Steps: p.Steps[:i+1]}, code), outside...), true
}

// says notes whose rights some code has, and ran reads it.
const says = "SELECT set_config('maze.ran', current_user, true)"

func (m *maze) ran(conn *pgx.Conn) (who string) {
	if err := conn.QueryRow(m.t.Context(), "SELECT coalesce(current_setting('maze.ran', true), '')").Scan(&who); err != nil {
		m.t.Error(err)
	}
	return who
}

// refer has code run by each foreign key that the session can make, from a table
// in the first schema in which it has room.
func (m *maze) refer(conn *pgx.Conn, moves []string, reached func(string, []string)) {
	m.attempt(conn, "SAVEPOINT refer")
	defer m.attempt(conn, "ROLLBACK TO refer", "RELEASE refer")
	for i := range m.roles {
		if m.attempt(conn, "SAVEPOINT room", fmt.Sprintf(`CREATE TYPE s%[1]d.e AS ENUM ('1');
			CREATE FUNCTION s%[1]d.e(s%[1]d.e) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM set_config(''maze.ran'', current_user, true); RETURN 1; END';
			CREATE CAST (s%[1]d.e AS int) WITH FUNCTION s%[1]d.e(s%[1]d.e) AS IMPLICIT`, i)) {
			m.referFrom(conn, i, moves, reached)
			return
		}
		m.attempt(conn, "ROLLBACK TO room")
	}
}

func (m *maze) referFrom(conn *pgx.Conn, room int, moves []string, reached func(string, []string)) {
	for i := range m.roles {
		for _, column := range []string{"n", "m"} {
			sql := fmt.Sprintf("CREATE TABLE s%[1]d.x (c s%[1]d.e REFERENCES s%[2]d.k (%[3]s)); INSERT INTO s%[1]d.x VALUES ('1')", room, i, column)
			if m.attempt(conn, "SAVEPOINT key", sql) {
				reached("the role "+m.ran(conn), append(moves[:len(moves):len(moves)], sql))
			}
			m.attempt(conn, "ROLLBACK TO key", "RELEASE key")
		}
	}
}

// explore makes moves in transactions that are rolled back.
func (m *maze) explore(from string, moves []string, depth int, reached func(string, []string)) {
	conn := m.s.Connect(m.t, "postgres", from)
	var deeper func(moves []string, depth int)
	deeper = func(moves []string, depth int) {
		m.look(conn, moves, reached)
		if len(moves) < 2 { // a foreign key is a step too
			m.refer(conn, moves, reached)
		}
		if depth == 0 {
			return
		}
		for _, move := range m.moves() {
			if m.attempt(conn, "SAVEPOINT here", move) {
				deeper(append(moves[:len(moves):len(moves)], move), depth-1)
			}
			m.attempt(conn, "ROLLBACK TO here", "RELEASE here")
		}
	}
	m.attempt(conn, "BEGIN")
	deeper(moves, depth)
	m.attempt(conn, "ROLLBACK")
}

func (m *maze) attempt(conn *pgx.Conn, statements ...string) bool {
	for _, s := range statements {
		if _, err := conn.Exec(m.t.Context(), s); err != nil {
			return false
		}
	}
	return true
}

// look tries what the session can do now: whose role it is, and whose rows it
// reads or changes, through tables and views.
func (m *maze) look(conn *pgx.Conn, moves []string, reached func(string, []string)) {
	var who string
	if err := conn.QueryRow(m.t.Context(), "SELECT current_user").Scan(&who); err == nil {
		reached("the role "+who, moves)
	}
	for i, owner := range m.roles {
		table := pgsql.Qualified(fmt.Sprintf("s%d", i), "t")
		for _, sql := range []string{"SELECT n FROM ONLY " + table, "INSERT INTO " + table + " DEFAULT VALUES", "DELETE FROM ONLY " + table, "TRUNCATE ONLY " + table, "DROP TABLE " + table} {
			m.attempt(conn, "SAVEPOINT look")
			done, err := conn.Exec(m.t.Context(), sql)
			m.attempt(conn, "ROLLBACK TO look", "RELEASE look")
			// Who is shown no row, by a policy, has not reached it.
			if err == nil && (done.RowsAffected() > 0 || !done.Select() && !done.Delete()) {
				reached("data of "+owner, append(moves[:len(moves):len(moves)], sql))
				break
			}
		}
	}
}
