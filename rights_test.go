package landlord_test

import (
	"fmt"
	"slices"
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

// Several logins of each kind, under names of their own, each have the rights
// of their kind; fewer rights are fewer at once.
func TestRightsOfEachLogin(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := administered(s)
		e.Servers[0].Admins = nil
		e.Tenants = e.Tenants[:1]
		e.Tenants[0].Rights = tenant.DDL
		e.Tenants[0].Logins = []tenant.Login{{Name: "web", Kind: tenant.App}, {Name: "worker", Kind: tenant.App},
			{Name: "acme_ro", Kind: tenant.Reader}, {Name: "report", Kind: tenant.Reader}, {Name: "flyway", Kind: tenant.Migrator}, {Name: "liquibase", Kind: tenant.Migrator}}
		settledBut(t, e)
		s.Exec(t, "acme", "SET ROLE acme_owner; CREATE TABLE acme.t (id int)")
		settledBut(t, e)
		holds := func(login string) string {
			var out string
			row := s.Connect(t, "acme", "").QueryRow(t.Context(), `SELECT concat_ws(' ', CASE WHEN has_table_privilege($1, 'acme.t', 'SELECT') THEN 'read' END,
				CASE WHEN has_table_privilege($1, 'acme.t', 'UPDATE') THEN 'write' END, CASE WHEN pg_has_role($1, 'acme_owner', 'MEMBER') THEN 'ddl' END)`, login)
			if err := row.Scan(&out); err != nil {
				t.Fatal(err)
			}
			return out
		}
		ddl := "ddl"
		if s.Major() < 16 {
			ddl = "read write ddl" // a member has the owner's rights unasked
		}
		for login, want := range map[string]string{"web": "read write", "worker": "read write", "acme_ro": "read", "report": "read", "flyway": ddl, "liquibase": ddl} {
			if got := holds(login); got != want {
				t.Errorf("%s holds %q, not %q", login, got, want)
			}
		}
		if got, err := landlord.Export(t.Context(), e.Servers[0]); err != nil || fmt.Sprint(got.Tenants[0].Logins) != fmt.Sprint(e.Tenants[0].Logins) {
			t.Errorf("export: %v, %v", got.Tenants, err)
		}

		e.Tenants[0].Rights = tenant.Read
		e.Tenants[0].Logins = slices.DeleteFunc(e.Tenants[0].Logins, func(l tenant.Login) bool { return l.Kind != tenant.Reader })
		settledBut(t, e)
		for login, want := range map[string]string{"web": "", "flyway": "", "report": "read"} {
			if got := holds(login); got != want {
				t.Errorf("with rights: read, %s holds %q, not %q", login, got, want)
			}
		}
		apply(t, e, landlord.Options{Prune: true})
		if got, err := landlord.Export(t.Context(), e.Servers[0]); err != nil || got.Tenants[0].Rights != tenant.Read {
			t.Errorf("export: %v, %v", got.Tenants, err)
		}
	})
}
