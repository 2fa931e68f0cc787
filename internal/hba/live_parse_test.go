package hba_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/hba"
	"landlord/internal/pgtest"
)

// ruleRow is a row of pg_hba_file_rules.
type ruleRow struct {
	File      string
	Line      int
	Type      string
	Databases []string
	Users     []string
	Address   string
	Netmask   string
	Method    string
	Options   []string
	Error     string
}

// TestParseAgreesWithServers compares what the server reads in random files,
// most of them with mistakes, with what Parse reads.
func TestParseAgreesWithServers(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		writeFile(t, filepath.Join(s.DataDir(), "some"), "acme, \"all\"\n+grp # members\n")
		writeFile(t, filepath.Join(s.DataDir(), "none"), "# nothing\n")
		writeFile(t, filepath.Join(s.DataDir(), "more.conf"), "local bolt all trust\nhost shared acme all scram\n@some\n")
		furnishDir(t, filepath.Join(s.DataDir(), "conf.d"))
		conn := s.Connect(t, "", "")
		r := seed(t)
		rules, mistakes := 0, 0
		for range 100 {
			text := randomFile(r, s.Major())
			if err := s.WriteHBA(text); err != nil {
				t.Fatal(err)
			}
			want, skip := serverRows(t, conn, s.Major())
			got := parsedRows(hba.Parse(s.HBAFile(), []byte(text), hba.Options{Major: s.Major(), Read: os.ReadFile, ReadDir: listDir}), s.Major())
			for i, row := range got { // why not is more than the server says
				if text, _, ok := strings.Cut(row.Error, `": `); ok && strings.HasPrefix(text, "could not open directory ") {
					got[i].Error = text + `"`
				}
			}
			if skip {
				continue
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-server +Parse):\n%s\n%q", diff, text)
			}
			for _, row := range want {
				if row.Type == "" {
					mistakes++
				} else {
					rules++
				}
			}
		}
		t.Logf("%d rules, %d mistakes", rules, mistakes)
	}, pgtest.WithTLS())
}

// furnishDir makes a directory to include: files that count, one that
// includes another, and some that do not count.
func furnishDir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"10.conf": "local a b trust\n\nhost a b 10.0.0.0/8 nonsense\n", "B.conf": "include_if_exists gone\nlocal b b peer \\\nmap=x\n", "a.conf": "include ../more.conf\n",
		".hidden.conf": "local hidden all trust\n", "old.conf~": "local old all trust\n", ".conf": "local none all trust\n",
	} {
		writeFile(t, filepath.Join(dir, name), text)
	}
}

func listDir(path string) ([]string, error) {
	list, err := os.ReadDir(path)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names, err
}

func randomFile(r *rand.Rand, major int) string {
	var b strings.Builder
	for range 1 + r.IntN(12) {
		b.WriteString(randomLine(r, major))
	}
	if r.IntN(4) == 0 { // the last line has no end
		return strings.TrimRight(b.String(), "\r\n")
	}
	return b.String()
}

