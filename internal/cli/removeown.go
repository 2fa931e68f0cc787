package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"landlord"
	"landlord/internal/cluster"
	"landlord/internal/spec"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// removeOwn takes a tenant away that has a server of its own, with the server;
// own is false where it has none. The spec's entry goes last, so that the next
// run goes on wherever this one was killed.
func (a *app) removeOwn(ctx context.Context, name string, f removeFlags) (own bool, err error) {
	if bareServer(f.server) || f.server != "" && f.server != name {
		return false, nil
	}
	e, err := a.load()
	if err != nil {
		return false, err
	}
	t, inSpec := e.Tenant(name)
	mark, err := landlord.Leftover(e.Host, name)
	if err != nil || mark == nil || inSpec && t.Isolation != tenant.Cluster {
		return false, err
	}
	if inSpec {
		if err := a.canStrike(); err != nil {
			return true, err
		}
	}
	if err := a.agreeOwn(ctx, e, *mark, f); err != nil {
		return true, err
	}
	if mark.State == cluster.Made && (inSpec || !f.noDump) {
		if err := a.vacateOwn(ctx, e, name, f); err != nil {
			return true, fmt.Errorf("%w; the server of tenant %s is still there", err, name)
		}
	}
	if err := landlord.RemoveServer(ctx, e, name, landlord.Hooks{Waiting: func() { a.say("another landlord is at work on this machine; waiting") }}); err != nil {
		return true, err
	}
	if err := a.strike(ctx, "", name); err != nil && !errors.Is(err, spec.ErrUnknownTenant) {
		return true, err
	}
	if a.output != "json" {
		fmt.Fprintf(a.Out, "tenant %s is gone, and its server\n", name)
	}
	return true, nil
}

// pruneServers takes away the servers of tenants who are out of the spec: each
// asks for its name, and leaves a dump.
func (a *app) pruneServers(ctx context.Context, e tenant.Estate, drops []string) error {
	marks, err := landlord.Leftovers(e)
	if err != nil {
		return err
	}
	var failures []error
	for _, m := range marks {
		f := removeFlags{dir: "."}
		if slices.Contains(drops, m.Tenant) {
			f.confirm = m.Tenant
		}
		if _, err := a.removeOwn(ctx, m.Tenant, f); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// agreeOwn says what will go, and asks for the tenant's name.
func (a *app) agreeOwn(ctx context.Context, e tenant.Estate, m cluster.Mark, f removeFlags) error {
	status := landlord.Status{Name: m.Tenant, Isolation: tenant.Cluster, Bytes: -1}
	if s, ok := e.Server(m.Tenant); ok && m.State == cluster.Made {
		if all, err := landlord.List(ctx, s, m.Tenant); err == nil && len(all) == 1 {
			status = all[0]
		}
	}
	a.say("its server is PostgreSQL %d, with its data in %s", m.Major, m.Data)
	return a.agree(ctx, status, f)
}

// vacateOwn closes the door and keeps a dump.
func (a *app) vacateOwn(ctx context.Context, e tenant.Estate, name string, f removeFlags) error {
	dir := f.dir
	if f.noDump {
		dir = ""
	}
	kept, err := landlord.Vacate(ctx, e, name, dir, landlord.Hooks{})
	for _, k := range kept {
		a.say("kept %s, %s; pg_restore reads it", k.Path, term.Bytes(k.Bytes))
	}
	return err
}
