package router

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"landlord/internal/tenant"
)

func one(name string, change ...func(*tenant.Tenant)) tenant.Tenant {
	t := tenant.Tenant{Name: name, Isolation: tenant.Database, Home: tenant.Place{Database: name, Schemas: []string{name}}, Logins: tenant.DefaultLogins(name, tenant.CRUD)}
	for _, c := range change {
		c(&t)
	}
	return t
}

var base = tenant.Router{Directory: "/r", User: "postgres", Port: 6432, Socket: "/s", ServerTLS: "require", Secrets: tenant.AuthQuery, PoolMode: "session", PoolSize: 5, MaxClients: 100, Aliases: 1000}

func facts(tenants ...tenant.Tenant) Facts {
	return Facts{Server: tenant.Server{Name: "main"}, Host: "/run", Port: 5432, Room: 97, Tenants: tenants}
}

func rendered(t *testing.T, r tenant.Router, f ...Facts) ([]Process, []Note, error) {
	t.Helper()
	aliases, notes, err := Aliases(r, f)
	if err != nil {
		return nil, nil, err
	}
	p, err := Processes(r, Version{}, aliases, Place(aliases, nil, r.Aliases), nil, Own{})
	return p, notes, err
}

func TestOddNamesStayNames(t *testing.T) {
	odd := one("acme", func(t *tenant.Tenant) {
		t.Home.Database = `it's "one" \ host=x`
		t.Logins = []tenant.Login{{Name: `a"b`, Kind: tenant.App}, {Name: "all", Kind: tenant.Reader}, {Name: "x, y #z", Kind: tenant.Reader}}
	})
	p, _, err := rendered(t, base, facts(odd))
	if err != nil {
		t.Fatal(err)
	}
	if want := `acme = host='/run' port=5432 dbname='it''s "one" \ host=x' `; !strings.Contains(p[0].Files[IniFile], want) {
		t.Errorf("%s is not in %s", want, p[0].Files[IniFile])
	}
	if want := `local "acme" "a""b","all","x, y #z" scram-sha-256`; !strings.Contains(p[0].Files[HBAFile], want) {
		t.Errorf("%s is not in %s", want, p[0].Files[HBAFile])
	}
}

func TestWhatCannotBeRenderedIsRefused(t *testing.T) {
	for name, change := range map[string]func(*tenant.Tenant){
		"a line end in a database": func(t *tenant.Tenant) { t.Home.Database = "a\nb" },
		"a line end in a login":    func(t *tenant.Tenant) { t.Logins[0].Name = "a\n\"all\" \"all\" trust" },
		"a long login":             func(t *tenant.Tenant) { t.Logins[0].Name = strings.Repeat("x", 64) },
		"an empty database":        func(t *tenant.Tenant) { t.Home.Database = "" },
	} {
		if _, _, err := rendered(t, base, facts(one("acme", change))); err == nil {
			t.Errorf("%s: rendered", name)
		}
	}
	for _, host := range []string{"", "a,b", "a\nb"} {
		f := facts(one("acme"))
		f.Host = host
		if _, _, err := rendered(t, base, f); err == nil {
			t.Errorf("host %q: rendered", host)
		}
	}
	two := facts(one("acme"))
	two.Server.Name = "other"
	if _, _, err := rendered(t, base, facts(one("acme")), two); err == nil {
		t.Error("one name that leads to two servers: rendered")
	}
	list := base
	list.Secrets = tenant.UserList
	f := facts(one("acme"))
	f.Verifiers = map[string]string{"acme_app": "md5" + strings.Repeat("0", 32)}
	if _, _, err := rendered(t, list, f); err == nil {
		t.Error("an md5 hash in the list of users: rendered")
	}
}

