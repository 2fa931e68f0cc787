package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// lives are the commands that change one tenant, each of which is tried with a
// spec and with none.
type lives struct {
	t    *testing.T
	s    *pgtest.Server
	file string
}

func newLives(t *testing.T, major int) *lives {
	l := &lives{t: t, s: pgtest.Start(t, major), file: filepath.Join(t.TempDir(), "landlord.yaml")}
	l.write("  acme: {}\n  bolt: {isolation: schema, database: shared}\n")
	l.must("apply", "--yes", "-f", l.file)
	return l
}

func (l *lives) write(tenants string, more ...string) {
	l.t.Helper()
	text := fmt.Sprintf("servers:\n  main: {connection: %s}\n%ssecrets: {file: %s}\ndefaults: {server: main}\ntenants:\n%s",
		l.s.ConnString("postgres", "postgres"), strings.Join(more, ""), l.kept(), tenants)
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// kept is the file in which passwords are.
func (l *lives) kept() string { return filepath.Join(filepath.Dir(l.file), "kept.pgpass") }

func (l *lives) landlord(args ...string) (status int, out, said string) {
	l.t.Helper()
	stdout, stderr, err := run.Command(context.Background(), run.Spec{Name: "landlord", Args: args})
	if ended, ok := errors.AsType[*run.Error](err); ok {
		status = ended.Code
	} else if err != nil {
		l.t.Fatal(err)
	}
	return status, string(stdout), string(stderr)
}

func (l *lives) must(args ...string) string {
	l.t.Helper()
	status, out, said := l.landlord(args...)
	if status != 0 {
		l.t.Fatalf("landlord %s: exit status %d: %s", strings.Join(args, " "), status, said)
	}
	return out
}

// cannot wants a command to fail with a status and with words, and to leave the
// server, where it can be asked, and the spec as they were.
func (l *lives) cannot(status int, words []string, args ...string) {
	l.t.Helper()
	before := l.look()
	got, _, said := l.landlord(args...)
	if got != status {
		l.t.Errorf("landlord %s: exit status %d, not %d: %s", strings.Join(args, " "), got, status, said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			l.t.Errorf("landlord %s does not say %q: %s", strings.Join(args, " "), w, said)
		}
	}
	if diff := cmp.Diff(before, l.look()); diff != "" {
		l.t.Errorf("landlord %s has changed something: %s", strings.Join(args, " "), diff)
	}
}

// look is all that a command could change: the spec, the passwords that are kept,
// and the server, where it can be asked.
func (l *lives) look() string {
	l.t.Helper()
	text, err := os.ReadFile(l.file)
	if err != nil {
		l.t.Fatal(err)
	}
	kept, _ := os.ReadFile(l.kept())
	all := string(text) + string(kept)
	if l.s.Pid() != 0 {
		all += catalogs(l.t, l.s)
	}
	return all
}

// both tries a command with the spec, and with the server alone.
func (l *lives) both(status int, words []string, args ...string) {
	l.t.Helper()
	l.cannot(status, words, append(slices.Clone(args), "-f", l.file)...)
	l.cannot(status, words, append(slices.Clone(args), "--server", l.s.ConnString("postgres", "postgres"))...)
}

// all tries every command on a tenant that is there, and adding one that is not.
func (l *lives) all(status int, words ...string) {
	l.t.Helper()
	for _, args := range [][]string{{"add", "carl"}, {"add", "dora", "--isolation", "schema", "--database", "shared"}, {"suspend", "acme"}, {"resume", "acme"},
		{"rotate", "bolt"}, {"rotate", "bolt", "--finish", "--watch", "0s"}, {"remove", "acme", "--confirm", "acme", "--no-dump"}} {
		l.both(status, words, append([]string{"tenant"}, args...)...)
	}
}

// What a server does not let be done is said, with what to do, and neither the
// server nor the spec is changed: names that are somebody's, a template that is
// in use, a tenant that stands elsewhere, a server that is not there, a standby.
func TestTenantCommandsThatCannotBe(t *testing.T) {
	t.Parallel()
	l := newLives(t, slices.Max(pgtest.Majors()))
	l.names()
	l.template()
	l.elsewhere()
	l.unbuilt()
	if err := l.s.Stop(); err != nil {
		t.Fatal(err)
	}
	l.all(1, "next: start the server")
	if err := os.WriteFile(filepath.Join(l.s.DataDir(), "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := l.s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.all(1, "the server is a standby and takes no changes", "next: connect to the primary")
}

func (l *lives) names() {
	l.s.Exec(l.t, "", "CREATE ROLE eve_app LOGIN", "CREATE DATABASE fred")
	l.both(2, []string{`role "eve_app" exists, and landlord did not make it`}, "tenant", "add", "eve")
	l.both(2, []string{`database "fred" exists, and landlord did not make it`}, "tenant", "add", "fred")
	l.both(2, []string{`"acme_app" is both a login of tenant acme and the identity of tenant acme_app`}, "tenant", "add", "acme_app")
	l.both(2, []string{"it is there already"}, "tenant", "add", "acme", "--isolation", "schema")
	for _, verb := range []string{"suspend", "resume", "rotate", "remove", "show"} {
		l.both(2, []string{`did you mean "acme"`}, "tenant", verb, "acm")
	}
	l.s.Exec(l.t, "", "DROP DATABASE fred", "DROP ROLE eve_app")
	// What was refused is in nobody's way.
	if out := l.must("plan", "-f", l.file); !strings.Contains(out, "nothing to do") {
		l.t.Error(out)
	}
}

func (l *lives) template() {
	l.s.Exec(l.t, "", "ALTER DATABASE template0 ALLOW_CONNECTIONS true")
	someone := l.s.Connect(l.t, "template0", "")
	l.both(1, []string{"template0, of which it is made, is in use by session ", "SQLSTATE 55006", "next: nobody has anything to do in template0", "pg_terminate_backend("}, "tenant", "add", "gina")
	l.must("tenant", "suspend", "acme", "-f", l.file)
	l.must("tenant", "resume", "acme", "-f", l.file)
	if err := someone.Close(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	l.s.Exec(l.t, "", "ALTER DATABASE template0 ALLOW_CONNECTIONS false")
}

// elsewhere: the spec has a tenant on another server than it stands on.
func (l *lives) elsewhere() {
	t := l.t
	other := pgtest.Start(t, l.s.Major())
	connection := other.ConnString("postgres", "postgres")
	l.write("  acme: {server: other}\n  bolt: {isolation: schema, database: shared}\n", "  other: {connection: "+connection+"}\n")
	before := catalogs(t, other)
	words := []string{`tenant "acme" stands on server main, with its door open, and in the spec on server other`}
	for _, args := range [][]string{{"tenant", "suspend", "acme"}, {"tenant", "resume", "acme"}, {"tenant", "add", "acme"}, {"tenant", "rotate", "acme"},
		{"apply", "--yes"}, {"apply", "--yes", "--tenant", "acme"}, {"plan", "--tenant", "acme"}, {"credentials", "acme"}} {
		l.cannot(2, words, append(args, "-f", l.file)...)
	}
	words = []string{"tenant acme is on server other in the spec, not on main"}
	for _, args := range [][]string{{"suspend", "acme", "--server", "main"}, {"rotate", "acme", "--server", "main"}, {"show", "acme"}, {"remove", "acme", "--confirm", "acme", "--no-dump"}} {
		l.cannot(2, words, append(append([]string{"tenant"}, args...), "-f", l.file)...)
	}
	if diff := cmp.Diff(before, catalogs(t, other)); diff != "" {
		t.Errorf("the server that it does not stand on has changed: %s", diff)
	}
	l.must("tenant", "add", "acme", "--server", connection)
	l.oneIsGone(other)
	for _, verb := range []string{"show", "remove"} {
		l.cannot(2, []string{"tenant acme is on 2 servers: choose one with --server"}, "tenant", verb, "acme", "-f", l.file)
	}
	l.must("tenant", "suspend", "acme", "--server", l.s.ConnString("postgres", "postgres")) // which the spec does not have it on
	l.must("tenant", "suspend", "acme", "-f", l.file)
	l.write("  acme: {}\n  bolt: {isolation: schema, database: shared}\n")
	l.must("tenant", "resume", "acme", "-f", l.file)
}

// oneIsGone: of two servers one cannot be asked; the other's tenants are listed.
func (l *lives) oneIsGone(other *pgtest.Server) {
	t := l.t
	if out := l.must("tenant", "list", "-f", l.file); strings.Count(out, "acme") < 2 || !strings.Contains(out, "other (") {
		t.Errorf("of two servers: %s", out)
	}
	if err := other.Stop(); err != nil {
		t.Fatal(err)
	}
	status, out, said := l.landlord("tenant", "list", "-f", l.file)
	if status != 1 || !strings.Contains(out, "bolt") || !strings.Contains(said, "next: start the server") || !strings.Contains(said, "server other") {
		t.Errorf("exit status %d: %s%s", status, out, said)
	}
	if err := other.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// unbuilt: a tenant whose database is not there goes without one being made.
func (l *lives) unbuilt() {
	t := l.t
	l.must("tenant", "add", "half", "-f", l.file)
	l.s.Exec(t, "", "DROP DATABASE half", "ALTER SYSTEM SET log_statement = 'ddl'", "SELECT pg_reload_conf()")
	if out := l.must("tenant", "list", "-f", l.file); !strings.Contains(out, "not built") {
		t.Error(out)
	}
	if out := l.must("tenant", "show", "half", "-f", l.file); !strings.Contains(out, "not there: database half") {
		t.Error(out)
	}
	l.must("tenant", "remove", "half", "--confirm", "half", "-f", l.file)
	if strings.Contains(l.s.Log(t), "CREATE DATABASE") {
		t.Error("a database was made, to be dropped")
	}
	if left := strings1(t, l.s.Connect(t, "", ""), "SELECT rolname FROM pg_roles WHERE rolname ~ '^half'"); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// Of many who ask at once for a login's first password, all get the one that
// works, where it is kept; and else one gets it, and the others hear that there
// is one.
func TestFirstPasswordAtOnce(t *testing.T) {
	t.Parallel()
	l := newLives(t, slices.Max(pgtest.Majors()))
	ask := func(args ...string) (uris []string, refused int) {
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				status, out, said := l.landlord(append([]string{"credentials"}, args...)...)
				mu.Lock()
				defer mu.Unlock()
				if status == 1 && strings.Contains(said, "it has a password already") {
					refused++
				} else if uri := strings.TrimSpace(out); status != 0 {
					t.Errorf("exit status %d: %s", status, said)
				} else if !slices.Contains(uris, uri) {
					uris = append(uris, uri)
				}
			})
		}
		all.Wait()
		for _, uri := range uris {
			conn, err := pgx.Connect(t.Context(), uri)
			if err != nil {
				t.Errorf("%v: %v", args, err)
				continue
			}
			_ = conn.Close(t.Context())
		}
		return uris, refused
	}
	if uris, refused := ask("acme", "--show", "-f", l.file); len(uris) != 1 || refused > 0 {
		t.Errorf("kept: %d passwords, %d refused", len(uris), refused)
	}
	if uris, refused := ask("bolt", "--server", l.s.ConnString("postgres", "postgres")); len(uris) != 1 || refused != 7 {
		t.Errorf("not kept: %d passwords, %d refused", len(uris), refused)
	}
}

// A managed service's master user may not see whether a login has a password: it
// says so, and of many who ask for one at once, each ends with one that is kept.
func TestPasswordsAtOnceAsMaster(t *testing.T) {
	t.Parallel()
	l := &lives{t: t, s: pgtest.Start(t, slices.Max(pgtest.Majors()), pgtest.WithHBA(localpg.DefaultHBA+"local all master trust\nlocal all all scram-sha-256\n")),
		file: filepath.Join(t.TempDir(), "landlord.yaml")}
	l.s.Exec(t, "", "CREATE ROLE master LOGIN CREATEROLE CREATEDB")
	text := fmt.Sprintf("servers:\n  main: {connection: %s}\nsecrets: {file: %s}\ntenants:\n  cleo: {}\n", l.s.ConnString("postgres", "master"), l.kept())
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.must("apply", "--yes", "-f", l.file)
	l.cannot(1, []string{"may not see whether it has a password already", "--rotate makes a new one"}, "credentials", "cleo", "-f", l.file)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if status, _, said := l.landlord("credentials", "cleo", "--rotate", "-f", l.file); status != 0 {
				t.Errorf("exit status %d: %s", status, said)
			}
		})
	}
	all.Wait()
	conn, err := pgx.Connect(t.Context(), strings.TrimSpace(l.must("credentials", "cleo", "--show", "-f", l.file)))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(t.Context())
}
