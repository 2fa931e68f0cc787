package adopt

import (
	"iter"
	"slices"

	"landlord/internal/access"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// claim is what a login has in a house by itself or its groups. What PUBLIC
// has says nothing about whose a house is.
type claim struct {
	login               string
	owns, writes, reads bool
	// named says that the database itself names the login: as its owner, in
	// its ACL, or by its own name.
	named bool
}

func (c claim) any() bool { return c.owns || c.writes || c.reads || c.named }

func (c *candidate) claim(login string) claim {
	for _, cl := range c.claims {
		if cl.login == login {
			return cl
		}
	}
	return claim{}
}

const writing = pgsql.Insert | pgsql.Update | pgsql.Delete

// database finds the houses in a database: one for each schema where every
// schema has other logins, else one.
func (b *builder) database(d snapshot.Database) {
	i := slices.IndexFunc(b.snap.Contents, func(c snapshot.Contents) bool { return c.Database == d.Name })
	if i < 0 || b.snap.Contents[i].Error != "" {
		b.ask("database %s could not be read: whose is it?", d.Name)
		return
	}
	contents := b.snap.Contents[i]
	var houses []*candidate
	for _, s := range filled(contents) {
		houses = append(houses, b.house(d, contents, []string{s}))
	}
	empty := len(houses) == 0
	if apart(houses) {
		for _, c := range houses {
			c.shared = true
			b.add(c, false)
		}
		return
	}
	all := filled(contents)
	if len(all) == 0 {
		all = []string{"public"}
	}
	b.add(b.house(d, contents, all), empty)
}

// add notes a house that somebody has a claim on. An empty one without is worth
// no question.
func (b *builder) add(c *candidate, empty bool) {
	switch {
	case len(c.claims) > 0:
	case empty:
		b.remark(b.server.Name, "%s is empty, and only administrators are at home there: nobody's house", c)
		return
	default:
		b.ask("nobody but PUBLIC and administrators works in %s: it becomes nobody's house", c)
		return
	}
	b.candidates = append(b.candidates, c)
	for _, cl := range c.claims {
		b.homes[cl.login] = append(b.homes[cl.login], c)
	}
}

// apart says whether several houses have applications, and none has one that
// works in another.
func apart(houses []*candidate) bool {
	if len(houses) < 2 {
		return false
	}
	seen := map[string]bool{}
	for _, c := range houses {
		works := false
		for _, cl := range c.claims {
			if !cl.owns && !cl.writes {
				continue
			}
			if seen[cl.login] {
				return false
			}
			seen[cl.login], works = true, true
		}
		if !works {
			return false
		}
	}
	return true
}

// filled lists the schemas that hold something of somebody's.
func filled(c snapshot.Contents) []string {
	has := map[string]bool{}
	for _, r := range c.Relations {
		has[r.Schema] = has[r.Schema] || !r.Extension
	}
	for _, r := range c.Routines {
		has[r.Schema] = has[r.Schema] || !r.Extension
	}
	var out []string
	for _, s := range c.Schemas {
		if has[s.Name] && tenant.CheckSchema(s.Name) == nil {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return out
}

// house gathers the claims of all logins on some schemas of a database.
func (b *builder) house(d snapshot.Database, c snapshot.Contents, schemas []string) *candidate {
	house := &candidate{database: d.Name, schemas: schemas}
	for _, r := range b.snap.Roles {
		if !r.Login || r.OID == bootstrap || r.Name == b.snap.Session.User {
			continue
		}
		cl := claim{login: r.Name}
		for rel := range relationsIn(c, schemas) {
			b.onRelation(&cl, r, d.Name, rel)
		}
		if !powerful(r) {
			cl.named = r.Name == d.Name || d.Owner == r.Name || slices.ContainsFunc(d.ACL, func(it pgsql.ACLItem) bool { return it.Grantee == r.Name })
		}
		if cl.any() {
			house.claims = append(house.claims, cl)
		}
	}
	if filled := len(filled(c)); filled > 1 && len(schemas) == 1 { // the database says nothing about one of its schemas
		house.claims = slices.DeleteFunc(house.claims, func(cl claim) bool { return !cl.owns && !cl.writes && !cl.reads })
	}
	return house
}

func relationsIn(c snapshot.Contents, schemas []string) iter.Seq[snapshot.Relation] {
	return func(yield func(snapshot.Relation) bool) {
		for _, r := range c.Relations {
			if !r.Extension && slices.Contains(schemas, r.Schema) && !yield(r) {
				return
			}
		}
	}
}

// onRelation adds what a login has on a relation. Who administers is a member
// of many roles: of such a login only what names it itself counts.
func (b *builder) onRelation(cl *claim, r snapshot.Role, database string, rel snapshot.Relation) {
	has := func(role string) bool {
		return role == r.Name || role != "" && !powerful(r) && b.state.HasRole(r.Name, role, access.Usage, database)
	}
	cl.owns = cl.owns || rel.Kind != 'S' && has(rel.Owner)
	for _, it := range rel.ACL {
		if rel.Kind == 'S' || !has(it.Grantee) {
			continue
		}
		cl.writes = cl.writes || it.Privs&writing != 0
		cl.reads = cl.reads || it.Privs&pgsql.Select != 0
	}
}
