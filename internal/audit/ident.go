package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
)

const identManual = "manual, chapter 20.2, User Name Maps"

func identRules() []Rule {
	needs := []snapshot.Part{snapshot.PartHBA, snapshot.PartIdent}
	people := append([]snapshot.Part{snapshot.PartRoles}, needs...)
	return []Rule{
		{Code: "ident-error", Title: "pg_ident.conf has a mistake, so that none of it counts", Subject: HBA, Severity: High, Needs: needs,
			Why:    "PostgreSQL refuses a pg_ident.conf with a mistake as a whole and goes on with the maps that it had before; after a restart there are none. Who may log in as whom is then not what the file says.",
			Fix:    "Put the line right, look at pg_ident_file_mappings (PostgreSQL 15 and newer) for what the server makes of it, then reload.",
			Breaks: "Nothing, until the reload; then the maps of this file come into force, all at once.", Source: identManual, check: identErrors},
		{Code: "ident-superuser", Title: "A map makes somebody else a superuser", Subject: HBA, Severity: High, Needs: people,
			Why:    "By this line of pg_ident.conf a name from outside, an operating system's user or a certificate's, logs in as superuser without a password. Whoever gets that name, or that account, owns every customer's data.",
			Fix:    "Leave superusers to the OS user postgres (and root), who needs no map: take the line away.",
			Breaks: "Whoever administers the server by this account: let them sudo to postgres, or give them a role of their own.", Source: identManual, check: identSuperuser},
		{Code: "ident-crosses", Title: "One name from outside may be several customers", Subject: HBA, Severity: High, Needs: append([]snapshot.Part{snapshot.PartDatabases}, people...),
			Why:    "By these lines of pg_ident.conf one account, or one certificate, may log in as several customers' roles. Whoever runs code in one of the programs that share it is in all of these customers' data, and no password stands between.",
			Fix:    "Run each customer's program as an OS user of its own (or with a certificate of its own), and map each to its own role alone.",
			Breaks: "The programs that share the account, until each has its own.", Source: identManual, check: identCrosses},
		{Code: "ident-open", Title: "A map's expression is for more names than it seems", Subject: HBA, Severity: Medium, Needs: needs,
			Why:    "An expression in pg_ident.conf matches anywhere in a name unless ^ and $ stand at its ends. Somebody who may choose a name from outside chooses one that contains it.",
			Fix:    "Begin the expression with ^ and end it with $, with a backslash before each point.",
			Breaks: "Names that match only because of the mistake.", Source: identManual, check: identOpen},
		{Code: "ident-missing", Title: "A line of pg_hba.conf names a map that is not there", Subject: HBA, Severity: Low, Needs: needs,
			Why:    "Nobody gets in by such a line, and the first line that matches decides, so that lines below it do not help. Whoever writes a map of that name later opens it without looking here.",
			Fix:    "Write the map, or take map=… out of the line: then the name from outside must be the role's.",
			Breaks: "Nothing: nobody gets in by it now.", Source: identManual, check: identMissing},
	}
}

// mapped are the lines of pg_hba.conf that count and go by a map, each with the
// lines of that map.
type mapped struct {
	rule  *hba.Rule
	name  string
	lines []*hba.IdentLine
}

// usesMaps says whether any line that counts names a map.
func (f *facts) usesMaps() bool {
	return slices.ContainsFunc(f.live, func(r *hba.Rule) bool { return mapOf(r) != "" })
}

func mapOf(r *hba.Rule) string {
	name, _ := r.Option("map")
	return name
}

// mapped lists them; of many lines with one map some stand for all.
func (f *facts) mapped() []mapped {
	var list []mapped
	seen := map[string]int{}
	for _, r := range f.live {
		if name := mapOf(r); name != "" && f.Ident != nil && seen[name] < few {
			seen[name]++
			list = append(list, mapped{r, name, f.Ident.Of(name)})
		}
	}
	return list
}

// identLine makes a finding about a line of pg_ident.conf.
func (f *facts) identLine(file string, n int, text, what string, fix ...string) Finding {
	x := f.line(file, n, text, what)
	x.Object.Kind = "ident"
	for _, t := range fix {
		x.Fix = append(x.Fix, Fix{In: "pg_ident.conf", Text: t})
	}
	return x
}

func identErrors(f *facts) []Finding {
	var found []Finding
	if f.Ident == nil {
		return nil
	}
	for _, e := range f.Ident.Errors {
		found = append(found, f.identLine(e.File, e.Line, e.Text, e.Message+"."))
	}
	if h := f.Snapshot.HBA; h != nil && len(found) == 0 {
		for _, e := range h.Errors {
			if h.Ident != nil && e.File == h.Ident.Path {
				found = append(found, f.identLine(e.File, e.Line, e.Message, "The server itself says: "+e.Message))
			}
		}
	}
	return found
}

