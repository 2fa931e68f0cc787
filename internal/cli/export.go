package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/snapshot"
	"landlord/internal/spec"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

func (a *app) exportCommand() *cobra.Command {
	var s tenant.Server
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the spec of a live server",
		Long: `Write the landlord.yaml of what landlord has made on a live server; a plan
against it is empty. The servers are those of the spec, or --connection. What no
server knows (secrets, the router, what a tenant's own server may use) stays as
the spec has it.

Of several servers, one that could not be read is named on the standard error
and at the head of the file, in which its tenants stand as the spec has them:
whoever is not in a spec is taken away by --prune. A server that is stopped
while its tenant is suspended is named so too, and is no failure.

Exit status: 0; 1 failed, or some server could not be read; 2 bad usage or spec.`,
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
	var e tenant.Estate
	if s.Connection == "" {
		var err error
		if e, err = a.load(); err != nil {
			return err
		}
		if list, err = servers(e, s.Name, nil); err != nil {
			return err
		}
		// What no server knows stays as the spec has it.
		out.Secrets, out.Host, out.Journal, out.Audit, out.Router = e.Secrets, e.Host, e.Journal, e.Audit, e.Router
	} else if s.Name == "" {
		list[0].Name = "main"
	}
	var unread []snapshot.Missing
	on := map[string]string{}
	for _, server := range list {
		found, err := exportOne(c.Context(), server, e)
		if err != nil && len(list) == 1 {
			return err
		}
		if err != nil {
			unread = append(unread, snapshot.Missing{Name: server.Name, Reason: err.Error(), Stopped: errors.Is(err, landlord.ErrAsleep)})
			// Who is left out of a spec is dropped by --prune: what it said stands.
			found = tenant.Estate{Servers: []tenant.Server{server}, Tenants: e.On(server.Name)}
		}
		for _, t := range found.Tenants {
			if on[t.Name] != "" {
				return fmt.Errorf("tenant %s is on server %s and on server %s, which no spec can say: export each with --server", t.Name, on[t.Name], t.Server)
			}
			on[t.Name] = t.Server
			out.Tenants = append(out.Tenants, t)
		}
		out.Servers = append(out.Servers, found.Servers...)
	}
	slices.SortFunc(out.Tenants, func(a, b tenant.Tenant) int { return strings.Compare(a.Name, b.Name) })
	if len(unread) == len(list) && unreached(unread) != nil {
		return errors.Join(errors.New("no server could be read, and so nothing is written"), a.missing(unread))
	}
	if _, err := a.Out.Write(append(notRead(unread, e), spec.Write(out)...)); err != nil {
		return fmt.Errorf("writing the spec: %w", err)
	}
	return a.missing(unread)
}

// exportOne is what a server has; of a tenant's own one, the resources are the
// spec's, since no catalog has them.
func exportOne(ctx context.Context, s tenant.Server, e tenant.Estate) (tenant.Estate, error) {
	if landlord.Asleep(s) {
		return tenant.Estate{}, landlord.ErrAsleep
	}
	found, err := landlord.Export(ctx, s)
	for i := range found.Tenants {
		if t, ok := e.Tenant(found.Tenants[i].Name); ok && s.Own != nil {
			found.Tenants[i].Resources = t.Resources
		}
	}
	return found, err
}

// notRead says at the head of a spec what in it was not read from a server.
func notRead(list []snapshot.Missing, e tenant.Estate) []byte {
	var b strings.Builder
	for _, m := range list {
		reason, _, _ := strings.Cut(term.Clean(m.Reason), "\n")
		fmt.Fprintf(&b, "# NOT READ: server %s (%s).\n# What stands here of it, and of its tenants, is what the spec said: %s.\n", m.Name, reason, strings.Join(names(tenant.Estate{Tenants: e.On(m.Name)}), ", "))
	}
	return []byte(b.String())
}
