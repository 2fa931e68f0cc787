package converge_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// master is a managed service's master user: no superuser, by password.
const master = "master"

// newManaged starts a server on which landlord is only the master user.
func newManaged(t *testing.T, major int, seed uint64) *world {
	s := pgtest.Start(t, major, pgtest.WithTCP(), pgtest.WithHBA(localpg.DefaultHBA+"host all "+master+" 127.0.0.1/32 scram-sha-256\n"))
	s.Exec(t, "postgres", "CREATE ROLE "+master+" LOGIN CREATEROLE CREATEDB PASSWORD 'sesame'")
	passfile := t.TempDir() + "/pgpass"
	if err := os.WriteFile(passfile, []byte("*:*:*:"+master+":sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s, seed)
	w.me = master
	w.e.Servers[0].Connection = s.TCPConnString("postgres", master) + " passfile=" + passfile
	return w
}

// repairable are the kinds of drift that somebody without SUPERUSER can mend.
var repairable = []string{"grant on a schema", "grant on an object", "grant on a column", "wide ACL", "revoke from a tenant", "revoke all",
	"lost defaults", "schema dropped", "lost temp"}

// What a master user cannot do, it says before it starts; it fails at nothing,
// and does not plan it for ever.
func TestManagedService(t *testing.T) {
	for _, major := range managedMajors() {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			first, n := cases(t, 3)
			for seed := first; seed < first+n; seed++ {
				t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
					t.Parallel()
					w := newManaged(t, major, seed)
					w.pool()
					w.managed()
				})
			}
		})
	}
}

func managedMajors() []int {
	if os.Getenv("LANDLORD_MAJORS") != "" {
		// Before 16 a master user cannot drop schema public, and says so.
		return slices.DeleteFunc(pgtest.Majors(), func(major int) bool { return major < 16 })
	}
	return []int{16, 18}
}

func (w *world) managed() {
	before := w.plan()
	w.says(before, "PUBLIC may connect to database postgres", true)
	w.says(before, "pg_hba.conf", true)
	limited := slices.ContainsFunc(w.e.Tenants, func(t tenant.Tenant) bool { return t.Limits.TempFiles > 0 })
	w.says(before, "temp_file_limit", limited)
	w.manage("an empty server", true)
	w.baseline = w.impossible(w.plan())
	w.furnish(3)
	w.manage("new objects", true)
	for _, name := range some(w.gen, 4, repairable) {
		drifts[slices.IndexFunc(drifts, func(d drift) bool { return d.name == name })].do(w)
		w.manage(name, w.me == master && w.major() >= 16)
		w.diary = nil
	}
	for range 2 {
		names := w.mess(1 + w.IntN(6))
		w.manage(strings.Join(names, ", "), false)
		w.diary = nil
	}
}

func (w *world) says(p plan.Plan, what string, want bool) {
	w.t.Helper()
	said := slices.ContainsFunc(p.Notes, func(n plan.Note) bool { return n.Cannot && strings.Contains(n.What, what) })
	if said != want {
		w.t.Errorf("%q is noted as impossible: %v, not %v", what, said, want)
	}
}

// manage applies; whole says that nothing may stay wrong.
func (w *world) manage(what string, whole bool) {
	w.t.Helper()
	w.disconnect()
	result, err := landlord.Apply(w.ctx(), w.e, "main", landlord.Options{}, landlord.Hooks{})
	if unread := (*plan.UnreadError)(nil); errors.As(err, &unread) && !whole {
		return // a database that somebody else owns now: it says so, and does the rest
	}
	if err != nil || result.Err() != nil {
		w.t.Fatalf("after %s, apply: %v; %v\nBY HAND:%s", what, err, result.Err(), indent(w.diary))
	}
	p := w.plan()
	var todo, notes []string
	for _, s := range p.Steps {
		todo = append(todo, fmt.Sprintf("%q as %q: %s: %q", s.Database, s.As, s.Why, s.SQL))
	}
	notes = w.impossible(p)
	wrong := w.judge()
	w.disconnect()
	if len(todo) > 0 || len(wrong) > 0 && (whole || slices.Equal(notes, w.baseline)) {
		w.t.Fatalf("after %s\nSTILL TO DO:%s\nWRONG:%s\nNOTES:%s\nBY HAND:%s", what, indent(todo), indent(wrong), indent(notes), indent(w.diary))
	}
}

// impossible are a plan's notes of what it cannot do.
func (w *world) impossible(p plan.Plan) (notes []string) {
	for _, n := range p.Notes {
		if n.Cannot {
			notes = append(notes, n.What+" | "+n.Next)
		}
	}
	return notes
}
