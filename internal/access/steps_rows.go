package access

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// rowRights are those that policies narrow, with the command of each.
var rowRights = []struct {
	priv    pgsql.Privs
	command snapshot.Command
}{{pgsql.Select, "SELECT"}, {pgsql.Insert, "INSERT"}, {pgsql.Update, "UPDATE"}, {pgsql.Delete, "DELETE"}}

// addRowSecurity is about tables whose policies do not hold what they seem to
// (the manual, "Row Security Policies").
func addRowSecurity(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		policies := map[[2]string][]*snapshot.Policy{}
		for i := range c.Policies {
			p := &c.Policies[i]
			policies[[2]string{p.Schema, p.Table}] = append(policies[[2]string{p.Schema, p.Table}], p)
		}
		for i := range c.Relations {
			if r := &c.Relations[i]; r.RLS && r.ACL != nil {
				o := relation(r)
				o.Database = db
				g.addPolicies(o, r, policies[[2]string{r.Schema, r.Name}])
			}
		}
	})
}

func (g *graph) addPolicies(o Object, r *snapshot.Relation, policies []*snapshot.Policy) {
	for _, right := range rowRights {
		for _, who := range g.whoever(g.inSchema(o, right.priv)...) {
			if who == (node{what: rights, name: o.Owner}) {
				continue
			}
			e := edge{to: dataOf(o), database: o.Database, sql: []string{reach(o, right.priv)}, mend: g.revoke(o, right.priv, who)}
			if through, setting, sure := g.lets(who, policies, right.command); through {
				e.certainty, e.why = Certain, fmt.Sprintf("a policy on %s is true for every row", o.Identity())
				g.add(who, e)
			} else if setting != "" {
				e.certainty, e.why = sure, fmt.Sprintf("a policy on %s goes by %s, which everybody may set", o.Identity(), setting)
				e.sql = append([]string{"SET " + setting + " = '…'"}, e.sql...)
				g.add(who, e)
			}
			for _, name := range g.bypassing(who) {
				e.certainty, e.why = Certain, fmt.Sprintf("%s has BYPASSRLS, and %s on %s", name, right.priv, o.Identity())
				e.sql, e.mend = nil, []string{"ALTER ROLE " + pgsql.Ident(name) + " NOBYPASSRLS"}
				if who.what == joined {
					for _, of := range who.granted() {
						e.sql = append(e.sql, g.toItself(of))
					}
				}
				e.sql = append(e.sql, reach(o, right.priv))
				g.add(node{what: being, name: name}, e)
			}
		}
	}
}

// settable is a parameter with a point in its name, which no server has of its
// own, or application_name: every session may set these.
var settable = regexp.MustCompile(`current_setting\('([A-Za-z_][A-Za-z0-9_$]*\.[A-Za-z_][A-Za-z0-9_$.]*|application_name)'`)

