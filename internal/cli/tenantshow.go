package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/catalog"
	"landlord/internal/plan"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

func (a *app) tenantShow() *cobra.Command {
	var server string
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Tell all about one tenant",
		Long: `Tell all about one tenant: its house, roles and who is in them, limits (and
which of them the tenant can change), size, connections, its largest tables,
what else stands in its schemas and what of that is unusual, and what
differs from what it should be.
Exit status: 0; 1 failed; 2 no such tenant, bad usage or spec.`,
		Example: "  landlord tenant show acme",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.showTenant(c.Context(), server, args[0]) },
	}
	a.specFlag(c)
	a.outputFlag(c, "text", "json")
	homeFlag(c, &server)
	return c
}

func (a *app) showTenant(ctx context.Context, server, name string) error {
	h, s, err := a.statusOf(ctx, server, name)
	if err != nil {
		return err
	}
	if s == nil {
		return a.noSuchTenant(ctx, server, name)
	}
	contents := landlord.Contents(ctx, h.server, *s)
	// What a plan refuses to touch is what one wants to look at most.
	drift, refused := a.drift(ctx, h, *s)
	if refused == nil {
		refused = drift.Err()
	}
	if a.output == "json" {
		answer := tenantAnswer(*s, drift)
		answer["contents"] = contents
		return errors.Join(a.json(answer), refused)
	}
	printTenant(a, *s, contents)
	if refused == nil {
		printDrift(a, s.Name, drift)
	}
	return refused
}

// drift is what a plan for the tenant would change.
func (a *app) drift(ctx context.Context, h home, s landlord.Status) (plan.Plan, error) {
	t, ok := h.estate.Tenant(s.Name)
	if ok && t.Server != s.Server {
		return plan.Plan{}, otherServer(s.Name, t.Server, s.Server)
	}
	if !ok {
		var err error
		if h, err = a.stateOf(ctx, h.server, s.Name); err != nil {
			return plan.Plan{}, err
		}
	}
	return landlord.Plan(ctx, h.estate, s.Server, landlord.Options{Tenants: []string{s.Name}, Whole: h.whole})
}

// tenantAnswer is what show answers as JSON.
func tenantAnswer(s landlord.Status, drift plan.Plan) map[string]any {
	answer := map[string]any{"tenant": s, "drift": drift.Steps}
	if s.Isolation == tenant.Cluster {
		answer["host"], answer["sizes"] = drift.Host, drift.Sizes
	}
	return answer
}

func printTenant(a *app, s landlord.Status, contents []catalog.Standout) {
	l, w := a.outLook(), a.Out
	state := ""
	if s.Suspended {
		state = l.Paint(term.Warn, "  suspended")
	}
	if s.Down() {
		state = l.Paint(term.Warn, "  its server does not run: landlord apply starts it")
	}
	if len(s.Missing) > 0 {
		state += l.Paint(term.Warn, "  not there: database "+term.Clean(strings.Join(s.Missing, ", ")))
	}
	version := ""
	if s.Version != "" {
		version = " (PostgreSQL " + s.Version + ")"
	}
	fmt.Fprintf(w, "%s%s\n  %s on server %s%s, %s\n", l.Paint(term.Strong, s.Name), state,
		houseOf(s.Isolation, term.Clean(s.Database)), s.Server, version, term.Count(len(s.Schemas), "schema"))
	for _, p := range s.Further {
		fmt.Fprintf(w, "  database %s, %s, %s\n", term.Clean(p.Database), term.Count(len(p.Schemas), "schema"), bytes(p.Bytes))
	}
	fmt.Fprintf(w, "  %s, %s now, %s\n\n", bytes(s.Bytes), term.Count(s.Sessions, "connection"), atMost(s))
	t := term.Table{Head: []string{"role", "kind", "may log in", "password", "connections", "also in it"}, Right: []int{4}}
	for _, r := range s.Roles {
		login := term.Toned(term.Dim, "no")
		if r.Login {
			login = term.Toned(term.Good, "yes")
		}
		if r.Login && r.Rotation == "old" {
			login = term.Toned(term.Warn, strings.TrimSuffix("yes, the old one until "+r.Until, " until "))
		}
		t.Rows = append(t.Rows, []term.Cell{term.Text(r.Name), term.Text(r.Kind), login, term.Text(r.Verifier),
			term.Text(fmt.Sprint(r.Sessions)), term.Text(strings.Join(r.Members, ", "))})
	}
	fmt.Fprint(w, l.Table(t))
	for _, limit := range s.Limits {
		kind := l.Paint(term.Good, "enforced")
		if !limit.Enforced {
			kind = l.Paint(term.Warn, "a default that the tenant can change")
		}
		fmt.Fprintf(w, "  %-22s %-8s %s\n", limit.Name, limit.Value, kind)
	}
	printContents(a, contents)
}

// atMost says in words how many connections a tenant may open.
func atMost(s landlord.Status) string {
	if s.Unlimited() {
		return "without a limit"
	}
	return "at most " + most(s)
}
