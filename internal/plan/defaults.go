package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// defaultKey is what one row of pg_default_acl is about.
type defaultKey struct {
	schema string
	kind   pgsql.ObjectKind
}

// defaults puts the default privileges of the house's owner right. Within a
// schema they can only add to the built-in ones, so that PUBLIC's EXECUTE is
// taken away everywhere (the manual, ALTER DEFAULT PRIVILEGES, "Notes").
func (u unit) defaults(h isolation.House, c *inside) {
	owner := h.Tenant.Owner
	rows := []defaultRow{{defaultKey: defaultKey{"", pgsql.Routine}}}
	for _, schema := range h.Place.Schemas {
		for _, kind := range []pgsql.ObjectKind{pgsql.Table, pgsql.Sequence, pgsql.Routine} {
			rows = append(rows, defaultRow{defaultKey: defaultKey{schema, kind}, want: h.DefaultGrants(kind)})
		}
	}
	for _, d := range c.defaults[owner] {
		key := defaultKey{d.Schema, d.Kind}
		i := slices.IndexFunc(rows, func(r defaultRow) bool { return r.defaultKey == key })
		if i < 0 {
			i = len(rows)
			rows = append(rows, defaultRow{defaultKey: key, want: builtin(key)})
		}
		rows[i].have = d.ACL
	}
	slices.SortFunc(rows, func(a, b defaultRow) int {
		return cmp.Or(strings.Compare(a.schema, b.schema), cmp.Compare(a.kind, b.kind))
	})
	for _, r := range rows {
		u.by(owner).setDefault(owner, r.defaultKey, r.have, r.want)
	}
}

// defaultRow is a row of pg_default_acl as it is and as it should be.
type defaultRow struct {
	defaultKey
	have pgsql.ACL
	want []isolation.Grant
}

// builtin is what others than the creator hold by default.
func builtin(key defaultKey) []isolation.Grant {
	if key.schema != "" {
		return nil
	}
	switch key.kind {
	case pgsql.Routine:
		return []isolation.Grant{{Grantee: "", Privs: pgsql.Execute}}
	case pgsql.TypeKind:
		return []isolation.Grant{{Grantee: "", Privs: pgsql.Usage}}
	}
	return nil
}

// setDefault leads from one row of pg_default_acl to another. A row for a
// schema holds only what is added, a row for the database all there is.
func (u unit) setDefault(creator string, key defaultKey, have pgsql.ACL, want []isolation.Grant) {
	v := u.b.version()
	if key.schema == "" {
		have = have.Or(key.kind, creator, v)
	} else {
		// Within a schema the creator's own rights are not listed; give and
		// take them as the diff expects them.
		have = append(slices.Clone(have), pgsql.ACLItem{Grantee: creator, Grantor: creator, Privs: key.kind.All(v)})
	}
	var sql []string
	changes := diffACL(key.kind, v, creator, u.b.heirs(creator), have, want)
	for _, c := range changes {
		c.cascade = false
		sql = append(sql, defaultSQL(creator, key, c))
	}
	where := "anywhere"
	if key.schema != "" {
		where = "in schema " + key.schema
	}
	u.do("what "+creator+" makes "+where+" is born with the right rights", danger(changes), sql...)
}

func defaultSQL(creator string, key defaultKey, c change) string {
	in := " "
	if key.schema != "" {
		in = " IN SCHEMA " + pgsql.Ident(key.schema) + " "
	}
	return "ALTER DEFAULT PRIVILEGES FOR ROLE " + pgsql.Ident(creator) + in + c.sql(defaultWord(key.kind))
}

func defaultWord(k pgsql.ObjectKind) string {
	switch k {
	case pgsql.Table:
		return "TABLES"
	case pgsql.Sequence:
		return "SEQUENCES"
	case pgsql.Routine:
		return "FUNCTIONS"
	case pgsql.TypeKind:
		return "TYPES"
	case pgsql.SchemaKind:
		return "SCHEMAS"
	}
	return "LARGE OBJECTS"
}

// strangersDefaults takes away what anybody else's default privileges would
// give to tenants, or to PUBLIC, in a container.
func (u unit) strangersDefaults(c *inside) {
	for _, creator := range slices.Sorted(maps.Keys(c.defaults)) {
		whose := u.b.owner[creator]
		if u.b.owns[creator] && u.b.livesAt(whose, c.database) || whose != "" && !u.b.concernsTenant(whose) {
			continue
		}
		for _, d := range c.defaults[creator] {
			u.by(creator).strangersDefault(d, whose != "")
		}
	}
}

// strangersDefault leaves nothing of a tenant's default privileges, and of
// anybody else's what names neither tenants nor PUBLIC.
func (u unit) strangersDefault(d snapshot.DefaultACL, tenants bool) {
	if !u.b.mayOwn(d.Creator) {
		u.b.cannot("", fmt.Sprintf("default privileges of %s in database %s may open what it makes to tenants", d.Creator, u.database), "have a superuser apply once")
		return
	}
	key := defaultKey{d.Schema, d.Kind}
	if tenants {
		u.setDefault(d.Creator, key, d.ACL, builtin(key))
		return
	}
	var public pgsql.Privs
	for _, g := range builtin(key) {
		public = g.Privs
	}
	u.setDefault(d.Creator, key, d.ACL, keepOnly(d.ACL, d.Creator, func(grantee string, p pgsql.Privs) pgsql.Privs {
		switch {
		case grantee == "":
			return p &^ public
		case u.b.isTenants(grantee):
			return p
		}
		return 0
	}))
}
