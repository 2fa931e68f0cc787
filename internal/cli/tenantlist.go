package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

func (a *app) tenantList() *cobra.Command {
	var f listFlags
	c := &cobra.Command{
		Use:   "list",
		Short: "List the tenants on a server, with size and connections",
		Long: `List the tenants that a server has, with their houses, sizes and connections.
What the server says counts, not the spec. Where there are thousands, --top
shows the first few in the order of --sort, and --by-house a line for each
database (sorted by name, house, size or connections); the last line counts all
that were asked for. Filters may be combined: those who fit all of them are
listed. What is not known, such as a size that cannot be read, fits no filter.
Exit status: 0; 1 failed, or a server could not be asked (the others are
listed); 2 bad usage or spec.`,
		Example: "  landlord tenant list\n  landlord tenant list --sort size --top 20\n  landlord tenant list --match 'shop_*' --larger 10GiB\n  landlord tenant list --by-house\n  landlord tenant list --server 'host=/var/run/postgresql user=postgres' --busy",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.listTenants(c.Context(), f) },
	}
	a.specFlag(c)
	a.outputFlag(c, "text", "json")
	homeFlag(c, &f.server)
	f.register(c)
	return c
}

func (a *app) listTenants(ctx context.Context, f listFlags) error {
	order, err := f.check()
	if err != nil {
		return err
	}
	all, unasked := a.statuses(ctx, f.server)
	if unasked != nil && len(all) == 0 {
		return unasked
	}
	return errors.Join(a.printList(all, f, order), unasked)
}

func (a *app) printList(all []landlord.Status, f listFlags, order func(a, b landlord.Status) int) error {
	all = slices.DeleteFunc(all, func(s landlord.Status) bool { return !f.has(s) })
	total := sum("", all)
	if f.byHouse {
		return a.listHouses(all, total, f, order)
	}
	slices.SortStableFunc(all, order)
	all = all[:f.first(len(all))]
	if a.output == "json" {
		if all == nil {
			all = []landlord.Status{}
		}
		return a.json(map[string]any{"tenants": all})
	}
	t := term.Table{Head: []string{"tenant", "house", "size", "connections", "of", "logins", ""}, Right: []int{2, 3, 4}}
	several := slices.ContainsFunc(all, func(s landlord.Status) bool { return s.Server != all[0].Server })
	if several {
		t.Head = append(t.Head, "server")
	}
	for _, s := range all {
		row := listRow(s)
		if several {
			row = append(row, term.Toned(term.Dim, strings.TrimSuffix(s.Server+" ("+s.Version+")", " ()")))
		}
		t.Rows = append(t.Rows, row)
	}
	_, err := fmt.Fprintf(a.Out, "%s%s%s\n", a.outLook().Table(t), shown(len(all), total.tenants), total)
	return err
}

func shown(n, of int) string {
	if n == of {
		return ""
	}
	return fmt.Sprintf("the first %d of ", n)
}

// statuses are those of all tenants on all servers.
func (a *app) statuses(ctx context.Context, server string) ([]landlord.Status, error) {
	hs, err := a.homes(server)
	if err != nil {
		return nil, err
	}
	return statusesIn(ctx, hs)
}

// statusesIn are those of all tenants, or of some. With an error come those of the
// servers that could be asked.
func statusesIn(ctx context.Context, hs []home, only ...string) ([]landlord.Status, error) {
	var all []landlord.Status
	var failures []error
	for _, h := range hs {
		list, err := landlord.List(ctx, h.server, only...)
		if err != nil {
			failures = append(failures, err)
		}
		all = append(all, list...)
	}
	return all, errors.Join(failures...)
}

// statusOf is that of a tenant on the one server that has it, whose home it is;
// nil: none has.
func (a *app) statusOf(ctx context.Context, server, name string) (home, *landlord.Status, error) {
	hs, err := a.homes(server)
	if err != nil {
		return home{}, nil, err
	}
	all, err := statusesIn(ctx, hs, name)
	if err != nil {
		return home{}, nil, err
	}
	if len(all) > 1 {
		return home{}, nil, usageError{fmt.Errorf("tenant %s is on %d servers: choose one with --server", name, len(all))}
	}
	for _, h := range hs {
		if len(all) == 1 && all[0].Server == h.server.Name {
			return h, &all[0], nil
		}
	}
	return home{}, nil, nil
}

func listRow(s landlord.Status) []term.Cell {
	var logins []string
	for _, r := range s.Roles {
		if r.Login && !slices.Contains(logins, r.Kind) {
			logins = append(logins, r.Kind)
		}
	}
	state := term.Text("")
	if s.Unbuilt() {
		state = term.Toned(term.Warn, "not built")
	} else if s.Suspended {
		state = term.Toned(term.Warn, "suspended")
	} else if s.Down() {
		state = term.Toned(term.Warn, "does not run")
	} else if s.Rotating() {
		state = term.Text("rotating")
	}
	return []term.Cell{
		term.Toned(term.Strong, s.Name), term.Text(housesOf(s)), term.Text(bytes(s.Bytes)),
		term.Text(fmt.Sprint(s.Sessions)), term.Toned(term.Dim, most(s)), term.Toned(term.Dim, strings.Join(logins, " ")), state,
	}
}

// housesOf says where a tenant lives, and what it has beside.
func housesOf(s landlord.Status) string {
	text := houseOf(s.Isolation, term.Clean(s.Database))
	switch len(s.Further) {
	case 0:
	case 1:
		text += " and " + term.Clean(s.Further[0].Database)
	default:
		text += fmt.Sprintf(" and %d more", len(s.Further))
	}
	return text
}

func houseOf(m tenant.Model, database string) string {
	switch m {
	case tenant.Schema:
		return "schema in " + database
	case tenant.Cluster:
		return "server of its own"
	}
	return "database " + database
}

func bytes(n int64) string {
	if n < 0 {
		return "?"
	}
	return term.Bytes(n)
}

// most is how many connections a tenant may open.
func most(s landlord.Status) string {
	switch {
	case s.Suspended, s.Down():
		return "none"
	case s.MaxSessions == 0:
		return "no limit"
	}
	return fmt.Sprint(s.MaxSessions)
}

// noSuchTenant is the error for a name that the server does not know.
func (a *app) noSuchTenant(ctx context.Context, server, name string) error {
	all, err := a.statuses(ctx, server)
	if err != nil {
		return err
	}
	var known []string
	for _, s := range all {
		known = append(known, s.Name)
	}
	return notThere(name, known)
}

// notThere is the error for a tenant that no server has, with the name that was
// probably meant.
func notThere(name string, known []string) error {
	return usageError{suggesting(fmt.Sprintf("the server has no tenant %q", name), name, known)}
}

func (a *app) tenantCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "tenant",
		Short: "List, show and change tenants one at a time",
		Long:  "List, show and change tenants one at a time. Exit status: see the commands.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.tenantAdd(), a.tenantList(), a.tenantShow(), a.tenantTurn(turns[0]), a.tenantTurn(turns[1]), a.tenantRemove(), a.tenantRotate())
	return c
}
