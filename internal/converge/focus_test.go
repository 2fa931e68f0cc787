package converge_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"landlord"
	"landlord/internal/catalog"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// A plan for one tenant that has seen what concerns it alone is the plan of
// who has seen everything, in whatever state the server is: or the reader says
// that it has not seen enough.
func TestFocusSeesEnough(t *testing.T) {
	seen := &tally{doubts: map[string]int{}}
	each(t, 3, func(w *world) {
		w.administer()
		w.extend()
		w.focused(seen)
		w.applyWith(landlord.Options{})
		w.furnish(3)
		w.focused(seen)
		for range 4 {
			one := pick(w.gen, w.e.Tenants).Name
			was, err := landlord.Export(w.ctx(), w.e.Servers[0], one)
			if err != nil {
				w.t.Fatal(err)
			}
			w.kept(was, one)
			w.mess(1 + w.IntN(2))
			w.kept(was, one)
			w.focused(seen)
			if w.chance(50) {
				w.settle("mess", false)
			}
		}
	})
	t.Cleanup(func() { t.Logf("enough %d times; doubts: %v", seen.enough, seen.doubts) })
}

// tally counts, for all worlds at once, what readers say.
type tally struct {
	mu     sync.Mutex
	enough int
	doubts map[string]int
}

func (c *tally) count(doubt string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if doubt == "" {
		c.enough++
	} else {
		c.doubts[doubt]++
	}
}

// focused compares both plans for each tenant.
func (w *world) focused(seen *tally) {
	w.t.Helper()
	w.disconnect()
	for _, one := range w.e.Tenants {
		in := plan.Input{Server: w.e.Servers[0], Tenants: w.e.Tenants, Only: []string{one.Name}}
		all := in
		in.Snapshot, all.Snapshot = w.snapshot(in, plan.Focus(in)), w.snapshot(in, nil)
		why := plan.Lacks(in)
		if seen.count(why); why == "" {
			w.compare(in, all, one)
		}
		w.removed(one, seen)
	}
	w.found()
	w.stateless(seen)
}

// removed compares both plans by which a tenant is taken away.
func (w *world) removed(one tenant.Tenant, seen *tally) {
	w.t.Helper()
	gone, ok, err := landlord.Find(w.ctx(), w.e.Servers[0], one.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	if !ok {
		return
	}
	in := plan.Input{Server: w.e.Servers[0], Only: []string{one.Name}, Prune: true, Gone: []tenant.Tenant{gone},
		Tenants: slices.DeleteFunc(slices.Clone(w.e.Tenants), func(t tenant.Tenant) bool { return t.Name == one.Name })}
	all := in
	in.Snapshot, all.Snapshot = w.snapshot(in, plan.Focus(in)), w.snapshot(in, nil)
	why := plan.Lacks(in)
	if why != "" {
		why = "to remove: " + why
	}
	if seen.count(why); why == "" {
		w.compare(in, all, gone)
	}
}

// found compares what is read of one tenant with what is read of it among all.
func (w *world) found() {
	w.t.Helper()
	s := w.e.Servers[0]
	all, err := landlord.List(w.ctx(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	live, err := landlord.Export(w.ctx(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, one := range w.e.Tenants {
		want := slices.DeleteFunc(slices.Clone(all), func(s landlord.Status) bool { return s.Name != one.Name })
		got, err := landlord.List(w.ctx(), s, one.Name)
		if err != nil {
			w.t.Fatal(err)
		}
		found, ok, err := landlord.Find(w.ctx(), s, one.Name)
		if err != nil {
			w.t.Fatal(err)
		}
		wanted, there := live.Tenant(one.Name)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(landlord.Status{}, "Bytes"), cmpopts.IgnoreFields(landlord.PlaceStatus{}, "Bytes")) + cmp.Diff(wanted, found) + cmp.Diff(there, ok); diff != "" {
			w.t.Errorf("%s alone is not %[1]s among all: %s\nBY HAND:%s", one.Name, diff, indent(w.diary))
		}
	}
}

// kept says what one may go on with: who sees no change, by a tenant's names, reads
// what it has read.
func (w *world) kept(was tenant.Estate, name string) {
	w.t.Helper()
	s := w.e.Servers[0]
	same, err := landlord.Unchanged(w.ctx(), s, was, name)
	if err != nil {
		w.t.Fatal(err)
	}
	now, err := landlord.Export(w.ctx(), s, name)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(was, now); same && diff != "" {
		w.t.Errorf("%s is said to be as it was: %s\nBY HAND:%s", name, diff, indent(w.diary))
	}
}

func (w *world) snapshot(in plan.Input, f *snapshot.Focus) snapshot.Snapshot {
	w.t.Helper()
	s, err := catalog.Read(w.ctx(), catalog.Options{Conninfo: w.e.Servers[0].Connection, HBA: true, Available: true, Dependencies: in.Prune, Focus: f,
		Want: func(s snapshot.Snapshot) []string { return plan.Needs(in, s) }})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) compare(in, all plan.Input, one tenant.Tenant) {
	w.t.Helper()
	some, err1 := plan.Make(in)
	whole, err2 := plan.Make(all)
	if fmt.Sprint(err1) != fmt.Sprint(err2) {
		w.t.Errorf("for %s: %v with a focus, %v without\nBY HAND:%s", in.Only[0], err1, err2, indent(w.diary))
	}
	got, want := sayings(some, one), sayings(whole, one)
	for _, s := range want {
		if s.theirs && !slices.Contains(got, s) {
			w.t.Errorf("for %s: a focus misses %s\nBY HAND:%s", one.Name, s.text, indent(w.diary))
		}
	}
	for _, s := range got {
		if !slices.Contains(want, s) {
			w.t.Errorf("for %s: only a focus has %s\nBY HAND:%s", one.Name, s.text, indent(w.diary))
		}
	}
}

// saying is something that a plan says, and whether it is about a tenant, its
// roles or its schemas.
type saying struct {
	text   string
	theirs bool
}

// sayings are all that a plan says: its steps and its notes.
func sayings(p plan.Plan, one tenant.Tenant) (out []saying) {
	about := func(text string) bool {
		return slices.ContainsFunc(append(one.Roles(), one.Home.Schemas...), func(name string) bool { return strings.Contains(text, pgsql.Ident(name)) })
	}
	for _, s := range p.Steps {
		for i, sql := range s.SQL { // rows come in any order, and so do the names in a list
			words := strings.FieldsFunc(sql, func(r rune) bool { return r == ' ' || r == ',' })
			slices.Sort(words)
			s.SQL[i] = strings.Join(words, " ")
		}
		out = append(out, saying{fmt.Sprintf("step %d %s/%s in %q as %q %v: %s: %q", s.Phase, s.Group, s.Tenant, s.Database, s.As, s.Late, s.Why, s.SQL),
			s.Tenant == one.Name || about(strings.Join(s.SQL, ";"))})
	}
	for _, n := range p.Notes {
		out = append(out, saying{fmt.Sprintf("note %+v", n), n.Tenant == one.Name || about(n.Next)})
	}
	return out
}
