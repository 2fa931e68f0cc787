package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/apply"
	"landlord/internal/plan"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// consent is what somebody has agreed to beforehand.
type consent struct {
	yes   bool
	drops []string
	// fresh gives what is wanted as it is now.
	fresh refresh
	// whole is as in landlord.Options.
	whole refresh
	// leaving, if any, is asked of tenants who are to be taken away, as the server
	// has them.
	leaving func(context.Context, []tenant.Tenant) error
	// given, if any, is called once it is given, before anything is changed.
	given func() error
	// unchanged, if any, is called where the server has nothing of what was wanted.
	unchanged func() error
	// straight says that nobody is asked before landlord's lock is held.
	straight bool
}

func (a *app) applyCommand() *cobra.Command {
	var s scope
	var agreed consent
	c := &cobra.Command{
		Use:   "apply",
		Short: "Change the server to what the spec says",
		Long: `Show the plan, ask, and change the server to what the spec says. Where there is
nothing to do, no lock is taken; otherwise the spec is read again once no other
landlord is at work, and what it says then is done (without --yes, nothing is,
if it has changed since somebody agreed). What fails is reported and the rest is
done; the next apply goes on from there. Of a new tenant whose house cannot be
built, what had been made is taken back. Where a server on this machine has no
room on its disk for the databases that are to be made, none is begun.

What destroys data asks for its name, also with --yes; --drop NAME gives the
name beforehand. With --prune and neither --server nor --tenant, the servers
that landlord made on this machine for tenants who are out of the spec are taken
away too, each after a last dump into the current directory. Where the router's
files must follow, apply says so; landlord router apply writes them.

Exit status: 0 done, or nothing to do; 1 something failed, or nobody agreed;
2 mistake in the call or in the spec, or something is in the way; 3 done, but a
way into or out of a house stands open that landlord does not close.`,
		Example: "  landlord apply -f landlord.yaml\n  landlord apply --tenant acme --yes\n  landlord apply --prune --yes --drop oldcustomer",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.apply(c, s, agreed) },
	}
	a.specFlag(c)
	a.scopeFlags(c, &s)
	s.pruneFlag(c)
	a.outputFlag(c, "text", "json")
	c.Flags().BoolVar(&agreed.yes, "yes", false, "do not ask, except before data is destroyed")
	c.Flags().StringArrayVar(&agreed.drops, "drop", nil, "agree to destroying the data of this tenant or schema; may be repeated")
	return c
}

func (a *app) apply(c *cobra.Command, s scope, agreed consent) error {
	e, list, err := a.about(s)
	if err != nil {
		return err
	}
	if err := inTheWay(c.Context(), e, list, s); err != nil {
		return err
	}
	agreed.fresh = a.unchanged(s, agreed.yes)
	results := map[string]apply.Result{}
	var failures []error
	open := 0
	for _, server := range list {
		result, err := a.applyServer(c.Context(), e, server, s, agreed)
		results[server.Name] = result
		open += len(result.Open)
		if err = errors.Join(err, result.Err()); err != nil {
			failures = append(failures, err)
		}
	}
	if s.prune && len(s.tenants) == 0 && s.server == "" {
		if err := a.pruneServers(c.Context(), e, agreed.drops); err != nil {
			failures = append(failures, err)
		}
	}
	if a.output == "json" {
		if err := a.json(map[string]any{"applied": results}); err != nil {
			return err
		}
	}
	a.routerBehind(c.Context(), e)
	if len(failures) == 0 && open > 0 {
		return exitError(exitFindings)
	}
	return errors.Join(failures...)
}

// routerBehind says where the router's files do not fit what the servers have
// now. Changing them is landlord router apply's, on the router's machine.
func (a *app) routerBehind(ctx context.Context, e tenant.Estate) {
	if e.Router == nil || ctx.Err() != nil {
		return
	}
	p, err := landlord.PlanRouter(ctx, e)
	switch {
	case err != nil:
		a.say("whether the router's files must change cannot be told here: %v; next: landlord router apply, on the router's machine", err)
	case len(p.Changed) > 0:
		a.say("the router's files must change; next: landlord router apply")
	}
}

