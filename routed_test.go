package landlord_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
	"landlord/internal/tenant"
)

// routed is an estate behind a router of its own, with one login's password for
// each tenant, and the router's processes, which the test runs by itself.
type routed struct {
	estate    tenant.Estate
	passwords map[string]string // by login
	user      *run.Credential
	server    *pgtest.Server
	processes map[int]*run.Process // by number
	port      int                  // where enter goes; 0: the first process's
}

func newRouted(t *testing.T, s *pgtest.Server, secrets tenant.RouterSecrets, change ...func(*tenant.Estate)) *routed {
	t.Helper()
	r := &routed{estate: estate(s), passwords: map[string]string{}, server: s, processes: map[int]*run.Process{}}
	name, err := localpg.ServerUser()
	if err != nil {
		t.Fatal(err)
	}
	if r.user, err = localpg.ServerCredential(); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "landlord-routed-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		logs, _ := filepath.Glob(filepath.Join(dir, "log.*"))
		for _, path := range logs {
			if log, err := os.ReadFile(path); t.Failed() && err == nil {
				t.Logf("the router's %s ends:\n%s", filepath.Base(path), log[max(0, len(log)-3000):])
			}
		}
		_ = os.RemoveAll(dir)
	})
	if r.user != nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, int(r.user.UID), int(r.user.GID)))
	}
	if err != nil {
		t.Fatal(err)
	}
	r.estate.Router = &tenant.Router{Directory: filepath.Join(dir, "files"), User: name, Port: 6432, Socket: dir, ServerTLS: "require",
		Secrets: secrets, PoolMode: "session", PoolSize: 5, MaxClients: 100, Aliases: 1000, Log: filepath.Join(dir, "log"), Overcommit: true}
	r.estate.Host.Manager = tenant.Plain // no units on the machine that tests
	if secrets == tenant.AuthQuery {
		r.estate.Servers[0].Router = tenant.RouterDoor{Lookup: true, User: name}
	}
	for _, c := range change {
		c(&r.estate)
	}
	if left := settle(t, r.estate); len(left) > 0 {
		t.Fatal("still to do:\n", strings.Join(left, "\n"))
	}
	for _, o := range r.apply(t) {
		r.start(t, o)
	}
	for _, tt := range r.estate.Tenants {
		for _, l := range tt.Logins {
			c, err := landlord.Login(t.Context(), r.estate, tt, l.Name, false)
			if err != nil {
				t.Fatal(err)
			}
			r.passwords[l.Name] = c.Settings.Secret.Reveal()
		}
	}
	r.apply(t) // a list of users has their verifiers now
	return r
}

func (r *routed) apply(t *testing.T) []landlord.RouterOutcome {
	t.Helper()
	p, err := landlord.PlanRouter(t.Context(), r.estate)
	if err != nil {
		t.Fatal(err)
	}
	out, err := landlord.ApplyRouter(t.Context(), r.estate, p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *routed) start(t *testing.T, o landlord.RouterOutcome) *run.Process {
	t.Helper()
	proc, err := run.Start(run.Spec{Name: o.Start[0], Args: o.Start[1:], Dir: "/", User: r.user}, nil, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	r.processes[o.Process] = proc
	t.Cleanup(func() { _ = proc.Stop(syscall.SIGTERM, 10*time.Second) })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("unix", fmt.Sprintf("%s/.s.PGSQL.%d", r.estate.Router.Socket, r.estate.Router.Port+o.Process-1))
		if err == nil {
			c.Close()
			return proc
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func (r *routed) enter(t *testing.T, name, user, password string) (*pgx.Conn, error) {
	t.Helper()
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s user=%s sslmode=disable", r.estate.Router.Socket, cmp.Or(r.port, r.estate.Router.Port), name, user))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Password = password
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (r *routed) files(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	all, _ := filepath.Glob(filepath.Join(r.estate.Router.Directory, "*", "*"))
	for _, path := range all {
		if text, err := os.ReadFile(path); err == nil && filepath.Base(path) != "pid" {
			out[path] = string(text)
		}
	}
	return out
}

// nobodyIn wants a tenant's sessions to be over. A server process whose router
// has hung up ends a moment later; one that the router has kept stays.
func nobodyIn(t *testing.T, s *pgtest.Server, name string) {
	t.Helper()
	conn := s.Connect(t, "", "")
	n := 0
	for range 6000 {
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE starts_with(usename::text, $1)", name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d sessions of %s stay", n, name)
}