// TestWhatIsGoneLeadsNowhere: who was in the files and is in no spec any more has
// a name that leads nowhere, until it is forgotten; names of the user's own and
// those that have moved have none.
func TestWhatIsGoneLeadsNowhere(t *testing.T) {
	aliases, _, err := Aliases(base, []Facts{facts(one("acme"), one("bolt"))})
	if err != nil {
		t.Fatal(err)
	}
	before := map[string]int{"acme": 1, "crux": 1, "own": 1, "dyne": 2}
	p, err := Processes(base, Version{1, 18, 0}, aliases, Place(aliases, before, 2), before, Own{Databases: []string{"own = host=/x"}})
	if err != nil || len(p) != 2 {
		t.Fatal(p, err)
	}
	if !slices.Equal(p[0].Closed, []string{"crux"}) || !slices.Equal(p[1].Closed, []string{"dyne"}) {
		t.Errorf("closed are %v and %v", p[0].Closed, p[1].Closed)
	}
	if names := Names(p[0].Files[IniFile]); !slices.Equal(names, []string{"own", "crux", "acme", "bolt"}) || !slices.Equal(Shut(p[0].Files[IniFile]), []string{"crux"}) {
		t.Errorf("the names are %v, and lead nowhere: %v", names, Shut(p[0].Files[IniFile]))
	}
}

func TestWhoIsLeftOut(t *testing.T) {
	suspended := one("bolt", func(t *tenant.Tenant) { t.Suspended = true })
	rotated := one("crux", func(t *tenant.Tenant) {
		t.Twins = []tenant.Twin{{Name: "crux_app_b", Of: "crux_app", Old: "crux_app"}, {Name: "crux_ro_b", Of: "crux_ro", Old: "crux_ro", Open: true}}
	})
	p, notes, err := rendered(t, base, facts(one("acme"), suspended, rotated, one("pgbouncer")))
	if err != nil {
		t.Fatal(err)
	}
	ini, hba := p[0].Files[IniFile], p[0].Files[HBAFile]
	if !strings.Contains(ini, "\nbolt = host=/dev/null dbname=closed ") || strings.Count(ini, "bolt") != 1 || strings.Contains(hba, "bolt") || !slices.Equal(Shut(ini), []string{"bolt"}) {
		t.Errorf("a suspended tenant keeps its place, and nothing else: %s%s", ini, hba)
	}
	if !strings.Contains(hba, `"crux_app_b","crux_ro","crux_ro_b" `) {
		t.Errorf("the old login of a rotation that is over is out, that of an open one in: %s", hba)
	}
	if len(notes) != 1 || !notes[0].Cannot || strings.Contains(ini, "\npgbouncer =") {
		t.Errorf("%+v", notes)
	}
	list := base
	list.Secrets = tenant.UserList
	f := facts(one("acme"))
	f.Verifiers = map[string]string{"acme_app": scram}
	if p, _, err = rendered(t, list, f); err != nil || strings.Contains(p[0].Files[HBAFile], "acme_ro") || strings.Count(p[0].Files[UsersFile], "\n") != 1 {
		t.Errorf("without a verifier in: %v %v", p, err)
	}
}

const scram = "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func TestClientsComeWithTLSAlone(t *testing.T) {
	r := base
	r.Cert, r.Key, r.Clients = "/c", "/k", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}
	p, _, err := rendered(t, r, facts(one("acme")))
	if err != nil {
		t.Fatal(err)
	}
	hba := p[0].Files[HBAFile]
	if strings.Count(hba, "hostssl ") != 3 || strings.Contains(hba, `host "acme"`) || !strings.Contains(p[0].Files[IniFile], "client_tls_sslmode = require\n") {
		t.Errorf("%s", hba)
	}
	if !strings.HasSuffix(hba, "local all all reject\nhost all all 0.0.0.0/0 reject\nhost all all ::/0 reject\n") || strings.Contains(hba, "trust") {
		t.Errorf("%s", hba)
	}
}

