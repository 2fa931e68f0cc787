package hba

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// show writes what the server would make of a file, one rule a line, in the
// manner of pg_hba_file_rules.
func show(f *File) string {
	var b strings.Builder
	for _, r := range f.Rules() {
		fmt.Fprintf(&b, "%d %s {%s} {%s} [%s] %s", r.Line, r.Type, words(r.Databases), words(r.Users), r.Address, r.Method)
		for _, o := range r.Options {
			fmt.Fprintf(&b, " %s=%s", o.Name, o.Value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// words lists tokens; quoted ones between single quotes.
func words(tokens []Token) string {
	var list []string
	for _, t := range tokens {
		if t.Quoted {
			list = append(list, "'"+t.Text+"'")
		} else {
			list = append(list, t.Text)
		}
	}
	return strings.Join(list, "|")
}

func TestParseRules(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		major            int
	}{
		{"plain", "local all all peer\nhost a b 10.0.0.0/8 md5\n", "1 local {all} {all} [] peer\n2 host {a} {b} [10.0.0.0/8] md5\n", 17},
		{"no final newline", "local all all trust", "1 local {all} {all} [] trust\n", 0},
		{"comments and blanks", "# x\n\n \t\nlocal all all trust # why\n", "4 local {all} {all} [] trust\n", 0},
		{"comment sticks to a word", "local all all trust#why\n", "1 local {all} {all} [] trust\n", 0},
		{"crlf", "local all all trust\r\nhost all all all reject\r\n", "1 local {all} {all} [] trust\n2 host {all} {all} [all] reject\n", 0},
		{"continued", "local \\\nall \\\r\nall trust\nlocal a b trust\n", "1 local {all} {all} [] trust\n4 local {a} {b} [] trust\n", 14},
		{"continued word", "local al\\\nl all trust\n", "1 local {all} {all} [] trust\n", 14},
		{"continued at the end", "local all all trust\\", "1 local {all} {all} [] trust\n", 14},
		{"two backslashes, two ends", "# a\\\\\n\nlocal all all trust\n", "3 local {all} {all} [] trust\n", 14},
		{"quoted", `local "all" "a""b,c d#",all trust`, `1 local {'all'} {'a"b,c d#'|all} [] trust` + "\n", 0},
		{"quote inside", `local a"b c"d +"my group" trust`, "1 local {ab cd} {+my group} [] trust\n", 0},
		{"quoted plus", `local all "+g" trust`, "1 local {all} {'+g'} [] trust\n", 0},
		{"a blank ends a list", "local a, b ,c trust", "1 local {a|b} {c} [] trust\n", 0},
		{"list with spaces after commas", "local a, b,,c all trust", "1 local {a|b|c} {all} [] trust\n", 0},
		{"netmask", "host all all 10.0.0.0 255.0.0.0 scram-sha-256", "1 host {all} {all} [10.0.0.0/8] scram-sha-256\n", 0},
		{"netmask with holes", "host all all 10.0.0.1 255.0.0.255 scram-sha-256", "1 host {all} {all} [10.0.0.1 255.0.0.255] scram-sha-256\n", 0},
		{"ipv6", "host all all fe80::1/64 scram-sha-256", "1 host {all} {all} [fe80::1/64] scram-sha-256\n", 0},
		{"words for addresses", "host all all samehost reject\nhost all all samenet reject\nhost all all .example.com reject\nhost all all \"all\" reject",
			"1 host {all} {all} [samehost] reject\n2 host {all} {all} [samenet] reject\n3 host {all} {all} [.example.com] reject\n4 host {all} {all} [all] reject\n", 0},
		{"old forms of an address", "host all all 10/8 reject\nhost all all 127.1/32 reject\nhost all all 0x7f.010.1/32 reject",
			"1 host {all} {all} [0.0.0.10/8] reject\n2 host {all} {all} [127.0.0.1/32] reject\n3 host {all} {all} [127.8.0.1/32] reject\n", 0},
		{"ident is peer", "local all all ident map=m", "1 local {all} {all} [] peer map=m\n", 0},
		{"types", "hostssl a b all cert clientcert=verify-full\nhostnossl a b all reject\nhostgssenc a b all gss\nhostnogssenc a b all reject",
			"1 hostssl {a} {b} [all] cert clientcert=verify-full\n2 hostnossl {a} {b} [all] reject\n3 hostgssenc {a} {b} [all] gss\n4 hostnogssenc {a} {b} [all] reject\n", 0},
		{"invalid UTF-8", "local \xff\xfe all trust", "1 local {\xff\xfe} {all} [] trust\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Parse("pg_hba.conf", []byte(c.text), Options{Major: c.major})
			if diff := cmp.Diff(c.want, show(f)); diff != "" {
				t.Errorf("rules (-want +got):\n%s\nerrors: %v", diff, f.Errors)
			}
			if f.String() != c.text {
				t.Errorf("text changed: %q", f.String())
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		text, want string
		major      int
	}{
		{"local all all scram", `1:15: invalid authentication method "scram" (did you mean scram-sha-256?)`, 0},
		{"local all all scram-sha-25", `1:15: invalid authentication method "scram-sha-25" (did you mean scram-sha-256?)`, 0},
		{"hosts all all all trust", `1:1: invalid connection type "hosts" (did you mean host?)`, 0},
		{"hosts all all all trusty", `1:1: invalid connection type "hosts" (did you mean host?)` + "\n" + `1:19: invalid authentication method "trusty" (did you mean trust?)`, 0},
		{"host all all trust", `1:14: end-of-line before authentication method ("trust" stands where the address belongs)`, 0},
		{"host all all 10.0.0.1 trust", `1:23: invalid IP mask "trust": Name or service not known (did you mean 10.0.0.1/32?)`, 0},
		{"host all all 10.0.0.1", `1:14: end-of-line before netmask specification (Specify an address range in CIDR notation, or provide a separate netmask.)`, 0},
		{"host all all 10.0.0.1/33 trust", `1:14: invalid CIDR mask in address "10.0.0.1/33" (write the number of leading bits, 0 to 32)`, 0},
		{"host all all db.example.com/32 trust", `1:14: specifying both host name and CIDR mask is invalid: "db.example.com/32"`, 0},
		{"host all all 10.0.0.0 ffff:: trust", `1:23: IP address and mask do not match`, 0},
		{"host all all all peer", `1:18: peer authentication is only supported on local sockets (over TCP the server cannot ask the kernel who the client is; use scram-sha-256)`, 0},
		{"host all all all cert", `1:18: cert authentication is only supported on hostssl connections (write hostssl in the first column)`, 0},
		{"local all all gss", `1:15: gssapi authentication is not supported on local sockets`, 0},
		{"local all all 127.0.0.1/32 trust", `1:15: invalid authentication method "127.0.0.1/32"`, 0},
		{"local all all peer,trust", `1:20: multiple values specified for authentication type (Specify exactly one authentication type per line.)`, 0},
		{"local", `1:1: end-of-line before database specification (a local line is: local DATABASE USER METHOD)`, 0},
		{"local all all trust map=x", `1:21: authentication option "map" is only valid for authentication methods ident, peer, gssapi, sspi, cert, and oauth`, 0},
		{"local all all peer mapp=x", `1:20: unrecognized authentication option name: "mapp" (did you mean map?)`, 0},
		{"local all all peer x", `1:20: authentication option not in name=value format: x`, 0},
		{"hostssl all all all cert clientcert=verify-ca", `1:26: clientcert can only be set to "verify-full" when using "cert" authentication`, 0},
		{"hostssl all all all trust clientcert=1", `1:27: invalid value for clientcert: "1" (it is verify-full or verify-ca)`, 0},
		{"host all all all oauth scope=a issuer=b", `1:18: invalid authentication method "oauth" (PostgreSQL knows oauth from 18 on)`, 17},
		{"host all all all oauth scope=a", `1:24: authentication method "oauth" requires argument "issuer" to be set`, 18},
		{"include x", `1:1: invalid connection type "include" (PostgreSQL knows include directives from 16 on)`, 15},
		{`local /a( all trust`, `1:7: invalid regular expression "a(": parentheses () not balanced`, 16},
		{"local all\\\n all trusst\nlocal all all x", "2:6: invalid authentication method \"trusst\" (did you mean trust?)\n3:15: invalid authentication method \"x\"", 14},
		{"local all all trust\x00\nlocal all all reject", `1:20: the line holds a NUL byte (the server loses what follows it, and reads the next line as part of this one; remove the byte)`, 0},
		{"# nothing\n", `1:1: configuration file "f" contains no entries (the server refuses a file without any rule)`, 0},
		{"", `1:1: configuration file "f" contains no entries (the server refuses a file without any rule)`, 0},
		{"\ufefflocal all all trust", "1:1: invalid connection type \"\ufefflocal\" (the file begins with a byte-order mark; save it as UTF-8 without one)", 0},
		{"// no\nlocal all all trust", `1:1: invalid connection type "//" (a comment begins with #)`, 0},
	} {
		f := Parse("f", []byte(c.text), Options{Major: c.major})
		var got []string
		for _, e := range f.Errors {
			got = append(got, strings.TrimPrefix(e.Error(), "f:"))
		}
		if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}

// A line that PostgreSQL 13 does not continue is a rule there.
func TestContinuationIsNewIn14(t *testing.T) {
	text := "# old \\\nlocal all all trust\n"
	if n := len(Parse("f", []byte(text), Options{Major: 13}).Rules()); n != 1 {
		t.Errorf("13: %d rules, want 1", n)
	}
	if n := len(Parse("f", []byte(text), Options{Major: 14}).Rules()); n != 0 {
		t.Errorf("14: %d rules, want 0", n)
	}
}

func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"local ALL all trust":                        `matches only a database named "ALL"`,
		"local all samerole trust":                   `matches only a role named "samerole"`,
		"local +g all trust":                         `matches only a database named "+g": + means members of a role only in the user column`,
		"host all all 10/8 trust":                    `the server reads "10" as 0.0.0.10|the address has bits beyond its mask: it means the whole of 0.0.0.0/8`,
		"host all all 10.0.0.1 255.0.0.255 trust":    "the netmask 255.0.0.255 has holes",
		"host all all 10.0.0.256 trust":              `"10.0.0.256" is no address, so the server takes it for a host name`,
		"local all all md5":                          "md5 is deprecated since PostgreSQL 18",
		"local all \"all trust\nlocal all all trust": "quote is never closed",
	} {
		var got []string
		for _, e := range Parse("f", []byte(text), Options{}).Warnings {
			got = append(got, e.Message)
		}
		if diff := cmp.Diff(want, strings.Join(got, "|")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// files is a set of files in memory.
type files map[string]string

func (m files) options(major int) Options {
	return Options{
		Major: major,
		Read: func(p string) ([]byte, error) {
			text, ok := m[p]
			if !ok {
				return nil, fs.ErrNotExist
			}
			return []byte(text), nil
		},
		ReadDir: func(p string) (names []string, err error) {
			for name := range m {
				if rest, ok := strings.CutPrefix(name, p+"/"); ok && !strings.Contains(rest, "/") {
					names = append(names, rest)
				}
			}
			return names, nil
		},
	}
}

func TestIncludes(t *testing.T) {
	m := files{
		"/etc/pg/users":       "ann, bob\n# nobody else\n\"all\"\n@more\n",
		"/etc/pg/more":        "cat",
		"/etc/pg/d/b.conf":    "local b all trust",
		"/etc/pg/d/a.conf":    "local a all trust\ninclude ../deep.conf",
		"/etc/pg/d/.x.conf":   "local x all trust",
		"/etc/pg/d/y.conf~":   "local y all trust",
		"/etc/pg/deep.conf":   "local deep all trust",
		"/etc/pg/empty":       "# nothing\n",
		"/etc/pg/self.conf":   "include self.conf",
		"/etc/pg/broken.conf": "local all all trusst",
	}
	for _, c := range []struct{ text, want, errors string }{
		{"local all @users trust", "1 local {all} {ann|bob|'all'|cat} [] trust\n", ""},
		{"local all z,@users trust", "1 local {all} {z|ann|bob|'all'|cat} [] trust\n", ""},
		{"local all \"@users\" trust", "1 local {all} {'@users'} [] trust\n", ""},
		{"local @empty all all trust", "1 local {all} {all} [] trust\n", ""},
		{"local all @gone trust", "", `/etc/pg/pg_hba.conf:1:11: could not open file "/etc/pg/gone": file does not exist`},
		{"local 1 all trust\ninclude_dir d\nlocal 2 all trust", "1 local {1} {all} [] trust\n1 local {a} {all} [] trust\n1 local {deep} {all} [] trust\n1 local {b} {all} [] trust\n3 local {2} {all} [] trust\n", ""},
		{"include_if_exists gone\nlocal all all trust", "2 local {all} {all} [] trust\n", ""},
		{"include gone\nlocal all all trust", "2 local {all} {all} [] trust\n", `/etc/pg/pg_hba.conf:1:9: could not open file "/etc/pg/gone": file does not exist`},
		{"include self.conf", "", `/etc/pg/self.conf:1:9: could not open file "/etc/pg/self.conf": maximum nesting depth exceeded`},
		{"include broken.conf", "", `/etc/pg/broken.conf:1:15: invalid authentication method "trusst" (did you mean trust?)`},
	} {
		f := Parse("/etc/pg/pg_hba.conf", []byte(c.text), m.options(16))
		var errs []string
		for _, e := range f.Errors {
			errs = append(errs, e.Error())
		}
		if diff := cmp.Diff(c.want+c.errors, show(f)+strings.Join(errs, "\n")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}

// Files that include each other many times must not keep us busy for ever.
func TestIncludeBomb(t *testing.T) {
	m := files{"/b": strings.Repeat("include b\n", 10)}
	if f := Parse("/a", []byte("include b"), m.options(18)); len(f.Errors) == 0 {
		t.Error("no error")
	}
}

func TestManyLines(t *testing.T) {
	text := strings.Repeat("host all all 10.0.0.0/8 scram-sha-256 # x\n", 100_000)
	if n := len(Parse("f", []byte(text), Options{}).Rules()); n != 100_000 {
		t.Errorf("%d rules", n)
	}
	text = "local all all trust" + strings.Repeat("\\\n", 100_000)
	if n := len(Parse("f", []byte(text), Options{}).Rules()); n != 1 {
		t.Errorf("%d rules", n)
	}
}
