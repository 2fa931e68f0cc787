package clienttest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"landlord"
	"landlord/internal/apply"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// questionHBA is what pg_hba.conf says in the question that started the
// project.
const questionHBA = localpg.DefaultHBA + `local   all             all                                     md5
host    all             all             127.0.0.1/32            md5
`

// mess is a database as people have made it by hand, which an application is
// at work in as user1.
type mess struct {
	name string
	// server is done first, in database postgres. user1, dev and admin are
	// there, and database user1.
	server string
	// maker makes the objects.
	maker string
	// after is done in database user1 at the end.
	after string
	// first is what people are told to do before they apply, while the
	// application is at work.
	first string
	// schemas of the spec; the application's own come first.
	schemas []string
}

func messes() []mess {
	public := []string{"public", "audit"}
	return []mess{
		{name: "the question's own", maker: "user1", schemas: public,
			server: "GRANT user1 TO admin; ALTER DATABASE user1 OWNER TO admin; GRANT ALL ON DATABASE user1 TO user1"},
		{name: "everything is the application's", maker: "user1", schemas: []string{"app", "audit"},
			server: "ALTER DATABASE user1 OWNER TO user1; ALTER ROLE user1 SET search_path = app, public"},
		{name: "the application lives on PUBLIC", maker: "dev", schemas: public,
			after: "GRANT ALL ON ALL TABLES IN SCHEMA public, audit TO PUBLIC; GRANT ALL ON ALL SEQUENCES IN SCHEMA public, audit TO PUBLIC; GRANT ALL ON SCHEMA public, audit TO PUBLIC"},
		{name: "the application lives in a group", maker: "dev", schemas: public,
			server: "CREATE ROLE crud; GRANT crud TO user1; REVOKE ALL ON DATABASE user1 FROM PUBLIC; GRANT CONNECT, TEMPORARY ON DATABASE user1 TO crud",
			after: "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public, audit TO crud; GRANT ALL ON ALL TABLES IN SCHEMA public, audit TO crud; " +
				"GRANT ALL ON ALL SEQUENCES IN SCHEMA public, audit TO crud; REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO crud"},
		{name: "the application is in the group that owns everything", maker: "crud", schemas: []string{"app", "audit"},
			server: "CREATE ROLE crud; GRANT crud TO user1; ALTER DATABASE user1 OWNER TO crud; ALTER DATABASE user1 SET search_path = app"},
		{name: "the application is a superuser", maker: "postgres", schemas: public, server: "ALTER ROLE user1 SUPERUSER CREATEROLE CREATEDB"},
		{name: "the application is a superuser and owns everything", maker: "user1", schemas: public,
			server: "ALTER ROLE user1 SUPERUSER; ALTER DATABASE user1 OWNER TO user1"},
		{name: "an old password", maker: "user1", schemas: public,
			server: "SET password_encryption = md5; ALTER ROLE user1 PASSWORD 'user1-password'",
			first:  "ALTER ROLE user1 PASSWORD 'user1-password'"}, // as \password does, with the password that it has
		{name: "grants on grants, columns and defaults", maker: "dev", schemas: public,
			server: "CREATE ROLE other; ALTER ROLE user1 CREATEROLE CONNECTION LIMIT 90 VALID UNTIL '2099-01-01'",
			after: "ALTER DEFAULT PRIVILEGES FOR ROLE dev GRANT ALL ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO user1; " +
				"GRANT ALL ON SCHEMA public, audit TO other WITH GRANT OPTION; GRANT ALL ON ALL TABLES IN SCHEMA public, audit TO other WITH GRANT OPTION; " +
				"GRANT ALL ON ALL SEQUENCES IN SCHEMA public, audit TO other WITH GRANT OPTION; SET ROLE other; GRANT ALL ON SCHEMA public, audit TO user1; " +
				"GRANT ALL ON ALL TABLES IN SCHEMA public, audit TO user1 WITH GRANT OPTION; GRANT ALL ON ALL SEQUENCES IN SCHEMA public, audit TO user1; RESET ROLE; " +
				"REVOKE INSERT ON customers FROM user1 CASCADE; REVOKE INSERT ON customers FROM other CASCADE; GRANT INSERT (id, name) ON customers TO user1"},
	}
}

// make makes the mess.
func (m mess) make(t *testing.T, s *pgtest.Server) {
	t.Helper()
	s.Exec(t, "", "CREATE ROLE user1 LOGIN PASSWORD 'user1-password'; CREATE ROLE dev; CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD 'admin-password'",
		"CREATE DATABASE user1", orNothing(m.server))
	s.Exec(t, "user1", "GRANT CREATE ON DATABASE user1 TO "+m.maker+"; GRANT ALL ON SCHEMA public TO PUBLIC; SET ROLE "+m.maker+
		"; CREATE SCHEMA IF NOT EXISTS "+m.schemas[0]+"; CREATE SCHEMA audit; SET search_path = "+m.schemas[0]+"; "+objects, orNothing(m.after))
}

