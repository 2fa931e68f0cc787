package plan

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// extensions installs what the tenants of a container are to have. A database
// has an extension once, for everybody in it.
func (u unit) extensions(owner string, c isolation.Container, in *inside) {
	schema, there := in.schemas[tenant.ExtensionsSchema]
	wanted := c.Extensions()
	if len(wanted) > 0 || there {
		u.extensionsSchema(owner, schema, there)
	}
	have := map[string]snapshot.Extension{}
	var extra []string
	for _, e := range in.extensions {
		have[e.Name] = e
		if e.Schema == tenant.ExtensionsSchema && !slices.Contains(wanted, e.Name) && !(c.Shared && u.b.in.Partial) { // which may be the others'
			extra = append(extra, e.Name)
		}
	}
	for _, name := range slices.Backward(u.b.requiredFirst(extra)) {
		u.extraExtension(c.Database, have[name])
	}
	if len(wanted) > 0 && there && u.squatted(in) {
		return
	}
	for _, name := range u.b.requiredFirst(wanted) {
		if e, ok := have[name]; ok {
			u.misplaced(c, e)
			continue
		}
		if u.b.installable(c.Database, name, wanted) {
			u.by(owner).do("extension "+name+" is missing", Safe, "CREATE EXTENSION "+pgsql.Ident(name)+u.b.whereTo(name))
		}
	}
}

// extensionsSchema makes or mends the schema in which extensions stand.
// Everybody in the database may use it, and nobody but its owner may create
// in it: an extension's script trusts what it finds there.
func (u unit) extensionsSchema(owner string, have snapshot.Schema, there bool) {
	object := "SCHEMA " + pgsql.Ident(tenant.ExtensionsSchema)
	if !there {
		by := u.by(owner)
		by.do("extensions stand in a schema of their own, which is nobody's house", Safe,
			"CREATE "+object, "GRANT USAGE ON "+object+" TO PUBLIC")
		return
	}
	acl, ok := u.own("schema "+have.Name, object, owner, have.Owner, have.ACL)
	if ok {
		u.setACL("who may use the extensions", object, pgsql.SchemaKind, owner, acl, []isolation.Grant{{Grantee: "", Privs: pgsql.Usage}})
	}
}

// squatted says whether something in the extensions' schema is no part of an
// extension: an extension's script could run it.
func (u unit) squatted(in *inside) bool {
	for o := range in.objects(tenant.ExtensionsSchema) {
		u.b.cannot(u.tenant, fmt.Sprintf("%s in database %s is no part of an extension: none is installed beside it", o.name, in.database), "drop it")
		return true
	}
	return false
}

// misplaced notes an extension that the tenants' sessions do not find, or that
// one of them can drop.
func (u unit) misplaced(c isolation.Container, e snapshot.Extension) {
	if u.b.isTenants(e.Owner) {
		u.b.cannot(u.b.owner[e.Owner], fmt.Sprintf("extension %s in database %s belongs to %s, who can drop it, and with it everybody's columns of its types", e.Name, c.Database, e.Owner),
			"drop it (DROP EXTENSION "+pgsql.Ident(e.Name)+"), and landlord installs it as its own")
	}
	for _, t := range c.Tenants {
		p, _ := t.Place(c.Database)
		if slices.Contains(t.Extensions, e.Name) && e.Schema != "pg_catalog" && !slices.Contains(t.Path(p), e.Schema) {
			u.b.cannot(t.Name, fmt.Sprintf("extension %s stands in schema %s of database %s, where tenant %s does not look", e.Name, e.Schema, c.Database, t.Name),
				"have its owner run: ALTER EXTENSION "+pgsql.Ident(e.Name)+" SET SCHEMA "+pgsql.Ident(tenant.ExtensionsSchema))
		}
	}
}

// installable says whether an extension can be installed, and notes it if not.
func (b *builder) installable(database, name string, wanted []string) bool {
	a, known := b.available(name)
	missing := slices.DeleteFunc(slices.Clone(a.Requires), func(r string) bool { return slices.Contains(wanted, r) || r == "plpgsql" })
	switch {
	case !known:
		b.cannot("", fmt.Sprintf("extension %s is not available on the server", name), "install the package that holds it on the server's machine, then plan again")
	case len(missing) > 0:
		b.cannot("", fmt.Sprintf("extension %s in database %s needs %s", name, database, strings.Join(missing, ", ")), "name that too under extensions")
	case !a.Trusted && !b.superuser():
		b.cannot("", fmt.Sprintf("only a superuser can install extension %s in database %s", name, database),
			"have a superuser run there: CREATE EXTENSION "+pgsql.Ident(name)+b.whereTo(name))
	default:
		return true
	}
	return false
}

func (b *builder) available(name string) (snapshot.Available, bool) {
	i := slices.IndexFunc(b.snap.Available, func(a snapshot.Available) bool { return a.Name == name })
	if i < 0 {
		return snapshot.Available{}, false
	}
	return b.snap.Available[i], true
}

// whereTo is the clause that says where an extension stands, if it lets one
// choose.
func (b *builder) whereTo(name string) string {
	if a, _ := b.available(name); a.Schema != "" {
		return ""
	}
	return " SCHEMA " + pgsql.Ident(tenant.ExtensionsSchema)
}

// requiredFirst orders extensions so that each comes after those that it
// needs.
func (b *builder) requiredFirst(names []string) []string {
	var out []string
	var add func(name string)
	seen := map[string]bool{}
	add = func(name string) {
		if seen[name] || !slices.Contains(names, name) {
			return
		}
		seen[name] = true
		a, _ := b.available(name)
		for _, r := range a.Requires {
			add(r)
		}
		out = append(out, name)
	}
	for _, name := range names {
		add(name)
	}
	return out
}

// extraExtension names, or with Prune drops, one that no tenant of its
// database is to have any more. Without CASCADE: where a column has a type of
// it, the server refuses.
func (u unit) extraExtension(database string, e snapshot.Extension) {
	if !u.b.in.Prune || len(u.b.in.Only) > 0 {
		u.b.note("", fmt.Sprintf("extension %s in database %s is no tenant's any more: left alone", e.Name, database), "name it in a tenant's extensions, or drop it with --prune")
		return
	}
	if !u.b.mayOwn(e.Owner) {
		u.b.cannot("", fmt.Sprintf("extension %s in database %s belongs to %s and stays", e.Name, database, e.Owner), "have a superuser prune once")
		return
	}
	u.phase, u.group = Removal, "database "+database
	u.by(e.Owner).loses(&Loss{e.Name, fmt.Sprintf("extension %s in database %s, with what its own tables hold", e.Name, database), -1}, false,
		"DROP EXTENSION "+pgsql.Ident(e.Name)+" RESTRICT")
}
