package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"landlord/internal/tenant"
)

// hostile draws names that YAML or a terminal might stumble over.
func hostile(t *rapid.T, label string) string {
	special := rapid.SampledFrom([]string{
		`"`, `'`, `\`, "\n", "\r", "\t", ": ", " #", "#", "{", "}", "[", "]", "- ", "? ", "&a", "*a", "!x", "|", ">", "%", "@", "`",
		" ", "~", "null", "true", "yes", "1", "0x1f", "1e3", ".inf", "é", "ß", "語", "\u0085", "\u2028", "\uFEFF", "\u202e", "😀", "\x1b", "\x7f", "$", "<<", "---", "a", "Z", "\uFFFD",
	})
	for {
		s := ""
		for range rapid.IntRange(1, 8).Draw(t, label+" parts") {
			s += special.Draw(t, label)
		}
		if tenant.CheckRole(s) == nil && tenant.CheckSchema(s) == nil && tenant.CheckDatabase(s) == nil {
			return s
		}
	}
}

func drawLimits(t *rapid.T) tenant.Limits {
	ms := rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 1<<31-1), rapid.SampledFrom([]int{1000, 60_000, 3_600_000, 86_400_000}))
	kb := rapid.OneOf(rapid.Just(0), rapid.IntRange(64, 1<<31-1), rapid.SampledFrom([]int{64, 1 << 10, 1 << 20, 1 << 30}))
	return tenant.Limits{
		Connections:      rapid.IntRange(0, maxConnections).Draw(t, "connections"),
		TempFiles:        int64(kb.Draw(t, "temp_files")) * kibi,
		WorkMem:          int64(kb.Draw(t, "work_mem")) * kibi,
		StatementTimeout: time.Duration(ms.Draw(t, "statement_timeout")) * time.Millisecond,
		LockTimeout:      time.Duration(ms.Draw(t, "lock_timeout")) * time.Millisecond,
		IdleTransaction:  time.Duration(ms.Draw(t, "idle_transaction")) * time.Millisecond,
	}
}

func drawTenant(t *rapid.T, name string, servers []tenant.Server) tenant.Tenant {
	adopted := func(label, byDefault string) string {
		if rapid.Bool().Draw(t, label+" adopted") {
			return hostile(t, label)
		}
		return byDefault
	}
	x := tenant.Tenant{
		Name:      name,
		Server:    rapid.SampledFrom(servers).Draw(t, "server").Name,
		Isolation: rapid.SampledFrom(tenant.Models()).Draw(t, "isolation"),
		Rights:    rapid.SampledFrom(tenant.AllRights()).Draw(t, "rights"),
		Owner:     adopted("owner", tenant.DefaultOwner(name)),
		Home:      tenant.Place{Schemas: []string{adopted("schema", name)}},
		Limits:    drawLimits(t),
		Temp:      rapid.Bool().Draw(t, "temp"),
		Adopt:     rapid.Bool().Draw(t, "adopt"),
		Suspended: rapid.Bool().Draw(t, "suspended"),

		LargeObjects:  rapid.Bool().Draw(t, "large objects"),
		AdvisoryLocks: rapid.Bool().Draw(t, "advisory locks"),

		Extensions: rapid.SampledFrom([][]string{nil, {"citext"}, {"pg_trgm", "uuid-ossp"}}).Draw(t, "extensions"),
	}
	x.Home.Database = adopted("database", map[tenant.Model]string{tenant.Schema: "shared", tenant.Database: name, tenant.Cluster: name}[x.Isolation])
	if x.Isolation == tenant.Cluster {
		x.Server, x.Resources = name, drawResources(t, name)
	}
	if rapid.Bool().Draw(t, "two schemas") {
		x.Home.Schemas = append(x.Home.Schemas, hostile(t, "second schema"))
	}
	for range rapid.IntRange(0, 2).Draw(t, "further databases") {
		x = x.WithPlace(tenant.Place{Database: hostile(t, "further database"), Schemas: []string{adopted("further schema", name)}})
	}
	x.Logins = tenant.DefaultLogins(name, x.Rights)
	for i := range x.Logins {
		x.Logins[i].Name = adopted("login", x.Logins[i].Name)
		x.Logins[i].Connections = rapid.SampledFrom([]int{0, 0, 0, -1, 5}).Draw(t, "own connections")
	}
	if x.Rights == tenant.CRUD && rapid.Bool().Draw(t, "no logins") {
		x.Logins = nil
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "settings") {
		x.Settings = append(x.Settings, tenant.Setting{Name: fmt.Sprintf("app.s%d", i), Value: hostile(t, "setting")})
	}
	return x
}

