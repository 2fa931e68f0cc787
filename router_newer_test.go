package landlord_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// withNewerBouncer has the test use the newer PgBouncer that
// scripts/fetch-pgbouncer.sh fetches.
func withNewerBouncer(t *testing.T) {
	t.Helper()
	cache, err := localpg.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{cache, "/var/cache/landlord"} {
		if mark, _ := filepath.Glob(filepath.Join(dir, "pgbouncer", ".package")); len(mark) > 0 {
			t.Setenv("LANDLORD_PGBOUNCER", filepath.Join(dir, "pgbouncer", "pgbouncer"))
			return
		}
	}
	t.Skip("SKIPPED, AND NOT TRIED: a newer PgBouncer: scripts/fetch-pgbouncer.sh fetches it")
}

// TestNewerPgBouncer goes through what landlord does otherwise with PgBouncer
// 1.24 than with 1.18: verifiers of a database that several share are looked up
// by one name; a name has only so many clients, and a login only so many
// connections. And all walls hold there as well.
func TestNewerPgBouncer(t *testing.T) {
	withNewerBouncer(t)
	s := pgtest.Start(t, pgtest.Majors()[len(pgtest.Majors())-1])
	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) {
		e.Secrets.File = filepath.Join(e.Router.Socket, "passwords")
		e.Router.MaxClientsOfName, e.Router.PoolMode = 6, "transaction"
	})
	r.walls(t, "main")
	r.estate.Tenants[0].Limits.Connections, r.estate.Tenants[0].Logins[1].Connections = 4, 1
	settle(t, r.estate)
	r.apply(t)
	if err := landlord.ShutRouter(t.Context(), r.estate, "acme"); err != nil {
		t.Fatal(err)
	}
	ini := r.plan(t).Files["pgbouncer.ini"]
	for _, want := range []string{"auth_dbname=landlord.main.shared", "\nlandlord.main.shared = ", "max_db_client_connections=6", "\n" + r.estate.Tenants[0].Logins[1].Name + " = max_user_connections=1\n"} {
		if !strings.Contains(ini, want) {
			t.Errorf("%q is not in %s", want, ini)
		}
	}
	r.console(t, "RECONNECT") // prove asks for several tenants at once
	nobodyIn(t, s, "landlord_router")
	for _, tt := range r.estate.Tenants {
		for _, l := range tt.Logins {
			conn, err := r.enter(t, tt.Name, l.Name, r.passwords[l.Name])
			if err == nil {
				err = conn.Ping(t.Context())
			}
			if err != nil {
				t.Fatalf("%s by the name %s: %v", l.Name, tt.Name, err)
			}
			_ = conn.Close(t.Context())
		}
	}
	var asking int
	count := `SELECT count(DISTINCT datname) FILTER (WHERE datname = 'shared') FROM pg_stat_activity WHERE usename = 'landlord_router'`
	if err := s.Connect(t, "", "").QueryRow(t.Context(), count).Scan(&asking); err != nil || asking != 1 {
		t.Errorf("%d databases named shared are asked: %v", asking, err)
	}
	if err := s.Connect(t, "", "").QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE usename = 'landlord_router' AND datname = 'shared'`).Scan(&asking); err != nil || asking != 1 {
		t.Errorf("%d connections look verifiers up in the shared database: %v", asking, err)
	}

	// Who stands in [users] for a limit is looked up like everybody else.
	limited := r.estate.Tenants[0].Logins[1].Name
	for _, password := range []string{"", "wrong", r.passwords["acme_app"]} {
		if _, err := r.enter(t, "acme", limited, password); err == nil {
			t.Errorf("%s is in by password %q", limited, password)
		}
	}
	s.Exec(t, "postgres", "ALTER ROLE "+limited+" NOLOGIN")
	if _, err := r.enter(t, "acme", limited, r.passwords[limited]); err == nil {
		t.Errorf("%s is in, and may not log in", limited)
	}
	s.Exec(t, "postgres", "ALTER ROLE "+limited+" LOGIN")

	// Two clients share the one connection that their login may have.
	acme, reader := r.estate.Tenants[0].Name, r.estate.Tenants[0].Logins[1].Name
	var clients []*pgx.Conn
	for range 2 {
		conn, err := r.enter(t, acme, reader, r.passwords[reader])
		if err == nil {
			err = conn.Ping(t.Context())
		}
		if err != nil {
			t.Fatalf("a client of a login that may have one connection: %v", err)
		}
		clients = append(clients, conn)
	}
	// Prepared statements work in transaction mode, too, though both have one
	// connection by turns.
	for i := range 6 {
		var n int
		if err := clients[i%2].QueryRow(t.Context(), "SELECT $1::int + 1", i).Scan(&n); err != nil || n != i+1 {
			t.Errorf("a prepared statement: %d, %v", n, err)
		}
	}
	for range 4 {
		conn, err := r.enter(t, acme, "acme_app", r.passwords["acme_app"])
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, conn)
	}
	if _, err := r.enter(t, acme, "acme_app", r.passwords["acme_app"]); err == nil || !strings.Contains(err.Error(), "max_db_client_connections") {
		t.Errorf("the seventh client of a name that may have six: %v", err)
	}
	if _, err := r.enter(t, "bolt", "bolt_app", r.passwords["bolt_app"]); err != nil {
		t.Errorf("another name, meanwhile: %v", err)
	}
	for _, c := range clients {
		_ = c.Close(t.Context())
	}

	for _, name := range []string{"landlord.main.shared", "landlord_router"} {
		for _, user := range []string{"bolt_app", "landlord_router", "postgres"} {
			if _, err := r.enter(t, name, user, r.passwords["bolt_app"]); err == nil {
				t.Errorf("%s is in by the name %s", user, name)
			}
		}
	}
	for _, o := range r.apply(t) {
		if o.Written || o.Loaded || !o.Running {
			t.Errorf("nothing has changed, and: %+v", o)
		}
	}
	r.estate.Tenants[0].Suspended = true
	settle(t, r.estate)
	if err := landlord.ShutRouter(t.Context(), r.estate, acme); err != nil {
		t.Fatal(err)
	}
	if _, err := r.enter(t, acme, "acme_app", r.passwords["acme_app"]); err == nil {
		t.Error("somebody of a suspended tenant is in")
	}
	list, err := landlord.StatusRouter(t.Context(), r.estate)
	if err != nil || len(list) != len(r.estate.Tenants)-1 {
		t.Error(list, err)
	}
	for _, x := range list {
		if !x.Running || x.Stale || strings.HasPrefix(x.Name, "landlord.") {
			t.Errorf("%+v", x)
		}
	}
}

// walls tries all that is about the router on a server, and fails unless all of
// it holds. It returns what was tried.
func (r *routed) walls(t *testing.T, servers ...string) (all []prove.Outcome) {
	t.Helper()
	for _, server := range servers {
		report, err := landlord.Prove(t.Context(), r.estate, server, landlord.Options{Probes: routerProbes()}, landlord.ProveHooks{})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Outcomes) == 0 {
			t.Errorf("server %s: nothing was tried", server)
		}
		for _, o := range report.Outcomes {
			if o.Verdict != prove.Held && o.Verdict != prove.Works && o.Closes != prove.ByDirect {
				t.Errorf("%s %s: %s: %s: %s", o.Tenant, o.Login, o.Probe, o.Verdict, strings.TrimSpace(o.Detail))
			}
		}
		all = append(all, report.Outcomes...)
	}
	return all
}
