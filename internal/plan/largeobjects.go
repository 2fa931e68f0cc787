package plan

import (
	"cmp"
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
		if whose := u.b.owner[g.Owner]; u.b.concernsTenant(whose) && !u.b.livesAt(whose, c.database) {
			if !taken[g.Owner] {
				u.takeLargeObjects(g.Owner, databaseOwner)
			}
			taken[g.Owner] = true
			g = newOwner(g, databaseOwner)
		}
		if !u.b.mayHold(g) {
			by := u.by(g.Owner)
			if g.Grantor != g.Owner {
				by.as = g.Grantor
			}
			by.do(fmt.Sprintf("large objects of %s are not for %s", g.Owner, cmp.Or(g.Grantee, "PUBLIC")), Access,
				eachLargeObject(g.Owner, grantedTo(g), "REVOKE ALL ON LARGE OBJECT ", " FROM "+grantee(g.Grantee)+" CASCADE"))
		}
	}
}

// takeLargeObjects gives all large objects of a role to another.
func (u unit) takeLargeObjects(from, to string) {
	why := fmt.Sprintf("%s owns large objects in database %s, where it does not live", from, u.database)
	sql, ok := u.b.borrowing([]string{from, to}, eachLargeObject(from, "true", "ALTER LARGE OBJECT ", " OWNER TO "+pgsql.Ident(to)))
	if !ok {
		u.b.stands(u.tenant, why, "have a superuser apply once")
		return
	}
	u.do(why, Access, sql...)
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

// grantedTo is the condition that a large object l bears a grant.
func grantedTo(g snapshot.LargeObjectGrant) string {
	return `EXISTS (SELECT FROM pg_catalog.aclexplode(l.lomacl) AS a JOIN pg_catalog.pg_roles AS f ON f.oid = a.grantor
    LEFT JOIN pg_catalog.pg_roles AS t ON t.oid = a.grantee
    WHERE f.rolname = ` + pgsql.Literal(g.Grantor) + ` AND COALESCE(t.rolname, '') = ` + pgsql.Literal(g.Grantee) + `)`
}

// eachLargeObject does something to all large objects of an owner that fulfil
// a condition: they have only numbers, which stand between before and after,
// and there may be many.
func eachLargeObject(owner, condition, before, after string) string {
	return "DO " + pgsql.Literal(`DECLARE o pg_catalog.oid; BEGIN
FOR o IN SELECT l.oid FROM pg_catalog.pg_largeobject_metadata AS l
  JOIN pg_catalog.pg_roles AS r ON r.oid = l.lomowner WHERE r.rolname = `+pgsql.Literal(owner)+` AND `+condition+` LOOP
EXECUTE pg_catalog.concat(`+pgsql.Literal(before)+`, o, `+pgsql.Literal(after)+`);
END LOOP; END`)
}
