package cli

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/cluster"
	"landlord/internal/plan"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// scope is which part of the spec a command is about.
type scope struct {
	server  string
	tenants []string
	prune   bool
}

func (a *app) scopeFlags(c *cobra.Command, s *scope) {
	c.Flags().StringVar(&s.server, "server", "", "only this server (default: all in the spec)")
	c.Flags().StringArrayVar(&s.tenants, "tenant", nil, "only this tenant; may be repeated")
	_ = c.RegisterFlagCompletionFunc("server", a.serverNames)
	_ = c.RegisterFlagCompletionFunc("tenant", a.tenantNames)
}

func (s *scope) pruneFlag(c *cobra.Command) {
	c.Flags().BoolVar(&s.prune, "prune", false, "also drop tenants (with servers of their own), logins and schemas that are there and not in the spec")
}

func (s *scope) options() landlord.Options {
	return landlord.Options{Tenants: s.tenants, Prune: s.prune}
}

func (a *app) planCommand() *cobra.Command {
	var s scope
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show what would change on the server",
		Long: `Show what leads from what the server has to what the spec says. Nothing is
changed and no lock is taken. --output sql prints a psql script that does what
apply does, to be read and run instead of it.

With --tenant it is about this tenant's own roles, databases and schemas, and
what of the server their walls rest on. Who was put into a group that all
tenants share (landlord_tenants, the group of a shared database), and what other
tenants have, is looked at only by a plan for all.

Exit status: 0 nothing to do; 1 failed; 2 mistake in the call or in the spec,
or something on the server that landlord did not make is in the way; 3 there
are changes, or a way into or out of a house stands open that landlord does not
close (it comes first in the plan).`,
		Example: "  landlord plan -f landlord.yaml\n  landlord plan --tenant acme --output sql > acme.sql",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.plan(c, s) },
	}
	a.specFlag(c)
	a.scopeFlags(c, &s)
	s.pruneFlag(c)
	a.outputFlag(c, "text", "json", "sql")
	return c
}

func (a *app) plan(c *cobra.Command, s scope) error {
	e, list, err := a.about(s)
	if err != nil {
		return err
	}
	if a.output == "sql" && len(list) != 1 {
		return usageError{fmt.Errorf("a script is for one server, and the spec has %d: choose one with --server", len(list))}
	}
	goes, err := a.leftovers(e, s)
	if err != nil {
		return err
	}
	if err := landlord.Elsewhere(c.Context(), e, s.tenants...); err != nil {
		return err
	}
	plans := []plan.Plan{}
	for _, server := range list {
		p, err := landlord.Plan(c.Context(), e, server.Name, s.options())
		if err != nil {
			return err
		}
		p.Steps = append([]plan.Step{}, p.Steps...) // in JSON a list, also when empty
		plans = append(plans, p)
	}
	conninfo := ""
	if len(list) > 0 {
		conninfo = list[0].Connection
	}
	if err := a.showPlans(plans, conninfo); err != nil {
		return err
	}
	for _, p := range plans {
		if err := p.Err(); err != nil {
			return err
		}
		if !p.Empty() || len(p.Open()) > 0 {
			return exitError(exitFindings)
		}
	}
	if goes {
		return exitError(exitFindings)
	}
	return nil
}

// leftovers names the servers that landlord made on this machine for tenants
// who have none in the spec, and says whether apply takes some away.
func (a *app) leftovers(e tenant.Estate, s scope) (goes bool, err error) {
	if len(s.tenants) > 0 || s.server != "" {
		return false, nil
	}
	marks, err := landlord.Leftovers(e)
	for _, m := range marks {
		what := "left alone; landlord tenant remove " + m.Tenant + " takes it away, and so does apply --prune"
		if s.prune {
			what = "landlord apply --prune asks for its name, keeps a dump, and takes it away with its data"
		}
		a.say("the server of tenant %s is on this machine and not in the spec: %s", m.Tenant, what)
	}
	return s.prune && len(marks) > 0, err
}

func (a *app) showPlans(plans []plan.Plan, conninfo string) error {
	switch a.output {
	case "json":
		return a.json(map[string]any{"plans": plans})
	case "sql":
		w := bufio.NewWriter(a.Out)
		if err := plan.Script(w, plans[0], conninfo, fmt.Sprintf("landlord hba apply --yes --server %s -f %s", plans[0].Server, shellWord(a.file))); err != nil {
			return err
		}
		return w.Flush()
	}
	w := bufio.NewWriter(a.Out)
	for _, p := range plans {
		printPlan(w, a.outLook(), p, a.verbose)
	}
	return w.Flush()
}