// drawResources draws what a tenant's own server may use.
func drawResources(t *rapid.T, name string) *tenant.Resources {
	r := &tenant.Resources{
		CPU:      rapid.SampledFrom([]int{0, 10, 500, 1000, 1234, 64_000}).Draw(t, "cpu"),
		Memory:   rapid.SampledFrom([]int64{minServer, tenant.DefaultMemory, 4 << 30, minServer + 1024}).Draw(t, "memory"),
		IOWeight: rapid.IntRange(0, 10000).Draw(t, "io_weight"),
		Major:    rapid.SampledFrom([]int{0, 14, 18}).Draw(t, "major"),
		OSUser:   tenant.SharedUser,
	}
	if rapid.Bool().Draw(t, "volume") {
		r.Volume = "/srv/pg/" + name
	}
	if rapid.Bool().Draw(t, "address") {
		r.Address = rapid.SampledFrom([]string{"10.0.0.", "fd00::"}).Draw(t, "net") + fmt.Sprint(int(name[0])+len(name))
		r.Interface = rapid.SampledFrom([]string{"", "eth0"}).Draw(t, "interface")
		r.OSUser = rapid.SampledFrom(tenant.OSUsers()).Draw(t, "os_user")
		r.Port = rapid.SampledFrom([]int{0, 5433}).Draw(t, "port")
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "server settings") {
		r.Settings = append(r.Settings, tenant.Setting{Name: fmt.Sprintf("app.s%d", i), Value: rapid.SampledFrom([]string{"1", "on", "a b", "'"}).Draw(t, "server setting")})
	}
	return r
}

// drawHost draws what is said of the machine.
func drawHost(t *rapid.T) tenant.Host {
	h := tenant.Host{
		Manager:   rapid.SampledFrom([]tenant.Manager{"", tenant.Plain}).Draw(t, "manager"),
		Directory: rapid.SampledFrom([]string{"", "/srv/landlord"}).Draw(t, "directory"),
		Memory:    rapid.SampledFrom([]int64{0, 24 << 30}).Draw(t, "host memory"),
		CPU:       rapid.SampledFrom([]int{0, 8000}).Draw(t, "host cpu"),
		Interface: rapid.SampledFrom([]string{"", "eth0"}).Draw(t, "host interface"),
	}
	if rapid.Bool().Draw(t, "host reached") {
		h.Clients = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		h.Operators = []string{hostile(t, "host operator")}
	}
	return h
}

