package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/router"
	"landlord/internal/snapshot"
)

func bouncerRules() []Rule {
	const manual = "https://www.pgbouncer.org/config.html"
	rules := []Rule{
		{Code: "bouncer-auth-type", Title: "PgBouncer takes clients at their word, or their passwords in the clear", Severity: Critical,
			Why:    "With auth_type any or trust, whoever reaches PgBouncer becomes whom they like, and it logs in to the server with the stored password. With plain, passwords cross the network in the clear; md5 hashes are as good as passwords.",
			Fix:    "Set auth_type = scram-sha-256 (or hba, with such lines).",
			Breaks: "Clients whose libpq is older than 10; users whose secret in userlist.txt is md5.", Source: manual + "#auth_type", check: bouncerAuthType},
		{Code: "bouncer-star", Title: "PgBouncer opens every database", Severity: High,
			Why:    "The line * passes clients on to any database that they name, postgres and template1 too. An idle pooled connection to template1 also stops CREATE DATABASE.",
			Fix:    "Name each database.",
			Breaks: "Clients of databases that are not named.", Source: manual + "#section-databases", check: bouncerStar},
		{Code: "bouncer-auth-user", Title: "PgBouncer looks passwords up as superuser", Severity: High, Needs: []snapshot.Part{snapshot.PartRoles},
			Why:    "auth_user logs in to each database to look up verifiers. As superuser, what a customer left behind in its database, a function for instance, runs with all rights.",
			Fix:    "Make a role for it that may do nothing but run one SECURITY DEFINER function, in a database that is nobody's (auth_dbname).",
			Breaks: "Nothing, once the function is there.", Source: manual + "#auth_user", check: bouncerAuthUser},
		{Code: "bouncer-auth-query", Title: "PgBouncer's lookup gives away too much", Severity: High,
			Why:    "The query that looks up passwords (auth_query, which a database may have of its own) takes whatever user it is asked for. Written carelessly it gives out superusers' verifiers, lets in logins that are closed (NOLOGIN) or expired, and can be turned by whoever creates objects in its search_path.",
			Fix:    "Qualify every name; leave out superusers and roles that may not log in; compare valuntil with now().",
			Breaks: "Superusers who connect through PgBouncer.", Source: manual + "#auth_query; CVE-2025-2291, CVE-2025-12819", check: bouncerAuthQuery},
		{Code: "bouncer-admins", Title: "Others than administrators may use PgBouncer's console", Severity: High,
			Why:    "admin_users pause, kill and reconfigure everybody's pools; stats_users see everybody's addresses and databases. A customer's login has no business there.",
			Fix:    "Name administrators only.",
			Breaks: "Monitoring that uses the login.", Source: manual + "#admin_users", check: bouncerAdmins},
		{Code: "bouncer-tls", Title: "PgBouncer takes clients from the network without TLS", Severity: Medium,
			Why:    "PgBouncer listens for other machines and does not require TLS. Queries and data can be read and changed on the way, however strict the server behind it is.",
			Fix:    "Set client_tls_sslmode = require (or verify-full), with a certificate.",
			Breaks: "Clients that do not speak TLS.", Source: manual + "#client_tls_sslmode", check: bouncerTLS},
		{Code: "bouncer-pool-sum", Title: "The pools together want more connections than the server has", Severity: Medium, Needs: []snapshot.Part{snapshot.PartParameters},
			Why:    "If every pool fills up, the server refuses the rest, whichever customer comes last. One customer's peak then closes the door to the others.",
			Fix:    "Lower the pool sizes or raise max_connections.",
			Breaks: "Throughput of the largest customers.", Source: manual + "#default_pool_size", check: bouncerPools},
		{Code: "bouncer-limits", Title: "One customer may take all of PgBouncer's connections", Severity: Low,
			Why:    "There is no limit for a user or a database. One program that opens connections and never closes them takes all of max_client_conn, and then no customer gets in.",
			Fix:    "Set max_user_client_connections and max_db_client_connections (1.24), or max_user_connections and max_db_connections.",
			Breaks: "Programs that need more than the limit.", Source: manual + "#max_db_connections", check: bouncerLimits},
		{Code: "bouncer-version", Title: "This PgBouncer has known holes", Severity: High,
			Why:    "Holes of this version are published, with how to use them. They concern logging in: who gets in, and whose code runs while looking up passwords.",
			Fix:    "Update PgBouncer to 1.26.1 or newer.",
			Breaks: "Read the changelog; a restart closes open connections.", Source: "https://www.pgbouncer.org/changelog.html", check: bouncerVersion},
		{Code: "bouncer-userlist", Title: "PgBouncer's list of users holds secrets that open doors", Severity: Medium,
			Why:    "userlist.txt has passwords in the clear, or md5 hashes that are as good. Whoever reads the file, or a backup of it, can log in.",
			Fix:    "Put SCRAM verifiers there, or use auth_query.",
			Breaks: "Logging in to servers with a SCRAM verifier needs the same verifier there.", Source: manual + "#authentication-file-format", check: bouncerUsers},
	}
	for i := range rules {
		rules[i].Subject, rules[i].NeedsBouncer = Router, true
	}
	return rules
}

