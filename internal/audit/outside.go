package audit

import (
	"fmt"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func outsideRules() []Rule {
	needs := []snapshot.Part{snapshot.PartForeign}
	const manual = "manual, chapter F.38, postgres_fdw"
	return []Rule{
		{Code: "fdw-no-password", Title: "A user mapping logs in without a password", Subject: Objects, Severity: Critical, Needs: append([]snapshot.Part{snapshot.PartMappings}, needs...),
			Why:    "password_required is false: the server connects as its own OS user, by peer or trust. Whoever may use the mapping can so become superuser of this very server.",
			Fix:    "Set password_required to true, with a password of a role that may little.",
			Breaks: "The foreign tables that rely on it, until the mapping has a password.", Source: manual + " (password_required)", inside: mappingOptional},
		{Code: "fdw-password", Title: "A user mapping holds a password for others", Subject: Objects, Severity: Medium, Needs: append([]snapshot.Part{snapshot.PartMappings}, needs...),
			Why:    "The password stands readable in the catalog, for superusers, for pg_read_all_data and in every dump. Where the mapping is PUBLIC's, everybody who may use the server reaches what lies behind it.",
			Fix:    "Drop PUBLIC's mapping; make one for the role that needs it, with a login over there that may little.",
			Breaks: "The roles that use the mapping.", Source: manual, inside: mappingPassword},
		{Code: "fdw-server-public", Title: "Everybody may use a foreign server", Subject: Objects, Severity: Medium, Needs: needs,
			Why:    "With USAGE on a foreign server, a role makes user mappings of its own and has this server connect there, from inside your network.",
			Fix:    "Revoke USAGE from PUBLIC.",
			Breaks: "Roles that have it only through PUBLIC.", Source: "manual, CREATE SERVER", inside: serverPublic},
		{Code: "fdw-table-readable", Title: "A foreign table is open to others than its owner's", Subject: Objects, Severity: Low, Needs: append([]snapshot.Part{snapshot.PartRelations, snapshot.PartRoles}, needs...),
			Why:    "A foreign table shows data of another server with the rights of the mapping, not of its reader. Whoever has SELECT here passes by the grants over there.",
			Fix:    "Grant it to the roles that need it, no further; never to PUBLIC or another customer.",
			Breaks: "Its other readers.", Source: manual, inside: foreignTables},
	}
}

func (h *house) mapping(m snapshot.UserMapping) snapshot.Object {
	return snapshot.Object{Kind: "user mapping", Database: h.name, Name: grantee(m.Role) + " for " + ident(m.Server)}
}

func mappingOptional(_ *facts, h *house) []Finding {
	var found []Finding
	for _, m := range h.Mappings {
		if m.Optional {
			found = append(found, Finding{Object: h.mapping(m), What: fmt.Sprintf("%s reaches server %s without a password.", grantee(m.Role), ident(m.Server)),
				Fix: []Fix{in(h.name, fmt.Sprintf("ALTER USER MAPPING FOR %s SERVER %s OPTIONS (SET password_required 'true');", grantee(m.Role), ident(m.Server)))}})
		}
	}
	return found
}

func mappingPassword(_ *facts, h *house) []Finding {
	var found []Finding
	for _, m := range h.Mappings {
		if !m.Password || m.Optional {
			continue
		}
		x := Finding{Object: h.mapping(m), What: fmt.Sprintf("It holds the password of %q over there.", m.User), Fix: []Fix{in(h.name, fmt.Sprintf("DROP USER MAPPING FOR %s SERVER %s;", grantee(m.Role), ident(m.Server)))}}
		if m.Role == "" {
			x = x.as(High)
		}
		found = append(found, x)
	}
	return found
}

func serverPublic(_ *facts, h *house) []Finding {
	var found []Finding
	for _, s := range h.Servers {
		if public(s.ACL)&pgsql.Usage != 0 {
			found = append(found, Finding{Object: h.object("foreign server", "", s.Name), What: "PUBLIC has USAGE on it.",
				Fix: []Fix{in(h.name, "REVOKE USAGE ON FOREIGN SERVER "+ident(s.Name)+" FROM PUBLIC;")}})
		}
	}
	return found
}

func foreignTables(f *facts, h *house) []Finding {
	var found []Finding
	for _, t := range h.ForeignTables {
		r := h.rel(t.Schema, t.Table)
		if r == nil {
			continue
		}
		for _, it := range r.ACL {
			home := f.home[it.Grantee]
			if it.Privs&pgsql.Select == 0 || it.Grantee == r.Owner || it.Grantee != "" && (home == "" || home == f.home[r.Owner]) {
				continue
			}
			found = append(found, Finding{Object: h.object("foreign table", t.Schema, t.Table), What: fmt.Sprintf("%s reads what lies on server %s.", grantee(it.Grantee), ident(t.Server)),
				Fix: []Fix{in(h.name, fmt.Sprintf("REVOKE SELECT ON %s FROM %s;", relName(*r), grantee(it.Grantee)))}})
		}
	}
	return found
}
