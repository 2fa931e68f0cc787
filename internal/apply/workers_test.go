package apply

import (
	"testing"

	"landlord/internal/plan"
)

func TestWorkers(t *testing.T) {
	in := func(databases ...string) [][]group {
		var all [][]group
		for _, d := range databases {
			all = append(all, []group{{plan.Step{Database: d}}})
		}
		return all
	}
	making := append(in("", ""), []group{{plan.Step{Alone: true}}})
	for _, test := range []struct {
		name string
		all  [][]group
		want int
	}{
		{"nothing", nil, 0},
		{"one batch", in("shared"), 1},
		{"one container", in("shared", "shared", "shared", "shared", "shared"), 2},
		{"several containers", in("a", "a", "b", "b", "b"), 4},
		{"databases to be made", making, 3},
	} {
		r := &runner{Options: Options{Parallel: 4}}
		if got := r.workers(test.all); got != test.want {
			t.Errorf("%s: %d workers, want %d", test.name, got, test.want)
		}
	}
}
