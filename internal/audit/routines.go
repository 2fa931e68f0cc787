package audit

import (
	"fmt"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func routineRules() []Rule {
	needs := []snapshot.Part{snapshot.PartRoutines}
	return []Rule{
		{Code: "func-definer-public", Title: "Everybody may run a function with its owner's rights", Subject: Objects, Severity: High, Needs: needs,
			Why:    "A SECURITY DEFINER function does what its owner may, whoever calls it, and PUBLIC may call this one: EXECUTE is PUBLIC's by default. Each mistake in it is everybody's way to the owner's rights.",
			Fix:    "Revoke EXECUTE from PUBLIC and grant it to those who need it.",
			Breaks: "Roles that call it through PUBLIC.", CIS: "4.5", Source: "manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely", inside: definerPublic},
		{Code: "func-definer-path", Title: "A function with its owner's rights looks names up where its caller says", Subject: Objects, Severity: High, Needs: needs,
			Why:    "This SECURITY DEFINER function does not pin its search_path with pg_temp last. A caller puts a table or function of the same name first, in a temporary schema for instance, and the owner's rights work on that one.",
			Fix:    "Pin it: the schemas that the function needs, pg_temp named and last.",
			Breaks: "A function that relies on its caller's search_path.", CIS: "4.5", Source: "CVE-2007-2138; manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely", inside: definerPath},
		{Code: "lang-untrusted", Title: "Functions in an untrusted language", Subject: Objects, Severity: Medium, Needs: append([]snapshot.Part{snapshot.PartLanguages}, needs...),
			Why:    "Functions in this language can do everything that the server's OS user can: read files, run programs, open connections. Only superusers may make them, and whoever may call one should be chosen.",
			Fix:    "Revoke EXECUTE from PUBLIC; drop the language where nothing uses it.",
			Breaks: "Roles that call these functions through PUBLIC.", CIS: "4.5", Source: "manual, CREATE LANGUAGE, TRUSTED", inside: untrusted},
		{Code: "view-owner-rights", Title: "A view passes by row level security", Subject: RowSecurity, Severity: Medium,
			Needs:  []snapshot.Part{snapshot.PartRelations, snapshot.PartRLS, snapshot.PartViews},
			Why:    "A view reads its tables with its owner's rights, so that the policies that hold for its readers are not asked. Whoever may read the view sees the rows that the owner sees.",
			Fix:    "ALTER VIEW … SET (security_invoker = true), from PostgreSQL 15 on.",
			Breaks: "Readers that have no right on the tables below.", Source: "manual, CREATE VIEW, security_invoker", inside: viewRights},
		{Code: "matview-readable", Title: "A materialized view shows protected rows", Subject: RowSecurity, Severity: Medium,
			Needs:  []snapshot.Part{snapshot.PartRelations, snapshot.PartRLS, snapshot.PartViews},
			Why:    "A materialized view is a copy that has no policies of its own. It holds the rows that its owner saw, for everybody who may read it.",
			Fix:    "Revoke SELECT on it, and give out a view with security_invoker instead.",
			Breaks: "Its readers.", Source: "manual, chapter 5.9, Row Security Policies", inside: matviewRights},
	}
}

func (f *facts) routineACL(r snapshot.Routine) pgsql.ACL {
	return r.ACL.Or(pgsql.Routine, r.Owner, f.version())
}

// callable says whether anybody can call it by itself.
func callable(r snapshot.Routine) bool { return r.Returns != "trigger" && r.Returns != "event_trigger" }

func (h *house) routine(r snapshot.Routine) snapshot.Object {
	return snapshot.Object{Kind: "function", Database: h.name, Name: r.Signature}
}

func definerPublic(f *facts, h *house) []Finding {
	var found []Finding
	for _, r := range h.Routines {
		if !r.Definer || r.Extension || !callable(r) || public(f.routineACL(r))&pgsql.Execute == 0 {
			continue
		}
		x := Finding{Object: h.routine(r), What: fmt.Sprintf("PUBLIC may run it as %s.", ident(r.Owner)), Fix: []Fix{in(h.name, "REVOKE EXECUTE ON ROUTINE "+r.Signature+" FROM PUBLIC;")}}
		if o := f.roles[r.Owner]; o != nil && o.Superuser {
			x = x.as(Critical)
		}
		found = append(found, x)
	}
	return found
}

func definerPath(f *facts, h *house) []Finding {
	var found []Finding
	for _, r := range h.Routines {
		why := r.OpenPath()
		if why == "" || r.Extension {
			continue
		}
		x := Finding{Object: h.routine(r), What: fmt.Sprintf("It runs as %s, and %s.", ident(r.Owner), why),
			Fix: []Fix{in(h.name, fmt.Sprintf("ALTER ROUTINE %s SET search_path = %s;", r.Signature, pgsql.Idents(r.PinnedPath([]string{r.Schema})...)))}}
		_, pinned := r.Path()
		if pinned {
			x = x.as(Medium)
		}
		found = append(found, x)
	}
	return found
}

func untrusted(f *facts, h *house) []Finding {
	var found []Finding
	for _, l := range h.Languages {
		if l.Trusted {
			continue
		}
		var open []string
		var fix []Fix
		for _, r := range h.Routines {
			if r.Language == l.Name && callable(r) && public(f.routineACL(r)) != 0 {
				open = append(open, r.Signature)
				fix = append(fix, in(h.name, "REVOKE EXECUTE ON ROUTINE "+r.Signature+" FROM PUBLIC;"))
			}
		}
		x := Finding{Object: h.object("language", "", l.Name), What: "No function in it is open to PUBLIC.", Fix: []Fix{in(h.name, "DROP EXTENSION "+ident(l.Name)+";")}}.as(Low)
		if len(open) > 0 {
			x = Finding{Object: x.Object, What: "PUBLIC may run " + some(open) + ".", Fix: fix}.as(High)
		}
		found = append(found, x)
	}
	return found
}

// readers are the roles beside its owner that may read a relation.
func (f *facts) readers(r snapshot.Relation) []string {
	var who []string
	for _, it := range f.relACL(r) {
		if it.Grantee != r.Owner && it.Privs&pgsql.Select != 0 {
			who = append(who, grantee(it.Grantee))
		}
	}
	return who
}

// overProtected calls visit for each relation of a kind that reads a table
// with row level security.
func (h *house) overProtected(kind snapshot.RelKind, visit func(view, table *snapshot.Relation)) {
	for _, r := range h.Reads {
		view, table := h.rel(r.Schema, r.View), h.rel(r.FromSchema, r.From)
		if view != nil && table != nil && view.Kind == kind && table.RLS && !(table.Forced && view.Owner == table.Owner) {
			visit(view, table)
		}
	}
}

func viewRights(f *facts, h *house) []Finding {
	var found []Finding
	h.overProtected('v', func(view, table *snapshot.Relation) {
		who := f.readers(*view)
		if view.Invoker || len(who) == 0 || view.Extension {
			return
		}
		x := Finding{Object: h.object("view", view.Schema, view.Name), What: fmt.Sprintf("%s read %s through it as %s.", some(who), relName(*table), ident(view.Owner)),
			Fix: []Fix{in(h.name, "ALTER VIEW "+relName(*view)+" SET (security_invoker = true);")}}
		if f.before(15) {
			x.Fix = []Fix{in(h.name, "REVOKE SELECT ON "+relName(*view)+" FROM "+strings.Join(who, ", ")+";")}
		}
		found = append(found, x)
	})
	return found
}

func matviewRights(f *facts, h *house) []Finding {
	var found []Finding
	h.overProtected('m', func(view, table *snapshot.Relation) {
		if who := f.readers(*view); len(who) > 0 {
			found = append(found, Finding{Object: h.object("materialized view", view.Schema, view.Name), What: fmt.Sprintf("%s read what %s saw of %s.", some(who), ident(view.Owner), relName(*table)),
				Fix: []Fix{in(h.name, "REVOKE SELECT ON "+relName(*view)+" FROM "+strings.Join(who, ", ")+";")}})
		}
	})
	return found
}
