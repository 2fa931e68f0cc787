package access

import (
	"iter"
	"slices"

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
			if to != name && !g.s.super(to) && to != databaseOwner {
				g.addGrantToSelf(node{what: being, name: name}, to, name+" has CREATEROLE, which before 16 grants every role that is no superuser", "ALTER ROLE "+pgsql.Ident(name)+" NOCREATEROLE")
			}
		}
	}
}

// admins are those who have the rights of a role with ADMIN OPTION on another,
// and not yet its own.
func (g *graph) admins(of string) []string {
	if g.s.roles[of] == nil || g.s.super(of) {
		return nil
	}
	var out []string
	for _, m := range g.s.roles[of].members {
		if !m.Admin {
			continue
		}
		for _, name := range g.s.below(m.Member, Usage) {
			if !g.s.super(name) && g.s.Chain(name, of, Usage) == nil && g.s.Chain(of, name, Member) == nil && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// joiners are, for a role and each that has its rights, the admins of that one.
func (g *graph) joiners(name string) iter.Seq2[string, string] {
	return func(yield func(admin, member string) bool) {
		for _, member := range g.s.below(name, Usage) {
			for _, admin := range g.admins(member) {
				if !yield(admin, member) {
					return
				}
			}
		}
	}
}

// join is where an admin of a role comes to by granting it to itself: it has
// the rights of both at once. Before 16 that takes a role that inherits.
func (g *graph) join(admin, of string) node {
	to := node{what: joined, name: of, with: admin}
	if g.seen[to] {
		return to
	}
	g.seen[to] = true
	if !g.joins(admin) {
		return to
	}
	mend := []string{}
	for _, m := range g.s.roles[of].members {
		if m.Admin && g.s.Chain(admin, m.Member, Usage) != nil {
			mend = append(mend, g.disarm(*m))
		}
	}
	g.add(node{what: rights, name: admin}, edge{kind: "admin-option", to: to, certainty: Certain, mend: mend, why: admin + " has ADMIN OPTION on " + of + ", and needs the rights of both",
		sql: []string{g.toItself(of)}})
	return to
}

// joins says whether a role has the rights of one that it grants to itself.
func (g *graph) joins(name string) bool {
	return g.s.snap.Version.MembershipOptions() || g.s.roles[name].inherits()
}

// toItself grants a role to whoever the session is, with its rights.
func (g *graph) toItself(role string) string {
	sql := "GRANT " + pgsql.Ident(role) + " TO CURRENT_USER"
	if g.s.snap.Version.MembershipOptions() {
		sql += " WITH INHERIT TRUE"
	}
	return sql
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