// bouncerFinding is a finding about a line of pgbouncer.ini.
func (f *facts) bouncerFinding(name string, at Place, what, fix string) Finding {
	x := Finding{Object: snapshot.Object{Kind: "pgbouncer", Name: name}, What: what}
	if at.Line > 0 {
		x.Place = &at
	}
	if fix != "" {
		x.Fix = []Fix{{In: "pgbouncer.ini", Text: fix}}
	}
	return x
}

func bouncerAuthType(f *facts) []Finding {
	s, ok := f.Bouncer.Settings["auth_type"]
	v := cmp.Or(strings.ToLower(s.Value), "md5")
	x := f.bouncerFinding("auth_type", s.Place, "auth_type is "+v+".", "auth_type = scram-sha-256")
	switch v {
	case "any", "trust":
		return []Finding{x}
	case "plain":
		return []Finding{x.as(High)}
	case "md5":
		if !ok {
			x.What = "auth_type is not set, and its default is md5."
		}
		return []Finding{x.as(Medium)}
	}
	return nil
}

func bouncerStar(f *facts) []Finding {
	var found []Finding
	for _, d := range f.Bouncer.Databases {
		if d.Name == "*" {
			found = append(found, f.bouncerFinding("*", d.Place, "It passes on to whichever database the client names.", ";"+d.shown()))
		} else if maintenance(cmp.Or(d.Words["dbname"], d.Name)) {
			found = append(found, f.bouncerFinding(d.Name, d.Place, "It opens a database that belongs to the server.", ";"+d.shown()).as(Medium))
		}
	}
	return found
}

func (f *facts) bouncerAuthUsers() []BouncerSetting {
	var users []BouncerSetting
	if s := f.Bouncer.Settings["auth_user"]; s.Value != "" {
		users = append(users, s)
	}
	for _, d := range f.Bouncer.Databases {
		if u := d.Words["auth_user"]; u != "" {
			users = append(users, BouncerSetting{u, d.Place})
		}
	}
	return users
}

func bouncerAuthUser(f *facts) []Finding {
	var found []Finding
	for _, u := range f.bouncerAuthUsers() {
		if r := f.roles[u.Value]; r != nil && r.Superuser {
			found = append(found, f.bouncerFinding("auth_user "+u.Value, u.Place, u.Value+" is a superuser.", "auth_user = pgbouncer"))
		}
	}
	return found
}

func bouncerAdmins(f *facts) []Finding {
	var found []Finding
	for _, name := range []string{"admin_users", "stats_users"} {
		s := f.Bouncer.Settings[name]
		for _, u := range strings.FieldsFunc(s.Value, func(r rune) bool { return r == ',' || r == ' ' }) {
			if u != "*" && f.home[u] == "" {
				continue
			}
			x := f.bouncerFinding(name+" "+u, s.Place, fmt.Sprintf("%s names %s.", name, u), name+" = ADMINISTRATOR")
			if name == "stats_users" {
				x = x.as(Low)
			}
			found = append(found, x)
		}
	}
	return found
}

// localOnly says whether PgBouncer listens on this machine alone.
func (b *Bouncer) localOnly() bool {
	for _, a := range strings.Split(b.Settings["listen_addr"].Value, ",") {
		if a = strings.TrimSpace(a); a != "" && a != "localhost" && a != "127.0.0.1" && a != "::1" {
			return false
		}
	}
	return true
}

func bouncerTLS(f *facts) []Finding {
	s := f.Bouncer.Settings["client_tls_sslmode"]
	if f.Bouncer.localOnly() || slices.Contains([]string{"require", "verify-ca", "verify-full"}, s.Value) {
		return nil
	}
	return []Finding{f.bouncerFinding("client_tls_sslmode", s.Place, "client_tls_sslmode is "+cmp.Or(s.Value, "disable (the default)")+".", "client_tls_sslmode = require")}
}

