package landlord_test

import (
	"strings"
	"testing"

	"landlord"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
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
	{"it is gone", "acme", "DROP FUNCTION landlord.lookup(text)"},
	{"its schema is gone", "acme", "DROP SCHEMA landlord CASCADE"},
	{"it is a tenant's", "acme", "ALTER FUNCTION landlord.lookup(text) OWNER TO acme_owner"},
	{"everybody may look into its schema", "acme", "GRANT ALL ON SCHEMA landlord TO PUBLIC"},
	{"its login is mighty", "postgres", "ALTER ROLE landlord_router CREATEROLE BYPASSRLS"},
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
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
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
		e.Servers[0].Router = tenant.RouterDoor{}
		if left := settle(t, e); len(left) > 0 {
			t.Fatal("without a router, still to do:\n", strings.Join(left, "\n"))
		}
		var rest int
		if err := s.Connect(t, "acme", "").QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_roles WHERE rolname = 'landlord_router')
			+ (SELECT count(*) FROM pg_namespace WHERE nspname = 'landlord')`).Scan(&rest); err != nil || rest != 0 {
			t.Errorf("%d things of the router are left, %v", rest, err)
		}
		_ = plan.Plan{}
	})
}
