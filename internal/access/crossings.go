package access

import (
	"cmp"
	"maps"
	"slices"
)

// Home is a tenant as far as paths are concerned: its roles, and where its data
// stands. What stands there is its own, whoever owns it, unless that is
// another tenant's role.
type Home struct {
	Name  string
	Roles []string
	// Databases are those that are the tenant's alone.
	Databases []string
	// Schemas are those in a database that it shares, as pairs of database and
	// schema.
	Schemas [][2]string
}

// Crossing is a way from one tenant to another, or to a superuser's powers or
// everybody's data, which is every tenant.
type Crossing struct {
	From string `json:"from"` // a tenant, or [Public]
	To   string `json:"to"`   // a tenant, [Superuser], or [Everybody]
	Path Path   `json:"path"`
}

// Everybody is the end of a crossing that reaches everybody's data.
const Everybody = "everybody"

// Public is the beginning of a crossing that is open to every role.
const Public = "PUBLIC"

// homes say whose a node is.
type homes struct {
	roles   map[string]string
	places  map[place]string
	tenants []Home
}

func newHomes(tenants []Home) homes {
	h := homes{roles: map[string]string{}, places: map[place]string{}, tenants: tenants}
	for _, t := range tenants {
		for _, r := range t.Roles {
			h.roles[r] = t.Name
		}
		for _, d := range t.Databases {
			h.places[place{database: d}] = t.Name
		}
		for _, s := range t.Schemas {
			h.places[place{s[0], s[1]}] = t.Name
		}
	}
	return h
}

// of is whom a node leads to; "" is nobody in particular.
func (h homes) of(n node) string {
	switch n.what {
	case superuser:
		return Superuser
	case everyData:
		return Everybody
	}
	if t := h.roles[n.name]; t != "" || n.what != data {
		return t
	}
	return cmp.Or(h.places[n.at], h.places[place{database: n.at.database}])
}

// Crossings finds the ways between tenants: the best for each pair between
// which there is one. It goes from each tenant to what is reached, and never
// through pairs that are apart.
func (s *State) Crossings(tenants []Home, level Certainty) []Crossing {
	h := newHomes(tenants)
	var out []Crossing
	for _, t := range sorted(tenants) {
		out = append(out, s.crossingsOf(t, level, h, nil)...)
	}
	return out
}

// Breaches are the ways between tenants, as Crossings finds them, but what is
// open to every role is said once, as from [Public], and not for each tenant:
// on a server whose doors stand open these would be a million.
func (s *State) Breaches(tenants []Home, level Certainty) []Crossing {
	h := newHomes(tenants)
	w := s.walkFrom(node{what: anybody}, "", level, nil)
	out := ends(Public, []*walk{w}, h)
	if len(tenants) < 2 { // its own house is no other's
		out = slices.DeleteFunc(out, func(c Crossing) bool { return c.To != Superuser && c.To != Everybody })
	}
	for _, t := range sorted(tenants) {
		for _, c := range s.crossingsOf(t, level, h, w.back) {
			if !slices.ContainsFunc(out, func(o Crossing) bool {
				return o.From == Public && (o.To == c.To || o.To == Superuser) && o.Path.Certainty.level() <= c.Path.Certainty.level()
			}) {
				out = append(out, c)
			}
		}
	}
	return out
}

func sorted(tenants []Home) []Home {
	return slices.SortedFunc(slices.Values(tenants), func(a, b Home) int { return cmp.Compare(a.Name, b.Name) })
}

// crossingsOf are a tenant's ways out; what is known already is not gone
// through again.
func (s *State) crossingsOf(t Home, level Certainty, h homes, known map[node]hop) []Crossing {
	var walks []*walk
	for _, from := range t.Roles {
		if r := s.roles[from]; r != nil && r.Login {
			walks = append(walks, s.walkFrom(node{what: being, name: from}, from, level, known))
		}
	}
	return ends(t.Name, walks, h)
}

// ends are what walks from one beginning come to that is somebody else's, by
// the best way to each.
func ends(from string, walks []*walk, h homes) []Crossing {
	best := map[string]Path{}
	for _, w := range walks {
		for n := range w.back {
			to := h.of(n)
			if to == "" || to == from || w.known(n) {
				continue
			}
			p, ok := w.path(n)
			if !ok || len(p.Steps) == 0 {
				continue
			}
			if old, found := best[to]; !found || better(p, old) {
				best[to] = p
			}
		}
	}
	var out []Crossing
	for _, to := range slices.Sorted(maps.Keys(best)) {
		out = append(out, Crossing{from, to, best[to]})
	}
	return out
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
	return a.key() < b.key()
}

func (p Path) key() string {
	key := p.From + p.To
	for _, s := range p.Steps {
		key += "\x00" + s.Why
	}
	return key
}
