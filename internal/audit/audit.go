// Package audit judges a server from what was read of it: a snapshot, its
// pg_hba.conf, PgBouncer's files, or the part of these that somebody pasted.
// It is pure: the same input gives the same report, and needs no server.
//
// A rule is a value in an explicit list ([Rules]). What a rule needs and the
// input does not hold makes it "not known", with what to paste or read next:
// an absent fact is never a fine one.
package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Severity says how bad a finding is.
type Severity int

// The severities, the worst first. The zero value means the rule's own.
const (
	_        Severity = iota
	Critical          // anybody who can connect gets everything
	High              // one customer gets at another, or somebody becomes more than they are
	Medium            // a wall is missing, and another one still stands
	Low               // untidy, and a trap for later
	Advice            // worth knowing; nothing is wrong
)

var severities = []string{"", "critical", "high", "medium", "low", "advice"}

// String is the severity's name.
func (s Severity) String() string { return severities[s] }

// MarshalText writes the name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name.
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severities, string(text))
	if i < 1 {
		return fmt.Errorf("no severity is called %q", text)
	}
	*s = Severity(i)
	return nil
}

// Subject is what a rule is about.
type Subject string

// The subjects, in the order of the pages.
const (
	Roles       Subject = "Roles"
	Memberships Subject = "Memberships"
	Databases   Subject = "Databases and schemas"
	Objects     Subject = "Objects"
	Defaults    Subject = "Default privileges"
	RowSecurity Subject = "Row level security"
	HBA         Subject = "pg_hba.conf"
	ServerWide  Subject = "Server"
	Router      Subject = "PgBouncer"
)

// Subjects lists the subjects.
func Subjects() []Subject {
	return []Subject{Roles, Memberships, Databases, Objects, Defaults, RowSecurity, HBA, ServerWide, Router}
}

// Rule is one thing that can be wrong with a server.
type Rule struct {
	Code     string
	Title    string
	Subject  Subject
	Severity Severity // of most of its findings
	// Why says in two sentences, to somebody who is no DBA, why it matters.
	Why string
	// Fix says in words what mends it; a finding has the exact lines.
	Fix string
	// Breaks is what the fix may break.
	Breaks string
	// CIS is the number of the recommendation in the CIS PostgreSQL 17
	// Benchmark (v1.0.0), where there is one.
	CIS string
	// Source is where it is written: the manual's chapter, a CVE.
	Source string
	// Needs are the parts of the snapshot without which the rule is not
	// judged. Those of a database are asked for each.
	Needs []snapshot.Part
	// Partly are parts of databases without which it is judged, and sees less.
	Partly []snapshot.Part
	// NeedsBouncer says that it is about PgBouncer's files.
	NeedsBouncer bool

	check  func(*facts) []Finding
	inside func(*facts, *house) []Finding
}

// Finding is one thing that is wrong.
type Finding struct {
	// Key stays the same from run to run: waivers and --since go by it.
	Key  string `json:"key"`
	Code string `json:"code"`
	// Server is where, in a result about several servers.
	Server   string          `json:"server,omitempty"`
	Severity Severity        `json:"severity"`
	Title    string          `json:"title"`
	Object   snapshot.Object `json:"object"`
	Place    *Place          `json:"place,omitempty"`
	What     string          `json:"what"`
	Why      string          `json:"why"`
	Fix      []Fix           `json:"fix,omitempty"`
	Breaks   string          `json:"breaks,omitempty"`
	CIS      string          `json:"cis,omitempty"`
	New      bool            `json:"new,omitempty"` // not in the earlier result
}

