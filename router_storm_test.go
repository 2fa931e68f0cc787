package landlord_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

// writer is a client that writes numbers, and goes on after each error.
type writer struct {
	acknowledged []int
	errors       int
}

func (w *writer) write(ctx context.Context, conninfo string, who int, acked *atomic.Int64) {
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}()
	for n := 0; ctx.Err() == nil; n++ {
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := error(nil)
		if conn == nil || conn.IsClosed() {
			conn, err = pgx.Connect(bounded, conninfo)
		}
		if err == nil {
			_, err = conn.Exec(bounded, fmt.Sprintf("INSERT INTO n VALUES (%d, %d)", who, n), pgx.QueryExecModeSimpleProtocol)
		}
		cancel()
		if err != nil {
			w.errors++
			conn = nil
			time.Sleep(5 * time.Millisecond)
			continue
		}
		w.acknowledged = append(w.acknowledged, n)
		acked.Add(1)
	}
}

// TestNothingIsLostThroughTheRouter loads, restarts and kills PgBouncer, and
// the server, while clients write: what was acknowledged is there, and all goes
// on without a hand.
func TestNothingIsLostThroughTheRouter(t *testing.T) {
	s := pgtest.Start(t, pgtest.Majors()[0])
	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) { e.Router.PoolMode = "transaction" })
	s.Exec(t, "acme", "SET ROLE acme_owner; CREATE TABLE acme.n (who int, n int)")
	conninfo := fmt.Sprintf("host=%s port=%d dbname=acme user=acme_app password=%s sslmode=disable", r.estate.Router.Socket, r.estate.Router.Port, r.passwords["acme_app"])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var acked atomic.Int64
	writers := make([]writer, 4)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() { writers[i].write(ctx, conninfo, i, &acked) })
	}
	// more waits until clients write again.
	more := func(after string) {
		t.Helper()
		from := acked.Load()
		for deadline := time.Now().Add(60 * time.Second); acked.Load() < from+40; time.Sleep(2 * time.Millisecond) {
			if time.Now().After(deadline) {
				cancel()
				t.Fatalf("after %s nobody writes again", after)
			}
		}
	}
	more("the start")
	r.estate.Router.PoolSize = 4
	if out := r.apply(t); !out[0].Loaded {
		t.Fatalf("%+v", out)
	}
	more("a change of the files")
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		if err := r.processes[1].Stop(sig, 20*time.Second); err != nil {
			t.Fatal(err)
		}
		r.start(t, landlord.RouterOutcome{Process: 1, Start: r.apply(t)[0].Start})
		more("PgBouncer's end by " + sig.String())
	}
	if err := s.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := s.Server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	more("the server's end by SIGKILL")
	cancel()
	group.Wait()
	conn := s.Connect(t, "acme", "")
	for i, w := range writers {
		var there int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM acme.n WHERE who = $1 AND n = ANY ($2)", i, w.acknowledged).Scan(&there); err != nil || there != len(w.acknowledged) {
			t.Errorf("writer %d: %d were acknowledged, and %d are there: %v", i, len(w.acknowledged), there, err)
		}
	}
}

// TestSeveralProcesses spreads names over processes on ports of their own, and
// moves nobody when there are more.
func TestSeveralProcesses(t *testing.T) {
	s := pgtest.Start(t, pgtest.Majors()[0])
	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) {
		e.Router.Aliases = 2
		e.Tenants = append(e.Tenants[1:], tenant.Tenant{}) // acme comes later, and stands first
		e.Tenants = e.Tenants[:3]
	})
	ports := func() map[string]int {
		out := map[string]int{}
		for _, tt := range r.estate.Tenants {
			c, err := landlord.Login(t.Context(), r.estate, tt, tt.Logins[0].Name, true)
			if err != nil {
				t.Fatal(err)
			}
			if c.Settings.Database != tt.Name || c.Settings.Host != r.estate.Router.Socket {
				t.Errorf("%+v", c.Settings)
			}
			out[tt.Name] = c.Settings.Port - r.estate.Router.Port
			r.passwords[tt.Logins[0].Name] = c.Settings.Secret.Reveal()
		}
		return out
	}
	before := ports()
	r.estate.Tenants = append([]tenant.Tenant{estate(s).Tenants[0]}, r.estate.Tenants...)
	settle(t, r.estate)
	r.apply(t)
	after := ports()
	for name, port := range before {
		if after[name] != port {
			t.Errorf("%s was moved from %d to %d", name, port, after[name])
		}
	}
	if before["bolt"] != 0 || before["crux"] != 0 || before["dyne"] != 1 || after["acme"] != 1 {
		t.Errorf("%v, then %v", before, after)
	}
	for _, tt := range r.estate.Tenants {
		r.port = r.estate.Router.Port + after[tt.Name]
		if _, err := r.enter(t, tt.Name, tt.Logins[0].Name, r.passwords[tt.Logins[0].Name]); err != nil {
			t.Errorf("%s: %v", tt.Name, err)
		}
	}
	n, err := landlord.PauseRouter(t.Context(), r.estate, []string{"dyne"}, false)
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	list, err := landlord.StatusRouter(t.Context(), r.estate)
	if err != nil || len(list) != 4 {
		t.Fatal(list, err)
	}
	for _, x := range list {
		if x.Paused != (x.Name == "dyne") || !x.Running || x.Stale || x.Process != after[x.Name]+1 {
			t.Errorf("%+v", x)
		}
	}
	if n, err = landlord.PauseRouter(t.Context(), r.estate, nil, true); err != nil || n != 1 {
		t.Error(n, err)
	}
}
