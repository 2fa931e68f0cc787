package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"landlord/internal/audit"
	"landlord/internal/term"
)

// verdict prints a report of audit for people.
type verdict struct {
	w       io.Writer
	look    term.Look
	report  audit.Report
	verbose bool
}

func (v verdict) print() {
	r := v.report
	version := ""
	if r.Name == "-" {
		r.Name = "The pasted text"
	}
	if r.Version != 0 {
		version = ", PostgreSQL " + audit.VersionText(r.Version)
	}
	fmt.Fprintf(v.w, "%s\n", v.look.Paint(term.Strong, term.Clean(r.Name)+version))
	v.notJudged()
	v.findings(false)
	v.findings(true)
	v.notKnown()
	v.list("Right already, and to be kept", r.Good)
	v.waived()
	v.gone()
	v.designs()
	v.sum()
}

// notJudged names, before all else, the servers of which nothing is known.
func (v verdict) notJudged() {
	for _, m := range v.report.NotJudged {
		tone := term.Bad
		if m.Stopped {
			tone = term.Dim
		}
		fmt.Fprintf(v.w, "\n%s %s\n", v.look.Paint(tone, "Not judged: server "+term.Clean(m.Name)+"."), term.Clean(sentence(m.Reason)))
	}
}

// findings prints those that count, or the advice: what one rule says of
// several objects, once.
func (v verdict) findings(advice bool) {
	n := 0
	for _, same := range alike(v.report.Findings) {
		n++
		f := same[0]
		if (f.Severity == audit.Advice) != advice {
			continue
		}
		tone := term.Warn
		switch {
		case f.Severity <= audit.High:
			tone = term.Bad
		case f.Severity == audit.Advice:
			tone = term.Dim
		}
		times := ""
		if len(same) > 1 {
			times = fmt.Sprintf(" (%d)", len(same))
		}
		fmt.Fprintf(v.w, "\n%d. %s %s%s\n", n, v.look.Paint(tone, strings.ToUpper(f.Severity.String())), v.look.Paint(term.Strong, f.Title), times)
		v.rule(same)
	}
}

// alike gathers what one rule found with one severity and one consequence, in
// the order in which each is met first.
func alike(all []audit.Finding) [][]audit.Finding {
	var out [][]audit.Finding
	for _, f := range all {
		i := slices.IndexFunc(out, func(g []audit.Finding) bool {
			return g[0].Code == f.Code && g[0].Severity == f.Severity && g[0].Why == f.Why && g[0].Breaks == f.Breaks
		})
		if i < 0 {
			out = append(out, nil)
			i = len(out) - 1
		}
		out[i] = append(out[i], f)
	}
	return out
}

// rule prints what one rule found: why it matters once, each object with what
// mends it.
func (v verdict) rule(same []audit.Finding) {
	f := same[0]
	v.para("", f.Why)
	said := map[string]bool{}
	for _, f := range same {
		v.object(f, said)
	}
	if r, ok := audit.RuleOf(f.Code); ok && len(said) == 0 {
		v.para("> ", r.Fix)
	}
	v.para("May break: ", f.Breaks)
	detail := f.Code
	if f.CIS != "" {
		detail += ", CIS " + f.CIS
	}
	fmt.Fprintf(v.w, "   %s\n", v.look.Paint(term.Dim, term.Clean(detail)))
}

// object prints one finding, and what mends it where that was not said of
// another.
func (v verdict) object(f audit.Finding, said map[string]bool) {
	at, fresh := "", ""
	if f.Place != nil {
		at = " (" + term.Clean(f.Place.String()) + ")"
	}
	if f.New {
		fresh = "New: "
	}
	v.para("- ", fresh+sentence(f.Where())+at+": "+f.What)
	if v.verbose {
		fmt.Fprintf(v.w, "     %s\n", v.look.Paint(term.Dim, term.Clean(f.ID())))
	}
	for _, line := range fixes(f) {
		if !said[line] {
			fmt.Fprintf(v.w, "     %s %s\n", v.look.Paint(term.Good, ">"), line)
		}
		said[line] = true
	}
}

