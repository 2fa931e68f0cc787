package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// rotating is a server with tenants whose programs never stop.
type rotating struct {
	t    *testing.T
	dir  string
	file string
}

// TestRotateUnderLoad: programs that connect anew for every request, with the
// settings of before the rotation and, once they are told, of after it, see no
// failure while passwords rotate there and back again; and what was closed is.
func TestRotateUnderLoad(t *testing.T) {
	t.Parallel()
	majors := ends(pgtest.Majors())
	for _, major := range majors {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) { rotateUnderLoad(t, ownServer(t, major)) })
	}
	if major := slices.Max(majors); major >= 16 { // since when a master user may do with roles what it may now
		t.Run(fmt.Sprintf("managed-%d", major), func(t *testing.T) { rotateUnderLoad(t, managedServer(t, major)) })
	}
}

const rotatingSpec = `servers:
  main:
    connection: %s
    endpoint: %s
tenants:
  acme: {rights: ddl, large_objects: true}
  bolt: {isolation: schema, limits: {connections: 5}, large_objects: true}
`

// ownServer is a server on which landlord is superuser.
func ownServer(t *testing.T, major int) *rotating {
	s := pgtest.Start(t, major, pgtest.WithTLS())
	return newRotating(t, fmt.Sprintf("host=%s port=%d user=postgres", s.SocketDir(), s.Port()),
		fmt.Sprintf("host=localhost port=%d sslmode=verify-full sslrootcert=%s", s.Port(), s.CAFile()))
}

// managedServer is one on which it is a managed service's master user.
func managedServer(t *testing.T, major int) *rotating {
	s := pgtest.Start(t, major, pgtest.WithTCP(), pgtest.WithHBA(localpg.DefaultHBA+"host all all 127.0.0.1/32 scram-sha-256\n"))
	s.Exec(t, "postgres", "CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'sesame'")
	passfile := filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(passfile, []byte("*:*:*:master:sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return newRotating(t, s.TCPConnString("postgres", "master")+" passfile="+passfile, fmt.Sprintf("host=127.0.0.1 port=%d sslmode=disable", s.Port()))
}

func newRotating(t *testing.T, connection, endpoint string) *rotating {
	r := &rotating{t: t, dir: t.TempDir()}
	r.file = filepath.Join(r.dir, "landlord.yaml")
	if err := os.WriteFile(r.file, fmt.Appendf(nil, rotatingSpec, connection, endpoint), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rotating) landlord(args ...string) string {
	r.t.Helper()
	out, errOut, err := run.Command(r.t.Context(), run.Spec{Name: "landlord", Args: append(args, "-f", r.file), Dir: r.dir})
	if err != nil {
		r.t.Fatalf("landlord %s: %v\n%s%s", strings.Join(args, " "), err, out, errOut)
	}
	return string(out)
}

// uri runs a command that prints settings as JSON, and gives their URI.
func (r *rotating) uri(args ...string) string {
	r.t.Helper()
	var answer []struct{ URI string }
	if err := json.Unmarshal([]byte(r.landlord(append(args, "--format", "json")...)), &answer); err != nil || len(answer) != 1 {
		r.t.Fatalf("settings: %v, %d of them", err, len(answer))
	}
	return answer[0].URI
}

// program is one that connects anew for every request.
type program struct {
	tenant, login string
	request       []string
	settings      atomic.Pointer[string]
	served        atomic.Int64
	failure       atomic.Pointer[string]
}

func (p *program) run(ctx context.Context) {
	for ctx.Err() == nil && p.failure.Load() == nil {
		if err := p.serve(*p.settings.Load()); err != nil {
			text := fmt.Sprintf("%s of %s, after %d requests: %v", p.login, p.tenant, p.served.Load(), err)
			p.failure.Store(&text)
		}
		p.served.Add(1)
		time.Sleep(think) // or landlord would wait for the processors most of the time
	}
}

// think is how long a program waits between two requests.
const think = 20 * time.Millisecond

// serve is one request.
func (p *program) serve(uri string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, uri)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range p.request {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// more waits until the program has served some requests that began after now.
func (p *program) more(t *testing.T) {
	for from := p.served.Load(); p.served.Load() < from+4 && p.failure.Load() == nil; {
		if t.Context().Err() != nil {
			t.Fatal("the program stands still")
		}
		time.Sleep(time.Millisecond)
	}
}

func rotateUnderLoad(t *testing.T, r *rotating) {
	r.landlord("apply", "--yes")
	crud := []string{"INSERT INTO work (n) VALUES (1)", "UPDATE work SET n = n + 1 WHERE n = 1", "SELECT lo_put(n, 0, 'x') FROM paper", "DELETE FROM work WHERE n > 1"}
	programs := []*program{
		{tenant: "acme", login: "ddl", request: []string{"CREATE TABLE tmp (a int)", "DROP TABLE tmp"}},
		{tenant: "acme", login: "app", request: crud},
		{tenant: "bolt", login: "app", request: []string{"SELECT 1 FROM pg_class LIMIT 1", "CREATE TEMPORARY TABLE t (a int)"}},
		{tenant: "acme", login: "ro", request: []string{"SELECT count(*) FROM work"}},
	}
	for _, p := range programs {
		uri := r.uri("credentials", p.tenant, "--login", p.login, "--rotate")
		p.settings.Store(&uri)
	}
	if err := (&program{request: []string{"CREATE TABLE work (n int)", "CREATE TABLE paper (n oid)"}}).serve(*programs[0].settings.Load()); err != nil {
		t.Fatal(err)
	}
	// A large object belongs to whoever makes it, and is for the others to
	// read only where that is one and the same.
	if err := (&program{request: []string{"INSERT INTO paper VALUES (lo_create(0))"}}).serve(*programs[1].settings.Load()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, p := range programs {
		running.Go(func() { p.run(ctx) })
	}
	for range 2 { // there, and back
		for _, p := range programs {
			before := *p.settings.Load()
			after := r.uri("tenant", "rotate", p.tenant, "--login", p.login)
			if after == before {
				t.Fatalf("%s of %s has the same settings", p.login, p.tenant)
			}
			p.more(t)
			r.landlord("plan")
			p.settings.Store(&after)
			p.more(t)
			r.landlord("tenant", "rotate", p.tenant, "--login", p.login, "--finish", "--watch", "100ms")
			p.more(t)
			if err := p.serve(before); err == nil || !strings.Contains(err.Error(), "password authentication failed") && !strings.Contains(err.Error(), "not permitted to log in") {
				t.Errorf("the old settings of %s of %s: %v", p.login, p.tenant, err)
			}
			if p.failure.Load() != nil {
				t.Fatal(*p.failure.Load())
			}
		}
	}
	stop()
	running.Wait()
	served := int64(0)
	for _, p := range programs {
		served += p.served.Load()
		if p.failure.Load() != nil {
			t.Error(*p.failure.Load())
		}
	}
	r.landlord("plan")
	t.Logf("%d requests, none failed", served)
}
