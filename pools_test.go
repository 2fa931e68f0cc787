package landlord_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/connect"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// pooled is three tenants in a shared database, one of them with names that
// want quotes and one with settings, a pool, and a tenant elsewhere.
func pooled(s *pgtest.Server) tenant.Estate {
	e := tenant.Estate{Servers: []tenant.Server{{Name: "main", Connection: s.ConnString("postgres", "postgres"),
		Pools: []tenant.Pool{{Name: "web", Database: "shared", Limits: tenant.Limits{Connections: 9, TempFiles: 1 << 30}}}}}}
	for _, name := range []string{"acme", "bolt", "cora", "dune"} {
		e.Tenants = append(e.Tenants, tenant.Tenant{Name: name, Server: "main", Isolation: tenant.Schema, Home: tenant.Place{Database: "shared", Schemas: []string{name}},
			Owner: tenant.DefaultOwner(name), Rights: tenant.CRUD, Logins: tenant.DefaultLogins(name, tenant.CRUD), Temp: true})
	}
	bolt := &e.Tenants[1]
	bolt.Home.Schemas, bolt.Logins = []string{`The "Bolt", Ltd`, "old"}, []tenant.Login{{Name: `bolt's "app"`, Kind: tenant.App}, {Name: "bolt_app2", Kind: tenant.App}}
	cora := &e.Tenants[2]
	cora.Limits = tenant.Limits{StatementTimeout: 7 * time.Second, TempFiles: 1 << 20}
	cora.Settings = []tenant.Setting{{Name: "app.region", Value: "it's"}, {Name: "timezone", Value: "Asia/Tokyo"}}
	dune := &e.Tenants[3]
	dune.Isolation, dune.Home.Database = tenant.Database, "dune"
	return e
}

