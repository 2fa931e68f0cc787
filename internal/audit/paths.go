package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/access"
	"landlord/internal/snapshot"
)

func pathRules() []Rule {
	needs := []snapshot.Part{snapshot.PartRoles, snapshot.PartMemberships, snapshot.PartDatabases, snapshot.PartDatabaseACLs}
	partly := []snapshot.Part{snapshot.PartSchemas, snapshot.PartRelations, snapshot.PartRoutines, snapshot.PartViews, snapshot.PartPolicies, snapshot.PartForeign}
	const manual = "docs/access.md, which names each kind of step with its source"
	return []Rule{
		{Code: "path-certain", Title: "One customer can get at another, now", Subject: Memberships, Severity: Critical, Needs: needs, Partly: partly,
			Why:    "There is a way from a customer's login to another's data, or to everybody's, that works now and asks nobody's help. Each of its steps may look harmless by itself.",
			Fix:    "Take one of its steps away; the last that can be is shown.",
			Breaks: "Whatever uses that step: ask first.", Source: manual, check: paths(access.Certain)},
		{Code: "path-possible", Title: "One customer could get at another, if somebody helps", Subject: Memberships, Severity: Low, Needs: needs, Partly: partly,
			Why:    "There is a way from a customer's login to another's that needs somebody else to act, unawares, or something that the catalogs do not tell. That is how traps work: they wait.",
			Fix:    "Take one of its steps away; the last that can be is shown.",
			Breaks: "Whatever uses that step: ask first.", Source: manual, check: paths(access.Possible)},
	}
}

// breaches are the ways between tenants of up to a certainty, found once.
func (f *facts) breaches(level access.Certainty) []access.Crossing {
	if f.state == nil {
		f.state = access.Prepare(f.Snapshot)
	}
	if _, ok := f.crossings[level]; !ok {
		f.crossings[level] = f.state.Breaches(Homes(f.residents()), level)
	}
	return f.crossings[level]
}

// paths finds the ways of one certainty. Those that end with the same step are
// one finding: it is the step that is to be mended.
func paths(level access.Certainty) func(*facts) []Finding {
	return func(f *facts) []Finding {
		sure := map[[2]string]bool{}
		if level != access.Certain {
			for _, c := range f.breaches(access.Certain) {
				sure[[2]string{c.From, c.To}] = true
			}
		}
		var order []string
		by := map[string][]access.Crossing{}
		for _, c := range f.breaches(level) {
			if c.Path.Certainty != level || sure[[2]string{c.From, c.To}] || sure[[2]string{access.Public, c.To}] {
				continue
			}
			last := c.Path.Steps[len(c.Path.Steps)-1]
			key := last.Kind + "\x00" + last.Database + "\x00" + last.Why
			if by[key] == nil {
				order = append(order, key)
			}
			by[key] = append(by[key], c)
		}
		var found []Finding
		for _, key := range order {
			found = append(found, f.breach(by[key]))
		}
		return found
	}
}

// breach is the finding about ways that end with one step.
func (f *facts) breach(ways []access.Crossing) Finding {
	first := slices.MinFunc(ways, func(a, b access.Crossing) int { return cmp.Compare(len(a.Path.Steps), len(b.Path.Steps)) })
	steps := first.Path.Steps
	last := steps[len(steps)-1]
	var from, to []string
	for _, c := range ways {
		if who := whom(c.From); !slices.Contains(from, who) {
			from = append(from, who)
		}
		if who := whom(c.To); !slices.Contains(to, who) {
			to = append(to, who)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "From %s to %s", some(from), some(to))
	if len(ways) > 1 {
		fmt.Fprintf(&b, ", such as from %s to %s", whom(first.From), whom(first.To))
	}
	b.WriteString(": ")
	for i, s := range steps {
		if i > 0 {
			b.WriteString("; then ")
		}
		b.WriteString(s.Why)
		if len(s.SQL) > 0 {
			fmt.Fprintf(&b, " [%s]", inShort(s.SQL))
		}
	}
	b.WriteString(".")
	x := Finding{Object: snapshot.Object{Kind: "path", Database: last.Database, Name: last.Kind + ": " + last.Why}, What: b.String()}
	for i := len(steps) - 1; i >= 0 && len(x.Fix) == 0; i-- {
		for _, text := range steps[i].Mend {
			fix := sql(text + ";")
			if strings.HasPrefix(text, "\\") {
				fix = sql(text)
			}
			if steps[i].Database != "" {
				fix = in(steps[i].Database, fix.Text)
			}
			x.Fix = append(x.Fix, fix)
		}
	}
	return x
}

// inShort is the SQL of a step; of many statements the ends, since landlord access
// path shows all.
func inShort(sql []string) string {
	if len(sql) > 3 {
		sql = []string{sql[0], "…", sql[len(sql)-1]}
	}
	return strings.Join(sql, "; ")
}

// whom names an end of a way.
func whom(name string) string {
	switch name {
	case access.Public:
		return "everybody (PUBLIC)"
	case access.Superuser:
		return "a superuser's powers"
	case access.Everybody:
		return "everybody's data"
	}
	return name
}
