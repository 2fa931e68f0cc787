package plan

import (
	"landlord/internal/isolation"
	"landlord/internal/pgsql"
)

// shut closes the doors of logins that are open, and ends their sessions,
// which NOLOGIN alone leaves be. A session may hold its own role's row (by an
// uncommitted ALTER ROLE of itself), so sessions go first; what slips in
// before NOLOGIN counts goes after.
func (u unit) shut(why string, logins []string) {
	var open []string
	for _, name := range logins {
		if r := u.b.roles[name]; r != nil && r.Login {
			open = append(open, name)
		}
	}
	if len(open) == 0 {
		return
	}
	u.end(open)
	var sql []string
	for _, name := range open {
		sql = append(sql, "ALTER ROLE "+pgsql.Ident(name)+" NOLOGIN")
		closed := *u.b.roles[name]
		closed.Login = false
		u.b.roles[name] = &closed // what the steps after this one find
	}
	u.do(why, Access, sql...)
	u.end(open)
}

// end ends the sessions of logins. Who is no superuser ends them as the login
// itself, as which everybody may.
func (u unit) end(logins []string) {
	for _, name := range logins {
		u.being(name).alone("sessions of "+name+" are ended", Access, EndSessions(name))
	}
}

// endTransactions ends the sessions of a pool that are in a transaction: any of
// them may be a tenant that the pool must not become any more. Those that wait
// for their next transaction ask again then.
func (u unit) endTransactions(pool string) {
	u.being(pool).alone("transactions of pool "+pool+" that have begun are ended", Access,
		EndSessions(pool)+" AND a.xact_start IS NOT NULL")
}

// being is the unit with its steps run as a login, where landlord is no superuser.
func (u unit) being(login string) unit {
	as := u.by(login)
	if as.as != "" {
		u.join([]isolation.Membership{{Role: login, Member: u.b.snap.Session.User, Set: true}})
	}
	return as
}

// EndSessions is the statement that ends all sessions of a login.
func EndSessions(login string) string {
	return "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity AS a WHERE a.usename = " +
		pgsql.Literal(login) + " AND a.pid <> pg_catalog.pg_backend_pid()"
}
