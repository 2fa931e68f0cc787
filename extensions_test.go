package landlord_test

import (
	"slices"
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// Extensions are installed where the tenant finds them, are not the tenant's,
// come back when somebody drops them, are written back by export, and go only
// with --prune.
func TestExtensions(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := administered(s)
		e.Servers[0].Admins = nil
		e.Tenants[0].Extensions = []string{"citext", "cube", "earthdistance"}
		e.Tenants[1].Extensions = []string{"pg_trgm"}
		apply(t, e, landlord.Options{})
		settled(t, e, landlord.Options{})
		got, err := landlord.Export(t.Context(), e.Servers[0])
		if err != nil || !slices.Equal(got.Tenants[0].Extensions, e.Tenants[0].Extensions) || !slices.Equal(got.Tenants[1].Extensions, e.Tenants[1].Extensions) {
			t.Errorf("export: %v, %v", got.Tenants, err)
		}
		s.Exec(t, "acme", "SET search_path = acme, landlord_extensions; SET ROLE acme_owner; CREATE TABLE acme.t (mail citext)")
		for _, drift := range []struct{ db, sql string }{
			{"acme", "DROP EXTENSION earthdistance"}, {"shared", "DROP SCHEMA landlord_extensions CASCADE"},
			{"acme", "GRANT CREATE ON SCHEMA landlord_extensions TO PUBLIC"}, {"acme", "REVOKE USAGE ON SCHEMA landlord_extensions FROM PUBLIC"},
			{"acme", "ALTER SCHEMA landlord_extensions OWNER TO acme_owner"}, {"acme", "ALTER ROLE acme_app SET search_path = acme"},
			{"postgres", "COMMENT ON ROLE acme IS 'landlord {\"tenant\":\"acme\",\"role\":\"identity\",\"isolation\":\"database\",\"database\":\"acme\"}'"},
		} {
			s.Exec(t, drift.db, drift.sql)
			if p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{}); err != nil || p.Empty() {
				t.Errorf("%s: %v, the plan is empty", drift.sql, err)
			}
			apply(t, e, landlord.Options{})
			settled(t, e, landlord.Options{})
		}
		e.Tenants[0].Extensions, e.Tenants[1].Extensions = []string{"citext"}, nil
		said(t, settledBut(t, e), "extension pg_trgm in database shared is no tenant's any more")
		pruned, err := landlord.Plan(t.Context(), e, "main", landlord.Options{Prune: true})
		if losses := pruned.Losses(); err != nil || len(losses) != 3 {
			t.Errorf("losses %v, %v", losses, err)
		}
		apply(t, e, landlord.Options{Prune: true})
		settled(t, e, landlord.Options{Prune: true})
	})
}

// What cannot be installed is said, and the rest is done.
func TestExtensionsThatCannotBe(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := administered(s)
		e.Tenants[0].Extensions = []string{"earthdistance", "no_such_thing"}
		apply(t, e, landlord.Options{})
		cannot(t, e, "extension no_such_thing is not available on the server", "extension earthdistance in database acme needs cube")
		s.Exec(t, "shared", "CREATE SCHEMA elsewhere; CREATE EXTENSION citext SCHEMA elsewhere")
		e.Tenants[0].Extensions, e.Tenants[1].Extensions = nil, []string{"citext"}
		apply(t, e, landlord.Options{})
		cannot(t, e, "extension citext stands in schema elsewhere of database shared, where tenant bolt does not look")
	})
}

// cannot says that the plan is empty, and names these things that it cannot do.
func cannot(t *testing.T, e tenant.Estate, want ...string) {
	t.Helper()
	p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
	if err != nil || !p.Empty() {
		t.Errorf("%v, steps %v", err, p.Steps)
	}
	p.Notes = slices.DeleteFunc(p.Notes, func(n plan.Note) bool { return !n.Cannot })
	for _, what := range want {
		said(t, p.Notes, what)
	}
}

// A managed service's master user installs trusted extensions, and says of the
// others who can.
func TestExtensionsAsMaster(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "postgres", "CREATE ROLE master LOGIN CREATEROLE CREATEDB")
		s.SetHBA(t, "local all all trust\n")
		e := administered(s)
		e.Servers[0] = tenant.Server{Name: "main", Connection: s.ConnString("postgres", "master")}
		e.Tenants[0].Extensions = []string{"citext", "pageinspect", "pg_stat_statements"}
		e.Tenants = e.Tenants[:1]
		apply(t, e, landlord.Options{})
		cannot(t, e, "only a superuser can install extension pg_stat_statements in database acme")
		row := s.Connect(t, "acme", "").QueryRow(t.Context(), "SELECT extowner::regrole::text || ' ' || extnamespace::regnamespace FROM pg_extension WHERE extname = 'citext'")
		var where string
		if err := row.Scan(&where); err != nil || where != "master landlord_extensions" {
			t.Errorf("citext: %s, %v", where, err)
		}
	})
}
