package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/plan"
)

func TestGroupsAreGatheredWithoutLosingAStep(t *testing.T) {
	step := func(p plan.Phase, group, sql string) plan.Step {
		return plan.Step{Phase: p, Group: group, SQL: []string{sql}}
	}
	steps := []plan.Step{
		step(plan.Shared, "server", "0"), step(plan.Houses, "a", "1"), step(plan.Houses, "a", "2"), step(plan.Houses, "b", "3"),
		step(plan.Houses, "a", "4"), step(plan.Removal, "a", "5"), step(plan.Houses, "b", "6"),
	}
	var got []string
	for _, g := range groups(steps, plan.Houses) {
		var all []string
		for _, s := range g {
			all = append(all, s.SQL...)
		}
		got = append(got, g[0].Group+" "+strings.Join(all, ""))
	}
	if diff := cmp.Diff([]string{"a 124", "b 36"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("3", steps[3].SQL[0]); diff != "" {
		t.Error("the plan itself was written over:", diff)
	}
}

// What locks roles that all tenants share comes last, so that a neighbour
// does not wait for the rest of the transaction.
func TestSharedLocksAreTakenLast(t *testing.T) {
	house := func(name string) group {
		return group{
			{Group: name, SQL: []string{"role " + name}},
			{Group: name, SQL: []string{"join " + name}, Late: true},
			{Group: name, SQL: []string{"schema " + name}, As: name},
		}
	}
	var got []string
	for _, l := range transaction([]group{house("a"), house("b")}) {
		got = append(got, l.sql)
	}
	want := []string{
		"BEGIN", "role a", plan.SetRole("a"), "schema a", plan.SetRole(""), "role b", plan.SetRole("b"), "schema b",
		plan.SetRole(""), "join a", "join b", "COMMIT",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
