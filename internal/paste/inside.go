package paste

import (
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// contents is what a database holds, made where it is not there yet.
func (r *reader) contents(database string) *snapshot.Contents {
	i := slices.IndexFunc(r.Snapshot.Contents, func(c snapshot.Contents) bool { return c.Database == database })
	if i < 0 {
		i = len(r.Snapshot.Contents)
		r.Snapshot.Contents = append(r.Snapshot.Contents, snapshot.Contents{Database: database})
	}
	return &r.Snapshot.Contents[i]
}

func (r *reader) schema(t Table, f fields) {
	name := f.name("name")
	c := r.contents(t.Database)
	s := snapshot.Schema{Name: name, Owner: f.name("owner"), ACL: r.acl(f), Size: -1}
	i := slices.IndexFunc(c.Schemas, func(s snapshot.Schema) bool { return s.Name == name })
	if i >= 0 && t.Has("access privileges") {
		c.Schemas[i] = s
	}
	if i >= 0 {
		return
	}
	r.at1(f.n, "schema", t.Database, pgsql.Ident(name))
	c.Schemas = append(c.Schemas, s)
}

// relKinds are \dp's and \d's words for kinds of relations.
var relKinds = map[string]snapshot.RelKind{
	"table": 'r', "partitioned table": 'p', "view": 'v', "materialized view": 'm', "foreign table": 'f', "sequence": 'S',
}

// objectKinds are the words of findings for the kinds of relations.
var objectKinds = map[snapshot.RelKind]string{'r': "table", 'p': "table", 'v': "view", 'm': "materialized view", 'f': "foreign table", 'S': "sequence"}

// kind reads the Type column. Indexes and what else has no ACL say false.
func (r *reader) kind(f fields) (snapshot.RelKind, bool) {
	k, ok := relKinds[f.get("type")]
	if !ok && !strings.Contains(f.get("type"), "index") && f.get("type") != "special" {
		r.note(f.n, f.get("type"), "a kind of relation that is not known")
	}
	return k, ok
}

func (r *reader) privileges(t Table, f fields) {
	kind, ok := r.kind(f)
	if !ok {
		return
	}
	rel := r.rel(t, f, kind)
	rel.ACL = r.acl(f)
	for _, it := range rel.ACL { // \dp does not show the owner, but the owner's own entry does
		if it.Grantee == it.Grantor && rel.Owner == "" && it.Grantee != "" {
			rel.Owner = it.Grantee
		}
	}
	schema, name, owner := rel.Schema, rel.Name, rel.Owner
	r.columns(t, f, schema, name, owner)
	r.policies(t, f, schema, name)
}

// rel finds or makes a relation: \d knows its owner, \dp its ACL.
func (r *reader) rel(t Table, f fields, kind snapshot.RelKind) *snapshot.Relation {
	c := r.contents(t.Database)
	schema, name := f.name("schema"), f.name("name")
	i := slices.IndexFunc(c.Relations, func(x snapshot.Relation) bool { return x.Schema == schema && x.Name == name })
	if i < 0 {
		i = len(c.Relations)
		c.Relations = append(c.Relations, snapshot.Relation{Schema: schema, Name: name, Kind: kind})
		r.at1(f.n, objectKinds[kind], t.Database, pgsql.Ident(schema)+"."+pgsql.Ident(name))
	}
	return &c.Relations[i]
}

func (r *reader) relation(t Table, f fields) {
	if kind, ok := r.kind(f); ok {
		r.rel(t, f, kind).Owner = f.name("owner")
	}
}

// columns reads "name:" lines, each followed by its aclitems.
func (r *reader) columns(t Table, f fields, schema, relation, owner string) {
	c := r.contents(t.Database)
	var column string
	items := map[string][]string{}
	var order []string
	for _, l := range strings.Split(f.get("column privileges", "column access privileges"), "\n") {
		l = strings.TrimSpace(l)
		if name, ok := strings.CutSuffix(l, ":"); ok && !strings.Contains(name, "=") {
			column = name
			order = append(order, name)
		} else if l != "" {
			items[column] = append(items[column], l)
		}
	}
	for _, name := range order {
		acl, bad := parseACL(strings.Join(items[name], "\n"))
		if bad != "" {
			r.problem(f.n, bad, "this is no access privilege such as user=arwd/owner")
		}
		c.Columns = append(c.Columns, snapshot.Column{Schema: schema, Relation: relation, Name: name, Owner: owner, ACL: acl})
	}
}

// policies reads psql's form of policies (permissionsList in describe.c):
// "name (RESTRICTIVE) (r):", then "(u):", "(c):" and "to:" lines.
func (r *reader) policies(t Table, f fields, schema, relation string) {
	c := r.contents(t.Database)
	var p *snapshot.Policy
	var last *string
	for _, l := range strings.Split(f.get("policies"), "\n") {
		l = strings.TrimSpace(l)
		switch {
		case l == "":
		case p != nil && strings.HasPrefix(l, "(u):"):
			p.Using, last = strings.TrimSpace(l[4:]), &p.Using
		case p != nil && strings.HasPrefix(l, "(c):"):
			p.Check, last = strings.TrimSpace(l[4:]), &p.Check
		case p != nil && strings.HasPrefix(l, "to: "):
			p.Roles, last = strings.Split(l[4:], ", "), nil
		case strings.HasSuffix(l, ":"):
			c.Policies = append(c.Policies, policyHead(strings.TrimSuffix(l, ":"), schema, relation))
			p, last = &c.Policies[len(c.Policies)-1], nil
		case last != nil:
			*last += " " + l
		default:
			r.note(f.n, l, "a part of a policy that is not understood")
		}
	}
}

func policyHead(head, schema, relation string) snapshot.Policy {
	p := snapshot.Policy{Schema: schema, Table: relation, Command: "ALL", Permissive: true, Roles: []string{""}}
	commands := map[string]snapshot.Command{"(r)": "SELECT", "(a)": "INSERT", "(w)": "UPDATE", "(d)": "DELETE"}
	for end, command := range commands {
		if rest, ok := strings.CutSuffix(head, " "+end); ok {
			head, p.Command = rest, command
			break
		}
	}
	if rest, ok := strings.CutSuffix(head, " (RESTRICTIVE)"); ok {
		head, p.Permissive = rest, false
	}
	p.Name = head
	return p
}

// defaultKinds are \ddp's words.
var defaultKinds = map[string]pgsql.ObjectKind{
	"table": pgsql.Table, "sequence": pgsql.Sequence, "function": pgsql.Routine, "type": pgsql.TypeKind, "schema": pgsql.SchemaKind, "large object": pgsql.LargeObject,
}

func (r *reader) defaults(t Table, f fields) {
	kind, ok := defaultKinds[f.get("type")]
	if !ok {
		r.note(f.n, f.get("type"), "a kind of object that is not known")
		return
	}
	acl := r.acl(f)
	if acl == nil {
		acl = pgsql.ACL{}
	}
	d := snapshot.DefaultACL{Creator: f.name("owner"), Schema: f.name("schema"), Kind: kind, ACL: acl}
	r.at1(f.n, "default privileges", t.Database, "of "+pgsql.Ident(d.Creator))
	c := r.contents(t.Database)
	c.DefaultACLs = append(c.DefaultACLs, d)
}

func (r *reader) extension(t Table, f fields) {
	c := r.contents(t.Database)
	r.at1(f.n, "extension", t.Database, f.name("name"))
	c.Extensions = append(c.Extensions, snapshot.Extension{Name: f.name("name"), Version: f.name("version"), Schema: f.name("schema")})
}
