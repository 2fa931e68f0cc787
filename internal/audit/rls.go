package audit

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/access"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func rlsRules() []Rule {
	needs := []snapshot.Part{snapshot.PartRelations, snapshot.PartRLS, snapshot.PartPolicies}
	const manual = "manual, chapter 5.9, Row Security Policies"
	return []Rule{
		{Code: "rls-off", Title: "A table has policies and does not use them", Subject: RowSecurity, Severity: High, Needs: needs,
			Why:    "Somebody wrote policies for this table, and row level security is not enabled on it. Everybody with a right on the table sees every row.",
			Fix:    "Enable it.",
			Breaks: "Whoever sees too much now.", CIS: "4.7", Source: manual, inside: rlsOff},
		{Code: "rls-no-policy", Title: "A table shows nobody anything", Subject: RowSecurity, Severity: Low, Needs: needs,
			Why:    "Row level security is enabled and there is no policy, so that everybody but the owner sees no rows. Programs take that for an empty table.",
			Fix:    "Write a policy, or disable it.",
			Breaks: "Nothing.", CIS: "4.7", Source: manual, inside: rlsNoPolicy},
		{Code: "rls-true", Title: "A policy lets every row through", Subject: RowSecurity, Severity: Medium, Needs: []snapshot.Part{snapshot.PartPolicies},
			Why:    "Permissive policies add up, and USING (true) is true for every row. So this one makes all others on the table useless for the roles that it names.",
			Fix:    "Replace it by a condition, or make it RESTRICTIVE if it was meant to narrow.",
			Breaks: "Whoever sees too much now.", CIS: "4.7", Source: manual, inside: rlsTrue},
		{Code: "rls-settable", Title: "A policy goes by a setting that everybody may set", Subject: RowSecurity, Severity: High, Needs: []snapshot.Part{snapshot.PartPolicies},
			Why:    "The policy asks a parameter such as app.tenant who is there. Every session may set such a parameter to what it likes, so whoever gets SQL through to the server reads every customer's rows.",
			Fix:    "Compare with current_user or session_user, and give each customer a login of its own; or take care that nobody but your own program's fixed statements ever reaches the server.",
			Breaks: "Programs that serve all customers with one login.", CIS: "4.7", Source: manual, inside: rlsSettable},
		{Code: "rls-not-forced", Title: "A login passes by policies as the owner", Subject: RowSecurity, Severity: Medium, Needs: append([]snapshot.Part{snapshot.PartRoles}, needs...),
			Why:    "Policies do not hold for a table's owner unless they are forced, and the owner logs in itself. For that login the policies are not there.",
			Fix:    "Force them, and give the table to a role that cannot log in.",
			Breaks: "Whatever the owner does across rows of all: backups, migrations of data.", CIS: "4.7", Source: manual, inside: rlsNotForced},
	}
}

// policies counts a table's policies.
func (h *house) policies() map[[2]string]int {
	n := map[[2]string]int{}
	for _, p := range h.Policies {
		n[[2]string{p.Schema, p.Table}]++
	}
	return n
}

func rlsOff(_ *facts, h *house) []Finding {
	n := h.policies()
	var found []Finding
	for _, r := range h.Relations {
		if c := n[[2]string{r.Schema, r.Name}]; c > 0 && !r.RLS {
			found = append(found, Finding{Object: h.object("table", r.Schema, r.Name), What: fmt.Sprintf("It has %d policies, and row level security is off.", c),
				Fix: []Fix{in(h.name, "ALTER TABLE "+relName(r)+" ENABLE ROW LEVEL SECURITY;")}})
		}
	}
	return found
}

func rlsNoPolicy(_ *facts, h *house) []Finding {
	n := h.policies()
	var found []Finding
	for _, r := range h.Relations {
		if r.RLS && n[[2]string{r.Schema, r.Name}] == 0 && !r.Partition {
			found = append(found, Finding{Object: h.object("table", r.Schema, r.Name), What: "Row level security is on, and there is no policy.",
				Fix: []Fix{in(h.name, "-- CREATE POLICY … ON "+relName(r)+" USING (…); or, if no rows are to be kept apart: ALTER TABLE "+relName(r)+" DISABLE ROW LEVEL SECURITY;")}})
		}
	}
	return found
}

func rlsTrue(f *facts, h *house) []Finding {
	var found []Finding
	for _, p := range h.Policies {
		table := h.rel(p.Schema, p.Table)
		if !p.Permissive || !isTrue(p.Using) && !(p.Using == "" && isTrue(p.Check)) || table != nil && slices.Equal(p.Roles, []string{table.Owner}) {
			continue
		}
		var who []string
		for _, r := range p.Roles {
			who = append(who, grantee(r))
		}
		name := pgsql.Qualified(p.Schema, p.Table)
		found = append(found, Finding{Object: snapshot.Object{Kind: "policy", Database: h.name, Name: ident(p.Name) + " on " + name}, What: fmt.Sprintf("For %s of %s it is true for every row.", p.Command, some(who)),
			Fix: []Fix{in(h.name, "ALTER POLICY "+ident(p.Name)+" ON "+name+narrower(p)+";   -- or DROP POLICY")}})
	}
	return found
}

// narrower is what a policy that is true for every row could say instead.
func narrower(p snapshot.Policy) string {
	if p.Using == "" {
		return " WITH CHECK (… = current_user)"
	}
	return " USING (… = current_user)"
}

func rlsSettable(_ *facts, h *house) []Finding {
	var found []Finding
	for _, p := range h.Policies {
		setting, ok := access.EverybodysSetting(p.Using + " " + p.Check)
		if !ok || !p.Permissive {
			continue
		}
		name := pgsql.Qualified(p.Schema, p.Table)
		found = append(found, Finding{Object: snapshot.Object{Kind: "policy", Database: h.name, Name: ident(p.Name) + " on " + name},
			What: fmt.Sprintf("It goes by %s: SET %[1]s = '…' is everybody's to say.", setting),
			Fix:  []Fix{in(h.name, "ALTER POLICY "+ident(p.Name)+" ON "+name+" USING (… = current_user);")}})
	}
	return found
}

func isTrue(expression string) bool {
	return strings.EqualFold(strings.Trim(strings.TrimSpace(expression), "()"), "true")
}

func rlsNotForced(f *facts, h *house) []Finding {
	var found []Finding
	for _, r := range h.Relations {
		if r.RLS && !r.Forced && f.login(r.Owner) {
			found = append(found, Finding{Object: h.object("table", r.Schema, r.Name), What: fmt.Sprintf("%s owns it and logs in.", ident(r.Owner)),
				Fix: []Fix{in(h.name, "ALTER TABLE "+relName(r)+" FORCE ROW LEVEL SECURITY;")}})
		}
	}
	return found
}
