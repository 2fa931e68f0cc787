package adopt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// A customer may have several databases. Nobody can see that in one of them, but
// databases whose applications are the same logins, and nobody else, are one
// house as far as access goes: what gets into one gets into all. So they are
// proposed as one tenant's, which keeps every program at work; where nothing but
// the logins says so, somebody is asked.

// merge makes one candidate of databases that have the same applications, doing
// the same in each, and nobody else's.
func (b *builder) merge() {
	b.spread = map[string]int{}
	for login, homes := range b.homes {
		b.spread[login] = len(homes)
	}
	for _, group := range b.related() {
		if len(group) > 1 && b.alike(group) {
			b.join(group)
		}
	}
}

// related gathers the candidates that have an application in common, directly or
// by others, each group in the order of the candidates.
func (b *builder) related() (groups [][]*candidate) {
	of := map[*candidate]int{}
	for i, c := range b.candidates {
		of[c] = i
	}
	for changed := true; changed; {
		changed = false
		for _, c := range b.candidates {
			for login := range b.workers(c) {
				for _, other := range b.homes[login] {
					if _, works := b.workers(other)[login]; works && of[other] != of[c] {
						of[other], of[c] = min(of[c], of[other]), min(of[c], of[other])
						changed = true
					}
				}
			}
		}
	}
	byFirst := map[int][]*candidate{}
	for _, c := range b.candidates {
		byFirst[of[c]] = append(byFirst[of[c]], c)
	}
	for _, i := range slices.Sorted(maps.Keys(byFirst)) {
		groups = append(groups, byFirst[i])
	}
	return groups
}

// workers are those who do an application's work in a house, and what each is.
// Who only reads, or administers the server, may do so in anybody's.
func (b *builder) workers(c *candidate) map[string]tenant.Kind {
	if c.works != nil {
		return c.works
	}
	c.works = map[string]tenant.Kind{}
	for _, cl := range c.claims {
		r, _ := b.state.Role(cl.login)
		if kind, _ := cl.kind(c.migrators()); kind != tenant.Reader && !powerful(r) {
			c.works[cl.login] = kind
		}
	}
	return c.works
}

// alike says whether all are databases of their own with the same applications.
func (b *builder) alike(group []*candidate) bool {
	first := b.workers(group[0])
	return !slices.ContainsFunc(group, func(c *candidate) bool { return c.shared || !maps.Equal(first, b.workers(c)) })
}

// join makes one house of a group.
func (b *builder) join(group []*candidate) {
	slices.SortStableFunc(group, func(x, y *candidate) int { return rank(group, x) - rank(group, y) })
	home, further, all := group[0], group[1:], list(group)
	home.further = further
	for _, c := range further {
		for _, cl := range c.claims {
			home.take(cl)
			b.homes[cl.login] = slices.DeleteFunc(b.homes[cl.login], func(h *candidate) bool { return h == c })
			if !slices.Contains(b.homes[cl.login], home) {
				b.homes[cl.login] = append(b.homes[cl.login], home)
			}
		}
	}
	b.candidates = slices.DeleteFunc(b.candidates, func(c *candidate) bool { return slices.Contains(further, c) })
	logins := strings.Join(slices.Sorted(maps.Keys(b.workers(home))), ", ")
	home.why = fmt.Sprintf("one customer with %d databases: the same logins (%s), and no others, work in each", len(group), logins)
	if !named(group) {
		b.ask("%s have the same applications (%s), and are taken for one customer's: what gets into one gets into all of them. If they are several customers', give each a login of its own first, then import again", all, logins)
	}
}

// take adds what a login has in another database of the same house.
func (c *candidate) take(cl claim) {
	i := slices.IndexFunc(c.claims, func(have claim) bool { return have.login == cl.login })
	if i < 0 {
		c.claims = append(c.claims, cl)
		return
	}
	have := &c.claims[i]
	have.owns, have.writes, have.reads, have.named = have.owns || cl.owns, have.writes || cl.writes, have.reads || cl.reads, have.named || cl.named
}

// named says that the first database's name begins those of all others, as in
// shop, shop_archive.
func named(group []*candidate) bool {
	return !slices.ContainsFunc(group[1:], func(c *candidate) bool { return !extends(c.database, group[0].database) })
}

// extends says that a name is another with more words behind it.
func extends(name, base string) bool {
	rest, ok := strings.CutPrefix(name, base)
	return ok && rest != "" && strings.ContainsRune("_-. ", rune(rest[0]))
}

// rank says how likely a database is the first one of its customer: its name
// begins the others', or is a login's.
func rank(group []*candidate, c *candidate) int {
	others := slices.DeleteFunc(slices.Clone(group), func(o *candidate) bool { return o == c })
	switch {
	case named(append([]*candidate{c}, others...)):
		return 0
	case slices.ContainsFunc(c.claims, func(cl claim) bool { return cl.login == c.database }):
		return 1
	}
	return 2
}
