package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

func (a *app) hbaCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "hba",
		Short: "The rules of pg_hba.conf: show, check, change, and try them out",
		Long: `pg_hba.conf decides who may knock at which database, before any grant is asked.
landlord owns one marked block of it and touches nothing outside.
Exit status: see the commands.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.hbaShow(), a.hbaCheck(), a.hbaApply(), a.hbaTest())
	return c
}

// door is what the hba commands work on.
type door struct {
	estate tenant.Estate
	server tenant.Server
	snap   snapshot.Snapshot
}

func (a *app) door(ctx context.Context, name string) (door, error) {
	e, err := a.load()
	if err != nil {
		return door{}, err
	}
	list, err := servers(e, name, nil)
	if err != nil {
		return door{}, err
	}
	if len(list) > 1 {
		return door{}, severalServers(list)
	}
	snap, err := landlord.Door(ctx, list[0])
	return door{e, list[0], snap}, err
}

func (a *app) serverFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "server", "", "the server (default: the only one in the spec)")
	_ = c.RegisterFlagCompletionFunc("server", a.serverNames)
}

func (a *app) hbaShow() *cobra.Command {
	var server string
	c := &cobra.Command{
		Use:   "show",
		Short: "Print landlord's block of rules",
		Long: `Print the block of rules that landlord keeps in pg_hba.conf, as the spec and
the server's superusers make it.
Exit status: 0; 1 failed; 2 bad usage or spec.`,
		Example: "  landlord hba show",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := a.door(c.Context(), server)
			if err != nil {
				return err
			}
			text, err := landlord.DoorBlock(d.server, d.estate, d.snap)
			if err != nil {
				return err
			}
			_, err = io.WriteString(a.Out, text)
			return err
		},
	}
	a.specFlag(c)
	a.serverFlag(c, &server)
	return c
}

func (a *app) hbaCheck() *cobra.Command {
	var server string
	major := pgsql.NewestMajor
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Find the mistakes in a pg_hba.conf, and what opens the door too far",
		Long: `Find every mistake in a pg_hba.conf, with its line, and every rule above
landlord's block that lets tenants in where they do not belong. Without FILE,
the server's own file is read. Exit status: 0 nothing found; 1 failed; 2 bad
usage; 3 something was found.`,
		Example: "  landlord hba check\n  landlord hba check /etc/postgresql/15/main/pg_hba.conf --major 15",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				text, err := readFile(args[0])
				if err != nil {
					return usageError{err}
				}
				return a.checkHBA(hba.Parse(args[0], text, hba.Options{Major: major, Read: readFile}))
			}
			d, err := a.door(c.Context(), server)
			if err != nil {
				return err
			}
			return a.checkHBA(hba.Parse(d.snap.HBA.Path, []byte(d.snap.HBA.Text), hba.Options{Major: d.snap.Version.Major()}))
		},
	}
	a.specFlag(c)
	a.serverFlag(c, &server)
	c.Flags().IntVar(&major, "major", major, "the major version whose rules FILE follows")
	return c
}

func (a *app) checkHBA(f *hba.File) error {
	for _, e := range f.Errors {
		fmt.Fprintln(a.Out, e.Error())
	}
	for _, e := range f.Warnings {
		fmt.Fprintln(a.Out, "warning: "+e.Error())
	}
	dangers := f.Before(tenant.TenantsRole, nil)
	for _, d := range dangers {
		fmt.Fprintf(a.Out, "%s:%d: %s\n", d.File, d.Line, term.Clean(d.Text))
		for _, why := range d.Why {
			fmt.Fprintf(a.Out, "    %s\n", term.Clean(why))
		}
	}
	if n := len(f.Errors) + len(f.Warnings) + len(dangers); n > 0 {
		if len(f.Errors) > 0 {
			fmt.Fprintln(a.Out, "the server refuses a file with mistakes as a whole, and goes on with the rules that it loaded before")
		}
		return exitError(exitFindings)
	}
	fmt.Fprintf(a.Out, "%s: %s, nothing found\n", f.Name, term.Count(len(f.Rules()), "rule"))
	return nil
}

func (a *app) hbaApply() *cobra.Command {
	var server string
	var yes bool
	c := &cobra.Command{
		Use:   "apply",
		Short: "Put landlord's block into pg_hba.conf, safely",
		Long: `Put landlord's block into the server's pg_hba.conf. The change is written
