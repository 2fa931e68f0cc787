package access

import (
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// Some steps ask for several rights at once. Whoever may grant itself one role,
// by that another, and so on, has the rights of all of them together, and of
// none that it would have by becoming one of them.

// want is something that a step asks for.
type want struct {
	// holders are the roles that it is given to.
	holders []string
	// met says whether a role has it.
	met func(name string) bool
}

// wants are the needs that PUBLIC does not have.
func (g *graph) wants(needs ...need) []want {
	var out []want
	for _, n := range needs {
		if !g.publicHas(n) {
			out = append(out, want{g.grantees(n), func(name string) bool {
				p, _ := g.s.Privileges(name, n.object)
				return p&n.priv != 0
			}})
		}
	}
	return out
}

// comers are the roles that have a role's rights, and those that come to have
// them by granting themselves one role after the other.
type comers struct {
	order []string
	set   map[string]bool
	armed bool // some of them can grant
}

func (g *graph) comersTo(name string) *comers {
	if c := g.comers[name]; c != nil {
		return c
	}
	c := &comers{set: map[string]bool{}}
	add := func(names []string) {
		for _, n := range names {
			if !c.set[n] {
				c.set[n] = true
				c.order = append(c.order, n)
			}
		}
	}
	add(g.s.below(name, Usage))
	for i := 0; i < len(c.order); i++ {
		if of := c.order[i]; g.grantable(of) {
			for _, m := range g.s.roles[of].members {
				if m.Admin {
					c.armed = true
					add(g.s.below(m.Member, Usage))
				}
			}
		}
	}
	g.comers[name] = c
	return c
}

// grantable says whether anybody but a superuser may grant a role.
func (g *graph) grantable(name string) bool {
	return g.s.roles[name] != nil && !g.s.super(name) && name != databaseOwner
}

// unions are where those come to that have all wants by what they grant
// themselves, and not without.
func (g *graph) unions(wants ...want) []node {
	if len(wants) < 2 {
		return nil // to become the one role is enough
	}
	var lists [][]*comers
	armed := false
	for _, w := range wants {
		var list []*comers
		for _, name := range w.holders {
			c := g.comersTo(name)
			list, armed = append(list, c), armed || c.armed
		}
		lists = append(lists, list)
	}
	if !armed {
		return nil
	}
	var out []node
	links := g.links(lists)
	for _, name := range comingToAll(lists) {
		if g.grantable(name) && g.joins(name) {
			if grants := g.selfGrants(name, links).enough(wants, name); len(grants) > 0 {
				out = append(out, g.join(name, grants))
			}
		}
	}
	return out
}

// comingToAll are the roles that come to a holder of each want.
func comingToAll(lists [][]*comers) []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range lists[0] {
		for _, name := range c.order {
			all := !seen[name]
			seen[name] = true
			for _, list := range lists[1:] {
				all = all && slices.ContainsFunc(list, func(c *comers) bool { return c.set[name] })
			}
			if all {
				out = append(out, name)
			}
		}
	}
	return out
}

// links are the roles that can be granted on the way to what is wanted, each once.
func (g *graph) links(lists [][]*comers) []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range slices.Concat(lists...) {
		for _, name := range c.order {
			if !seen[name] && g.grantable(name) {
				out = append(out, name)
			}
			seen[name] = true
		}
	}
	return out
}

// selfGrants are the roles that a role can grant itself, in an order in which it
// can.
type selfGrants struct {
	order []string
	by    map[string]string // the granted role whose rights let it grant this one; "": its own
}

// selfGrants finds them among links.
func (g *graph) selfGrants(name string, links []string) selfGrants {
	base := g.s.holding(name, "")
	out, brought := selfGrants{by: map[string]string{}}, map[string]string{}
	holds := func(role string) bool { _, ok := brought[role]; return ok || base[role] }
	for {
		var found []string
		for _, of := range links {
			if holds(of) {
				continue
			}
			members := g.s.roles[of].members
			if i := slices.IndexFunc(members, func(m *snapshot.Membership) bool { return m.Admin && holds(m.Member) }); i >= 0 {
				found, out.by[of] = append(found, of), brought[members[i].Member]
			}
		}
		if len(found) == 0 {
			return out
		}
		out.order = append(out.order, found...)
		for _, of := range found {
			for role := range g.s.holding(of, "") {
				if !holds(role) {
					brought[role] = of
				}
			}
		}
	}
}

// enough are the grants, in their order, by which a role has all wants: one with
// those before it where that will do, else one for each want. None, where it has
// them without, or never.
func (s selfGrants) enough(wants []want, name string) []string {
	wants = slices.DeleteFunc(slices.Clone(wants), func(w want) bool { return w.met(name) })
	if len(wants) == 0 {
		return nil
	}
	chosen := map[string]bool{}
	choose := func(of string) {
		for ; of != ""; of = s.by[of] {
			chosen[of] = true
		}
	}
	if i := slices.IndexFunc(s.order, func(of string) bool {
		return !slices.ContainsFunc(wants, func(w want) bool { return !w.met(of) })
	}); i >= 0 {
		choose(s.order[i])
	} else {
		for _, w := range wants {
			i := slices.IndexFunc(s.order, func(of string) bool { return chosen[of] && w.met(of) })
			if i < 0 {
				i = slices.IndexFunc(s.order, w.met)
			}
			if i < 0 {
				return nil
			}
			choose(s.order[i])
		}
	}
	return slices.DeleteFunc(slices.Clone(s.order), func(of string) bool { return !chosen[of] })
}

// join is where a role comes to by granting itself others, one after the other:
// it has the rights of all at once. Before 16 that takes a role that inherits.
func (g *graph) join(name string, grants []string) node {
	at := node{what: rights, name: name}
	for i, of := range grants {
		to := node{what: joined, name: of, with: name, past: strings.Join(grants[:i], "\x00")}
		if !g.seen[to] {
			g.seen[to] = true
			by, mend := g.adminOf(of, append([]string{name}, grants[:i]...))
			why := by + " has ADMIN OPTION on " + of + ", and " + name + " needs the rights of both"
			if by == name {
				why = name + " has ADMIN OPTION on " + of + ", and needs the rights of both"
			} else if i > 0 {
				why = name + " has the rights of " + by + " by then, which has ADMIN OPTION on " + of + ", and needs the rights of all"
			}
			g.add(at, edge{kind: "admin-option", to: to, certainty: Certain, mend: mend, why: why, sql: []string{g.toItself(of)}})
		}
		at = to
	}
	return at
}

// adminOf is which role's ADMIN OPTION lets whoever has the rights of some roles
// grant another, and what takes that away.
func (g *graph) adminOf(of string, names []string) (by string, mend []string) {
	for _, m := range g.s.roles[of].members {
		if m.Admin && slices.ContainsFunc(names, func(name string) bool { return g.s.Chain(name, m.Member, Usage) != nil }) {
			if by == "" {
				by = m.Member
			}
			mend = append(mend, g.disarm(*m))
		}
	}
	return by, mend
}

// joins says whether a role has the rights of one that it grants to itself.
func (g *graph) joins(name string) bool {
	return g.s.snap.Version.MembershipOptions() || g.s.roles[name].inherits()
}

// toItself grants a role to whoever the session is, with its rights.
func (g *graph) toItself(role string) string {
	sql := "GRANT " + pgsql.Ident(role) + " TO CURRENT_USER"
	if g.s.snap.Version.MembershipOptions() {
		sql += " WITH INHERIT TRUE"
	}
	return sql
}