// fixes are a finding's statements and lines, each with where it belongs.
func fixes(f audit.Finding) []string {
	var out []string
	for _, x := range f.Fix {
		where := ""
		if x.In != "" {
			where = term.Clean(x.In) + ": "
		}
		out = append(out, where+term.Clean(x.Text))
	}
	return out
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// para prints a paragraph, wrapped and indented.
func (v verdict) para(lead, text string) {
	const width = 96
	line, margin := "   "+lead, "   "
	if strings.HasPrefix(lead, "- ") {
		margin += "  "
	}
	for _, word := range strings.Fields(term.Clean(text)) {
		if len([]rune(line))+1+len([]rune(word)) > width {
			fmt.Fprintln(v.w, strings.TrimRight(line, " "))
			line = margin
		}
		if !strings.HasSuffix(line, " ") {
			line += " "
		}
		line += word
	}
	if strings.TrimSpace(line) != strings.TrimSpace(lead) {
		fmt.Fprintln(v.w, line)
	}
}

func (v verdict) head(text string) { fmt.Fprintf(v.w, "\n%s\n", v.look.Paint(term.Strong, text)) }

// notKnown says what could not be judged, and what to do about it.
func (v verdict) notKnown() {
	if len(v.report.NotKnown) == 0 {
		return
	}
	v.head("Not known, and so not judged")
	for _, n := range v.report.NotKnown {
		where := ""
		if len(n.Databases) > 0 {
			where = " (database " + some(n.Databases) + ")"
		}
		if len(n.Servers) > 0 {
			where = " (" + audit.Servers(n.Servers) + ")"
		}
		v.para("- ", n.What+where+": "+n.Reason)
		v.para("  next: ", n.Ask)
		if v.verbose {
			v.para("  rules: ", strings.Join(n.Rules, ", "))
		}
	}
}

func some(names []string) string {
	if len(names) > 4 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:4], ", "), len(names)-4)
	}
	return strings.Join(names, ", ")
}

func (v verdict) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	v.head(title)
	for _, l := range lines {
		v.para("- ", l)
	}
}

func (v verdict) waived() {
	var lines []string
	for _, w := range v.report.Waived {
		if v.verbose {
			lines = append(lines, fmt.Sprintf("%s until %s: %s", w.Finding.ID(), w.Until, w.Reason))
		}
	}
	if n := len(v.report.Waived); n > 0 && !v.verbose {
		fmt.Fprintf(v.w, "\n%s waived by the spec (-v lists them)\n", term.Count(n, "finding"))
	}
	v.list("Waived", lines)
	lines = nil
	for _, l := range v.report.Lapsed {
		lines = append(lines, l.Finding+": "+l.Why)
	}
	v.list("Waivers that do nothing", lines)
}

func (v verdict) gone() {
	var lines []string
	for _, f := range v.report.Gone {
		lines = append(lines, f.Title+": "+f.Where())
	}
	v.list("Gone since the earlier result", lines)
}

// designs are the ways in which it could be arranged.
func (v verdict) designs() {
	if len(v.report.Designs) == 0 {
		return
	}
	v.head("How it could be arranged")
	for i, d := range v.report.Designs {
		fmt.Fprintf(v.w, "\n%c. %s\n", 'A'+i, v.look.Paint(term.Strong, d.Name))
		v.para("", d.What)
		for _, g := range d.Gives {
			v.para("+ ", g)
		}
		for _, c := range d.Costs {
			v.para("- ", c)
		}
		v.file("As a landlord.yaml:", d.Spec)
		v.file("As a pg_hba.conf:", d.HBA)
	}
}

// file shows a file's text.
func (v verdict) file(title, text string) {
	if text == "" {
		return
	}
	v.para("", title)
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(v.w, "     %s\n", v.look.Paint(term.Dim, term.Clean(l)))
	}
}

// sum is the last line.
func (v verdict) sum() {
	counts := map[audit.Severity]int{}
	for _, f := range v.report.Findings {
		counts[f.Severity]++
	}
	var parts []string
	for s := audit.Critical; s <= audit.Advice; s++ {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	unknown := ""
	if n := len(v.report.NotKnown); n > 0 {
		unknown = fmt.Sprintf("; %s not known", term.Count(n, "thing"))
	}
	if n := len(v.report.NotJudged); n > 0 {
		unknown += "; " + term.Count(n, "server") + " not judged"
	}
	text, tone := "Nothing found by "+term.Count(v.report.Judged, "rule"), term.Good
	if len(parts) > 0 {
		text = strings.Join(parts, ", ")
	}
	switch {
	case v.report.Bad() > 0:
		tone = term.Bad
	case len(v.report.NotJudged) > 0:
		tone = term.Warn
	}
	fmt.Fprintf(v.w, "\n%s\n", v.look.Paint(tone, text+unknown+"."))
}
