package plan

import (
	"cmp"
	"fmt"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// role makes a role or puts its attributes right. A login that is to be
// opened is left closed: open opens it when the walls stand.
func (u unit) role(want isolation.Role) {
	have := u.b.roles[want.Name]
	if have == nil {
		u.do("role "+want.Name+" is missing", Safe, u.create(want)...)
		return
	}
	if !u.mayAlter(want.Name) {
		return
	}
	words, taken := attributes(*have, want)
	if len(words) > 0 && u.may(*have) {
		why := fmt.Sprintf("role %s has attributes that it should not have", want.Name)
		if want.Closed {
			why = want.Name + " is the old login of a rotation that is over"
		}
		u.do(why, taken,
			"ALTER ROLE "+pgsql.Ident(want.Name)+" "+strings.Join(words, " "))
	}
	if have.Comment != want.Mark.Comment() {
		why := "role " + want.Name + " lacks landlord's mark"
		if _, ok := isolation.ParseMark(have.Comment); ok {
			why = "landlord's mark on role " + want.Name + " does not say what it should"
		}
		u.do(why, Safe, comment(want))
	}
}

func (u unit) create(want isolation.Role) []string {
	sql := "CREATE ROLE " + pgsql.Ident(want.Name) + " NOLOGIN"
	if words, _ := attributes(snapshot.Role{Inherit: true, ConnLimit: want.ConnLimit}, want); len(words) > 0 {
		sql += " " + strings.Join(words, " ")
	}
	if want.ConnLimit >= 0 {
		sql += fmt.Sprintf(" CONNECTION LIMIT %d", want.ConnLimit)
	}
	return []string{sql, comment(want)}
}

func comment(want isolation.Role) string {
	return "COMMENT ON ROLE " + pgsql.Ident(want.Name) + " IS " + pgsql.Literal(want.Mark.Comment())
}

// attributes lists what ALTER ROLE must say, without LOGIN.
func attributes(have snapshot.Role, want isolation.Role) (words []string, d Danger) {
	for _, a := range []struct {
		have, want bool
		word       string
	}{
		{have.Superuser, false, "SUPERUSER"}, {have.CreateRole, want.CreateRole, "CREATEROLE"}, {have.CreateDB, want.CreateDB, "CREATEDB"},
		{have.Replicate, false, "REPLICATION"}, {have.BypassRLS, want.BypassRLS, "BYPASSRLS"}, {have.Login, want.Login, "LOGIN"},
	} {
		switch {
		case a.have && !a.want:
			words, d = append(words, "NO"+a.word), Access
		case a.want && !a.have && a.word != "LOGIN":
			words = append(words, a.word)
		}
	}
	switch {
	case want.NoInherit && have.Inherit:
		words, d = append(words, "NOINHERIT"), Access
	case !want.NoInherit && !have.Inherit:
		words = append(words, "INHERIT")
	}
	if have.ConnLimit != want.ConnLimit {
		words = append(words, fmt.Sprintf("CONNECTION LIMIT %d", want.ConnLimit))
	}
	if have.ValidUntil != want.ValidUntil {
		words = append(words, "VALID UNTIL "+pgsql.Literal(cmp.Or(want.ValidUntil, "infinity")))
	}
	if want.Closed && have.Verifier != "" && have.Verifier != "none" {
		words, d = append(words, "PASSWORD NULL"), Access
	}
	return words, d
}

// may says whether landlord can alter a role at all, and notes it if not.
func (u unit) may(have snapshot.Role) bool {
	s := u.b.snap.Session
	if s.Superuser || !(have.Superuser || have.Replicate || have.BypassRLS) {
		return true
	}
	u.b.stands(u.tenant, fmt.Sprintf("role %s has SUPERUSER, REPLICATION or BYPASSRLS, which only a superuser can take away", have.Name),
		"have a superuser run: ALTER ROLE "+pgsql.Ident(have.Name)+" NOSUPERUSER NOREPLICATION NOBYPASSRLS")
	return false
}

// open lets logins in. It comes last.
func (u unit) open(roles []isolation.Role) {
	for _, r := range roles {
		if have := u.b.roles[r.Name]; r.Login && (have == nil || !have.Login && u.b.admin(r.Name)) {
			u.do("the walls stand: "+r.Name+" may log in", Safe, "ALTER ROLE "+pgsql.Ident(r.Name)+" LOGIN")
		}
	}
}
