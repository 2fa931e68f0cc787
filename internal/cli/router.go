package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/router"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

func (a *app) routerCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "router",
		Short: "PgBouncer in front of all servers: one address, and each tenant's name",
		Long: `PgBouncer as router: programs know one address, and give their tenant's name as
the database's, wherever its house stands. landlord writes PgBouncer's files
from landlord.yaml (router), has it load them, and tells you what it does. Run
it on the router's machine, as PgBouncer's user or as root.
Exit status: see the commands.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.routerApply(), a.routerShow(), a.routerStatus(), a.routerHold(false), a.routerHold(true))
	return c
}

func (a *app) routerApply() *cobra.Command {
	c := &cobra.Command{
		Use:   "apply",
		Short: "Write PgBouncer's files, try them, and have it load them",
		Long: `Write the files of each process of PgBouncer: which names lead where, who may
come by which name, how many connections there may be. What has changed is tried
first, by a PgBouncer on a private socket; what that refuses replaces nothing.
Then the running processes load their files, without ending a connection, and
only where something has changed. Where systemd runs the machine and landlord
runs as root, each process is a unit of its own, landlord-router@1.service and
so on, which starts with the machine, and again whenever it ends; what does not
run yet is started. Elsewhere, and with host: {manager: plain}, a process that
does not run is left so, and the command that starts it is printed. A server
where the router cannot know who may come in (a managed service) is left out,
and named. So are the known holes of this PgBouncer. All pools together must fit
into each server's max_connections.
Exit status: 0 done or nothing to do; 1 failed, refused, the pools do not fit,
or a tenant is left out; 2 bad usage or spec.`,
		Example: "  landlord router apply\n  landlord router apply -f /etc/landlord.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.applyRouter(c.Context()) },
	}
	a.specFlag(c)
	return c
}

func (a *app) planRouter(ctx context.Context) (tenant.Estate, landlord.RouterPlan, error) {
	e, err := a.load()
	if err != nil {
		return e, landlord.RouterPlan{}, err
	}
	p, err := landlord.PlanRouter(ctx, e)
	if errors.Is(err, landlord.ErrNoRouter) {
		err = usageError{err}
	}
	return e, p, err
}

func (a *app) applyRouter(ctx context.Context) error {
	e, p, err := a.planRouter(ctx)
	if err != nil {
		return err
	}
	a.sayHoles(p)
	for _, n := range p.Notes {
		a.say("%s", term.Clean(strings.TrimSuffix(n.What+"; "+n.Next, "; ")))
	}
	for _, d := range p.Demands {
		if d.Over() && e.Router.Overcommit {
			a.say("%s: overcommit: true lives with it", d)
		}
	}
	out, err := landlord.ApplyRouter(ctx, e, p)
	if err == nil {
		err = landlord.SuperviseRouter(ctx, e, p, out)
	}
	for i, o := range out {
		fmt.Fprintf(a.Out, "process %d, port %d: %s: %s\n", o.Process, p.Processes[i].Port, term.Count(len(p.Processes[i].Aliases), "name"), outcome(o))
	}
	if err == nil && slices.ContainsFunc(p.Notes, func(n router.Note) bool { return n.Cannot }) {
		return exitError(exitFailed)
	}
	return err
}

func outcome(o landlord.RouterOutcome) string {
	switch {
	case o.Started && o.Written:
		return "written; started as systemd's " + o.Unit
	case o.Started:
		return "nothing to write; started as systemd's " + o.Unit
	case !o.Running && o.Written:
		return "written; it does not run: start it by " + strings.Join(o.Start, " ")
	case !o.Running:
		return "nothing to write; it does not run: start it by " + strings.Join(o.Start, " ")
	case len(o.Restart) > 0 && !o.Loaded:
		return "written, and not loaded: restart it, since it takes these only when it starts: " + strings.Join(o.Restart, ", ")
	case len(o.Restart) > 0:
		return "loaded; restart it, since it takes these only when it starts: " + strings.Join(o.Restart, ", ")
	case o.Loaded:
		return "written and loaded"
	}
	return "nothing to do"
}

func (a *app) sayHoles(p landlord.RouterPlan) {
	for _, h := range p.Holes {
		if h.Open {
			a.say("PgBouncer %s has %s (fixed in %s): %s. Here: %s", p.Version, h.Name(), h.Fixed, h.What, h.Here)
		} else if a.verbose {
			a.say("PgBouncer %s has %s (fixed in %s): %s. Closed here: %s", p.Version, h.Name(), h.Fixed, h.What, h.Here)
		}
	}
}

func (a *app) routerShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show",
		Short: "Print PgBouncer's files as they should be",
		Long: `Print the files of each process of PgBouncer as they should be, for you to read.