beside, moved in, read back through the server before it is loaded, and tried
with a login; on any error the old file goes back. A change that would lock
out landlord or an administrator is refused. Everything outside the block
keeps every byte. Exit status: 0 done or nothing to do; 1 failed or refused;
2 bad usage or spec.`,
		Example: "  landlord hba apply\n  sudo -u postgres landlord hba apply -f landlord.yaml --yes",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.applyHBA(c.Context(), server, yes) },
	}
	a.specFlag(c)
	a.serverFlag(c, &server)
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (a *app) applyHBA(ctx context.Context, server string, yes bool) error {
	d, err := a.door(ctx, server)
	if err != nil {
		return err
	}
	change, err := landlord.DoorChange(d.server, d.estate, d.snap)
	var refusal *plan.RefusalError
	switch {
	case errors.As(err, &refusal):
		return err
	case err != nil:
		return usageError{fmt.Errorf("%s: %w", d.snap.HBA.Path, err)}
	}
	if change == nil {
		fmt.Fprintf(a.Out, "%s: nothing to do\n", d.snap.HBA.Path)
		return nil
	}
	for _, what := range plan.CutOff(d.server, d.estate.On(d.server.Name), d.snap, *change) {
		a.say("%s; name it in the server's operators, or in a tenant's logins", term.Clean(what))
	}
	if !yes {
		block, err := landlord.DoorBlock(d.server, d.estate, d.snap)
		if err != nil {
			return err
		}
		if err := term.Confirm(ctx, a.In, a.Err, fmt.Sprintf("%s\nPut this block into %s?", block, change.Path), "yes"); err != nil {
			return err
		}
	}
	if err := landlord.ChangeDoor(ctx, d.estate, d.server, *change); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "%s: changed and loaded; sessions that are open stay so\n", change.Path)
	return nil
}

type attempt struct {
	user, database, address, server string
	tls                             bool
}

func (a *app) hbaTest() *cobra.Command {
	var t attempt
	c := &cobra.Command{
		Use:   "test",
		Short: "Say which rule of pg_hba.conf decides a login, and why",
		Long: `Say which line of the server's pg_hba.conf decides a login, and why each line
above it does not. Nothing is tried: the file is read as the server reads it.
Exit status: 0 let in (if the password is right); 1 failed; 2 bad usage; 3
turned away, or not to be told for certain.`,
		Example: "  landlord hba test --user acme_app --database globex --address 10.1.2.3 --tls\n  landlord hba test --user acme_app --database acme --address local",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.testHBA(c.Context(), t) },
	}
	a.specFlag(c)
	a.serverFlag(c, &t.server)
	c.Flags().StringVar(&t.user, "user", "", "the role that logs in")
	c.Flags().StringVar(&t.database, "database", "", "the database that it wants")
	c.Flags().StringVar(&t.address, "address", "local", "the client's address, or local for the unix socket")
	c.Flags().BoolVar(&t.tls, "tls", false, "the client uses TLS")
	for _, name := range []string{"user", "database"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func (a *app) testHBA(ctx context.Context, t attempt) error {
	knock := hba.Attempt{User: t.user, Database: t.database, TLS: t.tls}
	if t.address != "local" {
		addr, err := netip.ParseAddr(t.address)
		if err != nil {
			return usageError{fmt.Errorf("--address %s is no IP address, nor local", t.address)}
		}
		knock.Addr = addr
	} else if t.tls {
		return usageError{errors.New("the unix socket knows no TLS: give an --address")}
	}
	d, err := a.door(ctx, t.server)
	if err != nil {
		return err
	}
	decision := plan.Decide(d.snap, knock)
	fmt.Fprintln(a.Out, decision.String())
	for _, p := range decision.Passed {
		fmt.Fprintf(a.Out, "  line %d does not match: %s\n", p.Line, p.Reason)
	}
	if !decision.Certain || !decision.Admits() {
		return exitError(exitFindings)
	}
	return nil
}
