package paste

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/snapshot"
)

// TestSeed reads the question that landlord began with, prose and all.
func TestSeed(t *testing.T) {
	text, err := os.ReadFile("../docgen/question.txt")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse("seed.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	var roles, databases []string
	for _, x := range r.Snapshot.Roles {
		roles = append(roles, x.Name)
	}
	for _, x := range r.Snapshot.Databases {
		databases = append(databases, x.Name+" of "+x.Owner)
	}
	got := []any{r.Snapshot.Version.String(), r.MinorKnown, r.VersionLine, roles, databases, len(r.Snapshot.Memberships), r.Lines[snapshot.Object{Kind: "database", Name: "user2"}], strings.Fields(r.HBA)[:5]}
	want := []any{"9.2.0", false, 3, []string{"admin", "postgres", "user1", "user2"},
		[]string{"admin of postgres", "postgres of postgres", "template0 of postgres", "template1 of postgres", "user1 of admin", "user2 of admin"}, 2, 33,
		[]string{"local", "all", "all", "md5", "host"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLayouts has the layouts of \l by the psql that prints them, and what web
// pages make of them.
func TestLayouts(t *testing.T) {
	for name, text := range map[string]string{
		"9.2":      "   Name  |  Owner   | Encoding | Collate | Ctype | Access privileges \n---------+----------+----------+---------+-------+-------------------\n acme    | postgres | UTF8     | C       | C     | =Tc/postgres     +\n         |          |          |         |       | postgres=CTc/postgres\n(1 row)\n",
		"15":       " Name | Owner | Encoding | Collate | Ctype | ICU Locale | Locale Provider | Access privileges \n acme | postgres | UTF8 | C | C | | libc | =Tc/postgres +\n | | | | | | | postgres=CTc/postgres\n",
		"16":       " Name | Owner | Encoding | Locale Provider | Collate | Ctype | ICU Locale | ICU Rules | Access privileges \n acme | postgres | UTF8 | libc | C | C | | | =Tc/postgres +\n | | | | | | | | postgres=CTc/postgres\n(1 row)\n",
		"18":       "acme=# \\l\n Name | Owner | Encoding | Locale Provider | Collate | Ctype | Locale | ICU Rules | Access privileges \n acme | postgres | UTF8 | libc | C | C | | | =Tc/postgres +\n | | | | | | | | postgres=CTc/postgres\n",
		"unicode":  "│ Name │ Owner │ Encoding │ Collate │ Ctype │ Access privileges │\n├──────┼───────┤\n│ acme │ postgres │ UTF8 │ C │ C │ =Tc/postgres ↵│\n│ │ │ │ │ │ postgres=CTc/postgres │\n",
		"wrapped":  " Name | Owner | Encoding | Collate | Ctype | Access\n privileges\n acme | postgres | UTF8 | C |\n C | =Tc/postgres\n +\n | | | | | postgres=CTc/postgres\n",
		"one line": " Name | Owner | Encoding | Collate | Ctype | Access privileges\n acme | postgres | UTF8 | C | C | =Tc/postgres + postgres=CTc/postgres\n",
	} {
		r, err := Parse("p", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(r.Snapshot.Databases) != 1 || len(r.Snapshot.Databases[0].ACL) != 2 || r.Snapshot.Databases[0].Owner != "postgres" {
			t.Errorf("%s: %+v", name, r.Snapshot.Databases)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "p:1: this is no output of psql",
		"hello\nworld\n":                         "p:1: this is no output of psql",
		" a | b | c\n d | e | f\n":               "p:1: rows of a table whose head is missing",
		" Role name | Attributes | Member of \n": "half a table",
		" Role name | Attributes | Member of \n a | | {}\n(2 rows)\n":             "half a table: psql counted 2 rows, and here are 1",
		" Name | Owner | Encoding | Access privileges\n a | b | UTF8 | =Tc/b +\n": "goes on in a line that is missing",
		" Name | Owner | Encoding | Access privileges\n a | b | UTF8 | rubbish\n": "this is no access privilege",
		" Role name | Attributes\n a | b | c | d\n":                               "this line has 4 columns",
	} {
		if _, err := Parse("p", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestGrantsAndInside(t *testing.T) {
	r, err := Parse("p", []byte(`acme=# \drg
 Role name | Member of |   Options    | Grantor
-----------+-----------+--------------+----------
 app       | owner     | INHERIT, SET | postgres
(1 row)

acme=# \dn+
 Name | Owner | Access privileges | Description
 public | owner | owner=UC/owner +| it +
 | | =UC/owner | is
acme=# \dp
 Schema | Name | Type | Access privileges | Column privileges | Policies
 public | t | table | owner=arwdDxt/owner +| a: +| p (r): +
 | | | app=r/owner | app=w/owner | (u): (a | b) +
 | | | | | to: app
acme=# \ddp
 Owner | Schema | Type | Access privileges
 owner | | function | owner=X/owner
(1 row)
`))
	if err != nil {
		t.Fatal(err)
	}
	c := r.Snapshot.Contents[0]
	if c.Database != "acme" || len(c.Schemas) != 1 || len(c.Relations) != 1 || c.Relations[0].Owner != "owner" || len(c.Relations[0].ACL) != 2 || len(c.Columns) != 1 || len(c.DefaultACLs) != 1 {
		t.Errorf("%+v", c)
	}
	if len(c.Policies) != 1 || c.Policies[0].Using != "(a | b)" || c.Policies[0].Command != "SELECT" {
		t.Errorf("%+v", c.Policies)
	}
	if m := r.Snapshot.Memberships; len(m) != 1 || !m[0].Inherit || m[0].Admin || m[0].Grantor != "postgres" {
		t.Errorf("%+v", m)
	}
	if r.Snapshot.KnowsIn("acme", snapshot.PartRLS) || !r.Snapshot.KnowsIn("acme", snapshot.PartSchemas) || r.Snapshot.KnowsIn("bolt", snapshot.PartSchemas) {
		t.Error("what is known is not what the text tells")
	}
}

func FuzzParse(f *testing.F) {
	seed, _ := os.ReadFile("../docgen/question.txt")
	f.Add(string(seed))
	f.Add(" Name | Owner | Encoding | Access privileges\n a | b | UTF8 | \"x y\"=Tc/b +\n | | | =c/b\n(1 row)\n")
	f.Add("version\n---\n PostgreSQL 15.4 on x86_64, compiled by gcc\n(1 row)\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse("f", []byte(text))
		if err == nil && len(r.Tables) == 0 && r.HBA == "" {
			t.Fatal("nothing read, and no error")
		}
	})
}
