package converge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// newTenant is a tenant with every default.
func newTenant(name string, m tenant.Model, database string) tenant.Tenant {
	return tenant.Tenant{Name: name, Server: "main", Isolation: m, Home: tenant.Place{Database: database, Schemas: []string{name}}, Owner: tenant.DefaultOwner(name),
		Rights: tenant.CRUD, Logins: tenant.DefaultLogins(name, tenant.CRUD), Temp: true}
}

// Who has a tenant's names already is not taken over unasked, and nothing is
// changed then.
func TestConflictsChangeNothing(t *testing.T) {
	s := pgtest.Start(t, ends()[0])
	s.Exec(t, "postgres", `CREATE ROLE bolt_app LOGIN; CREATE ROLE shared; COMMENT ON ROLE shared IS 'landlord {"tenant":"x","role":"identity"}'`,
		"CREATE DATABASE acme", "CREATE ROLE crux SUPERUSER")
	for name, c := range map[string]struct {
		tenant tenant.Tenant
		says   string
	}{
		"a database":        {newTenant("acme", tenant.Database, "acme"), `database "acme" exists`},
		"a login":           {newTenant("bolt", tenant.Database, "bolt"), `role "bolt_app" exists`},
		"another's role":    {newTenant("dyne", tenant.Schema, "shared"), `role "shared" belongs to tenant "x"`},
		"a superuser":       {adopted(newTenant("crux", tenant.Database, "crux")), `role "crux" is a superuser`},
		"a line end":        {newTenant("echo", tenant.Database, "ec\nho"), `pg_hba.conf`},
		"a slash, in front": {newTenant("echo", tenant.Database, "/echo"), `pg_hba.conf`},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{gen: newGen(1), t: t, s: s, me: "postgres", conns: map[string]*pgx.Conn{}}
			defer w.disconnect()
			w.e = tenant.Estate{Servers: []tenant.Server{{Name: "main", Connection: s.ConnString("postgres", "postgres")}},
				Tenants: []tenant.Tenant{newTenant("fine", tenant.Database, "fine"), c.tenant}}
			_, err := landlord.Apply(t.Context(), w.e, "main", landlord.Options{}, landlord.Hooks{})
			var conflict *plan.ConflictError
			if !errors.As(err, &conflict) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v, not a conflict that says %q", err, c.says)
			}
			if roles := w.column("postgres", "SELECT rolname::text FROM pg_roles WHERE rolname ~ '^(landlord|fine)'"); len(roles) > 0 {
				t.Errorf("roles %q were made all the same", roles)
			}
		})
	}
}

func adopted(t tenant.Tenant) tenant.Tenant {
	t.Adopt = true
	return t
}

// The situation of the question that started landlord: databases of an
// administrator, tables in public, one login for each, known by password.
func TestAdoptsWhatIsThere(t *testing.T) {
	for _, major := range ends() {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			s := pgtest.Start(t, major, pgtest.WithTCP(), pgtest.WithHBA(localpg.DefaultHBA+"host all all 127.0.0.1/32 scram-sha-256\n"))
			s.Exec(t, "postgres", "CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD 'a'; CREATE ROLE user1 LOGIN PASSWORD 'one'; CREATE ROLE user2 LOGIN PASSWORD 'two'; GRANT user1, user2 TO admin")
			w := &world{gen: newGen(1), t: t, s: s, me: "postgres", conns: map[string]*pgx.Conn{}}
			defer w.disconnect()
			w.e.Servers = []tenant.Server{{Name: "main", Connection: s.ConnString("postgres", "postgres"), Operators: []string{"admin"}}}
			for i, user := range []string{"user1", "user2"} {
				s.Exec(t, "postgres", "CREATE DATABASE "+user+" OWNER admin")
				s.Exec(t, user, "GRANT ALL ON SCHEMA public TO PUBLIC; GRANT ALL ON DATABASE "+user+" TO "+user+"; SET ROLE "+user+
					"; CREATE TABLE orders (id serial PRIMARY KEY, what text); INSERT INTO orders (what) VALUES ('first')")
				c := adopted(newTenant(fmt.Sprintf("customer%d", i+1), tenant.Database, user))
				c.Home.Schemas, c.Logins = []string{"public"}, []tenant.Login{{Name: user, Kind: tenant.App}}
				w.e.Tenants = append(w.e.Tenants, c)
			}
			w.settle("adoption", false)
			w.uses("user1", "one", "user1", true)
			w.uses("user2", "two", "user2", true)
			w.uses("user1", "one", "user2", false)
			w.uses("admin", "a", "user1", true)
		})
	}
}

// uses logs in over TCP, by password, and works with the table.
func (w *world) uses(user, password, db string, want bool) {
	w.t.Helper()
	conn, err := pgx.Connect(w.ctx(), w.s.TCPConnString(db, user)+" password="+password)
	if err == nil && user != "admin" {
		_, err = conn.Exec(w.ctx(), "INSERT INTO orders (what) VALUES ('second'); UPDATE orders SET what = 'third'; DELETE FROM orders WHERE id = 1")
	}
	if conn != nil {
		_ = conn.Close(w.ctx())
	}
	if (err == nil) != want {
		w.t.Errorf("%s in %s: %v", user, db, err)
	}
}

// A server that is gone, or takes no changes, is an error and not a plan.
func TestServersThatTakeNoChanges(t *testing.T) {
	s := pgtest.Start(t, slices.Max(ends()))
	e := tenant.Estate{Servers: []tenant.Server{{Name: "main", Connection: s.ConnString("postgres", "postgres")}},
		Tenants: []tenant.Tenant{newTenant("acme", tenant.Database, "acme")}}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := landlord.Plan(t.Context(), e, "main", landlord.Options{}); err == nil {
		t.Error("a server that is gone was planned for")
	}
	standby(t, s)
	_, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
	var refusal *plan.RefusalError
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "standby") {
		t.Errorf("a standby: the error is %v", err)
	}
}
