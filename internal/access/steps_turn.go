package access

import (
	"fmt"
	"slices"

	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// What runs as somebody else once that somebody does something: possible
// steps, all of them.

// addDatabaseSettings: an owner's ALTER DATABASE … SET search_path holds from
// the first moment of everybody's sessions there, a superuser's too, who then
// finds the owner's functions and views before the real ones.
func addDatabaseSettings(g *graph) {
	for _, d := range g.s.snap.Databases {
		if !d.AllowConn || d.Template || d.Owner == "" || g.s.super(d.Owner) {
			continue
		}
		g.add(node{what: rights, name: d.Owner}, edge{to: node{what: superuser}, certainty: Possible,
			sql:  []string{"ALTER DATABASE " + pgsql.Ident(d.Name) + " SET search_path = …"},
			mend: []string{"CREATE ROLE " + pgsql.Ident(d.Name+"_owner") + " NOLOGIN", "ALTER DATABASE " + pgsql.Ident(d.Name) + " OWNER TO " + pgsql.Ident(d.Name+"_owner")},
			why:  fmt.Sprintf("%s owns database %s, and so sets where a superuser's session there looks for names", d.Owner, shown(d.Name))})
	}
}

// addViewCode: functions in a view run as whoever reads it (the manual, CREATE
// VIEW, notes).
func addViewCode(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		for i := range c.Relations {
			if r := &c.Relations[i]; r.Kind == 'v' {
				o := relation(r)
				o.Database = db
				g.addLured(o, pgsql.Select, []string{"CREATE OR REPLACE VIEW " + pgsql.Qualified(r.Schema, r.Name) + " AS SELECT …"},
					fmt.Sprintf("functions in view %s run as %%s when that role reads it", o.Identity()))
			}
		}
	})
}

// addFunctionCode: a function that is not SECURITY DEFINER runs as its caller,
// and its owner replaces it at will. Of those that are everybody's to call, one
// of each owner in each schema stands for all.
func addFunctionCode(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		seen := map[[2]string]bool{}
		for i := range c.Routines {
			r := &c.Routines[i]
			if r.Definer || r.Extension || r.Returns != "" {
				continue
			}
			o := Object{Kind: pgsql.Routine, Database: db, Schema: r.Schema, Name: r.Signature, Owner: r.Owner, ACL: r.ACL}
			sql, why := []string{"CREATE OR REPLACE FUNCTION " + r.Signature + " …"}, r.Signature+" runs as %s when that role calls it"
			g.addLured(o, pgsql.Execute, sql, why)
			if at := [2]string{r.Schema, r.Owner}; !seen[at] && g.publicHas(need{o, pgsql.Execute}) {
				seen[at] = true
				g.addInvited(o, sql, why)
			}
		}
	})
}

// addInvited leads from the owner of what PUBLIC may use to those that the
// schema's ACL names, and, where that too is PUBLIC's, those that the
// database's names: somebody wanted them to be there.
func (g *graph) addInvited(o Object, sql []string, why string) {
	schema, ok := g.s.schema(o.Database, o.Schema)
	if !ok || g.s.super(o.Owner) {
		return
	}
	invited := g.grantees(need{schema, pgsql.Usage})
	if g.publicHas(need{schema, pgsql.Usage}) {
		invited = append(invited, g.grantees(need{g.s.database(o.Database), pgsql.Connect})...)
	}
	slices.Sort(invited)
	for _, name := range slices.Compact(invited) {
		if name != o.Owner && !g.s.super(name) {
			g.add(node{what: rights, name: o.Owner}, edge{to: g.owner(name), certainty: Possible, database: o.Database, sql: sql, why: fmt.Sprintf(why, name)})
		}
	}
}

// addExpressions: what a table's expressions call runs as whoever uses the
// table: a check, a default or an index as who changes it, a policy as who reads
// it too, a view's query as who reads the view.
func addExpressions(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		if len(c.Calls) == 0 {
			return
		}
		tables, owners := g.tablesOf(c, true), map[string]string{}
		for i := range c.Routines {
			owners[c.Routines[i].Signature] = c.Routines[i].Owner
		}
		for _, call := range c.Calls {
			table, owner := tables[[2]string{call.Schema, call.Relation}], owners[call.Function]
			if table == nil || owner == "" || g.s.super(owner) {
				continue
			}
			o := relation(table)
			o.Database = db
			g.addExpression(o, call, owner)
		}
	})
}

