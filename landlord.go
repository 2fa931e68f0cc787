// Package landlord gives each customer of a PostgreSQL server a house of
// their own, and proves that the walls hold. This is its small public API;
// the command is a thin layer over it.
package landlord

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"landlord/internal/apply"
	"landlord/internal/catalog"
	"landlord/internal/connect"
	"landlord/internal/journal"
	"landlord/internal/localpg"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Remember returns a context under which everything that this package does
// knows what its first session has found out of a server, and which PostgreSQL
// this machine has. It saves sessions, and lines in an older server's log.
func Remember(ctx context.Context) context.Context {
	return localpg.Remember(connect.Remember(ctx))
}

// Options limit what is planned and applied.
type Options struct {
	// Tenants are the names of those it is about; empty: all.
	Tenants []string
	// Pools are the names of those that Prove tries, and Probes those of the
	// probes. Without Tenants and Pools, all are tried; without Probes, all of them.
	Pools, Probes []string
	// Whole says that there is no spec, and that the estate is what a server's own
	// state is to be for these tenants, as [Export] tells it of them: it gives that
	// for all, where a plan cannot do without.
	Whole func(context.Context) (tenant.Estate, error)
	// Prune also drops what is on the server and not in the estate.
	Prune bool
	// Parallel is how many databases are worked on at once; 0 means 2 where
	// they are read and 4 where they are changed.
	Parallel int
}

// Plan reads a server and says what leads from there to what the estate
// wants. It changes nothing and takes no lock. Its errors are those of
// plan.Make, beside the server's own.
func Plan(ctx context.Context, e tenant.Estate, server string, o Options) (plan.Plan, error) {
	if s, ok := e.Server(server); ok && s.Own != nil {
		return planOwn(ctx, e, s, o)
	}
	return planInside(ctx, e, server, o)
}

// planInside plans what is to be done in a server that runs.
func planInside(ctx context.Context, e tenant.Estate, server string, o Options) (plan.Plan, error) {
	in, err := look(ctx, e, server, o)
	if err != nil {
		return plan.Plan{}, err
	}
	return plan.Make(in)
}

// look reads all that a plan follows from: of a plan for a few tenants what
// concerns these, or else, where anything there is unusual, everything.
func look(ctx context.Context, e tenant.Estate, server string, o Options) (plan.Input, error) {
	in, err := input(ctx, e, server, o)
	if err != nil {
		return plan.Input{}, err
	}
	focus := plan.Focus(in)
	if focus != nil || !in.Partial {
		if err := see(ctx, &in, o, focus); err != nil || plan.Lacks(in) == "" {
			return in, err
		}
	}
	if in.Partial {
		if e, err = o.Whole(ctx); err != nil {
			return plan.Input{}, err
		}
		o.Whole = nil
		if in, err = input(ctx, e, server, o); err != nil {
			return plan.Input{}, err
		}
	}
	return in, see(ctx, &in, o, nil)
}

// see takes the snapshot that a plan follows from.
func see(ctx context.Context, in *plan.Input, o Options, focus *snapshot.Focus) (err error) {
	in.Snapshot, err = catalog.Read(ctx, catalog.Options{
		Conninfo: in.Server.Connection, HBA: true, Dependencies: o.Prune, Parallel: o.Parallel,
		Available: o.Prune && len(o.Tenants) == 0 || slices.ContainsFunc(in.Tenants, func(t tenant.Tenant) bool { return len(t.Extensions) > 0 }),
		Want:      func(s snapshot.Snapshot) []string { return plan.Needs(*in, s) },
		Focus:     focus,
	})
	if err != nil {
		return fmt.Errorf("reading server %s: %w", in.Server.Name, err)
	}
	return nil
}

// gone are the tenants that a plan is to take away, who are none in the spec, as
// the server has them.
func gone(ctx context.Context, in plan.Input) (out []tenant.Tenant, err error) {
	if !in.Prune || len(in.Only) == 0 || slices.ContainsFunc(in.Tenants, func(t tenant.Tenant) bool { return slices.Contains(in.Only, t.Name) }) {
		return nil, nil
	}
	for _, name := range in.Only {
		t, ok, err := Find(ctx, in.Server, name)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, t)
		}
	}
	return out, nil
}

// input is a plan's, but for the snapshot.
func input(ctx context.Context, e tenant.Estate, server string, o Options) (plan.Input, error) {
	s, err := serverOf(e, server)
	if err != nil {
		return plan.Input{}, err
	}
	elsewhere, partial := map[string]string{}, o.Whole != nil
	for i := range e.Tenants {
		t := &e.Tenants[i]
		if t.Server != server {
			elsewhere[t.Name] = t.Server
		}
		partial = partial && slices.Contains(o.Tenants, t.Name)
	}
	in := plan.Input{Server: s, Tenants: e.On(server), Elsewhere: elsewhere, Only: o.Tenants, Prune: o.Prune, Partial: partial}
	in.Gone, err = gone(ctx, in)
	return in, err
}

