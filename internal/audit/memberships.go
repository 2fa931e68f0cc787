package audit

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

func membershipRules() []Rule {
	needs := []snapshot.Part{snapshot.PartRoles, snapshot.PartMemberships}
	const manual = "manual, chapter 21.3, Role Membership"
	return []Rule{
		{Code: "member-superuser", Title: "A role can become superuser", Subject: Memberships, Severity: Critical, Needs: needs,
			Why:    "Through its memberships this role can SET ROLE to a superuser. It is superuser in all but name, and no list of superusers shows it.",
			Fix:    "Revoke the membership.",
			Breaks: "What the role did as superuser.", CIS: "4.3", Source: manual, check: memberSuperuser},
		{Code: "member-crosses", Title: "A customer's role is a member of another's", Subject: Memberships, Severity: Critical, Needs: needs,
			Why:    "Through this membership one customer's login has the rights of another. No grant on any table says so.",
			Fix:    "Revoke the membership.",
			Breaks: "Whatever uses it: ask first.", Source: manual, check: memberCrosses},
		{Code: "member-of-all", Title: "One login is a member of many customers' roles", Subject: Memberships, Severity: Medium, Needs: needs,
			Why:    "The password of this one login opens the data of all these customers, and with INHERIT it has their rights all the time, by accident too. What it creates belongs to itself, so that the customers' programs cannot use it.",
			Fix:    "Let it be a member of owners that cannot log in, with SET and without INHERIT (16 and newer); or have no such login, and administer as the OS user postgres.",
			Breaks: "Whatever it did without SET ROLE.", Source: manual, check: memberOfAll},
		{Code: "member-pool", Title: "One login may become many customers (a pool)", Subject: Memberships, Severity: Advice, Needs: needs,
			Why:    "This login is landlord's pool: an application becomes one customer with it, for one transaction at a time, and has no customer's rights until then. Whatever speaks SQL as this login can become any of them, so that one injected statement reads them all.",
			Fix:    "Keep it where one application serves all these customers, and its code may be trusted with all their data; give a login of its own to any customer for which that is too much.",
			Breaks: "Nothing, if it stays.", Source: "landlord, docs/pool.md; manual, SET ROLE", check: memberPool},
		{Code: "member-admin", Title: "A role may pass a membership on (ADMIN OPTION)", Subject: Memberships, Severity: Medium, Needs: append([]snapshot.Part{snapshot.PartMembershipOptions}, needs...),
			Why:    "With ADMIN OPTION a role decides who else is a member, itself with more options too. That is an administrator's business.",
			Fix:    "Revoke the option.",
			Breaks: "Granting the role with this login.", Source: "manual, GRANT, GRANT on Roles", check: memberAdmin},
		{Code: "member-owner", Title: "An application can become an owner", Subject: Memberships, Severity: Medium, Needs: append([]snapshot.Part{snapshot.PartDatabases}, needs...),
			Why:    "The login can SET ROLE to a role that owns a database, a schema or tables. A hole in the program can then drop, change and grant everything, not merely read and write rows.",
			Fix:    "Revoke the membership; let migrations use a login of their own.",
			Breaks: "Migrations that run with this login.", Source: manual, check: memberOwner},
		{Code: "member-predefined", Title: "A role has more than it looks like (predefined roles)", Subject: Memberships, Severity: High, Needs: needs,
			Why:    "PostgreSQL's predefined roles reach across all databases and schemas, and some of them out of the server into files and programs. A customer's login with one of them has no walls around it.",
			Fix:    "Revoke the membership.",
			Breaks: "What the role used it for.", CIS: "4.9", Source: "manual, chapter 21.5, Predefined Roles", check: memberPredefined},
		{Code: "member-grantor", Title: "A membership was granted by a role that may not any more", Subject: Memberships, Severity: Low, Needs: append([]snapshot.Part{snapshot.PartGrantors}, needs...),
			Why:    "Its grantor is gone, or no longer has ADMIN OPTION. A REVOKE by today's administrator then does nothing, with only a warning, and the member stays one.",
			Fix:    "Revoke it as superuser, and grant it anew.",
			Breaks: "Nothing.", Source: "manual, REVOKE, GRANTED BY", check: lostGrantor},
	}
}

func membership(m snapshot.Membership) snapshot.Object {
	return snapshot.Object{Kind: "membership", Name: m.Member + " in " + m.Role}
}

// revoke takes a membership back; since 16 each grantor's grant is its own.
func (f *facts) revoke(m snapshot.Membership) Fix {
	text := "REVOKE " + ident(m.Role) + " FROM " + ident(m.Member)
	if m.Grantor != "" && f.Snapshot.Version.MembershipOptions() {
		text += " GRANTED BY " + ident(m.Grantor)
	}
	return sql(text + ";")
}

