package access

import (
	"fmt"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// tableRights are those that reach the rows of a table.
const tableRights = pgsql.Select | pgsql.Insert | pgsql.Update | pgsql.Delete | pgsql.Truncate

// addGrants: what an ACL gives to others than the owner. With row level
// security, policies say of how much.
func addGrants(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		rls := map[[2]string]bool{}
		for i := range c.Relations {
			r := &c.Relations[i]
			if r.Kind == 'S' || r.Kind == 'v' || r.Kind == 'm' || r.Kind == 'f' {
				continue
			}
			rls[[2]string{r.Schema, r.Name}] = r.RLS
			g.addTable(db, relation(r), r.RLS)
		}
		for o := range relations(c) {
			if o.Kind == pgsql.ColumnKind {
				g.addTable(db, o, rls[[2]string{o.Schema, o.Name}])
			}
		}
	})
}

func (g *graph) addTable(db string, o Object, rls bool) {
	o.Database = db
	for _, priv := range []pgsql.Privs{pgsql.Select, pgsql.Insert, pgsql.Update, pgsql.Delete, pgsql.Truncate} {
		if o.Kind == pgsql.ColumnKind && priv&pgsql.ColumnKind.All(g.s.snap.Version) == 0 || o.ACL == nil {
			continue
		}
		for _, who := range g.whoever(g.inSchema(o, priv)...) {
			if who == (node{rights, o.Owner}) {
				continue
			}
			e := edge{to: node{data, o.Owner}, certainty: Certain, database: db, sql: []string{reach(o, priv)},
				why: fmt.Sprintf("%s on %s %s is granted to %s", priv, o.What(), o.Identity(), called(who))}
			if rls && priv != pgsql.Truncate {
				e.certainty, e.why = Possible, e.why+", as far as its policies let it"
			}
			g.add(who, e)
		}
	}
}

func called(n node) string {
	if n.what == anybody {
		return "PUBLIC"
	}
	return n.name
}

// reach is SQL that uses a right on a table, and does no harm where it need
// not.
func reach(o Object, priv pgsql.Privs) string {
	table := pgsql.Qualified(o.Schema, o.Name)
	switch priv {
	case pgsql.Insert:
		if o.Column != "" {
			return "INSERT INTO " + table + " (" + pgsql.Ident(o.Column) + ") VALUES (DEFAULT)"
		}
		return "INSERT INTO " + table + " DEFAULT VALUES"
	case pgsql.Update:
		column := o.Column
		if column == "" {
			return "UPDATE " + table + " SET … = …"
		}
		return "UPDATE " + table + " SET " + pgsql.Ident(column) + " = DEFAULT"
	case pgsql.Delete:
		return "DELETE FROM " + table
	case pgsql.Truncate:
		return "TRUNCATE " + table
	}
	if o.Column != "" {
		return "SELECT " + pgsql.Ident(o.Column) + " FROM " + table
	}
	return "SELECT * FROM " + table
}

// addViews: a view reads with its owner's rights, unless it is a
// security_invoker's; a materialized view holds what it read.
func addViews(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		v := newViews(g, db, c)
		for name, view := range v.relations {
			if view.Kind != 'v' && view.Kind != 'm' || view.Kind == 'v' && view.Invoker {
				continue
			}
			o := relation(view)
			o.Database = db
			for owner := range v.owners(name, view.Owner, map[[2]string]bool{}) {
				for _, who := range g.whoever(g.inSchema(o, pgsql.Select)...) {
					if who != (node{rights, owner}) {
						g.add(who, edge{to: node{data, owner}, certainty: Certain, database: db, sql: []string{reach(o, pgsql.Select)},
							why: fmt.Sprintf("%s %s shows tables of %s, with the rights of %s", o.What(), o.Identity(), owner, view.Owner)})
					}
				}
			}
		}
	})
}

// views finds what is behind views.
type views struct {
	g         *graph
	database  string
	relations map[[2]string]*snapshot.Relation
	reads     map[[2]string][][2]string
}

func newViews(g *graph, db string, c *snapshot.Contents) views {
	v := views{g, db, map[[2]string]*snapshot.Relation{}, map[[2]string][][2]string{}}
	if len(c.Reads) == 0 {
		return v
	}
	for i := range c.Relations {
		r := &c.Relations[i]
		v.relations[[2]string{r.Schema, r.Name}] = r
	}
	for _, r := range c.Reads {
		view := [2]string{r.Schema, r.View}
		v.reads[view] = append(v.reads[view], [2]string{r.FromSchema, r.From})
	}
	return v
}

