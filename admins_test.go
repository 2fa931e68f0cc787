package landlord_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// administered is two tenants and an administrator of each kind.
func administered(s *pgtest.Server) tenant.Estate {
	e := tenant.Estate{Servers: []tenant.Server{{Name: "main", Connection: s.ConnString("postgres", "postgres"), Admins: []tenant.Admin{
		{Name: "ops", DataAccess: tenant.FullAccess}, {Name: "sales", DataAccess: tenant.NoAccess}, {Name: "watch", DataAccess: tenant.ReadAccess},
	}}}}
	for _, name := range []string{"acme", "bolt"} {
		e.Tenants = append(e.Tenants, tenant.Tenant{Name: name, Server: "main", Isolation: tenant.Database, Home: tenant.Place{Database: name, Schemas: []string{name}},
			Owner: tenant.DefaultOwner(name), Rights: tenant.CRUD, Logins: tenant.DefaultLogins(name, tenant.CRUD), Temp: true})
	}
	e.Tenants[1].Isolation, e.Tenants[1].Home.Database = tenant.Schema, "shared"
	return e
}

func apply(t *testing.T, e tenant.Estate, o landlord.Options) {
	t.Helper()
	result, err := landlord.Apply(t.Context(), e, "main", o, landlord.Hooks{})
	if err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
}

// settled says that the next plan is empty, and returns its notes.
func settled(t *testing.T, e tenant.Estate, o landlord.Options) []plan.Note {
	t.Helper()
	p, err := landlord.Plan(t.Context(), e, "main", o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Steps {
		t.Errorf("still to do: %s: %q", s.Why, s.SQL)
	}
	if p.HBA != nil {
		t.Error("pg_hba.conf is still to do")
	}
	for _, n := range p.Notes {
		if n.Cannot {
			t.Errorf("cannot: %s; %s", n.What, n.Next)
		}
	}
	return p.Notes
}

// Administrators are made, kept as they should be whatever anybody has done to
// them, written back by export, and dropped when they are out of the spec and
// --prune says so.
func TestAdmins(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := administered(s)
		apply(t, e, landlord.Options{})
		notes := settled(t, e, landlord.Options{})
		said(t, notes, "admin sales has data_access: none")
		if s.Major() < 16 {
			said(t, notes, "it can do what a superuser can")
		}
		got, err := landlord.Export(t.Context(), e.Servers[0])
		if err != nil {
			t.Fatal(err)
		}
		want := []tenant.Admin{{Name: "ops", DataAccess: tenant.FullAccess}, {Name: "watch", DataAccess: tenant.ReadAccess}}
		if diff := cmp.Diff(want, got.Servers[0].Admins); diff != "" {
			t.Errorf("export (-want +got)\n%s", diff)
		}
		for _, drift := range []string{
			"ALTER ROLE watch SUPERUSER", "ALTER ROLE watch CREATEDB CREATEROLE", "ALTER ROLE watch NOBYPASSRLS", "ALTER ROLE ops SUPERUSER REPLICATION",
			"ALTER ROLE ops NOCREATEROLE", "ALTER ROLE ops NOLOGIN", "GRANT acme_owner TO watch", "GRANT pg_write_all_data TO watch", "GRANT postgres TO ops",
			"GRANT pg_execute_server_program TO ops", "REVOKE acme_owner FROM ops", "REVOKE pg_read_all_data FROM watch", "REVOKE landlord_admins FROM ops",
			"ALTER ROLE watch SET search_path = public", "ALTER ROLE ops SET role = 'bolt_owner'", "CREATE ROLE stranger; GRANT ops TO stranger; GRANT landlord_admins TO stranger",
			"REVOKE CONNECT ON DATABASE acme FROM landlord_admins", "REVOKE CONNECT ON DATABASE postgres FROM landlord_admins", "GRANT ALL ON DATABASE shared TO landlord_admins",
			"DROP OWNED BY watch; DROP ROLE watch",
		} {
			s.Exec(t, "postgres", drift)
			p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
			if err != nil || p.Empty() {
				t.Errorf("%s: %v, the plan is empty", drift, err)
			}
			apply(t, e, landlord.Options{})
			settled(t, e, landlord.Options{})
		}
		s.Exec(t, "acme", "GRANT CREATE ON SCHEMA acme TO ops; SET ROLE ops; CREATE TABLE acme.left_behind (id int)")
		fewer := administered(s)
		fewer.Servers[0].Admins = nil
		said(t, settledBut(t, fewer), "admin ops is on the server and not in the spec")
		apply(t, fewer, landlord.Options{Prune: true})
		settled(t, fewer, landlord.Options{Prune: true})
		if got, _ := landlord.Export(t.Context(), e.Servers[0]); len(got.Servers[0].Admins) > 0 {
			t.Errorf("still there: %v", got.Servers[0].Admins)
		}
	})
}

// settledBut applies, and returns the notes of the next plan, which is empty.
func settledBut(t *testing.T, e tenant.Estate) []plan.Note {
	t.Helper()
	apply(t, e, landlord.Options{})
	return settled(t, e, landlord.Options{})
}

func said(t *testing.T, notes []plan.Note, what string) {
	t.Helper()
	for _, n := range notes {
		if strings.Contains(n.What, what) {
			return
		}
	}
	t.Errorf("not said: %s\nbut %+v", what, notes)
}

// An administrator whose data_access becomes none loses everything at once,
// and the role with --prune.
func TestAdminBecomesNone(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := administered(s)
		apply(t, e, landlord.Options{})
		e.Servers[0].Admins[0].DataAccess = tenant.NoAccess
		said(t, settledBut(t, e), "role ops stays, with no right at all")
		row := s.Connect(t, "postgres", "").QueryRow(t.Context(), `SELECT NOT rolcanlogin AND NOT rolcreaterole AND NOT rolcreatedb
			AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) FROM pg_roles AS r WHERE rolname = 'ops'`)
		var nothing bool
		if err := row.Scan(&nothing); err != nil || !nothing {
			t.Errorf("ops may still do something: %v", err)
		}
		apply(t, e, landlord.Options{Prune: true})
		settled(t, e, landlord.Options{Prune: true})
	})
}

// A role that landlord did not make is taken over only when asked, and never
// a superuser.
func TestAdminOfTheSameName(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "postgres", "CREATE ROLE ops LOGIN CREATEROLE PASSWORD 'x'")
		e := administered(s)
		if _, err := landlord.Plan(t.Context(), e, "main", landlord.Options{}); err == nil || !strings.Contains(err.Error(), `role "ops" exists, and landlord did not make it`) {
			t.Errorf("got %v", err)
		}
		e.Servers[0].Admins[0].Adopt = true
		apply(t, e, landlord.Options{})
		settled(t, e, landlord.Options{})
		s.Exec(t, "postgres", "CREATE ROLE sales LOGIN")
		p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
		if err != nil {
			t.Fatal(err)
		}
		said(t, p.Notes, "role sales exists, though admin sales is to have none")
	})
}