func identSuperuser(f *facts) []Finding {
	var found []Finding
	seen := map[*hba.IdentLine]bool{}
	above, supers, env := newShadows(f.HBA), f.superusers(), f.env()
	for _, r := range f.live {
		var who []string
		var lines []*hba.IdentLine
		if mapOf(r) != "" && f.Ident != nil && mayBe(r, supers) {
			who, lines = f.superusersBy(r, supers, above), f.Ident.Of(mapOf(r))
		}
		above.add(r)
		for _, l := range lines {
			to := slices.DeleteFunc(slices.Clone(supers), func(su string) bool {
				may, _ := l.May(su, env)
				return !may || !slices.Contains(who, ident(su)) || itself(l, r, su, f.Snapshot.Session.ServerUser)
			})
			if len(to) == 0 || seen[l] {
				continue
			}
			seen[l] = true
			what := fmt.Sprintf("By it %s may log in as superuser %s, through line %d of %s.", comer(l), some(idents(to)), r.Line, r.File)
			if r.Method == hba.Peer && !l.System.Regex && f.Snapshot.Session.ServerUser == "" {
				what += notKnownUser
			}
			x := f.identLine(l.File, l.Line, l.Text, what, "# "+l.Text)
			if l.Captures() {
				x = x.as(Medium)
			}
			found = append(found, x)
		}
	}
	return found
}

// notKnownUser ends what is said of a map for a user that may be the server's own.
const notKnownUser = " It is no hole if the server itself runs as that user, who has all of its files anyway: as whom it runs, only a session over the unix socket tells."

// itself says whether a line lets nobody in as a superuser but who would be so
// without a map: the OS user of that name, postgres, or root, who is everybody. The
// user that the server itself runs as has all of its files.
func itself(l *hba.IdentLine, r *hba.Rule, superuser, runs string) bool {
	if l.System.Regex {
		return r.Method == hba.Peer && l.Role.Text == `\1` && l.Anchored() && strings.Trim(l.System.Text, "/^$()") == ".*"
	}
	return slices.Contains([]string{superuser, "postgres", "root"}, l.System.Text) || r.Method == hba.Peer && runs != "" && l.System.Text == runs
}

// comer names who comes by a line.
func comer(l *hba.IdentLine) string {
	if l.System.Regex {
		return "every name that matches " + l.System.Text[1:]
	}
	return ident(l.System.Text)
}

func idents(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, ident(n))
	}
	return out
}

func identCrosses(f *facts) []Finding {
	var found []Finding
	if len(f.tenants) < 2 {
		return nil
	}
	for _, m := range f.mapped() {
		firsts := map[string]*hba.IdentLine{}
		reached := map[string]map[string]string{} // by who comes: a role of each tenant
		for _, l := range m.lines {
			for _, role := range f.tenantRolesBy(l, m.rule) {
				if firsts[l.System.Text] == nil {
					firsts[l.System.Text], reached[l.System.Text] = l, map[string]string{}
					if home := f.home[l.System.Text]; home != "" && !l.System.Regex {
						reached[l.System.Text][home] = l.System.Text
					}
				}
				reached[l.System.Text][f.home[role]] = role
			}
		}
		for _, who := range slices.Sorted(maps.Keys(firsts)) {
			if l := firsts[who]; len(reached[who]) > 1 && !f.operator(who) {
				roles := slices.Sorted(maps.Values(reached[who]))
				found = append(found, f.identLine(l.File, l.Line, l.Text, fmt.Sprintf("By map %s %s may log in as %s, of %d customers.", m.name, comer(l), some(idents(roles)), len(roles)),
					fmt.Sprintf("%s  OS_USER_OF_%s  %s", m.name, strings.ToUpper(f.home[roles[0]]), ident(roles[0]))))
			}
		}
	}
	return found
}

// tenantRolesBy are logins of tenants as which a line lets somebody in: the one
// that it names, or some of those that it may mean. What an expression captures
// is one role for each name.
func (f *facts) tenantRolesBy(l *hba.IdentLine, r *hba.Rule) []string {
	env := f.env()
	lets := func(name string) bool {
		may, _ := l.May(name, env)
		return may && f.login(name) && f.isFor(r, name, env)
	}
	if f.home[l.Role.Text] != "" && lets(l.Role.Text) {
		return []string{l.Role.Text}
	}
	if l.Captures() {
		return nil
	}
	var list []string
	for _, t := range f.tenants[:min(few, len(f.tenants))] {
		list = append(list, slices.DeleteFunc(slices.Clone(t.roles), func(name string) bool { return !lets(name) })...)
	}
	return list
}

func identOpen(f *facts) []Finding {
	var found []Finding
	seen := map[*hba.IdentLine]bool{}
	for _, m := range f.mapped() {
		for _, l := range m.lines {
			if seen[l] || !l.System.Regex || l.Anchored() {
				continue
			}
			seen[l] = true
			pattern := strings.TrimSuffix(strings.TrimPrefix(l.System.Text[1:], "^"), "$")
			found = append(found, f.identLine(l.File, l.Line, l.Text, fmt.Sprintf("%s is for every name that contains it, and lets it in as %s.", l.System.Text[1:], ident(l.Role.Text)),
				strings.Replace(l.Text, l.System.Text, "/^"+pattern+"$", 1)))
		}
	}
	return found
}

func identMissing(f *facts) []Finding {
	var found []Finding
	for _, m := range f.mapped() {
		if len(m.lines) == 0 && !f.Ident.Unresolved && len(f.Ident.Errors) == 0 {
			found = append(found, f.ruleFinding(m.rule, fmt.Sprintf("There is no map called %s.", m.name), hbaFix(strings.TrimSpace(strings.Replace(m.rule.Text, "map="+m.name, "", 1)))))
		}
	}
	return found
}