func orNothing(sql string) string {
	if sql == "" {
		return "SELECT"
	}
	return sql
}

// estate takes the database over.
func (m mess) estate(t *testing.T, s *pgtest.Server) tenant.Estate {
	t.Helper()
	text := fmt.Sprintf(`servers:
  main: {connection: 'host=%s port=%d user=postgres', operators: [admin]}
tenants:
  customer1: {database: user1, schemas: [%s], logins: {app: user1}, adopt: true}
`, s.SocketDir(), s.Port(), strings.Join(m.schemas, ", "))
	e, err := spec.Parse("landlord.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ways are how the application connects.
func ways(s *pgtest.Server) []string {
	return []string{
		s.ConnString("user1", "user1") + " password=user1-password",
		s.TCPConnString("user1", "user1") + " password=user1-password",
	}
}

// eachMess runs a test for each mess, each on a fresh server: on each major, or
// in turn on every other.
func eachMess(t *testing.T, inTurn bool, test func(t *testing.T, s *pgtest.Server, m mess)) {
	majors := ends()
	for i, major := range majors {
		for j, m := range messes() {
			if inTurn && len(majors) > 1 && (i+j)%2 != 0 {
				continue
			}
			t.Run(fmt.Sprintf("postgres-%d/%s", major, m.name), func(t *testing.T) {
				t.Parallel()
				s := pgtest.Start(t, major, pgtest.WithTCP(), pgtest.WithHBA(questionHBA))
				m.make(t, s)
				test(t, s, m)
			})
		}
	}
}

// An existing database joins while its application is at work, in many
// sessions, old and new, with long transactions: no client sees an error.
func TestAdoptionDisturbsNobody(t *testing.T) {
	t.Parallel()
	eachMess(t, true, func(t *testing.T, s *pgtest.Server, m mess) {
		e := m.estate(t, s)
		php := startApplication(t, s)
		clients := gather(t, 6, 60*time.Millisecond, ways(s)...)
		defer clients.home()
		s.Exec(t, "", orNothing(m.first))
		takeOver(t, e)
		clients.everybody(2)
		php.home(t)
		settled(t, e)
		t.Logf("%d rounds", clients.home())
	})
}

// takeOver applies while clients are at work.
func takeOver(t *testing.T, e tenant.Estate) {
	t.Helper()
	result, err := patiently(t, func() (apply.Result, error) {
		return landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
	})
	if err != nil || result.Err() != nil {
		t.Fatalf("apply: %v; %v", err, result.Err())
	}
}

// patiently runs what fails for nothing but a lock again, as its error says: on a
// machine that is slow enough, clients leave no gap in which one is to be had for
// as long as apply tries.
func patiently(t *testing.T, do func() (apply.Result, error)) (result apply.Result, err error) {
	t.Helper()
	inVain := func(o apply.Outcome) bool {
		step, ok := errors.AsType[*apply.StepError](o.Err)
		return ok && step.State == "55P03"
	}
	for range 20 {
		result, err = do()
		if len(result.Failed) == 0 || slices.ContainsFunc(result.Failed, func(o apply.Outcome) bool { return !inVain(o) }) {
			break
		}
		t.Logf("once more: %v", result.Err())
	}
	return result, err
}

// So it is in every state on the way: after each transaction of apply's, every
// client does its work anew.
func TestAdoptionStepByStep(t *testing.T) {
	t.Parallel()
	eachMess(t, false, func(t *testing.T, s *pgtest.Server, m mess) {
		s.Exec(t, "", orNothing(m.first))
		e := m.estate(t, s)
		clients := onCall(t, 2, ways(s)...)
		defer clients.home()
		stepByStep(t, e, clients)
		settled(t, e)
	})
}

// settled says that nothing is left to do, and that the application is what
// it should be: no owner, and in nothing but its own group.
func settled(t *testing.T, e tenant.Estate) {
	t.Helper()
	p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Steps {
		t.Errorf("still to do: %s: %q", s.Why, s.SQL)
	}
	for _, n := range p.Notes {
		if n.Cannot {
			t.Errorf("cannot: %s", n.What)
		}
	}
}

// ends are the oldest and the newest major; in CI, all.
func ends() []int {
	majors := pgtest.Majors()
	if all() {
		return majors
	}
	return slices.Compact([]int{majors[0], majors[len(majors)-1]})
}

// all says that every major is wanted.
func all() bool { return os.Getenv("CI") != "" || os.Getenv("LANDLORD_ALL_MAJORS") != "" }