// Place is a line of a file.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// String is the line for people; - is the standard input.
func (p Place) String() string {
	if p.File == "-" {
		return fmt.Sprintf("line %d", p.Line)
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Fix is what mends a finding.
type Fix struct {
	// In says where it is done: "" for SQL in any database, "database NAME"
	// for SQL in that one, or a file's name.
	In   string `json:"in,omitempty"`
	Text string `json:"text"`
}

// SQL says whether the fix is SQL.
func (f Fix) SQL() bool { return f.In == "" || strings.HasPrefix(f.In, "database ") }

// Database is the database in which SQL is to run; empty: any.
func (f Fix) Database() string { return strings.TrimPrefix(f.In, "database ") }

// NotKnown is what could not be judged.
type NotKnown struct {
	What      string   `json:"what"`
	Reason    string   `json:"reason"`
	Databases []string `json:"databases,omitempty"`
	// Ask is what to paste, or to read with more rights, next.
	Ask   string   `json:"ask"`
	Rules []string `json:"rules"`
	// Servers are where, in a report that was merged.
	Servers []string `json:"-"`
}

// Input is what is judged. Everything but the snapshot may be absent.
type Input struct {
	Name     string // of the server, the file or the text, for people
	Server   string // its name in the spec; empty: it has none
	Snapshot snapshot.Snapshot
	HBA      *hba.File
	Ident    *hba.IdentFile
	// Pasted says that the snapshot is what a text told, so that what is not
	// known is to be pasted.
	Pasted bool
	// Lines are the lines of File that told of each object.
	File  string
	Lines map[snapshot.Object]int
	// NoMinor says that the version's last number is not known.
	NoMinor bool
	// Tenants are those of the spec; none: those that the server shows.
	Tenants []tenant.Tenant
	// Operators are logins that may have more than an application.
	Operators []string
	Bouncer   *Bouncer
	Now       time.Time
	Policy    Policy
}

// Policy is what a spec says about the audit.
type Policy struct {
	Waivers []Waiver
	// Others says that the waivers are for other servers too, which are not judged
	// now: one that fits nothing here may fit something there.
	Others bool
	// Expiry says that every login must have VALID UNTIL.
	Expiry bool
}

// Report is the judgement.
type Report struct {
	Name     string        `json:"name"`
	Version  pgsql.Version `json:"version"`
	Findings []Finding     `json:"findings"`
	Waived   []Waived      `json:"waived"`
	// Lapsed are waivers that count no more, or that fit nothing.
	Lapsed   []Lapsed   `json:"lapsed"`
	NotKnown []NotKnown `json:"notKnown"`
	// Good is what is right already and must stay so.
	Good    []string `json:"good,omitempty"`
	Designs []Design `json:"designs,omitempty"`
	// Gone are the findings of the earlier result that are no more.
	Gone []Finding `json:"gone,omitempty"`
	// Judged is how many rules were judged, in full or in part.
	Judged int `json:"judged"`
	// NotJudged are the servers of which nothing is known, in a report that was
	// merged.
	NotJudged []snapshot.Missing `json:"-"`
}

// Bad counts the findings that are more than advice.
func (r Report) Bad() int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity < Advice {
			n++
		}
	}
	return n
}

// Judge judges a server by every rule.
func Judge(in Input) Report {
	f := look(in)
	r := Report{Name: in.Name, Version: in.Snapshot.Version, Findings: []Finding{}, Waived: []Waived{}, Lapsed: []Lapsed{}, NotKnown: []NotKnown{}}
	gaps := gaps{f: f}
	for _, rule := range Rules() {
		found, judged := f.apply(rule, &gaps)
		r.Findings = append(r.Findings, found...)
		if judged {
			r.Judged++
		}
	}
	keys(r.Findings)
	sortFindings(r.Findings)
	r.NotKnown = gaps.list()
	r.Good = good(f, r.Findings)
	r.Designs = designs(f)
	waive(&r, in.Server, in.Policy, in.Now)
	return r
}

// apply runs one rule where it can be judged.
func (f *facts) apply(rule Rule, g *gaps) (found []Finding, judged bool) {
	var server, database []snapshot.Part
	for _, p := range rule.Needs {
		if slices.Contains(snapshot.DatabaseParts(), p) {
			database = append(database, p)
		} else {
			server = append(server, p)
		}
	}
	if rule.NeedsBouncer && f.Bouncer == nil || !g.server(rule, server) {
		return nil, false
	}
	if rule.check != nil {
		found, judged = rule.check(f), true
		for _, h := range f.houses {
			g.database(rule, h.name, rule.Partly)
		}
	}
	if rule.inside != nil {
		for _, h := range f.houses {
			if g.database(rule, h.name, database) {
				found, judged = append(found, rule.inside(f, h)...), true
			}
		}
	}
	for i := range found {
		f.complete(rule, &found[i])
	}
	return found, judged
}

// complete puts what all findings of a rule have in common into one.
func (f *facts) complete(rule Rule, x *Finding) {
	x.Code, x.Title, x.Why, x.CIS = rule.Code, rule.Title, rule.Why, rule.CIS
	if x.Breaks == "" {
		x.Breaks = rule.Breaks
	}
	x.Severity = cmp.Or(x.Severity, rule.Severity)
	if n := f.Lines[x.Object]; n > 0 && x.Place == nil {
		x.Place = &Place{f.File, n}
	}
}

// as sets a severity that is not the rule's.
func (x Finding) as(s Severity) Finding {
	x.Severity = s
	return x
}

// keys gives each finding its key: the code and the object, and a number
// where a rule finds several things with one.
func keys(list []Finding) {
	seen := map[string]int{}
	for i := range list {
		o := list[i].Object
		key := list[i].Code + ":" + strings.Join(strings.Fields(o.Kind+" "+o.Database+" "+o.Name), " ")
		if seen[key]++; seen[key] > 1 {
			key = fmt.Sprintf("%s#%d", key, seen[key])
		}
		list[i].Key = key
	}
}

// sortFindings puts the worst first; among equals, subjects in their order.
func sortFindings(list []Finding) {
	order := map[string]int{}
	for i, r := range Rules() {
		order[r.Code] = i
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(order[a.Code], order[b.Code]))
	})
}
