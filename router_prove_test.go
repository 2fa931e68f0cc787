package landlord_test

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/bouncer"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/router"
	"landlord/internal/tenant"
)

// routerSabotages are holes in the router, each by a change of its files by
// hand, by which a probe must get out: first lines of hba.conf, lines of
// users.txt, and of [databases], or SQL as superuser in acme's database.
var routerSabotages = []struct {
	by, pool                 string // the tenant that is tried, or the pool; empty: acme
	rules, users, names, sql string
	admins                   string
	probes                   []string
	want                     prove.Verdict
}{
	{by: "bolt", rules: "local all all scram-sha-256\n", probes: []string{"router-b-name", "router-b-here"}, want: prove.Escaped},
	{rules: "local all all trust\n", users: "\"postgres\" \"\"\n", probes: []string{"router-wrong-password", "router-b-login", "router-superuser", "router-lookup-login"}, want: prove.Escaped},
	{rules: "local acme acme_app reject\n", probes: []string{"router-own-login"}, want: prove.Failed},
	{rules: "local postgres,all all scram-sha-256\n", names: "postgres = host=SOCKET port=PORT dbname=acme auth_user=landlord_router\n", probes: []string{"router-postgres"}, want: prove.Escaped},
	{rules: "local all all scram-sha-256\n", names: "ACME = host=SOCKET port=PORT dbname=acme auth_user=landlord_router\n", probes: []string{"router-odd-names"}, want: prove.Escaped},
	{rules: "local all all scram-sha-256\n", users: "\"acme_app\" \"PASSWORD\"\n", probes: []string{"router-absent-name"}, want: prove.Exposed},
	{rules: "local pgbouncer all trust\n", users: "\"nobody_at_all\" \"\"\n", admins: "nobody_at_all", probes: []string{"router-console"}, want: prove.Escaped},
	{sql: "GRANT USAGE ON SCHEMA landlord TO acme_app; GRANT EXECUTE ON FUNCTION landlord.lookup(text) TO acme_app", probes: []string{"router-lookup-function"}, want: prove.Escaped},
	{rules: "local web all reject\n", pool: "web", probes: []string{"router-pool-login"}, want: prove.Failed},
	{rules: "local all all scram-sha-256\n", pool: "web", probes: []string{"router-b-name"}, want: prove.Escaped},
	{sql: `CREATE OR REPLACE FUNCTION landlord.lookup(text, OUT login text, OUT verifier text) RETURNS SETOF record LANGUAGE sql SECURITY DEFINER AS
		$$ SELECT rolname::text, rolpassword FROM pg_authid WHERE rolname = $1 $$`, probes: []string{"router-lookup-answers"}, want: prove.Escaped},
	{sql: "GRANT acme_app TO landlord_router", probes: []string{"router-lookup-rights"}, want: prove.Escaped},
	{sql: "GRANT pg_read_all_data TO landlord_router", probes: []string{"router-lookup-rights"}, want: prove.Escaped},
	{sql: "ALTER ROLE landlord_router SUPERUSER", probes: []string{"router-lookup-rights"}, want: prove.Escaped},
}

func TestProveThroughTheRouter(t *testing.T) {
	s := pgtest.Start(t, pgtest.Majors()[len(pgtest.Majors())-1])
	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) {
		e.Secrets.File = filepath.Join(e.Router.Socket, "passwords")
		e.Servers[0].Pools = []tenant.Pool{{Name: "web", Database: "shared"}}
	})
	if _, err := landlord.PoolLogin(t.Context(), r.estate, "main", "web", false); err != nil {
		t.Fatal(err)
	}
	pools := []string(nil)
	verdicts := func(probes []string, only ...string) map[string][]prove.Outcome {
		t.Helper()
		report, err := landlord.Prove(t.Context(), r.estate, "main", landlord.Options{Tenants: only, Pools: pools, Probes: probes}, landlord.ProveHooks{})
		if err != nil {
			t.Fatal(err)
		}
		by := map[string][]prove.Outcome{}
		for _, o := range report.Outcomes {
			by[o.Probe] = append(by[o.Probe], o)
		}
		return by
	}
	tried := 0
	for name, all := range verdicts(routerProbes()) {
		for _, o := range all {
			if strings.HasPrefix(name, "router-") {
				tried++
			}
			if o.Verdict == prove.Escaped || o.Verdict == prove.Failed || strings.HasPrefix(name, "router-") && o.Verdict == prove.NotTried {
				t.Errorf("%s %s: %s: %s: %s", o.Tenant, o.Login, name, o.Verdict, o.Detail)
			}
		}
	}
	for name, want := range map[string]prove.Verdict{"router-see-names": prove.Exposed, "router-startup": prove.Held, "router-heavy-lookups": prove.Held} {
		all := verdicts([]string{name})[name]
		if len(all) == 0 || slices.ContainsFunc(all, func(o prove.Outcome) bool { return o.Verdict != want }) {
			t.Errorf("%s: %+v", name, all)
		}
	}
	if tried == 0 {
		t.Fatal("nothing was tried through the router")
	}
	home := filepath.Join(r.estate.Router.Directory, "1")
	reload := func() { r.console(t, "RELOAD") }
	words := strings.NewReplacer("SOCKET", s.SocketDir(), "PORT", strconv.Itoa(s.Port()), "PASSWORD", r.passwords["acme_app"])
	good := r.plan(t).Files
	for _, x := range routerSabotages {
		if x.sql != "" {
			s.Exec(t, "acme", x.sql)
		}
		put(t, filepath.Join(home, router.HBAFile), x.rules+good[router.HBAFile])
		put(t, filepath.Join(home, router.UsersFile), words.Replace(x.users))
		ini := strings.Replace(good[router.IniFile], "\nadmin_users =", "\nadmin_users = "+x.admins, 1)
		put(t, filepath.Join(home, router.IniFile), ini+words.Replace(x.names))
		reload()
		only := []string{cmp.Or(x.by, "acme")}
		if pools = nil; x.pool != "" {
			only, pools = nil, []string{x.pool}
		}
		got := verdicts(x.probes, only...)
		if x.sql != "" {
			settle(t, r.estate)
		}
		for _, name := range x.probes {
			if !slices.ContainsFunc(got[name], func(o prove.Outcome) bool { return o.Verdict == x.want }) {
				t.Errorf("%+v: no %s is %s: %+v", x, name, x.want, got[name])
			}
		}
		for name, text := range good {
			put(t, filepath.Join(home, name), text)
		}
		reload()
	}
}

// console runs a command at the router's console.
func (r *routed) console(t *testing.T, command string) {
	t.Helper()
	c, err := bouncer.Open(t.Context(), r.estate.Router.Socket, r.estate.Router.Port, r.user)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Run(t.Context(), command); err != nil {
		t.Fatal(err)
	}
}

func (r *routed) plan(t *testing.T) router.Process {
	t.Helper()
	p, err := landlord.PlanRouter(t.Context(), r.estate)
	if err != nil {
		t.Fatal(err)
	}
	return p.Processes[0]
}

// routerProbes are the names of those about the router.
func routerProbes() (names []string) {
	for _, p := range prove.Probes() {
		if strings.HasPrefix(p.Name, "router-") {
			names = append(names, p.Name)
		}
	}
	return names
}
