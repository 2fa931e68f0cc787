package audit

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func settingRules() []Rule {
	return []Rule{
		{Code: "setting-dangerous", Title: "A role or database setting opens a door", Subject: Roles, Severity: High, Needs: []snapshot.Part{snapshot.PartRoles, snapshot.PartSettings},
			Why:    "Settings of a role or a database hold from the first moment of each session, an administrator's too. Some of them change whose code runs, as whom, or whether policies hold.",
			Fix:    "Reset it.",
			Breaks: "Programs that rely on the setting.", Source: "manual, chapter 19.11, Client Connection Defaults", check: dangerousSettings},
	}
}

func dangerousSettings(f *facts) []Finding {
	var found []Finding
	for _, s := range f.Snapshot.Settings {
		why, severity := f.danger(s)
		if why == "" {
			continue
		}
		of, on := []string{}, []string{}
		if s.Role != "" {
			of, on = append(of, "ROLE "+ident(s.Role)), append(on, "role "+ident(s.Role))
		} else if s.Database == "" {
			of, on = append(of, "ROLE ALL"), append(on, "all roles")
		}
		if s.Database != "" && s.Role != "" {
			of = append(of, "IN DATABASE "+ident(s.Database))
		} else if s.Database != "" {
			of = append(of, "DATABASE "+ident(s.Database))
		}
		if s.Database != "" {
			on = append(on, "database "+ident(s.Database))
		}
		found = append(found, Finding{
			Object: snapshot.Object{Kind: "setting", Database: s.Database, Name: strings.TrimSpace(s.Role + " " + s.Name)},
			What:   fmt.Sprintf("%s = %s on %s: %s.", s.Name, s.Value, strings.Join(on, " in "), why),
			Fix:    []Fix{sql("ALTER " + strings.Join(of, " ") + " RESET " + s.Name + ";")},
		}.as(severity))
	}
	return found
}

// danger says what is wrong with a setting, and how badly.
func (f *facts) danger(s snapshot.Setting) (string, Severity) {
	_, marked := f.marks[s.Role]
	switch s.Name {
	case "session_preload_libraries", "local_preload_libraries":
		if s.Value != "" && s.Value != `""` {
			return "it loads code into every session", High
		}
	case "session_replication_role":
		if s.Value != "origin" {
			return "triggers and foreign keys do not run", High
		}
	case "row_security":
		if s.Value == "off" {
			return "queries on tables with policies fail, or pass by them for who may", Low
		}
	case "allow_system_table_mods", "zero_damaged_pages", "ignore_system_indexes":
		if s.Value == "on" {
			return "it is meant for repairs only", High
		}
	case "password_encryption":
		if s.Value != "scram-sha-256" {
			return "passwords set in these sessions are stored as md5", Medium
		}
	case "lo_compat_privileges":
		if s.Value == "on" {
			return "everybody reads and writes everybody's large objects", High
		}
	case "role", "session_authorization":
		return f.becomes(s, marked)
	case "search_path":
		return f.path(s, marked)
	}
	return "", 0
}

func (f *facts) becomes(s snapshot.Setting, marked bool) (string, Severity) {
	to := f.roles[s.Value]
	switch {
	case to != nil && to.Superuser:
		return "sessions begin as superuser", Critical
	case s.Role == "":
		return "it turns everybody's sessions into another role's, an administrator's too", High
	case f.home[s.Value] != "" && f.home[s.Role] != f.home[s.Value]:
		return "sessions begin as another customer's role", High
	case !marked && to == nil && s.Value != "none":
		return "the role is not there", Low
	}
	return "", 0
}

func (f *facts) path(s snapshot.Setting, marked bool) (string, Severity) {
	names, ok := pgsql.SplitIdents(s.Value)
	if !ok {
		return "it cannot be read as a list of schemas", Low
	}
	if i := slices.Index(names, "pg_catalog"); i > 0 {
		return "pg_catalog does not come first, so that whoever may create in a schema before it replaces PostgreSQL's own functions", High
	}
	if marked || s.Role != "" && f.home[s.Role] != "" {
		return "", 0
	}
	for _, d := range f.Snapshot.Databases {
		if d.Name == s.Database && s.Role == "" && f.login(d.Owner) {
			return "its owner logs in and set where everybody's sessions look up names, a superuser's too", High
		}
	}
	return "", 0
}
