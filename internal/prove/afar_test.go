package prove_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"landlord"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// TestServersElsewhere tries a tenant against another one's own server: first
// where that is closed, then where it lets everybody in.
func TestServersElsewhere(t *testing.T) {
	majors := pgtest.Majors()
	if len(majors) == 0 {
		t.Skip("no PostgreSQL is installed")
	}
	major := majors[0]
	here := pgtest.Start(t, major)
	e := estate(here)
	e.Tenants = e.Tenants[:1]
	if result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{}); err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	const password = "for this test only"
	verifier, err := pgsql.ScramVerifier(password)
	if err != nil {
		t.Fatal(err)
	}
	here.Exec(t, "postgres", "ALTER ROLE acme_app PASSWORD "+pgsql.Literal(verifier))
	bolt := tenant.Tenant{Name: "bolt", Server: "bolt", Isolation: tenant.Cluster, Home: tenant.Place{Database: "bolt", Schemas: []string{"bolt"}}, Logins: tenant.DefaultLogins("bolt", tenant.CRUD)}
	endpoint := ""
	verdicts := func(there *pgtest.Server, data string) map[string]prove.Verdict {
		in := input(e)
		in.Probes = []string{"own-login", "connect-b-server", "login-on-b-server-wrong-password", "read-b-server-files", "heavy-unauthenticated-b-server"}
		in.Lookup = func(_ tenant.Tenant, login string) (string, bool) { return password, login == "acme_app" }
		in.Afar = []prove.Afar{{Server: tenant.Server{Name: "bolt", Connection: there.ConnString("", "postgres"), Endpoint: endpoint}, Tenant: bolt, Data: data}}
		report, err := prove.Run(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]prove.Verdict{}
		for _, o := range report.Outcomes {
			if o.Relation == prove.OtherServer && o.Login == "acme_app" {
				found[o.Probe] = o.Verdict
			}
		}
		return found
	}
	same := func(what string, got, want map[string]prove.Verdict) {
		t.Helper()
		for probe, v := range want {
			if got[probe] != v {
				t.Errorf("%s: %s: %q, want %q", what, probe, got[probe], v)
			}
		}
	}

	closed := pgtest.Start(t, major)
	closed.Exec(t, "postgres", "CREATE DATABASE bolt", "CREATE ROLE acme_app LOGIN", "CREATE ROLE bolt_app LOGIN")
	same("closed", verdicts(closed, ""), map[string]prove.Verdict{
		"connect-b-server": prove.Held, "login-on-b-server-wrong-password": prove.Held, "read-b-server-files": prove.NotTried,
		"heavy-unauthenticated-b-server": prove.Held})
	endpoint = closed.ConnString("", "postgres")
	same("closed, with an address", verdicts(closed, ""), map[string]prove.Verdict{"connect-b-server": prove.Held, "heavy-unauthenticated-b-server": prove.Exposed})
	endpoint = fmt.Sprintf("host=%s port=1", closed.SocketDir())
	same("closed, with an address where nobody is", verdicts(closed, ""), map[string]prove.Verdict{"heavy-unauthenticated-b-server": prove.NotTried})
	endpoint = ""

	open := pgtest.Start(t, major, pgtest.WithTrust())
	open.Exec(t, "postgres", "CREATE DATABASE bolt", "CREATE ROLE acme_app LOGIN", "CREATE ROLE bolt_app LOGIN")
	want := map[string]prove.Verdict{"connect-b-server": prove.Escaped, "login-on-b-server-wrong-password": prove.Escaped, "read-b-server-files": prove.NotTried}
	if os.Geteuid() == 0 {
		want["read-b-server-files"] = prove.Exposed // both run as the same user
	}
	same("open", verdicts(open, filepath.Dir(open.HBAFile())), want)
}
