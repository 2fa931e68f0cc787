package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/access"
	"landlord/internal/audit"
	"landlord/internal/pgsql"
	"landlord/internal/report"
	"landlord/internal/snapshot"
)

// town is a server of n tenants, each in a database of its own. The second
// can become the owner of the fourth's, the third runs programs as the server's own
// user, and everybody may connect to the fifth's database.
func town(n int, name func(int) string) snapshot.Snapshot {
	s := snapshot.Snapshot{
		Version: 180000, Taken: time.Date(2026, 11, 1, 9, 30, 0, 0, time.UTC),
		Roles:     []snapshot.Role{{Name: "postgres", Superuser: true, Login: true}, {Name: "landlord_tenants"}, {Name: "pg_execute_server_program"}},
		Databases: []snapshot.Database{{Name: "postgres", Owner: "postgres", AllowConn: true}},
	}
	for i := range n {
		t := name(i)
		s.Roles = append(s.Roles, snapshot.Role{Name: t + "_owner", Inherit: true}, snapshot.Role{Name: t, Inherit: true, Login: true})
		s.Memberships = append(s.Memberships, snapshot.Membership{Role: "landlord_tenants", Member: t, Grantor: "postgres"})
		s.Databases = append(s.Databases, snapshot.Database{Name: t, Owner: "postgres", AllowConn: true, ACL: pgsql.ACL{{Grantee: t, Grantor: "postgres", Privs: pgsql.Connect}}})
		s.Contents = append(s.Contents, snapshot.Contents{Database: t,
			Schemas:   []snapshot.Schema{{Name: "app", Owner: t + "_owner", ACL: pgsql.ACL{{Grantee: t, Grantor: t + "_owner", Privs: pgsql.Usage}}}},
			Relations: []snapshot.Relation{{Schema: "app", Name: "orders", Kind: 'r', Owner: t + "_owner", ACL: pgsql.ACL{{Grantee: t, Grantor: t + "_owner", Privs: pgsql.Select}}}},
		})
	}
	if n >= 5 {
		s.Memberships = append(s.Memberships, snapshot.Membership{Role: name(3), Member: name(1), Grantor: "postgres", Inherit: true, Set: true},
			snapshot.Membership{Role: "pg_execute_server_program", Member: name(2), Grantor: "postgres", Inherit: true})
		s.Databases[5].ACL = nil
	}
	return s
}

func model(s snapshot.Snapshot) report.Model {
	in := audit.Input{Name: "main", Snapshot: s, Now: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)}
	return report.Build(access.Prepare(s), audit.Judge(in), audit.Residents(in))
}

func numbered(i int) string { return fmt.Sprintf("t%04d", i) }

func TestBuild(t *testing.T) {
	m := model(town(6, numbered))
	var got []string
	for _, x := range m.Tenants {
		line := x.Name
		if x.All != report.Apart {
			line += fmt.Sprintf(" all=%d", x.All)
		}
		for _, c := range x.Cells {
			line += fmt.Sprintf(" %s=%d", m.Databases[c[0]].Name, c[1])
		}
		got = append(got, line)
	}
	want := []string{"t0000 t0000=2", "t0001 t0001=2 t0003=4", "t0002 all=4 t0002=2", "t0003 t0003=2", "t0004 t0004=2", "t0005 t0005=2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var public []string
	for _, d := range m.Databases {
		if d.Public {
			public = append(public, d.Name)
		}
	}
	if diff := cmp.Diff([]string{"postgres", "t0004"}, public); diff != "" {
		t.Error(diff)
	}
	if len(m.Findings) == 0 {
		t.Error("the audit's findings are not there")
	}
}

// TestBuildOfApart: where the walls hold, no way and no cell but one's own.
func TestBuildOfApart(t *testing.T) {
	m := model(town(4, numbered))
	if m.Certain+m.Possible+len(m.Ways) != 0 {
		t.Errorf("%+v", m.Ways)
	}
	for i, x := range m.Tenants {
		if len(x.Cells) != 1 || x.Cells[0][1] != int(report.Own) {
			t.Errorf("tenant %d: %v", i, x.Cells)
		}
	}
}

// TestBuildOfData: a table that everybody may read belongs to the tenant in
// whose database it is, though its owner bears no tenant's name.
func TestBuildOfData(t *testing.T) {
	s := town(3, numbered)
	s.Databases[1].ACL = nil
	c := &s.Contents[0]
	c.Schemas[0].ACL = append(c.Schemas[0].ACL, pgsql.ACLItem{Grantor: "t0000_owner", Privs: pgsql.Usage})
	c.Relations[0].ACL = append(c.Relations[0].ACL, pgsql.ACLItem{Grantor: "t0000_owner", Privs: pgsql.Select})
	m := model(s)
	if m.Certain != 2 || m.Ways[0].From != 1 || m.Ways[0].To != 0 || m.Ways[1].From != 2 || m.Tenants[1].Cells[0] != [2]int{1, int(report.Certain)} {
		t.Errorf("%+v, %v", m.Ways, m.Tenants[1].Cells)
	}
}

const hostile = `</script><img src=x onerror="document.title='owned'">`

func page(t *testing.T, m report.Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHostileNamesStayText: what a catalog holds is nowhere markup.
func TestHostileNamesStayText(t *testing.T) {
	m := model(town(5, func(i int) string { return fmt.Sprint(hostile, i) }))
	m.Name = hostile
	text := page(t, m)
	if strings.Contains(text, "<img") || strings.Count(text, "</script>") != 2 {
		t.Error("a name stands as markup")
	}
}

// TestPageAsksForNothing: no other file, no network.
func TestPageAsksForNothing(t *testing.T) {
	text := page(t, model(town(5, numbered)))
	for _, bad := range []string{"src=", "<link", "@import", "url(http", "fetch(", "XMLHttpRequest", "innerHTML"} {
		if strings.Contains(text, bad) {
			t.Errorf("it has %s", bad)
		}
	}
}