// asPool is a session of the pool's login.
func asPool(t *testing.T, s *pgtest.Server) *pgx.Conn {
	t.Helper()
	conn := s.Connect(t, "shared", "")
	if _, err := conn.Exec(t.Context(), "SET SESSION AUTHORIZATION web; SET search_path = pg_catalog"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// whoami is who a session is, as whom it logged in, and where it looks.
func whoami(t *testing.T, conn *pgx.Conn) (all string) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT concat_ws('|', current_user, session_user, current_setting('search_path'))").Scan(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// state runs statements and gives the SQLSTATE of their error.
func state(t *testing.T, conn *pgx.Conn, sql ...string) string {
	t.Helper()
	for _, one := range sql {
		if _, err := conn.Exec(t.Context(), one); err != nil {
			return connect.State(err)
		}
	}
	return ""
}

const onlyPool = "web|web|pg_catalog"

// A pool's login becomes a tenant for one transaction, with all that the
// tenant's own login would have; nothing of it stays, however the transaction
// ends; and without it, it reaches nothing.
func TestPoolBecomes(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := pooled(s)
		apply(t, e, landlord.Options{})
		settled(t, e, landlord.Options{})
		s.Exec(t, "shared", `CREATE TABLE acme.t (id int); ALTER TABLE acme.t OWNER TO acme_owner; CREATE TABLE "The ""Bolt"", Ltd".t (id int); ALTER TABLE "The ""Bolt"", Ltd".t OWNER TO bolt_owner`)
		apply(t, e, landlord.Options{})
		conn := asPool(t, s)

		for name, want := range map[string]string{
			"acme": "acme_app|web|acme, pg_temp", "bolt": `bolt's "app"|web|"The ""Bolt"", Ltd", old, pg_temp`, "cora": "cora_app|web|cora, pg_temp",
		} {
			for _, end := range []string{"COMMIT", "ROLLBACK"} {
				state(t, conn, "BEGIN")
				if _, err := conn.Exec(t.Context(), "SELECT landlord.become($1)", name); err != nil {
					t.Fatal(name, err)
				}
				if got := whoami(t, conn); got != want {
					t.Errorf("%s: it is %s, not %s", name, got, want)
				}
				state(t, conn, end)
				if got := whoami(t, conn); got != onlyPool {
					t.Errorf("%s after %s: it is %s", name, end, got)
				}
			}
		}

		// The tenant's settings hold, but for what only a superuser may set.
		var settings string
		state(t, conn, "BEGIN", "SELECT landlord.become('cora')")
		const ask = "SELECT concat_ws('|', current_setting('statement_timeout'), current_setting('timezone'), current_setting('app.region', true), current_setting('temp_file_limit'), current_setting('landlord.tenant', true))"
		if err := conn.QueryRow(t.Context(), ask).Scan(&settings); err != nil || settings != "7s|Asia/Tokyo|it's|-1|cora" {
			t.Errorf("settings: %s, %v", settings, err)
		}
		state(t, conn, "COMMIT")
		if err := conn.QueryRow(t.Context(), ask).Scan(&settings); err != nil || strings.Contains(settings, "7s") || strings.Contains(settings, "Tokyo") || strings.Contains(settings, "cora") {
			t.Errorf("settings afterwards: %s, %v", settings, err)
		}

		for _, c := range []struct {
			what, want string
			sql        []string
		}{
			{"work", "", []string{"SELECT landlord.become('acme')", "INSERT INTO t VALUES (1)", "UPDATE t SET id = 2", "DELETE FROM t", "CREATE TEMPORARY TABLE x () ON COMMIT DROP"}},
			{"another's table", "42501", []string{"SELECT landlord.become('acme')", `SELECT * FROM "The ""Bolt"", Ltd".t`}},
			{"DDL", "42501", []string{"SELECT landlord.become('acme')", "CREATE TABLE acme.y ()"}},
			{"a table without becoming anybody", "42501", []string{"SELECT * FROM acme.t"}},
			{"a table without its schema, and without becoming anybody", "42P01", []string{"SELECT * FROM t"}},
			{"a temporary table without becoming anybody", "42501", []string{"CREATE TEMPORARY TABLE x ()"}},
			{"nested", "42501", []string{"SELECT landlord.become('acme')", "SELECT landlord.become('bolt')"}},
			{"another tenant in the same transaction", "25001", []string{"SELECT landlord.become('acme')", "RESET ROLE", "SELECT landlord.become('bolt')"}},
			{"again after a savepoint", "", []string{"SAVEPOINT a", "SELECT landlord.become('acme')", "ROLLBACK TO a", "SELECT landlord.become('bolt')"}},
			{"no such tenant", "42501", []string{"SELECT landlord.become('nobody')"}},
			{"a tenant elsewhere", "42501", []string{"SELECT landlord.become('dune')"}},
			{"a role that is no tenant", "42501", []string{"SELECT landlord.become('acme_app')"}},
			{"a group", "42501", []string{"SELECT landlord.become('shared')"}},
			{"landlord's group", "42501", []string{"SELECT landlord.become('landlord_tenants')"}},
			{"a superuser", "42501", []string{"SELECT landlord.become('postgres')"}},
			{"nothing", "42501", []string{"SELECT landlord.become(NULL)"}},
			{"an owner", "42501", []string{"SET LOCAL ROLE acme_owner"}},
			{"a second login", "42501", []string{"SET LOCAL ROLE bolt_app2"}},
			{"a tenant elsewhere, by hand", "42501", []string{"SET LOCAL ROLE dune_app"}},
		} {
			state(t, conn, "BEGIN")
			if got := state(t, conn, c.sql...); got != c.want {
				t.Errorf("%s: SQLSTATE %q, not %q", c.what, got, c.want)
			}
			state(t, conn, "ROLLBACK")
			if got := whoami(t, conn); got != onlyPool {
				t.Errorf("after %s: it is %s", c.what, got)
			}
		}

		// Outside of a transaction it ends with its own statement. What follows
		// reaches nothing.
		if got := state(t, conn, "SELECT landlord.become('acme')", "SELECT * FROM t"); got != "42P01" {
			t.Errorf("outside of a transaction: SQLSTATE %q", got)
		}
		if got := whoami(t, conn); got != onlyPool {
			t.Errorf("after a call outside of a transaction it is %s", got)
		}
		// Nobody else may call it.
		for _, role := range []string{"acme_app", "acme_owner", "dune_app"} {
			other := s.Connect(t, "shared", "")
			if got := state(t, other, "SET SESSION AUTHORIZATION "+role, "SELECT landlord.become('acme')"); got != "42501" {
				t.Errorf("%s calls it: SQLSTATE %q", role, got)
			}
		}
		_, err := conn.Exec(t.Context(), "SELECT landlord.become('nobody')")
		if err == nil || !strings.Contains(err.Error(), `web cannot become tenant 'nobody'`) {
			t.Errorf("it says %v", err)
		}
	})
}

