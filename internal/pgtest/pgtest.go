// Package pgtest gives tests real PostgreSQL servers, of every supported major
// version, each private to one test and gone after it.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/localpg"
)

// Supported are the major versions that landlord is tested with.
var Supported = []int{14, 15, 16, 17, 18}

// Server is a private server for one test.
type Server struct {
	*localpg.Server
}

// Majors returns the major versions to test with: those of [Supported] that
// are installed. In CI ($CI or $LANDLORD_ALL_MAJORS set) it returns all of
// them, so that a missing one is a failure. $LANDLORD_MAJORS ("15 18") chooses
// others.
func Majors() []int {
	wanted, explicit := wanted()
	if explicit || complete() {
		return wanted
	}
	return slices.DeleteFunc(wanted, func(major int) bool {
		_, ok := installed()[major]
		return !ok
	})
}

// Each runs test once for every major version, each with a fresh server. A
// major that is not installed is skipped, loudly, or fails in CI.
func Each(t *testing.T, test func(t *testing.T, s *Server), opts ...Option) {
	t.Helper()
	majors, _ := wanted()
	for _, major := range majors {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			test(t, Start(t, major, opts...))
		})
	}
}

// wanted returns the majors to test with, installed or not, and whether
// somebody named them.
func wanted() (majors []int, explicit bool) {
	named := strings.FieldsFunc(os.Getenv("LANDLORD_MAJORS"), func(r rune) bool { return r == ' ' || r == ',' })
	if len(named) == 0 {
		return slices.Clone(Supported), false
	}
	for _, word := range named {
		major, err := strconv.Atoi(word)
		if err != nil {
			panic(fmt.Sprintf("LANDLORD_MAJORS: %q is not a major version of PostgreSQL", word))
		}
		majors = append(majors, major)
	}
	return majors, true
}

// complete says whether a missing major is a failure.
func complete() bool {
	return os.Getenv("CI") != "" || os.Getenv("LANDLORD_ALL_MAJORS") != ""
}

var installed = sync.OnceValue(func() map[int]localpg.Install {
	byMajor := map[int]localpg.Install{}
	for _, in := range localpg.Installed(context.Background()) {
		byMajor[in.Major] = in
	}
	return byMajor
})

// Option changes the server that [Start] makes.
type Option func(*localpg.Options)

// WithSettings adds settings to postgresql.conf.
func WithSettings(settings map[string]string) Option {
	return func(o *localpg.Options) { o.Settings = settings }
}

// WithTCP makes the server listen on 127.0.0.1, without TLS.
func WithTCP() Option { return func(o *localpg.Options) { o.TCP = true } }

// WithTLS makes the server listen on 127.0.0.1, with TLS and without.
func WithTLS() Option { return func(o *localpg.Options) { o.TLS = true } }

// WithHBA sets the text of pg_hba.conf. It should begin with
// [localpg.DefaultHBA], or the test itself cannot get in.
func WithHBA(text string) Option { return func(o *localpg.Options) { o.HBA = text } }

// WithTrust lets every role in over the socket without a password: for tests
// of what a role can do once it is in.
func WithTrust() Option { return WithHBA(localpg.DefaultHBA + "local all all trust\n") }

// Start starts a fresh private server of a major version, and stops and
// removes it at the end of the test. It skips the test where this major is
// not installed, or fails it in CI.
func Start(t testing.TB, major int, opts ...Option) *Server {
	t.Helper()
	in, ok := installed()[major]
	if !ok {
		missing(t, major)
	}
	o := localpg.Options{Install: in, Dir: scratch(t), Unsafe: true, Template: template(t, in)}
	for _, opt := range opts {
		opt(&o)
	}
	server, err := localpg.Create(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Remove(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &Server{server}
}

func missing(t testing.TB, major int) {
	t.Helper()
	_, explicit := wanted()
	if explicit || complete() {
		t.Fatalf("PostgreSQL %d is not installed: `make test` installs it", major)
	}
	t.Skipf("NOT TESTED on PostgreSQL %d, which is not installed: `make test` installs it", major)
}

// Connect opens a connection over the socket, closed at the end of the test.
// An empty db or user means postgres, the superuser.
func (s *Server) Connect(t testing.TB, db, user string) *pgx.Conn {
	t.Helper()
	conn, err := s.connect(t.Context(), db, user)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeConn(conn) })
	return conn
}

// connect waits for a session where the server has none left: one that has been
// closed is still the server's until its process has ended.
func (s *Server) connect(ctx context.Context, db, user string) (*pgx.Conn, error) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		conn, err := pgx.Connect(ctx, s.ConnString(orPostgres(db), orPostgres(user)))
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "53300" || time.Now().After(deadline) {
			return conn, err
		}
	}
}

func orPostgres(name string) string {
	if name == "" {
		return "postgres"
	}
	return name
}

// closeConn closes with a time limit of its own: the test's context is over
// when cleanups run.
func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the server may be gone already, which is well
}

// Exec runs SQL as superuser in a database, in a session of its own. Each
// text may hold several statements, which are then one transaction.
func (s *Server) Exec(t testing.TB, db string, sql ...string) {
	t.Helper()
	conn, err := s.connect(t.Context(), db, "")
	if err != nil {
		t.Fatal(err)
	}
	defer closeConn(conn)
	for _, text := range sql {
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatalf("%v\nin: %s", err, text)
		}
	}
}

// Log returns the server's log so far.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	text, err := s.Server.Log()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