// serverOf is the server of a name that the spec must have.
func serverOf(e tenant.Estate, name string) (tenant.Server, error) {
	s, ok := e.Server(name)
	if !ok {
		return s, fmt.Errorf("there is no server %q in the spec", name)
	}
	return s, nil
}

// Consent is asked before anything is changed. It gets the plan and says
// whether to go on.
type Consent func(plan.Plan) error

// Hooks are told what Apply is doing. Any of them may be nil.
type Hooks struct {
	Consent Consent
	// Refresh gives the estate as it is wanted once landlord's lock is held.
	// Nil: as it was given. Somebody may have changed it since, and to carry
	// out what is not wanted any more would bring back what they took away.
	Refresh func(context.Context) (tenant.Estate, error)
	// Straight says that nobody is to be asked first: the lock is taken at
	// once, and the server is looked at only under it. Consent gets the plan
	// then.
	Straight bool
	// Waiting is called when another landlord is at work on the server.
	Waiting func()
	// Blocked is called when a statement waits for somebody's lock.
	Blocked func([]apply.Blocker)
	// Begin is called with each plan before it is run.
	Begin func(plan.Plan)
	// Done is called for each group of steps that has ended.
	Done func(apply.Outcome)
	// Unchanged is called, still under landlord's lock, where a run has failed and
	// left nothing of what was wanted on the server: what could not be built was
	// taken back.
	Unchanged func() error
}

// maxRounds is how often Apply plans: a database that had to be opened first
// is looked into in the second round, and a third finds nothing.
const maxRounds = 4

// Apply leads a server to what the estate wants. Where there is nothing to
// do, it takes no lock (but for Hooks.Straight). Otherwise it asks for consent,
// takes landlord's lock, and asks and looks again, since somebody may have been
// faster, or have changed what is wanted.
func Apply(ctx context.Context, e tenant.Estate, server string, o Options, h Hooks) (apply.Result, error) {
	if s, ok := e.Server(server); ok && s.Own != nil {
		return applyOwn(ctx, e, s, o, h)
	}
	return applyInside(ctx, e, server, o, h)
}

// applyInside applies what is to be done in a server that runs.
func applyInside(ctx context.Context, e tenant.Estate, server string, o Options, h Hooks) (apply.Result, error) {
	held, err := serverOf(e, server)
	if err != nil {
		return apply.Result{}, err
	}
	var before planned
	if !h.Straight {
		if before.in, err = look(ctx, e, server, o); err == nil {
			before.plan, err = plan.Make(before.in)
		}
		switch {
		case err != nil:
			return apply.Result{}, err
		case before.plan.Empty():
			return apply.Result{Open: before.plan.Open()}, before.plan.Err()
		case h.Consent != nil:
			if err := h.Consent(before.plan); err != nil {
				return apply.Result{}, err
			}
		}
	}
	lock, err := apply.Lock(ctx, held.Connection, h.Waiting)
	if err != nil {
		return apply.Result{}, err
	}
	defer lock.Release()
	if h.Refresh != nil {
		if e, err = refreshed(ctx, held, h); err != nil {
			return apply.Result{}, err
		}
	}
	return locked(ctx, e, server, o, h, before, lock)
}

// refreshed is what is wanted by now of the server whose lock is held.
func refreshed(ctx context.Context, held tenant.Server, h Hooks) (tenant.Estate, error) {
	e, err := h.Refresh(ctx)
	if s, ok := e.Server(held.Name); err == nil && (!ok || s.Connection != held.Connection) {
		err = fmt.Errorf("server %s is not in the spec any more, or with another connection: nothing was changed; run it again", held.Name)
	}
	return e, err
}

// planned is a plan with what it follows from, or nothing where nobody has looked
// at the server yet.
type planned struct {
	in   plan.Input
	plan plan.Plan
}