// Who may be reached through a pool follows the spec: suspension, new and
// removed tenants, rotation, another database, another pool; and whatever
// anybody has done to it, the next apply undoes.
func TestPoolConverges(t *testing.T) {
	oldAndNew(t, func(t *testing.T, s *pgtest.Server) {
		e := pooled(s)
		apply(t, e, landlord.Options{})
		settled(t, e, landlord.Options{})
		got, err := landlord.Export(t.Context(), tenant.Server{Name: "main", Connection: e.Servers[0].Connection})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e.Servers[0].Pools, got.Servers[0].Pools); diff != "" {
			t.Errorf("export (-want +got)\n%s", diff)
		}
		s.Exec(t, "shared", "CREATE TABLE acme.t (id int); ALTER TABLE acme.t OWNER TO acme_owner; CREATE ROLE stranger")
		apply(t, e, landlord.Options{})
		for _, drifts := range [][]string{
			{"ALTER ROLE web SUPERUSER CREATEROLE INHERIT CONNECTION LIMIT 5", "ALTER ROLE web SET search_path = acme", "ALTER ROLE web IN DATABASE shared SET work_mem = '1GB'", "GRANT bolt_owner TO web",
				"GRANT dune_app TO web", "GRANT pg_read_all_data TO web", "GRANT postgres TO web", "REVOKE cora_app FROM web", "REVOKE shared FROM web", "GRANT web TO stranger",
				"GRANT CONNECT ON DATABASE postgres TO web", "GRANT CONNECT ON DATABASE dune TO web", "REVOKE CONNECT ON DATABASE shared FROM web", "GRANT USAGE ON SCHEMA acme TO web", "GRANT SELECT ON acme.t TO web",
				"GRANT SELECT ON pg_catalog.pg_authid TO web", "GRANT USAGE ON SCHEMA landlord TO PUBLIC", "ALTER FUNCTION landlord.become SECURITY DEFINER", "ALTER DEFAULT PRIVILEGES FOR ROLE acme_owner GRANT SELECT ON TABLES TO web"},
			{"ALTER ROLE web NOLOGIN", "GRANT acme_app TO web WITH ADMIN OPTION", "REVOKE landlord_tenants FROM web", "ALTER ROLE web SET role = 'acme_app'", "GRANT CREATE ON DATABASE shared TO web", "GRANT CREATE ON SCHEMA landlord TO web",
				"GRANT EXECUTE ON FUNCTION landlord.become TO PUBLIC", "CREATE TABLE acme.webs (); ALTER TABLE acme.webs OWNER TO web"},
			{"REVOKE USAGE ON SCHEMA landlord FROM web", "ALTER FUNCTION landlord.become SET search_path = pg_catalog"},
			{"ALTER SCHEMA landlord OWNER TO acme_owner", "GRANT EXECUTE ON FUNCTION landlord.become TO acme_app WITH GRANT OPTION"},
			{"ALTER FUNCTION landlord.become OWNER TO acme_owner"},
			{"CREATE OR REPLACE FUNCTION landlord.become(tenant text) RETURNS text LANGUAGE sql AS 'SELECT tenant'"},
			{"DROP FUNCTION landlord.become; CREATE FUNCTION landlord.become(other text) RETURNS void LANGUAGE sql AS ''"},
			{"DROP FUNCTION landlord.become"},
			{"DROP OWNED BY web; REVOKE ALL ON DATABASE shared FROM web; DROP ROLE web; DROP SCHEMA landlord CASCADE"},
		} {
			mended(t, s, e, drifts)
		}
	})
}

// mended does things by hand in the pool's database, one after the other: each is
// seen, and one apply puts all of them right.
func mended(t *testing.T, s *pgtest.Server, e tenant.Estate, drifts []string) {
	t.Helper()
	steps := 0
	for _, drift := range drifts {
		s.Exec(t, "shared", drift)
		p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
		if err != nil || statements(p) <= steps {
			t.Errorf("%s: %v, and there is nothing more to do", drift, err)
		}
		steps = statements(p)
	}
	apply(t, e, landlord.Options{})
	settled(t, e, landlord.Options{})
}

func statements(p plan.Plan) (n int) {
	for _, s := range p.Steps {
		n += len(s.SQL)
	}
	return n
}