func TestWhoHasAPlaceKeepsIt(t *testing.T) {
	var tenants []tenant.Tenant
	for i := range 25 {
		tenants = append(tenants, one(fmt.Sprintf("t%02d", i)))
	}
	r := base
	r.Aliases = 10
	before := map[string]int{}
	for _, n := range []int{3, 12, 25} {
		// Newcomers' names stand before, between and behind those that are there.
		some := slices.Clone(tenants[25-n:])
		aliases, _, err := Aliases(r, []Facts{facts(some...)})
		if err != nil {
			t.Fatal(err)
		}
		place := Place(aliases, before, r.Aliases)
		for name, at := range before {
			if place[name] != at {
				t.Errorf("%s was moved from %d to %d", name, at, place[name])
			}
		}
		processes, err := Processes(r, Version{}, aliases, place, before, Own{})
		if err != nil {
			t.Fatal(err)
		}
		if want := (n + 9) / 10; len(processes) != want {
			t.Errorf("%d names in %d processes, not %d", n, len(processes), want)
		}
		before = map[string]int{}
		for _, p := range processes {
			if p.Port != r.Port+p.Number-1 || len(p.Aliases) > r.Aliases {
				t.Errorf("process %+v", p)
			}
			for _, name := range Names(p.Files[IniFile]) {
				before[name] = p.Number
			}
		}
		if !maps.Equal(before, place) {
			t.Errorf("read back %v, not %v", before, place)
		}
	}
}

func TestTheSumMustFit(t *testing.T) {
	f := facts(one("acme"), one("bolt", func(t *tenant.Tenant) { t.Limits.Connections = 80 }), one("crux", func(t *tenant.Tenant) { t.Suspended = true }))
	sum := func(room int) error {
		f.Room = room
		aliases, _, err := Aliases(base, []Facts{f})
		if err != nil {
			t.Fatal(err)
		}
		return Fits(Demands(base, Version{}, []Facts{f}, aliases, Place(aliases, nil, base.Aliases)))
	}
	if err := sum(87); err != nil { // 5 + 80 + 2 to look up
		t.Error(err)
	}
	err := sum(86)
	over, ok := errors.AsType[*OverbookedError](err)
	if !ok || !strings.Contains(err.Error(), "may open 87 connections to server main (2 names, together 85; 2 to look up verifiers), which has 86") {
		t.Errorf("%v %v", over, err)
	}
}

// TestOptionsAreIgnored where an option without a name would bring PgBouncer to
// a standstill, whatever the user has written.
func TestOptionsAreIgnored(t *testing.T) {
	for _, x := range []struct {
		v         Version
		own, want string
	}{
		{Version{1, 18, 0}, "", "extra_float_digits"}, {Version{1, 20, 0}, "", "extra_float_digits,options"}, {Version{1, 26, 0}, "a, b", "a, b,options"},
		{Version{1, 24, 1}, "options", "options"}, {Version{1, 26, 1}, "", "extra_float_digits"},
	} {
		own := Own{Settings: map[string]string{}}
		if x.own != "" {
			own.Settings["ignore_startup_parameters"] = x.own
		}
		p, err := Processes(base, x.v, nil, nil, nil, own)
		if err != nil || !strings.Contains(p[0].Files[IniFile], "\nignore_startup_parameters = "+x.want+"\n") {
			t.Errorf("%s: %v, %s", x.v, err, p[0].Files[IniFile])
		}
	}
}

