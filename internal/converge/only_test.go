package converge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/apply"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// each runs a property in fresh random worlds on the oldest and newest major.
func each(t *testing.T, usual int, property func(w *world)) {
	for _, major := range ends() {
		first, n := cases(t, usual)
		for seed := first; seed < first+n; seed++ {
			t.Run(fmt.Sprintf("%d/seed-%d", major, seed), func(t *testing.T) {
				t.Parallel()
				property(newWorld(t, pgtest.Start(t, major), seed))
			})
		}
	}
}

func (w *world) applyWith(o landlord.Options) apply.Result {
	w.t.Helper()
	w.disconnect()
	result, err := landlord.Apply(w.ctx(), w.e, "main", o, landlord.Hooks{})
	if err != nil || result.Err() != nil {
		w.t.Fatalf("apply %+v: %v; %v\nBY HAND:%s", o, err, result.Err(), indent(w.diary))
	}
	return result
}

func (w *world) planWith(o landlord.Options) plan.Plan {
	w.t.Helper()
	w.disconnect()
	p, err := landlord.Plan(w.ctx(), w.e, "main", o)
	if err != nil {
		w.t.Fatalf("plan %+v: %v", o, err)
	}
	return p
}

func (w *world) wantEmpty(p plan.Plan, what string) {
	w.t.Helper()
	for _, s := range p.Steps {
		w.t.Errorf("%s: %q as %q: %s: %q", what, s.Database, s.As, s.Why, s.SQL)
	}
	if w.t.Failed() {
		w.t.Fatalf("BY HAND:%s", indent(w.diary))
	}
}

// What export writes is what stands there: nothing is to be done.
func TestExportIsComplete(t *testing.T) {
	each(t, 3, func(w *world) {
		w.applyWith(landlord.Options{})
		w.furnish(2)
		exported, err := landlord.Export(w.ctx(), w.e.Servers[0])
		if err != nil {
			w.t.Fatal(err)
		}
		w.e.Tenants = exported.Tenants
		w.wantEmpty(w.planWith(landlord.Options{}), "after export")
		if wrong := w.judge(); len(wrong) > 0 {
			w.t.Errorf("the exported spec is another:%s", indent(wrong))
		}
	})
}

// A plan for some tenants mends these, and the next plan for them is empty.
func TestOnlySomeTenants(t *testing.T) {
	each(t, 3, func(w *world) {
		w.applyWith(landlord.Options{})
		w.furnish(2)
		names := w.mess(6)
		only := landlord.Options{Tenants: []string{w.tenant().Name}}
		w.applyWith(only)
		w.wantEmpty(w.planWith(only), "for "+only.Tenants[0])
		w.settle("only "+only.Tenants[0]+" after "+strings.Join(names, ", "), false)
	})
}

// A tenant that the spec names no more is left alone, and dropped with Prune;
// nothing of anybody else's goes with it.
func TestPrune(t *testing.T) {
	each(t, 4, func(w *world) {
		for len(w.e.Tenants) < 2 {
			w.e = w.estate(w.e.Servers[0].Connection)
		}
		w.applyWith(landlord.Options{})
		w.furnish(2)
		i := w.IntN(len(w.e.Tenants))
		gone := w.e.Tenants[i]
		w.e.Tenants = slices.Delete(slices.Clone(w.e.Tenants), i, i+1)
		w.wantEmpty(w.planWith(landlord.Options{}), "without "+gone.Name)
		w.entangle(gone)
		before := w.countObjects()
		w.loses(w.planWith(landlord.Options{Prune: true}), gone)
		w.applyWith(landlord.Options{Prune: true})
		w.wantEmpty(w.planWith(landlord.Options{Prune: true}), "after the removal of "+gone.Name)
		w.isGone(gone)
		if after := w.countObjects(); after != before {
			w.t.Errorf("%s objects in the others' houses are %s now\nBY HAND:%s", before, after, indent(w.diary))
		}
		w.settled("the removal of " + gone.Name)
	})
}

