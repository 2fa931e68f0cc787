package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/catalog"
	"landlord/internal/plan"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// home is where the tenant commands work: a spec's server, or a server that
// is given by its connection string, without any spec.
type home struct {
	estate tenant.Estate
	server tenant.Server
	// bare says that there is no spec: the server's own state is the estate.
	bare bool
	// fresh, if any, is how the estate is made anew.
	fresh refresh
}

// bareServer says whether --server is a connection string.
func bareServer(s string) bool { return strings.Contains(s, "=") || strings.Contains(s, "://") }

// homes are the servers that --server and the spec name.
func (a *app) homes(server string) ([]home, error) {
	if bareServer(server) {
		s := tenant.Server{Name: "main", Connection: server}
		return []home{{estate: tenant.Estate{Servers: []tenant.Server{s}}, server: s, bare: true}}, nil
	}
	e, err := a.load()
	if err != nil {
		return nil, err
	}
	list, err := servers(e, server, nil)
	if err != nil {
		return nil, err
	}
	var out []home
	for _, s := range list {
		out = append(out, home{estate: e, server: s})
	}
	return out, nil
}

type listFlags struct {
	server, sort, isolation, database string
	suspended, open, busy, byHouse    bool
	top                               int
}

// has says whether a tenant is among those asked for.
func (f listFlags) has(s landlord.Status) bool {
	return (f.isolation == "" || string(s.Isolation) == f.isolation) && (f.database == "" || s.In(f.database)) &&
		(!f.suspended || s.Suspended) && (!f.open || !s.Suspended) && (!f.busy || s.Sessions > 0)
}

func (a *app) tenantList() *cobra.Command {
	var f listFlags
	c := &cobra.Command{
		Use:   "list",
		Short: "List the tenants on a server, with size and connections",
		Long: `List the tenants that a server has, with their houses, sizes and connections.
What the server says counts, not the spec. Where there are thousands, --top
shows the first few in the order of --sort, and --by-house a line for each
database (sorted by name, house, size or connections); the last line counts all
that were asked for.
Exit status: 0; 1 failed; 2 bad usage or spec.`,
		Example: "  landlord tenant list\n  landlord tenant list --sort size --top 20\n  landlord tenant list --by-house\n  landlord tenant list --server 'host=/var/run/postgresql user=postgres' --busy",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.listTenants(c.Context(), f) },
	}
	a.specFlag(c)
	a.outputFlag(c, "text", "json")
	homeFlag(c, &f.server)
	c.Flags().StringVar(&f.sort, "sort", "name", "by name, house, size, connections (now), limit (connections at most), or free (connections left)")
	c.Flags().StringVar(&f.isolation, "isolation", "", "only those of this model")
	c.Flags().StringVar(&f.database, "database", "", "only those in this database")
	c.Flags().BoolVar(&f.suspended, "suspended", false, "only those that are suspended")
	c.Flags().BoolVar(&f.open, "open", false, "only those that are not suspended")
	c.Flags().BoolVar(&f.byHouse, "by-house", false, "a line for each database, with what its tenants have together")
	c.Flags().IntVar(&f.top, "top", 0, "only the first so many (0: all)")
	c.Flags().BoolVar(&f.busy, "busy", false, "only those with connections now")
	return c
}

func homeFlag(c *cobra.Command, server *string) {
	c.Flags().StringVar(server, "server", "", "a server in the spec, or a connection string: then no spec is read")
}

func (a *app) listTenants(ctx context.Context, f listFlags) error {
	order, ok := orders[f.sort]
	if !ok {
		return usageError{fmt.Errorf("--sort %s: it is one of name, house, size, connections, limit, free", f.sort)}
	}
	if f.byHouse && (f.sort == "limit" || f.sort == "free") {
		return usageError{fmt.Errorf("--by-house --sort %s: limits are of tenants, not of houses: sort by name, house, size or connections", f.sort)}
	}
	all, err := a.statuses(ctx, f.server)
	if err != nil {
		return err
	}
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
	for _, s := range all {
		t.Rows = append(t.Rows, listRow(s))
	}
	_, err = fmt.Fprintf(a.Out, "%s%s%s\n", a.outLook().Table(t), shown(len(all), total.tenants), total)
	return err
}

// first is how many of n are shown.
func (f listFlags) first(n int) int {
	if f.top > 0 {
		return min(f.top, n)
	}
	return n
}

func shown(n, of int) string {
	if n == of {
		return ""
	}
	return fmt.Sprintf("the first %d of ", n)
}

