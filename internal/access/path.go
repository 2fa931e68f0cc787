package access

import (
	"cmp"
	"fmt"
	"slices"

	"landlord/internal/snapshot"
)

// Superuser is the name that stands for any superuser as the end of a path.
const Superuser = "superuser"

// Step is one step of a path.
type Step struct {
	Kind      string    `json:"kind"`
	Certainty Certainty `json:"certainty"`
	// Database is where it is taken; empty: in any.
	Database string   `json:"database,omitempty"`
	SQL      []string `json:"sql,omitempty"`
	Why      string   `json:"why"`
	// Mend is SQL that takes the step away, to be run where it is taken.
	Mend []string `json:"mend,omitempty"`
}

// Path leads from a role to another's rights or data, or to a superuser's.
type Path struct {
	From string `json:"from"`
	// To is what it reaches: "the role x", "data of x", "superuser".
	To string `json:"to"`
	// Certainty is that of its least certain step.
	Certainty Certainty `json:"certainty"`
	Steps     []Step    `json:"steps"`
}

// Paths finds the shortest ways from a role to another, its members and its
// data, or to [Superuser]: one for each thing reached and each certainty that
// no surer way has, the surest first. Of those that are blocked it names some.
func (s *State) Paths(from, to string) ([]Path, error) {
	if s.roles[from] == nil {
		return nil, &UnknownRoleError{from}
	}
	goals, err := s.goals(from, to)
	if err != nil {
		return nil, err
	}
	var out []Path
	reached := map[node]bool{}
	for _, level := range []Certainty{Certain, Possible, Blocked} {
		w := s.walk(from, level)
		for _, goal := range goals {
			if reached[goal] {
				continue
			}
			p, ok := w.path(goal)
			if !ok {
				continue
			}
			reached[goal] = true
			if len(p.Steps) > 0 && p.Certainty == level {
				out = append(out, p)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Path) int {
		return cmp.Or(cmp.Compare(a.Certainty.level(), b.Certainty.level()), cmp.Compare(len(a.Steps), len(b.Steps)))
	})
	return distinct(out), nil
}

// distinct leaves out paths that go on where another has already ended, and
// those that have the same steps.
func distinct(paths []Path) []Path {
	var out []Path
	for _, p := range paths {
		if !slices.ContainsFunc(out, func(o Path) bool {
			return len(o.Steps) <= len(p.Steps) && slices.EqualFunc(o.Steps, p.Steps[:len(o.Steps)], func(a, b Step) bool { return a.Why == b.Why && slices.Equal(a.SQL, b.SQL) })
		}) {
			out = append(out, p)
		}
	}
	return out
}

// goals are the nodes that count as reaching somebody: being one of its
// roles, having one's rights, or their data. A name may also be that of a
// schema or a database, and means its owner.
func (s *State) goals(from, to string) ([]node, error) {
	if to == Superuser && s.roles[to] == nil {
		return []node{{what: superuser}}, nil
	}
	names, err := s.tenantRoles(from, to)
	if err != nil {
		return nil, err
	}
	var out []node
	for _, kind := range []what{being, rights} {
		for _, n := range names {
			out = append(out, node{what: kind, name: n})
		}
	}
	// What stands in a house is a tenant's, whoever owns it.
	for _, n := range s.steps().data {
		if n.name != from && (slices.Contains(names, n.name) || n.at.database == to || n.at.schema == to) {
			out = append(out, n)
		}
	}
	return out, nil
}

// tenantRoles are a role with those that have, or can take, its rights, and
// the owners of a schema and of a database of that name, without superusers
// and whoever sets out.
func (s *State) tenantRoles(from, name string) ([]string, error) {
	var out []string
	add := func(names ...string) {
		for _, n := range names {
			if s.roles[n] != nil && !s.super(n) && (n == name || n != from) && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	if s.roles[name] != nil {
		add(s.below(name, Usage)...)
		add(s.below(name, SetRole)...)
	}
	add(s.owners[name])
	for _, c := range s.snap.Contents {
		if schema, ok := s.schemas[[2]string{c.Database, name}]; ok {
			add(schema.Owner)
		}
	}
	switch {
	case len(out) == 0 && s.super(name):
		return nil, fmt.Errorf("role %q is a superuser: ask for --to %s", name, Superuser)
	case len(out) == 0 && !s.houseCalled(name):
		return nil, &UnknownRoleError{name}
	}
	return out, nil
}

// houseCalled says whether a database or a schema has a name.
func (s *State) houseCalled(name string) bool {
	if s.databases[name] != nil {
		return true
	}
	return slices.ContainsFunc(s.snap.Contents, func(c snapshot.Contents) bool { _, ok := s.schemas[[2]string{c.Database, name}]; return ok })
}

// walk is a search from one role, over steps of up to some certainty, the
// least uncertain first and then the fewest.
type walk struct {
	s     *State
	from  string
	level Certainty
	// open says of each database how the role gets in: nothing to do where it
	// has CONNECT.
	open map[string][]Step
	back map[node]hop
	// start is where it begins, and passed what need not be gone into.
	start  node
	passed map[node]hop
}

// known says whether a node is one that another walk has been to.
func (w *walk) known(n node) bool {
	_, ok := w.passed[n]
	return ok
}

// hop is how a node was come to.
type hop struct {
	from node
	step Step
	cost int // uncertain steps count a thousand
}

func (s *State) walk(from string, level Certainty) *walk {
	return s.walkFrom(node{what: being, name: from}, from, level, nil)
}

// walkFrom walks from a node, as a role ("" is nobody in particular).
func (s *State) walkFrom(start node, from string, level Certainty, passed map[node]hop) *walk {
	w := &walk{s: s, from: from, level: level, open: map[string][]Step{}, start: start, passed: passed}
	g := s.steps()
	for _, db := range g.connect[""] {
		w.open[db] = nil
	}
	for name := range s.holding(from, "") {
		for _, db := range g.connect[name] {
			w.open[db] = nil
		}
	}
	if s.super(from) {
		w.openAll()
	}
	for {
		w.search()
		if !w.openMore() {
			return w
		}
	}
}

func (w *walk) openAll() {
	for _, d := range w.s.snap.Databases {
		w.open[d.Name] = nil
	}
}

// next are the steps from a node, PUBLIC's only in databases that are open,
// save where one wants to know what is blocked.
func (w *walk) next(n node) []edge {
	g := w.s.steps()
	out := g.next(n)
	if n.what != anybody {
		return out
	}
	out = out[:len(out):len(out)]
	if w.level == Blocked {
		for _, edges := range g.public {
			out = append(out, edges...)
		}
		return out
	}
	if w.passed != nil {
		out = nil // but for the doors that are open to it alone
	}
	for db := range w.open {
		if w.passed == nil || !g.open[db] {
			out = append(out, g.public[db]...)
		}
	}
	return out
}

// search goes through all that can be reached, cheapest first: costs are
// small whole numbers, so that a list for each does for a heap.
func (w *walk) search() {
	w.back = map[node]hop{w.start: {}}
	queue := map[int][]node{0: {w.start}}
	costs := []int{0}
	for len(costs) > 0 {
		cost := costs[0]
		costs = costs[1:]
		for i := 0; i < len(queue[cost]); i++ {
			n := queue[cost][i]
			if w.back[n].cost != cost || w.known(n) && n.what != anybody {
				continue
			}
			for _, e := range w.next(n) {
				e = w.here(e)
				c := cost + w.price(e)
				if old, seen := w.back[e.to]; e.certainty.level() > w.level.level() || seen && old.cost <= c {
					continue
				}
				w.back[e.to] = hop{n, Step{Kind: e.kind, Certainty: e.certainty, Database: e.database, SQL: e.sql, Why: e.why, Mend: e.mend}, c}
				if c != cost && !slices.Contains(costs, c) {
					costs = append(costs, c)
					slices.Sort(costs)
				}
				queue[c] = append(queue[c], e.to)
			}
		}
		delete(queue, cost)
	}
}

// here is a step as this role can take it: it must get into the database, and
// no role can be granted to its own member.
func (w *walk) here(e edge) edge {
	if e.database != "" {
		if _, ok := w.open[e.database]; !ok && e.certainty != Blocked {
			e.certainty, e.why = Blocked, e.why+"; but "+w.from+" has no CONNECT on database "+e.database
		}
	}
	if selfGrant(e.kind, e.certainty) && w.s.Chain(e.to.name, w.from, Member) != nil {
		e.certainty, e.why = Blocked, e.to.name+" is a member of "+w.from+", which therefore cannot become a member of it"
	}
	if e.to.what == joined && e.certainty == Certain && !w.s.steps().joins(w.from) {
		e.certainty, e.why = Blocked, e.why+"; but "+w.from+" does not inherit"
	}
	return e
}

// selfGrant says whether a step is to grant oneself a role.
func selfGrant(kind string, c Certainty) bool {
	return c == Certain && (kind == "admin-option" || kind == "createrole")
}

func (w *walk) price(e edge) int {
	switch {
	case e.certainty == Certain && e.kind == "":
		return 0
	case e.certainty == Certain && e.kind == "inherit":
		return 1
	}
	return 1 + []int{1, 1000, 1000000}[e.certainty.level()]
}

// path is the way to a goal, if there is one.
func (w *walk) path(goal node) (Path, bool) {
	at, ok := goal, false
	for _, n := range []node{goal, {what: superuser}, {what: everyData}} {
		if n.what == everyData && goal.what != data && goal.what != everyData {
			continue
		}
		if h, found := w.back[n]; found && (!ok || h.cost < w.back[at].cost) {
			at, ok = n, true
		}
	}
	if !ok {
		return Path{}, false
	}
	p := Path{From: w.from, To: describe(goal), Certainty: Certain}
	for _, step := range w.steps(at) {
		if prefix := w.open[step.Database]; step.Database != "" && !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Database == step.Database }) {
			p.Steps = append(p.Steps, prefix...)
		}
		p.Steps = append(p.Steps, step)
	}
	for _, step := range p.Steps {
		if step.Certainty.level() > p.Certainty.level() {
			p.Certainty = step.Certainty
		}
	}
	return p, true
}

// steps lead to a node. Where one only says that being a role is to have its
// rights, it is left out.
func (w *walk) steps(at node) []Step {
	var out []Step
	for at != w.start {
		h := w.back[at]
		if h.step.Kind != "" {
			out = append(out, h.step)
		}
		at = h.from
	}
	slices.Reverse(out)
	return out
}

func describe(n node) string {
	switch n.what {
	case superuser:
		return Superuser
	case everyData:
		return "everybody's data"
	case data:
		return "data of " + n.name
	case rights:
		return "the rights of " + n.name
	}
	return "the role " + n.name
}