// inTheWay looks at all servers, where there are several, before one of them is
// changed: a tenant may stand on one, and in the spec on another.
func inTheWay(ctx context.Context, e tenant.Estate, list []tenant.Server, s scope) error {
	if len(s.tenants) > 0 {
		return landlord.Elsewhere(ctx, e, s.tenants...)
	}
	if len(list) < 2 {
		return nil
	}
	for _, server := range list {
		_, err := landlord.Plan(ctx, e, server.Name, s.options())
		if conflict, ok := errors.AsType[*plan.ConflictError](err); ok {
			return conflict
		}
	}
	return nil
}

func (a *app) applyServer(ctx context.Context, e tenant.Estate, server tenant.Server, s scope, agreed consent) (apply.Result, error) {
	var bar *term.Progress
	changed := false
	o := s.options()
	o.Whole = agreed.whole
	result, err := landlord.Apply(ctx, e, server.Name, o, landlord.Hooks{
		Refresh:   agreed.fresh,
		Straight:  agreed.straight,
		Unchanged: agreed.unchanged,
		Consent:   func(p plan.Plan) error { changed = true; return a.consent(ctx, p, agreed) },
		Waiting:   func() { a.say("another landlord is at work on server %s; waiting", server.Name) },
		Begin: func(p plan.Plan) {
			bar = term.NewProgress(a.Err, a.errLook(), "applying", groups(p), a.quiet)
		},
		Blocked: func(who []apply.Blocker) {
			for _, b := range who {
				bar.Say("waiting for a lock that " + b.String() + " holds")
			}
		},
		Done: func(o apply.Outcome) {
			word := "applied"
			if o.Err != nil {
				word = "FAILED"
			}
			bar.Done(o.Group, word)
		},
	})
	if bar != nil {
		bar.Close()
	}
	if err == nil && len(result.Failed) == 0 {
		printOpen(a.Err, a.errLook(), server.Name, result.Open)
		if a.output == "text" {
			fmt.Fprintf(a.Out, "server %s: %s\n", server.Name, lastWord(changed, len(result.Open)))
		}
	}
	return result, err
}

// lastWord says what apply has come to.
func lastWord(changed bool, open int) string {
	switch {
	case changed && open > 0:
		return "done, but " + standing(open) + " open"
	case changed:
		return "done; landlord prove tries the walls"
	case open > 0:
		return "nothing to do that landlord does, but " + standing(open) + " open"
	}
	return "nothing to do"
}

// groups counts what Done will be told of.
func groups(p plan.Plan) int {
	type part struct {
		phase plan.Phase
		group string
	}
	seen := map[part]bool{}
	for _, s := range p.Steps {
		seen[part{s.Phase, s.Group}] = true
	}
	n := len(seen) + len(p.Host)
	if p.HBA != nil {
		n++
	}
	return n
}

// consent asks, and passes on that there was consent.
func (a *app) consent(ctx context.Context, p plan.Plan, agreed consent) error {
	if agreed.leaving != nil {
		if err := agreed.leaving(ctx, p.Gone); err != nil {
			return err
		}
	}
	if err := a.ask(ctx, p, agreed); err != nil || agreed.given == nil {
		return err
	}
	return agreed.given()
}

// ask shows the plan and asks for consent: once for all of it, and once for
// each thing that is lost.
func (a *app) ask(ctx context.Context, p plan.Plan, agreed consent) error {
	if !agreed.yes || len(p.Losses()) > 0 {
		printPlan(a.Err, a.errLook(), p, a.verbose)
	} else if !a.quiet {
		printNotes(a.Err, a.errLook(), p.Notes)
	}
	for _, loss := range p.Losses() {
		if slices.Contains(agreed.drops, loss.Name) {
			continue
		}
		question := fmt.Sprintf("\n%s (%s) will be destroyed.", loss.What, lossSize(loss))
		if err := term.Confirm(ctx, a.In, a.Err, question, loss.Name); err != nil {
			return fmt.Errorf("%w; --yes alone destroys nothing, --drop %s agrees beforehand", err, loss.Name)
		}
	}
	if agreed.yes {
		return nil
	}
	return term.Confirm(ctx, a.In, a.Err, fmt.Sprintf("\nChange server %s?", p.Server), "yes")
}
