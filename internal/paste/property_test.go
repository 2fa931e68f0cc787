package paste

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	gocmp "github.com/google/go-cmp/cmp"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// TestPrintedAndRead prints a random state as some psql does, spoils it as
// mails and web pages do, and reads it: what is told is what was there.
func TestPrintedAndRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := state(t)
		major := rapid.SampledFrom([]int{9, 15, 16, 17, 18}).Draw(t, "psql")
		how := style{rapid.IntRange(0, 2).Draw(t, "border"), rapid.Bool().Draw(t, "unicode"), rapid.Bool().Draw(t, "expanded")}
		var b strings.Builder
		for _, p := range tables(s, major) {
			b.WriteString("acme=# " + p.command + "\n" + how.print(p))
		}
		text := spoil(t, how, b.String())
		r, err := Parse("p", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, n := range r.Notes {
			t.Fatalf("%s\n%s", n, text)
		}
		knows := func(db string, p snapshot.Part) bool { return r.Snapshot.KnowsIn(db, p) }
		if diff := gocmp.Diff(Told(s, knows), Told(r.Snapshot, knows)); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
	})
}

// spoil does what happens to a text on its way.
func spoil(t *rapid.T, how style, text string) string {
	lines := strings.Split(text, "\n")
	indent := strings.Repeat(" ", rapid.SampledFrom([]int{0, 0, 4, 5}).Draw(t, "indent"))
	quoted := rapid.Bool().Draw(t, "quoted")
	noTrail, noLead, noRulers, noBlank := rapid.Bool().Draw(t, "noTrail"), rapid.Bool().Draw(t, "noLead"), rapid.Bool().Draw(t, "noRulers"), rapid.Bool().Draw(t, "noBlank")
	var out []string
	for _, l := range lines {
		drawn := strings.Trim(l, "-+|─┼ ") == "" && l != "" && strings.ContainsAny(l, "-─")
		switch {
		case drawn && noRulers && how.border > 0, l == "" && noBlank && how.border > 0 && !how.expanded:
			continue
		case noLead && how.border > 0:
			l = strings.TrimLeft(l, " ")
		}
		l = indent + l
		if noTrail {
			l = strings.TrimRight(l, " ")
		}
		if quoted {
			l = "> " + l
		}
		out = append(out, l)
	}
	return strings.Join(out, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
}

// state is a random one, of names that are hard to read.
func state(t *rapid.T) snapshot.Snapshot {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"acme", "acme_app", "Mary Ann", `a, "b"`, "c++", "jürgen", "x.y", "9to5", "user", "role name", "+", "a=b"}), 2, 6, rapid.ID).Draw(t, "names")
	one := func(label string) string { return rapid.SampledFrom(names).Draw(t, label) }
	acl := func(label string, letters pgsql.Privs, owner string) pgsql.ACL {
		if rapid.Bool().Draw(t, label+"none") {
			return nil
		}
		out := pgsql.ACL{{Grantee: owner, Grantor: owner, Privs: letters}}
		for range rapid.IntRange(0, 3).Draw(t, label) {
			out = out.With(pgsql.ACLItem{Grantee: rapid.SampledFrom(append([]string{""}, names...)).Draw(t, "to"), Grantor: owner, Privs: letters})
		}
		return out
	}
	var s snapshot.Snapshot
	for _, n := range names {
		s.Roles = append(s.Roles, snapshot.Role{Name: n, Inherit: true, Login: rapid.Bool().Draw(t, "login"), Superuser: rapid.Bool().Draw(t, "super"),
			CreateDB: rapid.Bool().Draw(t, "createdb"), Replicate: rapid.Bool().Draw(t, "replicate"), ConnLimit: rapid.IntRange(-1, 3).Draw(t, "limit"),
			ValidUntil: rapid.SampledFrom([]string{"", "2030-01-01 00:00:00+00"}).Draw(t, "until"), Comment: rapid.SampledFrom([]string{"", "it | is", "two\nlines"}).Draw(t, "comment")})
	}
	for i, n := range names[1:] {
		if rapid.Bool().Draw(t, "member") {
			s.Memberships = append(s.Memberships, snapshot.Membership{Role: names[i], Member: n, Grantor: names[0], Admin: rapid.Bool().Draw(t, "admin"), Inherit: true, Set: true})
		}
	}
	for _, n := range names {
		owner := one("owner")
		s.Databases = append(s.Databases, snapshot.Database{Name: n, Owner: owner, ACL: acl("db", pgsql.Connect|pgsql.Temporary, owner)})
	}
	c := snapshot.Contents{Database: "acme"}
	for _, n := range names {
		owner := one("owner")
		c.Schemas = append(c.Schemas, snapshot.Schema{Name: n, Owner: owner, ACL: acl("schema", pgsql.Usage|pgsql.Create, owner)})
		c.Relations = append(c.Relations, snapshot.Relation{Schema: n, Name: one("table"), Kind: rapid.SampledFrom([]snapshot.RelKind{'r', 'p', 'v', 'S'}).Draw(t, "kind"), Owner: owner, ACL: acl("table", pgsql.Select|pgsql.Update, owner)})
	}
	if rapid.Bool().Draw(t, "columns") {
		r := c.Relations[0]
		c.Columns = append(c.Columns, snapshot.Column{Schema: r.Schema, Relation: r.Name, Name: "who", ACL: pgsql.ACL{{Grantee: names[1], Grantor: names[0], Privs: pgsql.Select}}})
	}
	s.Contents = []snapshot.Contents{c}
	return s
}

