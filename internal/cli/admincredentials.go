package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// args wants a tenant's name, or else --admin or --pool.
func (f *credentialsFlags) args(c *cobra.Command, args []string) error {
	switch {
	case f.pool != "" && f.database != "":
		return errors.New("--database is for a tenant or --admin; a pool's is its own")
	case f.admin != "" && f.pool != "":
		return errors.New("--admin and --pool are two logins: choose one")
	case f.admin == "" && f.pool == "":
		return cobra.ExactArgs(1)(c, args)
	case len(args) > 0 || c.Flags().Changed("login"):
		return errors.New("--admin and --pool are instead of a tenant and its login")
	}
	return nil
}

// serverCredentials gives the settings of a login that is a server's, an
// administrator's or a pool's.
func (a *app) serverCredentials(c *cobra.Command, f credentialsFlags) error {
	e, err := a.adminEstate(c.Context(), f.server)
	if err != nil {
		return err
	}
	server, err := serverOf(e, f)
	if err != nil {
		return err
	}
	if f.pool != "" {
		err = landlord.CheckPoolFormat(e, server, f.pool, f.format)
	} else {
		err = landlord.CheckAdminFormat(e, server, f.admin, f.database, f.format)
	}
	if err := f.fits(err); err != nil {
		return err
	}
	var got landlord.Credentials
	if f.pool != "" {
		got, err = landlord.PoolLogin(c.Context(), e, server, f.pool, f.rotate)
	} else {
		got, err = landlord.AdminLogin(c.Context(), e, server, f.admin, f.database, f.rotate)
	}
	if err != nil {
		return err
	}
	err = a.deliver(got, f)
	if f.pool != "" {
		err = errors.Join(err, followPassword(c.Context(), e, f.pool, got, f.rotate))
	}
	return err
}

// adminEstate is the spec, or what a server says where there is none.
func (a *app) adminEstate(ctx context.Context, server string) (tenant.Estate, error) {
	if !bareServer(server) {
		return a.load()
	}
	return a.liveEstate(ctx, serverAt(server))
}

// serverOf is the server that has the administrator or the pool.
func serverOf(e tenant.Estate, f credentialsFlags) (string, error) {
	what, name := "admin", f.admin
	if f.pool != "" {
		what, name = "pool", f.pool
	}
	var on, known []string
	for _, s := range e.Servers {
		for _, has := range serverLogins(s, f.pool != "") {
			known = append(known, has)
			if has == name && (f.server == "" || f.server == s.Name || bareServer(f.server)) {
				on = append(on, s.Name)
			}
		}
	}
	switch {
	case len(on) == 1:
		return on[0], nil
	case len(on) > 1:
		return "", usageError{fmt.Errorf("%s %s is on %d servers: choose one with --server", what, name, len(on))}
	case slices.Contains(known, name):
		return "", usageError{fmt.Errorf("%s %s is not on server %q in the spec", what, name, f.server)}
	}
	err := fmt.Errorf("there is no %s %q in the spec", what, name)
	if near := spec.Suggest(name, known); near != "" {
		err = fmt.Errorf("%w; %s", err, near)
	}
	return "", usageError{err}
}

// serverLogins are the names of a server's pools, or else of its
// administrators.
func serverLogins(s tenant.Server, pools bool) (names []string) {
	if !pools {
		for _, a := range s.Admins {
			names = append(names, a.Name)
		}
	}
	for _, p := range s.Pools {
		if pools {
			names = append(names, p.Name)
		}
	}
	return names
}
