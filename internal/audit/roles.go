package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"landlord/internal/snapshot"
)

const attributesManual = "manual, chapter 21.2, Role Attributes"

func roleRules() []Rule {
	needs := []snapshot.Part{snapshot.PartRoles}
	return []Rule{
		{Code: "role-superusers", Title: "There is more than one superuser", Subject: Roles, Severity: Medium, Needs: needs,
			Why:    "A superuser passes every check there is, and can run programs as the server's OS user. Each further one is one more password that opens everything.",
			Fix:    "Take SUPERUSER away and grant what the role needs by name (pg_monitor, pg_read_all_data, membership in an owner).",
			Breaks: "What the role did only as superuser.", CIS: "4.3", Source: attributesManual, check: superusers},
		{Code: "role-createrole", Title: "A login may make and change roles (CREATEROLE)", Subject: Roles, Severity: High, Needs: needs,
			Why: "Before PostgreSQL 16, CREATEROLE could change the password of, and grant itself, every role that is no superuser: it is the key to every customer, and from PostgreSQL 11 on, through pg_execute_server_program, to superuser. " +
				"From 16 on it reaches the roles that it has made or may administer.",
			Fix:    "Let role changes be made as superuser over the local socket (a sudo rule does it), and take CREATEROLE away.",
			Breaks: "Making customers with this login.", CIS: "4.3", Source: "manual, chapter 21.2, Role Attributes (role creation)", check: createRole},
		{Code: "role-createdb", Title: "A login may make databases (CREATEDB)", Subject: Roles, Severity: Low, Needs: needs,
			Why:    "Whoever makes a database owns it, and databases are born open to everybody. With membership in the owner of another database, it can copy that one whole.",
			Fix:    "Take CREATEDB away where it is not needed all the time.",
			Breaks: "Making databases with this login.", CIS: "4.3", Source: "manual, CREATE DATABASE", check: createDB},
		{Code: "role-replication", Title: "A login may replicate (REPLICATION)", Subject: Roles, Severity: High, Needs: needs,
			Why:    "REPLICATION reads everything that is written on the whole server, stored passwords and all. It can also hold back the clean-up of the disk until it is full.",
			Fix:    "Take REPLICATION away; let one role have it that does nothing else, and name that in pg_hba.conf.",
			Breaks: "Standbys and backups that use this login.", CIS: "7.1", Source: attributesManual, check: replication},
		{Code: "role-bypassrls", Title: "A role passes by row level security (BYPASSRLS)", Subject: Roles, Severity: High, Needs: needs,
			Why:    "BYPASSRLS switches off every policy for this role. If policies keep customers apart, this role sees them all.",
			Fix:    "Take BYPASSRLS away.",
			Breaks: "Backups of tables with row level security by this role.", CIS: "4.7", Source: attributesManual, check: bypassRLS},
		{Code: "role-login-group", Title: "A login is used as a group", Subject: Roles, Severity: Low, Needs: append([]snapshot.Part{snapshot.PartMemberships}, needs...),
			Why:    "Others are members of a role that logs in itself. Whatever the program behind that login is given or makes, they get too, and nobody can close the login without looking at the group.",
			Fix:    "Grant a role that cannot log in to both.",
			Breaks: "Nothing, if the new group gets the same grants.", Source: "manual, chapter 21.3, Role Membership", check: loginGroups},
		{Code: "role-connection-limit", Title: "A login has no connection limit", Subject: Roles, Severity: Advice, Needs: append([]snapshot.Part{snapshot.PartConnLimits}, needs...),
			Why:    "One program that opens connections without end takes all that the server has, and then no customer gets in. A limit for each login keeps the trouble at home.",
			Fix:    "Set one.",
			Breaks: "Programs that need more than the limit.", Source: "manual, ALTER ROLE, CONNECTION LIMIT", check: connectionLimits},
		{Code: "role-expired", Title: "A login is in use though its password has expired", Subject: Roles, Severity: Low, Needs: append([]snapshot.Part{snapshot.PartValidUntil, snapshot.PartSessions}, needs...),
			Why:    "VALID UNTIL lies in the past, and sessions of this role are open. It holds for passwords only: open sessions go on, and peer, cert and trust never look at it.",
			Fix:    "If it should be closed: NOLOGIN, then end its sessions. If not: a new password and date.",
			Breaks: "The program that uses it.", Source: "manual, CREATE ROLE, VALID UNTIL", check: expired},
		{Code: "role-no-expiry", Title: "A login's password is valid for ever", Subject: Roles, Severity: Low, Needs: append([]snapshot.Part{snapshot.PartValidUntil}, needs...),
			Why:    "The spec wants every password to end some day (audit: require_expiry). This one does not.",
			Fix:    "Set VALID UNTIL.",
			Breaks: "Programs whose password nobody renews in time.", Source: "manual, CREATE ROLE, VALID UNTIL", check: noExpiry},
	}
}