// EverybodysSetting is the first parameter by which an expression goes that every
// session may set; ok is false where there is none.
func EverybodysSetting(expression string) (name string, ok bool) {
	m := settable.FindStringSubmatch(expression)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// onlySetting is a policy that asks for one column to be as such a parameter
// says, and for nothing else, as pg_get_expr prints it.
var onlySetting = regexp.MustCompile(`^\(*[a-z_][a-z0-9_]*\)*(::[a-z ]+)? = \(*(NULLIF\()?` + settable.String() +
	`(::text)?(, (true|false))?\)(, ''::text\))?\)*(::[a-z ]+)?\)*$`)

// lets says whether policies let everything through for a role, or by what
// setting they go that it may choose, and how surely by nothing else.
func (g *graph) lets(who node, policies []*snapshot.Policy, command snapshot.Command) (through bool, setting string, sure Certainty) {
	for _, p := range policies {
		if p.Command != "ALL" && p.Command != command || !slices.ContainsFunc(p.Roles, func(role string) bool {
			return role == "" || slices.ContainsFunc(who.roles(), func(name string) bool { return g.s.HasRole(name, role, Usage, "") })
		}) {
			continue
		}
		text := p.Using
		if command == "INSERT" && p.Check != "" {
			text = p.Check
		}
		if !p.Permissive {
			return false, "", Possible // it narrows what the others let through
		}
		if strings.EqualFold(strings.Trim(text, "() "), "true") {
			through = true
		}
		if name, ok := EverybodysSetting(text); ok {
			setting = name
			if onlySetting.MatchString(text) {
				return through, setting, Certain
			}
		}
	}
	return through, setting, Possible
}

// bypassing are the roles with BYPASSRLS that have somebody's rights, or those
// of two roles once they have granted themselves the one: the attribute is a
// role's own, and nobody inherits it.
func (g *graph) bypassing(who node) []string {
	var out []string
	holder := cmp.Or(who.with, who.name)
	for _, name := range g.s.names {
		r := g.s.roles[name]
		if r.BypassRLS && !r.Superuser && (who.what == anybody || g.s.HasRole(name, holder, Usage, "")) && (who.what != joined || g.joins(name)) {
			out = append(out, name)
		}
	}
	return out
}

// addForeignKeys: the server looks into the table referred to, and carries on
// what is done there, with the owners' rights (ri_triggers.c, which changes to
// the owner of the table that it works on).
func addForeignKeys(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		tables := g.tablesOf(c, len(c.ForeignKeys) > 0)
		for _, k := range c.ForeignKeys {
			from, to := tables[[2]string{k.Schema, k.Table}], tables[[2]string{k.TargetSchema, k.Target}]
			if from != nil && to != nil {
				g.addForeignKey(db, k, relation(from), relation(to))
			}
		}
		addReferences(g, db, c)
	})
}

// tablesOf finds the relations of a database by name, where somebody needs
// them.
func (g *graph) tablesOf(c *snapshot.Contents, needed bool) map[[2]string]*snapshot.Relation {
	out := map[[2]string]*snapshot.Relation{}
	for i := range c.Relations {
		if !needed {
			break
		}
		out[[2]string{c.Relations[i].Schema, c.Relations[i].Name}] = &c.Relations[i]
	}
	return out
}

func (g *graph) addForeignKey(db string, k snapshot.ForeignKey, from, to Object) {
	from.Database, to.Database = db, db
	cut := fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT …", pgsql.Qualified(from.Schema, from.Name))
	cascade := func(priv pgsql.Privs) {
		for _, who := range g.whoever(g.inSchema(to, priv)...) {
			if who != (node{what: rights, name: from.Owner}) {
				g.add(who, edge{to: dataOf(from), certainty: Certain, database: db, sql: []string{reach(to, priv)}, mend: []string{cut},
					why: fmt.Sprintf("a foreign key of %s hands on what is done to %s, with the rights of %s", from.Identity(), to.Identity(), from.Owner)})
			}
		}
	}
	if k.Deletes {
		cascade(pgsql.Delete)
	}
	if k.Updates {
		cascade(pgsql.Update)
	}
	for _, who := range g.whoever(g.inSchema(from, pgsql.Insert)...) {
		if who != (node{what: rights, name: to.Owner}) {
			g.add(who, edge{to: dataOf(to), certainty: Possible, database: db, sql: []string{"INSERT INTO " + pgsql.Qualified(from.Schema, from.Name) + " … -- 23503: there is no such key"}, mend: []string{cut},
				why: fmt.Sprintf("a foreign key of %s tells which keys %s of %s has, and keeps its rows from being deleted", from.Identity(), to.Identity(), to.Owner)})
		}
	}
}

// granted says whether an ACL gives a right to others than the owner.
func granted(acl pgsql.ACL, owner string, priv pgsql.Privs) bool {
	return slices.ContainsFunc(acl, func(it pgsql.ACLItem) bool { return it.Grantee != owner && it.Privs&priv != 0 })
}

