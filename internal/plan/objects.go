package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// maxObjects is how many objects one GRANT or REVOKE names. Naming them is
// ten times faster than ON ALL TABLES IN SCHEMA on a server with many
// schemas; each takes a lock until the transaction ends.
const maxObjects = 100

// objects puts the owners and rights of all that stands in one of the
// house's schemas right.
func (u unit) objects(h isolation.House, c *inside, schema string) {
	batch, v, owner := newBatch(), u.b.version(), h.Tenant.Owner
	for o := range c.objects(schema) {
		acl := o.acl
		if o.follows {
			acl = acl.ChangeOwner(o.owner, owner)
		} else {
			acl = u.own(strings.ToLower(o.word)+" "+o.name, o.word+" "+o.name, owner, o.owner, acl)
		}
		batch.add(o, diffACL(o.kind, v, owner, acl.Or(o.kind, owner, v), h.ObjectGrants(o.kind)))
	}
	for _, col := range c.columns[schema] {
		u.by(owner).do("a grant on a column goes around the table's", Access, columnRevokes(col)...)
	}
	batch.emit(u.by(owner), "the rights in schema "+schema)
	for _, o := range c.others[schema] {
		if !o.Extension {
			u.own(o.Kind+" "+o.Identity, otherKind(o.Kind)+" "+o.Identity, owner, o.Owner, nil)
		}
	}
}

// otherKind turns the kind as pg_identify_object names it into ALTER's word.
func otherKind(kind string) string {
	if kind == "statistics object" {
		return "STATISTICS"
	}
	return strings.ToUpper(kind)
}

func columnRevokes(col snapshot.Column) []string {
	var sql []string
	for _, it := range col.ACL {
		sql = append(sql, fmt.Sprintf("REVOKE ALL (%s) ON TABLE %s FROM %s CASCADE",
			pgsql.Ident(col.Name), pgsql.Qualified(col.Schema, col.Relation), grantee(it.Grantee)))
	}
	slices.Sort(sql)
	return slices.Compact(sql)
}

// batch gathers the same change on many objects, so that one statement makes
// it on a hundred.
type batch struct {
	revokes, grants map[batchKey][]string
}

type batchKey struct {
	change
	word string
}

func newBatch() *batch {
	return &batch{revokes: map[batchKey][]string{}, grants: map[batchKey][]string{}}
}

func (b *batch) add(o object, changes []change) {
	for _, c := range changes {
		to := b.revokes
		if c.grant {
			to = b.grants
		}
		key := batchKey{c, o.word}
		to[key] = append(to[key], o.name)
	}
}

func (b *batch) emit(u unit, why string) {
	u.do(why, Access, statements(b.revokes)...)
	u.do(why, Safe, statements(b.grants)...)
}

func statements(changes map[batchKey][]string) []string {
	var sql []string
	for _, key := range slices.SortedFunc(maps.Keys(changes), compareKeys) {
		for names := range slices.Chunk(changes[key], maxObjects) {
			sql = append(sql, key.sql(key.word+" "+strings.Join(names, ", ")))
		}
	}
	return sql
}

func compareKeys(a, b batchKey) int {
	if c := strings.Compare(a.word+"\x00"+a.grantee, b.word+"\x00"+b.grantee); c != 0 {
		return c
	}
	return int(a.privs) - int(b.privs)
}