func TestUnit(t *testing.T) {
	r := base
	r.Directory, r.Socket = `/srv/the "router" 100%`, "/run/a b$"
	text := UnitText(r, "/usr/sbin/pgbouncer", true)
	for _, want := range []string{
		"\nType=notify\n", "\nUser=postgres\n", "\nRestart=always\n", "\nStartLimitIntervalSec=0\n",
		`ExecStart="/usr/sbin/pgbouncer" "/srv/the \"router\" 100%%/%i/pgbouncer.ini"`, `ExecStartPre=/bin/rm -f "/srv/the \"router\" 100%%/%i/pid"`, `sh "/run/a b$$" "postgres"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if strings.Contains(text, "%!") || !OurUnit(r, text) || OurUnit(base, text) {
		t.Errorf("%s", text)
	}
}

// TestAskedTogether: verifiers of a database that several names lead to are
// looked up by one name more, where PgBouncer knows how; that name is nobody's,
// and takes no place.
func TestAskedTogether(t *testing.T) {
	shared := func(t *tenant.Tenant) { t.Isolation, t.Home.Database = tenant.Schema, "shared" }
	f := []Facts{facts(one("acme"), one("bolt", shared), one("crux", shared))}
	aliases, _, err := Aliases(base, f)
	if err != nil {
		t.Fatal(err)
	}
	place := Place(aliases, nil, base.Aliases)
	for _, x := range []struct {
		v               Version
		asked, together int
		lookups         int
	}{{Version{1, 18, 0}, 0, 0, 3}, {Version{1, 19, 0}, 1, 2, 10}, {Version{1, 24, 1}, 1, 2, 10}} {
		p, err := Processes(base, x.v, aliases, place, nil, Own{Rules: "local all all trust"})
		if err != nil {
			t.Fatal(err)
		}
		ini := p[0].Files[IniFile]
		if strings.Count(ini, "\nlandlord.main.shared = host=") != x.asked || strings.Count(ini, " auth_dbname=landlord.main.shared") != x.together || strings.Count(ini, "auth_user=landlord_router") != 3 {
			t.Errorf("%s: %s", x.v, ini)
		}
		if x.asked > 0 && !strings.Contains(p[0].Files[HBAFile], "local \"landlord.main.shared\" all reject\n") {
			t.Errorf("%s: open to the user's own rules: %s", x.v, p[0].Files[HBAFile])
		}
		if slices.ContainsFunc(Names(ini), func(name string) bool { return strings.HasPrefix(name, "landlord.") }) {
			t.Errorf("%s: %v", x.v, Names(ini))
		}
		if d := Demands(base, x.v, f, aliases, place); d[0].Lookups != x.lookups {
			t.Errorf("%s: %+v", x.v, d)
		}
		if got := strings.Contains(ini, "max_db_client_connections=50"); got == x.v.Before(clientLimits) {
			t.Errorf("%s: limits of clients: %v", x.v, got)
		}
	}
}

// TestLimitsAreSharedOut: the server counts a login's connections to all
// databases together, and so must the router's pools.
func TestLimitsAreSharedOut(t *testing.T) {
	several := one("acme", func(t *tenant.Tenant) {
		t.Further = []tenant.Place{{Database: "archive", Schemas: []string{"acme"}}, {Database: "stats", Schemas: []string{"acme"}}}
		t.Limits.Connections = 7
		t.Logins[1].Connections = 1
		t.Twins = []tenant.Twin{{Name: "acme_ro_b", Of: "acme_ro", Old: "acme_ro", Open: true}}
	})
	few := one("bolt", func(t *tenant.Tenant) {
		t.Further, t.Limits.Connections = []tenant.Place{{Database: "cellar", Schemas: []string{"bolt"}}}, 1
	})
	aliases, _, err := Aliases(base, []Facts{facts(several, few, one("crux"))})
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{}
	for _, a := range aliases {
		sizes[a.Name] = a.Size
	}
	if want := (map[string]int{"acme": 2, "acme.archive": 2, "acme.stats": 2, "bolt": 1, "bolt.cellar": 1, "crux": 5}); !maps.Equal(sizes, want) {
		t.Errorf("%v, not %v", sizes, want)
	}
	list := base
	list.Secrets = tenant.UserList
	for _, x := range []struct {
		r    tenant.Router
		v    Version
		want bool
	}{{base, Version{1, 18, 0}, false}, {base, Version{1, 24, 0}, true}, {list, Version{1, 18, 0}, true}} {
		p, err := Processes(x.r, x.v, aliases, Place(aliases, nil, 100), nil, Own{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(p[0].Files[IniFile], "\nacme_ro = max_user_connections=1\nacme_ro_b = max_user_connections=1\n"); got != x.want {
			t.Errorf("%s %s: %v, %s", x.r.Secrets, x.v, got, p[0].Files[IniFile])
		}
	}
}