func (g *graph) addExpression(o Object, call snapshot.Call, owner string) {
	users := []string{o.Owner}
	for _, it := range g.s.acl(o) {
		if it.Grantee != "" && it.Privs&usersOf(call.In) != 0 && g.s.roles[it.Grantee] != nil {
			users = append(users, it.Grantee)
		}
	}
	slices.Sort(users)
	for _, name := range slices.Compact(users) {
		if name != owner {
			g.add(node{what: rights, name: owner}, edge{to: g.owner(name), certainty: Possible, database: o.Database, sql: []string{"CREATE OR REPLACE FUNCTION " + call.Function + " …"},
				mend: []string{"ALTER FUNCTION " + call.Function + " OWNER TO " + pgsql.Ident(o.Owner)},
				why:  fmt.Sprintf("%s of %s %s calls %s, as %s when that role uses it", inWords(call.In), o.What(), o.Identity(), call.Function, name)})
		}
	}
}

// usersOf are the rights by which a role has an expression of a table run.
func usersOf(in string) pgsql.Privs {
	switch in {
	case "query":
		return pgsql.Select
	case "policy":
		return pgsql.Select | pgsql.Insert | pgsql.Update | pgsql.Delete
	}
	return pgsql.Insert | pgsql.Update
}

func inWords(in string) string {
	switch in {
	case "check":
		return "a check"
	case "domain":
		return "a check of the domain of a column"
	case "default":
		return "a default, or a generated column,"
	case "policy":
		return "a policy"
	case "index":
		return "an index"
	}
	return "the query"
}

// addLured leads from an object's owner to those whom its ACL names for a
// right: somebody wanted them to use it. PUBLIC is nobody in particular.
func (g *graph) addLured(o Object, priv pgsql.Privs, sql []string, why string) {
	if g.s.super(o.Owner) {
		return
	}
	for _, name := range g.grantees(need{o, priv}) {
		if name != o.Owner {
			g.add(node{what: rights, name: o.Owner}, edge{to: g.owner(name), certainty: Possible, database: o.Database, sql: sql, why: fmt.Sprintf(why, name)})
		}
	}
}

// addSubscriptions: the changes that a subscription brings fire the triggers
// of the tables as its owner, always before 16, and since then where it is
// told to (the manual, "Logical Replication", "Security"). Which tables it
// changes is not known.
func addSubscriptions(g *graph) {
	for _, sub := range g.s.snap.Subscriptions {
		if g.s.snap.Version.MembershipOptions() && !sub.RunAsOwner {
			continue
		}
		c := g.s.contents[sub.Database]
		if c == nil {
			continue
		}
		seen := map[string]bool{sub.Owner: true}
		for _, r := range c.Relations {
			if seen[r.Owner] || g.s.super(r.Owner) {
				continue
			}
			seen[r.Owner] = true
			g.add(node{what: rights, name: r.Owner}, edge{to: g.owner(sub.Owner), certainty: Possible, database: sub.Database,
				sql: []string{"CREATE TRIGGER …", "ALTER TABLE … ENABLE ALWAYS TRIGGER …"},
				why: fmt.Sprintf("subscription %s changes tables as %s, and fires the triggers that %s has put on its own", sub.Name, sub.Owner, r.Owner)})
		}
	}
}

// addPasswords: it is the first that anybody tries.
func addPasswords(g *graph) {
	for _, name := range g.s.names {
		r := g.s.roles[name]
		if r.Login && r.PasswordIsName {
			g.add(node{what: anybody}, edge{to: g.owner(name), certainty: Possible, sql: []string{"-- psql --username=" + name},
				mend: []string{`\password ` + name}, why: "the password of " + name + " is its own name: whoever pg_hba.conf lets knock is in"})
		}
	}
}

// trusting says whether pg_hba.conf lets a role in from some network without
// any proof.
func (s *State) trusting(user, database string) bool {
	f := s.rules()
	if f == nil {
		return false
	}
	env := hba.Env{IsMember: func(user, role string) bool { return s.Chain(user, role, Member) != nil }}
	for _, r := range f.Rules() {
		p, ok := r.Address.Prefix()
		if r.Method != hba.Trust || r.Type == hba.Local || !ok {
			continue
		}
		for _, tls := range []bool{false, true} {
			if d := f.Decide(hba.Attempt{User: user, Database: database, Addr: p.Addr(), TLS: tls}, env); d.Certain && d.Method == hba.Trust {
				return true
			}
		}
	}
	return false
}
