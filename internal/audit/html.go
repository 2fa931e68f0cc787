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
		"join": func(list []string) string { return strings.Join(list, ", ") },
		"version": func(r Report) string {
			if r.Version == 0 {
				return ""
			}
			return ", PostgreSQL " + VersionText(r.Version)
		},
		"fixText": func(f Finding) string {
			if r, ok := RuleOf(f.Code); ok {
				return r.Fix
			}
			return ""
		},
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("the page's template: %w", err)
	}
	return t.Execute(w, r)
}
