package access

import (
	"maps"
	"slices"
)

// Crossing is a way from one tenant to another, or to a superuser's powers or
// everybody's data, which is every tenant.
type Crossing struct {
	From string `json:"from"`
	To   string `json:"to"` // a tenant, [Superuser], or [Everybody]
	Path Path   `json:"path"`
}

// Everybody is the end of a crossing that reaches everybody's data.
const Everybody = "everybody"

// Crossings finds the ways between tenants, given as the roles of each: the
// best for each pair between which there is one. It goes from each tenant to
// what is reached, and never through pairs that are apart.
func (s *State) Crossings(tenants map[string][]string, level Certainty) []Crossing {
	whose := map[string]string{}
	for tenant, roles := range tenants {
		for _, r := range roles {
			whose[r] = tenant
		}
	}
	var out []Crossing
	for _, tenant := range slices.Sorted(maps.Keys(tenants)) {
		best := map[string]Path{}
		for _, from := range tenants[tenant] {
			if r := s.roles[from]; r != nil && r.Login {
				s.crossingsOf(tenant, from, level, whose, best)
			}
		}
		for _, to := range slices.Sorted(maps.Keys(best)) {
			out = append(out, Crossing{tenant, to, best[to]})
		}
	}
	return out
}

// crossingsOf adds what one login reaches, where it is better than what is
// known.
func (s *State) crossingsOf(tenant, from string, level Certainty, whose map[string]string, best map[string]Path) {
	w := s.walk(from, level)
	for n := range w.back {
		to := whose[n.name]
		switch n.what {
		case superuser:
			to = Superuser
		case everyData:
			to = Everybody
		}
		if to == "" || to == tenant {
			continue
		}
		p, ok := w.path(n)
		if !ok {
			continue
		}
		old, known := best[to]
		if !known || better(p, old) {
			best[to] = p
		}
	}
}

// better says which of two paths is shown: the surer, the shorter, and of
// equals always the same.
func better(a, b Path) bool {
	if a.Certainty != b.Certainty {
		return a.Certainty.level() < b.Certainty.level()
	}
	if len(a.Steps) != len(b.Steps) {
		return len(a.Steps) < len(b.Steps)
	}
	return a.From+a.To < b.From+b.To
}
