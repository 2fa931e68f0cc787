package hba

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func prefixes(list ...string) (p []netip.Prefix) {
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

func fullBlock() Block {
	return Block{
		Superusers:   []string{"postgres", `odd "one"`},
		Map:          "landlord",
		Operators:    []Operator{{Role: "landlord_op", Local: Peer, Map: "landlord", Clients: prefixes("10.1.0.0/16", "127.0.0.1/32")}},
		AdminGroup:   "landlord_admins",
		AdminClients: prefixes("10.2.0.0/16"),
		TenantGroup:  "landlord_tenants",
		Clients:      prefixes("10.0.0.7/8", "10.0.0.0/8", "fd00::/8"),
		Adopted:      []Door{{"Shop", "shop_users"}, {"all", "Group, odd"}},
	}
}

func mustRender(t testing.TB, b Block) string {
	t.Helper()
	s, err := Render(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRender(t *testing.T) {
	f := Parse("f", []byte(mustRender(t, fullBlock())), Options{})
	want := `local {all|replication} {postgres} [] peer map=landlord
host {all|replication} {postgres} [all] reject
local {all|replication} {'odd "one"'} [] peer map=landlord
host {all|replication} {'odd "one"'} [all] reject
local {all} {landlord_op} [] peer map=landlord
hostssl {all} {landlord_op} [10.1.0.0/16] scram-sha-256
host {all} {landlord_op} [127.0.0.1/32] scram-sha-256
local {all} {+landlord_admins} [] scram-sha-256
host {all} {+landlord_admins} [127.0.0.1/32] scram-sha-256
host {all} {+landlord_admins} [::1/128] scram-sha-256
hostssl {all} {+landlord_admins} [10.2.0.0/16] scram-sha-256
local {samerole} {+landlord_tenants} [] scram-sha-256
host {samerole} {+landlord_tenants} [127.0.0.1/32] scram-sha-256
host {samerole} {+landlord_tenants} [::1/128] scram-sha-256
hostssl {samerole} {+landlord_tenants} [10.0.0.0/8] scram-sha-256
hostssl {samerole} {+landlord_tenants} [fd00::/8] scram-sha-256
local {'Shop'} {+shop_users} [] scram-sha-256
host {'Shop'} {+shop_users} [127.0.0.1/32] scram-sha-256
host {'Shop'} {+shop_users} [::1/128] scram-sha-256
hostssl {'Shop'} {+shop_users} [10.0.0.0/8] scram-sha-256
hostssl {'Shop'} {+shop_users} [fd00::/8] scram-sha-256
local {'all'} {+Group, odd} [] scram-sha-256
host {'all'} {+Group, odd} [127.0.0.1/32] scram-sha-256
host {'all'} {+Group, odd} [::1/128] scram-sha-256
hostssl {'all'} {+Group, odd} [10.0.0.0/8] scram-sha-256
hostssl {'all'} {+Group, odd} [fd00::/8] scram-sha-256
local {replication} {all} [] reject
host {replication} {all} [all] reject
local {all} {all} [] reject
host {all} {all} [all] reject
`
	var got strings.Builder
	for _, line := range strings.SplitAfter(show(f), "\n") {
		_, rule, _ := strings.Cut(line, " ")
		got.WriteString(rule)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.Errors)+len(f.Warnings) > 0 {
		t.Errorf("errors %v, warnings %v", f.Errors, f.Warnings)
	}
}

func TestRenderRefuses(t *testing.T) {
	for want, b := range map[string]Block{
		"holds a line end":                       {Superusers: []string{"a\nlocal all all trust"}},
		"line end or NUL":                        {TenantGroup: "a\x00"},
		"begins with a slash":                    {TenantGroup: "t", Adopted: []Door{{"/x", "g"}}},
		"a name is empty":                        {TenantGroup: "t", Adopted: []Door{{"x", ""}}},
		"longer than 63":                         {Superusers: []string{strings.Repeat("x", 64)}},
		"neither peer nor scram-sha-256":         {Operators: []Operator{{Role: "o", Local: Trust}}},
		"neither scram-sha-256 nor cert":         {Operators: []Operator{{Role: "o", Method: MD5}}},
		"without a group of tenants":             {Clients: prefixes("10.0.0.0/8")},
		"without a group of admins":              {AdminClients: prefixes("10.0.0.0/8")},
		"invalid Prefix is no network":           {TenantGroup: "t", Clients: []netip.Prefix{{}}},
		"::ffff:10.0.0.0/104 is no network that": {TenantGroup: "t", Clients: []netip.Prefix{netip.PrefixFrom(ip("::ffff:10.0.0.0"), 104)}},
	} {
		s, err := Render(b)
		if err == nil || !strings.Contains(err.Error(), want) || s != "" {
			t.Errorf("want %q, got %v and %q", want, err, s)
		}
	}
}

// Names come back as they were, whatever is in them.
func TestRenderedNamesAreRead(t *testing.T) {
	for _, name := range []string{"all", "replication", "samerole", "+g", "@file", "#x", "a b", "a,b", `"`, `""`, `a"b`, `"a`, `a\`, "Ä", "\xff", "\t", "=", "include"} {
		text := mustRender(t, Block{Superusers: []string{name}, Map: name, TenantGroup: name, Adopted: []Door{{name, name}}})
		for _, major := range []int{14, 15, 16, 17, 18} {
			f := Parse("f", []byte(text), Options{Major: major})
			rules := f.Rules()
			if len(f.Errors) > 0 || len(rules) != 12 {
				t.Fatalf("%q: %v\n%s", name, f.Errors, text)
			}
			super, door := rules[0], rules[5]
			if got, _ := super.Option("map"); got != name || super.Users[0].Text != name || super.Users[0].Is("all") {
				t.Errorf("superuser %q came back as %+v", name, super)
			}
			if group, ok := door.Users[0].Group(); !ok || group != name || door.Databases[0].Text != name || door.Databases[0].Is("all") {
				t.Errorf("door %q came back as %+v", name, door)
			}
		}
	}
}

func TestBlockDecides(t *testing.T) {
	f := Parse("f", []byte(mustRender(t, Block{
		Superusers: []string{"postgres"}, TenantGroup: "tenants", AdminGroup: "admins", Clients: prefixes("10.0.0.0/8"),
		Adopted: []Door{{"shop", "shop_users"}},
	})), Options{})
	env := Env{IsMember: memberOf(map[string][]string{
		"tenants": {"acme_app", "bolt_app", "shop_app"}, "acme": {"acme_app"}, "bolt": {"bolt_app"}, "shop_users": {"shop_app"}, "admins": {"root"}})}
	far, here := ip("10.3.3.3"), ip("127.0.0.1")
	for _, c := range []struct {
		a    Attempt
		want Method
	}{
		{Attempt{User: "postgres", Database: "acme"}, Peer},
		{Attempt{User: "postgres", Replication: true}, Peer},
		{Attempt{User: "postgres", Database: "acme", Addr: here}, Reject},
		{Attempt{User: "postgres", Addr: far, TLS: true, Replication: true}, Reject},
		{Attempt{User: "acme_app", Database: "acme"}, SCRAM},
		{Attempt{User: "acme_app", Database: "acme", Addr: here}, SCRAM},
		{Attempt{User: "acme_app", Database: "acme", Addr: far, TLS: true}, SCRAM},
		{Attempt{User: "acme_app", Database: "acme", Addr: far}, Reject},
		{Attempt{User: "acme_app", Database: "acme", Addr: ip("192.0.2.1"), TLS: true}, Reject},
		{Attempt{User: "acme_app", Database: "bolt"}, Reject},
		{Attempt{User: "acme_app", Database: "postgres"}, Reject},
		{Attempt{User: "acme_app", Database: "shop"}, Reject},
		{Attempt{User: "acme_app", Replication: true}, Reject},
		{Attempt{User: "shop_app", Database: "shop", Addr: far, TLS: true}, SCRAM},
		{Attempt{User: "root", Database: "bolt"}, SCRAM},
		{Attempt{User: "root", Database: "bolt", Addr: far, TLS: true}, Reject},
		{Attempt{User: "stranger", Database: "stranger"}, Reject},
	} {
		if d := f.Decide(c.a, env); d.Method != c.want || !d.Certain {
			t.Errorf("%s: %s, want %s", c.a, d, c.want)
		}
	}
}

func TestSplice(t *testing.T) {
	block := mustRender(t, Block{Superusers: []string{"postgres"}, TenantGroup: "t"})
	other := mustRender(t, Block{Superusers: []string{"root"}, TenantGroup: "t"})
	for _, c := range []struct{ before, want string }{
		{"", block},
		{"# top\n\nlocal all all peer\n", "# top\n\n" + block + "local all all peer\n"},
		{"# top\r\nlocal all all peer", "# top\r\n" + block + "local all all peer"},
		{"# only", block + "# only"},
		{"# goes on \\\nlocal all all trust\n", block + "# goes on \\\nlocal all all trust\n"},
		{"include x\n", block + "include x\n"},
		{"a\n" + other + "b\n", "a\n" + block + "b\n"},
		{"a\n" + strings.TrimSuffix(other, "\n"), "a\n" + block},
		{"a\n# BEGIN landlord\nlocal x x trust\n# END landlord  \r\nb\n", "a\n" + block + "b\n"},
	} {
		got, changed, err := Splice(c.before, block)
		if err != nil || !changed {
			t.Errorf("%q: changed %v, error %v", c.before, changed, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.before, diff)
		}
		again, changed, err := Splice(got, block)
		if again != got || changed || err != nil {
			t.Errorf("%q: a second splice: changed %v, error %v", c.before, changed, err)
		}
	}
}

func TestSpliceRefuses(t *testing.T) {
	block := mustRender(t, Block{})
	for text, want := range map[string]string{
		block + "x\n" + block:                                     "line 10: a second block begins",
		"# BEGIN landlord\nx\n" + block:                           "line 3: a second block begins inside the one of line 1",
		"x\n# END landlord\n":                                     "line 2: a block ends that has not begun",
		"x\n# BEGIN landlord\nx\n":                                "line 2: a block begins and does not end",
		"#  begin Landlord: x\n":                                  "line 1: a marker line has been changed",
		"# BEGIN landlord\n# END landlord now\n":                  "line 2: a marker line has been changed",
		"# BEGIN landlord\nlocal all all trust\\\n# END landlord": "line 2: a marker line is part of a line that goes on with a backslash",
	} {
		_, _, err := Splice(text, block)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
		if got, err := Remove(text); err == nil || got != text {
			t.Errorf("Remove(%q): %q, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "local all all trust\n", block + "x", "# BEGIN landlord\nlocal all all trusst\n# END landlord\n"} {
		if _, _, err := Splice("local all all trust\n", bad); err == nil {
			t.Errorf("block %q was taken", bad)
		}
	}
	if _, changed, err := Splice("local all all trust\n# END landlord's part, he said\n", block); err != nil || !changed {
		t.Errorf("a comment that is no marker: %v", err)
	}
}

func TestCheckChange(t *testing.T) {
	before := Parse("f", []byte("local all all peer\nhost all all all md5\n"), Options{})
	text, _, err := Splice(before.String(), mustRender(t, Block{Superusers: []string{"postgres"}, TenantGroup: "t"}))
	if err != nil {
		t.Fatal(err)
	}
	after := Parse("f", []byte(text), Options{})
	env := Env{IsMember: memberOf(map[string][]string{"t": {"acme_app"}})}
	keep := []Keep{
		{Label: "landlord", Attempt: Attempt{User: "postgres"}, Must: true},
		{Label: "other OS user", Attempt: Attempt{User: "postgres"}, Must: true, OSUser: "root"},
		{Label: "tenant", Attempt: Attempt{User: "acme_app", Database: "acme_app"}},
		{Label: "tenant without password", Attempt: Attempt{User: "acme_app", Database: "acme_app"}, Methods: []Method{Peer}},
		{Label: "stranger", Attempt: Attempt{User: "x", Addr: ip("10.0.0.1")}},
		{Label: "new", Attempt: Attempt{User: "r", Replication: true}, Must: true},
		{Label: "never in", Attempt: Attempt{User: "r", Replication: true}},
	}
	var got []string
	for _, l := range CheckChange(before, after, keep, env) {
		got = append(got, l.Keep.Label)
	}
	want := []string{"other OS user", "tenant without password", "stranger", "new"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	broken := Parse("f", []byte("local all all per"), Options{})
	if l := CheckChange(nil, broken, keep[:1], env); len(l) != 1 || !strings.Contains(l[0].String(), "would not load the file") {
		t.Errorf("broken file: %v", l)
	}
}

func TestBefore(t *testing.T) {
	rules := `local all postgres trust
local all all trust
host samerole +tenants 10.0.0.0/8 scram-sha-256
hostssl samerole +tenants 10.0.0.0/8 scram-sha-256
hostssl acme acme_app 10.0.0.0/8 scram-sha-256
local replication,/x all peer
local all all reject
include x
`
	text, _, err := Splice(rules, mustRender(t, Block{TenantGroup: "tenants"}))
	if err != nil {
		t.Fatal(err)
	}
	isTenant := func(role string) bool { return role == "acme_app" }
	if d := Parse("f", []byte(text), Options{}).Before("tenants", isTenant); len(d) != 0 {
		t.Errorf("nothing stands above the block: %v", d)
	}
	below := rules + strings.TrimPrefix(text, "x")[:len(text)-len(rules)]
	var got []string
	for _, d := range Parse("f", []byte(below), Options{}).Before("tenants", isTenant) {
		got = append(got, d.Text+": "+strings.Join(d.Why, "; "))
	}
	want := []string{
		"local all all trust: trust: it asks for no proof at all; all: it opens every database; it is for every user",
		"host samerole +tenants 10.0.0.0/8 scram-sha-256: host: the connection need not be encrypted; it is for every tenant",
		`hostssl acme acme_app 10.0.0.0/8 scram-sha-256: database "acme" may not be the tenant's own; "acme_app" is a tenant's`,
		"local replication,/x all peer: replication: it streams the data of everybody; the regular expression /x may match others' databases; it is for every user",
		"include x: what it says is not known: it is wrong, or includes a file that was not read",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
