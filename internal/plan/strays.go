package plan

import (
	"cmp"
	"fmt"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// grantWords turns an object's type as pg_identify_object names it into the
// word that GRANT knows it by.
var grantWords = map[string]string{
	"table": "TABLE", "view": "TABLE", "materialized view": "TABLE", "foreign table": "TABLE", "sequence": "SEQUENCE",
	"function": "ROUTINE", "procedure": "ROUTINE", "aggregate": "ROUTINE", "language": "LANGUAGE", "schema": "SCHEMA", "type": "TYPE",
	"foreign-data wrapper": "FOREIGN DATA WRAPPER", "server": "FOREIGN SERVER", "large object": "LARGE OBJECT",
	"parameter ACL": "PARAMETER", "tablespace": "TABLESPACE",
}

// strays takes away grants on objects that no tenant has business with.
func (u unit) strays(all []snapshot.Stray) {
	ours := slices.DeleteFunc(slices.Clone(all), func(s snapshot.Stray) bool {
		return s.Owns || s.Role != "" && !u.b.concernsTenant(u.b.owner[s.Role])
	})
	for _, s := range deepestFirst(ours, func(s snapshot.Stray) link { return link{s.Kind + " " + s.Identity, s.Role, s.Grantor} }) {
		u.stray(s)
	}
}

// stray takes away a grant on an object that no tenant has business with.
func (u unit) stray(s snapshot.Stray) {
	word, who := grantWords[s.Kind], cmp.Or(s.Role, "PUBLIC")
	u.tenant = u.b.owner[s.Role]
	if word == "" {
		u.b.stands(u.tenant, fmt.Sprintf("%s holds something on %s %s", who, s.Kind, s.Identity), "have a superuser look at it")
		return
	}
	if !u.b.superuser() {
		u.b.stands(u.tenant, fmt.Sprintf("%s holds rights on %s %s", who, s.Kind, s.Identity),
			fmt.Sprintf("have a superuser run: REVOKE ALL ON %s %s FROM %s", word, s.Identity, grantee(s.Role)))
		return
	}
	if s.Grantor != u.b.snap.Session.User {
		u.as = s.Grantor
	}
	u.do(fmt.Sprintf("%s has no business with %s %s", who, s.Kind, s.Identity), Access,
		fmt.Sprintf("REVOKE ALL ON %s %s FROM %s CASCADE", word, s.Identity, grantee(s.Role)))
}

// widened takes from PUBLIC what it holds on the system's own objects, and on
// an extension's, beyond what initdb or the extension gave it; and from tenants
// everything that they hold there, unless it stands in their own house.
func (u unit) widened(c *inside) {
	for _, w := range c.widened {
		schema := w.Schema
		if names, ok := pgsql.SplitIdents(schema); ok && len(names) == 1 {
			schema = names[0]
		}
		home := u.b.livesIn(place{c.database, schema})
		bad := func(grantee string) bool {
			whose := u.b.owner[grantee]
			return grantee == "" || whose != home && u.b.concernsTenant(whose)
		}
		what := w.Kind + " " + w.Identity
		if w.Column != "" {
			what = "column " + w.Column + " of " + what
		}
		u.change(what+" is open to more than it was made for", grantWords[w.Kind]+" "+w.Identity, w.Column, w.Owner,
			takeBack(beyond(w.ACL, w.First), w.Owner, u.b.heirs(w.Owner), bad))
	}
}

// beyond leaves out of an ACL what PUBLIC had at first.
func beyond(acl, first pgsql.ACL) pgsql.ACL {
	var public pgsql.Privs
	for _, it := range first {
		if it.Grantee == "" {
			public |= it.Privs
		}
	}
	out := slices.Clone(acl)
	for i := range out {
		if out[i].Grantee == "" {
			out[i].Privs &^= public
		}
	}
	return slices.DeleteFunc(out, func(it pgsql.ACLItem) bool { return it.Privs == 0 })
}
