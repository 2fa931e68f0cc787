package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/credentials"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// args wants a tenant's name, or else --admin.
func (f *credentialsFlags) args(c *cobra.Command, args []string) error {
	switch {
	case f.admin == "" && f.database != "":
		return errors.New("--database is for --admin; a tenant's is its own")
	case f.admin == "":
		return cobra.ExactArgs(1)(c, args)
	case len(args) > 0 || c.Flags().Changed("login"):
		return errors.New("--admin is instead of a tenant and its login")
	}
	return nil
}

func (a *app) adminCredentials(c *cobra.Command, f credentialsFlags) error {
	e, err := a.adminEstate(c, &f)
	if err != nil {
		return err
	}
	server, err := adminServer(e, f)
	if err != nil {
		return err
	}
	if err := landlord.CheckAdminFormat(e, server, f.admin, f.database, f.format); err != nil {
		return usageError{err}
	}
	if f.out != "" {
		if err := credentials.CheckFile(f.out); err != nil {
			return err
		}
	}
	got, err := landlord.AdminLogin(c.Context(), e, server, f.admin, f.database, f.rotate)
	if err != nil {
		return err
	}
	return a.deliver(got, f)
}

// adminEstate is the spec, or what a server says where there is none.
func (a *app) adminEstate(c *cobra.Command, f *credentialsFlags) (tenant.Estate, error) {
	if !bareServer(f.server) {
		return a.load()
	}
	s := tenant.Server{Name: "main", Connection: f.server}
	f.server = ""
	return landlord.Export(c.Context(), s)
}

// adminServer is the server that has the administrator.
func adminServer(e tenant.Estate, f credentialsFlags) (string, error) {
	var on, known []string
	for _, s := range e.Servers {
		for _, a := range s.Admins {
			known = append(known, a.Name)
			if a.Name == f.admin && (f.server == "" || f.server == s.Name) {
				on = append(on, s.Name)
			}
		}
	}
	switch {
	case len(on) == 1:
		return on[0], nil
	case len(on) > 1:
		return "", usageError{fmt.Errorf("admin %s is on %d servers: choose one with --server", f.admin, len(on))}
	case slices.Contains(known, f.admin):
		return "", usageError{fmt.Errorf("admin %s is not on server %q in the spec", f.admin, f.server)}
	}
	err := fmt.Errorf("there is no admin %q in the spec", f.admin)
	if near := spec.Suggest(f.admin, known); near != "" {
		err = fmt.Errorf("%w; %s", err, near)
	}
	return "", usageError{err}
}
