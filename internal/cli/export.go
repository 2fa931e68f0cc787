package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

func (a *app) exportCommand() *cobra.Command {
	var s tenant.Server
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the spec of a live server",
		Long: `Write the landlord.yaml of what landlord has made on a live server; a plan
against it is empty. The server is the one of the spec, or --connection.
Exit status: 0; 1 failed; 2 bad usage or spec.`,
		Example: "  landlord export --connection 'host=/var/run/postgresql user=postgres' > landlord.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.export(c, s) },
	}
	a.specFlag(c)
	c.Flags().StringVar(&s.Connection, "connection", "", "where to connect, instead of what the spec says")
	c.Flags().StringVar(&s.Name, "server", "", "the server in the spec, or the name to give to --connection (default main)")
	return c
}

func (a *app) export(c *cobra.Command, s tenant.Server) error {
	out := tenant.Estate{}
	list := []tenant.Server{s}
	if s.Connection == "" {
		e, err := a.load()
		if err != nil {
			return err
		}
		if list, err = servers(e, s.Name, nil); err != nil {
			return err
		}
		out.Secrets = e.Secrets
	} else if s.Name == "" {
		list[0].Name = "main"
	}
	for _, server := range list {
		found, err := landlord.Export(c.Context(), server)
		if err != nil {
			return err
		}
		out.Servers = append(out.Servers, found.Servers...)
		out.Tenants = append(out.Tenants, found.Tenants...)
	}
	if _, err := a.Out.Write(spec.Write(out)); err != nil {
		return fmt.Errorf("writing the spec: %w", err)
	}
	return nil
}
