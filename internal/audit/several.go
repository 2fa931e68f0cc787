package audit

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/snapshot"
)

// JudgeAll judges several servers, each by itself; missing are those of which
// nothing is known. A waiver that fits a finding of any of them, or that might
// fit one of a server that was not judged, is not said to do nothing.
func JudgeAll(list []Input, missing []snapshot.Missing) Output {
	o := Output{Format: Format, Reports: []Report{}, NotJudged: missing}
	used := map[string]bool{}
	for _, in := range list {
		in.Policy.Others = in.Policy.Others || len(missing) > 0
		r := Judge(in)
		for _, w := range in.Policy.Waivers {
			idle := slices.Contains(r.Lapsed, Lapsed{w.Finding, fitsNone})
			used[w.Finding] = used[w.Finding] || !idle
		}
		o.Reports = append(o.Reports, r)
	}
	if o.Several() {
		for i, in := range list {
			r := &o.Reports[i]
			for n := range r.Findings {
				r.Findings[n].Server = in.Server
			}
			for n := range r.Waived {
				r.Waived[n].Finding.Server = in.Server
			}
			r.Lapsed = slices.DeleteFunc(r.Lapsed, func(l Lapsed) bool { return l.Why == fitsNone && used[l.Finding] })
		}
	}
	return o
}

// Several says that a result is about more than one server.
func (o Output) Several() bool { return len(o.Reports)+len(o.NotJudged) > 1 }

// Bad counts the findings that are more than advice.
func (o Output) Bad() int {
	n := 0
	for _, r := range o.Reports {
		n += r.Bad()
	}
	return n
}

// Unreached are the servers that were to be judged and could not be: not those
// that are stopped on purpose.
func (o Output) Unreached() int {
	n := 0
	for _, m := range o.NotJudged {
		if !m.Stopped {
			n++
		}
	}
	return n
}

// Since compares each server with what an earlier result says of it. Of a server
// that is in one of the two alone, all is new, or nothing is said.
func (o *Output) Since(earlier Output) {
	for i := range o.Reports {
		r := &o.Reports[i]
		at := slices.IndexFunc(earlier.Reports, func(e Report) bool { return e.Name == r.Name })
		switch {
		case at >= 0:
			r.Since(earlier.Reports[at])
		case !o.Several() && !earlier.Several() && len(earlier.Reports) == 1:
			r.Since(earlier.Reports[0])
		default:
			r.Since(Report{})
		}
		for n := range r.Gone {
			if o.Several() {
				r.Gone[n].Server = r.Name
			}
		}
	}
}

// Where is what a finding is about, with the server where there are several.
func (f Finding) Where() string {
	if f.Server == "" {
		return f.Object.String()
	}
	if f.Object.Kind == "server" {
		return "server " + f.Server
	}
	return "server " + f.Server + ", " + f.Object.String()
}

// ID tells a finding from all others, also where there are several servers.
func (f Finding) ID() string {
	if f.Server == "" {
		return f.Key
	}
	return f.Server + "/" + f.Key
}

// Merge makes one report of a result, for people: the findings of all servers,
// the worst first, each with its server.
func Merge(o Output) Report {
	if !o.Several() && len(o.Reports) == 1 {
		return o.Reports[0]
	}
	all := Report{Name: fmt.Sprintf("%d servers", len(o.Reports)+len(o.NotJudged)), Findings: []Finding{}, NotJudged: o.NotJudged, Good: goodOf(o.Reports)}
	for _, r := range o.Reports {
		all.Findings = append(all.Findings, r.Findings...)
		all.Waived = append(all.Waived, r.Waived...)
		all.Gone = append(all.Gone, r.Gone...)
		all.Judged = max(all.Judged, r.Judged)
		all.Lapsed = union(all.Lapsed, r.Lapsed)
		all.addUnknown(r)
	}
	sortFindings(all.Findings)
	return all
}

// addUnknown adds what of a server is not known: once, where it is so of others too.
func (r *Report) addUnknown(of Report) {
	for _, n := range of.NotKnown {
		at := slices.IndexFunc(r.NotKnown, func(x NotKnown) bool { return x.What == n.What && x.Reason == n.Reason && x.Ask == n.Ask })
		if at < 0 {
			at = len(r.NotKnown)
			r.NotKnown = append(r.NotKnown, NotKnown{What: n.What, Reason: n.Reason, Ask: n.Ask})
		}
		into := &r.NotKnown[at]
		into.Rules = union(into.Rules, n.Rules)
		into.Servers = append(into.Servers, inServer(of.Name, n.Databases))
	}
}

// goodOf is what is right already, with the servers of which it is said where that
// is not all.
func goodOf(reports []Report) []string {
	var lines []string
	on := map[string][]string{}
	for _, r := range reports {
		lines = union(lines, r.Good)
		for _, line := range r.Good {
			on[line] = append(on[line], r.Name)
		}
	}
	for i, line := range lines {
		if len(on[line]) < len(reports) {
			lines[i] += " (" + Servers(on[line]) + ")"
		}
	}
	return lines
}

func union[T comparable](a, b []T) []T {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

// inServer names a server, with those of its databases that something is so of.
func inServer(name string, databases []string) string {
	if len(databases) == 0 {
		return name
	}
	return name + " (database " + strings.Join(databases, ", ") + ")"
}

// Servers names servers, a few of them or how many.
func Servers(names []string) string {
	const most = 4
	word := "servers "
	if len(names) == 1 {
		word = "server "
	}
	if len(names) > most {
		return word + strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return word + strings.Join(names, ", ")
}