func role(name string) snapshot.Object { return snapshot.Object{Kind: "role", Name: name} }

// each makes a finding of every role that a test picks.
func (f *facts) each(is func(snapshot.Role) bool, what func(snapshot.Role) string, fix func(string) string) []Finding {
	var found []Finding
	for _, r := range f.Snapshot.Roles {
		if strings.HasPrefix(r.Name, "pg_") || !is(r) {
			continue
		}
		found = append(found, Finding{Object: role(r.Name), What: what(r), Fix: []Fix{sql(fix(ident(r.Name)))}})
	}
	return found
}

// plain says that a role is no superuser, and not one that the spec says
// works for the server.
func (f *facts) plain(r snapshot.Role) bool { return !r.Superuser && !f.operator(r.Name) }

// bootstrap is the superuser that initdb made: the one with OID 10, or where
// OIDs are not known, postgres, or the first.
func (f *facts) bootstrap() string {
	name := ""
	for _, r := range f.Snapshot.Roles {
		switch {
		case r.OID == 10, r.Superuser && r.Name == "postgres" && r.OID == 0:
			return r.Name
		case r.Superuser && name == "":
			name = r.Name
		}
	}
	return name
}

func superusers(f *facts) []Finding {
	first := f.bootstrap()
	return f.each(func(r snapshot.Role) bool { return r.Superuser && r.Name != first },
		func(r snapshot.Role) string { return "It is a superuser, beside " + ident(first) + "." },
		func(name string) string { return "ALTER ROLE " + name + " NOSUPERUSER;" })
}

// createRole is advice only of those who are known to administer, and before 16
// alone: there is no honest way of being one there.
func createRole(f *facts) []Finding {
	found := f.each(
		func(r snapshot.Role) bool {
			return !r.Superuser && r.Login && r.CreateRole && (f.before(16) || !f.operator(r.Name))
		},
		func(r snapshot.Role) string {
			if f.before(16) {
				return fmt.Sprintf("On PostgreSQL %s it can grant itself every role that is no superuser, and set their passwords: it is every customer.", majorText(f.Snapshot.Version))
			}
			if f.Snapshot.Version == 0 {
				return "It can make roles; before PostgreSQL 16 it also is, in effect, every role that is no superuser."
			}
			return "It can make roles, and administers those that it has made."
		},
		func(name string) string { return "ALTER ROLE " + name + " NOCREATEROLE;" })
	for i := range found {
		if f.operator(found[i].Object.Name) {
			found[i].Severity = Advice
		} else if !f.before(16) && f.Snapshot.Version != 0 && f.home[found[i].Object.Name] == "" {
			found[i].Severity = Medium
		}
	}
	return found
}

func createDB(f *facts) []Finding {
	return f.each(func(r snapshot.Role) bool { return f.plain(r) && r.Login && r.CreateDB },
		func(snapshot.Role) string { return "It may make databases." },
		func(name string) string { return "ALTER ROLE " + name + " NOCREATEDB;" })
}

func replication(f *facts) []Finding {
	return f.each(func(r snapshot.Role) bool { return f.plain(r) && r.Login && r.Replicate },
		func(snapshot.Role) string { return "It may stream everything that the server writes." },
		func(name string) string { return "ALTER ROLE " + name + " NOREPLICATION;" })
}

