package plan

import (
	"fmt"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// A landlord that is no superuser can do what its memberships let it do. Since
// 16, who makes a role may grant it (ADMIN), and so may grant it to itself for
// as long as it takes; before, CREATEROLE may do that with every role that is
// no superuser (the manual, "CREATE ROLE", "Notes").

// admin says whether landlord may alter and grant a role.
func (b *builder) admin(role string) bool {
	have := b.roles[role]
	switch {
	case b.superuser(), have == nil, b.made[role]: // who makes it, administers it
		return true
	case !b.version().MembershipOptions():
		return b.snap.Session.CreateRole && !have.Superuser
	}
	if b.administers == nil {
		b.administers = map[string]bool{}
		b.gather(b.snap.Session.User, map[string]bool{})
	}
	return b.administers[role]
}

// gather notes every role that a member of landlord's own roles administers.
func (b *builder) gather(member string, seen map[string]bool) {
	seen[member] = true
	for _, m := range b.members[member] {
		if m.Admin {
			b.administers[m.Role] = true
		}
		if m.Inherit && !seen[m.Role] {
			b.gather(m.Role, seen)
		}
	}
}

// loan is what makes landlord a member of a role, and what ends that again.
type loan struct{ before, after []string }

// borrow says how landlord gets a role's rights, and may become it. It fails
// where landlord may not.
func (b *builder) borrow(role string) (loan, bool) {
	me := b.snap.Session.User
	switch {
	case b.superuser(), role == me, role == databaseOwner, b.memberWith(me, role, true, true):
		return loan{}, true
	case !b.admin(role):
		return loan{}, b.memberOf(me, role, map[string]bool{})
	}
	l := loan{before: []string{b.grantRole(role, []string{me}, true, true)}}
	if at := b.owner[role]; b.owns[role] && b.concernsTenant(at) || b.memberWith(me, role, false, true) {
		l.after = []string{b.grantRole(role, []string{me}, false, true)} // the key stays
	} else {
		l.after = []string{"REVOKE " + pgsql.Ident(role) + " FROM " + pgsql.Ident(me)}
	}
	return l, true
}

// memberWith says whether a role is directly in another with these options.
func (b *builder) memberWith(member, role string, inherit, set bool) bool {
	for _, m := range b.members[member] {
		if m.Role == role && (m.Inherit || !inherit) && (m.Set || !set) {
			return true
		}
	}
	return false
}

// mayOwn says whether landlord may act as an owner.
func (b *builder) mayOwn(owner string) bool {
	_, ok := b.borrow(owner)
	return ok
}

// borrowing wraps statements that need several roles' rights.
func (b *builder) borrowing(roles []string, sql ...string) ([]string, bool) {
	done := map[string]bool{}
	for _, role := range roles {
		l, ok := b.borrow(role)
		if !ok {
			return nil, false
		}
		if !done[role] {
			sql = append(append(l.before, sql...), l.after...)
		}
		done[role] = true
	}
	return sql, true
}

// alterOwner gives an object to another owner; via are roles whose rights
// that takes beside both owners'. What it cannot do, it notes.
func (u unit) alterOwner(what, object, from, to string, via ...string) bool {
	sql := "ALTER " + object + " OWNER TO " + pgsql.Ident(to)
	do := []string{sql}
	if u.lock {
		do = []string{LockTable + strings.TrimPrefix(object, "TABLE ") + " IN ACCESS EXCLUSIVE MODE", sql}
	}
	all, ok := u.b.borrowing(append(via, from, to), do...)
	if !ok {
		u.b.cannot(u.tenant, fmt.Sprintf("%s belongs to %s", what, from), "have a superuser run: "+sql)
		return false
	}
	u.as = ""
	u.do(fmt.Sprintf("%s belongs to %s", what, from), Access, all...)
	return true
}

// endMembership revokes a membership, or a part of it, as its grantor.
func (u unit) endMembership(why string, m snapshot.Membership, sql ...string) {
	all, ok := sql, u.b.admin(m.Role)
	if u.b.version().MembershipOptions() {
		all, ok = u.b.borrowing([]string{m.Grantor}, sql...)
	}
	if !ok {
		u.b.stands(u.tenant, fmt.Sprintf("%s; %s has granted that", why, m.Grantor), "have a superuser run: "+sql[len(sql)-1])
		return
	}
	u.do(why, Access, all...)
}

// mayAlter says whether landlord may alter a role at all, and notes it if not.
func (u unit) mayAlter(role string) bool {
	if u.b.admin(role) {
		return true
	}
	me := u.b.snap.Session.User
	u.b.cannot(u.tenant, fmt.Sprintf("role %s is not %s's to change", role, me),
		"have a superuser run: GRANT "+pgsql.Ident(role)+" TO "+pgsql.Ident(me)+" WITH ADMIN OPTION")
	return false
}
