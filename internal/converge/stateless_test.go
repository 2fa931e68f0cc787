package converge_test

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"landlord"
	"landlord/internal/plan"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// Without a spec, what is done about one tenant is what would be done by who
// knows of all: or the reader says that it does not know enough.

// stateless compares both for a tenant, in what single commands do about it, and
// for one that is added under names which somebody may have.
func (w *world) stateless(seen *tally) {
	w.t.Helper()
	live, err := landlord.Export(w.ctx(), w.e.Servers[0])
	if err != nil {
		w.t.Fatal(err)
	}
	changes := []spec.Change{w.addition(live)}
	if len(live.Tenants) > 0 {
		one := pick(w.gen, live.Tenants).Name
		changes = append(changes, pick(w.gen, []spec.Change{spec.Unset(one, "suspended"), spec.Set(one, "suspended", "true"), spec.Remove(one)}))
	}
	for _, c := range changes {
		w.statelessChange(live, c, seen)
	}
}

// addition adds a tenant, some of whose names are somebody's, or nearly.
func (w *world) addition(live tenant.Estate) spec.Change {
	taken := append(w.roles(), w.databases()...)
	for _, t := range live.Tenants {
		taken = append(taken, t.Names()...)
		taken = append(taken, t.Home.Schemas...)
	}
	name := func() string {
		n := pick(w.gen, taken)
		return n + pick(w.gen, []string{"", "", "_b", "_owner", "_app"})
	}
	e := spec.TenantEntry{Name: "newcomer"}
	if n := name(); w.chance(50) && tenant.CheckName(n) == nil {
		e.Name = n
	}
	set := func(key string, values ...string) { e.Keys = append(e.Keys, spec.KeyValue{Key: key, Values: values}) }
	if w.chance(50) {
		set("isolation", "schema")
	}
	for _, key := range []string{"database", "schema", "owner", "logins.app"} {
		if w.chance(30) {
			set(key, name())
		}
	}
	if w.chance(20) {
		set("databases", name())
	}
	return spec.Add(e)
}

func (w *world) statelessChange(live tenant.Estate, c spec.Change, seen *tally) {
	w.t.Helper()
	s := w.e.Servers[0]
	state, err := landlord.Export(w.ctx(), s, c.Tenant())
	if err != nil {
		w.t.Fatal(err)
	}
	if slices.ContainsFunc(state.Tenants, func(t tenant.Tenant) bool { return t.Name != c.Tenant() }) {
		seen.count(fmt.Sprintf("to %s: others are in the way", c))
		if diff := cmp.Diff(live, state); diff != "" {
			w.t.Errorf("the state of all is another one where all is read for %s: %s", c.Tenant(), diff)
		}
		return
	}
	was, _ := live.Tenant(c.Tenant())
	is, _ := state.Tenant(c.Tenant())
	if diff := cmp.Diff(was, is) + cmp.Diff(live.Servers, state.Servers); diff != "" {
		w.t.Errorf("%s alone is not %[1]s among all: %s\nBY HAND:%s", c.Tenant(), diff, indent(w.diary))
	}
	after, err := spec.Edit("state", spec.Write(state), c)
	if err != nil {
		return // all are asked
	}
	in := w.inputTo(c, after.After, is)
	in.Partial = true
	f := plan.Focus(in)
	if f == nil {
		seen.count("without a spec: there is no focus")
		return
	}
	in.Snapshot = w.snapshot(in, f)
	if why := plan.Lacks(in); why != "" {
		seen.count("without a spec: " + why)
		return
	}
	seen.count("")
	whole, err := spec.Edit("state", spec.Write(live), c)
	if err != nil {
		w.t.Errorf("%s is refused by who knows of all: %v\nBY HAND:%s", c, err, indent(w.diary))
		return
	}
	all := w.inputTo(c, whole.After, was)
	all.Snapshot = w.snapshot(all, nil)
	one := is
	if t, ok := after.After.Tenant(c.Tenant()); ok {
		one = t
	}
	w.compare(in, all, one)
}

// inputTo is what a plan for a change follows from.
func (w *world) inputTo(c spec.Change, after tenant.Estate, was tenant.Tenant) plan.Input {
	in := plan.Input{Server: after.Servers[0], Tenants: after.Tenants, Only: []string{c.Tenant()}}
	if _, ok := after.Tenant(c.Tenant()); !ok {
		in.Prune, in.Gone = true, []tenant.Tenant{was}
	}
	return in
}
