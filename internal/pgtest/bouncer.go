package pgtest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"landlord/internal/localpg"
	"landlord/internal/run"
)

// BouncerOptions say what a [Bouncer] is to do.
type BouncerOptions struct {
	// Databases are lines of the section [databases], by name. Empty: "*",
	// every database of the server.
	Databases map[string]string
	// Users is userlist.txt: by name a verifier or, in tests, a password.
	Users map[string]string
	// Settings are those of the section [pgbouncer] that differ from the
	// defaults of these tests: pool_mode=transaction, auth_type=scram-sha-256,
	// the socket in the bouncer's own directory, and no TCP.
	Settings map[string]string
	// TCP makes it listen on 127.0.0.1 too, on a free port.
	TCP bool
}

// Bouncer is a private PgBouncer for one test.
type Bouncer struct {
	dir  string
	port int
	proc *run.Process
}

// FindBouncer returns the path of PgBouncer, or "" where it is not installed.
// Debian installs it where the path of an ordinary user does not lead.
func FindBouncer() string {
	if path := os.Getenv("LANDLORD_PGBOUNCER"); path != "" {
		return path
	}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if info, err := os.Stat(filepath.Join(dir, "pgbouncer")); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return filepath.Join(dir, "pgbouncer")
		}
	}
	return ""
}

// StartBouncer starts PgBouncer in front of a server, as the user that the
// server runs as, and stops and removes it at the end of the test. It skips the
// test where PgBouncer is not installed, or fails it in CI.
func StartBouncer(t testing.TB, s *Server, o BouncerOptions) *Bouncer {
	t.Helper()
	program := FindBouncer()
	if program == "" {
		if complete() {
			t.Fatal("PgBouncer is not installed: `make test` installs it")
		}
		t.Skip("NOT TESTED with PgBouncer, which is not installed: `make test` installs it")
	}
	b := &Bouncer{dir: scratch(t), port: 6432} // the socket's name alone: each has a directory of its own
	if o.TCP {
		b.port = FreePort(t)
	}
	if err := os.Mkdir(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b.write(t, "userlist.txt", userlist(o.Users))
	b.write(t, "pgbouncer.ini", b.config(s, o))
	b.start(t, program)
	return b
}

func (b *Bouncer) start(t testing.TB, program string) {
	t.Helper()
	user, err := localpg.ServerCredential()
	if err != nil {
		t.Fatal(err)
	}
	if user != nil {
		err = os.Chown(b.dir, int(user.UID), int(user.GID))
	}
	if err == nil {
		b.proc, err = run.Start(run.Spec{Name: program, Args: []string{b.path("pgbouncer.ini")}, Dir: "/", User: user}, nil, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(3 * time.Millisecond) {
		conn, err := net.Dial("unix", fmt.Sprintf("%s/.s.PGSQL.%d", b.dir, b.port))
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-b.proc.Done():
			t.Fatalf("PgBouncer has ended: %v\n%s", b.proc.Wait(), b.Log(t))
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("PgBouncer takes no connections: %v\n%s", err, b.Log(t))
		}
	}
}

func (b *Bouncer) config(s *Server, o BouncerOptions) string {
	settings := map[string]string{
		"listen_addr": "", "listen_port": strconv.Itoa(b.port), "unix_socket_dir": b.dir,
		"auth_type": "scram-sha-256", "auth_file": b.path("userlist.txt"), "pool_mode": "transaction",
		"logfile": b.path("log"), "pidfile": b.path("pid"), "ignore_startup_parameters": "extra_float_digits",
	}
	if o.TCP {
		settings["listen_addr"] = "127.0.0.1"
	}
	maps.Copy(settings, o.Settings)
	databases := o.Databases
	if len(databases) == 0 {
		databases = map[string]string{"*": fmt.Sprintf("host=%s port=%d", s.SocketDir(), s.Port())}
	}
	var text strings.Builder
	section := func(name string, lines map[string]string) {
		fmt.Fprintf(&text, "[%s]\n", name)
		for _, key := range slices.Sorted(maps.Keys(lines)) {
			fmt.Fprintf(&text, "%s = %s\n", key, lines[key])
		}
	}
	section("databases", databases)
	section("pgbouncer", settings)
	return text.String()
}

func userlist(users map[string]string) string {
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(users)) {
		fmt.Fprintln(&text, quote(name), quote(users[name]))
	}
	return text.String()
}

// write makes a file that only PgBouncer's user reads.
func (b *Bouncer) write(t testing.TB, name, text string) {
	t.Helper()
	user, err := localpg.ServerCredential()
	if err == nil {
		err = os.WriteFile(b.path(name), []byte(text), 0o600)
	}
	if err == nil && user != nil {
		err = os.Chown(b.path(name), int(user.UID), int(user.GID))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (b *Bouncer) path(name string) string { return filepath.Join(b.dir, name) }

// ConnString is [localpg.Server.ConnString] through the bouncer.
func (b *Bouncer) ConnString(db, user string) string {
	return fmt.Sprintf("host=%s port=%d dbname=%s user=%s sslmode=disable", b.dir, b.port, cmp.Or(db, "postgres"), cmp.Or(user, "postgres"))
}

// Stop ends it by a signal. It is no error if it has ended already.
func (b *Bouncer) Stop(sig syscall.Signal) error { return b.proc.Stop(sig, 10*time.Second) }

// Log returns what it has written to its log so far.
func (b *Bouncer) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(b.path("log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// FreePort is [localpg.FreePort], until the end of the test.
func FreePort(t testing.TB) int {
	t.Helper()
	port, release, err := localpg.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { release.Close() })
	return port
}
