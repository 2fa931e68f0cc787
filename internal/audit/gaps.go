package audit

import (
	"cmp"
	"slices"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
)

// gaps gathers what could not be judged.
type gaps struct {
	f    *facts
	seen []gap
}

type gap struct {
	part      snapshot.Part
	reason    string
	databases []string
	rules     []string
}

// server says whether all parts of the server that a rule needs are known,
// and notes those that are not.
func (g *gaps) server(rule Rule, parts []snapshot.Part) bool {
	ok := true
	for _, p := range parts {
		why := g.f.unread.why("", p)
		if p == snapshot.PartHBA && g.f.HBA == nil && why == "" {
			why = "there is no pg_hba.conf to read"
		} else if p == snapshot.PartHBA && g.f.HBA != nil {
			why = ""
		}
		if p == snapshot.PartIdent {
			why = g.f.whyNoMaps(why)
		}
		if why != "" {
			g.note(p, why, "", rule)
			ok = false
		}
	}
	return ok
}

// whyNoMaps is why pg_ident.conf is not known. Where no line goes by a map,
// nobody needs to know.
func (f *facts) whyNoMaps(why string) string {
	switch {
	case f.Ident != nil || !f.usesMaps():
		return ""
	case why == "":
		return "there is no pg_ident.conf to read"
	}
	return why
}

// database does so for one database. Of a database that nobody looked into,
// one gap is enough.
func (g *gaps) database(rule Rule, name string, parts []snapshot.Part) bool {
	ok := true
	for _, p := range parts {
		if why := g.f.unread.why(name, p); why != "" {
			g.note(p, why, name, rule)
			ok = false
		}
	}
	return ok
}

func (g *gaps) note(p snapshot.Part, why, database string, rule Rule) {
	i := slices.IndexFunc(g.seen, func(x gap) bool { return x.part == p && x.reason == why })
	if i < 0 {
		i = len(g.seen)
		g.seen = append(g.seen, gap{part: p, reason: why})
	}
	x := &g.seen[i]
	if database != "" && !slices.Contains(x.databases, database) {
		x.databases = append(x.databases, database)
	}
	if !slices.Contains(x.rules, rule.Code) {
		x.rules = append(x.rules, rule.Code)
	}
}

// list tells the gaps, those first that hide the worst, and what is asked for
// in the same way once.
func (g *gaps) list() []NotKnown {
	out := []NotKnown{}
	worst := func(x gap) Severity {
		least := Advice
		for _, code := range x.rules {
			if r, ok := RuleOf(code); ok {
				least = min(least, r.Severity)
			}
		}
		return least
	}
	slices.SortStableFunc(g.seen, func(a, b gap) int { return cmp.Compare(worst(a), worst(b)) })
	for _, x := range g.seen {
		t := partTexts[x.part]
		n := NotKnown{What: t.what, Reason: x.reason, Databases: x.databases, Ask: t.read, Rules: x.rules}
		if n.What == "" {
			n.What = string(x.part)
		}
		if g.f.Pasted && t.paste != "" {
			n.Ask = t.paste
		}
		if n.Ask == "" {
			n.Ask = "landlord audit on the server itself, as a superuser"
		}
		if x.part == snapshot.PartSchemas && g.f.before(15) {
			n.Ask += "; or close it at once, there and in template1: REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
			n.What += " (before PostgreSQL 15 everybody may make tables and functions in schema public of every database that they can connect to, unless somebody has revoked it)"
		}
		if i := slices.IndexFunc(out, func(o NotKnown) bool {
			return o.Ask == n.Ask && o.Reason == n.Reason && slices.Equal(o.Databases, n.Databases)
		}); i >= 0 {
			out[i].What += "; " + n.What
			for _, code := range n.Rules {
				if !slices.Contains(out[i].Rules, code) {
					out[i].Rules = append(out[i].Rules, code)
				}
			}
			continue
		}
		out = append(out, n)
	}
	return slices.Concat(out, g.f.versionGaps(), g.f.bouncerGaps(), g.f.outsideGaps())
}

// versionGaps say what of the version is not known.
func (f *facts) versionGaps() []NotKnown {
	switch v := f.Snapshot.Version; {
	case v == 0:
		return []NotKnown{{What: "which version the server is, and whether fixes are missing", Reason: "nothing tells it", Ask: "SELECT version(); or give --postgres", Rules: []string{"server-eol", "server-minor"}}}
	case f.NoMinor && lowest[v.Major()] > 0:
		return []NotKnown{{What: "whether minor updates are missing", Reason: "nothing tells the version's last number", Ask: "SELECT version();", Rules: []string{"server-minor"}}}
	}
	return nil
}

