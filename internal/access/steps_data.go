package access

import (
	"fmt"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// tableRights are those that reach the rows of a table.
const tableRights = pgsql.Select | pgsql.Insert | pgsql.Update | pgsql.Delete | pgsql.Truncate

// addOwnership: what a role owns, whoever has its rights has.
func addOwnership(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		seen := map[node]bool{}
		for i := range c.Relations {
			r := &c.Relations[i]
			o := relation(r)
			o.Database = db
			if to := dataOf(o); (r.Kind == 'r' || r.Kind == 'p') && !seen[to] {
				seen[to] = true
				g.add(node{what: rights, name: r.Owner}, edge{to: to, certainty: Certain, database: db, sql: []string{reach(o, pgsql.Select)},
					why: fmt.Sprintf("%s owns tables in schema %s of database %s", r.Owner, shown(r.Schema), shown(db))})
			}
		}
	})
}

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
			if who == (node{what: rights, name: o.Owner}) {
				continue
			}
			e := edge{to: dataOf(o), certainty: Certain, database: db, sql: []string{reach(o, priv)}, mend: g.revoke(o, priv, who),
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
			for to, how := range v.owners(name, view.Owner, map[[2]string]bool{}) {
				for _, who := range g.whoever(g.inSchema(o, pgsql.Select)...) {
					if who == (node{what: rights, name: to.name}) {
						continue
					}
					e := edge{to: to, certainty: how, database: db, sql: []string{reach(o, pgsql.Select)}, mend: g.revoke(o, pgsql.Select, who),
						why: fmt.Sprintf("%s %s shows tables of %s, with the rights of %s", o.What(), o.Identity(), to.name, view.Owner)}
					if how != Certain {
						e.why += ", as far as policies let that role"
					}
					g.add(who, e)
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

// owners are the data that a view shows which reads with a role's rights, and
// how surely: policies hold for that role too, unless it passes by them.
func (v views) owners(view [2]string, as string, seen map[[2]string]bool) map[node]Certainty {
	out := map[node]Certainty{}
	if seen[view] {
		return out
	}
	seen[view] = true
	add := func(n node, c Certainty) {
		if old, ok := out[n]; !ok || c.level() < old.level() {
			out[n] = c
		}
	}
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
		reader := r.Owner
		if r.Kind == 'v' && r.Invoker {
			reader = as
		}
		if r.Kind == 'v' || r.Kind == 'm' {
			for n, c := range v.owners(name, reader, seen) {
				add(n, c)
			}
		}
		switch {
		case r.Kind == 'v':
		case r.RLS && !v.g.s.passes(as, r):
			add(dataOf(o), Possible)
		default:
			add(dataOf(o), Certain)
		}
	}
	return out
}

// passes says whether the policies of a table do not hold for a role: its
// owner's, unless they are forced; or one with BYPASSRLS (the manual, "Row
// Security Policies").
func (s *State) passes(as string, r *snapshot.Relation) bool {
	role := s.roles[as]
	return s.super(as) || role != nil && role.BypassRLS || !r.Forced && s.HasRole(as, r.Owner, Usage, "")
}

// revoke takes a right on a table from whomever it is granted to and who has it
// by that.
func (g *graph) revoke(o Object, priv pgsql.Privs, who node) []string {
	var out []string
	for _, it := range g.s.acl(o) {
		through := slices.ContainsFunc(who.roles(), func(name string) bool { return g.s.holding(name, o.Database)[it.Grantee] })
		if it.Grantee == "" {
			through = who.what == anybody
		}
		if p := it.Privs & priv; p != 0 && through && it.Grantee != o.Owner {
			out = append(out, "REVOKE "+on(o, p)+" FROM "+grantee(it.Grantee))
		}
	}
	return out
}

// on is rights on a table or a column, as GRANT and REVOKE write them.
func on(o Object, privs pgsql.Privs) string {
	if o.Column != "" {
		return fmt.Sprintf("%s (%s) ON %s", privs, pgsql.Ident(o.Column), pgsql.Qualified(o.Schema, o.Name))
	}
	return fmt.Sprintf("%s ON %s", privs, pgsql.Qualified(o.Schema, o.Name))
}

// grantee is a grantee in SQL.
func grantee(name string) string {
	if name == "" {
		return "PUBLIC"
	}
	return pgsql.Ident(name)
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
				if who != (node{what: rights, name: child.Owner}) {
					g.add(who, edge{to: node{what: data, name: child.Owner, at: place{db, child.Schema}}, certainty: Certain, database: db, sql: []string{reach(o, pgsql.Select)},
						mend: g.revoke(o, pgsql.Select, who),
						why:  fmt.Sprintf("%s.%s of %s is read with %s", i.Schema, i.Table, child.Owner, o.Identity())})
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
			e := edge{to: dataOf(o), certainty: Certain, database: db, why: "large objects of " + o.Owner + " are open to others",
				sql: []string{"SELECT pg_catalog.lo_get(m.oid) FROM pg_catalog.pg_largeobject_metadata AS m WHERE pg_catalog.pg_get_userbyid(m.lomowner) = " + pgsql.Literal(o.Owner)}}
			if compat {
				e.why = "lo_compat_privileges is on: everybody reads and writes every large object"
				g.add(node{what: anybody}, e)
				continue
			}
			for _, who := range g.whoever(need{o, pgsql.Select | pgsql.Update}) {
				if who != (node{what: rights, name: o.Owner}) {
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
			g.add(node{what: rights, name: r.name}, edge{to: node{what: everyData}, certainty: Certain, sql: []string{r.sql}, why: r.name + " " + r.why})
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
				who := node{what: rights, name: it.Grantee}
				if it.Grantee == "" {
					who = node{what: anybody}
				}
				g.add(who, edge{to: node{what: data, name: d.Creator, at: place{db, d.Schema}}, certainty: Possible, database: db,
					why: fmt.Sprintf("default privileges give %s on what %s will make to %s", it.Privs, d.Creator, called(who))})
			}
		}
	})
}
