package plan

import (
	"fmt"
	"strings"
)

// parameters sees to what the whole server must be set to.
func (b *builder) parameters(u unit) {
	here := b.everybodys(u)
	if b.snap.Parameters["password_encryption"] == "md5" && !here["password_encryption"] {
		if !b.superuser() {
			b.cannot("", "the server stores passwords as md5, and whoever holds such a hash can log in", "have password_encryption set to scram-sha-256")
		} else {
			u.alone("passwords set from now on are stored as SCRAM verifiers; an md5 hash is as good as the password", Safe,
				"ALTER SYSTEM SET password_encryption = 'scram-sha-256'", "SELECT pg_catalog.pg_reload_conf()")
		}
	}
	if b.snap.Parameters["lo_compat_privileges"] == "on" && !here["lo_compat_privileges"] {
		b.stands("", "lo_compat_privileges is on: every tenant reads and writes every large object in its database", "set it to off in postgresql.conf and reload")
	}
	if n := b.snap.Parameters["max_prepared_transactions"]; n != "" && n != "0" {
		b.note("", fmt.Sprintf("max_prepared_transactions is %s: a tenant can hold locks beyond its sessions, and use up everybody's", n),
			"set it to 0 and restart, unless something of yours needs PREPARE TRANSACTION")
	}
	if b.snap.Parameters["ssl"] == "off" && len(b.in.Server.Clients) > 0 {
		b.note("", "TLS is off, so that none of the clients' networks can connect: landlord's rules let them in with TLS only", "give the server a certificate and set ssl = on")
	}
}

// harmless are the values of parameters that must not be otherwise for every
// role there is (ALTER ROLE ALL), with what another one does.
var harmless = map[string]struct{ value, otherwise string }{
	"role":                     {"none", "every session begins as another role than has logged in"},
	"session_replication_role": {"origin", "triggers and foreign keys are off for everybody"},
	"lo_compat_privileges":     {"off", "every tenant reads and writes every large object in its database"},
	"password_encryption":      {"scram-sha-256", "passwords set from now on are stored as hashes that are as good as the password"},
}

// everybodys judges what is set for all roles in all databases. A role's own
// parameters go before these, so that limits and search_path of a tenant's logins
// hold anyway. It returns the names of what is reset.
func (b *builder) everybodys(u unit) map[string]bool {
	reset := map[string]bool{}
	for _, s := range sortedSettings(b.settings[""]) {
		if s.Database != "" {
			continue
		}
		good, judged := harmless[strings.ToLower(s.Name)]
		what := fmt.Sprintf("%s is set for every role (ALTER ROLE ALL)", s.Name)
		switch {
		case !judged:
			b.note("", what+": left alone, and overruled by what the spec sets", "if nobody wants it, run: "+resetSetting(s))
		case strings.EqualFold(s.Value, good.value):
		case !b.superuser():
			b.stands("", what+": "+good.otherwise, "have a superuser run: "+resetSetting(s))
		default:
			reset[strings.ToLower(s.Name)] = true
			u.do(what+": "+good.otherwise, Access, resetSetting(s))
		}
	}
	return reset
}
