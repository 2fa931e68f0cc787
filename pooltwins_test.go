package landlord_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/prove"
	"landlord/internal/tenant"
	"landlord/internal/wiretap"
)

// poolProgram is one that connects anew for every transaction, and goes on as long
// as it may.
type poolProgram struct {
	connect func(login, password string) (*pgx.Conn, error)
	who     atomic.Pointer[[2]string] // login and password
	served  atomic.Int64
	failure atomic.Pointer[error]
}

func (p *poolProgram) work(ctx context.Context, tenants []string) {
	for i := 0; ctx.Err() == nil && p.failure.Load() == nil; i++ {
		if err := p.serve(tenants[i%len(tenants)], *p.who.Load()); err != nil {
			p.failure.Store(&err)
		}
		p.served.Add(1)
		time.Sleep(2 * time.Millisecond) // or landlord would wait for the processors most of the time
	}
}

// serve is one request for one tenant.
func (p *poolProgram) serve(name string, who [2]string) error {
	conn, err := p.connect(who[0], who[1])
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{"BEGIN", "SELECT landlord.become('" + name + "')", "INSERT INTO t VALUES (1)", "SELECT count(*) FROM t", "COMMIT"} {
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			return fmt.Errorf("as %s, for %s: %s: %w", who[0], name, sql, err)
		}
	}
	return nil
}

// more waits until it has served some requests that began after now.
func (p *poolProgram) more(t *testing.T) {
	t.Helper()
	for from := p.served.Load(); p.served.Load() < from+4 && p.failure.Load() == nil; {
		if t.Context().Err() != nil {
			t.Fatal("the program stands still")
		}
		time.Sleep(time.Millisecond)
	}
	if err := p.failure.Load(); err != nil {
		t.Fatal(*err)
	}
}

// A pool's password rotates there and back while its programs work, without a
// router and through one that knows verifiers either way; no program sees an error;
// the old login is closed then; and nobody finds anything to do about either.
func TestPoolRotates(t *testing.T) {
	for _, secrets := range append([]tenant.RouterSecrets{""}, tenant.AllRouterSecrets()...) {
		t.Run("router:"+string(secrets), func(t *testing.T) { poolRotates(t, secrets) })
	}
}

