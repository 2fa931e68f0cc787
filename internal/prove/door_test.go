package prove_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// elsewhere is an address of this machine that is not the loopback one, or "".
func elsewhere() string {
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}

// TestWithoutTLS comes from another address than the loopback one, where TLS
// must be asked for, and through a door that needs none.
func TestWithoutTLS(t *testing.T) {
	address := elsewhere()
	if address == "" {
		t.Skip("this machine has no address but the loopback one")
	}
	s := pgtest.Start(t, slices.Max(pgtest.Majors()), pgtest.WithTLS(), pgtest.WithSettings(map[string]string{"listen_addresses": "*"}))
	e := estate(s)
	e.Servers[0].Endpoint = fmt.Sprintf("host=%s port=%d sslmode=require", address, s.Port())
	e.Servers[0].Clients = []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr(address), 32)}
	result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
	if err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	in := input(e)
	in.Only, in.Probes = []string{"acme"}, []string{"connect-without-tls", "own-login"}
	report, err := prove.Run(t.Context(), in)
	if err != nil || report.Counts[prove.Held] != 2 || report.Counts[prove.Works] != 2 {
		t.Errorf("%v %+v", err, report)
	}
	for _, o := range report.Outcomes {
		if o.Probe == "own-login" && !strings.Contains(o.Detail, "TCP with TLS: in, with TLS") {
			t.Errorf("not over TLS: %s", o.Detail)
		}
	}
	sabotage{probes: []string{"connect-without-tls"}, hba: "host all all all scram-sha-256\n"}.try(t, s, input(e))
}

// TestGivenPasswords logs in as the tenants' own logins, where their
// passwords are known, and shows no password anywhere.
func TestGivenPasswords(t *testing.T) {
	s := pgtest.Start(t, slices.Min(pgtest.Majors()), pgtest.WithSettings(map[string]string{"log_statement": "all"}))
	e := build(t, s)
	const password = "correct-horse-battery-staple"
	verifier, err := pgsql.ScramVerifier(password)
	if err != nil {
		t.Fatal(err)
	}
	for _, login := range []string{"acme_app", "acme_ro"} {
		s.Exec(t, "postgres", "ALTER ROLE "+login+" PASSWORD "+pgsql.Literal(verifier))
	}
	in := input(e)
	in.Only = []string{"acme"}
	in.Lookup = func(_ tenant.Tenant, login string) (string, bool) { return password, strings.HasPrefix(login, "acme_") }
	report, err := prove.Run(t.Context(), in)
	if err != nil || report.Escaped() || report.Broken() {
		t.Errorf("%v %v", err, report.Counts)
	}
	for _, o := range report.Outcomes {
		if o.Probe == "self-password" && o.Verdict != prove.Exposed {
			t.Errorf("%s: %s: %s", o.Probe, o.Verdict, o.Detail)
		}
	}
	log := s.Log(t)
	if !strings.Contains(log, "acme_app@acme") {
		t.Error("nobody has logged in as acme_app")
	}
	if strings.Contains(log+fmt.Sprint(report), password) {
		t.Error("a password shows")
	}
	nothingLeft(t, s, e)
}

// TestWrongPassword sees that a login that gets in nowhere proves nothing.
func TestWrongPassword(t *testing.T) {
	s := pgtest.Start(t, slices.Max(pgtest.Majors()))
	e := build(t, s)
	// A login without a password would be another one than the store knows.
	s.Exec(t, "postgres", "ALTER ROLE bolt_app PASSWORD 'right'; ALTER ROLE bolt_ro PASSWORD 'right'")
	in := input(e)
	in.Only = []string{"bolt"}
	in.Lookup = func(tenant.Tenant, string) (string, bool) { return "wrong", true }
	report, err := prove.Run(t.Context(), in)
	if err != nil || !report.Broken() {
		t.Errorf("%v %v", err, report.Counts)
	}
	independent := []string{"acl-b-db", "acl-b-schema", "login-as-b-wrong-password", "login-as-superuser-wrong-password", "heavy-connections"}
	for _, o := range report.Outcomes {
		if o.Verdict == prove.Held && !slices.Contains(independent, o.Probe) {
			t.Errorf("%s is held by a wrong password: %s", o.Probe, o.Detail)
		}
	}
}

// TestManagedServer proves as a role that is no superuser.
func TestManagedServer(t *testing.T) {
	for _, major := range pgtest.Majors() {
		if major < 16 {
			continue
		}
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			s := pgtest.Start(t, major, pgtest.WithHBA("local all postgres,master trust\nlocal samerole +landlord_tenants scram-sha-256\n"))
			s.Exec(t, "postgres", "CREATE ROLE master LOGIN CREATEROLE CREATEDB",
				"REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC", "GRANT CONNECT ON DATABASE postgres TO master")
			e := estate(s)
			e.Servers[0].Connection = s.ConnString("postgres", "master")
			result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
			if err != nil || result.Err() != nil {
				t.Fatal(err, result.Err())
			}
			report, err := prove.Run(t.Context(), input(e))
			if err != nil || len(report.Problems) > 0 {
				t.Fatal(err, report.Problems)
			}
			for _, o := range report.Outcomes {
				if o.Verdict == prove.Failed || o.Verdict == prove.Escaped && o.Probe != "login-as-superuser-wrong-password" {
					t.Errorf("%s %s %s %s: %s %s", o.Tenant, o.Kind, o.Neighbour, o.Probe, o.Verdict, o.Detail)
				}
			}
			nothingLeft(t, s, e)
		})
	}
}

// TestSuspended sees that a suspended tenant is not let in for its own proof.
func TestSuspended(t *testing.T) {
	s := pgtest.Start(t, slices.Max(pgtest.Majors()))
	e := build(t, s)
	e.Tenants[0].Suspended = true
	in := input(e)
	in.Probes = []string{"own-login", "connect-b-db"}
	report, err := prove.Run(t.Context(), in)
	if err != nil || report.Counts[prove.Failed] != 2 {
		t.Errorf("before it is applied: %v %v", err, report.Counts)
	}
	if result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{}); err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	report, err = prove.Run(t.Context(), in)
	if err != nil || report.Broken() || slices.ContainsFunc(report.Outcomes, func(o prove.Outcome) bool { return o.Neighbour == "acme" }) {
		t.Errorf("%v %v", err, report.Counts)
	}
}

// TestNotApplied says so of tenants that are not on the server.
func TestNotApplied(t *testing.T) {
	s := pgtest.Start(t, slices.Max(pgtest.Majors()))
	report, err := prove.Run(t.Context(), prove.Input{Server: estate(s).Servers[0], Tenants: estate(s).Tenants})
	if err != nil || !report.Broken() || report.Counts[prove.Held] > 0 {
		t.Errorf("%v %v", err, report.Counts)
	}
}