// addDrops: an owner of what others have things in can drop these (the manual,
// DROP SCHEMA; DROP DATABASE; DROP EXTENSION).
func addDrops(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		owner := map[string]string{}
		for _, s := range c.Schemas {
			owner[s.Name] = s.Owner
		}
		seen := map[node]bool{}
		for i := range c.Relations {
			r := &c.Relations[i]
			o := relation(r)
			o.Database = db
			if to := dataOf(o); (r.Kind == 'r' || r.Kind == 'p') && !r.Extension && !seen[to] {
				seen[to] = true
				g.addDrop(o, owner[r.Schema])
			}
		}
		for _, e := range c.Extensions {
			for _, to := range dataIn(*c) {
				if to.name != e.Owner && !g.s.super(e.Owner) {
					g.add(node{what: rights, name: e.Owner}, edge{to: to, certainty: Possible, database: db, sql: []string{"DROP EXTENSION " + pgsql.Ident(e.Name) + " CASCADE"},
						why: fmt.Sprintf("%s owns extension %s, and can drop it with everybody's columns of its types", e.Owner, e.Name)})
				}
			}
		}
	})
}

func (g *graph) addDrop(o Object, schemaOwner string) {
	if schemaOwner != o.Owner && schemaOwner != "" && !g.s.super(schemaOwner) {
		g.add(node{what: rights, name: schemaOwner}, edge{to: dataOf(o), certainty: Certain, database: o.Database, sql: []string{"DROP TABLE " + pgsql.Qualified(o.Schema, o.Name) + " CASCADE"},
			mend: []string{"ALTER SCHEMA " + pgsql.Ident(o.Schema) + " OWNER TO " + pgsql.Ident(o.Owner)},
			why:  fmt.Sprintf("%s owns schema %s, and so can drop what %s has in it", schemaOwner, shown(o.Schema), o.Owner)})
	}
	if d := g.s.databases[o.Database]; d != nil && d.Owner != o.Owner && !g.s.super(d.Owner) {
		g.add(node{what: rights, name: d.Owner}, edge{to: dataOf(o), certainty: Possible, sql: []string{"DROP DATABASE " + pgsql.Ident(d.Name)},
			why: fmt.Sprintf("%s owns database %s, and can drop it while nobody is connected", d.Owner, shown(d.Name))})
	}
}

// addRules: a rule, and a view that can be written through, work with the
// rights of their owner (the manual, "Rules and Privileges"). Whether a view
// can be written through is up to its query.
func addRules(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		ruled := map[[2]string]bool{}
		for _, r := range c.Rules {
			ruled[[2]string{r.Schema, r.Relation}] = !r.Disabled
		}
		v := newViews(g, db, c)
		for name, r := range v.relations {
			if r.Invoker && !ruled[name] || r.Kind != 'v' && !ruled[name] {
				continue
			}
			o := relation(r)
			o.Database = db
			for _, read := range v.reads[name] {
				if behind := v.relations[read]; behind != nil && behind.Owner != r.Owner {
					g.addRule(o, relation(behind))
				}
			}
		}
	})
}

func (g *graph) addRule(o, behind Object) {
	behind.Database = o.Database
	for _, priv := range []pgsql.Privs{pgsql.Insert, pgsql.Update, pgsql.Delete} {
		if p, _ := g.s.Privileges(o.Owner, behind); p&priv == 0 {
			continue
		}
		for _, who := range g.whoever(g.inSchema(o, priv)...) {
			if who != (node{what: rights, name: behind.Owner}) {
				g.add(who, edge{to: dataOf(behind), certainty: Possible, database: o.Database, sql: []string{reach(o, priv)}, mend: g.revoke(o, priv, who),
					why: fmt.Sprintf("%s %s hands %s on to %s of %s, with the rights of %s", o.What(), o.Identity(), priv, behind.Identity(), behind.Owner, o.Owner)})
			}
		}
	}
}
