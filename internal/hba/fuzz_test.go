package hba

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var seeds = []string{
	"", "\n", "\\", "\\\n", "# x", "local all all trust", "local all all trust\r\n", "\x00\n", "local \"a\\\n\"b all trust # c \\\nx\n",
	"host all all 10.0.0.0 255.0.0.0 md5\n", "include x\ninclude_dir y\nlocal @z all trust\n", "local \"/(a|b)[[:alpha:]]{2}$\" +\"g\" peer map=x\n",
	"hostssl a,b c ::/0 cert clientcert=verify-full\n", "# BEGIN landlord\n# END landlord\n", "# BEGIN landlord\n", "host a b 1.2.3.4/x ldap ldapurl=ldap://h/x",
}

func FuzzParse(f *testing.F) {
	for i, s := range seeds {
		f.Add(s, 13+i%6)
	}
	f.Fuzz(func(t *testing.T, text string, major int) {
		file := Parse("f", []byte(text), Options{Major: major})
		if file.String() != text {
			t.Fatalf("text changed: %q became %q", text, file.String())
		}
		checkLines(t, file, text)
		file.Decide(Attempt{User: "a", Database: "b", Addr: ip("10.0.0.1")}, Env{})
		file.Before("g", nil)
	})
}

// checkLines: every line is a rule, an include, a mistake, or really blank or
// a comment, and each has the number of the physical line on which it begins.
func checkLines(t *testing.T, file *File, text string) {
	at := 0
	for _, l := range file.Lines {
		if n := 1 + strings.Count(text[:at], "\n"); l.Number != n {
			t.Fatalf("line %q has number %d, begins on %d", l.Raw, l.Number, n)
		}
		at += len(l.Raw)
		if l.Rule != nil || l.Include != nil || l.Unresolved || len(l.Errors) > 0 {
			continue
		}
		if rest := strings.Trim(l.Raw, " \t\r\n,\\"); rest != "" && rest[0] != '#' {
			t.Fatalf("line %q is lost", l.Raw)
		}
	}
}

func FuzzSplice(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "g")
	}
	f.Fuzz(func(t *testing.T, text, group string) { checkSplice(t, text, group) })
}

// checkSplice: the bytes outside the block stay, a second splice changes
// nothing, Remove gives back what was there, and every old rule is still one.
func checkSplice(t rapid.TB, text, group string) {
	block, err := Render(Block{TenantGroup: group})
	if err != nil {
		t.Skip("a name that cannot be rendered")
	}
	_, had, err := BlockIn(text)
	spliced, changed, spliceErr := Splice(text, block)
	if (err != nil) != (spliceErr != nil) {
		t.Fatalf("BlockIn: %v; Splice: %v", err, spliceErr)
	}
	if err != nil {
		return
	}
	if !strings.Contains(spliced, block) || changed != (spliced != text) {
		t.Fatalf("%q became %q, changed %v", text, spliced, changed)
	}
	if again, changed, err := Splice(spliced, block); err != nil || changed || again != spliced {
		t.Fatalf("%q: a second splice: %v %v", text, changed, err)
	}
	removed, err := Remove(spliced)
	if err != nil {
		t.Fatal(err)
	}
	if !had && removed != text {
		t.Fatalf("%q came back as %q", text, removed)
	}
	before, after := Parse("f", []byte(removed), Options{}), Parse("f", []byte(spliced), Options{})
	if n := len(after.Rules()) - len(before.Rules()); n != len(Parse("f", []byte(block), Options{}).Rules()) {
		t.Fatalf("%q: %d rules more", text, n)
	}
}

// genLine makes lines that are mostly rules, and sometimes nearly.
func genLine() *rapid.Generator[string] {
	name := rapid.SampledFrom([]string{"all", "a", "b", `"all"`, "+g", "samerole", "sameuser", "/^a", "@f", "replication", `"x y"`, "a,b", "a, b"})
	return rapid.Custom(func(t *rapid.T) string {
		kind := rapid.SampledFrom([]string{"local", "host", "hostssl", "hostnossl", "#", "", "include", "hots", "# BEGIN landlord", "# END landlord"}).Draw(t, "type")
		address := rapid.SampledFrom([]string{"", "all", "10.0.0.0/8", "127.0.0.1 255.255.255.255", "::1/128", "samehost", "10/33"}).Draw(t, "address")
		method := rapid.SampledFrom([]string{"trust", "reject", "scram-sha-256", "peer", "cert", "x", "ident map=m", ""}).Draw(t, "method")
		end := rapid.SampledFrom([]string{"\n", "\r\n", " # c\n", "\\\n", " \\\r\n", "\n\n", ""}).Draw(t, "end")
		return strings.Join([]string{kind, name.Draw(t, "database"), name.Draw(t, "user"), address, method}, " ") + end
	})
}

func TestSpliceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(genLine()).Draw(t, "lines")
		checkSplice(t, strings.Join(lines, ""), rapid.SampledFrom([]string{"g", "All", "a b"}).Draw(t, "group"))
	})
}

// What the first rule that matches says does not depend on the rules after it.
func TestFirstMatchDecides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := strings.Join(rapid.SliceOf(genLine()).Draw(t, "head"), "")
		tail := strings.Join(rapid.SliceOf(genLine()).Draw(t, "tail"), "")
		a := Attempt{User: "a", Database: "b", Addr: ip("127.0.0.1"), TLS: rapid.Bool().Draw(t, "tls")}
		if rapid.Bool().Draw(t, "local") {
			a.Addr = ip("")
		}
		short := Parse("f", []byte(head+"\n"), Options{}).Decide(a, testEnv)
		long := Parse("f", []byte(head+"\n"+tail), Options{}).Decide(a, testEnv)
		if short.Rule != nil && (long.Rule == nil || long.Rule.Line != short.Rule.Line) {
			t.Fatalf("%s, then %s", short, long)
		}
		if len(long.Passed) > 0 && slicesContainEmpty(long.Passed) {
			t.Fatalf("a line is passed over without a reason: %+v", long.Passed)
		}
	})
}

func slicesContainEmpty(steps []Step) bool {
	for _, s := range steps {
		if s.Reason == "" {
			return true
		}
	}
	return false
}

// FuzzIdent: no text of a pg_ident.conf breaks the parser, or what asks it; and
// secrets of a pg_hba.conf go without changing what else it says.
func FuzzIdent(f *testing.F) {
	for _, text := range []string{"m a b\n", "m /^(.*)$ \\1\n", `m "/[[:alpha:]()]+(x)" "+g"`, "include x\n", `host a b all ldap "ldapbindpasswd=x ""y" ldaptls=1 # "`, `host a b all radius radiussecrets="a""b",c`} {
		f.Add(text, 18)
		f.Add(text, 14)
	}
	f.Fuzz(func(t *testing.T, text string, major int) {
		o := Options{Major: major}
		for _, l := range ParseIdent("f", []byte(text), o).Lines {
			admits, certain := l.Admits("a", "b", Env{})
			may, known := l.May("b", Env{})
			if admits && certain && known && !may {
				t.Errorf("%s: a is let in as b, and nobody may be b", l.Text)
			}
			if l.System.Regex {
				l.Anchored()
			}
		}
		once := Redact(text)
		if twice := Redact(once); twice != once {
			t.Errorf("redacted twice: %q, %q", once, twice)
		}
		before, after := Parse("f", []byte(text), o), Parse("f", []byte(once), o)
		if len(before.Rules()) != len(after.Rules()) {
			t.Errorf("%q has %d rules, %q %d", text, len(before.Rules()), once, len(after.Rules()))
		}
	})
}
