package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/credentials"
	"landlord/internal/tenant"
)

type rotateFlags struct {
	credentialsFlags
	inPlace, finish bool
	after, watch    time.Duration
}

func (a *app) tenantRotate() *cobra.Command {
	var f rotateFlags
	c := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Give a tenant's login a new password while its programs run",
		Long: `Give a login of a tenant a new password so that no program fails. The login
gets a second one beside it (acme_app_b beside acme_app) with a password of its
own and all the same rights. Both work until you say --finish. In three steps:

  landlord tenant rotate acme            prints the new settings; the old ones still work
  give them to the programs, and let these connect anew
  landlord tenant rotate acme --finish   closes the old login

The next rotation goes back the same way, so there are never more than two.
Each of both may open as many connections as the tenant's limit says.

--finish closes the old login of each open rotation (of one, with --login): it
cannot log in, and has no password. It refuses while somebody is connected as
the old login, and says from where. PostgreSQL keeps no record of logins. So
what is connected only for moments may not be seen: --watch looks longer.

--after 24h sets when the old password stops to hold (VALID UNTIL), which the
server itself enforces, used or not. Sessions that are open then go on. The old
login is tidied away by whatever landlord command next changes this tenant.

What fails takes its second login back, and the first goes on as before. Only if
landlord is killed, or loses the server, may that login stay: closed, and the
next rotation goes on with it.

--in-place changes the password of the login itself: the old one stops working
at once. A login that never had a password gets its first, in place.

Exit status: 0 done; 1 failed, or the old login is still in use; 2 bad usage or
spec.`,
		Example: `  landlord tenant rotate acme --format env --out acme.env
  landlord tenant rotate acme --finish
  landlord tenant rotate acme --login ro --after 24h
  landlord tenant rotate acme --server 'host=/var/run/postgresql user=postgres'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.rotate(c.Context(), args[0], f, c.Flags().Changed("login"))
		},
	}
	a.specFlag(c)
	homeFlag(c, &f.server)
	a.journalFlag(c, &f.server)
	f.settingsFlags(c)
	f.turnFlags(c)
	return c
}

// turnFlags say which step of a rotation is to be done, and how.
func (f *rotateFlags) turnFlags(c *cobra.Command) {
	c.Flags().BoolVar(&f.inPlace, "in-place", false, "no second login: the old password stops working at once")
	c.Flags().BoolVar(&f.finish, "finish", false, "close the old login, if nobody uses it")
	c.Flags().DurationVar(&f.after, "after", 0, "the old login's password stops to hold after this time, such as 24h")
	c.Flags().DurationVar(&f.watch, "watch", 2*time.Second, "with --finish: how long to look whether somebody uses the old login")
}

// check finds flags that do not go together.
func (f rotateFlags) check() error {
	switch {
	case f.inPlace && f.finish:
		return usageError{fmt.Errorf("--in-place and --finish: there is nothing to finish in place")}
	case f.inPlace && f.after != 0:
		return usageError{fmt.Errorf("--in-place and --after: in place, the old password stops working at once")}
	case f.after < 0 || f.after != 0 && f.after < time.Second:
		return usageError{fmt.Errorf("--after %s: it is a time from now, such as 24h", f.after)}
	case f.watch < 0:
		return usageError{fmt.Errorf("--watch %s: it is a time, such as 10s", f.watch)}
	}
	return nil
}

func (a *app) rotate(ctx context.Context, name string, f rotateFlags, chosen bool) error {
	if err := f.check(); err != nil {
		return err
	}
	h, t, err := a.tenantAt(ctx, f.server, name)
	if err != nil {
		return err
	}
	login, err := chooseLogin(t, f.login)
	if err != nil {
		return err
	}
	hooks := landlord.Hooks{
		Refresh: still(name, a.now(h)),
		Waiting: func() { a.say("another landlord is at work on server %s; waiting", h.server.Name) },
	}
	if f.finish {
		if !chosen {
			login = ""
		}
		done, err := landlord.FinishRotation(ctx, h.estate, name, landlord.Finish{Login: login, After: f.after, Watch: f.watch}, hooks)
		return a.finished(ctx, h.estate, "tenant "+name, done, err)
	}
	if err := f.fits(landlord.CheckFormat(h.estate, t, login, f.database, f.format)); err != nil {
		return err
	}
	r := landlord.Rotation{Whole: h.whole, Deliver: func(c landlord.Credentials) error { return a.deliverTenant(h.estate, c, t, f.credentialsFlags) }}
	return a.turn(ctx, h.estate, "tenant", name, f, r, func(r landlord.Rotation) (landlord.Rotated, error) {
		return landlord.Rotate(ctx, h.estate, name, login, r, hooks)
	})
}

// turn has a tenant's or a pool's login rotate, tells of it, has the router go by
// it, and delivers the settings. What comes with an error has happened all the same.
func (a *app) turn(ctx context.Context, e tenant.Estate, kind, name string, f rotateFlags, r landlord.Rotation, rotate func(landlord.Rotation) (landlord.Rotated, error)) error {
	deliver := r.Deliver
	if r.InPlace, r.After = f.inPlace, f.after; f.out == "" {
		r.Deliver = nil // what is shown, is shown at the end
	}
	got, err := rotate(r)
	if err != nil && !got.New {
		return err
	}
	a.sayRotated("landlord "+kind+" rotate "+name, got)
	follow := errors.Join(err, followRotation(ctx, e, name, got))
	if f.out != "" && got.New {
		return follow // delivered
	}
	return errors.Join(deliver(got.Credentials), follow)
}

// followRotation has the router go by a rotation. What it holds of the name was
// opened by the old password, if that does not hold any more.
func followRotation(ctx context.Context, e tenant.Estate, name string, got landlord.Rotated) error {
	if got.InPlace {
		return landlord.ShutRouter(ctx, e, name)
	}
	return landlord.FollowRouter(ctx, e)
}

func (a *app) sayRotated(command string, got landlord.Rotated) {
	switch {
	case got.First:
		a.say("login %s has its password; it had none, so that there is nothing to finish", got.Settings.User)
	case got.InPlace:
		a.say("login %s has another password; the one before has stopped working", got.Settings.User)
	case got.Until != "":
		a.say("login %s is the new one; %s, the old one, stops at %s", got.Settings.User, got.Old, got.Until)
	default:
		a.say("login %s is the new one; %s, the old one, goes on until %s --finish", got.Settings.User, got.Old, command)
	}
}

func (a *app) finished(ctx context.Context, e tenant.Estate, whose string, done []landlord.Finished, err error) error {
	for _, d := range done {
		if d.Unused {
			a.say("nobody was seen to use %s either: have its programs got the new settings?", d.New)
		}
		if d.Until != "" {
			fmt.Fprintf(a.Out, "login %s stops at %s; %s is the new one\n", d.Old, d.Until, d.New)
		} else {
			fmt.Fprintf(a.Out, "login %s is closed; %s is the new one\n", d.Old, d.New)
		}
	}
	if len(done) > 0 {
		err = errors.Join(err, landlord.FollowRouter(ctx, e))
	}
	if err == nil && len(done) == 0 {
		fmt.Fprintf(a.Out, "%s has no open rotation\n", whose)
	}
	return err
}

// tenantAt is a tenant in the spec, or on a server where there is no spec.
func (a *app) tenantAt(ctx context.Context, server, name string) (home, tenant.Tenant, error) {
	var h home
	if bareServer(server) {
		var err error
		if h, err = a.stateOf(ctx, serverAt(server), name); err != nil {
			return h, tenant.Tenant{}, err
		}
	} else {
		e, err := a.load()
		if err != nil {
			return h, tenant.Tenant{}, err
		}
		h.estate = e
	}
	t, ok := h.estate.Tenant(name)
	if !ok && h.bare {
		return h, t, a.noSuchTenant(ctx, server, name)
	}
	if !ok {
		return h, t, usageError{unknownTenant(h.estate, name)}
	}
	if server != "" && !h.bare && t.Server != server {
		return h, t, otherServer(name, t.Server, server)
	}
	h.server, _ = h.estate.Server(t.Server)
	if h.bare {
		return h, t, nil
	}
	return h, t, landlord.Elsewhere(ctx, h.estate, name)
}

// otherServer is the error for a --server that is not the tenant's in the spec.
func otherServer(name, inSpec, asked string) error {
	return usageError{fmt.Errorf("tenant %s is on server %s in the spec, not on %s; to go by what is on %[3]s, give --server its connection string", name, inSpec, asked)}
}

// fits says why the answer could not be given, before it costs a password: what is
// to be said of its format, or of its file.
func (f credentialsFlags) fits(format error) error {
	if format != nil {
		return usageError{format}
	}
	if f.out == "" {
		return nil
	}
	return credentials.CheckFile(f.out)
}
