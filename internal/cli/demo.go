package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/apply"
	"landlord/internal/cluster"
	"landlord/internal/demo"
	"landlord/internal/plan"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

func (a *app) demoCommand() *cobra.Command {
	var once bool
	var dir string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job on a private PostgreSQL server",
		Long: `Start a private PostgreSQL server, give five tenants a house (two with a
database each, two with a schema each, one with a server of its own), put a
little data into each, and prove through real logins that nobody gets into
another's. Nothing on this machine's own servers is touched; as root, an address
of 192.0.2.0/24 is on the loopback interface while the demo runs, and the server
of its own listens there, under its limits where there are control groups. The
landlord.yaml stays for you to read; the servers end with Ctrl-C.
Exit status: 0 the walls hold; 1 failed; 3 they do not.`,
		Example: "  landlord demo\n  landlord demo --once",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), dir, once) },
	}
	c.Flags().BoolVar(&once, "once", false, "end after the proof")
	c.Flags().StringVar(&dir, "dir", "landlord-demo", "where landlord.yaml is left")
	return c
}

func (a *app) demo(ctx context.Context, dir string, once bool) (err error) {
	a.say("starting a private PostgreSQL server …")
	d, err := demo.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	a.say("PostgreSQL %d on port %d, with TLS; the spec is %s", d.Server.Major(), d.Server.Port(), d.SpecFile())
	if err := a.furnish(ctx, d); err != nil {
		return err
	}
	a.introduce(d)
	a.file, a.output = d.SpecFile(), "text"
	if err := a.prove(ctx, scope{}, landlord.Options{}); err != nil {
		return err
	}
	a.invite(d)
	if once {
		return nil
	}
	a.say("\nThe servers run until you press Ctrl-C.")
	<-ctx.Done()
	a.say("\nstopping; %s stays for you to read", d.SpecFile())
	return nil
}

// furnish applies the spec and fills the houses.
func (a *app) furnish(ctx context.Context, d *demo.Demo) error {
	var bar *term.Progress
	err := d.Build(ctx, func(o apply.Outcome) {
		word := "built"
		if o.Err != nil {
			word = "FAILED"
		}
		bar.Done(o.Group, word)
	}, func(p plan.Plan) { bar = term.NewProgress(a.Err, a.errLook(), "building", groups(p), a.quiet) })
	if bar != nil {
		bar.Close()
	}
	if err != nil {
		return err
	}
	if err := d.Fill(ctx); err != nil {
		return err
	}
	return d.Route(ctx)
}

// introduce says who lives where, before the houses are tried.
func (a *app) introduce(d *demo.Demo) {
	names := map[tenant.Model]string{}
	for _, t := range d.Estate.Tenants {
		names[t.Isolation] += ", " + t.Name
	}
	a.say("\nFive customers (tenants), in three kinds of houses:")
	row := func(who, what string) { a.say("  %-19s %s", strings.TrimPrefix(who, ", "), what) }
	row(names[tenant.Database], "a database each, on one server")
	row(names[tenant.Schema], "a schema each, in one database that they share")
	if s, ok := d.Estate.Server(demo.Own); ok {
		held := "and nothing holds it to that here: limits want root, and control groups"
		if d.Limit() != "" {
			held = "and the kernel holds it to that"
		}
		row(demo.Own, fmt.Sprintf("a server of its own, at %s, port %d:", s.Own.Listen(), s.Own.Port()))
		row("", fmt.Sprintf("%s of memory and %s processor, %s", term.Bytes(s.Own.Resources.Memory), cluster.Processors(s.Own.Resources.CPU), held))
	}
	switch r := d.Estate.Router; {
	case r != nil:
		row("one door for all", fmt.Sprintf("PgBouncer in %s, port %d:", r.Socket, r.Port))
		row("", "programs know one address, and give their customer's name as the database")
	default:
		row("no door for all", "PgBouncer is not installed: the router is left out")
	}
	a.say("\nNow landlord logs in as each of them, and tries to get out:")
}

// invite prints how to try it by hand.
func (a *app) invite(d *demo.Demo) {
	l := a.outLook()
	t := slices.DeleteFunc(slices.Clone(d.Estate.Tenants), func(t tenant.Tenant) bool { return t.Isolation == tenant.Cluster })
	fmt.Fprintf(a.Out, "\n%s\n\n", l.Paint(term.Strong, "Try it yourself, in another terminal:"))
	fmt.Fprintf(a.Out, "  export PGPASSFILE=%s PGSSLMODE=verify-full PGSSLROOTCERT=%s/ca.pem\n\n", shellWord(d.PassFile()), shellWord(d.Dir))
	line := func(t tenant.Tenant, database, sql, remark string) {
		fmt.Fprintf(a.Out, "  %s\n  psql -h localhost -p %d -U %s -d %s -c %s\n\n", l.Paint(term.Dim, "# "+remark),
			d.Server.Port(), t.LoginsOf(tenant.App)[0], database, shellWord(sql))
	}
	line(t[0], t[0].Home.Database, "SELECT * FROM customers", t[0].Name+" in its own house")
	line(t[0], t[1].Home.Database, "SELECT 1", t[0].Name+" at the door of "+t[1].Name+": turned away by pg_hba.conf, before any grant is asked")
	line(t[2], t[3].Home.Database, "SELECT * FROM "+t[3].Name+".customers", t[2].Name+" and "+t[3].Name+" share a database: permission denied for schema")
	if s, ok := d.Estate.Server(demo.Own); ok {
		fmt.Fprintf(a.Out, "  %s\n  PGSSLROOTCERT=%s psql -h %s -p %d -U %s_app -d %s -c %s\n\n", l.Paint(term.Dim, "# "+demo.Own+" in a server of its own"),
			shellWord(s.Own.Certificate()), s.Own.Listen(), s.Own.Port(), demo.Own, demo.Own, shellWord("SHOW shared_buffers"))
	}
	if limit := d.Limit(); limit != "" {
		fmt.Fprintf(a.Out, "  %s\n  %s\n\n", l.Paint(term.Dim, "# the kernel's limit for the memory of "+demo.Own+"'s server, in bytes"), limit)
	}
	if r := d.Estate.Router; r != nil {
		for _, t := range []string{t[0].Name, t[2].Name, demo.Own} {
			fmt.Fprintf(a.Out, "  %s\n  PGSSLMODE=disable psql -h %s -p %d -U %s_app -d %[4]s -c %s\n\n", l.Paint(term.Dim, "# "+t+" through the router: the same address for all"),
				shellWord(r.Socket), r.Port, t, shellWord("SELECT * FROM customers"))
		}
	}
	fmt.Fprintf(a.Out, "  %s\n  landlord prove -v -f %s\n\n", l.Paint(term.Dim, "# each exposure with what it means, and why something was not tried"), shellWord(d.SpecFile()))
	fmt.Fprintf(a.Out, "  %s\n  landlord plan -f %s\n", l.Paint(term.Dim, "# what is there, and what there is to do (nothing)"), shellWord(d.SpecFile()))
}
