package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/access"
	"landlord/internal/audit"
	"landlord/internal/report"
	"landlord/internal/snapshot"
)

// servers are two towns of the same names, of which the first has ways between
// its tenants, and one server of which nothing is known.
func servers() report.Model {
	var all []report.Model
	var in []audit.Input
	for i, name := range []string{"east", "west"} {
		in = append(in, audit.Input{Name: name, Server: name, Snapshot: town(6-2*i, numbered)})
	}
	missing := []snapshot.Missing{{Name: "north", Reason: "connection refused"}}
	for i, r := range audit.JudgeAll(in, missing).Reports {
		all = append(all, report.Build(access.Prepare(in[i].Snapshot), r, audit.Residents(in[i])))
	}
	return report.Merge(all, missing)
}

func TestMerge(t *testing.T) {
	m := servers()
	if len(m.Tenants) != 10 || m.Tenants[6].Name != "t0000 on west" || m.Tenants[6].Server != 1 || m.Certain == 0 {
		t.Errorf("%d tenants: %+v; %d certain", len(m.Tenants), m.Tenants[6], m.Certain)
	}
	for _, x := range m.Tenants {
		for _, c := range x.Cells {
			if m.Databases[c[0]].Server != x.Server {
				t.Errorf("%s reaches %s, on another server", x.Name, m.Databases[c[0]].Name)
			}
		}
	}
	for _, r := range m.Roles {
		if r.Tenant >= 0 && strings.HasSuffix(r.Name, " on west") != (m.Tenants[r.Tenant].Server == 1) {
			t.Errorf("role %s is %s's", r.Name, m.Tenants[r.Tenant].Name)
		}
	}
	for _, w := range m.Ways {
		if m.Tenants[w.From].Server != 0 || w.To >= 0 && m.Tenants[w.To].Server != 0 || !strings.HasSuffix(w.Login, " on east") {
			t.Errorf("%+v", w)
		}
	}
	for _, f := range m.Findings {
		if !strings.HasPrefix(f.Where, "server east") && !strings.HasPrefix(f.Where, "server west") {
			t.Errorf("%s: %s", f.Key, f.Where)
		}
	}
}

// TestManyWaysOfOneServer leave room for the worst of another.
func TestManyWaysOfOneServer(t *testing.T) {
	east := report.Model{Name: "east", Tenants: []report.Tenant{{Name: "a"}, {Name: "b"}}}
	for range report.MaxWays {
		east.Ways = append(east.Ways, report.Way{From: 0, To: 1, Certain: true})
	}
	west := report.Model{Name: "west", Tenants: []report.Tenant{{Name: "c"}}, Ways: []report.Way{{From: 0, To: -1, Certain: true}}}
	m := report.Merge([]report.Model{east, west}, nil)
	if len(m.Ways) != report.MaxWays || m.Ways[0].From != 2 || m.Ways[0].To != -1 {
		t.Errorf("%d ways, the first %+v", len(m.Ways), m.Ways[0])
	}
}

// TestMergedPageInBrowser: who reaches all of one server reaches nothing of the
// other, and what could not be read stands at the top.
func TestMergedPageInBrowser(t *testing.T) {
	got := ask(t, page(t, servers()), `
say(all('tbody tr').length, one('h1').textContent, one('header .missing').textContent);
say(one('#headline').textContent);
const row = all('tbody tr').find(r => r.textContent.startsWith('t0002 on east'));
say([...row.querySelectorAll('button')].some(b => b.ariaLabel.includes('west') && !b.ariaLabel.includes('does not reach')), row.querySelectorAll('i.certain').length > 4);
`)
	want := []string{"10 3 servers Not judged: server north. connection refused", "2 of 10 tenants get at others’ data now. Nothing is known of 1 server.", "false true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
