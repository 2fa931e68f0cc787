package access

import (
	"fmt"
	"iter"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// Object is something with an owner and an ACL. What the whole server shares
// has no Database, save databases, which are their own.
type Object struct {
	Kind     pgsql.ObjectKind `json:"kind"`
	Database string           `json:"database,omitempty"`
	Schema   string           `json:"schema,omitempty"`
	// Name is the object's, or a function's signature, quoted and qualified.
	Name   string    `json:"name"`
	Column string    `json:"column,omitempty"`
	Owner  string    `json:"owner"`
	ACL    pgsql.ACL `json:"-"`
	// Rel is what kind of relation it is; 0 for what is none.
	Rel snapshot.RelKind `json:"-"`
	// System says that it is the system's own; Catalog that it is a table
	// which nobody but a superuser changes.
	System  bool `json:"system,omitempty"`
	Catalog bool `json:"-"`
}

// shown quotes a name where a reader would stumble over it otherwise. It is
// for people: a key word stays as it is.
func shown(name string) string {
	if name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && (name[0] < '0' || name[0] > '9') {
		return name
	}
	return `"` + name + `"`
}

// Identity is the object's name for people, without its database.
func (o Object) Identity() string {
	name := o.Name
	switch {
	case o.Kind == pgsql.Routine, o.Kind == pgsql.Parameter, o.Kind == pgsql.LargeObject:
	case o.Schema != "" && o.Kind != pgsql.SchemaKind:
		name = shown(o.Schema) + "." + shown(o.Name)
	default:
		name = shown(o.Name)
	}
	if o.Column != "" {
		name += "." + shown(o.Column)
	}
	return name
}

// What is the kind of object, with the word that GRANT has for it.
func (o Object) What() string {
	switch o.Rel {
	case 'v':
		return "view"
	case 'm':
		return "materialized view"
	case 'f':
		return "foreign table"
	}
	return o.Kind.String()
}

// Shared are the objects that the whole server has: databases, tablespaces,
// parameters with grants.
func (s *State) Shared() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for _, d := range s.snap.Databases {
			if !yield(Object{Kind: pgsql.DatabaseObj, Database: d.Name, Name: d.Name, Owner: d.Owner, ACL: d.ACL}) {
				return
			}
		}
		for _, t := range s.snap.Tablespaces {
			if !yield(Object{Kind: pgsql.Tablespace, Name: t.Name, Owner: t.Owner, ACL: t.ACL}) {
				return
			}
		}
		for _, p := range s.snap.ParameterACLs {
			if !yield(Object{Kind: pgsql.Parameter, Name: p.Name, ACL: p.ACL}) {
				return
			}
		}
	}
}

// Inside are the objects of a database, without those of the system's own
// that are as initdb left them.
func (s *State) Inside(database string) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		c := s.contents[database]
		if c == nil {
			return
		}
		for _, some := range []iter.Seq[Object]{spaces(c), relations(c), code(c), foreign(c), largeObjects(c), system(c)} {
			for o := range some {
				o.Database = database
				if !yield(o) {
					return
				}
			}
		}
	}
}

// from makes objects of a list.
func from[T any](list []T, object func(*T) Object) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for i := range list {
			if !yield(object(&list[i])) {
				return
			}
		}
	}
}

// together is one sequence after the other.
func together(all ...iter.Seq[Object]) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for _, some := range all {
			for o := range some {
				if !yield(o) {
					return
				}
			}
		}
	}
}

func spaces(c *snapshot.Contents) iter.Seq[Object] {
	return from(c.Schemas, func(n *snapshot.Schema) Object {
		return Object{Kind: pgsql.SchemaKind, Schema: n.Name, Name: n.Name, Owner: n.Owner, ACL: n.ACL}
	})
}

func relations(c *snapshot.Contents) iter.Seq[Object] {
	return together(
		from(c.Relations, relation),
		from(c.Columns, func(a *snapshot.Column) Object {
			return Object{Kind: pgsql.ColumnKind, Schema: a.Schema, Name: a.Relation, Column: a.Name, Owner: a.Owner, ACL: a.ACL}
		}))
}

func relation(r *snapshot.Relation) Object {
	kind := pgsql.Table
	if r.Kind == 'S' {
		kind = pgsql.Sequence
	}
	return Object{Kind: kind, Schema: r.Schema, Name: r.Name, Owner: r.Owner, ACL: r.ACL, Rel: r.Kind}
}

func code(c *snapshot.Contents) iter.Seq[Object] {
	return together(
		from(c.Routines, func(r *snapshot.Routine) Object {
			return Object{Kind: pgsql.Routine, Schema: r.Schema, Name: r.Signature, Owner: r.Owner, ACL: r.ACL}
		}),
		from(c.Types, func(t *snapshot.Type) Object {
			return Object{Kind: pgsql.TypeKind, Schema: t.Schema, Name: t.Name, Owner: t.Owner, ACL: t.ACL}
		}),
		from(c.Languages, func(l *snapshot.Language) Object {
			return Object{Kind: pgsql.Language, Name: l.Name, Owner: l.Owner, ACL: l.ACL}
		}))
}

func foreign(c *snapshot.Contents) iter.Seq[Object] {
	return together(
		from(c.Wrappers, func(w *snapshot.Wrapper) Object {
			return Object{Kind: pgsql.Wrapper, Name: w.Name, Owner: w.Owner, ACL: w.ACL}
		}),
		from(c.Servers, func(f *snapshot.ForeignServer) Object {
			return Object{Kind: pgsql.ServerKind, Name: f.Name, Owner: f.Owner, ACL: f.ACL}
		}))
}

func largeObjects(c *snapshot.Contents) iter.Seq[Object] {
	return from(c.LargeACLs, func(l *snapshot.LargeObjectACL) Object {
		return Object{Kind: pgsql.LargeObject, Name: fmt.Sprintf("(%d of them)", l.Count), Owner: l.Owner, ACL: l.ACL}
	})
}

func system(c *snapshot.Contents) iter.Seq[Object] {
	return from(c.SystemACLs, func(a *snapshot.SystemACL) Object {
		return Object{Kind: a.Kind, Schema: a.Schema, Name: a.Identity, Column: a.Column, Owner: a.Owner, ACL: a.ACL, System: true,
			Catalog: a.Schema == "pg_catalog" && !a.View && (a.Kind == pgsql.Table || a.Kind == pgsql.ColumnKind)}
	})
}
