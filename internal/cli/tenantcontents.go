package cli

import (
	"fmt"
	"strings"

	"landlord/internal/catalog"
	"landlord/internal/plan"
	"landlord/internal/term"
)

func printContents(a *app, all []catalog.Standout) {
	l, w := a.outLook(), a.Out
	for _, c := range all {
		fmt.Fprintf(w, "\nIn database %s: ", term.Clean(c.Database))
		if c.Unread != "" {
			fmt.Fprintln(w, l.Paint(term.Warn, "not known: "+term.Clean(c.Unread)))
			continue
		}
		var kinds []string
		for _, k := range c.Kinds {
			kinds = append(kinds, fmt.Sprintf("%s: %d", k.Kind, k.Count))
		}
		if len(kinds) == 0 {
			kinds = []string{"no objects"}
		}
		fmt.Fprintln(w, strings.Join(kinds, ", "))
		for _, t := range c.Largest {
			fmt.Fprintf(w, "  %-10s %s %s\n", term.Bytes(t.Bytes), t.Kind, term.Clean(t.Name))
		}
		for _, u := range c.Unusual {
			more := ""
			if n := u.Count - len(u.Examples); n > 0 {
				more = fmt.Sprintf(" and %d more", n)
			}
			fmt.Fprintf(w, "  %s %s%s\n", l.Paint(term.Warn, fmt.Sprintf("unusual: %s (%d):", u.What, u.Count)),
				term.Clean(strings.Join(u.Examples, ", ")), more)
		}
	}
}

// printDrift prints what is not as it should be. What stands open and landlord
// does not close is not as it should be, either.
func printDrift(a *app, name string, drift plan.Plan) {
	l, w := a.outLook(), a.Out
	if len(drift.Sizes) > 0 {
		fmt.Fprintf(w, "\n%s", sizeTable(l, drift.Sizes))
	}
	fmt.Fprintln(w)
	printOpen(w, l, drift.Server, drift.Open())
	if len(drift.Steps)+len(drift.Host) > 0 {
		fmt.Fprintf(w, "%s\n", l.Paint(term.Warn, "Not as it should be (landlord apply --tenant "+name+" mends it):"))
	} else if len(drift.Open()) == 0 {
		fmt.Fprintf(w, "%s\n", l.Paint(term.Good, "Everything is as it should be."))
	}
	for _, step := range drift.Host {
		fmt.Fprintf(w, "  %s %s\n", sign(l, plan.Safe), term.Clean(step.Why))
	}
	for _, step := range drift.Steps {
		fmt.Fprintf(w, "  %s %s\n", sign(l, step.Danger), term.Clean(step.Why))
	}
}
