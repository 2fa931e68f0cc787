package access

import (
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func addInherit(g *graph) {
	for _, m := range g.s.snap.Memberships {
		if m.Inherit {
			g.add(node{what: rights, name: m.Member}, edge{to: node{what: rights, name: m.Role}, certainty: Certain, mend: g.leave(m),
				why: m.Member + " has the rights of " + m.Role + ": it is a member that inherits"})
		}
	}
}

// SET ROLE asks what the session's user is, through memberships that all let
// it: it does not begin at a role that is merely inherited from.
func addSetRole(g *graph) {
	for _, m := range g.s.snap.Memberships {
		e := edge{to: node{what: being, name: m.Role}, certainty: Certain, mend: g.leave(m), sql: []string{"SET ROLE " + pgsql.Ident(m.Role)}, why: m.Member + " is a member of " + m.Role}
		if !m.Set && m.Admin {
			continue // it can give itself SET
		}
		if !m.Set {
			e.certainty, e.why = Blocked, m.Member+" is a member of "+m.Role+" with SET FALSE"
		}
		g.add(node{what: being, name: m.Member}, e)
	}
}

// addAdminOption follows check_role_grantor: since 16 the grantor must have
// the rights of a role with ADMIN OPTION. Nobody but a superuser grants a
// superuser.
func addAdminOption(g *graph) {
	for _, m := range g.s.snap.Memberships {
		if m.Admin {
			g.addGrantToSelf(node{what: rights, name: m.Member}, m.Role, m.Member+" has ADMIN OPTION on "+m.Role, g.disarm(m))
		}
	}
}

// addCreateRole: before 16 the attribute alone is enough (the manual of 15,
// chapter 22.2, and the release notes of 16).
func addCreateRole(g *graph) {
	if g.s.snap.Version.MembershipOptions() {
		return
	}
	for _, name := range g.s.names {
		if !g.s.roles[name].CreateRole || g.s.super(name) {
			continue
		}
		for _, to := range g.s.names {
			if to != name && g.grantable(to) {
				g.addGrantToSelf(node{what: being, name: name}, to, name+" has CREATEROLE, which before 16 grants every role that is no superuser", "ALTER ROLE "+pgsql.Ident(name)+" NOCREATEROLE")
			}
		}
	}
}

// leave ends a membership; since 16 each grantor's grant is its own.
func (g *graph) leave(m snapshot.Membership) []string {
	return []string{"REVOKE " + pgsql.Ident(m.Role) + " FROM " + pgsql.Ident(m.Member) + g.by(m)}
}

// disarm takes away the right to grant a role on.
func (g *graph) disarm(m snapshot.Membership) string {
	return "REVOKE ADMIN OPTION FOR " + pgsql.Ident(m.Role) + " FROM " + pgsql.Ident(m.Member) + g.by(m)
}

func (g *graph) by(m snapshot.Membership) string {
	if m.Grantor == "" || !g.s.snap.Version.MembershipOptions() {
		return ""
	}
	return " GRANTED BY " + pgsql.Ident(m.Grantor)
}

func (g *graph) addGrantToSelf(from node, to, why, mend string) {
	if g.s.super(to) {
		g.add(from, edge{to: node{what: being, name: to}, certainty: Blocked, why: "only superusers grant a superuser's role"})
		return
	}
	options := ""
	if g.s.snap.Version.MembershipOptions() {
		options = " WITH INHERIT TRUE, SET TRUE"
	}
	g.add(from, edge{to: node{what: being, name: to}, certainty: Certain, why: why, mend: []string{mend},
		sql: []string{"GRANT " + pgsql.Ident(to) + " TO SESSION_USER" + options, "SET ROLE " + pgsql.Ident(to)}})
}