// printPlan prints a plan for people: what, where, why; with the SQL when
// verbose.
func printPlan(w io.Writer, l term.Look, p plan.Plan, verbose bool) {
	printOpen(w, l, p.Server, p.Open())
	if p.Empty() {
		switch {
		case p.Err() != nil || len(p.Open()) > 0:
		case slices.ContainsFunc(p.Notes, func(n plan.Note) bool { return n.Cannot }):
			fmt.Fprintf(w, "server %s: nothing to do that can be done here; what cannot is below\n", p.Server)
		default:
			fmt.Fprintf(w, "server %s: nothing to do\n", p.Server)
		}
		printNotes(w, l, p.Notes)
		printSizes(w, l, p, verbose)
		return
	}
	fmt.Fprintf(w, "server %s: %s\n", p.Server, term.Count(len(p.Steps)+len(p.Host), "step"))
	printHost(w, l, p, verbose)
	group, last := "", ""
	for _, s := range p.Steps {
		if s.Group != group {
			group, last = s.Group, ""
			fmt.Fprintf(w, "\n%s\n", l.Paint(term.Strong, term.Clean(group)))
		}
		if why := term.Clean(s.Why); why != last {
			fmt.Fprintf(w, "  %s %s\n", sign(l, s.Danger), why)
			last = why
		}
		if verbose {
			for _, sql := range s.SQL {
				fmt.Fprintf(w, "      %s\n", l.Paint(term.Dim, term.Clean(sql)+";"))
			}
		}
	}
	if p.HBA != nil {
		what := "landlord's block of rules changes (landlord hba show)"
		if p.HBA.Before == p.HBA.After {
			what = "the server has not loaded the file since it was last changed, and loads it"
		}
		fmt.Fprintf(w, "\n%s\n  %s %s\n", l.Paint(term.Strong, term.Clean(p.HBA.Path)), sign(l, plan.Access), what)
	}
	printLosses(w, l, p.Losses())
	printNotes(w, l, p.Notes)
	printSizes(w, l, p, verbose)
	fmt.Fprintf(w, "\n%s adds, %s takes a right away, %s destroys data\n", sign(l, plan.Safe), sign(l, plan.Access), sign(l, plan.Data))
}

// printHost prints what is to be done on this machine.
func printHost(w io.Writer, l term.Look, p plan.Plan, verbose bool) {
	if len(p.Host) > 0 {
		fmt.Fprintf(w, "\n%s\n", l.Paint(term.Strong, "this machine"))
	}
	for _, s := range p.Host {
		danger := plan.Safe
		switch {
		case s.Loses:
			danger = plan.Data
		case s.Ends:
			danger = plan.Access
		}
		fmt.Fprintf(w, "  %s %s\n", sign(l, danger), term.Clean(s.Why))
		for _, c := range s.Commands {
			for line := range strings.Lines(c) {
				if verbose {
					fmt.Fprintf(w, "      %s\n", l.Paint(term.Dim, term.Clean(strings.TrimSuffix(line, "\n"))))
				}
			}
		}
	}
}

// printSizes prints what the parameters of a tenant's own server follow from.
func printSizes(w io.Writer, l term.Look, p plan.Plan, verbose bool) {
	if !verbose || len(p.Sizes) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n%s", l.Paint(term.Strong, "sizes of server "+p.Server), sizeTable(l, p.Sizes))
}

func sizeTable(l term.Look, sizes []cluster.Size) string {
	t := term.Table{Head: []string{"parameter", "value", "why"}, Right: []int{1}}
	for _, s := range sizes {
		t.Rows = append(t.Rows, []term.Cell{term.Text(s.Name), term.Text(s.Value), term.Toned(term.Dim, s.Why)})
	}
	return l.Table(t)
}

// printOpen prints what stands open, before all else: a plan with nothing to do
// is not all well then.
func printOpen(w io.Writer, l term.Look, server string, open []plan.Note) {
	if len(open) == 0 {
		return
	}
	fmt.Fprintf(w, "%s\n", l.Paint(term.Bad, fmt.Sprintf("server %s: %s open that landlord does not close:", server, standing(len(open)))))
	for _, n := range open {
		fmt.Fprintf(w, "  %s %s\n    %s\n", l.Paint(term.Bad, "x"), term.Clean(n.What), l.Paint(term.Dim, term.Clean(n.Next)))
	}
	fmt.Fprintln(w)
}

func standing(n int) string {
	if n == 1 {
		return "1 way stands"
	}
	return term.Count(n, "way") + " stand"
}

func sign(l term.Look, d plan.Danger) string {
	switch d {
	case plan.Access:
		return l.Paint(term.Warn, "!")
	case plan.Data:
		return l.Paint(term.Bad, "x")
	}
	return l.Paint(term.Good, "+")
}

func printLosses(w io.Writer, l term.Look, losses []plan.Loss) {
	if len(losses) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", l.Paint(term.Bad, "This destroys data:"))
	for _, loss := range losses {
		fmt.Fprintf(w, "  %s, %s\n", term.Clean(loss.What), lossSize(loss))
	}
}

func lossSize(loss plan.Loss) string {
	if loss.Bytes < 0 {
		return "size not known"
	}
	return term.Bytes(loss.Bytes)
}

func printNotes(w io.Writer, l term.Look, notes []plan.Note) {
	for _, cannot := range []bool{true, false} {
		title := "Left alone:"
		if cannot {
			title = "Cannot be done here:"
		}
		for _, n := range notes {
			if n.Cannot != cannot || n.Open {
				continue
			}
			if title != "" {
				fmt.Fprintf(w, "\n%s\n", l.Paint(term.Warn, title))
				title = ""
			}
			fmt.Fprintf(w, "  %s\n    %s\n", term.Clean(n.What), l.Paint(term.Dim, term.Clean(n.Next)))
		}
	}
}
