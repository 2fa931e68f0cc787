package prove_test

import (
	"fmt"
	"testing"

	"landlord"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// TestSharedAfar tries what tenants share wherever their houses stand: by a router
// that keeps nothing from the server (there is none between), and by the memory of
// parallel queries.
func TestSharedAfar(t *testing.T) {
	majors := pgtest.Majors()
	if len(majors) == 0 {
		t.Skip("no PostgreSQL is installed")
	}
	s := pgtest.Start(t, majors[len(majors)-1], pgtest.WithSettings(map[string]string{"dynamic_shared_memory_type": "posix"}))
	e := estate(s)
	e.Tenants = e.Tenants[3:4]
	if result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{}); err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	const login, password = "dyne_ddl", "for this test only"
	verifier, err := pgsql.ScramVerifier(password)
	if err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "postgres", "ALTER ROLE "+login+" PASSWORD "+pgsql.Literal(verifier))

	here := fmt.Sprintf("host=%s port=%d", s.SocketDir(), s.Port())
	names := []prove.RouterName{{Name: "dyne", Tenant: "dyne", Server: "main", Database: "dyne", Conninfo: here, Logins: []string{login}}}
	for i := range 3 {
		names = append(names, prove.RouterName{Name: fmt.Sprint("other", i), Tenant: fmt.Sprint("other", i), Server: "far", Conninfo: here, Logins: []string{"x"}})
	}
	names = append(names, prove.RouterName{Name: "z", Tenant: "z", Server: "far", Conninfo: here + " sslmode=disable"}) // of another process
	outcome := func(probe string, change func(*prove.Input)) prove.Outcome {
		t.Helper()
		in := input(e)
		in.Probes = []string{probe}
		in.Router = &prove.Router{Names: names, Lookups: 3}
		in.Lookup = func(_ tenant.Tenant, l string) (string, bool) { return password, l == login }
		change(&in)
		report, err := prove.Run(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range report.Outcomes {
			if o.Login == login && o.Database == "" {
				return o
			}
		}
		t.Fatalf("%s was not tried: %+v", probe, report.Outcomes)
		return prove.Outcome{}
	}
	for _, tt := range []struct {
		probe  string
		change func(*prove.Input)
		want   prove.Verdict
		closes prove.Closes
	}{
		{"router-startup", func(*prove.Input) {}, prove.Escaped, ""},
		{"router-heavy-process", func(*prove.Input) {}, prove.Exposed, prove.ByDirect},
		{"router-heavy-lookups", func(*prove.Input) {}, prove.Exposed, prove.ByDirect},
		{"router-heavy-lookups", func(in *prove.Input) { in.Router.Lookups = 4 }, prove.Held, ""},
		{"router-heavy-lookups", func(in *prove.Input) { in.Router.Lookups = 0 }, prove.Held, ""},
		{"heavy-shared-memory", func(*prove.Input) {}, prove.Exposed, prove.ByCluster},
		{"heavy-shared-memory", func(in *prove.Input) { in.Server.Own = &tenant.OwnServer{} }, prove.Exposed, prove.ByResources},
		{"heavy-shared-memory", func(in *prove.Input) {
			in.Server.Own, in.Limited = &tenant.OwnServer{}, prove.Limited{SharedMemory: true}
		}, prove.Held, ""},
	} {
		if o := outcome(tt.probe, tt.change); o.Verdict != tt.want || o.Closes != tt.closes {
			t.Errorf("%s: %s, closed by %q, and not %s, %q: %s", tt.probe, o.Verdict, o.Closes, tt.want, tt.closes, o.Detail)
		}
	}
}