func memberSuperuser(f *facts) []Finding {
	var found []Finding
	for _, m := range f.Snapshot.Memberships {
		member := f.roles[m.Member]
		if member == nil || member.Superuser || !m.Set {
			continue
		}
		for _, top := range append([]string{m.Role}, f.reach(m.Role, settable)...) {
			if r := f.roles[top]; r != nil && r.Superuser {
				found = append(found, Finding{Object: membership(m), What: fmt.Sprintf("As %s: SET ROLE %s; and it is superuser.", ident(m.Member), ident(top)), Fix: []Fix{f.revoke(m)}})
				break
			}
		}
	}
	return found
}

func memberCrosses(f *facts) []Finding {
	var found []Finding
	for _, m := range f.Snapshot.Memberships {
		from := f.home[m.Member]
		if from == "" || !usable(m) {
			continue
		}
		for _, up := range append([]string{m.Role}, f.reach(m.Role, usable)...) {
			if to := f.home[up]; to != "" && to != from {
				found = append(found, Finding{Object: membership(m), What: fmt.Sprintf("%s is %s's, and through %s has the rights of %s, which is %s's.", ident(m.Member), from, ident(m.Role), ident(up), to), Fix: []Fix{f.revoke(m)}})
				break
			}
		}
	}
	return found
}

func memberOfAll(f *facts) []Finding {
	var found []Finding
	for _, r := range f.Snapshot.Roles {
		if !r.Login || r.Superuser || f.home[r.Name] != "" || f.operator(r.Name) {
			continue
		}
		var of []string
		var fix []Fix
		for _, m := range f.above[r.Name] {
			if t := f.home[m.Role]; t != "" && usable(m) && !slices.Contains(of, t) && !f.pooling(m) {
				of = append(of, t)
				fix = append(fix, f.ownerInstead(t, m)...)
			}
		}
		if len(of) > 1 {
			found = append(found, Finding{Object: role(r.Name), What: fmt.Sprintf("It has the rights of %s.", some(of)), Fix: fix})
		}
	}
	return found
}

// pooling says whether a membership is that of a pool as landlord makes it: it
// may become a customer's login, and has nothing of it until then.
func (f *facts) pooling(m snapshot.Membership) bool {
	kind := tenant.Kind(f.marks[m.Role].Role)
	return f.marks[m.Member].IsPool() && !m.Inherit && !m.Admin && (kind == tenant.App || kind == tenant.Reader)
}

func memberPool(f *facts) []Finding {
	var found []Finding
	for _, r := range f.Snapshot.Roles {
		if m := f.marks[r.Name]; !m.IsPool() || m.Of != "" && f.marks[m.Of].IsPool() { // a second login is the first's
			continue
		}
		var of []string
		for _, m := range f.above[r.Name] {
			if t := f.home[m.Role]; t != "" && m.Set && !slices.Contains(of, t) {
				of = append(of, t)
			}
		}
		if len(of) > 0 {
			slices.Sort(of) // the order of memberships is nobody's
			found = append(found, Finding{Object: role(r.Name), What: fmt.Sprintf("It may become %s, by SELECT landlord.become('%s'), and by SET ROLE.", some(of), of[0])})
		}
	}
	return found
}

// ownerInstead makes an administrator a member of a customer's owner, which
// cannot log in, instead of its login.
func (f *facts) ownerInstead(t string, m snapshot.Membership) []Fix {
	owner, with := t+"_owner", ""
	if f.Snapshot.Version.MembershipOptions() {
		with = " WITH INHERIT FALSE, SET TRUE"
	}
	var fix []Fix
	if f.roles[owner] == nil {
		fix = append(fix, sql("CREATE ROLE "+ident(owner)+" NOLOGIN;"))
	}
	return append(fix, sql("GRANT "+ident(owner)+" TO "+ident(m.Member)+with+";"), f.revoke(m))
}

// memberAdmin passes over superusers, operators, and roles that may make
// roles: since 16 these administer what they have made.
func memberAdmin(f *facts) []Finding {
	var found []Finding
	for _, m := range f.Snapshot.Memberships {
		member := f.roles[m.Member]
		if !m.Admin || member == nil || member.Superuser || member.CreateRole || f.operator(m.Member) {
			continue
		}
		x := Finding{Object: membership(m), What: fmt.Sprintf("%s may grant %s to others.", ident(m.Member), ident(m.Role)),
			Fix: []Fix{sql("REVOKE ADMIN OPTION FOR " + ident(m.Role) + " FROM " + ident(m.Member) + ";")}}
		if f.home[m.Member] != "" {
			x = x.as(High)
		}
		found = append(found, x)
	}
	return found
}

