package landlord

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"

	"landlord/internal/apply"
	"landlord/internal/cluster"
	"landlord/internal/cluster/host"
	"landlord/internal/journal"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// wanted is what this host is to have of a tenant's own server.
func wanted(e tenant.Estate, s tenant.Server) cluster.Want {
	w := cluster.Want{Own: mine(*s.Own), Host: e.Host}
	for _, other := range e.Servers {
		if other.Own != nil {
			w.All = append(w.All, *other.Own)
		}
	}
	if t, ok := e.Tenant(s.Own.Tenant); ok {
		for _, l := range t.Logins {
			w.Connections += t.Connections(l)
		}
	}
	return w
}

// mine is a server as whoever runs landlord can have it: who is not root runs
// it as oneself.
func mine(o tenant.OwnServer) tenant.OwnServer {
	if o.Manager == tenant.Plain && o.Resources.OSUser != tenant.OwnUser && os.Geteuid() != 0 {
		if u, err := user.Current(); err == nil {
			o.OSUser = u.Username
		}
	}
	return o
}

// planOwn plans for a tenant's own server: what is to be done on this host,
// and then in it, as far as it runs already.
func planOwn(ctx context.Context, e tenant.Estate, s tenant.Server, o Options) (plan.Plan, error) {
	w := wanted(e, s)
	have, err := host.Look(ctx, w)
	if err != nil {
		return plan.Plan{}, err
	}
	on, err := cluster.Make(w, have)
	if err != nil {
		return plan.Plan{}, err
	}
	p := plan.Plan{Server: s.Name}
	switch {
	case on.Up && have.Running && host.Listens(w.Own):
		if p, err = planInside(ctx, e, s.Name, o); err != nil {
			return p, err
		}
	case on.Up:
		p.Again = true
		p.Notes = append(p.Notes, plan.Note{Tenant: s.Own.Tenant, What: "what is in the server is not to be seen before it runs",
			Next: "apply then goes on: its roles, its database, its walls; landlord plan shows the rest"})
	}
	p.Host, p.Sizes = on.Steps, on.Sizes
	for _, n := range on.Notes {
		p.Notes = append(p.Notes, plan.Note{Tenant: s.Own.Tenant, What: n.What, Next: n.Next, Cannot: n.Cannot})
	}
	return p, nil
}

// applyOwn makes or changes a tenant's own server, and then what is in it.
func applyOwn(ctx context.Context, e tenant.Estate, s tenant.Server, o Options, h Hooks) (apply.Result, error) {
	p, err := planOwn(ctx, e, s, o)
	if err != nil {
		return apply.Result{}, err
	}
	if len(p.Host) > 0 && h.Consent != nil {
		if err := h.Consent(p); err != nil {
			return apply.Result{}, err
		}
		h.Consent = onlyLosses(h.Consent)
	}
	var result apply.Result
	if len(p.Host) > 0 {
		if h.Begin != nil {
			h.Begin(p)
		}
		if e, err = onHost(ctx, e, s, h, &result); err != nil {
			return result, err
		}
		if s, err = again(e, s); err != nil {
			return result, err
		}
	}
	if s.Own.Stopped {
		return result, nil
	}
	inside, err := applyInside(ctx, e, s.Name, o, h)
	inside.Applied += result.Applied
	return inside, err
}

// again is a server in an estate that was read anew.
func again(e tenant.Estate, s tenant.Server) (tenant.Server, error) {
	if now, ok := e.Server(s.Name); ok && now.Own != nil {
		return now, nil
	}
	return s, &cluster.RefusalError{Reason: "there is no tenant " + s.Own.Tenant + " with a server of its own any more", Next: "plan again"}
}

// onlyLosses is a consent that was given to all but to what is destroyed.
func onlyLosses(ask Consent) Consent {
	return func(p plan.Plan) error {
		if len(p.Losses()) == 0 {
			return nil
		}
		return ask(p)
	}
}

// onHost carries out, under a lock, what is to be done on this host, as it is
// wanted then, and returns the estate as it is wanted then.
func onHost(ctx context.Context, e tenant.Estate, s tenant.Server, h Hooks, result *apply.Result) (tenant.Estate, error) {
	release, err := host.Lock(e.Host, h.Waiting)
	if err != nil {
		return e, err
	}
	defer release()
	if h.Refresh != nil {
		if e, err = h.Refresh(ctx); err != nil {
			return e, err
		}
		if s, err = again(e, s); err != nil {
			return e, err
		}
	}
	w := wanted(e, s)
	have, err := host.Look(ctx, w)
	if err != nil {
		return e, err
	}
	on, err := cluster.Make(w, have)
	if err != nil {
		return e, err
	}
	return e, carryOut(ctx, e, s.Own.Tenant, on.Steps, h.Done, result)
}

// carryOut runs the steps in their order, and stops at the first that fails.
func carryOut(ctx context.Context, e tenant.Estate, name string, steps []cluster.Step, done func(apply.Outcome), result *apply.Result) error {
	for _, step := range steps {
		var err error
		for _, op := range step.Ops {
			if err = host.Do(ctx, op); err != nil {
				break
			}
		}
		entry := journal.Entry{Action: "host", Server: name, Tenant: name, Group: step.Why}
		for _, c := range step.Commands {
			entry.Statements = append(entry.Statements, journal.Statement{SQL: c})
		}
		if err != nil {
			entry.Error = err.Error()
		}
		if unwritten := record(e, entry); err == nil {
			err = unwritten
		}
		if done != nil {
			done(apply.Outcome{Tenant: name, Group: step.Why, Steps: 1, Err: err})
		}
		if err != nil {
			return err
		}
		result.Applied++
	}
	return nil
}

