package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// inDev runs a command in a view of the machine of its own, where /dev/log is
// another socket: $1. $2 is an empty directory.
const inDev = `set -e
log=$1 dev=$2; shift 2
mount -t tmpfs none "$dev"
for n in null zero full random urandom tty; do touch "$dev/$n"; mount --bind /dev/$n "$dev/$n"; done
mkdir "$dev/shm" "$dev/pts"; mount --rbind /dev/shm "$dev/shm"; mount --rbind /dev/pts "$dev/pts"
touch "$dev/log"; mount --bind "$log" "$dev/log"
mount --rbind "$dev" /dev
exec "$@"`

// syslogged is what a daemon of the system's log gets.
type syslogged struct {
	conn *net.UnixConn
	path string
}

func listenSyslog(t *testing.T) *syslogged {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &syslogged{conn, path}
}

// lines are those that have come, which are all there once landlord has ended.
func (s *syslogged) lines(t *testing.T) (out []string) {
	t.Helper()
	raw, err := s.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1<<20)
	for {
		n, none := 0, error(nil)
		if err := raw.Read(func(fd uintptr) bool {
			n, _, none = syscall.Recvfrom(int(fd), buffer, syscall.MSG_DONTWAIT)
			return true
		}); err != nil {
			t.Fatal(err)
		}
		switch {
		case errors.Is(none, syscall.EAGAIN):
			return out
		case none == nil:
			out = append(out, string(buffer[:n]))
		case !errors.Is(none, syscall.EINTR):
			t.Fatal(none)
		}
	}
}

// The system's log gets each change as a line of JSON, by the socket that all
// programs use, with the facility and the name by which one finds it; what the
// file gets is the same. Without a daemon, nothing is changed.
func TestJournalInTheSystemsLog(t *testing.T) {
	t.Parallel()
	if _, _, err := run.Command(t.Context(), run.Spec{Name: "unshare", Args: []string{"-m", "true"}}); err != nil {
		t.Skipf("NOT TESTED: it takes root and unshare to put another socket in place of /dev/log: %v", err)
	}
	l := newLives(t, slices.Max(pgtest.Majors()))
	dir := t.TempDir()
	file := filepath.Join(dir, "journal.jsonl")
	l.write("  acme: {}\n  bolt: {isolation: schema, database: shared}\n", "journal: {file: "+file+", syslog: true}\n")
	daemon := listenSyslog(t)
	landlord := func(socket string, args ...string) (out, said string, err error) {
		t.Helper()
		dev := t.TempDir()
		argv := append([]string{"-m", "sh", "-c", inDev, "sh", socket, dev, "landlord"}, args...)
		stdout, stderr, err := run.Command(t.Context(), run.Spec{Name: "unshare", Args: append(argv, "-f", l.file)})
		return string(stdout), string(stderr), err
	}
	for _, args := range [][]string{{"tenant", "add", "carl", "--set", "rights=ddl"}, {"credentials", "carl", "--show"}, {"tenant", "suspend", "carl"}, {"tenant", "resume", "carl"},
		{"hba", "apply", "--yes"}, {"tenant", "rotate", "carl"}, {"tenant", "remove", "carl", "--confirm", "carl", "--no-dump"}} {
		if args[0] == "hba" {
			if err := l.s.WriteHBA(localpg.DefaultHBA); err != nil {
				t.Fatal(err)
			}
		}
		out, said, err := landlord(daemon.path, args...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, said)
		}
		if args[0] == "credentials" { // somebody is inside when the door is closed
			inside, err := pgx.Connect(t.Context(), strings.TrimSpace(out))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = inside.Close(context.Background()) })
		}
	}
	head := regexp.MustCompile(`^<85>\w{3} [ \d]\d \d\d:\d\d:\d\d (?:\S+ )?landlord\[(\d+)\]: (\{.*\})\n$`)
	var got []map[string]any
	actions := map[string]bool{}
	for _, line := range daemon.lines(t) {
		m := head.FindStringSubmatch(line)
		var e map[string]any
		if m == nil || json.Unmarshal([]byte(m[2]), &e) != nil {
			t.Fatalf("%q", line)
		}
		actions[e["action"].(string)] = true
		got = append(got, e)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []map[string]any
	for line := range strings.Lines(string(text)) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		want = append(want, e)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the file (-) and the system's log (+) differ: %s", diff)
	}
	for _, a := range []string{"apply", "password", "pg_hba.conf"} {
		if !actions[a] {
			t.Errorf("no entry of %s among %v", a, actions)
		}
	}
	if !strings.Contains(string(text), "pg_terminate_backend") {
		t.Error("nothing says that somebody's session was ended")
	}
	if err := daemon.conn.Close(); err != nil {
		t.Fatal(err)
	}
	before := catalogs(t, l.s)
	nobody := filepath.Join(dir, "nobody")
	if err := os.WriteFile(nobody, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, said, err := landlord(nobody, "tenant", "add", "dora"); err == nil || !strings.Contains(said, "opening the system's log") {
		t.Errorf("without a daemon: %v\n%s", err, said)
	}
	if diff := cmp.Diff(before, catalogs(t, l.s)); diff != "" {
		t.Errorf("what could not be written down was done: %s", diff)
	}
}
