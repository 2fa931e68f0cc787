package audit

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func defaultRules() []Rule {
	needs := []snapshot.Part{snapshot.PartDefaultACLs}
	withRelations := append([]snapshot.Part{snapshot.PartRoles, snapshot.PartRelations}, needs...)
	const manual = "manual, ALTER DEFAULT PRIVILEGES"
	return []Rule{
		{Code: "default-missing", Title: "New tables will be closed to the application", Subject: Defaults, Severity: Low, Needs: withRelations,
			Why:    "The tables of this owner are granted to others, and its default privileges do not say so for the next one. After the next migration the program gets \"permission denied\", and somebody in a hurry grants too much.",
			Fix:    "Set default privileges for the role that creates.",
			Breaks: "Nothing.", Source: manual, inside: missingDefaults},
		{Code: "default-wrong-creator", Title: "Default privileges name a role that makes nothing there", Subject: Defaults, Severity: Low, Needs: append([]snapshot.Part{snapshot.PartSchemas}, withRelations...),
			Why:    "Default privileges count only for what the role that they name creates itself. This one creates nothing here, so that they do nothing, and whoever set them believes otherwise.",
			Fix:    "Set them FOR ROLE the owner of the tables.",
			Breaks: "Nothing.", Source: manual, inside: wrongCreator},
		{Code: "default-other-tenant", Title: "What one customer creates will be open to another", Subject: Defaults, Severity: High, Needs: append([]snapshot.Part{snapshot.PartRoles}, needs...),
			Why:    "Default privileges of one customer's role give another customer's role rights on everything that is created from now on. Nothing shows yet.",
			Fix:    "Revoke them.",
			Breaks: "Nothing that exists.", Source: manual, inside: defaultElsewhere},
		{Code: "default-public", Title: "What is created will be open to everybody", Subject: Defaults, Severity: High, Needs: needs,
			Why:    "Default privileges give PUBLIC rights on the tables, sequences or schemas that are created from now on. Each of them is open to every role that can connect.",
			Fix:    "Revoke them.",
			Breaks: "Nothing that exists.", Source: manual, inside: defaultPublic},
		{Code: "default-execute", Title: "New functions are everybody's to run", Subject: Defaults, Severity: Low, Needs: append([]snapshot.Part{snapshot.PartRoutines}, needs...),
			Why:    "PostgreSQL gives EXECUTE on each new function to PUBLIC. Only global default privileges of the creator change that; those of a schema can add rights and take none away.",
			Fix:    "Revoke it in the creator's global default privileges (without IN SCHEMA).",
			Breaks: "Functions made from now on have to be granted by name.", CIS: "4.5", Source: manual + ", notes on per-schema privileges", inside: defaultExecute},
		{Code: "default-schema-revoke", Title: "Default privileges of a schema that take nothing away", Subject: Defaults, Severity: Low, Needs: needs,
			Why:    "Somebody has set default privileges on functions for this schema, without PUBLIC. They only add to the global ones, by which PUBLIC still gets EXECUTE.",
			Fix:    "Revoke it globally, without IN SCHEMA.",
			Breaks: "Functions made from now on, in other schemas too, have to be granted by name.", Source: manual + ", notes on per-schema privileges", inside: schemaRevoke},
	}
}

func (h *house) defaultsOf(creator string) snapshot.Object {
	return snapshot.Object{Kind: "default privileges", Database: h.name, Name: "of " + ident(creator)}
}

// gives says whether a creator's default privileges for a kind, in a schema,
// give a grantee something.
func (h *house) gives(creator, schema string, kind pgsql.ObjectKind, to string) bool {
	return slices.ContainsFunc(h.defaults[creator], func(d *snapshot.DefaultACL) bool {
		return d.Kind == kind && (d.Schema == "" || d.Schema == schema) && granted(d.ACL, to) != 0
	})
}

// missingDefaults wants them where a creator has granted two tables or more
// of one schema to the same role: one alone may be meant so.
func missingDefaults(f *facts, h *house) []Finding {
	type grant struct{ owner, schema, to string }
	count := map[grant]int{}
	var order []grant
	for _, r := range h.Relations {
		if r.Kind != 'r' && r.Kind != 'p' || r.Extension || r.Partition || r.Owner == "" {
			continue
		}
		for _, it := range r.ACL {
			if it.Grantee == r.Owner || it.Grantee == "" || it.Privs&(pgsql.Select|pgsql.Insert|pgsql.Update|pgsql.Delete) == 0 {
				continue
			}
			g := grant{r.Owner, r.Schema, it.Grantee}
			if count[g]++; count[g] == 2 {
				order = append(order, g)
			}
		}
	}
	var found []Finding
	for _, g := range order {
		if h.gives(g.owner, g.schema, pgsql.Table, g.to) || f.roles[g.to] == nil {
			continue
		}
		found = append(found, Finding{Object: h.defaultsOf(g.owner), What: fmt.Sprintf("%s has %d tables of %s in schema %s, and will have nothing on the next.", ident(g.to), count[g], ident(g.owner), ident(g.schema)),
			Fix: []Fix{in(h.name, fmt.Sprintf("ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA %s GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %s;", ident(g.owner), ident(g.schema), ident(g.to)))}})
	}
	return found
}

