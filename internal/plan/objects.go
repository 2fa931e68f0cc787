package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
)

// maxObjects is how many objects one GRANT or REVOKE names. Naming them is
// ten times faster than ON ALL TABLES IN SCHEMA on a server with many
// schemas; each takes a lock until the transaction ends.
const maxObjects = 100

// objects puts the owners and rights of all that stands in one of the
// house's schemas right.
func (u unit) objects(h isolation.House, c *inside, schema string) {
	batch, v, owner := newBatch(), u.b.version(), h.Tenant.Owner
	heir := u.b.heirs(owner)
	for o := range c.objects(schema) {
		if u.b.leave(o, c.database) {
			continue
		}
		acl := o.acl
		if o.follows {
			acl = acl.ChangeOwner(o.owner, owner)
		} else {
			maker := u.b.owner[o.owner]
			tamed := maker != h.Tenant.Name && u.tame(o, maker)
			var ok bool
			if acl, ok = u.own(strings.ToLower(o.word)+" "+o.name, o.word+" "+o.name, owner, o.owner, acl); !ok {
				continue
			}
			if !tamed {
				u.pin(h, c.database, o)
			}
		}
		batch.add(o, diffACL(o.kind, v, owner, heir, acl.Or(o.kind, owner, v), h.ObjectGrants(o.kind)))
	}
	u.columns(c, schema, func(string) string { return owner }, everybody)
	batch.emit(u, owner, "the rights in schema "+schema)
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

// columns takes back what bad ones were granted on columns of a schema: a
// grant on a column goes around the table's.
//
// newOwner says who owns the table by then.
func (u unit) columns(c *inside, schema string, newOwner func(old string) string, bad func(grantee string) bool) {
	for _, col := range c.columns[schema] {
		owner := newOwner(col.Owner)
		u.change("a grant on a column goes around the table's", "TABLE "+pgsql.Qualified(schema, col.Relation), col.Name, owner,
			takeBack(col.ACL.ChangeOwner(col.Owner, owner), owner, u.b.heirs(owner), bad))
	}
}

func everybody(string) bool { return true }

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
		if c.grant && !c.option {
			to = b.grants
		}
		key := batchKey{c, o.word}
		to[key] = append(to[key], o.name)
	}
}

func (b *batch) emit(u unit, owner, why string) {
	for _, changes := range []map[batchKey][]string{b.revokes, b.grants} {
		for _, key := range slices.SortedFunc(maps.Keys(changes), compareKeys) {
			for names := range slices.Chunk(changes[key], maxObjects) {
				u.change(why, key.word+" "+strings.Join(names, ", "), "", owner, []change{key.change})
			}
		}
	}
}

func compareKeys(a, b batchKey) int {
	return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.word, b.word), a.change.compare(b.change))
}