// entangle gives a tenant things in other houses, and others things in its
// own.
func (w *world) entangle(gone tenant.Tenant) {
	for _, other := range w.e.Tenants {
		at := pick(w.gen, other.Places())
		role, schema := pgsql.Ident(pick(w.gen, gone.Roles())), pgsql.Ident(at.Schemas[0])
		w.hand(at.Database, "", "GRANT ALL ON SCHEMA "+schema+" TO "+role+" WITH GRANT OPTION")
		w.hand(at.Database, "", "CREATE TABLE "+schema+"."+pgsql.Ident(w.name("lost"))+" (id int)")
		if o, ok := w.object(at.Database, "relation"); ok {
			w.hand(at.Database, "", "ALTER "+o.word+" "+o.name+" OWNER TO "+role)
		}
		w.hand("postgres", "", "GRANT "+pgsql.Ident(other.Name)+" TO "+role+" WITH ADMIN OPTION")
		w.hand("postgres", pick(w.gen, gone.Roles()), "GRANT "+pgsql.Ident(other.Name)+" TO "+pgsql.Ident(w.role()))
		w.hand("postgres", "", "GRANT "+role+" TO "+pgsql.Ident(pick(w.gen, other.Roles())))
		w.hand(at.Database, "", "ALTER DEFAULT PRIVILEGES FOR ROLE "+role+" GRANT SELECT ON TABLES TO PUBLIC")
		w.hand(at.Database, "", "ALTER DEFAULT PRIVILEGES FOR ROLE "+pgsql.Ident(other.Owner)+" GRANT SELECT ON TABLES TO "+role)
	}
	w.hand("postgres", "", "GRANT CONNECT ON DATABASE postgres TO "+pgsql.Ident(gone.Owner))
}

// countObjects counts what stands in the houses of the spec.
func (w *world) countObjects() string {
	counts := ""
	for _, t := range w.e.Tenants {
		for _, p := range t.Places() {
			counts += w.column(p.Database, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = ANY ($1)", p.Schemas)[0] + " "
		}
	}
	return counts
}

func (w *world) loses(p plan.Plan, gone tenant.Tenant) {
	w.t.Helper()
	losses := 0
	for _, l := range p.Losses() {
		if l.Name != gone.Name {
			w.t.Errorf("the plan loses %+v, which is not %s's", l, gone.Name)
		}
		if losses++; l.Bytes < 0 {
			w.t.Errorf("%s: its size is not known", l.What)
		}
	}
	if want := map[tenant.Model]int{tenant.Database: 1, tenant.Schema: len(gone.Home.Schemas)}[gone.Isolation] + len(gone.Further); losses != want {
		w.t.Errorf("the plan names %d losses, not %d: %+v", losses, want, p.Losses())
	}
}

func (w *world) isGone(gone tenant.Tenant) {
	w.t.Helper()
	if roles := w.column("postgres", "SELECT rolname::text FROM pg_roles WHERE rolname = ANY ($1)", gone.Roles()); len(roles) > 0 {
		w.t.Errorf("roles %q of %s are still there", roles, gone.Name)
	}
	for _, p := range gone.Further {
		if len(w.column("postgres", "SELECT datname::text FROM pg_database WHERE datname = $1", p.Database)) > 0 {
			w.t.Errorf("database %q of %s is still there", p.Database, gone.Name)
		}
	}
	databases := w.column("postgres", "SELECT datname::text FROM pg_database WHERE datname = $1", gone.Home.Database)
	switch {
	case gone.Isolation == tenant.Database && len(databases) > 0:
		w.t.Errorf("database %q of %s is still there", gone.Home.Database, gone.Name)
	case gone.Isolation == tenant.Schema && len(databases) > 0:
		if left := w.column(gone.Home.Database, "SELECT nspname::text FROM pg_namespace WHERE nspname = ANY ($1)", gone.Home.Schemas); len(left) > 0 {
			w.t.Errorf("schemas %q of %s are still there", left, gone.Name)
		}
	}
}

// An extra schema is left alone, named with its size, and dropped with Prune.
func TestPruneExtraSchema(t *testing.T) {
	each(t, 1, func(w *world) {
		w.applyWith(landlord.Options{})
		db := w.tenant().at.Database
		w.must(db, "", `CREATE SCHEMA "ex'tra"; CREATE TABLE "ex'tra".t AS SELECT generate_series(1, 1000)`)
		w.applyWith(landlord.Options{})
		w.wantEmpty(w.planWith(landlord.Options{}), "an extra schema")
		losses := w.planWith(landlord.Options{Prune: true}).Losses()
		if len(losses) != 1 || losses[0].Name != "ex'tra" || losses[0].Bytes < 30000 {
			w.t.Errorf("losses are %+v", losses)
		}
		w.applyWith(landlord.Options{Prune: true})
		w.settled("the extra schema's drop")
	})
}

// An ACL may still have the number of a role that is gone. Nobody can revoke
// that, so it is nothing to do.
func TestGrantsToNobody(t *testing.T) {
	each(t, 1, func(w *world) {
		w.applyWith(landlord.Options{})
		db := w.tenant().at.Database
		w.must(db, "", "CREATE ROLE ghost; GRANT CONNECT ON DATABASE "+pgsql.Ident(db)+" TO ghost; SET allow_system_table_mods = on; "+
			"DELETE FROM pg_shdepend WHERE refobjid = 'ghost'::regrole; DROP ROLE ghost")
		w.settled("a role that is gone")
	})
}