// locked carries out, under landlord's lock, what leads a server to what the
// estate wants. A plan that was made before stands where nothing has changed;
// what it did not destroy is not destroyed.
func locked(ctx context.Context, e tenant.Estate, server string, o Options, h Hooks, before planned, lock *apply.Held) (apply.Result, error) {
	s, _ := e.Server(server)
	if whole := o.Whole; whole != nil { // of all rounds one and the same is wanted
		once := sync.OnceValues(func() (tenant.Estate, error) { return whole(ctx) })
		o.Whole = func(context.Context) (tenant.Estate, error) { return once() }
	}
	j, err := journal.Open(e.Journal)
	if err != nil {
		return apply.Result{}, err
	}
	defer j.Close()
	agreed := losses(before.plan)
	var total apply.Result
	var unwritten error
	a := attempt{estate: e, server: s, o: o, h: h, lock: lock, built: map[string]bool{}, done: writeDown(j, server, nil, &unwritten)}
	for round := range maxRounds {
		if before, err = planAgain(ctx, e, server, o, before); err != nil {
			return total, err
		}
		p := before.plan
		if round == 0 {
			a.first, a.plan = before.in, p
		}
		if total.Open = p.Open(); p.Empty() {
			return total, p.Err()
		}
		if err := apply.Ready(ctx, p, s.Connection); err != nil {
			return total, err
		}
		if h.Straight && round == 0 && h.Consent != nil {
			if err := h.Consent(p); err != nil {
				return total, err
			}
			agreed = losses(p)
		}
		for name := range losses(p) {
			if !agreed[name] {
				return total, fmt.Errorf("%s would be dropped now, which was not agreed to: plan again", name)
			}
		}
		if h.Begin != nil {
			h.Begin(p)
		}
		result, err := apply.Run(ctx, p, apply.Options{Conninfo: s.Connection, Parallel: o.Parallel, Blocked: h.Blocked, Done: a.watch(writeDown(j, server, h.Done, &unwritten))})
		total.Applied += result.Applied
		total.Failed = append(total.Failed, result.Failed...)
		if err != nil || unwritten != nil || len(result.Failed) > 0 {
			left := a.undo(ctx, &total)
			return total, errors.Join(err, unwritten, left) // what is taken back is written down, too
		}
		if err := p.Err(); err != nil || !p.Again {
			return total, err
		}
	}
	return total, nil
}

// planAgain looks at the server anew. A plan follows from what was read and
// from nothing else, so where that is as it was, the plan stands.
func planAgain(ctx context.Context, e tenant.Estate, server string, o Options, before planned) (planned, error) {
	now, err := look(ctx, e, server, o)
	if err != nil || reflect.DeepEqual(now, before.in) {
		return before, err
	}
	p, err := plan.Make(now)
	return planned{now, p}, err
}

// writeDown passes outcomes on, and keeps them in the journal. The first
// error of the journal goes to failed: an unrecorded change must be seen.
func writeDown(j *journal.Journal, server string, done func(apply.Outcome), failed *error) func(apply.Outcome) {
	if j == nil {
		return done
	}
	return func(o apply.Outcome) {
		entry := journal.Entry{Action: "apply", Server: server, Tenant: o.Tenant, Group: o.Group}
		for _, step := range o.Ran {
			for _, sql := range step.SQL {
				entry.Statements = append(entry.Statements, journal.Statement{Database: step.Database, As: step.As, SQL: sql})
			}
		}
		if o.Err != nil {
			entry.Error = o.Err.Error()
		}
		if err := j.Write(entry); err != nil && *failed == nil {
			*failed = err
		}
		if done != nil {
			done(o)
		}
	}
}

func losses(p plan.Plan) map[string]bool {
	names := map[string]bool{}
	for _, l := range p.Losses() {
		names[l.What] = true
	}
	return names
}

// Export reads which tenants a server has: only those named, if any are, and then
// no more of the others than tells that none has a name of theirs. Where one has,
// and where landlord is no superuser, all are read.
func Export(ctx context.Context, s tenant.Server, only ...string) (tenant.Estate, error) {
	read := catalog.Options{Conninfo: s.Connection, HBA: true, Focus: plan.State(only)}
	snap, err := catalog.Read(ctx, read)
	if err == nil && snap.Focus != nil && plan.Crowded(only, snap) {
		read.Focus = nil
		snap, err = catalog.Read(ctx, read)
	}
	if err != nil {
		return tenant.Estate{}, fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	found := plan.Found(s.Name, snap)
	for i := range found {
		if s.Own != nil { // inside, it is a tenant with a database of its own; its resources are the host's
			found[i].Isolation, found[i].Resources = tenant.Cluster, &s.Own.Resources
		}
	}
	return tenant.Estate{Servers: []tenant.Server{plan.FoundServer(s, snap)}, Tenants: found}, nil
}

// Unchanged says whether a server still says of a tenant, and of itself, what
// [Export] has told, without a look at what the others have.
func Unchanged(ctx context.Context, s tenant.Server, was tenant.Estate, name string) (bool, error) {
	focus := plan.StateAgain(was, name)
	if focus == nil {
		return false, nil
	}
	snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection, HBA: true, Focus: focus})
	if err != nil {
		return false, fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	now := tenant.Estate{Servers: []tenant.Server{plan.FoundServer(s, snap)}, Tenants: plan.Found(s.Name, snap)}
	t, there := now.Tenant(name)
	if !there {
		t.Name = name
	}
	return snap.Focus != nil && reflect.DeepEqual(was, now) && !plan.Strange(now.Servers[0], t, snap), nil
}
