package audit

import (
	"fmt"
	"slices"
	"time"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func serverRules() []Rule {
	needs := []snapshot.Part{snapshot.PartParameters}
	return []Rule{
		{Code: "server-eol", Title: "This PostgreSQL gets no more fixes", Subject: ServerWide, Severity: High,
			Why:    "Holes that are found now stay open in it for good, and how to use them is published with the fixes for newer versions. No setting makes up for that.",
			Fix:    "Upgrade to a supported major version (pg_upgrade, or dump and restore).",
			Breaks: "Read the release notes in between; try it on a copy.", CIS: "1.5", Source: "https://www.postgresql.org/support/versioning/", check: endOfLife},
		{Code: "server-minor", Title: "Minor updates are missing", Subject: ServerWide, Severity: High,
			Why:    "Minor versions hold fixes only. Those up to August 2026 close, among others, a hole by which any user runs code as the server's OS user (CVE-2026-14680), past every wall inside the server.",
			Fix:    "Install the newest minor version and restart; nothing has to be dumped.",
			Breaks: "Nothing but the restart; the release notes name the few indexes to rebuild.", CIS: "1.5", Source: "https://www.postgresql.org/support/security/", check: minorVersion},
		{Code: "server-password-encryption", Title: "New passwords are stored as md5", Subject: ServerWide, Severity: Medium, Needs: needs,
			Why:    "Each password set from now on is stored as a hash that is as good as the password itself. Every other careful step is undone by the next ALTER ROLE.",
			Fix:    "Set password_encryption to scram-sha-256, and set the passwords anew.",
			Breaks: "Clients whose libpq is older than 10.", CIS: "5.12", Source: "manual, chapter 20.5, Password Authentication", check: passwordEncryption},
		{Code: "server-ssl", Title: "Clients come over the network, and TLS is off", Subject: ServerWide, Severity: High, Needs: append([]snapshot.Part{snapshot.PartHBA}, needs...),
			Why:    "pg_hba.conf lets other machines in, and the server does not speak TLS. Queries, data and md5 answers can be read and changed on the way; hostssl lines match nobody.",
			Fix:    "Give the server a certificate and set ssl = on.",
			Breaks: "Nothing: clients that do not ask for TLS still come in by host lines.", CIS: "6.8", Source: "manual, chapter 18.9, Secure TCP/IP Connections with SSL", check: sslOff},
		{Code: "server-lo-compat", Title: "Large objects are everybody's", Subject: ServerWide, Severity: High, Needs: needs,
			Why: "With lo_compat_privileges, nobody's rights on large objects are checked. Every role that can connect reads and changes those of all others in the database.",
			Fix: "Reset it.", Breaks: "Programs from before PostgreSQL 9.0 that never granted them.", Source: "manual, chapter 19.13.1, lo_compat_privileges", check: loCompat},
		{Code: "server-prepared", Title: "Prepared transactions are allowed", Subject: ServerWide, Severity: Low, Needs: needs,
			Why: "Any role may leave a prepared transaction behind that holds its locks, and the clean-up of the whole server, for ever. No limit and no logout ends it.",
			Fix: "Set max_prepared_transactions = 0, where no transaction manager needs them.", Breaks: "Programs that use two-phase commit.", Source: "manual, PREPARE TRANSACTION", check: prepared},
		{Code: "server-log-connections", Title: "Connections are not logged", Subject: ServerWide, Severity: Advice, Needs: needs,
			Why: "After a break-in nobody can say who was in, from where and for how long. The log of connections also shows which logins still use what you want to close.",
			Fix: "Set log_connections and log_disconnections.", Breaks: "Nothing; the log grows by two lines a connection.", CIS: "3.1.20, 3.1.21", Source: "manual, chapter 19.8.3, What to Log", check: logConnections},
		{Code: "server-checksums", Title: "Data pages have no checksums", Subject: ServerWide, Severity: Advice, Needs: needs,
			Why: "Without checksums a failing disk changes data and nobody notices, until the backups hold the damage too. PostgreSQL 18 makes new servers with them.",
			Fix: "Stop the server and run pg_checksums --enable (12 and newer).", Breaks: "The server is down while it runs; writing takes a little more.", Source: "manual, chapter 28.2, Data Checksums", check: checksums},
		{Code: "server-archiving", Title: "There is no continuous archive", Subject: ServerWide, Severity: Advice, Needs: needs,
			Why: "With dumps alone, everything since the last one is lost with the disk, or with one wrong DELETE. An archive of the write-ahead log brings any moment back.",
			Fix: "Set up archiving or a tool that streams it (pgBackRest, Barman, WAL-G).", Breaks: "Nothing; the archive needs space, and somebody to look whether it works.", CIS: "7.4", Source: "manual, chapter 25.3, Continuous Archiving", check: archiving},
	}
}

// The server as an object of findings.
var theServer = snapshot.Object{Kind: "server"}

// lastDay is when the last minor version of a major came out; before 10, the
// major is two numbers (902).
var lastDay = map[int]string{
	804: "2014-07-24", 900: "2015-10-08", 901: "2016-10-27", 902: "2017-11-09", 903: "2018-11-08", 904: "2020-02-13", 905: "2021-02-11", 906: "2021-11-11",
	10: "2022-11-10", 11: "2023-11-09", 12: "2024-11-21", 13: "2025-11-13", 14: "2026-11-12", 15: "2027-11-11", 16: "2028-11-09", 17: "2029-11-08", 18: "2030-11-14",
}

// lowest are the minor versions of August 2026.
var lowest = map[int]int{14: 24, 15: 19, 16: 15, 17: 11, 18: 6}

func majorKey(v pgsql.Version) int {
	if v < 100000 {
		return int(v) / 100
	}
	return v.Major()
}

// VersionText is a version for people. The last number of one that a text told
// is not known, and 0.
func VersionText(v pgsql.Version) string {
	if v.Minor() == 0 || v < 100000 && v%100 == 0 {
		return majorText(v)
	}
	return v.String()
}

// majorText is the major version as people write it: 9.2, 15.
func majorText(v pgsql.Version) string {
	if v < 100000 {
		return fmt.Sprintf("%d.%d", v/10000, v/100%100)
	}
	return fmt.Sprint(v.Major())
}

func (f *facts) versionFinding(what string) Finding {
	x := Finding{Object: theServer, What: what}
	if n := f.Lines[theServer]; n > 0 {
		x.Place = &Place{f.File, n}
	}
	return x
}

func endOfLife(f *facts) []Finding {
	v := f.Snapshot.Version
	day, ok := lastDay[majorKey(v)]
	if !ok && v != 0 && v < 80400 {
		day, ok = "2014-07-24", true
	}
	if last, err := time.Parse("2006-01-02", day); !ok || err != nil || f.Now.Before(last.AddDate(0, 0, 1)) {
		return nil
	}
	return []Finding{f.versionFinding(fmt.Sprintf("PostgreSQL %s had its last release on %s.", majorText(v), day))}
}

func minorVersion(f *facts) []Finding {
	v := f.Snapshot.Version
	if want, ok := lowest[v.Major()]; ok && !f.NoMinor && v.Minor() < want {
		return []Finding{f.versionFinding(fmt.Sprintf("It is %s; the fixes of August 2026 came with %d.%d.", v, v.Major(), want))}
	}
	return nil
}

// set makes a finding of a parameter, with ALTER SYSTEM as the fix.
func (f *facts) set(name, what, value string) []Finding {
	o := snapshot.Object{Kind: "parameter", Name: name}
	return []Finding{{Object: o, What: what, Fix: []Fix{sql("ALTER SYSTEM SET " + name + " = '" + value + "';"), sql("SELECT pg_catalog.pg_reload_conf();")}}}
}

func passwordEncryption(f *facts) []Finding {
	v := f.Snapshot.Parameters["password_encryption"]
	if v != "md5" && v != "on" && v != "off" {
		return nil
	}
	if f.before(10) {
		return f.set("password_encryption", "PostgreSQL "+majorText(f.Snapshot.Version)+" knows nothing better than md5.", v)[:1]
	}
	return f.set("password_encryption", "It is "+v+".", "scram-sha-256")
}

func sslOff(f *facts) []Finding {
	listens := f.Snapshot.Parameters["listen_addresses"]
	if f.Snapshot.Parameters["ssl"] != "off" || listens == "" || listens == "localhost" || listens == "127.0.0.1" {
		return nil
	}
	for _, r := range f.live {
		if r.Method.Admits() && remote(r) {
			return f.set("ssl", "It is off, and line "+fmt.Sprint(r.Line)+" of pg_hba.conf lets other machines in: "+r.Text, "on")
		}
	}
	return nil
}

func loCompat(f *facts) []Finding {
	if f.Snapshot.Parameters["lo_compat_privileges"] != "on" {
		return nil
	}
	return f.set("lo_compat_privileges", "It is on.", "off")
}

func prepared(f *facts) []Finding {
	if v := f.Snapshot.Parameters["max_prepared_transactions"]; v != "" && v != "0" {
		return f.set("max_prepared_transactions", "It is "+v+".", "0")
	}
	return nil
}

func logConnections(f *facts) []Finding {
	off := []string{"off", ""}
	v, ok := f.Snapshot.Parameters["log_connections"]
	if !ok || !slices.Contains(off, v) {
		return nil
	}
	return f.set("log_connections", "It is off.", "on")
}

func checksums(f *facts) []Finding {
	if f.Snapshot.Parameters["data_checksums"] != "off" {
		return nil
	}
	return []Finding{{Object: snapshot.Object{Kind: "parameter", Name: "data_checksums"}, What: "It is off.", Fix: []Fix{{In: "the shell", Text: "pg_checksums --enable --pgdata=DATA_DIRECTORY   # the server is stopped"}}}}
}

func archiving(f *facts) []Finding {
	if f.Snapshot.Parameters["archive_mode"] != "off" {
		return nil
	}
	return []Finding{{Object: snapshot.Object{Kind: "parameter", Name: "archive_mode"}, What: "It is off.", Fix: []Fix{{In: "postgresql.conf", Text: "archive_mode = on"}, {In: "postgresql.conf", Text: "archive_command = '…'"}}}}
}
