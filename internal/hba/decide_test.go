package hba

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ip(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func memberOf(groups map[string][]string) func(user, role string) bool {
	return func(user, role string) bool { return slices.Contains(groups[role], user) }
}

var testEnv = Env{
	IsMember:   memberOf(map[string][]string{"acme": {"acme_app"}, "grp": {"acme_app", "bolt_app"}}),
	Interfaces: []netip.Prefix{netip.MustParsePrefix("192.168.1.5/24")},
	Resolve: func(a netip.Addr) (string, error) {
		if a == ip("10.9.9.9") {
			return "", errors.New("timeout")
		}
		return map[netip.Addr]string{ip("10.1.1.1"): "Web.Example.com"}[a], nil
	},
}

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		text    string
		attempt Attempt
		want    Method
		line    int
		major   int
	}{
		{"local all all trust", Attempt{User: "u"}, Trust, 1, 0},
		{"local all all trust", Attempt{User: "u", Addr: ip("127.0.0.1")}, ImplicitReject, 0, 0},
		{"host all all all trust", Attempt{User: "u"}, ImplicitReject, 0, 0},
		{"hostssl all all all md5\nhost all all all reject", Attempt{User: "u", Addr: ip("::1")}, Reject, 2, 0},
		{"hostnossl all all all md5\nhost all all all reject", Attempt{User: "u", Addr: ip("::1"), TLS: true}, Reject, 2, 0},
		{"hostgssenc all all all gss\nhostnogssenc all all all reject", Attempt{User: "u", Addr: ip("::1"), GSS: true}, "gss", 1, 0},
		{"hostgssenc all all all gss\nhostnogssenc all all all reject", Attempt{User: "u", Addr: ip("::1")}, Reject, 2, 0},
		{"host all all 10.0.0.0/8 trust", Attempt{User: "u", Addr: ip("10.255.0.1")}, Trust, 1, 0},
		{"host all all 10.0.0.0/8 trust", Attempt{User: "u", Addr: ip("11.0.0.1")}, ImplicitReject, 0, 0},
		{"host all all 0.0.0.0/0 trust", Attempt{User: "u", Addr: ip("::1")}, ImplicitReject, 0, 0},
		{"host all all ::/0 trust", Attempt{User: "u", Addr: ip("10.0.0.1")}, ImplicitReject, 0, 0},
		{"host all all 10.0.0.1 255.0.0.255 trust", Attempt{User: "u", Addr: ip("10.7.7.1")}, Trust, 1, 0},
		{"host all all samehost trust", Attempt{User: "u", Addr: ip("192.168.1.5")}, Trust, 1, 0},
		{"host all all samehost trust", Attempt{User: "u", Addr: ip("192.168.1.6")}, ImplicitReject, 0, 0},
		{"host all all samenet trust", Attempt{User: "u", Addr: ip("192.168.1.6")}, Trust, 1, 0},
		{"host all all web.example.com trust", Attempt{User: "u", Addr: ip("10.1.1.1")}, Trust, 1, 0},
		{"host all all .EXAMPLE.com trust", Attempt{User: "u", Addr: ip("10.1.1.1")}, Trust, 1, 0},
		{"host all all example.com trust", Attempt{User: "u", Addr: ip("10.1.1.1")}, ImplicitReject, 0, 0},
		{"local sameuser all trust", Attempt{User: "u"}, Trust, 1, 0},
		{"local sameuser all trust", Attempt{User: "u", Database: "d"}, ImplicitReject, 0, 0},
		{"local samerole all trust", Attempt{User: "acme_app", Database: "acme"}, Trust, 1, 0},
		{"local samegroup all trust", Attempt{User: "acme_app", Database: "acme"}, Trust, 1, 0},
		{"local samerole all trust", Attempt{User: "acme_app", Database: "bolt"}, ImplicitReject, 0, 0},
		{"local samerole all trust", Attempt{User: "acme", Database: "acme"}, Trust, 1, 0},
		{`local "samerole" all trust`, Attempt{User: "acme_app", Database: "acme"}, ImplicitReject, 0, 0},
		{`local all "all" trust`, Attempt{User: "u"}, ImplicitReject, 0, 0},
		{`local all "all" trust`, Attempt{User: "all"}, Trust, 1, 0},
		{"local all x,+grp trust", Attempt{User: "bolt_app"}, Trust, 1, 0},
		{`local all "+grp" trust`, Attempt{User: "bolt_app"}, ImplicitReject, 0, 0},
		{"local all all trust", Attempt{User: "u", Replication: true}, ImplicitReject, 0, 0},
		{"local replication all trust", Attempt{User: "u", Replication: true}, Trust, 1, 0},
		{"local x,replication all trust", Attempt{User: "u", Replication: true, Database: "x"}, Trust, 1, 0},
		{`local "replication" all trust`, Attempt{User: "u", Replication: true}, ImplicitReject, 0, 0},
		{"local samerole all trust", Attempt{User: "acme_app", Database: "acme", Replication: true}, ImplicitReject, 0, 0},
		{"local replication all trust", Attempt{User: "u", Database: "replication"}, ImplicitReject, 0, 0},
		{`local "replication" all trust`, Attempt{User: "u", Database: "replication"}, Trust, 1, 0},
		{"local /cme all trust", Attempt{User: "u", Database: "acme_x"}, Trust, 1, 16},
		{"local /cme all trust", Attempt{User: "u", Database: "acme_x"}, ImplicitReject, 0, 15},
		{"local /cme all trust", Attempt{User: "u", Database: "/cme"}, Trust, 1, 15},
		{`local "/^a,c{2}$" all trust`, Attempt{User: "u", Database: "a,cc"}, Trust, 1, 16},
		{`local all /^.$ trust`, Attempt{User: "é"}, ImplicitReject, 0, 16}, // two bytes
	} {
		d := Parse("f", []byte(c.text), Options{Major: c.major}).Decide(c.attempt, testEnv)
		line := 0
		if d.Rule != nil {
			line = d.Rule.Line
		}
		if d.Method != c.want || line != c.line || !d.Certain {
			t.Errorf("%q, %s: %s line %d certain %v (%s); want %s line %d", c.text, c.attempt, d.Method, line, d.Certain, d, c.want, c.line)
		}
	}
}

