package audit

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html
var page string

// pageGroup are findings that one rule made with one severity: what they have
// in common is said once.
type pageGroup struct {
	Rule
	Severity Severity
	Breaks   string // where it is the same for all
	Findings []Finding
}

// pageGroups keeps the order of the findings.
func pageGroups(list []Finding) []*pageGroup {
	type key struct {
		code     string
		severity Severity
	}
	var groups []*pageGroup
	at := map[key]*pageGroup{}
	for _, f := range list {
		k := key{f.Code, f.Severity}
		if at[k] == nil {
			rule, _ := RuleOf(f.Code)
			at[k] = &pageGroup{Rule: rule, Severity: f.Severity, Breaks: f.Breaks}
			groups = append(groups, at[k])
		}
		if at[k].Findings = append(at[k].Findings, f); f.Breaks != at[k].Breaks {
			at[k].Breaks = ""
		}
	}
	return groups
}

// tallied is how many findings have a severity.
type tallied struct {
	Severity Severity
	Count    int
}

// tally counts findings by severity, for the page's first lines.
func tally(list []Finding) []tallied {
	var out []tallied
	for s := Critical; s <= Advice; s++ {
		n := 0
		for _, f := range list {
			if f.Severity == s {
				n++
			}
		}
		if n > 0 {
			out = append(out, tallied{s, n})
		}
	}
	return out
}

// HTML writes a report as one file that needs nothing else: no network, no
// scripts. It is folded by the browser itself, and prints.
func HTML(w io.Writer, r Report) error {
	t, err := template.New("audit").Funcs(template.FuncMap{
		"where": func(f Finding) string {
			if f.Place == nil {
				return ""
			}
			return f.Place.String()
		},
		"servers": Servers,
		"join":    func(list []string) string { return strings.Join(list, ", ") },
		"version": func(r Report) string {
			if r.Version == 0 {
				return ""
			}
			return ", PostgreSQL " + VersionText(r.Version)
		},
		"groups": pageGroups,
		"tally":  tally,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("the page's template: %w", err)
	}
	return t.Execute(w, r)
}
