package cli

import (
	"context"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/tenant"
)

func (a *app) poolCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "pool",
		Short: "Change a pool: a login that becomes any tenant of a shared database",
		Long:  "Change a pool: a login that becomes any tenant of a shared database, for one\ntransaction (docs/pool.md). Exit status: see the commands.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.poolRotate())
	return c
}

func (a *app) poolRotate() *cobra.Command {
	var f rotateFlags
	c := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Give a pool a new password while its programs run",
		Long: `Give a pool a new password so that no program fails. It gets a second login
beside the first (web_b beside web), which may become the same tenants, with a
password of its own. Both work until you say --finish. In three steps:

  landlord pool rotate web            prints the new settings; the old ones still work
  give them to the programs, and let these connect anew
  landlord pool rotate web --finish   closes the old login

The next rotation goes back the same way, so there are never more than two. Each
of both may open as many connections as the pool's limit says. Through a router,
both come by the pool's name.

--finish refuses while somebody is connected as the old login, and says from
where. --after and --in-place are those of landlord tenant rotate, and so is
what becomes of a rotation that fails.

Exit status: 0 done; 1 failed, or the old login is still in use; 2 bad usage or
spec.`,
		Example: `  landlord pool rotate web --format env --out web.env
  landlord pool rotate web --finish
  landlord pool rotate web --after 24h
  landlord pool rotate web --server 'host=/var/run/postgresql user=postgres'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.pool = args[0]
			return a.rotatePool(c.Context(), f)
		},
	}
	a.specFlag(c)
	homeFlag(c, &f.server)
	a.journalFlag(c, &f.server)
	f.outputFlags(c)
	f.turnFlags(c)
	return c
}

func (a *app) rotatePool(ctx context.Context, f rotateFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	refresh := a.specNow
	if bareServer(f.server) {
		refresh = func(ctx context.Context) (tenant.Estate, error) { return a.adminEstate(ctx, f.server) }
	}
	e, err := a.adminEstate(ctx, f.server)
	if err != nil {
		return err
	}
	server, err := serverOf(e, f.credentialsFlags)
	if err != nil {
		return err
	}
	hooks := landlord.Hooks{
		Refresh: refresh,
		Waiting: func() { a.say("another landlord is at work on server %s; waiting", server) },
	}
	if f.finish {
		done, err := landlord.FinishPoolRotation(ctx, e, server, f.pool, landlord.Finish{After: f.after, Watch: f.watch}, hooks)
		return a.finished(ctx, e, "pool "+f.pool, done, err)
	}
	if err := f.fits(landlord.CheckPoolFormat(e, server, f.pool, f.format)); err != nil {
		return err
	}
	r := landlord.Rotation{Deliver: func(c landlord.Credentials) error { return a.deliver(c, f.credentialsFlags) }}
	return a.turn(ctx, e, "pool", f.pool, f, r, func(r landlord.Rotation) (landlord.Rotated, error) {
		return landlord.RotatePool(ctx, e, server, f.pool, r, hooks)
	})
}
