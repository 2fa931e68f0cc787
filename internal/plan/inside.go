package plan

import (
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// inside is what one database holds, arranged by schema: a shared database
// holds ten thousand houses, each of which is looked at once.
type inside struct {
	database  string
	schemas   map[string]snapshot.Schema
	relations map[string][]snapshot.Relation
	columns   map[string][]snapshot.Column
	routines  map[string][]snapshot.Routine
	types     map[string][]snapshot.Type
	others    map[string][]snapshot.Other
	defaults  map[string][]snapshot.DefaultACL // by creator
	strays    []snapshot.Stray
	widened   []snapshot.Widened
	ties      []snapshot.Tie
	large     []snapshot.LargeObjectGrant

	largeOpen, largeShut       bool // functions for them that PUBLIC may, and may not, call
	advisoryOpen, advisoryShut bool // the same of those for advisory locks
	controlOpen                bool // of those about the whole server
	messagesOpen               bool // and of those that write messages into the write-ahead log

	extensions []snapshot.Extension
}

func newInside(c *snapshot.Contents) *inside {
	in := &inside{database: c.Database, schemas: map[string]snapshot.Schema{}, strays: c.Strays, widened: c.Widened, ties: c.Ties, large: c.LargeObjects, extensions: c.Extensions, largeOpen: c.LargeOpen, largeShut: c.LargeShut, advisoryOpen: c.AdvisoryOpen, advisoryShut: c.AdvisoryShut, controlOpen: c.ControlOpen, messagesOpen: c.MessagesOpen}
	for _, s := range c.Schemas {
		in.schemas[s.Name] = s
	}
	in.relations = groupBy(c.Relations, func(r *snapshot.Relation) string { return r.Schema })
	in.columns = groupBy(c.Columns, func(r *snapshot.Column) string { return r.Schema })
	in.routines = groupBy(c.Routines, func(r *snapshot.Routine) string { return r.Schema })
	in.types = groupBy(c.Types, func(r *snapshot.Type) string { return r.Schema })
	in.others = groupBy(c.Others, func(r *snapshot.Other) string { return r.Schema })
	in.defaults = groupBy(c.DefaultACLs, func(d *snapshot.DefaultACL) string { return d.Creator })
	return in
}

// groupBy gathers items by key without copying runs of the same key.
func groupBy[T any](items []T, key func(*T) string) map[string][]T {
	out := map[string][]T{}
	for i := 0; i < len(items); {
		k, j := key(&items[i]), i+1
		for j < len(items) && key(&items[j]) == k {
			j++
		}
		if run := items[i:j:j]; out[k] == nil {
			out[k] = run
		} else {
			out[k] = append(out[k], run...)
		}
		i = j
	}
	return out
}

// object is anything in a schema that has an owner and an ACL.
type object struct {
	kind  pgsql.ObjectKind
	word  string // "TABLE"
	name  string // quoted and qualified
	owner string
	acl   pgsql.ACL
	// follows says that its owner is another object's.
	follows bool
	// code says that it can be SECURITY DEFINER, and then runs as its owner.
	code bool
	// everybodys says that an event trigger runs it.
	everybodys bool
	routine    *snapshot.Routine // nil: it is none
}

// objects yields what stands in a schema and has an ACL, extensions' members
// excepted: these belong to the extension.
func (in *inside) objects(schema string) func(func(object) bool) {
	return func(yield func(object) bool) {
		for _, r := range in.relations[schema] {
			if !r.Extension && !yield(relation(r)) {
				return
			}
		}
		for _, r := range in.routines[schema] {
			if !r.Extension && !yield(routine(r)) {
				return
			}
		}
		for _, t := range in.types[schema] {
			if !t.Extension && !yield(object{kind: pgsql.TypeKind, word: "TYPE", name: pgsql.Qualified(t.Schema, t.Name), owner: t.Owner, acl: t.ACL}) {
				return
			}
		}
	}
}

func routine(r snapshot.Routine) object {
	return object{kind: pgsql.Routine, word: "ROUTINE", name: r.Signature, owner: r.Owner, acl: r.ACL, code: !r.Aggregate, everybodys: r.EventTrigger, routine: &r}
}

func relation(r snapshot.Relation) object {
	o := object{kind: pgsql.Table, word: "TABLE", name: pgsql.Qualified(r.Schema, r.Name), owner: r.Owner, acl: r.ACL, follows: r.OwnedBy}
	if r.Kind == 'S' {
		o.kind, o.word = pgsql.Sequence, "SEQUENCE"
	}
	return o
}
