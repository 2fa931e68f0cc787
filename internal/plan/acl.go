package plan

import (
	"cmp"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
)

// change is one privilege change on an object: a REVOKE or a GRANT, of a role
// or of PUBLIC ("").
type change struct {
	order   int    // of changes to one object that must come one after another
	as      string // who must do it; empty: the owner
	grant   bool
	option  bool // a GRANT with grant option; a REVOKE of the option alone
	privs   pgsql.Privs
	grantee string
	cascade bool
}

// diffACL says what leads from an ACL to the one wanted, in which the owner
// has everything and nobody a grant option. REVOKEs come first.
//
// A grant that somebody else than the owner has made hangs on a grant option,
// and falls with it. So an ACL with grant options is emptied and made anew.
func diffACL(kind pgsql.ObjectKind, v pgsql.Version, owner string, heir heirs, have pgsql.ACL, want []isolation.Grant) []change {
	if settled(kind.All(v), owner, have, want) {
		return nil
	}
	return changes(kind, v, owner, heir, have, want)
}

// settled says, without making anything, that an ACL is just as wanted: of a
// hundred thousand that are looked at, nearly all are. Each of its entries by
// the owner has another grantee, so that as many as wanted are those wanted.
func settled(all pgsql.Privs, owner string, have pgsql.ACL, want []isolation.Grant) bool {
	if len(have) != len(want)+1 {
		return false
	}
	for _, it := range have {
		asWanted := it.Privs == all
		if it.Grantee != owner {
			asWanted = slices.Contains(want, isolation.Grant{Grantee: it.Grantee, Privs: it.Privs})
		}
		if !asWanted || it.Grantor != owner || it.Grantable != 0 {
			return false
		}
	}
	return true
}

func changes(kind pgsql.ObjectKind, v pgsql.Version, owner string, heir heirs, have pgsql.ACL, want []isolation.Grant) []change {
	var held, wanted rights
	tangled := false
	for _, it := range have {
		if it.Grantee != owner && (it.Grantor != owner || it.Grantable != 0) {
			tangled = true
		}
		held = held.add(it.Grantee, it.Privs)
	}
	var out []change
	if tangled {
		out = takeBack(have, owner, heir, everybody)
		held = rights{{Grantee: owner, Privs: held.of(owner)}}
	}
	wanted = wanted.add(owner, kind.All(v))
	for _, g := range want {
		wanted = wanted.add(g.Grantee, g.Privs)
	}
	for _, h := range held {
		if extra := h.Privs &^ wanted.of(h.Grantee); extra != 0 && h.Grantee != owner {
			out = append(out, change{privs: extra, grantee: h.Grantee})
		}
	}
	for _, w := range wanted {
		if missing := w.Privs &^ held.of(w.Grantee); missing != 0 {
			out = append(out, change{grant: true, privs: missing, grantee: w.Grantee})
		}
	}
	return out
}

// rights are what each of a few grantees has, sorted by their names.
type rights []isolation.Grant

func (r rights) find(grantee string) (int, bool) {
	return slices.BinarySearchFunc(r, grantee, func(g isolation.Grant, name string) int { return strings.Compare(g.Grantee, name) })
}

func (r rights) of(grantee string) pgsql.Privs {
	if i, ok := r.find(grantee); ok {
		return r[i].Privs
	}
	return 0
}

func (r rights) add(grantee string, p pgsql.Privs) rights {
	i, ok := r.find(grantee)
	if !ok {
		r = slices.Insert(r, i, isolation.Grant{Grantee: grantee})
	}
	r[i].Privs |= p
	return r
}

// heirs says whether a role has its rights on an object through the owner's.
// REVOKE … CASCADE leaves what such a role has granted in its own name.
type heirs func(role string) bool

// takeBack says how to take everything on an object from those that bad
// names, with all that they have granted on. Who has granted on something to
// one of them loses the grant option.
func takeBack(have pgsql.ACL, owner string, heir heirs, bad func(grantee string) bool) []change {
	var out []change
	special := false
	for _, it := range deepestFirst(have, func(it pgsql.ACLItem) link { return link{"", it.Grantee, it.Grantor} }) {
		if it.Grantee == owner || !bad(it.Grantee) {
			continue
		}
		back := change{privs: it.Privs, grantee: it.Grantee, cascade: true}
		if it.Grantor != owner {
			root, ok := root(have, owner, it)
			lent := change{grant: true, option: true, privs: it.Privs, grantee: it.Grantor}
			switch {
			case heir(it.Grantor):
				special = true
				if back.as = it.Grantor; !ok {
					out = append(out, lent, back)
					back = change{privs: it.Privs, grantee: it.Grantor, cascade: true}
				}
			case !ok:
				// Nothing that it hangs on is left: make that anew, to take it away.
				special = true
				out = append(out, lent)
				back.grantee = it.Grantor
			case bad(root):
				continue // falls with the root's own
			default:
				back = change{privs: it.Privs, grantee: root, option: true, cascade: true}
			}
		}
		out = append(out, back)
	}
	if special {
		for i := range out {
			out[i].order = i
		}
	}
	return out
}

// root finds who, of those that a grant hangs on, has it from the owner. It
// fails where the chain is broken.
func root(have pgsql.ACL, owner string, grant pgsql.ACLItem) (string, bool) {
	for range have {
		i := slices.IndexFunc(have, func(it pgsql.ACLItem) bool {
			return it.Grantee == grant.Grantor && it.Grantable&grant.Privs == grant.Privs
		})
		if i < 0 {
			return "", false
		}
		if have[i].Grantor == owner {
			return have[i].Grantee, true
		}
		grant.Grantor = have[i].Grantor
	}
	return "", false
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
func (c change) sql(object string) string { return c.on(object, "") }

// on prints a change of an object, or of one of its columns.
func (c change) on(object, column string) string {
	privs := c.privs.Names()
	if column != "" {
		for i := range privs {
			privs[i] += " (" + pgsql.Ident(column) + ")"
		}
	}
	what := strings.Join(privs, ", ") + " ON " + object
	if c.grant {
		sql := "GRANT " + what + " TO " + grantee(c.grantee)
		if c.option {
			sql += " WITH GRANT OPTION"
		}
		return sql
	}
	sql := "REVOKE "
	if c.option {
		sql += "GRANT OPTION FOR "
	}
	sql += what + " FROM " + grantee(c.grantee)
	if c.cascade {
		sql += " CASCADE"
	}
	return sql
}

// compare orders changes of several objects so that each comes in its turn.
func (c change) compare(d change) int {
	return cmp.Or(cmp.Compare(c.order, d.order), strings.Compare(c.as, d.as), strings.Compare(c.grantee, d.grantee), cmp.Compare(c.privs, d.privs))
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
