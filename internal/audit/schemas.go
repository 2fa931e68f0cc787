package audit

import (
	"fmt"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

func schemaRules() []Rule {
	return []Rule{
		{Code: "schema-public-create", Title: "Everybody may make things in a schema", Subject: Databases, Severity: High, Needs: []snapshot.Part{snapshot.PartSchemas},
			Why:    "Who may create in a schema that others have in their search_path can put a function or a table there that these others then use, with their rights. That is how an ordinary login becomes superuser when an administrator works in this database.",
			Fix:    "Revoke CREATE from PUBLIC; let one role that cannot log in own the schema.",
			Breaks: "Programs and migrations that create tables with a login that owns nothing: give the tables' owner the right by name.",
			CIS:    "4.10", Source: "CVE-2018-1058; manual, chapter 5.10.6, Usage Patterns", inside: publicCreate},
		{Code: "schema-create", Title: "An application may make things in a schema", Subject: Databases, Severity: Low, Needs: []snapshot.Part{snapshot.PartRoles, snapshot.PartSchemas},
			Why:    "CREATE on a schema lets a login leave tables and functions there, which it then owns. A hole in the program, such as SQL injection, leaves a trap for whoever looks for names there next: migrations, administrators, other programs.",
			Fix:    "Revoke CREATE; let migrations run as the schema's owner, in a login of their own.",
			Breaks: "Migrations that run with the application's login.", CIS: "4.10", Source: "CVE-2018-1058; manual, chapter 5.10.6, Usage Patterns", inside: schemaCreate},
		{Code: "schema-public-usage", Title: "Everybody may look into a schema", Subject: Databases, Severity: Low, Needs: []snapshot.Part{snapshot.PartSchemas},
			Why:    "USAGE for PUBLIC opens the schema's door to every role that can connect, the other customers of this database too. A table granted to too many is then reachable at once.",
			Fix:    "Revoke USAGE from PUBLIC and grant it to the schema's own roles.",
			Breaks: "Roles that get in only through PUBLIC.", Source: privilegesManual, inside: publicUsage},
		{Code: "ext-in-public", Title: "An extension stands where everybody may make things", Subject: Databases, Severity: Low, Needs: []snapshot.Part{snapshot.PartSchemas, snapshot.PartExtensions},
			Why:    "The extension's functions stand in a schema in which others may create, so that these can put functions of the same name beside them. Scripts of extensions have run such functions as superuser more than once.",
			Fix:    "Move it to a schema of its own.",
			Breaks: "Code that names the extension's functions with the old schema, or lacks the new one in its search_path.", Source: "CVE-2020-14350, CVE-2022-2625; manual, chapter 36.17.6, Security Considerations for Extensions", inside: extensionInOpenSchema},
		{Code: "ext-outdated", Title: "An extension is older than the server's files", Subject: Databases, Severity: Low, Needs: []snapshot.Part{snapshot.PartExtensions, snapshot.PartAvailable},
			Why:    "New versions of extensions close holes, and installing the package is not enough: each database keeps the old version until it is told. Nobody is told so by the server.",
			Fix:    "Update it.",
			Breaks: "Read the extension's notes: some versions change functions.", Source: "manual, ALTER EXTENSION", inside: extensionOutdated},
	}
}

func (h *house) object(kind, schema, name string) snapshot.Object {
	if schema != "" {
		name = pgsql.Qualified(schema, name)
	} else {
		name = ident(name)
	}
	return snapshot.Object{Kind: kind, Database: h.name, Name: name}
}

func (f *facts) schemaACL(s snapshot.Schema) pgsql.ACL {
	return s.ACL.Or(pgsql.SchemaKind, s.Owner, f.version())
}

// superusersOnly says whether it is known that nobody but superusers may
// connect to a database: what is open inside is then open to nobody.
func (f *facts) superusersOnly(name string) bool {
	return f.only(name, func(r *snapshot.Role) bool { return r.Superuser })
}

// administratorsOnly says so of superusers and those who are known to
// administer.
func (f *facts) administratorsOnly(name string) bool {
	return f.only(name, func(r *snapshot.Role) bool {
		return r.Superuser || f.operator(r.Name) || r.Name == tenant.AdminsRole
	})
}

// only says whether it is known that all who may connect to a database are
// such roles.
func (f *facts) only(name string, such func(*snapshot.Role) bool) bool {
	d := f.databases[name]
	if d == nil || !f.Snapshot.Knows(snapshot.PartDatabaseACLs) || !f.Snapshot.Knows(snapshot.PartRoles) {
		return false
	}
	return !slices.ContainsFunc(f.acl(*d), func(it pgsql.ACLItem) bool {
		r := f.roles[it.Grantee]
		return it.Privs&pgsql.Connect != 0 && (r == nil || !such(r))
	})
}

func publicCreate(f *facts, h *house) []Finding {
	var found []Finding
	for _, s := range h.Schemas {
		if public(f.schemaACL(s))&pgsql.Create == 0 || f.superusersOnly(h.name) {
			continue
		}
		x := Finding{Object: h.object("schema", "", s.Name), What: "PUBLIC has CREATE on it.",
			Fix: []Fix{in(h.name, "REVOKE CREATE ON SCHEMA "+ident(s.Name)+" FROM PUBLIC;")}}
		if f.administratorsOnly(h.name) {
			x = x.as(Advice)
			x.What += " None but administrators gets in there."
		}
		found = append(found, x)
	}
	return found
}

// publicUsage passes over schema public where only one customer lives, as
// its default is, and over what extensions made for everybody.
func publicUsage(f *facts, h *house) []Finding {
	var found []Finding
	for _, s := range h.Schemas {
		if public(f.schemaACL(s))&pgsql.Usage == 0 || s.Extension || s.Empty || s.Name == "public" && !f.shared(h.name) || maintenance(h.name) {
			continue
		}
		found = append(found, Finding{Object: h.object("schema", "", s.Name), What: "PUBLIC has USAGE on it.",
			Fix: []Fix{in(h.name, "REVOKE USAGE ON SCHEMA "+ident(s.Name)+" FROM PUBLIC;")}})
	}
	return found
}

// schemaCreate passes over landlord's migrators, who become the owner.
func schemaCreate(f *facts, h *house) []Finding {
	var found []Finding
	for _, s := range h.Schemas {
		for _, it := range f.schemaACL(s) {
			if it.Privs&pgsql.Create == 0 || it.Grantee == s.Owner || it.Grantee == "" || !f.login(it.Grantee) || !f.ordinary(it.Grantee) || f.migrator(it.Grantee) {
				continue
			}
			found = append(found, Finding{Object: h.object("schema", "", s.Name), What: fmt.Sprintf("%s has CREATE on it.", ident(it.Grantee)),
				Fix: []Fix{in(h.name, "REVOKE CREATE ON SCHEMA "+ident(s.Name)+" FROM "+ident(it.Grantee)+";")}})
		}
	}
	return found
}

func extensionInOpenSchema(f *facts, h *house) []Finding {
	var found []Finding
	for _, e := range h.Extensions {
		if s := h.schemas[e.Schema]; s != nil && public(f.schemaACL(*s))&pgsql.Create != 0 {
			found = append(found, Finding{Object: h.object("extension", "", e.Name), What: fmt.Sprintf("It stands in schema %s, in which PUBLIC may create.", ident(s.Name)),
				Fix: []Fix{in(h.name, "CREATE SCHEMA extensions;"), in(h.name, "ALTER EXTENSION "+ident(e.Name)+" SET SCHEMA extensions;")}})
		}
	}
	return found
}

func extensionOutdated(f *facts, h *house) []Finding {
	newest := map[string]string{}
	for _, a := range f.Snapshot.Available {
		newest[a.Name] = a.Default
	}
	var found []Finding
	for _, e := range h.Extensions {
		if v := newest[e.Name]; v != "" && v != e.Version {
			found = append(found, Finding{Object: h.object("extension", "", e.Name), What: fmt.Sprintf("It is at version %s, and the server has %s.", e.Version, v),
				Fix: []Fix{in(h.name, "ALTER EXTENSION "+ident(e.Name)+" UPDATE;")}})
		}
	}
	return found
}
