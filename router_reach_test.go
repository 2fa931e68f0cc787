package landlord_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

// TestReachThroughTwoProcesses: what is done to a tenant reaches through each
// process, while its clients are held, also where a pause waits for a client who
// stays; and a process that does not run has nothing to be reached.
func TestReachThroughTwoProcesses(t *testing.T) {
	s := pgtest.Start(t, pgtest.Majors()[0])
	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) { e.Router.Aliases = 2 })
	at := func(name, login string) error {
		r.port = r.estate.Router.Port + map[string]int{"crux": 1, "dyne": 1}[name]
		conn, err := r.enter(t, name, login, r.passwords[login])
		if err == nil {
			err = conn.Ping(t.Context())
			_ = conn.Close(t.Context())
		}
		return err
	}
	suspend := func(names ...string) {
		t.Helper()
		for i, tt := range r.estate.Tenants {
			r.estate.Tenants[i].Suspended = false
			for _, name := range names {
				r.estate.Tenants[i].Suspended = r.estate.Tenants[i].Suspended || tt.Name == name
			}
		}
		settle(t, r.estate)
		if err := landlord.ShutRouter(t.Context(), r.estate, names...); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"acme", "dyne"} {
		_ = at(name, name+"_app")
		stays, err := r.enter(t, name, name+"_app", r.passwords[name+"_app"])
		if err != nil || stays.Ping(t.Context()) != nil {
			t.Fatal(err)
		}
		// In session mode, the pause is not there before this client goes.
		waits, leave := context.WithCancel(t.Context())
		var asked sync.WaitGroup
		asked.Go(func() {
			defer leave()
			r.untilPaused(waits, name)
		})
		n, err := landlord.PauseRouter(waits, r.estate, []string{name}, false)
		leave()
		asked.Wait()
		if n != 1 || !errors.Is(err, context.Canceled) {
			t.Errorf("a pause that waits for %s: %d, %v", name, n, err)
		}
		if err := stays.Ping(t.Context()); err != nil {
			t.Errorf("who is in while a pause waits: %v", err)
		}
		suspend(name)
		if stays.Ping(t.Context()) == nil || at(name, name+"_app") == nil {
			t.Errorf("somebody of %s is in", name)
		}
		suspend()
		for _, tt := range r.estate.Tenants {
			if err := at(tt.Name, tt.Name+"_app"); err != nil {
				t.Errorf("after %s came back, %s: %v", name, tt.Name, err)
			}
		}
		n, err = landlord.PauseRouter(t.Context(), r.estate, []string{name}, false)
		if n != 1 || err != nil {
			t.Errorf("a pause of %s: %d, %v", name, n, err)
		}
		suspend(name)
		suspend()
		if err := at(name, name+"_app"); err != nil {
			t.Errorf("suspended while it was paused, then resumed: %v", err)
		}
	}
	if err := r.processes[2].Stop(syscall.SIGKILL, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	suspend("dyne")
	suspend("acme")
	if at("acme", "acme_app") == nil || at("bolt", "bolt_app") != nil {
		t.Error("with one process down, the other does not do its part")
	}
	r.start(t, landlord.RouterOutcome{Process: 2, Start: []string{r.apply(t)[1].Start[0], r.estate.Router.Directory + "/2/pgbouncer.ini"}})
	if err := at("dyne", "dyne_app"); err != nil {
		t.Errorf("suspended and resumed while its process did not run: %v", err)
	}
}

// untilPaused waits until a name's process has been told to pause it.
func (r *routed) untilPaused(ctx context.Context, name string) {
	for told := false; !told; time.Sleep(5 * time.Millisecond) {
		list, err := landlord.StatusRouter(ctx, r.estate)
		told = err != nil || slices.ContainsFunc(list, func(s landlord.RouterStatus) bool { return s.Name == name && s.Paused })
	}
}
