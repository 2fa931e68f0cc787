package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/credentials"
	"landlord/internal/tenant"
)

type credentialsFlags struct {
	server, login, format, out string
	admin, pool, database      string
	rotate, show               bool
}

func (a *app) credentialsCommand() *cobra.Command {
	var f credentialsFlags
	c := &cobra.Command{
		Use:   "credentials NAME | --admin NAME | --pool NAME",
		Short: "Print the connection settings of a tenant's login, or of an admin or a pool",
		Long:  credentialsLong(),
		Example: `  landlord credentials acme --format cakephp
  landlord credentials acme --login ro --format uri
  landlord credentials acme --database acme_archive
  landlord credentials acme --rotate --format pgpass --out acme.pgpass
  landlord credentials --admin ops --database acme
  landlord credentials --pool web --format env`,
		Args:              f.args,
		ValidArgsFunction: firstArg(a.tenantNames),
		RunE: func(c *cobra.Command, args []string) error {
			if f.admin != "" || f.pool != "" {
				return a.serverCredentials(c, f)
			}
			return a.credentials(c.Context(), args[0], f)
		},
	}
	a.specFlag(c)
	homeFlag(c, &f.server)
	a.journalFlag(c, &f.server)
	f.settingsFlags(c)
	c.Flags().StringVar(&f.admin, "admin", "", "an admin of the spec, instead of a tenant")
	c.Flags().StringVar(&f.pool, "pool", "", "a pool of a server in the spec, instead of a tenant")
	c.Flags().BoolVar(&f.rotate, "rotate", false, "make a new password; the old one stops working at once (landlord tenant rotate, pool rotate: it goes on)")
	return c
}

// settingsFlags choose a login, and how its settings are written.
func (f *credentialsFlags) settingsFlags(c *cobra.Command) {
	c.Flags().StringVar(&f.login, "login", string(tenant.App), "app, ro, ddl, or a login's name")
	c.Flags().StringVar(&f.database, "database", "", "the database to connect to, where there are several (default: the one that the tenant lives in; of an admin: the one that landlord uses)")
	f.outputFlags(c)
}

// outputFlags say how settings are written.
func (f *credentialsFlags) outputFlags(c *cobra.Command) {
	c.Flags().StringVar(&f.format, "format", "uri", "one of "+join(credentials.FormatNames()))
	c.Flags().StringVar(&f.out, "out", "", "write to this file, mode 0600, instead of stdout")
	c.Flags().BoolVar(&f.show, "show", false, "print the password too where the spec's secrets keep it")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(credentials.FormatNames(), cobra.ShellCompDirectiveNoFileComp))
}

// firstArg completes the first argument and no other.
func firstArg(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(c, args, start)
	}
}

func credentialsLong() string {
	text := `Print what an application needs to connect as one of a tenant's logins. The
first time, landlord makes the password. It is shown this once, or written to
a file of mode 0600 (--out), or kept by the spec's secrets, and is nowhere
else: the server only gets a verifier.

Formats:
`
	for _, f := range credentials.Formats() {
		text += fmt.Sprintf("  %-10s %s\n", f.Name, f.Doc)
	}
	return text + "\nExit status: 0 done; 1 failed; 2 bad usage or a mistake in the spec."
}

func (a *app) credentials(ctx context.Context, name string, f credentialsFlags) error {
	h, t, err := a.tenantAt(ctx, f.server, name)
	if err != nil {
		return err
	}
	login, err := chooseLogin(t, f.login)
	if err != nil {
		return err
	}
	// Neither a format nor a file that cannot hold the settings may cost a
	// password.
	if err := f.fits(landlord.CheckFormat(h.estate, t, login, f.database, f.format)); err != nil {
		return err
	}
	got, err := landlord.Login(ctx, h.estate, t, login, f.rotate)
	if err != nil {
		return err
	}
	return errors.Join(a.deliverTenant(h.estate, got, t, f), followPassword(ctx, h.estate, name, got, f.rotate))
}

// followPassword has the router go by a login's new password: what it holds of
// name was opened by the old one.
func followPassword(ctx context.Context, e tenant.Estate, name string, got landlord.Credentials, instead bool) error {
	switch {
	case e.Router == nil || !got.New:
		return nil
	case instead:
		return landlord.ShutRouter(ctx, e, name)
	case e.Router.Secrets == tenant.UserList:
		return landlord.FollowRouter(ctx, e)
	}
	return nil // it asks at each login
}

// deliverTenant delivers a tenant's settings for the database that was asked
// for.
func (a *app) deliverTenant(e tenant.Estate, got landlord.Credentials, t tenant.Tenant, f credentialsFlags) error {
	got, err := got.In(e, t, f.database)
	if err != nil {
		return usageError{err}
	}
	return a.deliver(got, f)
}

func chooseLogin(t tenant.Tenant, name string) (string, error) {
	for _, l := range t.Logins {
		if twin, _ := tenant.TwinName(l.Name); name == l.Name || name == twin {
			return l.Name, nil
		}
	}
	if logins := t.LoginsOf(tenant.Kind(name)); len(logins) > 0 {
		return logins[0], nil
	}
	return "", usageError{fmt.Errorf("tenant %s has no login %q; it has %s", t.Name, name, strings.Join(t.LoginRoles(), ", "))}
}

func (a *app) deliver(got landlord.Credentials, f credentialsFlags) error {
	s := got.Settings
	if got.Stored && !f.show && f.out == "" {
		s.Secret = credentials.Secret{}
		a.say("the password of %s is where the spec's secrets keep it; --show prints it", s.User)
	}
	text, err := credentials.Render(f.format, []credentials.Settings{s})
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := credentials.WriteFile(f.out, text); err != nil {
			return fmt.Errorf("%w; run again with --rotate, since the new password was not written anywhere", err)
		}
		a.say("wrote %s, mode 0600", f.out)
		return nil
	}
	if got.New && !got.Stored {
		a.say("the password of %s is shown this once and kept nowhere", s.User)
	}
	_, err = a.Out.Write(text)
	return err
}
