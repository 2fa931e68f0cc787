package landlord_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"landlord"
	"landlord/internal/catalog"
	"landlord/internal/localpg"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// settle leads the server to the estate, and says what would still be to do.
func settle(t *testing.T, e tenant.Estate) []string {
	t.Helper()
	result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
	if err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	return todo(t, e)
}

func todo(t *testing.T, e tenant.Estate) (left []string) {
	t.Helper()
	p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range p.Steps {
		left = append(left, step.Why+": "+strings.Join(step.SQL, "; "))
	}
	if p.HBA != nil {
		left = append(left, "pg_hba.conf")
	}
	for _, n := range p.Notes {
		if n.Cannot {
			left = append(left, "note: "+n.What)
		}
	}
	return left
}

// lookupDrift is what somebody may do to the lookup, in a tenant's database or
// on the server, and that must be undone.
var lookupDrift = []struct{ name, database, sql string }{
	{"everybody may call it", "acme", "GRANT EXECUTE ON FUNCTION landlord.lookup(text) TO PUBLIC"},
	{"a tenant may call it", "shared", "GRANT EXECUTE ON FUNCTION landlord.lookup(text) TO bolt_app"},
	{"its text is another", "shared", "ALTER FUNCTION landlord.lookup(text) RESET search_path"},
	{"its body is another", "acme", `CREATE OR REPLACE FUNCTION landlord.lookup(text, OUT login text, OUT verifier text) RETURNS SETOF record LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT r.rolname::text, r.rolpassword FROM pg_authid AS r WHERE r.rolname = $1 $$`},
	{"it runs as its caller", "acme", "ALTER FUNCTION landlord.lookup(text) SECURITY INVOKER"},
	{"a tenant may pass it on", "shared", "GRANT USAGE ON SCHEMA landlord TO crux_app; GRANT EXECUTE ON FUNCTION landlord.lookup(text) TO crux_app WITH GRANT OPTION"},
	{"its login may pass it on", "acme", "GRANT EXECUTE ON FUNCTION landlord.lookup(text) TO landlord_router WITH GRANT OPTION"},
	{"its login may not call it", "acme", "REVOKE EXECUTE ON FUNCTION landlord.lookup(text) FROM landlord_router"},
	{"it is gone", "acme", "DROP FUNCTION landlord.lookup(text)"},
	{"its schema is gone", "acme", "DROP SCHEMA landlord CASCADE"},
	{"it is a tenant's", "acme", "ALTER FUNCTION landlord.lookup(text) OWNER TO acme_owner"},
	{"everybody may look into its schema", "acme", "GRANT ALL ON SCHEMA landlord TO PUBLIC"},
	{"its login is mighty", "postgres", "ALTER ROLE landlord_router CREATEROLE BYPASSRLS"},
	{"its login is a superuser", "postgres", "ALTER ROLE landlord_router SUPERUSER"},
	{"its login replicates", "postgres", "ALTER ROLE landlord_router REPLICATION"},
	{"its login has expired", "postgres", "ALTER ROLE landlord_router VALID UNTIL '2001-01-01'"},
	{"its login may not come in twice", "postgres", "ALTER ROLE landlord_router CONNECTION LIMIT 1"},
	{"its login makes temporary tables", "acme", "GRANT TEMPORARY ON DATABASE acme TO landlord_router"},
	{"its login reads a table", "acme", "CREATE TABLE acme.t (n int); GRANT SELECT ON acme.t TO landlord_router"},
	{"its login has a password", "postgres", "ALTER ROLE landlord_router PASSWORD 'x'"},
	{"its login is a tenant's", "postgres", "GRANT acme_app TO landlord_router"},
	{"its login reads everything", "postgres", "GRANT pg_read_all_data TO landlord_router"},
	{"its login is given to a tenant", "postgres", "GRANT landlord_router TO acme_app"},
	{"its login gets elsewhere", "postgres", "GRANT CONNECT ON DATABASE postgres TO landlord_router"},
	{"its login sees tables", "acme", "GRANT USAGE ON SCHEMA acme TO landlord_router"},
	{"its login may not connect", "acme", "REVOKE CONNECT ON DATABASE acme FROM landlord_router"},
	{"its login cannot log in", "postgres", "ALTER ROLE landlord_router NOLOGIN"},
	{"its login looks elsewhere", "postgres", "ALTER ROLE landlord_router SET search_path = acme"},
}