// RemoveServer takes a tenant's own server away from this host, with its data.
// The tenant may be out of the spec already.
func RemoveServer(ctx context.Context, e tenant.Estate, name string, h Hooks) error {
	release, err := host.Lock(e.Host, h.Waiting)
	if err != nil {
		return err
	}
	defer release()
	own := tenant.OwnServer{Tenant: name, Manager: e.Host.Kind(), Home: filepath.Join(e.Host.Dir(), name), OSUser: "postgres"}
	if s, ok := e.Server(name); ok && s.Own != nil {
		own = *s.Own
	}
	w := cluster.Want{Own: mine(own), Host: e.Host, Gone: true}
	have, err := host.Look(ctx, w)
	if err != nil {
		return err
	}
	p, err := cluster.Make(w, have)
	if err != nil {
		return err
	}
	var result apply.Result
	return carryOut(ctx, e, name, p.Steps, h.Done, &result)
}

// Leftover is what landlord knows of a tenant's own server on this host; nil:
// there is none.
func Leftover(h tenant.Host, name string) (*cluster.Mark, error) {
	return host.ReadMark(filepath.Join(h.Dir(), name))
}

// Vacate closes the door of a tenant's own server, ends the sessions in it, and
// keeps a dump of each of its databases in dir, unless dir is empty: in this order, so that
// nothing is written after the dump. A server that does not run is started for
// it, unless its tenant is out of the spec: nobody knows then how it was to be.
func Vacate(ctx context.Context, e tenant.Estate, name, dir string, h Hooks) ([]Dumped, error) {
	e = awake(e, name)
	s, ok := e.Server(name)
	t, found := e.Tenant(name)
	if !ok || !found {
		return vacateFound(ctx, e, name, dir)
	}
	result, err := applyOwn(ctx, e, s, Options{Tenants: []string{name}}, h)
	if err := errors.Join(err, result.Err()); err != nil {
		return nil, err
	}
	if dir != "" {
		if err := CanKeep(ctx, s); err != nil {
			return nil, err
		}
	}
	if _, err := Quiet(ctx, e, s, t); err != nil || dir == "" {
		return nil, err
	}
	return Keep(ctx, s, t, dir)
}

// vacateFound is Vacate for a tenant who is out of the spec: the server itself
// says who the tenant's logins are.
func vacateFound(ctx context.Context, e tenant.Estate, name, dir string) ([]Dumped, error) {
	m, err := Leftover(e.Host, name)
	if err != nil {
		return nil, err
	}
	if m == nil || !host.Runs(*m) {
		return nil, &cluster.RefusalError{Reason: "the spec has no tenant " + name + ", and no server of theirs runs: no dump can be taken",
			Next: "put the tenant into the spec again, or landlord tenant remove --no-dump " + name + " takes away what is left of it"}
	}
	h := e.Host
	h.Manager = m.Manager
	there := tenant.Expand(tenant.Estate{Host: h, Tenants: []tenant.Tenant{{Name: name, Server: name, Isolation: tenant.Cluster,
		Resources: &tenant.Resources{Address: m.Address, Port: m.Port, OSUser: tenant.SharedUser}}}})
	s := there.Servers[0]
	if dir != "" {
		if err := CanKeep(ctx, s); err != nil {
			return nil, err
		}
	}
	live, err := Export(ctx, s)
	if err != nil {
		return nil, err
	}
	t, ok := live.Tenant(name)
	if !ok {
		return nil, &cluster.RefusalError{Reason: "nothing in the server of " + name + " is marked as tenant " + name + "'s", Next: "look at it; landlord tenant remove --no-dump " + name + " takes it away"}
	}
	if err := shut(ctx, e, s, t); err != nil {
		return nil, err
	}
	if _, err := Quiet(ctx, e, s, t); err != nil || dir == "" {
		return nil, err
	}
	return Keep(ctx, s, t, dir)
}

// shut takes the right to log in from a tenant's logins.
func shut(ctx context.Context, e tenant.Estate, s tenant.Server, t tenant.Tenant) error {
	entry := journal.Entry{Action: "host", Server: s.Name, Tenant: t.Name, Group: "its door is closed"}
	var all []string
	for _, login := range t.LoginRoles() {
		sql := "ALTER ROLE " + pgsql.Ident(login) + " NOLOGIN"
		all = append(all, sql)
		entry.Statements = append(entry.Statements, journal.Statement{SQL: sql})
	}
	err := Execute(ctx, s.Connection, all...)
	if err != nil {
		err = fmt.Errorf("closing the door of tenant %s: %w", t.Name, err)
		entry.Error = err.Error()
	}
	return errors.Join(err, record(e, entry))
}

// awake is an estate in which a tenant's door is closed, and its own server
// runs nevertheless.
func awake(e tenant.Estate, name string) tenant.Estate {
	e.Tenants, e.Servers = slices.Clone(e.Tenants), slices.Clone(e.Servers)
	for i := range e.Tenants {
		if e.Tenants[i].Name == name {
			e.Tenants[i].Suspended = true
		}
	}
	for i, s := range e.Servers {
		if s.Name == name && s.Own != nil {
			own := *s.Own
			own.Stopped = false
			e.Servers[i].Own = &own
		}
	}
	return e
}

// Leftovers are the servers that landlord made on this host for tenants who
// have none in the estate.
func Leftovers(e tenant.Estate) ([]cluster.Mark, error) {
	marks, err := host.Marks(e.Host)
	return slices.DeleteFunc(marks, func(m cluster.Mark) bool {
		s, ok := e.Server(m.Tenant)
		return ok && s.Own != nil
	}), err
}