// owners are those whose tables are read by a view that reads with a role's
// rights.
func (v views) owners(view [2]string, as string, seen map[[2]string]bool) map[string]bool {
	out := map[string]bool{}
	if seen[view] {
		return out
	}
	seen[view] = true
	for _, name := range v.reads[view] {
		r := v.relations[name]
		if r == nil {
			continue
		}
		o := relation(r)
		o.Database = v.database
		if p, _ := v.g.s.Privileges(as, o); p&pgsql.Select == 0 {
			continue
		}
		switch {
		case r.Kind == 'v':
			reader := r.Owner
			if r.Invoker {
				reader = as
			}
			for owner := range v.owners(name, reader, seen) {
				out[owner] = true
			}
		case r.Kind == 'm':
			for owner := range v.owners(name, r.Owner, seen) {
				out[owner] = true
			}
			fallthrough
		default:
			out[r.Owner] = true
		}
	}
	return out
}

// addPartitions: the children's own ACLs are not asked.
func addPartitions(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		tables := map[[2]string]*snapshot.Relation{}
		if len(c.Inherits) > 0 {
			for i := range c.Relations {
				tables[[2]string{c.Relations[i].Schema, c.Relations[i].Name}] = &c.Relations[i]
			}
		}
		for _, i := range c.Inherits {
			parent, child := tables[[2]string{i.ParentSchema, i.Parent}], tables[[2]string{i.Schema, i.Table}]
			if parent == nil || child == nil || parent.Owner == child.Owner || parent.RLS {
				continue
			}
			o := relation(parent)
			o.Database = db
			for _, who := range g.whoever(g.inSchema(o, pgsql.Select)...) {
				if who != (node{rights, child.Owner}) {
					g.add(who, edge{to: node{data, child.Owner}, certainty: Certain, database: db, sql: []string{reach(o, pgsql.Select)},
						why: fmt.Sprintf("%s.%s of %s is read with %s", i.Schema, i.Table, child.Owner, o.Identity())})
				}
			}
		}
	})
}

func addLargeObjects(g *graph) {
	compat := g.s.snap.Parameters["lo_compat_privileges"] == "on"
	g.each(func(db string, c *snapshot.Contents) {
		for o := range largeObjects(c) {
			o.Database = db
			e := edge{to: node{data, o.Owner}, certainty: Certain, database: db, why: "large objects of " + o.Owner + " are open to others",
				sql: []string{"SELECT pg_catalog.lo_get(m.oid) FROM pg_catalog.pg_largeobject_metadata AS m WHERE pg_catalog.pg_get_userbyid(m.lomowner) = " + pgsql.Literal(o.Owner)}}
			if compat {
				e.why = "lo_compat_privileges is on: everybody reads and writes every large object"
				g.add(node{anybody, ""}, e)
				continue
			}
			for _, who := range g.whoever(need{o, pgsql.Select | pgsql.Update}) {
				if who != (node{rights, o.Owner}) {
					g.add(who, e)
				}
			}
		}
	})
}

func addAllData(g *graph) {
	for _, r := range []struct{ name, sql, why string }{
		{readAll, "SELECT * FROM …", "reads every table"},
		{writeAll, "INSERT INTO …", "writes every table"},
	} {
		if g.s.roles[r.name] != nil {
			g.add(node{rights, r.name}, edge{to: node{everyData, ""}, certainty: Certain, sql: []string{r.sql}, why: r.name + " " + r.why})
		}
	}
}

// addFuture: default privileges name others than who makes the objects.
func addFuture(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		for _, d := range c.DefaultACLs {
			if d.Kind != pgsql.Table {
				continue
			}
			for _, it := range d.ACL {
				if it.Grantee == d.Creator || it.Privs&tableRights == 0 {
					continue
				}
				who := node{rights, it.Grantee}
				if it.Grantee == "" {
					who = node{anybody, ""}
				}
				g.add(who, edge{to: node{data, d.Creator}, certainty: Possible, database: db,
					why: fmt.Sprintf("default privileges give %s on what %s will make to %s", it.Privs, d.Creator, called(who))})
			}
		}
	})
}
