package audit

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"landlord/internal/snapshot"
)

// two are a server with PUBLIC's CONNECT on acme's database, and one without.
func two() (open, closed Input) {
	a, b := clean(), clean()
	a.db("acme").ACL = nil
	open, closed = *a, *b
	open.Name, open.Server, closed.Name, closed.Server = "east", "east", "west", "west"
	return open, closed
}

var down = []snapshot.Missing{{Name: "north", Reason: "connection refused"}, {Name: "south", Reason: "suspended", Stopped: true}}

func TestSeveralServers(t *testing.T) {
	open, closed := two()
	o := JudgeAll([]Input{open, closed}, down)
	if o.Bad() == 0 || o.Unreached() != 1 || !o.Several() {
		t.Fatalf("%d bad, %d not reached", o.Bad(), o.Unreached())
	}
	m := Merge(o)
	at := 0
	for _, f := range m.Findings {
		if f.Code == "db-public-connect" {
			at++
			if f.Where() != "server east, database acme" || f.ID() != "east/db-public-connect:database acme" && !strings.HasPrefix(f.ID(), "east/db-public-connect:") {
				t.Errorf("%s, %s", f.Where(), f.ID())
			}
		}
	}
	if at != 1 || m.Name != "4 servers" || len(m.NotJudged) != 2 {
		t.Errorf("%d findings; %+v", at, m)
	}
	for i := 1; i < len(m.Findings); i++ {
		if m.Findings[i].Severity < m.Findings[i-1].Severity {
			t.Errorf("%s stands after what is less", m.Findings[i].Code)
		}
	}
	var sarif, html bytes.Buffer
	if err := SARIF(&sarif, o); err != nil {
		t.Fatal(err)
	}
	if err := HTML(&html, m); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"executionSuccessful": false`, "Server north was not judged: connection refused", "server east, database acme"} {
		if !strings.Contains(sarif.String(), want) {
			t.Errorf("SARIF has no %s", want)
		}
	}
	for _, want := range []string{`class="unjudged">Not judged: server north. connection refused`, "server east, database acme"} {
		if !strings.Contains(html.String(), want) {
			t.Errorf("HTML has no %s", want)
		}
	}
	// One server's result is as it was: no server in it.
	one := JudgeAll([]Input{open}, nil)
	if one.Several() || Merge(one).Findings[0].Server != "" {
		t.Errorf("%+v", Merge(one).Findings[0])
	}
}

// TestWaiversOfSeveral: a waiver is idle only where it fits nothing anywhere, and
// all were looked at.
func TestWaiversOfSeveral(t *testing.T) {
	open, closed := two()
	until := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	waive := func(list []Input, missing []snapshot.Missing, patterns ...string) (lapsed int, waived int) {
		for i := range list {
			list[i].Policy.Waivers = nil
			for _, p := range patterns {
				list[i].Policy.Waivers = append(list[i].Policy.Waivers, Waiver{p, "known", until})
			}
		}
		o := Merge(JudgeAll(list, missing))
		return len(o.Lapsed), len(o.Waived)
	}
	if l, w := waive([]Input{open, closed}, nil, "db-public-connect:*"); l != 0 || w != 1 {
		t.Errorf("%d lapsed, %d waived", l, w)
	}
	if l, w := waive([]Input{open, closed}, nil, "east/db-public-connect:*"); l != 0 || w != 1 {
		t.Errorf("by the server's name: %d lapsed, %d waived", l, w)
	}
	if l, w := waive([]Input{open, closed}, nil, "west/db-public-connect:*"); l != 1 || w != 0 {
		t.Errorf("by another's name: %d lapsed, %d waived", l, w)
	}
	if l, _ := waive([]Input{open, closed}, down, "nothing:*"); l != 0 {
		t.Error("it may fit a server that was not judged")
	}
	open.Policy.Others = true
	if l, _ := waive([]Input{open}, nil, "nothing:*"); l != 0 {
		t.Error("it may be for another server")
	}
}

func TestSinceOfSeveral(t *testing.T) {
	open, closed := two()
	earlier := JudgeAll([]Input{closed, open}, nil)
	opened := *clean()
	opened.Name, opened.Server = "west", "west"
	opened.Snapshot.Databases = open.Snapshot.Databases
	shut := closed
	shut.Name, shut.Server = "east", "east"
	o := JudgeAll([]Input{shut, opened}, nil)
	o.Since(earlier)
	m := Merge(o)
	if len(m.Gone) != 1 || m.Gone[0].Where() != "server east, database acme" {
		t.Errorf("gone: %+v", m.Gone)
	}
	fresh := 0
	for _, f := range m.Findings {
		if f.New {
			fresh++
			if f.Server != "west" {
				t.Errorf("%s is not new", f.ID())
			}
		}
	}
	if fresh != 1 {
		t.Errorf("%d are new", fresh)
	}
	// What was not judged now is not gone.
	o = JudgeAll([]Input{opened}, down)
	o.Since(earlier)
	if m = Merge(o); len(m.Gone) != 0 {
		t.Errorf("gone: %+v", m.Gone)
	}
	// Where nothing was judged before, all is new.
	for _, x := range []Output{JudgeAll(nil, down[:1]), JudgeAll(nil, down)} {
		o = JudgeAll([]Input{opened}, nil)
		o.Since(x)
		if n := len(o.Reports[0].Findings); n == 0 || slices.ContainsFunc(o.Reports[0].Findings, func(f Finding) bool { return !f.New }) {
			t.Errorf("%d findings, and not all are new", n)
		}
	}
}
