package plan

import (
	"maps"
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
)

// change is one privilege change on an object: a REVOKE or a GRANT, of a role
// or of PUBLIC ("").
type change struct {
	grant   bool
	privs   pgsql.Privs
	grantee string
	cascade bool
}

// diffACL says what leads from an ACL to the one wanted, in which the owner
// has everything and nobody a grant option. REVOKEs come first.
//
// A grant that somebody else than the owner has made hangs on a grant option,
// and falls with it (CASCADE), whoever runs the REVOKE. So an ACL with grant
// options is emptied and made anew.
func diffACL(kind pgsql.ObjectKind, v pgsql.Version, owner string, have pgsql.ACL, want []isolation.Grant) []change {
	held := map[string]pgsql.Privs{}
	tangled := false
	for _, it := range have {
		if it.Grantee != owner && (it.Grantor != owner || it.Grantable != 0) {
			tangled = true
		}
		held[it.Grantee] |= it.Privs
	}
	var out []change
	if tangled {
		out = untangle(kind, v, owner, have)
		held = map[string]pgsql.Privs{owner: held[owner]}
	}
	wanted := map[string]pgsql.Privs{owner: kind.All(v)}
	for _, g := range want {
		wanted[g.Grantee] |= g.Privs
	}
	for _, grantee := range slices.Sorted(maps.Keys(held)) {
		if extra := held[grantee] &^ wanted[grantee]; extra != 0 && grantee != owner {
			out = append(out, change{privs: extra, grantee: grantee})
		}
	}
	for _, grantee := range slices.Sorted(maps.Keys(wanted)) {
		if missing := wanted[grantee] &^ held[grantee]; missing != 0 {
			out = append(out, change{grant: true, privs: missing, grantee: grantee})
		}
	}
	return out
}

// untangle revokes everything that the owner has given, with all that hangs
// on it.
func untangle(kind pgsql.ObjectKind, v pgsql.Version, owner string, have pgsql.ACL) []change {
	var out []change
	for _, it := range have {
		if it.Grantee != owner && it.Grantor == owner {
			out = append(out, change{privs: kind.All(v), grantee: it.Grantee, cascade: true})
		}
	}
	slices.SortFunc(out, func(a, b change) int {
		if a.grantee < b.grantee {
			return -1
		}
		return 1
	})
	return out
}

// keepOnly is the part of an ACL that stays where landlord only takes things
// away: whatever is not given to somebody who drop names.
func keepOnly(have pgsql.ACL, owner string, drop func(grantee string, p pgsql.Privs) pgsql.Privs) []isolation.Grant {
	var out []isolation.Grant
	for _, it := range have {
		if it.Grantee == owner {
			continue
		}
		if rest := it.Privs &^ drop(it.Grantee, it.Privs); rest != 0 {
			out = append(out, isolation.Grant{Grantee: it.Grantee, Privs: rest})
		}
	}
	return out
}

// grantee is a role, or PUBLIC for "", as GRANT and REVOKE name it.
func grantee(role string) string {
	if role == "" {
		return "PUBLIC"
	}
	return pgsql.Ident(role)
}

// sql prints a change, on an object such as `TABLE "acme"."orders"`.
func (c change) sql(object string) string {
	to := grantee(c.grantee)
	if c.grant {
		return "GRANT " + c.privs.String() + " ON " + object + " TO " + to
	}
	sql := "REVOKE " + c.privs.String() + " ON " + object + " FROM " + to
	if c.cascade {
		sql += " CASCADE"
	}
	return sql
}

// danger is what a list of changes may cost.
func danger(changes []change) Danger {
	for _, c := range changes {
		if !c.grant {
			return Access
		}
	}
	return Safe
}
