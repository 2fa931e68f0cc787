package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/apply"
	"landlord/internal/plan"
	"landlord/internal/spec"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// edit changes one tenant in what the server says where there is no spec, and
// otherwise in the spec, as it will stand once the home's commit is called: what
// the server refuses is not in the spec either. It returns the home as it should
// be now.
func (a *app) edit(ctx context.Context, server string, change spec.Change) (home, error) {
	if !bareServer(server) {
		d := &draft{file: a.file, change: change}
		if err := d.read(); err != nil {
			return home{}, err
		}
		h, err := a.homeOf(d.edited, server, change.Tenant())
		h.draft = d
		return h, err
	}
	h, err := a.stateOf(ctx, serverAt(server), change.Tenant())
	if err != nil {
		return home{}, err
	}
	return h.with(ctx, change)
}

// homeOf is the server of an estate that --server names, or that the changed
// tenant stands on.
func (a *app) homeOf(edited spec.Edited, server, name string) (home, error) {
	e := edited.After
	for _, state := range []tenant.Estate{edited.After, edited.Before} {
		t, ok := state.Tenant(name)
		if ok && server != "" && server != t.Server {
			return home{}, otherServer(name, t.Server, server)
		}
		if ok {
			s, _ := state.Server(t.Server)
			return home{estate: e, server: s}, nil
		}
	}
	list, err := servers(e, server, nil)
	if err != nil {
		return home{}, err
	}
	if len(list) > 1 {
		return home{}, severalServers(list)
	}
	return home{estate: e, server: list[0]}, nil
}

// settle leads the server to what the home says about one tenant. --yes is
// not asked for: the command was.
func (a *app) settle(ctx context.Context, h home, name string, o landlord.Options, agreed consent) error {
	if t, ok := h.estate.Tenant(name); ok {
		h.server, _ = h.estate.Server(t.Server)
	}
	o.Tenants = []string{name}
	agreed.yes, agreed.straight = true, true
	output := a.output
	a.output = "" // the command has its own last word
	agreed.fresh, agreed.whole = a.now(h), h.whole
	if !o.Prune {
		agreed.fresh = still(name, agreed.fresh)
	}
	if !h.bare && !o.Prune {
		if err := landlord.Elsewhere(ctx, h.estate, name); err != nil {
			return err
		}
	}
	agreed.given, agreed.unchanged = h.commit, h.revert
	result, err := a.applyServer(ctx, h.estate, h.server, scope{tenants: o.Tenants, prune: o.Prune}, agreed)
	a.output = output
	if err = errors.Join(err, result.Err()); err == nil {
		err = h.commit() // also where nothing was to be done on the server
	}
	return err
}

type addFlags struct {
	server, isolation, database, rights, profile string
	databases, set                               []string
}

