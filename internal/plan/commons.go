package plan

import (
	"fmt"
	"maps"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// commons sees to what stands in a container and in no tenant's house:
// schemas that somebody else has made, default privileges of others, grants
// on the system's own objects.
func (u unit) commons(owner string, c *inside) {
	for _, name := range slices.Sorted(maps.Keys(c.schemas)) {
		at := place{c.database, name}
		switch {
		case u.b.houseAt(at) != "":
		case u.landlords(c, name):
		case name == tenant.ExtensionsSchema:
			u.strangersObjects(c, name)
		case u.b.foundIn[at] != "":
			u.strangersObjects(c, name)
		default:
			u.extraSchema(owner, c, c.schemas[name])
		}
	}
	u.strangersDefaults(c)
	u.strays(c.strays)
	u.owned(c)
	u.widened(c)
	u.ties(c)
	u.largeObjects(owner, c)
}

// extraSchema takes tenants and PUBLIC out of a schema that is no house. Its
// data stays; --prune drops it. An empty schema public, which landlord's own
// databases do without, goes.
func (u unit) extraSchema(owner string, c *inside, s snapshot.Schema) {
	object := "SCHEMA " + pgsql.Ident(s.Name)
	if s.Name == "public" && s.Empty && !s.Extension && u.b.mayOwn(s.Owner) {
		u.do("an empty schema public is an open door", Access, "DROP "+object+" RESTRICT")
		return
	}
	if !u.b.in.Prune || s.Extension {
		state := "left alone, and closed to all tenants"
		if s.Extension {
			state = "left alone; everybody may use the extension in it, and nothing else"
		}
		u.b.note("", fmt.Sprintf("schema %s in database %s is no tenant's: %s", s.Name, c.database, state),
			"name it in a tenant's schemas, or drop it with --prune")
	}
	if u.b.isTenants(s.Owner) {
		if !u.alterOwner("schema "+s.Name+", which is no house,", object, s.Owner, owner) {
			return
		}
		s.ACL, s.Owner = s.ACL.ChangeOwner(s.Owner, owner), owner
	}
	if !u.b.mayOwn(s.Owner) {
		u.b.cannot("", fmt.Sprintf("schema %s in database %s belongs to %s", s.Name, c.database, s.Owner), "have a superuser apply once")
		return
	}
	acl := s.ACL.Or(pgsql.SchemaKind, s.Owner, u.b.version())
	if s.Extension {
		acl = withoutPublicUsage(acl)
	}
	u.takeAway("schema "+s.Name+" is no tenant's", object, acl, s.Owner, func(g string) bool { return g == "" || u.b.isTenants(g) })
	u.strangersObjects(c, s.Name)
}

// withoutPublicUsage leaves PUBLIC's USAGE out of an ACL: an extension's
// schema is there to be used.
func withoutPublicUsage(acl pgsql.ACL) pgsql.ACL {
	acl = slices.Clone(acl)
	for i := range acl {
		if acl[i].Grantee == "" {
			acl[i].Privs &^= pgsql.Usage
		}
	}
	return slices.DeleteFunc(acl, func(it pgsql.ACLItem) bool { return it.Privs == 0 })
}

// strangersObjects takes away what tenants hold on, and own of, objects that
// stand in no house of theirs. What a tenant owns there is nobody's from then
// on. In a schema that is open since an extension is in it, everybody's rights
// on what is not the extension's go too.
func (u unit) strangersObjects(c *inside, schema string) {
	found := u.b.foundIn[place{c.database, schema}]
	open := found == "" && c.schemas[schema].Extension
	foreign := func(role string) bool {
		if role == "" {
			return open
		}
		whose := u.b.owner[role]
		return whose != found && u.b.concernsTenant(whose)
	}
	newOwner := func(old string) string {
		if foreign(old) && u.b.superuser() {
			return u.b.nobody()
		}
		return old
	}
	for o := range c.objects(schema) {
		if u.b.leave(o, c.database) {
			continue
		}
		owner := newOwner(o.owner)
		if foreign(o.owner) && !o.follows {
			u.tame(o, u.b.owner[o.owner])
			if !u.lose(o.name+", which is in no house of its owner's,", o.word+" "+o.name, o.owner) {
				continue
			}
		}
		acl := o.acl
		if open {
			acl = acl.Or(o.kind, o.owner, u.b.version()) // a function is everybody's to begin with
		}
		u.takeAway(o.name+" is not the tenant's", o.word+" "+o.name, acl.ChangeOwner(o.owner, owner), owner, func(grantee string) bool {
			return foreign(grantee) && (grantee != "" || o.kind != pgsql.TypeKind)
		})
	}
	u.columns(c, schema, newOwner, foreign)
	for _, o := range c.others[schema] {
		if !o.Extension && foreign(o.Owner) {
			u.lose(o.Identity+", which is in no house of its owner's,", otherKind(o.Kind)+" "+o.Identity, o.Owner)
		}
	}
}
