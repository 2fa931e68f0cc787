package landlord

import (
	"context"
	"reflect"
	"slices"
	"time"

	"landlord/internal/apply"
	"landlord/internal/connect"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// attempt is a run that failed, of which is taken back what it has made of
// tenants whom there was nothing of before.
type attempt struct {
	estate tenant.Estate
	server tenant.Server
	o      Options
	h      Hooks
	lock   *apply.Held
	// first is what the run began with, and plan what it was to do.
	first plan.Input
	plan  plan.Plan
	// built are the tenants whose houses were finished.
	built map[string]bool
	done  func(apply.Outcome)
}

// watch notes whose houses are finished.
func (a *attempt) watch(done func(apply.Outcome)) func(apply.Outcome) {
	return func(o apply.Outcome) {
		if o.Tenant != "" && o.Err == nil && o.Ran[0].Phase == plan.Houses {
			a.built[o.Tenant] = true
		}
		if done != nil {
			done(o)
		}
	}
}

// undo takes back what was made in vain, and says so in the run's failures. Who
// was interrupted, as by a crash of the server, leaves it to the next run: nothing
// is taken back without landlord's lock. Nor is a server that landlord makes.
func (a *attempt) undo(ctx context.Context, total *apply.Result) error {
	newcomers := slices.DeleteFunc(plan.Newcomers(a.first), func(name string) bool { return a.built[name] })
	if ctx.Err() != nil || a.server.Own != nil || len(newcomers) == 0 && a.h.Unchanged == nil {
		return nil
	}
	if !a.lock.Still(ctx) {
		for _, name := range newcomers {
			total.Failed = append(total.Failed, stays(name, nil, "the session with landlord's lock is gone", nil))
		}
		return nil
	}
	now, err := a.look(ctx)
	if err == nil && len(newcomers) > 0 {
		now, err = a.takeBack(ctx, newcomers, now, total)
	}
	if err != nil {
		for _, name := range newcomers {
			total.Failed = append(total.Failed, stays(name, nil, "", err))
		}
	}
	if a.h.Unchanged != nil && (len(newcomers) > 0 || err == nil && a.unchanged(now)) {
		return a.h.Unchanged()
	}
	return nil
}

// look reads the server anew. Somebody else may have its last connections.
func (a *attempt) look(ctx context.Context) (in plan.Input, err error) {
	for range 10 {
		if in, err = look(ctx, a.estate, a.server.Name, a.o); !connect.Full(err) {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return in, err
}

// unchanged says that all that was to be done is still to be done.
func (a *attempt) unchanged(now plan.Input) bool {
	p, err := plan.Make(now)
	return err == nil && slices.EqualFunc(p.Steps, a.plan.Steps, sameStep) && reflect.DeepEqual(p.HBA, a.plan.HBA)
}

// sameStep says that two steps do the same. How much is lost by them is the
// moment's: a database grows also by what was rolled back.
func sameStep(a, b plan.Step) bool {
	if a.Loses != nil && b.Loses != nil {
		loses := *b.Loses
		loses.Bytes = a.Loses.Bytes
		b.Loses = &loses
	}
	return reflect.DeepEqual(a, b)
}

// takeBack takes back what was made of some tenants, looks whether that is gone,
// and marks their failures, or adds one that says what stays.
func (a *attempt) takeBack(ctx context.Context, names []string, now plan.Input, total *apply.Result) (plan.Input, error) {
	back := plan.TakeBack(a.first, now, names)
	result, err := apply.Run(ctx, back.Plan, apply.Options{Conninfo: a.server.Connection, Parallel: a.o.Parallel, Blocked: a.h.Blocked, Done: a.done})
	if err != nil {
		return now, err
	}
	if !back.Plan.Empty() {
		if now, err = a.look(ctx); err != nil {
			return now, err
		}
	}
	left := plan.TakeBack(a.first, now, names).Made
	shared := map[string]string{} // of a tenant: the group of steps about the database that it lives in
	for _, name := range names {
		if t, ok := a.estate.Tenant(name); ok {
			shared[name] = "database " + t.Home.Database
		}
		if len(left[name]) > 0 {
			total.Failed = append(total.Failed, stays(name, left[name], back.Stays[name], result.Err()))
		}
	}
	for i, f := range total.Failed {
		whose := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return f.Tenant != name && f.Group != shared[name] })
		total.Failed[i].Undone = len(whose) > 0 && !slices.ContainsFunc(whose, func(name string) bool { return len(left[name]) > 0 })
	}
	return now, nil
}

func stays(name string, what []string, why string, err error) apply.Outcome {
	return apply.Outcome{Group: "taking back", Tenant: name, Err: &apply.StaysError{Tenant: name, Stays: what, Why: why, Err: err}}
}