// tables are what the commands of one psql show of a state.
func tables(s snapshot.Snapshot, major int) []printed {
	roles := printed{`\du+`, "List of roles", []string{"Role name", "Attributes", "Member of", "Description"}, nil, false}
	grants := printed{`\drg`, "List of role grants", []string{"Role name", "Member of", "Options", "Grantor"}, nil, true}
	for _, r := range s.Roles {
		row := []string{r.Name, attributesOf(r), membersOf(s, r.Name), r.Comment}
		if major >= 16 {
			row = slices.Delete(row, 2, 3)
		}
		roles.rows = append(roles.rows, row)
	}
	for _, m := range s.Memberships {
		options := "INHERIT, SET"
		if m.Admin {
			options = "ADMIN, " + options
		}
		grants.rows = append(grants.rows, []string{m.Member, m.Role, options, m.Grantor})
	}
	out := []printed{roles}
	if major >= 16 {
		out[0].columns = slices.Delete(out[0].columns, 2, 3)
		out = append(out, grants)
	}
	c := s.Contents[0]
	schemas := printed{`\dn+`, "List of schemas", []string{"Name", "Owner", "Access privileges", "Description"}, nil, true}
	for _, x := range c.Schemas {
		schemas.rows = append(schemas.rows, []string{x.Name, x.Owner, aclText(x.ACL), ""})
	}
	return append(out, databasesOf(s, major), schemas, privilegesOf(c, major))
}

func databasesOf(s snapshot.Snapshot, major int) printed {
	p := printed{`\l`, "List of databases", map[int][]string{
		9: {"Collate", "Ctype"}, 15: {"Collate", "Ctype", "ICU Locale", "Locale Provider"}, 16: {"Locale Provider", "Collate", "Ctype", "ICU Locale", "ICU Rules"},
		17: {"Locale Provider", "Collate", "Ctype", "Locale", "ICU Rules"}, 18: {"Locale Provider", "Collate", "Ctype", "Locale", "ICU Rules"}}[major], nil, true}
	for _, d := range s.Databases {
		row := []string{d.Name, d.Owner, "UTF8"}
		for _, c := range p.columns {
			row = append(row, map[string]string{"Collate": "C", "Ctype": "C", "Locale Provider": "libc"}[c])
		}
		p.rows = append(p.rows, append(row, aclText(d.ACL)))
	}
	p.columns = append(append([]string{"Name", "Owner", "Encoding"}, p.columns...), "Access privileges")
	return p
}

func privilegesOf(c snapshot.Contents, major int) printed {
	p := printed{`\dp`, "Access privileges", []string{"Schema", "Name", "Type", "Access privileges", "Column privileges", "Policies"}, nil, true}
	if major == 9 { // 9.2 to 9.4
		p.columns = []string{"Schema", "Name", "Type", "Access privileges", "Column access privileges"}
	}
	for _, r := range c.Relations {
		var columns []string
		for _, a := range c.Columns {
			if a.Schema == r.Schema && a.Relation == r.Name {
				columns = append(columns, a.Name+":\n  "+strings.ReplaceAll(aclText(a.ACL), "\n", "\n  "))
			}
		}
		kind := map[snapshot.RelKind]string{'r': "table", 'p': "partitioned table", 'v': "view", 'S': "sequence"}[r.Kind]
		row := []string{r.Schema, r.Name, kind, aclText(r.ACL), strings.Join(columns, "\n"), ""}
		p.rows = append(p.rows, row[:len(p.columns)])
	}
	return p
}

func aclText(a pgsql.ACL) string {
	var items []string
	for _, it := range a {
		items = append(items, it.String())
	}
	return strings.Join(items, "\n")
}

// attributesOf is describeRoles of psql's describe.c.
func attributesOf(r snapshot.Role) string {
	var words []string
	for _, w := range []struct {
		has  bool
		word string
	}{{r.Superuser, "Superuser"}, {r.CreateDB, "Create DB"}, {!r.Login, "Cannot login"}, {r.Replicate, "Replication"}} {
		if w.has {
			words = append(words, w.word)
		}
	}
	lines := []string{}
	if len(words) > 0 {
		lines = append(lines, strings.Join(words, ", "))
	}
	switch {
	case r.ConnLimit == 0:
		lines = append(lines, "No connections")
	case r.ConnLimit > 0:
		lines = append(lines, count(r.ConnLimit, "connection"))
	}
	if r.ValidUntil != "" {
		lines = append(lines, "Password valid until "+r.ValidUntil)
	}
	return strings.Join(lines, "\n")
}

func membersOf(s snapshot.Snapshot, name string) string {
	var groups []string
	for _, m := range s.Memberships {
		if m.Member == name {
			group := m.Role
			if strings.ContainsAny(group, ` ,"`) {
				group = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(group) + `"`
			}
			groups = append(groups, group)
		}
	}
	return fmt.Sprintf("{%s}", strings.Join(groups, ","))
}
