package cli

import (
	"bufio"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"landlord/internal/access"
	"landlord/internal/audit"
	"landlord/internal/snapshot"
	"landlord/internal/term"
)

func (a *app) accessPath() *cobra.Command {
	var p place
	var from, to string
	c := &cobra.Command{
		Use:   "path --from ROLE --to ROLE|superuser",
		Short: "The shortest ways from one role to another, or to a superuser",
		Long: `Say by which steps a role, once it is logged in, could become another or get at
its data: the role that --to names, those that have or can take its rights, and
the owner of a schema or database of that name. Each step comes with the SQL
that takes it.

  certain    it works now
  possible   it needs somebody else to act, or something that the catalogs do
             not tell: a trojan where others look for names, a function's body
  blocked    it would be a way, but for what the step says

What could not be read is named: no path through it can be seen.

Exit status: 0 no certain path; 3 there is one; 1 failed; 2 bad usage, or no
such role.`,
		Example: "  landlord access path --from acme_app --to globex --snapshot server.json\n" +
			"  landlord access path --from acme_app --to superuser",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, missing, err := a.states(c, p)
			if err != nil {
				return err
			}
			answers, err := ask(all, missing, func(st asked) ([]access.Path, error) { return st.Paths(from, to) })
			if err != nil {
				return apart(all, from, to, err)
			}
			return a.paths(answers, missing, from, to)
		},
	}
	a.lookFlags(c, &p)
	c.Flags().StringVar(&from, "from", "", "the role that sets out")
	c.Flags().StringVar(&to, "to", "", "where to: a role, a schema, a database, or superuser")
	_ = c.MarkFlagRequired("from")
	_ = c.MarkFlagRequired("to")
	return c
}

// apart is why there is no answer: where the two are on two servers, no path that
// catalogs know of leads from one to the other.
func apart(all []asked, from, to string, err error) error {
	on := map[string][]string{}
	for _, st := range all {
		for _, role := range []string{from, to} {
			if _, ok := st.Role(role); ok && st.name != "" {
				on[role] = append(on[role], st.name)
			}
		}
	}
	if len(on[from]) > 0 && len(on[to]) > 0 {
		return usageError{fmt.Errorf("role %q is on %s, and %q on %s: catalogs know of no path from one server to another; landlord prove tries the door", from, audit.Servers(on[from]), to, audit.Servers(on[to]))}
	}
	return err
}

func (a *app) paths(answers []answer[[]access.Path], missing []snapshot.Missing, from, to string) error {
	err := tell(a, answers, missing, func(x answer[[]access.Path]) any {
		if x.Answer == nil {
			x.Answer = []access.Path{}
		}
		return map[string]any{"from": from, "to": to, "paths": x.Answer, "unread": x.Unread()}
	}, func(w *bufio.Writer, x answer[[]access.Path]) { a.printPaths(w, x.State, from, to, x.Answer) })
	if err != nil {
		return err
	}
	for _, x := range answers {
		if len(x.Answer) > 0 && x.Answer[0].Certainty == access.Certain {
			return exitError(exitFindings)
		}
	}
	return nil
}

// shownPaths is how many paths of each certainty are printed without -v.
const shownPaths = 3

func (a *app) printPaths(w *bufio.Writer, st *access.State, from, to string, paths []access.Path) {
	look := a.outLook()
	hidden := slices.ContainsFunc(st.Unread(), func(u snapshot.Unread) bool { return !slices.Contains(asides, u.Part) })
	switch {
	case len(paths) == 0 && hidden:
		fmt.Fprintf(w, "No path from %s to %s is known; but not everything could be read, so that there may be one.\n", term.Clean(from), term.Clean(to))
	case len(paths) == 0:
		fmt.Fprintf(w, "No path from %s to %s is known.\n", term.Clean(from), term.Clean(to))
	}
	count := map[access.Certainty]int{}
	for _, p := range paths {
		if count[p.Certainty]++; count[p.Certainty] > shownPaths && !a.verbose {
			continue
		}
		fmt.Fprintf(w, "%s: %s → %s\n", look.Paint(certaintyTone(p.Certainty), string(p.Certainty)), term.Clean(p.From), term.Clean(p.To))
		for i, s := range p.Steps {
			a.printStep(w, i+1, s, look)
		}
		fmt.Fprintln(w)
	}
	for _, c := range []access.Certainty{access.Certain, access.Possible, access.Blocked} {
		if more := count[c] - shownPaths; more > 0 && !a.verbose {
			fmt.Fprintf(w, "%d more %s; -v shows all\n", more, c)
		}
	}
	unreadLines(w, st.Unread())
}

func (a *app) printStep(w *bufio.Writer, n int, s access.Step, look term.Look) {
	remark := s.Kind
	if s.Certainty != access.Certain {
		remark += ", " + string(s.Certainty)
	}
	if s.Database != "" {
		remark += ", in database " + s.Database
	}
	fmt.Fprintf(w, "  %d. %s %s\n", n, term.Clean(s.Why), look.Paint(term.Dim, "("+term.Clean(remark)+")"))
	for _, sql := range s.SQL {
		fmt.Fprintf(w, "       %s\n", term.Clean(sql))
	}
}

func certaintyTone(c access.Certainty) term.Tone {
	switch c {
	case access.Certain:
		return term.Bad
	case access.Possible:
		return term.Warn
	}
	return term.Dim
}
