package localpg_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"landlord/internal/localpg"
	"landlord/internal/pgtest"
)

func TestDataOutlivesEveryStop(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		port := s.Port()
		s.Exec(t, "", "CREATE TABLE survivor (n int)")
		stops := map[string]func() error{"Stop": s.Stop, "StopImmediate": s.StopImmediate, "Kill9": s.Kill9}
		for name, stop := range stops {
			s.Exec(t, "", "INSERT INTO survivor VALUES (1)")
			if err := stop(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := stop(); err != nil {
				t.Errorf("%s a second time: %v", name, err)
			}
			if s.Pid() != 0 {
				t.Errorf("%s: process %d", name, s.Pid())
			}
			if err := s.Server.Start(t.Context()); err != nil {
				t.Fatalf("after %s: %v", name, err)
			}
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := queryInt(t, s.Connect(t, "", ""), "SELECT count(*) FROM survivor"); n != len(stops) {
			t.Errorf("%d rows outlived %d stops", n, len(stops))
		}
		if s.Port() != port {
			t.Errorf("the port changed from %d to %d", port, s.Port())
		}
	})
}

func TestKill9LeavesNoChild(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Connect(t, "", "")
		if err := s.Kill9(); err != nil {
			t.Fatal(err)
		}
		cwds, _ := filepath.Glob("/proc/[0-9]*/cwd")
		for _, cwd := range cwds {
			if dir, _ := os.Readlink(cwd); dir == s.DataDir() {
				t.Errorf("%s is still there", cwd)
			}
		}
	})
}

func TestStartTwiceIsRefused(t *testing.T) {
	s := newest(t)
	err := s.Server.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "it runs already, as process "+strconv.Itoa(s.Pid())) {
		t.Errorf("got %v", err)
	}
}

func TestStartTellsWhatTheLogSays(t *testing.T) {
	s := newest(t)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(s.DataDir(), "postgresql.conf")
	if err := os.WriteFile(conf, []byte("no_such_setting = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := s.Server.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) {
		t.Errorf("got %v", err)
	}
	if s.Pid() != 0 {
		t.Errorf("process %d", s.Pid())
	}
}

func TestStartEndsWithTheContext(t *testing.T) {
	s := newest(t)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Server.Start(ctx); err == nil {
		t.Error("started")
	}
	if s.Pid() != 0 {
		t.Errorf("process %d", s.Pid())
	}
}

func TestTakenPortIsReplaced(t *testing.T) {
	s := newest(t, pgtest.WithTCP())
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	taken := s.Port()
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", taken))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := s.Server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Port() == taken {
		t.Errorf("still port %d", taken)
	}
	s.Connect(t, "", "")
}

func TestNobodyButPostgresByPeer(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "", "CREATE ROLE other LOGIN SUPERUSER PASSWORD 'x'", "ALTER ROLE postgres PASSWORD 'x'")
		for _, dsn := range []string{
			s.ConnString("postgres", "other") + " password=x",
			s.TCPConnString("postgres", "postgres") + " password=x",
			strings.Replace(s.TCPConnString("postgres", "postgres"), "verify-full", "disable", 1) + " password=x",
		} {
			conn, err := pgx.Connect(t.Context(), dsn)
			if err == nil {
				conn.Close(t.Context())
				t.Errorf("%s: came in", dsn)
			} else if !strings.Contains(err.Error(), "28000") {
				t.Errorf("%s: got %v", dsn, err)
			}
		}
	}, pgtest.WithTLS())
}

func TestTLSIsVerified(t *testing.T) {
	hba := localpg.DefaultHBA + "hostssl all clerk 127.0.0.1/32 scram-sha-256\n"
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "", "CREATE ROLE clerk LOGIN PASSWORD 'x'")
		dsn := s.TCPConnString("postgres", "clerk") + " password=x"
		for _, host := range []string{"host=127.0.0.1", "host=localhost"} {
			conn, err := pgx.Connect(t.Context(), strings.Replace(dsn, "host=127.0.0.1", host, 1))
			if err != nil {
				t.Fatal(err)
			}
			if n := queryInt(t, conn, "SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"); n != 1 {
				t.Error("the session has no TLS")
			}
			conn.Close(t.Context())
		}
		stranger := newest(t, pgtest.WithTLS())
		_, err := pgx.Connect(t.Context(), strings.Replace(dsn, s.CAFile(), stranger.CAFile(), 1))
		if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
			t.Errorf("another CA: got %v", err)
		}
	}, pgtest.WithTLS(), pgtest.WithHBA(hba))
}

func TestTLSKeyIsTheServersAlone(t *testing.T) {
	s := newest(t, pgtest.WithTLS())
	info, err := os.Stat(filepath.Join(s.Dir(), "tls", "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func TestSettingsAreQuoted(t *testing.T) {
	want := map[string]string{"search_path": `"it's", "b\c", "d"`, "work_mem": "5MB"}
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		got := map[string]string{}
		for name := range want {
			var value string
			if err := s.Connect(t, "", "").QueryRow(t.Context(), "SHOW "+name).Scan(&value); err != nil {
				t.Fatal(err)
			}
			got[name] = value
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}, pgtest.WithSettings(want))
}

func TestReloadOfAServerThatIsGone(t *testing.T) {
	s := newest(t)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "it is not running") {
		t.Errorf("got %v", err)
	}
}

// newest starts a server of the newest major that is there.
func newest(t *testing.T, opts ...pgtest.Option) *pgtest.Server {
	t.Helper()
	majors := pgtest.Majors()
	if len(majors) == 0 {
		t.Skip("NOT TESTED: no PostgreSQL is installed: `make test` installs it")
	}
	return pgtest.Start(t, majors[len(majors)-1], opts...)
}

func queryInt(t *testing.T, conn *pgx.Conn, sql string) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRemoveAfterACrashLeavesNoSharedMemory(t *testing.T) {
	s := newest(t)
	pidFile, err := os.ReadFile(filepath.Join(s.DataDir(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	segment := strings.Fields(strings.Split(string(pidFile), "\n")[6]) // key and id
	if !hasSegment(t, segment) {
		t.Fatalf("no shared memory %v", segment)
	}
	if err := s.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if hasSegment(t, segment) {
		t.Errorf("shared memory %v is still there", segment)
	}
}

// hasSegment looks for a System V shared memory segment by its key and id.
func hasSegment(t *testing.T, segment []string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == segment[0] && fields[1] == segment[1] {
			return true
		}
	}
	return false
}