func randomLine(r *rand.Rand, major int) string {
	names := []string{"all", `"all"`, "a,b", "a, b", "a ,b", `"a b",c`, `x"y z"`, `"a""b"`, `""`, `"`, "+g", "@some", "@none", `"@some"`, "@gone", "samerole", "Ä", "/a", `"/a,b$"`, "#", `"#"`, "/(", `a\`, `a\b`, ","}
	addresses := []string{"", "all", `"all"`, "ALL", "samehost", "samenet", "10.0.0.0/8", "10.1.2.3/8", "10/8", "127.1/32", "0x7f.1/8", "010.0.0.1/32",
		"10.0.0.0 255.0.0.0", "10.0.0.0 255.0.255.0", "::/0", "::1/128", "::ffff:10.0.0.1/128", "fe80:: ffc0::",
		"1.2.3.4.5", "256.1.1.1/8", "09.1.1.1", "10.0.0.0", "10.0.0.0 ffff::", "10.0.0.0 x", "::1/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/+8", "10.0.0.0/33", "10.0.0.0/8/8",
		"db.example.com", ".example.com", "db.example.com/8", "a,b", `""`, `"/8"`}
	types := []string{"local", "local", "host", "host", "hostssl", "hostssl", "hostnossl", "hostnogssenc", "hots", "local,host", `"local"`, "LOCAL", "include", "#local", "host#"}
	methods := []string{"trust", "reject", "scram-sha-256", "md5", "password", "peer", "ident", "cert", "scram", "sspi", "trust,reject", `"trust"`, "radius", "oauth"}
	options := []string{"", "", "", "", "map=m", `"map=a b"`, "map", "map=", "clientcert=verify-ca", "clientcert=verify-full", "clientcert=1", "clientname=CN", "clientname=x", "clientname=DN,map=x", "mapp=x", "krb_realm=x", "ldapserver=x", "a=b c=d"}
	likely := func(list []string, n int) string { // mostly one of the first
		if r.IntN(6) > 0 {
			list = list[:n]
		}
		return pick(r, list)
	}
	kind, address := likely(types, 8), ""
	if strings.HasPrefix(kind, "host") || r.IntN(30) == 0 {
		address = likely(addresses[1:], 17)
	}
	words := []string{kind, likely(names, 9), likely(names, 9), address, likely(methods, 5), likely(options, 4)}
	if r.IntN(20) == 0 {
		words = words[:1+r.IntN(5)]
	}
	if major >= 16 && r.IntN(20) == 0 {
		words = []string{pick(r, []string{"include", "include_if_exists", `"include"`}), pick(r, []string{"more.conf", "gone.conf", "none"})}
		if r.IntN(2) == 0 {
			words = []string{"include_dir", pick(r, []string{"conf.d", "conf.d", `"conf.d"`, "conf.d/", "gone.d", "none"})}
		}
	}
	space := pick(r, []string{" ", " ", "\t", "  ", " \\\n", "\\\n ", " \r "})
	end := pick(r, []string{"\n", "\n", "\n", "\r\n", " # comment\n", "#\\\n", "\\\\\n", "\n\n", " \\\n\n"})
	return strings.Join(words, space) + end
}

// serverRows reads the view. It says skip when what the server finds wrong is
// a matter of how it was built.
func serverRows(t *testing.T, conn *pgx.Conn, major int) (list []ruleRow, skip bool) {
	t.Helper()
	file := "''"
	if major >= 16 {
		file = "file_name"
	}
	rows, err := conn.Query(t.Context(), `SELECT coalesce(`+file+`, ''), line_number, coalesce(type, ''), database, user_name,
		coalesce(address, ''), coalesce(netmask, ''), coalesce(auth_method, ''), options, coalesce(error, '') FROM pg_catalog.pg_hba_file_rules`)
	if err != nil {
		t.Fatal(err)
	}
	list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ruleRow])
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		skip = skip || strings.Contains(list[i].Error, "not supported by this build") && !strings.Contains(list[i].Error, "sspi")
		list[i].Error = strings.ReplaceAll(list[i].Error, "\r", `\x0d`)
		list[i].File = filepath.Base("/" + list[i].File)
		list[i].Options = slices.DeleteFunc(list[i].Options, func(o string) bool {
			return !strings.HasPrefix(o, "map=") && !strings.HasPrefix(o, "clientcert=")
		})
	}
	return list, skip
}

// parsedRows shows a parsed file as the view would.
func parsedRows(f *hba.File, major int) []ruleRow {
	var list []ruleRow
	base := func(name string) string {
		if major < 16 {
			return "/"
		}
		return filepath.Base(name)
	}
	for _, l := range f.Lines {
		switch {
		case len(l.Errors) > 0:
			if l.Include != nil {
				list = append(list, includedRows(l, major)...)
			}
			list = append(list, ruleRow{File: base(l.File), Line: l.Number, Error: serverWords(l.Errors[0].Message)})
		case l.Include != nil:
			list = append(list, includedRows(l, major)...)
		case l.Rule != nil:
			list = append(list, row(l.Rule, base(l.File)))
		}
	}
	return list
}

func includedRows(l *hba.Line, major int) (list []ruleRow) {
	for _, sub := range l.Include.Files {
		list = append(list, parsedRows(sub, major)...)
	}
	return list
}

// serverWords is what the view shows for a message: for a few mistakes the
// server shows a row without anything, not even an error.
func serverWords(message string) string {
	for _, silent := range []string{"invalid value for clientcert", "invalid value for clientname"} {
		if strings.HasPrefix(message, silent) {
			return ""
		}
	}
	return strings.Replace(message, "no such file", "No such file", 1)
}

func row(r *hba.Rule, file string) ruleRow {
	row := ruleRow{File: file, Line: r.Line, Type: string(r.Type), Databases: texts(r.Databases), Users: texts(r.Users), Method: string(r.Method)}
	switch a := r.Address; a.Kind {
	case hba.AddressNetwork:
		row.Address, row.Netmask = a.IP.String(), a.Mask.String()
	default:
		row.Address = a.String()
	}
	if m, ok := r.Option("map"); ok {
		row.Options = append(row.Options, "map="+m)
	}
	cert, ok := r.Option("clientcert")
	if r.Method == hba.Cert {
		cert, ok = "verify-full", true
	}
	if ok {
		row.Options = append(row.Options, "clientcert="+cert)
	}
	return row
}

func texts(tokens []hba.Token) (list []string) {
	for _, t := range tokens {
		list = append(list, t.Text)
	}
	return list
}

// TestRegexAgreesWithServers compares random patterns: where Parse takes one
// and Decide is certain, the server must say the same.
func TestRegexAgreesWithServers(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		if s.Major() < 16 {
			t.Skip("names are no regular expressions before 16")
		}
		conn, r := s.Connect(t, "", ""), seed(t)
		certain, refused := 0, 0
		for range 3000 {
			pattern, name := randomPattern(r), randomName(r)
			f := hba.Parse("f", []byte(fmt.Sprintf("local \"/%s\" all trust\n", strings.ReplaceAll(pattern, `"`, `""`))), hba.Options{Major: s.Major()})
			var want bool
			err := conn.QueryRow(t.Context(), `SELECT $1::text COLLATE "C" OPERATOR(pg_catalog.~) $2::text`, name, pattern).Scan(&want)
			var pgErr *pgconn.PgError
			if err != nil && !errors.As(err, &pgErr) {
				t.Fatal(err)
			}
			if len(f.Errors) > 0 {
				refused++
				if err == nil || f.Errors[0].Message != pgErr.Message && !strings.HasSuffix(f.Errors[0].Message, strings.TrimPrefix(pgErr.Message, "invalid regular expression: ")) {
					t.Errorf("pattern %q: Parse says %v, the server says %v", pattern, f.Errors[0], err)
				}
				continue
			}
			d := f.Decide(hba.Attempt{User: "u", Database: name}, hba.Env{})
			if !d.Certain {
				continue
			}
			certain++
			if err != nil || want != d.Admits() {
				t.Errorf("pattern %q, name %q: Decide says %s, the server says %v, %v", pattern, name, d, want, err)
			}
		}
		t.Logf("%d certain, %d refused", certain, refused)
		if certain < 1000 {
			t.Error("too few were certain")
		}
	})
}

func randomPattern(r *rand.Rand) string {
	parts := []string{"a", "b", "c", "1", "_", "-", ".", "a", "b", "c", "^", "$", "*", "+", "?", "|", "(", ")", "(?:", "(a|b)", "(ab)", "[ab]", "[^a]", "[a-c]", "[[:alpha:]]", "[]a]", "[a-]", "[-a]", "[c-a]",
		"{2}", "{1,2}", "{0,}", "{", "}", "]", "[", `\d`, `\w`, `\s`, `\W`, `\.`, `\\`, `\A`, `\Z`, `\y`, `\Y`, `\m`, `\1`, "(?=a)", "*?", "??", " ", ",", "=", "(?i)", "***="}
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(pick(r, parts))
	}
	return b.String()
}

func randomName(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteString(pick(r, []string{"a", "b", "c", "1", "_", "-", " ", "ab", "."}))
	}
	return b.String() + "a"
}
