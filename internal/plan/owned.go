package plan

import (
	"fmt"

	"landlord/internal/snapshot"
)

// ownerless are the kinds, as pg_identify_object names them, of what stands in
// no schema and runs nothing as its owner, with ALTER's word for them. Of some
// the owner must be a superuser (the manual, ALTER FOREIGN DATA WRAPPER, ALTER
// EVENT TRIGGER, ALTER PUBLICATION), and the others may be one's.
var ownerless = map[string]string{
	"foreign-data wrapper": "FOREIGN DATA WRAPPER", "server": "SERVER", "language": "LANGUAGE", "event trigger": "EVENT TRIGGER",
	"publication": "PUBLICATION", "tablespace": "TABLESPACE",
}

// owned sees to what tenants own in a container that stands in no schema, and
// to the passwords that a foreign server has for everybody.
func (u unit) owned(c *inside) {
	for _, s := range c.strays {
		switch {
		case !s.Owns:
		case s.Role == "":
			u.b.stands("", fmt.Sprintf("server %s in database %s keeps a password that everybody connects with there (its user mapping for PUBLIC)", s.Identity, c.database),
				"make a user mapping for each role that needs it, then run: DROP USER MAPPING FOR PUBLIC SERVER "+s.Identity)
		case s.Kind == "extension" && u.b.aloneIn(c.database, s.Role):
			// It can drop it, and harm only itself.
		default:
			u.evict(s, c.database)
		}
	}
}

// evict gives an object that stands in no schema to landlord's own role.
func (u unit) evict(s snapshot.Stray, database string) {
	if u.tenant = u.b.owner[s.Role]; !u.b.concernsTenant(u.tenant) {
		return
	}
	what := s.Kind + " " + s.Identity
	if database != "" {
		what += " in database " + database
	}
	switch word := ownerless[s.Kind]; {
	case s.Kind == "extension":
		u.b.stands(u.tenant, fmt.Sprintf("%s belongs to %s, which can drop it with everybody's columns of its types", what, s.Role),
			"have a superuser drop it and create it anew; no command changes its owner")
	case word == "":
		u.b.stands(u.tenant, fmt.Sprintf("%s belongs to %s", what, s.Role), "have a superuser look at it")
	case !u.b.superuser():
		u.b.stands(u.tenant, fmt.Sprintf("%s belongs to %s", what, s.Role),
			"have a superuser run: ALTER "+word+" "+s.Identity+" OWNER TO CURRENT_USER")
	default:
		u.tenant = ""
		u.alterOwner(what+", which is no tenant's to have,", word+" "+s.Identity, s.Role, u.b.snap.Session.User)
	}
}

// aloneIn says whether a role's tenant has a database to itself.
func (b *builder) aloneIn(database, role string) bool {
	for _, c := range b.containers {
		if c.Database == database {
			return !c.Shared && b.livesAt(b.owner[role], database)
		}
	}
	return false
}