func (a *app) statuses(ctx context.Context, server string, only ...string) ([]landlord.Status, error) {
	hs, err := a.homes(server)
	if err != nil {
		return nil, err
	}
	var all []landlord.Status
	for _, h := range hs {
		list, err := landlord.List(ctx, h.server, only...)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// orders sort a list; what is largest comes first.
var orders = map[string]func(a, b landlord.Status) int{
	"name":        func(a, b landlord.Status) int { return strings.Compare(a.Name, b.Name) },
	"house":       func(a, b landlord.Status) int { return strings.Compare(a.Database, b.Database) },
	"limit":       func(a, b landlord.Status) int { return cmp.Compare(limit(b), limit(a)) },
	"size":        func(a, b landlord.Status) int { return cmp.Compare(b.Bytes, a.Bytes) },
	"connections": func(a, b landlord.Status) int { return cmp.Compare(b.Sessions, a.Sessions) },
	"free":        func(a, b landlord.Status) int { return cmp.Compare(free(a), free(b)) },
}

// free is how many more connections a tenant may open.
func free(s landlord.Status) int {
	return limit(s) - s.Sessions
}

// limit is how many connections a tenant may have.
func limit(s landlord.Status) int {
	if s.MaxSessions == 0 && !s.Suspended {
		return 1 << 30
	}
	return s.MaxSessions
}

func listRow(s landlord.Status) []term.Cell {
	var logins []string
	for _, r := range s.Roles {
		if r.Login && !slices.Contains(logins, r.Kind) {
			logins = append(logins, r.Kind)
		}
	}
	state := term.Text("")
	if s.Suspended {
		state = term.Toned(term.Warn, "suspended")
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
	case s.Suspended:
		return "none"
	case s.MaxSessions == 0:
		return "no limit"
	}
	return fmt.Sprint(s.MaxSessions)
}

func (a *app) tenantShow() *cobra.Command {
	var server string
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Tell all about one tenant",
		Long: `Tell all about one tenant: its house, roles and who is in them, limits (and
which of them the tenant can change), size, connections, its largest tables,
what else stands in its schemas and what of that is unusual, and what
differs from what it should be.
Exit status: 0; 1 failed; 2 no such tenant, bad usage or spec.`,
		Example: "  landlord tenant show acme",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.showTenant(c.Context(), server, args[0]) },
	}
	a.specFlag(c)
	a.outputFlag(c, "text", "json")
	homeFlag(c, &server)
	return c
}

func (a *app) showTenant(ctx context.Context, server, name string) error {
	all, err := a.statuses(ctx, server, name)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return a.noSuchTenant(ctx, server, name)
	}
	if len(all) > 1 {
		return usageError{fmt.Errorf("tenant %s is on %d servers: choose one with --server", name, len(all))}
	}
	contents, err := a.contents(ctx, server, all[0])
	if err != nil {
		return err
	}
	// What a plan refuses to touch is what one wants to look at most.
	drift, refused := a.drift(ctx, server, all[0])
	if refused == nil {
		refused = drift.Err()
	}
	if a.output == "json" {
		answer := tenantAnswer(all[0], drift)
		answer["contents"] = contents
		return errors.Join(a.json(answer), refused)
	}
	printTenant(a, all[0], contents)
	if refused == nil {
		printDrift(a, all[0].Name, drift)
	}
	return refused
}

// noSuchTenant is the error for a name that the server does not know.
func (a *app) noSuchTenant(ctx context.Context, server, name string) error {
	all, err := a.statuses(ctx, server)
	if err != nil {
		return err
	}
	e := tenant.Estate{}
	for _, s := range all {
		e.Tenants = append(e.Tenants, tenant.Tenant{Name: s.Name})
	}
	return usageError{fmt.Errorf("the server: %w", unknownTenant(e, name))}
}

// drift is what a plan for the tenant would change.
func (a *app) drift(ctx context.Context, server string, s landlord.Status) (plan.Plan, error) {
	hs, err := a.homes(server)
	if err != nil {
		return plan.Plan{}, err
	}
	for _, h := range hs {
		if h.server.Name != s.Server {
			continue
		}
		if _, ok := h.estate.Tenant(s.Name); !ok {
			if h.estate, err = landlord.Export(ctx, h.server); err != nil {
				return plan.Plan{}, err
			}
		}
		return landlord.Plan(ctx, h.estate, s.Server, landlord.Options{Tenants: []string{s.Name}})
	}
	return plan.Plan{}, nil
}

// tenantAnswer is what show answers as JSON.
func tenantAnswer(s landlord.Status, drift plan.Plan) map[string]any {
	answer := map[string]any{"tenant": s, "drift": drift.Steps}
	if s.Isolation == tenant.Cluster {
		answer["host"], answer["sizes"] = drift.Host, drift.Sizes
	}
	return answer
}

func printTenant(a *app, s landlord.Status, contents []catalog.Standout) {
	l, w := a.outLook(), a.Out
	state := ""
	if s.Suspended {
		state = l.Paint(term.Warn, "  suspended")
	}
	fmt.Fprintf(w, "%s%s\n  %s on server %s, %s\n", l.Paint(term.Strong, s.Name), state,
		houseOf(s.Isolation, term.Clean(s.Database)), s.Server, term.Count(len(s.Schemas), "schema"))
	for _, p := range s.Further {
		fmt.Fprintf(w, "  database %s, %s, %s\n", term.Clean(p.Database), term.Count(len(p.Schemas), "schema"), bytes(p.Bytes))
	}
	fmt.Fprintf(w, "  %s, %s now, at most %s\n\n", bytes(s.Bytes), term.Count(s.Sessions, "connection"), most(s))
	t := term.Table{Head: []string{"role", "kind", "may log in", "password", "connections", "also in it"}, Right: []int{4}}
	for _, r := range s.Roles {
		login := term.Toned(term.Dim, "no")
		if r.Login {
			login = term.Toned(term.Good, "yes")
		}
		if r.Login && r.Rotation == "old" {
			login = term.Toned(term.Warn, strings.TrimSuffix("yes, the old one until "+r.Until, " until "))
		}
		t.Rows = append(t.Rows, []term.Cell{term.Text(r.Name), term.Text(r.Kind), login, term.Text(r.Verifier),
			term.Text(fmt.Sprint(r.Sessions)), term.Text(strings.Join(r.Members, ", "))})
	}
	fmt.Fprint(w, l.Table(t))
	for _, limit := range s.Limits {
		kind := l.Paint(term.Good, "enforced")
		if !limit.Enforced {
			kind = l.Paint(term.Warn, "a default that the tenant can change")
		}
		fmt.Fprintf(w, "  %-22s %-8s %s\n", limit.Name, limit.Value, kind)
	}
	printContents(a, contents)
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
