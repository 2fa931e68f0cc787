package apply

import (
	"cmp"
	"slices"

	"landlord/internal/plan"
)

// maxBatch is how many statements one transaction holds: beyond a few
// hundred objects the server's lock table fills.
const maxBatch = 400

// group is the steps of one group in one phase.
type group []plan.Step

func (g group) home() string { return g[0].Database }

// simple says that all its steps fit into one transaction in one database.
func (g group) simple() bool {
	return !slices.ContainsFunc(g, func(s plan.Step) bool { return s.Alone || s.Apart || s.Database != g[0].Database })
}

func (g group) statements() int {
	n := 0
	for i := range g {
		n += len(g[i].SQL)
	}
	return n
}

func (g group) outcome(err error) Outcome {
	return Outcome{Group: g[0].Group, Tenant: g[0].Tenant, Steps: len(g), Err: err, Ran: g}
}

// batches gathers a phase's groups, and those that are small and in one
// database into batches that share a transaction.
func batches(steps []plan.Step, phase plan.Phase) [][]group {
	all := groups(steps, phase)
	slices.SortStableFunc(all, func(a, b group) int { return cmp.Compare(a.home(), b.home()) })
	var out [][]group
	size := 0
	for _, g := range all {
		last, more := len(out)-1, g.statements()
		if last >= 0 && size+more <= maxBatch && out[last][0].home() == g.home() && g.simple() && out[last][0].simple() {
			out[last] = append(out[last], g)
			size += more
			continue
		}
		out = append(out, []group{g})
		size = more
	}
	return out
}

// groups are the groups of a phase, in the order of their first steps. Most
// stand in the plan as a whole, and are not copied.
func groups(steps []plan.Step, phase plan.Phase) []group {
	var all []group
	index := map[string]int{}
	for from := 0; from < len(steps); {
		to := from + 1
		for to < len(steps) && steps[to].Phase == steps[from].Phase && steps[to].Group == steps[from].Group {
			to++
		}
		if part := steps[from:to:to]; part[0].Phase == phase {
			if i, ok := index[part[0].Group]; ok {
				all[i] = append(all[i], part...)
			} else {
				index[part[0].Group] = len(all)
				all = append(all, part)
			}
		}
		from = to
	}
	return all
}