// owners are roles that own something beside themselves, with what.
func (f *facts) owners() map[string]string {
	own := map[string]string{}
	for _, h := range f.houses {
		for _, r := range h.Relations {
			own[r.Owner] = "tables in database " + ident(h.name)
		}
		for _, s := range h.Schemas {
			own[s.Owner] = fmt.Sprintf("schema %s in database %s", ident(s.Name), ident(h.name))
		}
	}
	for _, d := range f.Snapshot.Databases {
		own[d.Owner] = "database " + ident(d.Name)
	}
	return own
}

func memberOwner(f *facts) []Finding {
	own := f.owners()
	var found []Finding
	for _, m := range f.Snapshot.Memberships {
		if !f.login(m.Member) || !f.ordinary(m.Member) || f.migrator(m.Member) || !m.Set || f.keeper(m.Member) {
			continue
		}
		for _, up := range append([]string{m.Role}, f.reach(m.Role, settable)...) {
			if what := own[up]; what != "" && !strings.HasPrefix(up, "pg_") {
				found = append(found, Finding{Object: membership(m), What: fmt.Sprintf("%s can become %s, which owns %s.", ident(m.Member), ident(up), what), Fix: []Fix{f.revoke(m)}})
				break
			}
		}
	}
	return found
}

// keeper says whether a login is no customer's and can become the owners of
// several databases: that is an administrator, and no application.
func (f *facts) keeper(name string) bool {
	if f.home[name] != "" {
		return false
	}
	n := 0
	up := f.reach(name, settable)
	for _, d := range f.Snapshot.Databases {
		if d.Owner != name && !maintenance(d.Name) && slices.Contains(up, d.Owner) {
			n++
		}
	}
	return n > 1
}

// predefined says of each predefined role how bad it is in an ordinary
// login's hands, and why.
var predefined = map[string]struct {
	severity Severity
	why      string
}{
	"pg_execute_server_program":   {Critical, "it runs any program as the server's OS user, which is superuser"},
	"pg_write_server_files":       {Critical, "it writes any file as the server's OS user, which leads to superuser"},
	"pg_read_server_files":        {Critical, "it reads any file as the server's OS user, all customers' data files too"},
	"pg_write_all_data":           {High, "it changes every table of every schema of the databases that it can connect to"},
	"pg_read_all_data":            {High, "it reads every table, and the stored passwords and connection strings"},
	"pg_maintain":                 {Medium, "it can lock any table, so that nobody logs in"},
	"pg_create_subscription":      {Medium, "it makes the server connect elsewhere, with data of others' choosing"},
	"pg_signal_backend":           {Medium, "it ends everybody's sessions"},
	"pg_signal_autovacuum_worker": {Low, "it ends the server's clean-up"},
	"pg_monitor":                  {Medium, "it reads everybody's running queries and the server's settings"},
	"pg_read_all_stats":           {Medium, "it reads everybody's running queries"},
	"pg_read_all_settings":        {Low, "it reads settings that tell where files are"},
	"pg_stat_scan_tables":         {Low, "it can lock tables for long"},
	"pg_checkpoint":               {Low, "it can slow down everybody by checkpoints"},
	"pg_use_reserved_connections": {Low, "it takes connections that are kept for administrators"},
}

func memberPredefined(f *facts) []Finding {
	var found []Finding
	for _, m := range f.Snapshot.Memberships {
		p, ok := predefined[m.Role]
		if !ok || !usable(m) || strings.HasPrefix(m.Member, "pg_") || f.roles[m.Member] == nil || f.roles[m.Member].Superuser {
			continue
		}
		if p.severity > Critical && (f.operator(m.Member) || f.home[m.Member] == "") { // a monitor's or a backup's tool
			continue
		}
		found = append(found, Finding{Object: membership(m), What: fmt.Sprintf("%s has %s: %s.", ident(m.Member), m.Role, p.why), Fix: []Fix{f.revoke(m)}}.as(p.severity))
	}
	return found
}

func lostGrantor(f *facts) []Finding {
	var found []Finding
	for _, m := range f.Snapshot.Memberships {
		g := f.roles[m.Grantor]
		if g != nil && (g.Superuser || g.CreateRole && f.before(16) || f.administers(m.Grantor, m.Role)) || m.Grantor != "" && strings.HasPrefix(m.Role, "pg_") {
			continue
		}
		what := fmt.Sprintf("%s granted it, and has no ADMIN OPTION on %s.", ident(m.Grantor), ident(m.Role))
		if g == nil {
			what = "The role that granted it is gone."
		}
		found = append(found, Finding{Object: membership(m), What: what, Fix: []Fix{f.revoke(m), sql("GRANT " + ident(m.Role) + " TO " + ident(m.Member) + ";")}})
	}
	return found
}

func (f *facts) administers(grantor, role string) bool {
	for _, up := range append([]string{grantor}, f.reach(grantor, usable)...) {
		if slices.ContainsFunc(f.above[up], func(m snapshot.Membership) bool { return m.Role == role && m.Admin }) {
			return true
		}
	}
	return false
}
