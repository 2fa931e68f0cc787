package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"landlord/internal/prove"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// proof prints a report of prove for people.
type proof struct {
	w       io.Writer
	look    term.Look
	estate  tenant.Estate
	report  prove.Report
	verbose bool
}

func (p proof) print() {
	fmt.Fprintf(p.w, "\n%s\n%s\n", p.look.Paint(term.Strong, fmt.Sprintf("Server %s, PostgreSQL %s", p.report.Server, p.report.Version)),
		p.look.Paint(term.Dim, "through "+strings.Join(p.report.Doors, " and ")))
	fmt.Fprint(p.w, p.tenants())
	p.findings()
	p.notTried()
	p.exposures()
	p.verdict()
}

// tenants is the table: a row a tenant.
func (p proof) tenants() string {
	counts := map[string]map[prove.Verdict]int{}
	for _, o := range p.report.Outcomes {
		if counts[whose(o)] == nil {
			counts[whose(o)] = map[prove.Verdict]int{}
		}
		counts[whose(o)][o.Verdict]++
	}
	t := term.Table{Head: []string{"tenant", "house", "own work", "attempts held", "exposed", "not tried", "walls"}, Right: []int{3, 4, 5}}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		c := counts[name]
		t.Rows = append(t.Rows, []term.Cell{
			term.Toned(term.Strong, name), term.Text(p.house(name)), ownWork(c),
			term.Text(fmt.Sprint(c[prove.Held])), term.Toned(term.Dim, fmt.Sprint(c[prove.Exposed])),
			term.Toned(term.Dim, fmt.Sprint(c[prove.NotTried])), walls(c),
		})
	}
	return p.look.Table(t)
}

// whose is the tenant, administrator or pool that an outcome is about.
func whose(o prove.Outcome) string {
	if o.Admin != "" {
		return fmt.Sprintf("admin %s (%s)", term.Clean(o.Admin), o.DataAccess)
	}
	if o.Pool != "" {
		return "pool " + term.Clean(o.Pool)
	}
	return o.Tenant
}

func (p proof) house(name string) string {
	t, ok := p.estate.Tenant(name)
	if !ok {
		return ""
	}
	text := houseOf(t.Isolation, t.Home.Database)
	for _, p := range t.Further {
		text += ", " + p.Database
	}
	return text
}

func ownWork(c map[prove.Verdict]int) term.Cell {
	switch {
	case c[prove.Failed] > 0:
		return term.Toned(term.Bad, fmt.Sprintf("FAILED %d", c[prove.Failed]))
	case c[prove.Works] == 0:
		return term.Toned(term.Warn, "not tried")
	}
	return term.Toned(term.Good, fmt.Sprintf("works (%d)", c[prove.Works]))
}

func walls(c map[prove.Verdict]int) term.Cell {
	switch {
	case c[prove.Escaped] > 0:
		return term.Toned(term.Bad, fmt.Sprintf("ESCAPED %d", c[prove.Escaped]))
	case c[prove.Held] == 0:
		return term.Toned(term.Warn, "not tried")
	}
	return term.Toned(term.Good, "hold")
}

// findings lists what got out and what does not work, every one.
func (p proof) findings() {
	for _, o := range p.report.Outcomes {
		if o.Verdict != prove.Escaped && o.Verdict != prove.Failed {
			continue
		}
		fmt.Fprintf(p.w, "%s %s %s: %s\n    %s\n", p.look.Paint(term.Bad, string(o.Verdict)), term.Clean(o.Login), against(o), o.Probe, term.Clean(o.Detail))
	}
	for _, problem := range p.report.Problems {
		fmt.Fprintf(p.w, "%s %s\n", p.look.Paint(term.Warn, "problem"), term.Clean(problem))
	}
	for _, swept := range p.report.Swept {
		fmt.Fprintf(p.w, "%s\n", p.look.Paint(term.Dim, "swept what an earlier run left: "+term.Clean(swept)))
	}
}

// notTried lists reasons, each with the probes that it is true of.
func (p proof) notTried() {
	reasons := map[string][]string{}
	for _, o := range p.report.Outcomes {
		if o.Verdict == prove.NotTried && !slices.Contains(reasons[o.Detail], o.Probe) {
			reasons[o.Detail] = append(reasons[o.Detail], o.Probe)
		}
	}
	if len(reasons) == 0 {
		return
	}
	if !p.verbose {
		fmt.Fprintf(p.w, "Not tried: %s; -v says why.\n", term.Count(p.report.Counts[prove.NotTried], "attempt"))
		return
	}
	fmt.Fprintf(p.w, "\n%s\n", p.look.Paint(term.Strong, "Not tried"))
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(p.w, "  %s\n    %s\n", term.Clean(reason), p.look.Paint(term.Dim, strings.Join(reasons[reason], ", ")))
	}
}

// exposures says what the models cannot close, once each.
func (p proof) exposures() {
	by := map[prove.Closes]map[string]string{}
	for _, o := range p.report.Outcomes {
		if o.Verdict == prove.Exposed {
			if by[o.Closes] == nil {
				by[o.Closes] = map[string]string{}
			}
			by[o.Closes][o.Probe] = o.Consequence
		}
	}
	for _, closes := range []prove.Closes{prove.ByDatabase, prove.ByCluster, prove.ByResources, prove.ByDirect, prove.ByNothing} {
		if n := len(by[closes]); n > 0 {
			p.exposed(closes, by[closes])
		}
	}
}

func (p proof) exposed(closes prove.Closes, probes map[string]string) {
	n, them := term.Count(len(probes), "exposure"), "them"
	if len(probes) == 1 {
		them = "it"
	}
	line := map[prove.Closes]string{
		prove.ByDatabase:  n + " of the schema model; a database of its own closes " + them,
		prove.ByCluster:   n + " of sharing a server; only a server of its own closes " + them,
		prove.ByResources: n + " of servers on one host; their resources (volume, cpu, os_user: own …) close " + them,
		prove.ByDirect:    n + " of sharing a router; a program that goes to its server directly does without " + them,
		prove.ByNothing:   n + " that no model closes: each tenant's own affair",
	}[closes]
	if !p.verbose {
		fmt.Fprintf(p.w, "%s (-v lists them).\n", line)
		return
	}
	fmt.Fprintf(p.w, "\n%s\n", p.look.Paint(term.Strong, line))
	for _, probe := range slices.Sorted(maps.Keys(probes)) {
		fmt.Fprintf(p.w, "  %-32s %s\n", probe, term.Clean(probes[probe]))
	}
}

// verdict is the last line: what all of it comes to.
func (p proof) verdict() {
	c := p.report.Counts
	switch {
	case c[prove.Escaped] > 0:
		fmt.Fprintf(p.w, "\n%s\n", p.look.Paint(term.Bad, fmt.Sprintf("The walls do not hold: %s got out. landlord plan shows what to mend.", term.Count(c[prove.Escaped], "attempt"))))
	case c[prove.Failed] > 0:
		fmt.Fprintf(p.w, "\n%s\n", p.look.Paint(term.Bad, "Nobody got out, but some tenants cannot do their own work."))
	case c[prove.Held] == 0:
		fmt.Fprintf(p.w, "\n%s\n", p.look.Paint(term.Warn, "Nothing was tried, so nothing is proved."))
	default:
		fmt.Fprintf(p.w, "\n%s\n", p.look.Paint(term.Good, fmt.Sprintf("The walls hold: %s, and not one got out.", term.Count(c[prove.Held], "attempt"))))
	}
}