// drawEstate draws an estate whose names do not collide.
func drawEstate(t *rapid.T) tenant.Estate {
	e := tenant.Estate{}
	if rapid.Bool().Draw(t, "host") {
		e.Host = drawHost(t)
	}
	servers := rapid.IntRange(1, 3).Draw(t, "servers")
	for i := range servers {
		s := tenant.Server{Name: fmt.Sprintf("s%d", i), Connection: "host=" + rapid.SampledFrom([]string{"/run", `'a b\'c'`, "#x", "é"}).Draw(t, "host")}
		if rapid.Bool().Draw(t, "reached") {
			s.Endpoint = "postgres://db.example:5432/?sslmode=verify-full"
			s.Clients = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
			s.Operators = []string{hostile(t, "operator")}
		}
		if rapid.Bool().Draw(t, "administered") {
			s.Admins = []tenant.Admin{{Name: "ops " + s.Name, DataAccess: rapid.SampledFrom(tenant.DataAccesses()).Draw(t, "access"), Adopt: rapid.Bool().Draw(t, "adopted admin")}}
		}
		if servers == 1 {
			e.Host.Admins = s.Admins
		}
		e.Servers = append(e.Servers, s)
	}
	named := e.Servers
	switch rapid.IntRange(0, 2).Draw(t, "secrets") {
	case 1:
		e.Secrets.File = "/" + hostile(t, "file")
	case 2:
		e.Secrets.Command = []string{"vault", hostile(t, "argument"), ""}
		e.Secrets.Lookup = []string{hostile(t, "lookup")}
	}
	if rapid.Bool().Draw(t, "journal") {
		e.Journal = tenant.Journal{File: "/" + hostile(t, "journal file"), Syslog: rapid.Bool().Draw(t, "syslog")}
	}
	if rapid.Bool().Draw(t, "waiver") {
		e.Audit.RequireExpiry = rapid.Bool().Draw(t, "expiry")
		e.Audit.Waivers = []tenant.Waiver{{Finding: hostile(t, "finding"), Reason: "x" + hostile(t, "reason"), Until: time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)}}
	}
	for _, name := range []string{"acme", "bolt", "no", "null", "true", "y"} {
		if rapid.Bool().Draw(t, name) {
			e.Tenants = append(e.Tenants, drawTenant(t, name, named))
		}
	}
	e = tenant.Expand(e)
	for c := tenant.Collisions(e); len(c) > 0; c = tenant.Collisions(e) {
		if len(e.Tenants) > 0 {
			e.Tenants = e.Tenants[:len(e.Tenants)-1]
			e = tenant.Expand(e)
		} else {
			e.Servers[0].Operators = nil
		}
	}
	if len(e.Tenants) == 0 {
		e.Tenants = nil
	}
	return e
}

func TestParseInvertsWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEstate(t)
		text := Write(e)
		got, err := Parse("landlord.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(e, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
			t.Fatalf("(-want +got)\n%s\n%s", diff, text)
		}
		if again := Write(got); !slices.Equal(text, again) {
			t.Fatalf("written twice:\n%s\n%s", text, again)
		}
	})
}

// TestQuotesInNames: a key in quotes is read as the name that it stands for.
func TestQuotesInNames(t *testing.T) {
	for _, name := range []string{`"`, `'`, `\`, `a"b`} {
		x := tenant.Tenant{Name: "y", Server: "s", Isolation: tenant.Schema, Rights: tenant.Read, Owner: "y_owner", Temp: true, Logins: tenant.DefaultLogins("y", tenant.Read),
			Home: tenant.Place{Database: "shared", Schemas: []string{"y"}}, Further: []tenant.Place{{Database: name, Schemas: []string{"y"}}},
			Settings: []tenant.Setting{{Name: "app.x", Value: name}}}
		want := tenant.Estate{Servers: []tenant.Server{{Name: "s", Connection: "host=/run"}}, Tenants: []tenant.Tenant{x}}
		got, err := Parse("f", Write(want))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s\n%s", name, err, diff, Write(want))
		}
	}
}

func TestWriteSaysNoMoreThanNeeded(t *testing.T) {
	const text = `servers:
  main:
    connection: host=/run
    clients: [10.0.0.0/8, "fd00::/8"]
secrets:
  command: [vault, "put it"]
journal:
  file: /var/log/landlord.jsonl
  syslog: true
tenants:
  acme: {}
  globex:
    isolation: schema
    rights: ddl
    limits:
      connections: 20
      temp_files: 1GiB
      statement_timeout: 90s
    settings:
      timezone: UTC
  "no":
    isolation: schema
    database: "Shared \"2\""
    schema: public
    logins:
      app: [a, b]
      ro: r
    temp: false
    adopt: true
    suspended: true
`
	const want = `servers:
  main:
    connection: host=/run
    clients: [10.0.0.0/8, "fd00::/8"]
secrets:
  command: [vault, put it]
journal:
  file: /var/log/landlord.jsonl
  syslog: true
tenants:
  acme: {}
`
	e, err := Parse("landlord.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := string(Write(e))
	if diff := cmp.Diff(want+text[len(want)+2:], got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
