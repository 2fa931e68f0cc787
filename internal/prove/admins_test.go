package prove_test

import (
	"slices"
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// adminSabotage is a hole by which an administrator is more, or less, than the
// spec says.
type adminSabotage struct {
	probe, by, sql, undo string
	want                 prove.Verdict
	since                int
}

var adminSabotages = []adminSabotage{
	{probe: "admin-login", by: "watch", sql: "REVOKE CONNECT ON DATABASE acme FROM landlord_admins", want: prove.Failed},
	{probe: "admin-no-superuser", by: "ops", sql: "ALTER ROLE ops REPLICATION", want: prove.Escaped},
	{probe: "admin-no-superuser", by: "watch", sql: "GRANT pg_execute_server_program TO watch", want: prove.Escaped},
	{probe: "admin-could-be-superuser", by: "ops", sql: "GRANT pg_execute_server_program TO ops WITH ADMIN OPTION", want: prove.Escaped, since: 16},
	{probe: "admin-becomes-owner", by: "ops", sql: "REVOKE acme_owner FROM ops", want: prove.Failed},
	{probe: "admin-unasked", by: "ops", sql: "GRANT acme_owner TO ops WITH INHERIT TRUE", want: prove.Escaped, since: 16},
	{probe: "admin-reads", by: "watch", sql: "REVOKE pg_read_all_data FROM watch", want: prove.Failed},
	{probe: "admin-writes", by: "watch", sql: "GRANT acme_owner TO watch", want: prove.Escaped},
	{probe: "admin-writes", by: "watch", sql: "GRANT pg_write_all_data TO watch", want: prove.Escaped},
	{probe: "admin-creates", by: "watch", sql: "ALTER ROLE watch CREATEDB", want: prove.Escaped},
	{probe: "admin-creates", by: "watch", sql: "ALTER ROLE watch CREATEROLE", want: prove.Escaped},
	{probe: "admin-without-role", by: "sales", sql: "CREATE ROLE sales LOGIN", undo: "DROP ROLE sales", want: prove.Escaped},
}

// TestAdmins sees that administrators are what the spec calls them, and that
// each probe of them fires.
func TestAdmins(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := estate(s)
		e.Servers[0].Admins = []tenant.Admin{{Name: "ops", DataAccess: tenant.FullAccess}, {Name: "sales", DataAccess: tenant.NoAccess}, {Name: "watch", DataAccess: tenant.ReadAccess}}
		again := func() {
			result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
			if err != nil || result.Err() != nil {
				t.Fatal(err, result.Err())
			}
		}
		again()
		var names []string
		for _, p := range prove.Probes() {
			if p.Scope == prove.Administrators {
				names = append(names, p.Name)
			}
		}
		for _, o := range ofAdmins(t, e, names...) {
			want := prove.Held
			for _, p := range prove.Probes() {
				if p.Name == o.Probe {
					want = p.Expect
				}
			}
			if s.Major() < 16 && (o.Probe == "admin-could-be-superuser" || o.Probe == "admin-unasked") {
				want = prove.Exposed
			}
			if o.Verdict != want || want == prove.Exposed && o.Consequence == "" {
				t.Errorf("%s %s: %s, not %s: %s", o.Admin, o.Probe, o.Verdict, want, o.Detail)
			}
		}
		for _, hole := range adminSabotages {
			if s.Major() < hole.since {
				continue
			}
			s.Exec(t, "postgres", hole.sql)
			fires := func(o prove.Outcome) bool { return o.Admin == hole.by && o.Verdict == hole.want }
			if all := ofAdmins(t, e, hole.probe); !slices.ContainsFunc(all, fires) {
				t.Errorf("%s after %s: no %s: %+v", hole.probe, hole.sql, hole.want, all)
			}
			if hole.undo != "" {
				s.Exec(t, "postgres", hole.undo)
			}
			again()
		}
		nothingLeft(t, s, e)
	})
}

// ofAdmins runs some probes and returns the administrators' outcomes.
func ofAdmins(t *testing.T, e tenant.Estate, probes ...string) []prove.Outcome {
	t.Helper()
	in := input(e)
	in.Probes = probes
	report, err := prove.Run(t.Context(), in)
	if err != nil || len(report.Problems) > 0 {
		t.Fatal(err, report.Problems)
	}
	if len(report.Outcomes) == 0 {
		t.Fatal("no administrator was tried")
	}
	return report.Outcomes
}
