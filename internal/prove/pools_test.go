package prove_test

import (
	"slices"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// poolSabotage is a hole by which a pool is more, or less, than it should be.
type poolSabotage struct {
	probes        []string
	sql           string
	want          prove.Verdict
	since, before int
}

// become is a function in place of landlord's, which everybody may call.
func become(body string) string {
	return "DROP FUNCTION landlord.become; CREATE FUNCTION landlord.become(tenant text) RETURNS text LANGUAGE sql AS $$ SELECT " + body +
		" $$; GRANT EXECUTE ON FUNCTION landlord.become TO PUBLIC; GRANT USAGE ON SCHEMA landlord TO PUBLIC"
}

var poolSabotages = []poolSabotage{
	{probes: []string{"pool-login"}, sql: "ALTER ROLE web NOLOGIN", want: prove.Failed},
	{probes: []string{"pool-tenants"}, sql: "REVOKE crux_app FROM web", want: prove.Failed},
	{probes: []string{"pool-tenants"}, sql: "GRANT acme_app TO web", want: prove.Escaped},
	{probes: []string{"pool-unchosen-rights"}, sql: "ALTER ROLE web INHERIT", want: prove.Escaped, before: 16},
	{probes: []string{"pool-unchosen-rights"}, sql: "GRANT bolt_app TO web WITH INHERIT TRUE", want: prove.Escaped, since: 16},
	{probes: []string{"pool-unchosen", "pool-unchosen-rights"}, sql: `GRANT USAGE ON SCHEMA bolt TO PUBLIC; ALTER DEFAULT PRIVILEGES FOR ROLE bolt_owner IN SCHEMA bolt GRANT SELECT ON TABLES TO PUBLIC`, want: prove.Escaped},
	{probes: []string{"pool-other", "b-table-select"}, sql: `GRANT USAGE ON SCHEMA crux TO bolt_app; ALTER DEFAULT PRIVILEGES FOR ROLE crux_owner IN SCHEMA crux GRANT SELECT ON TABLES TO bolt_app`, want: prove.Escaped},
	// One that changes the session; one without any check; one that looks at
	// temporary tables first, and knows no settings.
	{probes: []string{"pool-after-commit", "pool-after-error", "pool-outside"}, sql: become("set_config('role', tenant || '_app', false)"), want: prove.Escaped},
	{probes: []string{"pool-nested", "pool-not-for-tenants", "pool-become-nobody"}, sql: become("tenant"), want: prove.Escaped},
	{probes: []string{"pool-temp-shadow"}, sql: become("set_config('search_path', tenant, true) || set_config('role', tenant || '_app', true)"), want: prove.Escaped},
	{probes: []string{"pool-become", "pool-tenant-settings-applied"}, sql: become("set_config('role', tenant || '_app', true)"), want: prove.Failed},
}

// withPool adds a pool to the test's estate, and settings that it should have
// when it has become a tenant.
func withPool(e tenant.Estate) tenant.Estate {
	e.Tenants[1].Settings = []tenant.Setting{{Name: "app.region", Value: "it's"}, {Name: "timezone", Value: "Asia/Tokyo"}}
	e.Servers[0].Pools = []tenant.Pool{{Name: "web", Database: "shared", Limits: tenant.Limits{Connections: 30}}}
	return e
}

// poolHolds sees that a pool was tried with its own probes and with those of
// every tenant, and that it is as it should be.
func poolHolds(t *testing.T, report prove.Report) {
	t.Helper()
	tried := map[string]bool{"own-login": true}
	for _, o := range report.Outcomes {
		tried[o.Probe] = tried[o.Probe] || o.Pool == "web"
	}
	for _, p := range prove.Probes() {
		if strings.HasPrefix(p.Name, "router-") {
			continue // no router here
		}
		ofPools := p.Scope == prove.Pooled || p.Scope == prove.PooledHousemates
		if ofPools && !tried[p.Name] {
			t.Errorf("%s was not tried", p.Name)
		}
		for _, o := range report.Outcomes {
			if o.Probe == p.Name && o.Pool != "" && o.Verdict != p.Expect && (ofPools || p.Closes == "" && mayBeUntried[p.Name] == "") {
				t.Errorf("as a pool: %s against %q: %s, not %s: %s %s", o.Probe, o.Neighbour, o.Verdict, p.Expect, o.State, o.Detail)
			}
		}
	}
	for _, name := range []string{"b-table-select", "connect-b-db", "connect-postgres", "replication-connect", "alter-system", "see-b-table-names", "heavy-connections"} {
		if !tried[name] {
			t.Errorf("%s was not tried as a pool", name)
		}
	}
}

// TestPoolSabotage sees that each probe of a pool fires. Memberships have
// options since 16; nothing else about pools differs between majors.
func TestPoolSabotage(t *testing.T) {
	majors := pgtest.Majors()
	if len(majors) == 0 {
		t.Skip("no PostgreSQL is installed")
	}
	for _, major := range slices.Compact([]int{slices.Min(majors), slices.Max(majors)}) {
		s := pgtest.Start(t, major)
		e := withPool(estate(s))
		again := func() {
			t.Helper()
			result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
			if err != nil || result.Err() != nil {
				t.Fatal(err, result.Err())
			}
		}
		again()
		for _, hole := range poolSabotages {
			if s.Major() < hole.since || hole.before > 0 && s.Major() >= hole.before {
				continue
			}
			s.Exec(t, "shared", hole.sql)
			all := ofPool(t, e, hole.probes...)
			for _, probe := range hole.probes {
				fires := func(o prove.Outcome) bool { return o.Probe == probe && o.Verdict == hole.want }
				if !slices.ContainsFunc(all, fires) {
					t.Errorf("%s after %s: no %s: %+v", probe, hole.sql, hole.want, all)
				}
			}
			again()
		}
		nothingLeft(t, s, e)
	}
}

// ofPool runs some probes and returns the pools' outcomes.
func ofPool(t *testing.T, e tenant.Estate, probes ...string) []prove.Outcome {
	t.Helper()
	in := input(e)
	in.Probes = probes
	report, err := prove.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(report.Outcomes, func(o prove.Outcome) bool { return o.Pool == "" })
}