// Who may be reached through a pool follows what becomes of the tenants. What
// is open when one is suspended or removed is ended; what waits for its next
// transaction goes on.
func TestPoolLives(t *testing.T) {
	oldAndNew(t, func(t *testing.T, s *pgtest.Server) {
		e := pooled(s)
		all := e.Tenants
		e.Tenants = all[1:]
		apply(t, e, landlord.Options{})
		s.Exec(t, "postgres", "ALTER ROLE web PASSWORD 'right'") // as it is shown once
		b := pgtest.StartBouncer(t, s, pgtest.BouncerOptions{Users: map[string]string{"web": "right"}, Settings: map[string]string{"default_pool_size": "2"}})
		connect := func() *pgx.Conn {
			conn, err := pgx.Connect(t.Context(), b.ConnString("shared", "web")+" password=right default_query_exec_mode=exec")
			if err != nil {
				t.Fatal(err, b.Log(t))
			}
			t.Cleanup(func() { _ = conn.Close(context.Background()) })
			return conn
		}
		become := func(conn *pgx.Conn, name string) string {
			return state(t, conn, "BEGIN", "SELECT landlord.become('"+name+"')")
		}
		reach := func(name, want string) {
			t.Helper()
			conn := connect()
			if got := become(conn, name); got != want {
				t.Errorf("%s: SQLSTATE %q, not %q", name, got, want)
			}
			state(t, conn, "ROLLBACK")
			if got := whoami(t, conn); got != onlyPool {
				t.Errorf("after %s: it is %s", name, got)
			}
		}

		// Two clients on one server connection, in turn: nothing of one is left
		// for the other.
		one, two := connect(), connect()
		for _, conn := range []*pgx.Conn{one, two, one, two} {
			if got := become(conn, map[bool]string{true: "bolt", false: "cora"}[conn == one]); got != "" {
				t.Fatal(got)
			}
			state(t, conn, "SELECT 1/0")
			state(t, conn, "ROLLBACK")
			if got := whoami(t, conn); got != onlyPool {
				t.Errorf("it is %s", got)
			}
		}

		reach("acme", "42501") // is not there yet
		e.Tenants = all
		apply(t, e, landlord.Options{Tenants: []string{"acme"}})
		reach("acme", "")

		// A rotation opens and closes roles beside and in the one that counts.
		if _, err := landlord.Rotate(t.Context(), e, "acme", "acme_app", landlord.Rotation{InPlace: true}, landlord.Hooks{}); err != nil {
			t.Fatal(err)
		}
		if _, err := landlord.Rotate(t.Context(), e, "acme", "acme_app", landlord.Rotation{}, landlord.Hooks{}); err != nil {
			t.Fatal(err)
		}
		settled(t, e, landlord.Options{})
		reach("acme", "")

		if got := become(one, "cora"); got != "" {
			t.Fatal(got)
		}
		e.Tenants[2].Suspended = true
		apply(t, e, landlord.Options{Tenants: []string{"cora"}})
		settled(t, e, landlord.Options{})
		if _, err := one.Exec(t.Context(), "SELECT 1"); err == nil {
			t.Error("a transaction that had become a tenant goes on after its suspension")
		}
		reach("cora", "42501")
		reach("bolt", "")
		e.Tenants[2].Suspended = false
		apply(t, e, landlord.Options{})
		reach("cora", "")

		// A tenant that is not in the spec is left alone, and so is its way in.
		e.Tenants = all[:2]
		apply(t, e, landlord.Options{})
		reach("cora", "")
		if got := become(two, "cora"); got != "" {
			t.Fatal(got)
		}
		apply(t, e, landlord.Options{Prune: true})
		settled(t, e, landlord.Options{Prune: true})
		if _, err := two.Exec(t.Context(), "SELECT 1"); err == nil {
			t.Error("a transaction that had become a tenant goes on after its removal")
		}
		reach("cora", "42501")
		reach("acme", "")

		// So is a pool; and a second one is how its password changes.
		e.Servers[0].Pools = []tenant.Pool{{Name: "web2", Database: "shared"}}
		apply(t, e, landlord.Options{})
		said(t, settled(t, e, landlord.Options{}), "pool web is on the server and not in the spec: left alone")
		reach("acme", "")
		e.Tenants[0].Suspended = true
		apply(t, e, landlord.Options{Tenants: []string{"acme"}})
		settled(t, e, landlord.Options{})
		reach("acme", "42501")
		apply(t, e, landlord.Options{Prune: true})
		settled(t, e, landlord.Options{Prune: true})
		if _, err := pgx.Connect(t.Context(), s.ConnString("shared", "web")+" password=right"); err == nil {
			t.Error("a pool that is dropped gets in")
		}
		e.Servers[0].Pools = nil
		apply(t, e, landlord.Options{Prune: true})
		settled(t, e, landlord.Options{Prune: true})
		var left int
		if err := s.Connect(t, "shared", "").QueryRow(t.Context(), "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'landlord') + (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'web%')").Scan(&left); err != nil || left != 0 {
			t.Errorf("%d things of a pool are left, %v", left, err)
		}
	})
}

// oldAndNew runs a test on the oldest and on the newest major: what differs
// between majors are memberships' options, which came with 16.
func oldAndNew(t *testing.T, test func(*testing.T, *pgtest.Server)) {
	t.Helper()
	majors := pgtest.Majors()
	if len(majors) == 0 {
		t.Skip("no PostgreSQL is installed")
	}
	for _, major := range slices.Compact([]int{slices.Min(majors), slices.Max(majors)}) {
		t.Run(fmt.Sprint(major), func(t *testing.T) { test(t, pgtest.Start(t, major)) })
	}
}