func TestDecideSaysWhy(t *testing.T) {
	f := Parse("pg_hba.conf", []byte(`local all all peer
hostssl all all all cert
host all all 10.0.0.0/8 trust
host bolt,samerole all all trust
host all +admins all trust
host all all all reject
`), Options{})
	d := f.Decide(Attempt{User: "u", Database: "d", Addr: ip("127.0.0.1")}, testEnv)
	var got []string
	for _, s := range d.Passed {
		got = append(got, s.Reason)
	}
	want := []string{
		"type: local is for the local socket, the connection comes over TCP",
		"type: hostssl needs encryption, the connection has none of that kind",
		"address: 127.0.0.1 is not in 10.0.0.0/8",
		`database: "d" is not "bolt"; database: "u" is not a member of role "d"`,
		`user: "u" is not a member of role "admins"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := "pg_hba.conf:6: host all all all reject"; d.String() != want {
		t.Errorf("got %q, want %q", d, want)
	}
}

func TestDecideUncertain(t *testing.T) {
	tcp := Attempt{User: "u", Database: "d", Addr: ip("10.9.9.9")}
	for _, c := range []struct {
		text, want string
		env        Env
	}{
		{"host all all db.example.com trust", `address: "db.example.com" is a host name, which only the server can look up`, Env{}},
		{"host all all db.example.com trust", `address: looking up 10.9.9.9 for "db.example.com": timeout`, testEnv},
		{"host all all samenet trust", "address: samenet depends on the server's own addresses, which are not known here", Env{}},
		{"host all +g all trust", `user: whether "u" is a member of role "g" is not known here`, Env{}},
		{"host samerole all all trust", `database: whether "u" is a member of role "d" is not known here`, Env{}},
		{`host "/(.)\1" all all trust`, `database: the regular expression /(.)\1 cannot be judged here: it has the escape \1, which Go's regexp package has not, or otherwise`, Env{}},
		{"host /a(?=b) all all trust", "database: the regular expression /a(?=b) cannot be judged here: it looks ahead or behind", Env{}},
		{"include x", "it includes a file that was not read", Env{}},
		{"host all @x all trust", "it includes a file that was not read", Env{}},
	} {
		d := Parse("f", []byte(c.text+"\nhost all all all reject"), Options{}).Decide(tcp, c.env)
		if d.Certain || len(d.Doubts) != 1 || d.Doubts[0].Reason != c.want || d.Method != Reject {
			t.Errorf("%q: %s %+v", c.text, d.Method, d.Doubts)
		}
	}
	// What certainly does not match is no doubt, whatever else is unknown.
	d := Parse("f", []byte("host other +g all trust\nhost all all all reject"), Options{}).Decide(tcp, Env{})
	if !d.Certain {
		t.Errorf("doubts: %+v", d.Doubts)
	}
}

func TestDecideOnBrokenFile(t *testing.T) {
	d := Parse("f", []byte("local all all reject\nlocal all all scram"), Options{}).Decide(Attempt{User: "u"}, Env{})
	want := `f:1: local all all reject; the server does not load this file (f:2:15: invalid authentication method "scram" (did you mean scram-sha-256?)) and keeps the rules it had before`
	if d.Certain || d.String() != want {
		t.Errorf("got %s", d)
	}
}