func TestRouterOnTheServer(t *testing.T) {
	majors := pgtest.Majors()
	for _, major := range slices.Compact([]int{slices.Min(majors), slices.Max(majors)}) { // memberships are others since 16
		s := pgtest.Start(t, major)
		e := estate(s)
		user, err := localpg.ServerUser()
		if err != nil {
			t.Fatal(err)
		}
		e.Servers[0].Router = tenant.RouterDoor{Lookup: true, User: user}
		if left := settle(t, e); len(left) > 0 {
			t.Fatal("still to do:\n", strings.Join(left, "\n"))
		}
		for _, d := range lookupDrift {
			s.Exec(t, d.database, d.sql)
			if left := todo(t, e); len(left) == 0 {
				t.Errorf("%s: not seen", d.name)
			}
			if left := settle(t, e); len(left) > 0 {
				t.Fatalf("%s: still to do:\n%s", d.name, strings.Join(left, "\n"))
			}
		}
		// Who works without the spec leaves the router as it is.
		bare, err := landlord.Export(t.Context(), tenant.Server{Name: "main", Connection: e.Servers[0].Connection})
		if err != nil || !bare.Servers[0].Router.Lookup || bare.Servers[0].Router.User != user {
			t.Errorf("found %+v, %v", bare.Servers[0].Router, err)
		}
		// It leaves a shared database with the last tenant, whom the spec need not
		// know, or a pool.
		e.Tenants = slices.DeleteFunc(e.Tenants, func(t tenant.Tenant) bool { return t.Home.Database == "shared" })
		e.Servers[0].Pools = []tenant.Pool{{Name: "web", Database: "shared"}}
		for _, c := range []struct {
			name string
			stay bool
		}{{"bolt", true}, {"crux", true}, {"bolt", false}} {
			if why := lacksToRemove(t, bare.Servers[0], c.name); (why == "") != (c.name == "bolt" && c.stay) {
				t.Errorf("to remove %s without a spec, all is read: %q", c.name, why)
			}
			apply(t, e, landlord.Options{Tenants: []string{c.name}, Prune: true})
			var stays bool
			if err := s.Connect(t, "acme", "").QueryRow(t.Context(), "SELECT has_database_privilege('landlord_router', 'shared', 'CONNECT')").Scan(&stays); err != nil || stays != c.stay {
				t.Errorf("after the removal of %s the router may connect to its database: %v, %v", c.name, stays, err)
			}
			if !stays {
				break
			}
			if c.name == "crux" { // once more, and nobody stays
				e.Servers[0].Pools = nil
				back := e
				back.Tenants = append(slices.Clone(e.Tenants), estate(s).Tenants[1])
				apply(t, back, landlord.Options{Tenants: []string{"bolt"}})
			}
		}
		if left := todo(t, e); len(left) > 0 {
			t.Error("after the last tenant of a shared database, still to do:\n", strings.Join(left, "\n"))
		}
		// The login also goes where it has something in a database that no tenant
		// lives in any more.
		e.Servers[0].Router = tenant.RouterDoor{}
		if left := settle(t, e); len(left) > 0 {
			t.Fatal("without a router, still to do:\n", strings.Join(left, "\n"))
		}
		var rest int
		if err := s.Connect(t, "acme", "").QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_roles WHERE rolname = 'landlord_router')
			+ (SELECT count(*) FROM pg_namespace WHERE nspname = 'landlord')`).Scan(&rest); err != nil || rest != 0 {
			t.Errorf("%d things of the router are left, %v", rest, err)
		}
	}
}

// lacksToRemove says why a tenant's removal without a spec must look at all others.
func lacksToRemove(t *testing.T, s tenant.Server, name string) string {
	t.Helper()
	gone, ok, err := landlord.Find(t.Context(), s, name)
	if err != nil || !ok {
		t.Fatal(name, ok, err)
	}
	in := plan.Input{Server: s, Only: []string{name}, Prune: true, Gone: []tenant.Tenant{gone}, Partial: true}
	in.Snapshot, err = catalog.Read(t.Context(), catalog.Options{Conninfo: s.Connection, HBA: true, Available: true, Dependencies: true, Focus: plan.Focus(in),
		Want: func(s snapshot.Snapshot) []string { return plan.Needs(in, s) }})
	if err != nil {
		t.Fatal(err)
	}
	return plan.Lacks(in)
}

func TestThroughTheRouter(t *testing.T) {
	for _, secrets := range tenant.AllRouterSecrets() {
		t.Run(string(secrets), func(t *testing.T) {
			r := newRouted(t, pgtest.Start(t, pgtest.Majors()[0]), secrets)
			for _, tt := range r.estate.Tenants {
				for _, l := range tt.Logins {
					conn, err := r.enter(t, tt.Name, l.Name, r.passwords[l.Name])
					if err != nil {
						t.Errorf("%s by the name %s: %v", l.Name, tt.Name, err)
						continue
					}
					var who, where string
					if err := conn.QueryRow(t.Context(), "SELECT session_user, current_database()").Scan(&who, &where); err != nil || who != l.Name || where != tt.Home.Database {
						t.Errorf("%s by the name %s: is %s in %s: %v", l.Name, tt.Name, who, where, err)
					}
				}
			}
			for _, no := range [][3]string{
				{"acme", "acme_app", r.passwords["bolt_app"]}, {"acme", "acme_app", ""}, {"acme", "bolt_app", r.passwords["bolt_app"]}, {"bolt", "crux_app", r.passwords["crux_app"]},
				{"pgbouncer", "acme_app", r.passwords["acme_app"]}, {"pgbouncer", "pgbouncer", ""}, {"acme", "pgbouncer", ""}, {"acme", "landlord_router", ""},
				{"acme", "postgres", ""}, {"postgres", "acme_app", r.passwords["acme_app"]}, {"shared", "bolt_app", r.passwords["bolt_app"]},
			} {
				if _, err := r.enter(t, no[0], no[1], no[2]); err == nil {
					t.Errorf("%s got in by the name %s", no[1], no[0])
				}
			}
			for _, o := range r.apply(t) {
				if o.Written || o.Loaded || !o.Running {
					t.Errorf("nothing has changed, and: %+v", o)
				}
			}
		})
	}
}

// TestShutThroughTheRouter shows by which connections new clients would still
// get in, and that none does once landlord has done its part.
func TestShutThroughTheRouter(t *testing.T) {
	for _, secrets := range tenant.AllRouterSecrets() {
		t.Run(string(secrets), func(t *testing.T) {
			s := pgtest.Start(t, pgtest.Majors()[0])
			r := newRouted(t, s, secrets)
			at := func(name, login string) bool {
				conn, err := r.enter(t, name, login, r.passwords[login])
				return err == nil && conn.Ping(t.Context()) == nil && conn.Close(t.Context()) == nil
			}
			inside, err := r.enter(t, "acme", "acme_app", r.passwords["acme_app"])
			if err != nil || inside.Ping(t.Context()) != nil || !at("acme", "acme_ro") || !at("bolt", "bolt_app") || !at("bolt", "bolt_ro") {
				t.Fatal("not in", err)
			}

			s.Exec(t, "postgres", "ALTER ROLE acme_ro NOLOGIN")
			if got := at("acme", "acme_ro"); got != (secrets == tenant.UserList) {
				t.Errorf("NOLOGIN alone: a new client in: %v", got)
			}
			if err := inside.Ping(t.Context()); err != nil {
				t.Errorf("a client that is in: %v", err)
			}
			r.estate.Tenants[0].Suspended = true
			settle(t, r.estate)
			if err := landlord.ShutRouter(t.Context(), r.estate, "acme"); err != nil {
				t.Fatal(err)
			}
			if at("acme", "acme_ro") || at("acme", "acme_app") || inside.Ping(t.Context()) == nil {
				t.Error("somebody of a suspended tenant is in")
			}
			nobodyIn(t, s, "acme")
			r.estate.Tenants[0].Suspended = false
			settle(t, r.estate)
			if err := landlord.FollowRouter(t.Context(), r.estate); err != nil || !at("acme", "acme_app") {
				t.Errorf("resumed, and not in: %v", err)
			}

			if !at("bolt", "bolt_app") {
				t.Error("bolt is not in")
			}
			verifier, err := pgsql.ScramVerifier("another")
			if err != nil {
				t.Fatal(err)
			}
			s.Exec(t, "postgres", "ALTER ROLE bolt_app PASSWORD "+pgsql.Literal(verifier))
			if got := at("bolt", "bolt_app"); got != (secrets == tenant.UserList) {
				t.Errorf("a new password alone: in by the old one: %v", got)
			}
			if err := landlord.ShutRouter(t.Context(), r.estate, "bolt"); err != nil {
				t.Fatal(err)
			}
			if at("bolt", "bolt_app") {
				t.Error("in by an old password")
			}
			if secrets == tenant.UserList {
				// In, out of the list of users, and by no password back in.
				s.Exec(t, "postgres", "ALTER ROLE bolt_ro VALID UNTIL '2001-01-01'")
				r.apply(t)
				if _, err := r.enter(t, "bolt", "bolt_ro", ""); err == nil {
					t.Error("in by no password, after an expired one")
				}
				s.Exec(t, "postgres", "ALTER ROLE bolt_ro VALID UNTIL 'infinity'")
			}
			r.passwords["bolt_app"] = "another"
			if !at("bolt", "bolt_app") {
				t.Error("not in by the new password")
			}
		})
	}
}

// TestOwnFilesOfTheRouter shows what a user may write by hand, and that a
// mistake in it replaces nothing.
func TestOwnFilesOfTheRouter(t *testing.T) {
	s := pgtest.Start(t, pgtest.Majors()[0])
	var ini, rules string
	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) {
		ini, rules = filepath.Join(e.Router.Socket, "own.ini"), filepath.Join(e.Router.Socket, "own_hba.conf")
		e.Router.Include, e.Router.HBA = ini, rules
		put(t, ini, fmt.Sprintf("[pgbouncer]\nserver_idle_timeout = 77\n[databases]\nown = host=%s port=%d dbname=acme user=postgres auth_user=landlord_router\n", s.SocketDir(), s.Port()))
		put(t, rules, "local all all trust\nlocal own acme_app trust\n")
	})
	if _, err := r.enter(t, "own", "acme_app", ""); err != nil {
		t.Errorf("the name that the user has written by hand: %v", err)
	}
	for name, user := range map[string]string{"acme": "acme_app", "pgbouncer": "acme_app", "bolt": "pgbouncer"} {
		if _, err := r.enter(t, name, user, ""); err == nil {
			t.Errorf("a rule of the user's own lets %s in by the name %s", user, name)
		}
	}
	before := r.files(t)
	for _, x := range []struct{ file, text, want string }{
		{ini, "[pgbouncer]\npool_mode = often\n", "pool_mode"},
		{ini, "[pgbouncer]\nno_such_thing = 1\n", "no_such_thing"},
		{ini, "[pgbouncer]\nauth_type = trust\n", "own.ini:2: auth_type is landlord's"},
		{ini, "[users]\nacme_app = pool_mode=session\n", "[users]"},
		{ini, "[databases]\nacme = host=/tmp\n", "own.ini:2: acme is a name of landlord's"},
		{ini, "[databases]\nown = wrong=1\n", "unrecognized connection parameter: wrong"},
		{ini, "what\n", "own.ini:1"},
		{rules, "local own +postgres trust\n", "could not parse hba config line"},
	} {
		put(t, ini, "[pgbouncer]\nserver_idle_timeout = 78\n")
		put(t, rules, "")
		put(t, x.file, x.text)
		p, err := landlord.PlanRouter(t.Context(), r.estate)
		if err == nil {
			_, err = landlord.ApplyRouter(t.Context(), r.estate, p)
		}
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%q: %v", x.text, err)
		}
		if diff := cmp.Diff(before, r.files(t)); diff != "" {
			t.Fatalf("%q: the files have changed: %s", x.text, diff)
		}
	}
	if _, err := r.enter(t, "acme", "acme_app", r.passwords["acme_app"]); err != nil {
		t.Errorf("after all mistakes: %v", err)
	}
}

// TestRotationThroughTheRouter: both logins get in while a rotation is open; one
// that is in use at the router stays open; an idle connection of the router's is
// no use.
func TestRotationThroughTheRouter(t *testing.T) {
	s := pgtest.Start(t, pgtest.Majors()[0])
	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) { e.Router.PoolMode = "transaction" })
	enter := func(login string) *pgx.Conn {
		t.Helper()
		conn, err := r.enter(t, "acme", login, r.passwords[login])
		if err == nil {
			err = conn.Ping(t.Context())
		}
		if err != nil {
			t.Fatalf("%s: %v", login, err)
		}
		return conn
	}
	old := enter("acme_app")
	got, err := landlord.Rotate(t.Context(), r.estate, "acme", "acme_app", landlord.Rotation{}, landlord.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	if err := landlord.FollowRouter(t.Context(), r.estate); err != nil {
		t.Fatal(err)
	}
	r.passwords[got.Settings.User] = got.Settings.Secret.Reveal()
	enter(got.Settings.User)
	_, err = landlord.FinishRotation(t.Context(), r.estate, "acme", landlord.Finish{}, landlord.Hooks{})
	var inUse *landlord.InUseError
	if !errors.As(err, &inUse) {
		t.Errorf("finished while a client of the old login is at the router: %v", err)
	}
	_ = old.Close(t.Context())
	if done, err := landlord.FinishRotation(t.Context(), r.estate, "acme", landlord.Finish{}, landlord.Hooks{}); err != nil || len(done) != 1 {
		t.Fatal(done, err)
	}
	if err := landlord.FollowRouter(t.Context(), r.estate); err != nil {
		t.Fatal(err)
	}
	if _, err := r.enter(t, "acme", "acme_app", r.passwords["acme_app"]); err == nil {
		t.Error("in by the old login of a rotation that is over")
	}
	enter(got.Settings.User)
}

// TestPoolThroughTheRouter: a pool's login comes by its own name, and becomes a
// tenant for a transaction. Clients of a tenant with two databases, who all
// together want more connections than its login may have, wait for each other.
func TestPoolThroughTheRouter(t *testing.T) {
	s := pgtest.Start(t, pgtest.Majors()[0])
	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) {
		e.Servers[0].Pools = []tenant.Pool{{Name: "web", Database: "shared"}}
		e.Router.PoolMode = "transaction"
		e.Tenants[0].Limits.Connections, e.Tenants[0].Further = 2, []tenant.Place{{Database: "archive", Schemas: []string{"acme"}}}
	})
	for _, name := range []string{"acme", "acme.archive", "acme"} {
		var group errgroup.Group
		for range 3 {
			conn, err := r.enter(t, name, "acme_app", r.passwords["acme_app"])
			if err != nil {
				t.Fatalf("by the name %s: %v", name, err)
			}
			group.Go(func() error {
				for range 10 {
					if _, err := conn.Exec(t.Context(), "SELECT pg_sleep(0.005)", pgx.QueryExecModeSimpleProtocol); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Errorf("by the name %s, a client of a login that may have two connections: %v", name, err)
		}
	}
	verifier, err := pgsql.ScramVerifier("of the pool")
	if err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "postgres", "ALTER ROLE web PASSWORD "+pgsql.Literal(verifier))
	conn, err := r.enter(t, "web", "web", "of the pool")
	if err != nil {
		t.Fatal(err)
	}
	var who string
	if err := conn.QueryRow(t.Context(), "SELECT landlord.become('bolt')", pgx.QueryExecModeSimpleProtocol).Scan(&who); err != nil {
		t.Error(err)
	}
	if _, err := r.enter(t, "bolt", "web", "of the pool"); err == nil {
		t.Error("the pool's login is in by a tenant's name")
	}
}