// outsideGaps are what no catalog tells, and a text does not either.
func (f *facts) outsideGaps() []NotKnown {
	if !f.Pasted || len(f.tenants) < 2 || f.HBA == nil || slices.ContainsFunc(f.live, func(r *hba.Rule) bool { return r.Method.Admits() && remote(r) }) {
		return nil
	}
	return []NotKnown{{What: "whether each customer's program runs as an OS user of its own: where one user, such as www-data, runs all, each of them can read the others' passwords in their configuration files, and no role in the database keeps them apart",
		Reason: "it is no matter of the database", Ask: "ps -eo user,args, and ls -l of each program's file with the password", Rules: []string{}}}
}

// partText says what a part is, in words, and how to learn it: what to paste,
// or what to run landlord as.
type partText struct{ what, paste, read string }

// parameterNames are the parameters that the rules look at.
var parameterNames = []string{
	"data_checksums", "archive_mode", "listen_addresses", "log_connections", "max_connections", "max_prepared_transactions",
	"password_encryption", "server_version", "ssl",
}

const asSuperuser = "the same again as a superuser, or as a member of pg_read_all_settings and pg_monitor"

var partTexts = map[snapshot.Part]partText{
	snapshot.PartRoles:       {"which roles there are, and their attributes", `\du+`, ""},
	snapshot.PartMemberships: {"who is a member of whom", `\drg (psql 16 and newer), or \du of an older psql`, ""},
	snapshot.PartMembershipOptions: {"who may pass a membership on (ADMIN OPTION), and what memberships give",
		`\drg of psql 16 or newer`, ""},
	snapshot.PartGrantors:     {"who granted the memberships", `\drg of psql 16 or newer`, ""},
	snapshot.PartValidUntil:   {"until when passwords are valid", `\du+`, ""},
	snapshot.PartConnLimits:   {"connection limits", `\du+`, ""},
	snapshot.PartDatabases:    {"which databases there are, and whose", `\l+`, ""},
	snapshot.PartDatabaseACLs: {"who may connect to which database", `\l+`, ""},
	snapshot.PartSettings:     {"settings of roles and databases", `\drds`, ""},
	snapshot.PartVerifiers: {"how the passwords are stored",
		`SELECT rolname, CASE WHEN rolpassword IS NULL THEN 'none' WHEN rolpassword LIKE 'md5%' THEN 'md5' WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256' ELSE 'plain' END AS verifier FROM pg_authid;`,
		"the same again as a superuser: only superusers read pg_authid"},
	snapshot.PartWeakness: {"whether a password is the role's own name", "landlord audit on the server itself", "the same again as a superuser: only superusers read pg_authid"},
	snapshot.PartParameters: {"the server's parameters",
		"SELECT name, setting FROM pg_settings WHERE name IN ('" + strings.Join(parameterNames, "', '") + "');", asSuperuser},
	snapshot.PartHBA:         {"pg_hba.conf, which decides who may connect at all", "pg_hba.conf (give it with --hba; SHOW hba_file; says where it is)", "pg_hba.conf (give it with --hba), or the same again as a superuser"},
	snapshot.PartHBAErrors:   {"what the server itself finds wrong with pg_hba.conf", "SELECT * FROM pg_hba_file_rules WHERE error IS NOT NULL; (PostgreSQL 10 and newer; look at it yourself)", asSuperuser},
	snapshot.PartIdent:       {"pg_ident.conf, by whose maps lines of pg_hba.conf let in", "pg_ident.conf (give it with --ident; SHOW ident_file; says where it is)", "pg_ident.conf (give it with --ident), or the same again as a superuser"},
	snapshot.PartSchemas:     {"who may create in which schema", `\dn+ in each database`, ""},
	snapshot.PartRelations:   {"who may do what with which table, and who owns them", `\dp and \d in each database`, ""},
	snapshot.PartColumns:     {"grants on columns", `\dp in each database`, ""},
	snapshot.PartDefaultACLs: {"default privileges, for what is created later", `\ddp in each database`, ""},
	snapshot.PartRLS:         {"row level security, and whose rights views use", "", ""},
	snapshot.PartPolicies:    {"the policies of row level security", `\dp in each database`, ""},
	snapshot.PartExtensions:  {"extensions", `\dx in each database`, ""},
	snapshot.PartRoutines:    {"functions, and whose rights they run with", "", ""},
	snapshot.PartForeign:     {"foreign servers and user mappings", "", ""},
	snapshot.PartMappings:    {"passwords in user mappings", "", asSuperuser},
	snapshot.PartLanguages:   {"languages", "", ""},
	snapshot.PartViews:       {"what views read", "", ""},
	snapshot.PartAvailable:   {"which extensions could be updated", "", ""},
	snapshot.PartSessions:    {"who is connected now", "", asSuperuser},
}
