package landlord

import (
	"testing"

	"landlord/internal/plan"
)

// A step is the same one though what it drops has grown, and another one if it
// drops something else, or does something else.
func TestSameStep(t *testing.T) {
	drops := func(sql, what string, bytes int64) plan.Step {
		return plan.Step{SQL: []string{sql}, Loses: &plan.Loss{Name: "acme", What: what, Bytes: bytes}}
	}
	step := drops("DROP DATABASE acme", "database acme", 8916315)
	for _, c := range []struct {
		other plan.Step
		same  bool
	}{
		{drops("DROP DATABASE acme", "database acme", 8940891), true},
		{drops("DROP DATABASE acme", "database acme, and more", 8916315), false},
		{drops("DROP DATABASE other", "database acme", 8916315), false},
		{plan.Step{SQL: step.SQL}, false},
	} {
		if got := sameStep(step, c.other); got != c.same {
			t.Errorf("%+v: %v", c.other, got)
		}
	}
	if step.Loses.Bytes != 8916315 {
		t.Error("the step itself was changed")
	}
}