func bouncerPools(f *facts) []Finding {
	size := func(text string, byDefault int) int {
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
		return byDefault
	}
	limit := size(f.Snapshot.Parameters["max_connections"], 0)
	pool := size(f.Bouncer.Settings["default_pool_size"].Value, 20)
	sum := 0
	for _, d := range f.Bouncer.Databases {
		n := size(d.Words["pool_size"], pool)
		if m := size(d.Words["max_db_connections"], size(f.Bouncer.Settings["max_db_connections"].Value, 0)); m > 0 {
			n = min(n, m)
		}
		sum += n
	}
	if limit == 0 || sum <= limit {
		return nil
	}
	return []Finding{f.bouncerFinding("pools", f.Bouncer.Settings["default_pool_size"].Place,
		fmt.Sprintf("The pools of one user each come to %d connections, and max_connections is %d.", sum, limit), fmt.Sprintf("default_pool_size = %d", max(1, limit*8/10/max(1, len(f.Bouncer.Databases)))))}
}

func bouncerLimits(f *facts) []Finding {
	for _, name := range []string{"max_user_client_connections", "max_db_client_connections", "max_user_connections", "max_db_connections"} {
		if v := f.Bouncer.Settings[name].Value; v != "" && v != "0" {
			return nil
		}
	}
	if n := len(f.Bouncer.Databases); n > 0 && !slices.ContainsFunc(f.Bouncer.Databases, func(d BouncerDatabase) bool {
		return d.Words["max_db_connections"] == "" || d.Words["max_db_connections"] == "0"
	}) {
		return nil
	}
	return []Finding{f.bouncerFinding("limits", Place{f.Bouncer.File, 1}, "None is set.", "max_user_client_connections = 50")}
}

// Setup is what of the configuration bears on PgBouncer's known holes.
func (b *Bouncer) Setup() router.Setup {
	value := func(name string) string { return b.Settings[name].Value }
	s := router.Setup{AuthType: strings.ToLower(value("auth_type")), Unlisted: b.UsersFile == "" && value("auth_file") != "",
		Queries: b.queries(), Everywhere: value("auth_user") != "",
		Startup: value("ignore_startup_parameters"), Tracked: value("track_extra_parameters"), Watchers: value("stats_users")}
	s.MaxPacket, _ = strconv.ParseInt(value("max_packet_size"), 10, 64)
	for _, u := range b.Users {
		if u.Kind != "none" {
			s.Secrets++
		}
	}
	servers := map[string]bool{}
	for _, d := range b.Databases {
		s.Star = s.Star || d.Name == "*"
		for _, host := range strings.Split(d.Words["host"], ",") { // several may serve one database
			if host == router.Nowhere {
				continue
			}
			servers[host+" "+cmp.Or(d.Words["port"], "5432")] = true
		}
	}
	s.Servers = len(servers)
	return s
}

func bouncerVersion(f *facts) []Finding {
	v, ok := router.ParseVersion(f.Bouncer.Version)
	if !ok {
		return nil // which is said where all is that is not known
	}
	var open []string
	for _, h := range router.Holes(v, f.Bouncer.Setup()) {
		if h.Open {
			open = append(open, fmt.Sprintf("%s (fixed in %s): %s; here: %s", h.Name(), h.Fixed, h.What, h.Here))
		}
	}
	if len(open) == 0 {
		return nil
	}
	return []Finding{f.bouncerFinding("version", Place{}, "It is "+v.String()+". "+strings.Join(open, ". ")+".", "")}
}

// bouncerGaps say that nobody told PgBouncer's version.
func (f *facts) bouncerGaps() []NotKnown {
	if f.Bouncer == nil {
		return nil
	}
	if _, ok := router.ParseVersion(f.Bouncer.Version); ok {
		return nil
	}
	return []NotKnown{{What: "which version PgBouncer is, and which of its known holes it has", Reason: "its files do not tell", Ask: "pgbouncer --version; give it by --pgbouncer-version", Rules: []string{"bouncer-version"}}}
}

func bouncerUsers(f *facts) []Finding {
	var found []Finding
	for _, u := range f.Bouncer.Users {
		if u.Kind == "plain" || u.Kind == "md5" {
			x := f.bouncerFinding("user "+u.Name, u.Place, fmt.Sprintf("The secret of %s is %s.", u.Name, map[string]string{"plain": "a password in the clear", "md5": "an md5 hash"}[u.Kind]), "")
			x.Fix = []Fix{{In: "userlist.txt", Text: fmt.Sprintf(`"%s" "SCRAM-SHA-256$…"`, u.Name)}}
			found = append(found, x)
		}
	}
	return found
}
