package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/spec"
	"landlord/internal/spec/specfile"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

type removeFlags struct {
	server, confirm, dir string
	noDump               bool
}

func (a *app) tenantRemove() *cobra.Command {
	var f removeFlags
	c := &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a tenant away, with a last dump of its data",
		Long: `Take a tenant away: show what will go and how large it is, ask for its name,
close its door, end its sessions, keep a dump of its data (one of each of its
databases), take it out of the spec, drop its databases or schemas, take over
what it owns in somebody else's house, and drop its roles. Killed anywhere, the
next remove goes on.
Exit status: 0 it is gone; 1 failed, or nobody agreed; 2 no such tenant, bad
usage or spec.`,
		Example: "  landlord tenant remove acme\n  landlord tenant remove acme --confirm acme --dump-dir /var/backups",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.removeTenant(c.Context(), args[0], f) },
	}
	a.specFlag(c)
	homeFlag(c, &f.server)
	a.journalFlag(c, &f.server)
	c.Flags().StringVar(&f.confirm, "confirm", "", "the tenant's name: agree beforehand")
	c.Flags().StringVar(&f.dir, "dump-dir", ".", "where the dump is kept")
	c.Flags().BoolVar(&f.noDump, "no-dump", false, "keep no dump: what is in the house is lost")
	return c
}

func (a *app) removeTenant(ctx context.Context, name string, f removeFlags) error {
	if own, err := a.removeOwn(ctx, name, f); own || err != nil {
		return err
	}
	h, s, err := a.statusOf(ctx, f.server, name)
	if err != nil {
		return err
	}
	if s == nil {
		return a.forget(ctx, f.server, name)
	}
	h, t, err := a.found(ctx, h, *s)
	if err != nil {
		return err
	}
	if !s.Unbuilt() {
		if err := landlord.CanRemove(ctx, h.server, t, !f.noDump); err != nil {
			return err
		}
	}
	if _, inSpec := h.estate.Tenant(name); inSpec && !h.bare {
		if err := a.canStrike(); err != nil {
			return err
		}
	}
	if err := a.leaves(ctx, h, *s); err != nil {
		return err
	}
	if err := a.agree(ctx, *s, f); err != nil {
		return err
	}
	if s.Unbuilt() { // nothing to keep, and no door that leads anywhere
		err = a.clear(ctx, h, name)
	} else {
		err = a.vacate(ctx, h, t, f)
	}
	if err != nil {
		return err
	}
	h.fresh, h.whole = without(name, a.now(h)), without(name, h.whole)
	if !h.bare {
		h.draft = &draft{file: a.file, change: spec.Remove(name), orGone: true}
		if err := h.draft.read(); err != nil {
			return err
		}
	}
	h.estate = withoutTenant(h.estate, name)
	if err := a.settle(ctx, h, name, landlord.Options{Prune: true}, consent{drops: []string{name}, leaving: leaving(h.server, *s)}); err != nil {
		return err
	}
	if err := landlord.FollowRouter(ctx, h.estate); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "tenant %s is gone\n", name)
	return nil
}

// canStrike fails where a tenant could not be taken out of the spec: what has no
// house any more must not stand there, since apply would build it again.
func (a *app) canStrike() error {
	if err := specfile.CanUpdate(a.file); err != nil {
		return usageError{fmt.Errorf("%s cannot be changed, so nothing is taken away: %w", a.file, err)}
	}
	return nil
}

// strike takes a tenant out of the spec.
func (a *app) strike(ctx context.Context, server, name string) error {
	h, err := a.edit(ctx, server, spec.Remove(name))
	if err != nil {
		return err
	}
	return h.commit()
}

// forget takes a tenant that has nothing on the server out of the spec.
func (a *app) forget(ctx context.Context, server, name string) error {
	if bareServer(server) {
		return a.noSuchTenant(ctx, server, name)
	}
	if err := a.strike(ctx, server, name); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "tenant %s had nothing on the server; it is out of the spec\n", name)
	return nil
}

// leaves names what a tenant who goes owns in others' houses.
func (a *app) leaves(ctx context.Context, h home, s landlord.Status) error {
	owned, err := landlord.OwnedOutside(ctx, h.server, s)
	if err != nil {
		return err
	}
	const most = 50
	for i, o := range owned {
		if i == most {
			a.say("and %d more", len(owned)-most)
			break
		}
		a.say("not in its house, so it stays, and %s takes it over: %s in database %s", tenant.LostRole, term.Clean(o.What), term.Clean(o.Database))
	}
	return nil
}

func (a *app) agree(ctx context.Context, s landlord.Status, f removeFlags) error {
	if f.confirm != "" && f.confirm != s.Name {
		return usageError{fmt.Errorf("--confirm %s is not the name of tenant %s", f.confirm, s.Name)}
	}
	a.say("tenant %s: %s, %s, %s now", s.Name, housesOf(s), bytes(s.Bytes), term.Count(s.Sessions, "connection"))
	if f.confirm == s.Name {
		return nil
	}
	question := "All of it will be dropped; a dump is kept in " + f.dir + "."
	if f.noDump {
		question = "All of it will be dropped, and no dump is kept."
	} else if len(s.Further) > 0 {
		question = "All of it will be dropped; a dump of each database is kept in " + f.dir + "."
	}
	return term.Confirm(ctx, a.In, a.Err, question, s.Name)
}

// found is a tenant that a server has, as the spec has it or else as the server
// does, and its home then.
func (a *app) found(ctx context.Context, h home, s landlord.Status) (_ home, t tenant.Tenant, err error) {
	t, ok := h.estate.Tenant(s.Name)
	switch {
	case ok && t.Server != s.Server:
		err = otherServer(s.Name, t.Server, s.Server)
	case ok:
	case h.bare:
		if h, err = a.stateOf(ctx, h.server, s.Name); err == nil {
			t, ok = h.estate.Tenant(s.Name)
		}
	default:
		t, ok, err = landlord.Find(ctx, h.server, s.Name)
	}
	if err == nil && !ok {
		err = usageError{fmt.Errorf("no server has tenant %s", s.Name)}
	}
	return h, t, err
}

// vacate closes the door, ends the sessions, and keeps a dump: in this order,
// so that nothing is written after the dump.
func (a *app) vacate(ctx context.Context, h home, t tenant.Tenant, f removeFlags) error {
	h.fresh, h.whole = closed(t, a.now(h)), closed(t, h.whole)
	h.estate = withClosed(h.estate, t)
	err := a.settle(ctx, h, t.Name, landlord.Options{}, consent{})
	if err != nil && !onlyUnread(err) {
		return err
	}
	if f.noDump { // what cannot be read can be dropped
		err = nil
	}
	err = errors.Join(err, a.clear(ctx, h, t.Name))
	if err == nil && !f.noDump {
		var kept []landlord.Dumped
		kept, err = landlord.Keep(ctx, h.server, t, f.dir)
		for _, k := range kept {
			a.say("kept %s, %s; pg_restore reads it", k.Path, term.Bytes(k.Bytes))
		}
	}
	if err != nil {
		return fmt.Errorf("%w; tenant %s is suspended now, and landlord tenant resume %s undoes that", err, t.Name, t.Name)
	}
	return nil
}