With secrets: userlist, the list of users is left out: it holds verifiers. With
--output json: which names there are, where they lead, how many connections they
may take, and the known holes of this PgBouncer. Nothing is changed.
Exit status: 0; 1 failed; 2 bad usage or spec.`,
		Example: "  landlord router show\n  landlord router show --output json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.showRouter(c.Context()) },
	}
	a.specFlag(c)
	a.outputFlag(c, "text", "json")
	return c
}

func (a *app) showRouter(ctx context.Context) error {
	_, p, err := a.planRouter(ctx)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.indented(p)
	}
	for _, process := range p.Processes {
		for _, name := range []string{"pgbouncer.ini", "hba.conf"} {
			fmt.Fprintf(a.Out, "# %s/%s\n%s\n", process.Dir, name, process.Files[name])
		}
	}
	return nil
}

func (a *app) indented(v any) error {
	enc := json.NewEncoder(a.Out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (a *app) routerStatus() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Show clients, connections, waits and pauses of each tenant",
		Long: `Show, for each name of the router's: clients, those of them that wait and how
long the first has waited, connections to the server and how many of them are in
use, and whether it is paused. Exit status: 0; 1 failed, or a process does not
run or goes by older files; 2 bad usage or spec.`,
		Example: "  landlord router status",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.statusRouter(c.Context()) },
	}
	a.specFlag(c)
	a.outputFlag(c, "text", "json")
	return c
}

func (a *app) statusRouter(ctx context.Context) error {
	e, err := a.load()
	if err != nil {
		return err
	}
	list, err := landlord.StatusRouter(ctx, e)
	if errors.Is(err, landlord.ErrNoRouter) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if a.output == "json" {
		if list == nil {
			list = []landlord.RouterStatus{}
		}
		if err := a.indented(list); err != nil {
			return err
		}
	} else {
		table := term.Table{Head: []string{"NAME", "SERVER", "PORT", "CLIENTS", "WAITING", "CONNECTIONS", "STATE"}}
		for _, s := range list {
			row := []term.Cell{}
			for _, text := range routerRow(s) {
				row = append(row, term.Text(text))
			}
			table.Rows = append(table.Rows, row)
		}
		fmt.Fprint(a.Out, a.outLook().Table(table))
	}
	for _, s := range list {
		if !s.Running || s.Stale {
			return exitError(exitFailed)
		}
	}
	return nil
}

func routerRow(s landlord.RouterStatus) []string {
	state := "open"
	switch {
	case !s.Running:
		return []string{s.Name, s.Server, fmt.Sprint(s.Port), "", "", "", "its process does not run"}
	case s.Stale:
		state = "not loaded: landlord router apply"
	case s.Paused:
		state = "paused"
	}
	waiting := fmt.Sprint(s.Waiting)
	if s.Waiting > 0 {
		waiting += fmt.Sprintf(" (%.1f s)", float64(s.WaitMicros)/1e6)
	}
	return []string{s.Name, s.Server, fmt.Sprint(s.Port), fmt.Sprint(s.Clients), waiting, fmt.Sprintf("%d/%d, %d in use", s.Servers, s.MaxServers, s.Busy), state}
}

// routerHold is pause, or resume.
func (a *app) routerHold(resume bool) *cobra.Command {
	c := &cobra.Command{
		Use:   "pause [NAME...]",
		Short: "Have clients of some tenants, or of all, wait",
		Long: `Have clients of some tenants, or of all, wait: what is under way ends (a
transaction; in session mode all that a client does until it goes), and what
comes after waits for landlord router resume, at most as long as PgBouncer's
query_wait_timeout (two minutes). Then nobody is connected to the server, and it
can be restarted or moved. A restart of PgBouncer ends a pause.
Exit status: 0; 1 failed; 2 bad usage or spec.`,
		Example: "  landlord router pause acme",
		Args:    cobra.ArbitraryArgs, ValidArgsFunction: a.tenantNames,
	}
	if resume {
		c.Use, c.Short = "resume [NAME...]", "Let clients that wait go on"
		c.Long = "Undo landlord router pause, for some tenants or for all.\nExit status: 0; 1 failed; 2 bad usage or spec."
		c.Example = "  landlord router resume acme"
	}
	c.RunE = func(c *cobra.Command, names []string) error {
		e, err := a.load()
		if err != nil {
			return err
		}
		if err := tenants(e, names); err != nil {
			return err
		}
		n, err := landlord.PauseRouter(c.Context(), e, names, resume)
		if errors.Is(err, landlord.ErrNoRouter) {
			return usageError{err}
		}
		if err == nil {
			fmt.Fprintf(a.Out, "%s: %s\n", map[bool]string{false: "paused", true: "resumed"}[resume], term.Count(n, "name"))
		}
		return err
	}
	a.specFlag(c)
	return c
}