func wrongCreator(f *facts, h *house) []Finding {
	makes := map[string]bool{}
	for _, r := range h.Relations {
		makes[r.Owner] = true
	}
	for _, s := range h.Schemas {
		makes[s.Owner] = true
	}
	var found []Finding
	seen := map[string]bool{}
	for _, d := range h.DefaultACLs {
		if d.Schema == "" || makes[d.Creator] || seen[d.Creator] || f.mayCreate(h, d) {
			continue
		}
		seen[d.Creator] = true
		owner := f.schemaOwner(h, d.Schema)
		found = append(found, Finding{Object: h.defaultsOf(d.Creator), What: fmt.Sprintf("They are for what %s creates in schema %s, where it may create nothing.", ident(d.Creator), ident(d.Schema)),
			Fix: []Fix{in(h.name, fmt.Sprintf("ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA %s GRANT … ;   -- as it was for %s", ident(owner), ident(d.Schema), ident(d.Creator)))}})
	}
	return found
}

func (f *facts) mayCreate(h *house, d snapshot.DefaultACL) bool {
	if r := f.roles[d.Creator]; r != nil && r.Superuser {
		return true
	}
	s := h.schemas[d.Schema]
	return s != nil && f.has(f.schemaACL(*s), d.Creator, pgsql.Create)
}

func defaultElsewhere(f *facts, h *house) []Finding {
	var found []Finding
	for _, d := range h.DefaultACLs {
		for _, it := range d.ACL {
			from, to := f.home[d.Creator], f.home[it.Grantee]
			stranger := from == "" && f.tenantDatabase[h.name] && !f.lives(it.Grantee, h.name)
			if to != "" && (from != "" && from != to || stranger) {
				found = append(found, Finding{Object: h.defaultsOf(d.Creator), What: fmt.Sprintf("%s will have %s on what %s creates.", ident(it.Grantee), it.Privs, ident(d.Creator)),
					Fix: []Fix{in(h.name, revokeDefault(d, it.Grantee, "ALL"))}})
			}
		}
	}
	return found
}

// defaultWords are the words of ALTER DEFAULT PRIVILEGES for kinds.
var defaultWords = map[pgsql.ObjectKind]string{
	pgsql.Table: "TABLES", pgsql.Sequence: "SEQUENCES", pgsql.Routine: "FUNCTIONS", pgsql.TypeKind: "TYPES", pgsql.SchemaKind: "SCHEMAS", pgsql.LargeObject: "LARGE OBJECTS",
}

func revokeDefault(d snapshot.DefaultACL, from, privs string) string {
	schema := ""
	if d.Schema != "" {
		schema = " IN SCHEMA " + ident(d.Schema)
	}
	return fmt.Sprintf("ALTER DEFAULT PRIVILEGES FOR ROLE %s%s REVOKE %s ON %s FROM %s;", ident(d.Creator), schema, privs, defaultWords[d.Kind], grantee(from))
}

func defaultPublic(_ *facts, h *house) []Finding {
	var found []Finding
	for _, d := range h.DefaultACLs {
		p := public(d.ACL)
		if p == 0 || d.Kind == pgsql.Routine || d.Kind == pgsql.TypeKind {
			continue
		}
		found = append(found, Finding{Object: h.defaultsOf(d.Creator), What: fmt.Sprintf("PUBLIC will have %s on each of the %s that %s creates.", p, strings.ToLower(defaultWords[d.Kind]), ident(d.Creator)),
			Fix: []Fix{in(h.name, revokeDefault(d, "", "ALL"))}})
	}
	return found
}

// closed says whether a creator's global default privileges keep PUBLIC from
// running its functions.
func (h *house) closed(creator string) bool {
	return slices.ContainsFunc(h.defaults[creator], func(d *snapshot.DefaultACL) bool {
		return d.Schema == "" && d.Kind == pgsql.Routine && public(d.ACL) == 0
	})
}

func (h *house) closeDefault(creator string) Fix {
	return in(h.name, "ALTER DEFAULT PRIVILEGES FOR ROLE "+ident(creator)+" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;")
}

// defaultExecute asks it of roles that make functions here; PUBLIC must have
// something of theirs already, else somebody takes care by hand.
func defaultExecute(f *facts, h *house) []Finding {
	var p pile
	for _, r := range h.Routines {
		if !r.Extension && callable(r) && !h.closed(r.Owner) && public(f.routineACL(r)) != 0 {
			p.add(r.Owner, r.Signature, "")
		}
	}
	var found []Finding
	for _, owner := range p.keys {
		found = append(found, Finding{Object: h.defaultsOf(owner), What: fmt.Sprintf("PUBLIC may run %s, and whatever %s makes next.", some(p.names[owner]), ident(owner)), Fix: []Fix{h.closeDefault(owner)}})
	}
	return found
}

func schemaRevoke(_ *facts, h *house) []Finding {
	var found []Finding
	for _, d := range h.DefaultACLs {
		if d.Schema == "" || d.Kind != pgsql.Routine || public(d.ACL) != 0 || h.closed(d.Creator) {
			continue
		}
		found = append(found, Finding{Object: h.defaultsOf(d.Creator), What: fmt.Sprintf("Those for functions in schema %s leave PUBLIC out, which changes nothing.", ident(d.Schema)), Fix: []Fix{h.closeDefault(d.Creator)}})
	}
	return found
}