func bypassRLS(f *facts) []Finding {
	return f.each(func(r snapshot.Role) bool { return f.plain(r) && r.BypassRLS },
		func(snapshot.Role) string { return "No policy holds for it." },
		func(name string) string { return "ALTER ROLE " + name + " NOBYPASSRLS;" })
}

// loginGroups passes over what landlord made (a second login for rotation is
// a member of the first), and over the memberships by which a creator
// administers what it made.
func loginGroups(f *facts) []Finding {
	var found []Finding
	for _, r := range f.Snapshot.Roles {
		_, marked := f.marks[r.Name]
		if !r.Login || r.Superuser || marked {
			continue
		}
		var members []string
		for _, m := range f.below[r.Name] {
			if usable(m) {
				members = append(members, ident(m.Member))
			}
		}
		if len(members) == 0 {
			continue
		}
		if len(members) == 1 && f.ofSeveral(f.below[r.Name]) {
			found = append(found, Finding{Object: role(r.Name), What: fmt.Sprintf("Its member is %s, which is one of many customers' roles: what mends that mends this.", members[0])})
			continue
		}
		group := ident(r.Name + "_group")
		found = append(found, Finding{Object: role(r.Name), What: "Members of it are " + some(members) + ".", Fix: []Fix{
			sql("GRANT " + group + " TO " + ident(r.Name) + ", " + strings.Join(members, ", ") + ";"),
			sql("-- once " + group + " has what " + ident(r.Name) + " is granted: REVOKE " + ident(r.Name) + " FROM " + strings.Join(members, ", ") + ";"),
		}})
		if f.roles[r.Name+"_group"] == nil {
			x := &found[len(found)-1]
			x.Fix = append([]Fix{sql("CREATE ROLE " + group + " NOLOGIN;")}, x.Fix...)
		}
	}
	return found
}

// ofSeveral says whether a member that has something by its membership is one
// that member-of-all finds.
func (f *facts) ofSeveral(members []snapshot.Membership) bool {
	return slices.ContainsFunc(members, func(m snapshot.Membership) bool {
		return usable(m) && slices.ContainsFunc(memberOfAll(f), func(x Finding) bool { return x.Object == role(m.Member) })
	})
}

// connectionLimits wants one from every login, or from every database that
// is its home.
func connectionLimits(f *facts) []Finding {
	limited := map[string]bool{}
	for _, d := range f.Snapshot.Databases {
		limited[d.Name] = d.ConnLimit >= 0
	}
	return f.each(func(r snapshot.Role) bool {
		home := f.housesOf[f.home[r.Name]]
		if !f.plain(r) || !r.Login || r.ConnLimit >= 0 {
			return false
		}
		return len(home) == 0 || !slices.ContainsFunc(home, func(db string) bool { return limited[db] })
	},
		func(snapshot.Role) string { return "It may take all connections that the server has." },
		func(name string) string { return "ALTER ROLE " + name + " CONNECTION LIMIT 20;" })
}

func expired(f *facts) []Finding {
	open := map[string]int{}
	for _, s := range f.Snapshot.Sessions {
		open[s.Role] += s.Count
	}
	return f.each(func(r snapshot.Role) bool {
		until, ok := moment(r.ValidUntil)
		return r.Login && ok && until.Before(f.Now) && open[r.Name] > 0
	},
		func(r snapshot.Role) string {
			return fmt.Sprintf("Its password expired at %s, and %d of its sessions are open.", r.ValidUntil, open[r.Name])
		},
		func(name string) string { return "ALTER ROLE " + name + " NOLOGIN;" })
}

// moment reads VALID UNTIL as the server prints it.
func moment(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05.999999Z07", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func noExpiry(f *facts) []Finding {
	if !f.Policy.Expiry {
		return nil
	}
	return f.each(func(r snapshot.Role) bool { return r.Login && !r.Superuser && r.ValidUntil == "" },
		func(snapshot.Role) string { return "It has no VALID UNTIL." },
		func(name string) string {
			return "ALTER ROLE " + name + " VALID UNTIL '" + f.Now.AddDate(0, 3, 0).UTC().Format("2006-01-02") + "';"
		})
}
