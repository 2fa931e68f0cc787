package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/prove"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

func (a *app) proveCommand() *cobra.Command {
	var s scope
	var o landlord.Options
	router := false
	c := &cobra.Command{
		Use:   "prove",
		Short: "Log in as each tenant and try to get out",
		Long: `Log in as each tenant, through pg_hba.conf and TLS as an application does, and
try to get into a neighbour's house, to become more than one is, to turn the
own house against others; and see that each tenant can do its own work.

Passwords come from the spec's secrets. Where these do not know one, a
short-lived login in the same roles stands for it, which is gone afterwards.
Nothing is changed: what is tried is rolled back. --pool tries one of the
server's pools alone, --router only what goes through the router.

  held       was tried, and refused
  ESCAPED    was tried, and worked: a wall is missing
  exposed    cannot be refused in this model; says which model closes it
  not tried  nothing was learned, and why
  works      the tenant can do what it must be able to do
  FAILED     it cannot

Exit status: 0 the walls hold; 1 failed; 2 mistake in the call or in the spec;
3 something ESCAPED or FAILED.`,
		Example: "  landlord prove -f landlord.yaml\n  landlord prove --tenant acme -v\n  landlord prove --pool web\n  landlord prove --router\n  landlord prove --output json > proof.json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if router {
				o.Probes = prove.RouterProbes()
			}
			o.Tenants = s.tenants
			return a.prove(c.Context(), s, o)
		},
	}
	a.specFlag(c)
	a.scopeFlags(c, &s)
	c.Flags().StringArrayVar(&o.Pools, "pool", nil, "only this pool; may be repeated")
	c.Flags().BoolVar(&router, "router", false, "only what goes through the router")
	a.outputFlag(c, "text", "json")
	return c
}

func (a *app) prove(ctx context.Context, s scope, o landlord.Options) error {
	e, list, err := a.about(s)
	if err == nil {
		list, err = withPools(list, o.Pools)
	}
	if err == nil && len(o.Probes) > 0 && e.Router == nil {
		err = usageError{landlord.ErrNoRouter}
	}
	if err != nil {
		return err
	}
	reports := []prove.Report{}
	bad := false
	for _, server := range list {
		if server.Own != nil && server.Own.Stopped {
			a.say("server %s does not run while its tenant is suspended: nothing is tried in it", server.Name)
			continue
		}
		r, err := a.proveServer(ctx, e, server, onServer(o, server))
		if err != nil {
			return err
		}
		reports = append(reports, r)
		bad = bad || r.Escaped() || r.Broken()
	}
	if a.output == "json" {
		err = a.json(map[string]any{"reports": reports})
	} else {
		err = a.printReports(e, reports)
	}
	if err == nil && bad {
		return exitError(exitFindings)
	}
	return err
}

// proveServer proves one server, with progress by tenant.
func (a *app) proveServer(ctx context.Context, e tenant.Estate, server tenant.Server, o landlord.Options) (prove.Report, error) {
	total := len(o.Tenants)
	if total == 0 && len(o.Pools) == 0 {
		total = len(e.On(server.Name))
	}
	bar := term.NewProgress(a.Err, a.errLook(), "proving", total, a.quiet)
	defer bar.Close()
	return landlord.Prove(ctx, e, server.Name, o, landlord.ProveHooks{
		Outcome: func(o prove.Outcome) {
			if a.verbose || o.Verdict == prove.Escaped || o.Verdict == prove.Failed {
				bar.Say(fmt.Sprintf("%s %s: %s: %s", o.Login, against(o), o.Probe, o.Verdict))
			}
		},
		Tenant: func(name string, outcomes []prove.Outcome) { bar.Done("tenant "+name, summary(outcomes)) },
	})
}

// onServer leaves out the pools that are other servers'.
func onServer(o landlord.Options, s tenant.Server) landlord.Options {
	o.Pools = slices.DeleteFunc(slices.Clone(o.Pools), func(name string) bool { _, ok := s.Pool(name); return !ok })
	return o
}

// withPools are the servers that have some pools, where any are named.
func withPools(list []tenant.Server, pools []string) ([]tenant.Server, error) {
	has := func(s tenant.Server) bool {
		return slices.ContainsFunc(s.Pools, func(p tenant.Pool) bool { return slices.Contains(pools, p.Name) })
	}
	for _, name := range pools {
		if !slices.ContainsFunc(list, func(s tenant.Server) bool { _, ok := s.Pool(name); return ok }) {
			return nil, usageError{fmt.Errorf("there is no pool %q in the spec", name)}
		}
	}
	if len(pools) == 0 {
		return list, nil
	}
	return slices.DeleteFunc(slices.Clone(list), func(s tenant.Server) bool { return !has(s) }), nil
}

// summary is what became of a tenant, in a few words.
func summary(outcomes []prove.Outcome) string {
	counts := map[prove.Verdict]int{}
	for _, o := range outcomes {
		counts[o.Verdict]++
	}
	text := fmt.Sprintf("%d held", counts[prove.Held])
	for _, v := range []prove.Verdict{prove.Escaped, prove.Failed} {
		if counts[v] > 0 {
			text += fmt.Sprintf(", %d %s", counts[v], v)
		}
	}
	return text
}

func against(o prove.Outcome) string {
	if o.Admin != "" {
		return "as an administrator"
	}
	if o.Pool != "" && o.Neighbour == "" {
		return "as a pool"
	}
	from := ""
	if o.Database != "" {
		from = ", from database " + term.Clean(o.Database)
	}
	switch {
	case o.Neighbour == "" && o.Database != "":
		return "in its database " + term.Clean(o.Database)
	case o.Neighbour == "":
		return "in its own house"
	case o.NeighbourDatabase != "":
		return "against database " + term.Clean(o.NeighbourDatabase) + " of " + term.Clean(o.Neighbour) + from
	}
	return "against " + term.Clean(o.Neighbour) + from
}

func (a *app) printReports(e tenant.Estate, reports []prove.Report) error {
	w := bufio.NewWriter(a.Out)
	for _, r := range reports {
		p := proof{w: w, look: a.outLook(), estate: e, report: r, verbose: a.verbose}
		p.print()
	}
	return w.Flush()
}
