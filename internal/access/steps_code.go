package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// owner is what it is to act as a role: as a superuser, where it is one.
func (g *graph) owner(name string) node {
	if g.s.super(name) {
		return node{what: superuser}
	}
	return node{what: being, name: name}
}

// addDefiners is about functions that run as their owner and look for names
// where their caller can put some. Since the catalogs do not tell what a
// body names, the step is possible, not certain.
func addDefiners(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		for i := range c.Routines {
			r := &c.Routines[i]
			open := r.OpenPath()
			if open == "" {
				continue
			}
			o := Object{Kind: pgsql.Routine, Database: db, Schema: r.Schema, Name: r.Signature, Owner: r.Owner, ACL: r.ACL}
			callers := g.firing(c, r.Signature)
			if r.Returns == "" {
				callers = g.whoever(g.inSchema(o, pgsql.Execute)...)
			}
			for _, who := range callers {
				if who != (node{what: rights, name: r.Owner}) {
					g.add(who, edge{to: g.owner(r.Owner), certainty: Possible, database: db,
						sql:  []string{"CREATE TEMPORARY TABLE … (…)", "SELECT " + r.Signature},
						mend: []string{"ALTER ROUTINE " + r.Signature + " SET search_path = " + pgsql.Idents(r.PinnedPath([]string{r.Schema})...)},
						why:  r.Signature + " runs as " + r.Owner + ", and " + open})
				}
			}
		}
	})
}

// firing are those who may change a table on which a trigger runs a function.
func (g *graph) firing(c *snapshot.Contents, function string) []node {
	var out []node
	for _, t := range c.Triggers {
		if t.Function != function || t.Disabled {
			continue
		}
		i := slices.IndexFunc(c.Relations, func(r snapshot.Relation) bool { return r.Schema == t.Schema && r.Name == t.Table })
		if i < 0 {
			continue
		}
		o := relation(&c.Relations[i])
		o.Database = c.Database
		out = append(out, g.whoever(g.inSchema(o, pgsql.Insert|pgsql.Update|pgsql.Delete)...)...)
	}
	return out
}

// addSearchPath: whoever may create in a schema where others look for names
// without writing their schema can have its code run by them.
func addSearchPath(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		lookers := g.lookers(db)
		g.addMissingSchemas(db, c, lookers)
		for o := range spaces(c) {
			o.Database = db
			victims := lookers[o.Name]
			if len(victims) == 0 {
				continue
			}
			for _, who := range g.whoever(need{o, pgsql.Create}, need{o, pgsql.Usage}) {
				for _, v := range victims {
					if who != (node{what: rights, name: v}) && !g.s.super(who.name) {
						g.add(who, edge{to: g.owner(v), certainty: Possible, database: db,
							sql: []string{"CREATE FUNCTION " + pgsql.Ident(o.Name) + ".…"},
							why: fmt.Sprintf("%s may create in schema %s, where %s looks for names", called(who), o.Name, v)})
					}
				}
			}
		}
	})
}

// addMissingSchemas: whoever may create schemas makes the one that somebody
// looks into and that is not there, such as that of a login's own name.
func (g *graph) addMissingSchemas(db string, c *snapshot.Contents, lookers map[string][]string) {
	d := g.s.database(db)
	makers := g.whoever(need{d, pgsql.Create})
	makers = slices.DeleteFunc(makers, func(n node) bool { return g.s.super(n.name) })
	if len(makers) == 0 {
		return
	}
	for _, schema := range slices.Sorted(maps.Keys(lookers)) {
		if _, there := g.s.schemas[[2]string{db, schema}]; there || strings.HasPrefix(schema, "pg_") {
			continue
		}
		for _, who := range makers {
			for _, v := range lookers[schema] {
				if who != (node{what: rights, name: v}) {
					g.add(who, edge{to: g.owner(v), certainty: Possible, database: db, sql: []string{"CREATE SCHEMA " + pgsql.Ident(schema), "CREATE FUNCTION " + pgsql.Ident(schema) + ".…"},
						mend: []string{"REVOKE CREATE ON DATABASE " + pgsql.Ident(db) + " FROM " + grantee(who.name)},
						why:  fmt.Sprintf("%s may make schema %s, which is not there, and where %s looks for names", called(who), shown(schema), v)})
				}
			}
		}
	}
}

// lookers are the logins that look into each schema of a database by their
// search_path, as settings have it (the role's in the database, the role's,
// the database's).
func (g *graph) lookers(db string) map[string][]string {
	paths := g.searchPaths()
	out := map[string][]string{}
	for _, name := range g.logins(db) {
		path := []string{"$user", "public"}
		for _, key := range [][2]string{{name, db}, {name, ""}, {"", db}, {"", ""}} {
			if set, ok := paths[key]; ok {
				path = set
				break
			}
		}
		for _, schema := range path {
			if schema == "$user" {
				schema = name
			}
			out[schema] = append(out[schema], name)
		}
	}
	return out
}

// maxVisits is how many pairs of a login and a database are thought of where
// PUBLIC may connect everywhere. Beyond, only those count whom the database's
// ACL names, and superusers: a million ways on a million doors help nobody.
const maxVisits = 200_000

