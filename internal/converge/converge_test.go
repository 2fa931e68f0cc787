package converge_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/run"
)

// cases is how many random worlds each major is tried with.
// LANDLORD_CONVERGE_CASES changes it; LANDLORD_CONVERGE_SEED runs one world.
func cases(t *testing.T, usual int) (first, n uint64) {
	number := func(name string) uint64 {
		v := os.Getenv(name)
		if v == "" {
			return 0
		}
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	n = number("LANDLORD_CONVERGE_CASES")
	if n == 0 {
		n = uint64(usual)
	}
	if seed := number("LANDLORD_CONVERGE_SEED"); seed != 0 {
		return seed, max(1, number("LANDLORD_CONVERGE_CASES"))
	}
	return 1, n
}

// ends are the oldest and the newest major, or those that $LANDLORD_MAJORS
// names.
func ends() []int {
	if os.Getenv("LANDLORD_MAJORS") != "" {
		return pgtest.Majors()
	}
	return []int{pgtest.Supported[0], pgtest.Supported[len(pgtest.Supported)-1]}
}

// The property: from any state that anybody has made by hand, apply and the
// SQL script both end in the specified state.
func TestConverges(t *testing.T) {
	for _, major := range ends() {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			first, n := cases(t, 6)
			for seed := first; seed < first+n; seed++ {
				t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, pgtest.Start(t, major), seed)
					w.administer()
					w.pool()
					w.route()
					w.extend()
					t.Cleanup(func() {
						if t.Failed() {
							t.Logf("again: LANDLORD_MAJORS=%d LANDLORD_CONVERGE_SEED=%d go test ./internal/converge -run TestConverges", major, seed)
						}
					})
					w.converge()
				})
			}
		})
	}
}

func (w *world) converge() {
	w.settle("an empty server", w.chance(30))
	w.furnish(4)
	w.settled("new objects of the owners")
	for range 3 {
		names := w.mess(1 + w.IntN(10))
		w.settle(strings.Join(names, ", "), w.chance(40))
		w.furnish(1)
		w.settled("new objects after " + strings.Join(names, ", "))
		w.diary = nil
	}
}

func (w *world) plan() plan.Plan {
	w.t.Helper()
	p, err := landlord.Plan(w.ctx(), w.e, "main", landlord.Options{})
	if err != nil {
		w.t.Fatalf("plan: %v%s", err, indent(w.diary))
	}
	return p
}

// settle goes from whatever there is to what the spec says.
func (w *world) settle(what string, script bool) {
	w.t.Helper()
	wrong := w.judge()
	w.disconnect()
	if p := w.plan(); p.Empty() && len(wrong) > 0 {
		w.t.Fatalf("after %s, the plan is empty, but%s\nBY HAND:%s", what, indent(wrong), indent(w.diary))
	}
	if script {
		w.byScript()
	} else {
		result, err := landlord.Apply(w.ctx(), w.e, "main", landlord.Options{}, landlord.Hooks{})
		if err != nil || result.Err() != nil {
			w.t.Fatalf("after %s, apply: %v; %v\nBY HAND:%s", what, err, result.Err(), indent(w.diary))
		}
	}
	w.settled(fmt.Sprintf("%s (script %v)", what, script))
}

// settled says that nothing is left to do, and that the server agrees.
func (w *world) settled(what string) {
	w.t.Helper()
	var todo []string
	p := w.plan()
	for _, s := range p.Steps {
		todo = append(todo, fmt.Sprintf("%q as %q: %s: %q", s.Database, s.As, s.Why, s.SQL))
	}
	if p.HBA != nil {
		todo = append(todo, "pg_hba.conf")
	}
	for _, n := range p.Notes {
		if n.Cannot {
			todo = append(todo, "cannot: "+n.What)
		}
	}
	wrong := w.judge()
	w.disconnect()
	if len(todo) > 0 || len(wrong) > 0 {
		w.t.Fatalf("after %s\nSTILL TO DO:%s\nWRONG:%s\nBY HAND:%s", what, indent(todo), indent(wrong), indent(w.diary))
	}
}

// byScript runs the plan as psql does, again as long as more comes to light.
func (w *world) byScript() {
	w.t.Helper()
	psql, err := localpg.FindTool("psql")
	if err != nil {
		w.t.Fatal(err)
	}
	for range 3 {
		p := w.plan()
		if p.Empty() {
			return
		}
		conninfo := w.e.Servers[0].Connection
		var text bytes.Buffer
		if err := plan.Script(&text, p, conninfo, w.hbaCommand(p)); err != nil {
			w.t.Fatal(err)
		}
		if dump := os.Getenv("LANDLORD_CONVERGE_DUMP"); dump != "" {
			_ = os.WriteFile(dump, text.Bytes(), 0o600)
		}
		_, stderr, err := run.Command(w.ctx(), run.Spec{Name: psql, Args: []string{"-X", conninfo, "-f", "-"}, Stdin: &text, Env: []string{"PATH=/usr/bin:/bin"}})
		if err != nil || complaints(stderr) {
			w.t.Fatalf("psql: %v\n%s\nBY HAND:%s", err, stderr, indent(w.diary))
		}
		if !p.Again {
			return
		}
	}
}

// complaints says whether psql has printed more than that something was gone
// already.
func complaints(stderr []byte) bool {
	for line := range strings.Lines(string(stderr)) {
		if !strings.Contains(line, "has not been granted membership in role") {
			return true
		}
	}
	return false
}

// hbaCommand stands in for `landlord hba apply`.
func (w *world) hbaCommand(p plan.Plan) string {
	if p.HBA == nil {
		return "true"
	}
	path := w.t.TempDir() + "/pg_hba.conf"
	if err := os.WriteFile(path, []byte(p.HBA.After), 0o600); err != nil {
		w.t.Fatal(err)
	}
	command := fmt.Sprintf("cp %s %s", path, p.HBA.Path)
	if p.HBA.Ident != nil {
		ident := w.t.TempDir() + "/pg_ident.conf"
		if err := os.WriteFile(ident, []byte(p.HBA.Ident.After), 0o600); err != nil {
			w.t.Fatal(err)
		}
		command += fmt.Sprintf(" && cp %s %s", ident, p.HBA.Ident.Path)
	}
	return fmt.Sprintf("%s && kill -HUP %d", command, w.s.Pid())
}
