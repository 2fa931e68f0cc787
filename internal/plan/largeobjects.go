package plan

import (
	"fmt"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// largeObjects sees to the large objects of a container: they stand in no
// schema. A tenant that lives there may own some, and grant them within its
// house; of all others no tenant has, and PUBLIC has not, anything.
func (u unit) largeObjects(databaseOwner string, c *inside) {
	taken := map[string]bool{}
	chain := deepestFirst(c.large, func(g snapshot.LargeObjectGrant) link { return link{g.Owner, g.Grantee, g.Grantor} })
	for _, g := range chain {
		whose := u.b.owner[g.Owner]
		if u.b.concernsTenant(whose) && u.b.home[whose] != c.database {
			if !taken[g.Owner] {
				u.do(fmt.Sprintf("%s owns large objects in database %s, where it does not live", g.Owner, c.database), Access,
					eachLargeObject(g.Owner, "ALTER LARGE OBJECT ", " OWNER TO "+pgsql.Ident(databaseOwner)))
			}
			taken[g.Owner] = true
			g = newOwner(g, databaseOwner)
		}
		if u.b.mayHold(g) {
			continue
		}
		by := u.by(g.Owner)
		if g.Grantor != g.Owner {
			by.as = g.Grantor
		}
		revoke := eachLargeObject(g.Owner, "REVOKE ALL ON LARGE OBJECT ", " FROM "+grantee(g.Grantee)+" CASCADE")
		if why := "large objects of " + g.Owner; u.b.mayOwn(g.Grantor) {
			by.do(why, Access, revoke)
		} else {
			u.b.cannot(u.tenant, fmt.Sprintf("%s, granted by %s", why, g.Grantor), "have that role or a superuser run: "+revoke)
		}
	}
}

func newOwner(g snapshot.LargeObjectGrant, owner string) snapshot.LargeObjectGrant {
	if g.Grantee == g.Owner {
		g.Grantee = owner
	}
	if g.Grantor == g.Owner {
		g.Grantor = owner
	}
	g.Owner = owner
	return g
}

// mayHold says whether a grant on large objects is nobody's harm.
func (b *builder) mayHold(g snapshot.LargeObjectGrant) bool {
	if g.Grantee == g.Owner {
		return true
	}
	from, to := b.owner[g.Owner], b.owner[g.Grantee]
	if b.concernsTenant(from) {
		return to == from
	}
	return g.Grantee != "" && !b.concernsTenant(to)
}

// eachLargeObject does something to all large objects of an owner: they have
// only numbers, which stand between before and after, and there may be many.
func eachLargeObject(owner, before, after string) string {
	return "DO " + pgsql.Literal(`DECLARE o pg_catalog.oid; BEGIN
FOR o IN SELECT l.oid FROM pg_catalog.pg_largeobject_metadata AS l
  JOIN pg_catalog.pg_roles AS r ON r.oid = l.lomowner WHERE r.rolname = `+pgsql.Literal(owner)+` LOOP
EXECUTE pg_catalog.concat(`+pgsql.Literal(before)+`, o, `+pgsql.Literal(after)+`);
END LOOP; END`)
}