func poolRotates(t *testing.T, secrets tenant.RouterSecrets) {
	s := pgtest.Start(t, slices.Max(pgtest.Majors()))
	pools := func(e *tenant.Estate) {
		e.Servers[0].Pools = []tenant.Pool{{Name: "web", Database: "shared", Limits: tenant.Limits{Connections: 9}}}
		e.Tenants = e.Tenants[1:3] // bolt and crux share a database
	}
	e := estate(s)
	pools(&e)
	program := &poolProgram{connect: func(login, password string) (*pgx.Conn, error) {
		return pgx.Connect(context.Background(), s.ConnString("shared", login)+" password="+password)
	}}
	if secrets == "" {
		apply(t, e, landlord.Options{})
	} else {
		r := newRouted(t, s, secrets, pools)
		e = r.estate
		program.connect = func(login, password string) (*pgx.Conn, error) {
			return pgx.Connect(context.Background(), fmt.Sprintf("host=%s port=%d dbname=web user=%s password=%s sslmode=disable default_query_exec_mode=exec", e.Router.Socket, e.Router.Port, login, password))
		}
	}
	for _, name := range []string{"bolt", "crux"} {
		s.Exec(t, "shared", fmt.Sprintf("CREATE TABLE %s.t (n int); ALTER TABLE %[1]s.t OWNER TO %[1]s_owner", name))
	}
	apply(t, e, landlord.Options{})
	e.Secrets.File = filepath.Join(t.TempDir(), "pgpass")
	first, err := landlord.PoolLogin(t.Context(), e, "main", "web", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := landlord.FollowRouter(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	who := [2]string{first.Settings.User, first.Settings.Secret.Reveal()}
	program.who.Store(&who)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { program.work(ctx, []string{"bolt", "crux"}) })
	defer running.Wait()
	defer stop()
	program.more(t)
	for _, want := range []string{"web_b", "web"} { // there, and back
		before := *program.who.Load()
		got, err := landlord.RotatePool(t.Context(), e, "main", "web", landlord.Rotation{}, landlord.Hooks{})
		if err != nil || got.Settings.User != want || got.Old != before[0] {
			t.Fatalf("%s, instead of %s: %v", got.Settings.User, got.Old, err)
		}
		if err := landlord.FollowRouter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		program.more(t)
		if secrets == "" {
			settled(t, e, landlord.Options{Prune: true})
			program.more(t)
		} else if want == "web_b" {
			provedThroughRouter(t, e)
		}
		after := [2]string{want, got.Settings.Secret.Reveal()}
		program.who.Store(&after)
		program.more(t)
		if done, err := landlord.FinishPoolRotation(t.Context(), e, "main", "web", landlord.Finish{}, landlord.Hooks{}); err != nil || len(done) != 1 || done[0].Old != before[0] {
			t.Fatal(done, err)
		}
		if err := landlord.FollowRouter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		program.more(t)
		if secrets == "" {
			settled(t, e, landlord.Options{Prune: true})
		}
		if err := program.serve("bolt", before); err == nil {
			t.Errorf("the old login %s still serves", before[0])
		}
	}
	stop()
	running.Wait()
	if err := program.failure.Load(); err != nil {
		t.Fatal(*err)
	}
	t.Logf("%d requests, none failed", program.served.Load())
}

// provedThroughRouter tries whether both logins of the pool come through the router.
func provedThroughRouter(t *testing.T, e tenant.Estate) {
	t.Helper()
	report, err := landlord.Prove(t.Context(), e, "main", landlord.Options{Pools: []string{"web"}, Probes: []string{"router-pool-login", "router-wrong-password"}}, landlord.ProveHooks{})
	if err != nil {
		t.Fatal(err)
	}
	works := map[string]bool{}
	for _, o := range report.Outcomes {
		works[o.Login+" "+o.Probe+" "+string(o.Verdict)] = true
	}
	for _, want := range []string{"web router-pool-login works", "web_b router-pool-login works"} {
		if !works[want] {
			t.Errorf("not %q, but %v", want, works)
		}
	}
}

// Where landlord is a managed service's master user, it can do as much.
func TestPoolRotatesManaged(t *testing.T) {
	major := slices.Max(pgtest.Majors())
	if major < 16 {
		t.Skipf("PostgreSQL %d has no such master user", major)
	}
	s := pgtest.Start(t, major, pgtest.WithTrust())
	s.Exec(t, "", "CREATE ROLE master LOGIN CREATEROLE CREATEDB")
	e := pooled(s)
	e.Servers[0].Connection = s.ConnString("postgres", "master")
	e.Servers[0].Pools[0].Limits.TempFiles = 0 // a superuser's to set
	e.Tenants = e.Tenants[:2]
	apply(t, e, landlord.Options{})
	rotate := func(r landlord.Rotation) (landlord.Rotated, error) {
		return landlord.RotatePool(t.Context(), e, "main", "web", r, landlord.Hooks{})
	}
	if _, err := rotate(landlord.Rotation{InPlace: true}); err != nil {
		t.Fatal(err)
	}
	_, err := rotate(landlord.Rotation{Deliver: func(landlord.Credentials) error { return errors.New("no room on the disk") }})
	if err == nil || !strings.Contains(err.Error(), "its second login web_b was taken back") {
		t.Errorf("not delivered: %v", err)
	}
	got, err := rotate(landlord.Rotation{})
	if err != nil || got.Settings.User != "web_b" || got.Old != "web" {
		t.Fatal(got.Settings.User, err)
	}
	for _, login := range []string{"web", "web_b"} {
		conn := s.Connect(t, "shared", login)
		if got := state(t, conn, "BEGIN", "SELECT landlord.become('acme')"); got != "" {
			t.Errorf("%s: SQLSTATE %s", login, got)
		}
		_ = conn.Close(t.Context())
	}
	if _, err := landlord.FinishPoolRotation(t.Context(), e, "main", "web", landlord.Finish{}, landlord.Hooks{}); err != nil {
		t.Fatal(err)
	}
	p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
	if err != nil || len(p.Steps) > 0 {
		t.Errorf("%+v, %v", p.Steps, err)
	}
}

// Both logins of a pool reach the same tenants, those too whom the spec does not
// know; what is done to them by hand is mended; and what is not in the spec goes
// with both.
func TestPoolTwinConverges(t *testing.T) {
	oldAndNew(t, func(t *testing.T, s *pgtest.Server) {
		e := pooled(s)
		apply(t, e, landlord.Options{})
		left := e.Tenants
		e.Tenants = []tenant.Tenant{e.Tenants[0], e.Tenants[1], e.Tenants[3]} // cora is there, and not in the spec
		if _, err := landlord.PoolLogin(t.Context(), e, "main", "web", false); err != nil {
			t.Fatal(err)
		}
		if _, err := landlord.RotatePool(t.Context(), e, "main", "web", landlord.Rotation{}, landlord.Hooks{}); err != nil {
			t.Fatal(err)
		}
		settled(t, e, landlord.Options{})
		reach := func(name, want string) {
			t.Helper()
			for _, login := range []string{"web", "web_b"} {
				conn := s.Connect(t, "shared", "")
				if got := state(t, conn, "SET SESSION AUTHORIZATION "+login, "SET search_path = pg_catalog", "BEGIN", "SELECT landlord.become('"+name+"')"); got != want {
					t.Errorf("%s as %s: SQLSTATE %q, not %q", login, name, got, want)
				}
				state(t, conn, "ROLLBACK")
				if got := whoami(t, conn); got != login+"|"+login+"|pg_catalog" {
					t.Errorf("after %s: %s is %s", name, login, got)
				}
			}
		}
		for _, name := range []string{"acme", "bolt", "cora"} {
			reach(name, "")
		}
		reach("dune", "42501")
		for _, drifts := range [][]string{
			{"REVOKE acme_app FROM web_b", "REVOKE cora_app FROM web_b", "REVOKE shared FROM web_b", "ALTER ROLE web_b NOLOGIN INHERIT", "REVOKE CONNECT ON DATABASE shared FROM web_b",
				"REVOKE landlord_tenants FROM web_b", "ALTER ROLE web_b RESET ALL", "REVOKE USAGE ON SCHEMA landlord FROM web_b", "REVOKE EXECUTE ON FUNCTION landlord.become FROM web_b"},
			{"GRANT web TO web_b", "GRANT dune_app TO web_b", "GRANT acme_owner TO web_b", `COMMENT ON ROLE web IS 'landlord {"role":"pool","database":"nowhere"}'`},
		} {
			mended(t, s, e, drifts)
		}
		for _, name := range []string{"acme", "bolt", "cora"} {
			reach(name, "")
		}
		found, err := landlord.Export(t.Context(), e.Servers[0])
		if err != nil || len(found.Servers[0].Pools) != 1 || found.Servers[0].Pools[0].Name != "web" || found.Servers[0].Pools[0].Current() != "web_b" {
			t.Errorf("found %+v, %v", found.Servers[0].Pools, err)
		}
		e.Tenants = left
		report, err := landlord.Prove(t.Context(), e, "main", landlord.Options{Pools: []string{"web"}, Probes: []string{"pool-login", "pool-become", "pool-tenants", "pool-other"}}, landlord.ProveHooks{})
		if err != nil {
			t.Fatal(err)
		}
		as := map[string]int{}
		for _, o := range report.Outcomes {
			if as[o.Login]++; o.Verdict != prove.Works && o.Verdict != prove.Held {
				t.Errorf("%s as %s: %s %s", o.Probe, o.Login, o.Verdict, o.Detail)
			}
		}
		if as["web"] == 0 || as["web"] != as["web_b"] {
			t.Errorf("proved as %v", as)
		}
		// One alone is planned for, and new tenants are reached by both.
		e.Tenants[2].Suspended = true
		apply(t, e, landlord.Options{Tenants: []string{"cora"}})
		reach("cora", "42501")
		settled(t, e, landlord.Options{})
		e.Servers[0].Pools = nil
		apply(t, e, landlord.Options{})
		said(t, settled(t, e, landlord.Options{}), "pool web is on the server and not in the spec: left alone")
		reach("acme", "")
		apply(t, e, landlord.Options{Prune: true})
		settled(t, e, landlord.Options{Prune: true})
		var rest int
		if err := s.Connect(t, "", "").QueryRow(t.Context(), "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'web%'").Scan(&rest); err != nil || rest != 0 {
			t.Errorf("%d logins of the pool are left, %v", rest, err)
		}
	})
}

// A pool's rotation that is cut off, wherever it is, leaves the first login as it
// was; the second is gone, or closed and as it should be, or whoever plans next
// finishes it without opening it; and the next rotation goes on.
func TestPoolRotationCutOff(t *testing.T) {
	s := pgtest.Start(t, slices.Min(pgtest.Majors()))
	cut := &cutting{}
	tap, err := wiretap.Open(t.TempDir(), s.SocketDir(), s.Port(), cut.hear)
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	e := pooled(s)
	e.Tenants = e.Tenants[:2]
	apply(t, e, landlord.Options{})
	if _, err := landlord.PoolLogin(t.Context(), e, "main", "web", false); err != nil {
		t.Fatal(err)
	}
	tapped := e
	tapped.Servers = slices.Clone(e.Servers)
	tapped.Servers[0].Connection = tap.Conninfo()
	ends := map[string]int{}
	for at, reached := 1, true; reached; at++ {
		cut.start(at, true) // as if landlord were killed: it gets nothing done any more
		_, err := landlord.RotatePool(t.Context(), tapped, "main", "web", landlord.Rotation{}, landlord.Hooks{})
		reached = cut.reached()
		cut.start(0, false)
		if at == 1 {
			_, err = landlord.RotatePool(t.Context(), e, "main", "web", landlord.Rotation{Deliver: func(landlord.Credentials) error { return errors.New("no room on the disk") }}, landlord.Hooks{})
			if err == nil || !strings.Contains(err.Error(), "its second login web_b was taken back, and web goes on as before") {
				t.Errorf("not delivered: %v", err)
			}
		}
		p, planErr := landlord.Plan(t.Context(), e, "main", landlord.Options{Prune: true})
		if planErr != nil {
			t.Fatal(planErr)
		}
		ends[judgePool(t, s, at, err, p)]++
		if at%3 == 0 { // or the next rotation does it
			apply(t, e, landlord.Options{Prune: true})
			settled(t, e, landlord.Options{Prune: true})
		}
		if _, err := landlord.RotatePool(t.Context(), e, "main", "web", landlord.Rotation{}, landlord.Hooks{}); err != nil && !strings.Contains(err.Error(), "a rotation is open") {
			t.Errorf("cut at query %d: the next rotation: %v", at, err)
		}
		if at%3 != 0 {
			settled(t, e, landlord.Options{Prune: true})
		}
		s.Exec(t, "shared", "DROP OWNED BY web_b; REVOKE ALL ON DATABASE shared FROM web_b; DROP ROLE web_b") // as if there had been none
	}
	t.Log(ends)
	if ends["gone"] == 0 || ends["half"] == 0 || ends["closed"] == 0 || ends["open"] == 0 {
		t.Error("not all ends were seen")
	}
}

func judgePool(t *testing.T, s *pgtest.Server, at int, err error, p plan.Plan) (end string) {
	t.Helper()
	there, open, first := bothLogins(t, s, "web")
	for _, step := range p.Steps {
		for _, sql := range step.SQL {
			if strings.Contains(sql, "LOGIN") || strings.Contains(sql, "REVOKE") || strings.Contains(sql, "DROP") {
				t.Errorf("cut at query %d: the next plan wants: %s", at, sql)
			}
		}
	}
	var vain *landlord.VainError
	in := errors.As(err, &vain)
	switch {
	case !first:
		t.Errorf("cut at query %d: the first login is closed", at)
	case !there:
		return "gone"
	case open && (err == nil || in && vain.Unsure):
		return "open"
	case open:
		t.Errorf("cut at query %d: the second login is open: %v", at, err)
	case !in || vain.Stays == nil:
		t.Errorf("cut at query %d: the second login stays, and that is not said: %v", at, err)
	case !p.Empty():
		return "half"
	}
	return "closed"
}