func (a *app) tenantAdd() *cobra.Command {
	var f addFlags
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a tenant: to the spec, and to the server",
		Long: `Add a tenant. With a spec, its entry is written into landlord.yaml (comments and
order of everything else stay), and the tenant gets its house. With --server and
a connection string, no spec is needed: the server's own state is what counts.
A tenant that is there already with the same properties is left as it is.
What fails leaves nothing of it: what had been made is taken back, and its entry
too. Only if landlord is killed, or loses the server, does adding it again go on
from there (and landlord says what stays, where it can).
Exit status: 0 it has its house; 1 failed; 2 bad usage or spec, or the name is
taken.`,
		Example: `  landlord tenant add acme
  landlord tenant add globex --isolation schema --database shared
  landlord tenant add hooli --databases hooli_archive,hooli_stats
  landlord tenant add initech --server 'host=/var/run/postgresql user=postgres'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.addTenant(c.Context(), args[0], f) },
	}
	a.specFlag(c)
	homeFlag(c, &f.server)
	a.journalFlag(c, &f.server)
	c.Flags().StringVar(&f.isolation, "isolation", "", "database, schema, or cluster (default: the spec's)")
	c.Flags().StringVar(&f.database, "database", "", "the shared database, for the schema model")
	c.Flags().StringSliceVar(&f.databases, "databases", nil, "names of further databases of its own")
	c.Flags().StringVar(&f.rights, "rights", "", "read, crud or ddl")
	c.Flags().StringVar(&f.profile, "profile", "", "one of the spec's profiles")
	c.Flags().StringArrayVar(&f.set, "set", nil, "KEY=VALUE, any other key of a tenant, such as limits.connections=50; may be repeated")
	return c
}

// entry is the tenant's entry in the spec.
func (f addFlags) entry(name string) (spec.TenantEntry, error) {
	e := spec.TenantEntry{Name: name}
	if f.server != "" && !bareServer(f.server) {
		e.Keys = append(e.Keys, spec.KeyValue{Key: "server", Values: []string{f.server}})
	}
	for _, kv := range []spec.KeyValue{
		{Key: "isolation", Values: []string{f.isolation}}, {Key: "database", Values: []string{f.database}},
		{Key: "rights", Values: []string{f.rights}}, {Key: "profile", Values: []string{f.profile}},
	} {
		if kv.Values[0] != "" {
			e.Keys = append(e.Keys, kv)
		}
	}
	if len(f.databases) > 0 {
		e.Keys = append(e.Keys, spec.KeyValue{Key: "databases", Values: f.databases})
	}
	for _, s := range f.set {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return e, usageError{fmt.Errorf("--set %s: it is KEY=VALUE", s)}
		}
		e.Keys = append(e.Keys, spec.KeyValue{Key: key, Values: []string{value}})
	}
	return e, nil
}

func (a *app) addTenant(ctx context.Context, name string, f addFlags) error {
	if err := tenant.CheckName(name); err != nil {
		return usageError{err}
	}
	e, err := f.entry(name)
	if err != nil {
		return err
	}
	h, err := a.edit(ctx, f.server, spec.Add(e))
	if err != nil {
		return err
	}
	if err := a.settle(ctx, h, name, landlord.Options{}, consent{}); err != nil {
		return err
	}
	if err := landlord.FollowRouter(ctx, h.estate); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "tenant %s has its house; landlord credentials %s gives its application the settings\n", name, name)
	return nil
}

// turn is suspend or resume.
type turn struct {
	verb, short, long, done string
	change                  func(name string) spec.Change
	quiet                   bool
}

var turns = []turn{
	{"suspend", "Close a tenant's door and end its sessions; nothing is lost",
		"Close a tenant's door: its logins cannot log in, and its sessions end. Its data,\nroles and passwords stay. Exit status: 0 done; 1 failed; 2 bad usage or spec.",
		"is suspended", func(name string) spec.Change { return spec.Set(name, "suspended", "true") }, true},
	{"resume", "Open a suspended tenant's door again",
		"Undo what suspend did: the tenant's logins can log in again, with the passwords\nthat they had. Exit status: 0 done; 1 failed; 2 bad usage or spec.",
		"is open again", func(name string) spec.Change { return spec.Unset(name, "suspended") }, false},
}

func (a *app) tenantTurn(t turn) *cobra.Command {
	var server string
	c := &cobra.Command{
		Use: t.verb + " NAME", Short: t.short, Long: t.long,
		Example: "  landlord tenant " + t.verb + " acme",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.turnTenant(c.Context(), server, args[0], t) },
	}
	a.specFlag(c)
	homeFlag(c, &server)
	a.journalFlag(c, &server)
	return c
}

func (a *app) turnTenant(ctx context.Context, server, name string, t turn) error {
	h, err := a.edit(ctx, server, t.change(name))
	if err != nil {
		return err
	}
	err = a.settle(ctx, h, name, landlord.Options{}, consent{})
	if t.quiet && onlyUnread(err) { // its door is shut all the same
		if left := a.clear(ctx, h, name); left != nil {
			return errors.Join(err, left)
		}
		fmt.Fprintf(a.Out, "tenant %s %s\n", name, t.done)
	}
	if err != nil {
		return err
	}
	follow := func() error { return landlord.FollowRouter(ctx, h.estate) }
	if t.quiet {
		follow = func() error { return a.clear(ctx, h, name) }
	}
	if err := follow(); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "tenant %s %s\n", name, t.done)
	return nil
}

// onlyUnread says that nothing has failed but that a database could not be read.
func onlyUnread(err error) bool {
	_, unread := errors.AsType[*plan.UnreadError](err)
	_, failed := errors.AsType[*apply.FailedError](err)
	return unread && !failed
}

// clear shuts the router's door as well, and then sees to it that nobody of a
// tenant is inside: also where the router cannot be reached.
func (a *app) clear(ctx context.Context, h home, name string) error {
	err := landlord.ShutRouter(ctx, h.estate, name)
	return errors.Join(a.empty(ctx, h, name), err)
}

// empty sees to it that nobody of a tenant is inside.
func (a *app) empty(ctx context.Context, h home, name string) error {
	t, _ := h.estate.Tenant(name)
	s, _ := h.estate.Server(t.Server)
	ended, err := landlord.Quiet(ctx, h.estate, s, t)
	if ended > 0 {
		a.say("ended %s of tenant %s", term.Count(ended, "session"), name)
	}
	return err
}
