package plan

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// join grants the memberships that a house lacks, or has with other options.
func (u unit) join(want []isolation.Membership) {
	type grant struct {
		isolation.Membership // of no member in particular
		members              []string
	}
	var grants []grant
	for _, m := range want {
		if u.b.joined(m) || !u.mayAlter(m.Role) {
			continue
		}
		member := m.Member
		m.Member = ""
		i := slices.IndexFunc(grants, func(g grant) bool { return g.Membership == m })
		if i < 0 {
			i = len(grants)
			grants = append(grants, grant{Membership: m})
		}
		grants[i].members = append(grants[i].members, member)
	}
	for _, g := range grants {
		u.do(strings.Join(g.members, ", ")+" must be in "+g.Role, Safe, u.b.grantRole(g.Role, g.members, g.Inherit, g.Set))
	}
}

func (b *builder) grantRole(role string, members []string, inherit, set bool) string {
	sql := "GRANT " + pgsql.Ident(role) + " TO " + pgsql.Idents(members...)
	if b.version().MembershipOptions() {
		sql += " WITH ADMIN FALSE, INHERIT " + word(inherit) + ", SET " + word(set)
	}
	return sql
}

func word(on bool) string {
	if on {
		return "TRUE"
	}
	return "FALSE"
}

// joined says whether a membership is there as wanted, by a grantor who
// stays.
func (b *builder) joined(want isolation.Membership) bool {
	return slices.ContainsFunc(b.members[want.Member], func(m snapshot.Membership) bool {
		return m.Role == want.Role && b.asWanted(m, want)
	})
}

func (b *builder) asWanted(m snapshot.Membership, want isolation.Membership) bool {
	if m.Admin {
		return false
	}
	if !b.version().MembershipOptions() {
		return true
	}
	return m.Inherit == want.Inherit && m.Set == want.Set && b.stays(m)
}

// stays says whether a membership's grantor is one whose grants nobody else
// can pull away: a superuser, landlord, an operator, or the role's creator.
func (b *builder) stays(m snapshot.Membership) bool {
	if b.trusted[m.Grantor] {
		return true
	}
	return !b.isTenants(m.Grantor) && slices.ContainsFunc(b.members[m.Grantor], func(c snapshot.Membership) bool {
		return c.Role == m.Role && c.Admin && b.roles[c.Grantor] != nil && b.roles[c.Grantor].Superuser
	})
}

// expel revokes every membership that no house wants: in a tenant's role, of
// a tenant's role, in a group of landlord's.
func (b *builder) expel(u unit) {
	groups := b.groups()
	fits := func(m snapshot.Membership) bool {
		if !b.fenced(m, groups) {
			return true
		}
		want, ok := b.wants(m)
		return ok && b.asWanted(m, want) || b.tolerated(m) || b.lent[[2]string{m.Role, m.Member}]
	}
	misfit := func(m snapshot.Membership) bool { return !fits(m) }
	if !slices.ContainsFunc(b.snap.Memberships, misfit) {
		return // as nearly always: no need to follow sixty thousand chains
	}
	chain := deepestFirst(b.snap.Memberships, func(m snapshot.Membership) link { return link{m.Role, m.Member, m.Grantor} })
	for _, m := range chain {
		if fits(m) {
			continue
		}
		want, ok := b.wants(m)
		u.tenant = b.owner[m.Role]
		switch {
		case !ok:
			u.endMembership(fmt.Sprintf("%s must not be in %s", m.Member, m.Role), m, b.revokeRole(m, ""))
			if b.isPool(m.Member) {
				u.endTransactions(m.Member)
			}
		case m.Admin && (b.stays(m) || !b.version().MembershipOptions()):
			u.endMembership(fmt.Sprintf("%s must not hand out %s", m.Member, m.Role), m, b.revokeRole(m, "ADMIN OPTION FOR "))
		case !b.stays(m):
			// The grant of landlord's own comes first, so that nobody is
			// left without the right in between.
			u.endMembership(fmt.Sprintf("%s is in %s only as long as %s says so", m.Member, m.Role, m.Grantor), m,
				b.grantRole(m.Role, []string{m.Member}, want.Inherit, want.Set), b.revokeRole(m, ""))
		}
		// Where only its options are wrong, the new GRANT changes them.
	}
}

// wants returns what the spec says of a membership: it is among those of the
// house whose role the member is, or of the administrator who it is.
func (b *builder) wants(m snapshot.Membership) (isolation.Membership, bool) {
	if want, ok := b.wantsAdmin(m); ok {
		return want, true
	}
	if want, ok := b.wantsPool(m); ok {
		return want, true
	}
	h := b.builtFor(b.owner[m.Member])
	if h == nil {
		return isolation.Membership{}, false
	}
	i := slices.IndexFunc(h.Memberships, func(w isolation.Membership) bool { return w.Role == m.Role && w.Member == m.Member })
	if i < 0 {
		return isolation.Membership{}, false
	}
	return h.Memberships[i], true
}

func (b *builder) revokeRole(m snapshot.Membership, what string) string {
	sql := "REVOKE " + what + pgsql.Ident(m.Role) + " FROM " + pgsql.Ident(m.Member)
	if b.version().MembershipOptions() {
		sql += " GRANTED BY " + pgsql.Ident(m.Grantor)
	}
	return sql + " CASCADE"
}

// groups are the roles of landlord's that are nobody's in particular.
func (b *builder) groups() map[string]bool {
	g := map[string]bool{tenant.TenantsRole: true, tenant.TempRole: true, tenant.LostRole: true, tenant.AdminsRole: true, tenant.RouterRole: true}
	for _, c := range b.containers {
		g[c.Group] = true
	}
	for _, p := range b.pools {
		g[p.Pool.Database] = true
	}
	return g
}

// fenced says whether a membership is one that landlord answers for.
func (b *builder) fenced(m snapshot.Membership, groups map[string]bool) bool {
	touches := func(role string) bool { return b.concernsTenant(b.owner[role]) }
	return touches(m.Role) || touches(m.Member) || b.adminsOwn(m) || groups[m.Role] && b.owner[m.Member] == ""
}

// concernsTenant says whether a tenant is in the spec and wanted now.
func (b *builder) concernsTenant(name string) bool { return b.wanted[name] }

// tolerated says whether a membership is that of an operator or of landlord
// itself in a tenant's role, which is theirs to have, or of a short-lived
// login of prove.
func (b *builder) tolerated(m snapshot.Membership) bool {
	if b.trusted[m.Member] || b.extraAdmin(m.Member) || b.leftPool(m.Member) && !b.suspended(m.Role) {
		return true
	}
	if b.isTenants(m.Member) {
		return false
	}
	r := b.roles[m.Member]
	if mark, ok := isolation.ParseMark(r.Comment); ok && mark.Role == "probe" {
		return true
	}
	// The creator of a role keeps ADMIN on it since 16.
	grantor := b.roles[m.Grantor]
	return m.Admin && !m.Inherit && !m.Set && r.CreateRole && grantor != nil && grantor.Superuser && b.version().MembershipOptions()
}