// searchPaths are the settings of search_path by role and database.
func (g *graph) searchPaths() map[[2]string][]string {
	if g.paths == nil { // once, and not for each database
		g.paths = map[[2]string][]string{}
		for _, s := range g.s.snap.Settings {
			if s.Name == "search_path" {
				g.paths[[2]string{s.Role, s.Database}], _ = pgsql.SplitIdents(s.Value)
			}
		}
	}
	return g.paths
}

// logins are the logins that have CONNECT on a database, superusers always.
func (g *graph) logins(db string) []string {
	connect := need{g.s.database(db), pgsql.Connect}
	names := g.s.names
	if !g.publicHas(connect) || len(names)*len(g.s.snap.Databases) > maxVisits {
		names = slices.Clone(g.supers)
		for _, holder := range g.grantees(connect) {
			names = append(names, g.s.below(holder, Usage)...)
		}
		slices.Sort(names)
		names = slices.Compact(names)
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !g.s.roles[name].Login })
}

// addTriggers: who may put a trigger on a table, or owns a function that one
// runs, acts as whoever changes the table next.
func addTriggers(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		routines := map[string]*snapshot.Routine{}
		for i := range c.Routines {
			routines[c.Routines[i].Signature] = &c.Routines[i]
		}
		fires := map[[2]string][]string{}
		for _, t := range c.Triggers {
			if f := routines[t.Function]; f != nil && !t.Disabled {
				at := [2]string{t.Schema, t.Table}
				fires[at] = append(fires[at], f.Owner)
			}
		}
		for i := range c.Relations {
			r := &c.Relations[i]
			if r.Kind != 'r' && r.Kind != 'p' && r.Kind != 'v' {
				continue
			}
			o := relation(r)
			o.Database = db
			var setters []node
			if o.ACL != nil {
				setters = g.whoever(g.inSchema(o, pgsql.Trigger)...)
			}
			for _, owner := range fires[[2]string{r.Schema, r.Name}] {
				setters = append(setters, node{what: rights, name: owner})
			}
			for _, who := range setters {
				g.addTrigger(who, o)
			}
		}
	})
}

// addTrigger leads from who can make a trigger to those that change the table.
func (g *graph) addTrigger(who node, o Object) {
	writers := append(g.grantees(need{o, pgsql.Insert | pgsql.Update | pgsql.Delete}), o.Owner)
	slices.Sort(writers)
	for _, w := range slices.Compact(writers) {
		if who != (node{what: rights, name: w}) && !g.s.super(who.name) {
			g.add(who, edge{to: g.owner(w), certainty: Possible, database: o.Database,
				sql: []string{"CREATE TRIGGER … ON " + pgsql.Qualified(o.Schema, o.Name) + " EXECUTE FUNCTION …"},
				why: fmt.Sprintf("a trigger on %s runs as %s when that role changes it", o.Identity(), w)})
		}
	}
}

func addEventTriggers(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		for _, t := range c.EventTriggers {
			i := slices.IndexFunc(c.Routines, func(r snapshot.Routine) bool { return r.Signature == t.Function })
			if t.Disabled || i < 0 || g.s.super(c.Routines[i].Owner) {
				continue
			}
			g.add(node{what: rights, name: c.Routines[i].Owner}, edge{to: node{what: superuser}, certainty: Possible, database: db,
				sql: []string{"CREATE OR REPLACE FUNCTION " + t.Function + " …"},
				why: "event trigger " + t.Name + " runs " + t.Function + " as whoever changes the schema, superusers too"})
		}
	})
}

// addUntrusted: such functions run with the server's own rights outside of
// SQL. Making one takes a superuser, whatever the language's ACL says.
func addUntrusted(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		untrusted := map[string]bool{}
		for _, l := range c.Languages {
			untrusted[l.Name] = !l.Trusted
			o := Object{Kind: pgsql.Language, Database: db, Name: l.Name, Owner: l.Owner, ACL: l.ACL}
			if l.Trusted || l.ACL == nil {
				continue
			}
			for _, who := range g.whoever(need{o, pgsql.Usage}) {
				if who.what == rights && !g.s.super(who.name) {
					g.add(who, edge{to: node{what: superuser}, certainty: Blocked, database: db,
						why: "only superusers make functions in the untrusted language " + l.Name + ", whatever its ACL says"})
				}
			}
		}
		for i := range c.Routines {
			r := &c.Routines[i]
			if !untrusted[r.Language] || r.Extension || r.Returns != "" {
				continue
			}
			o := Object{Kind: pgsql.Routine, Database: db, Schema: r.Schema, Name: r.Signature, Owner: r.Owner, ACL: r.ACL}
			for _, who := range g.whoever(g.inSchema(o, pgsql.Execute)...) {
				g.add(who, edge{to: node{what: superuser}, certainty: Possible, database: db, sql: []string{"SELECT " + r.Signature},
					why: r.Signature + " is written in " + r.Language + " and runs as the server's own user: what it does is up to its body"})
			}
		}
	})
}
