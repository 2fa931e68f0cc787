package access

import (
	"fmt"
	"maps"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// addReferences: whoever may refer to a table makes a foreign key from a column
// of a type of its own. The server looks for the key with the rights of the
// table's owner (ri_triggers.c, ri_PerformCheck), and casts the value by the
// cast of that type: a function of the first role's runs as the owner. That
// takes a key to lead to, and a schema to make the table in.
func addReferences(g *graph, db string, c *snapshot.Contents) {
	r := referrer{g: g, db: db, keys: map[[2]string][]snapshot.Key{}}
	for _, k := range c.Keys {
		at := [2]string{k.Schema, k.Table}
		r.keys[at] = append(r.keys[at], k)
	}
	tables := g.tablesOf(c, len(c.Columns) > 0)
	for i := range c.Relations {
		rel := &c.Relations[i]
		if (rel.Kind == 'r' || rel.Kind == 'p') && granted(rel.ACL, rel.Owner, pgsql.References) {
			r.add(relation(rel))
		}
	}
	for _, a := range c.Columns {
		rel := tables[[2]string{a.Schema, a.Relation}]
		if rel != nil && granted(a.ACL, rel.Owner, pgsql.References) {
			o := relation(rel)
			o.Kind, o.Column, o.ACL = pgsql.ColumnKind, a.Name, a.ACL
			r.add(o)
		}
	}
}

// referrer adds the steps by REFERENCES of one database.
type referrer struct {
	g     *graph
	db    string
	keys  map[[2]string][]snapshot.Key
	rooms map[string]string // by role ("" is PUBLIC): a schema in which it may create
}

// add is about one table, or one column: a key of several columns that were
// each granted by itself is not thought of.
func (r *referrer) add(o Object) {
	o.Database = r.db
	key := r.key(o)
	added := map[node]bool{}
	for _, who := range r.g.whoever(r.g.inSchema(o, pgsql.References)...) {
		if who == (node{what: rights, name: o.Owner}) || r.g.s.super(who.name) {
			continue
		}
		e := r.edge(o, who)
		switch builders := r.builders(who); {
		case !r.reaches(o):
			e.certainty, e.why = Blocked, fmt.Sprintf("%s may refer to %s; but the server follows no key there, since its owner has no USAGE on schema %s", called(who), o.Identity(), o.Schema)
			r.g.add(who, e)
		case len(builders) == 0:
			e.certainty, e.why = Blocked, fmt.Sprintf("%s may refer to %s; but it has no schema to make a table in", called(who), o.Identity())
			r.g.add(who, e)
		case key == nil:
			e.certainty, e.why, e.to = Possible, fmt.Sprintf("%s may refer to %s, once there is a unique key in it", called(who), o.Identity()), dataOf(o)
			e.sql = []string{"CREATE TABLE … (… REFERENCES " + pgsql.Qualified(o.Schema, o.Name) + ")"}
			r.g.add(who, e)
		default:
			for _, b := range builders {
				added[b.who] = true
				e.sql = cast(o, *key, b.schema)
				r.g.add(b.who, e)
			}
		}
	}
	if key == nil || !r.reaches(o) {
		return
	}
	for _, b := range r.united(o) {
		if !added[b.who] {
			e := r.edge(o, b.who)
			e.sql = cast(o, *key, b.schema)
			r.g.add(b.who, e)
		}
	}
}

// edge is the step by which somebody's code runs as the owner of a table.
func (r *referrer) edge(o Object, who node) edge {
	e := edge{to: node{what: rights, name: o.Owner}, certainty: Certain, database: r.db, mend: r.g.revoke(o, pgsql.References, who),
		why: fmt.Sprintf("%s may refer to %s: the server follows a foreign key with the rights of %s, and runs the casts of whoever made it", called(who), o.Identity(), o.Owner)}
	if r.g.s.super(o.Owner) {
		e.to = node{what: superuser}
	}
	return e
}

// united are those that have the right and room for a table together, by what
// they grant themselves.
func (r *referrer) united(o Object) []builder {
	if _, ok := r.allRooms()[""]; ok {
		return nil // whoever has the right has room
	}
	room := want{slices.Sorted(maps.Keys(r.allRooms())), func(name string) bool { _, ok := r.room(name); return ok }}
	var out []builder
	for _, who := range r.g.unions(append(r.g.wants(r.g.inSchema(o, pgsql.References)...), room)...) {
		out = append(out, r.builders(who)...)
	}
	return out
}

// reaches says whether a table's owner may name it: the server looks for the
// key in SQL, as the owner.
func (r *referrer) reaches(o Object) bool {
	schema, known := r.g.s.schema(r.db, o.Schema)
	if !known {
		return true
	}
	p, _ := r.g.s.Privileges(o.Owner, schema)
	return p&pgsql.Usage != 0
}

// key is one to which a foreign key can lead; nil where none is known.
func (r *referrer) key(o Object) *snapshot.Key {
	keys := r.keys[[2]string{o.Schema, o.Name}]
	for i, k := range keys {
		if len(k.Columns) > 0 && (o.Column == "" || slices.Equal(k.Columns, []string{o.Column})) {
			return &keys[i]
		}
	}
	return nil
}

// builder is who has a schema to make a table in.
type builder struct {
	who    node
	schema string
}

// builders are somebody, or those of its members, with room for a table.
func (r *referrer) builders(who node) []builder {
	if schema, ok := r.allRooms()[""]; ok {
		return []builder{{who, schema}}
	}
	var out []builder
	switch who.what {
	case anybody:
		for _, name := range slices.Sorted(maps.Keys(r.rooms)) {
			out = append(out, builder{node{what: rights, name: name}, r.rooms[name]})
		}
		return out
	case joined:
		for _, name := range who.roles() {
			if schema, ok := r.room(name); ok {
				return []builder{{who, schema}}
			}
		}
		return nil
	}
	for _, name := range r.g.s.below(who.name, Usage) {
		if schema, ok := r.room(name); ok {
			out = append(out, builder{node{what: rights, name: name}, schema})
		}
		if len(out) > 0 && name == who.name {
			return out // its members have what it has
		}
	}
	return out
}

// room is a schema in which a role may create; of several always the same.
func (r *referrer) room(name string) (string, bool) {
	for _, holder := range slices.Sorted(maps.Keys(r.g.s.holding(name, r.db))) {
		if schema, ok := r.rooms[holder]; ok {
			return schema, true
		}
	}
	return "", false
}

// allRooms notes for each role that an ACL names one schema in which it may
// create, or the one that it makes.
func (r *referrer) allRooms() map[string]string {
	if r.rooms != nil {
		return r.rooms
	}
	r.rooms = map[string]string{}
	note := func(o Object, schema string, needed pgsql.Privs) {
		for _, it := range r.g.s.acl(o) {
			if _, there := r.rooms[it.Grantee]; !there && it.Privs&needed == needed && !r.g.s.super(it.Grantee) {
				r.rooms[it.Grantee] = schema
			}
		}
	}
	if c := r.g.s.contents[r.db]; c != nil {
		for o := range spaces(c) {
			o.Database = r.db
			note(o, o.Name, pgsql.Create|pgsql.Usage)
		}
	}
	note(r.g.s.database(r.db), "", pgsql.Create)
	return r.rooms
}

// cast is the SQL by which a role has its code run as the owner of a table with
// a key.
func cast(o Object, key snapshot.Key, schema string) []string {
	var out []string
	if schema == "" {
		schema = "landlord_path"
		out = append(out, "CREATE SCHEMA landlord_path")
	}
	// A path comes to each owner once, so that no name is made twice on it.
	name, table, refers := pgsql.Qualified(schema, "landlord_path_"+o.Owner), pgsql.Qualified(o.Schema, o.Name), pgsql.Qualified(schema, "landlord_refers_"+o.Owner)
	kind, column := key.Types[0], pgsql.Ident(key.Columns[0])
	out = append(out, "CREATE TYPE "+name+" AS ENUM ('1')",
		"CREATE FUNCTION "+name+"("+name+") RETURNS "+kind+" LANGUAGE plpgsql AS "+pgsql.Literal("BEGIN …; RETURN (SELECT "+column+" FROM "+table+" LIMIT 1); END")+" -- what … stands for, and the steps below, run as "+shown(o.Owner),
		"CREATE CAST ("+name+" AS "+kind+") WITH FUNCTION "+name+"("+name+") AS IMPLICIT")
	if len(key.Columns) > 1 {
		return append(out, "CREATE TABLE … (…, FOREIGN KEY ("+pgsql.Idents(key.Columns...)+") REFERENCES "+table+")", "INSERT INTO …")
	}
	return append(out, "CREATE TABLE "+refers+" (k "+name+" REFERENCES "+table+" ("+column+"))", "INSERT INTO "+refers+" VALUES ('1')")
}
