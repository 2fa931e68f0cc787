package plan

import "fmt"

// parameters sees to what the whole server must be set to.
func (b *builder) parameters(u unit) {
	if b.snap.Parameters["password_encryption"] == "md5" {
		if !b.superuser() {
			b.cannot("", "the server stores passwords as md5, and whoever holds such a hash can log in", "have password_encryption set to scram-sha-256")
		} else {
			u.alone("passwords set from now on are stored as SCRAM verifiers; an md5 hash is as good as the password", Safe,
				"ALTER SYSTEM SET password_encryption = 'scram-sha-256'", "SELECT pg_catalog.pg_reload_conf()")
		}
	}
	if b.snap.Parameters["lo_compat_privileges"] == "on" {
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
