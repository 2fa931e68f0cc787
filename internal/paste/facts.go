package paste

import (
	"slices"
	"strconv"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// facts puts a table's rows into the snapshot.
func (r *reader) facts(t Table, rows []*row) {
	take := map[Kind]func(Table, fields){
		Roles: r.role, Grants: r.grant, Databases: r.databaseRow, Schemas: r.schema, Privileges: r.privileges, Defaults: r.defaults,
		Settings: r.setting, Relations: r.relation, Extensions: r.extension, Parameters: r.parameterRow, Verifiers: r.verifier,
	}[t.Kind]
	if t.Database == Unknown {
		r.note(t.Line, string(t.Kind), "the text does not say which database this is of: paste it with psql's prompt, or put \\connect NAME above it")
	}
	for _, w := range rows {
		take(t, fields{w.n, t.Columns, w.cells})
	}
}

// fields is a row's cells by the names of their columns.
type fields struct {
	n       int
	columns []string
	cells   []string
}

func (f fields) get(columns ...string) string {
	for _, want := range columns {
		for i, c := range f.columns {
			if c == want {
				return f.cells[i]
			}
		}
	}
	return ""
}

// name is a cell that holds one name; psql wraps none but in narrow windows.
func (f fields) name(column string) string { return strings.ReplaceAll(f.get(column), "\n", "") }

func (r *reader) at1(n int, kind, database, name string) {
	o := snapshot.Object{Kind: kind, Database: database, Name: name}
	if _, ok := r.Lines[o]; !ok {
		r.Lines[o] = n
	}
}

// again says whether an object was told of before, as where a text holds \du
// and \du+.
func (r *reader) again(kind, database, name string) bool {
	_, ok := r.Lines[snapshot.Object{Kind: kind, Database: database, Name: name}]
	return ok
}

func (r *reader) role(t Table, f fields) {
	name := f.name("role name")
	if r.again("role", "", name) {
		return
	}
	role := snapshot.Role{Name: name, Inherit: true, Login: true, ConnLimit: -1, Comment: f.get("description")}
	for _, word := range strings.FieldsFunc(f.get("attributes"), func(c rune) bool { return c == ',' || c == '\n' }) {
		if !attribute(&role, strings.TrimSpace(word)) {
			r.note(f.n, word, "an attribute of role "+name+" that is not known")
		}
	}
	r.at1(f.n, "role", "", name)
	r.Snapshot.Roles = append(r.Snapshot.Roles, role)
	if !t.Has("member of") {
		return
	}
	groups, ok := names(f.get("member of"))
	if !ok {
		r.note(f.n, f.get("member of"), "no list of roles")
	}
	for _, group := range groups {
		r.at1(f.n, "membership", "", name+" in "+group)
		r.Snapshot.Memberships = append(r.Snapshot.Memberships, snapshot.Membership{Role: group, Member: name, Inherit: role.Inherit, Set: true})
	}
}

// attribute sets what a word of \du's Attributes says (describeRoles).
func attribute(role *snapshot.Role, word string) bool {
	switch word {
	case "Superuser":
		role.Superuser = true
	case "No inheritance":
		role.Inherit = false
	case "Create role":
		role.CreateRole = true
	case "Create DB":
		role.CreateDB = true
	case "Cannot login":
		role.Login = false
	case "Replication":
		role.Replicate = true
	case "Bypass RLS":
		role.BypassRLS = true
	case "No connections":
		role.ConnLimit = 0
	case "":
	default:
		if until, ok := strings.CutPrefix(word, "Password valid until "); ok {
			role.ValidUntil = until
			if until == "infinity" {
				role.ValidUntil = ""
			}
			return true
		}
		n, what, _ := strings.Cut(word, " ")
		limit, err := strconv.Atoi(n)
		if err != nil || what != "connection" && what != "connections" {
			return false
		}
		role.ConnLimit = limit
	}
	return true
}

// grant takes a row of \drg, which knows the options of a membership.
func (r *reader) grant(_ Table, f fields) {
	m := snapshot.Membership{Member: f.name("role name"), Role: f.name("member of"), Grantor: f.name("grantor")}
	for _, option := range strings.Split(f.get("options"), ",") {
		switch strings.TrimSpace(option) {
		case "ADMIN":
			m.Admin = true
		case "INHERIT":
			m.Inherit = true
		case "SET":
			m.Set = true
		case "":
		default:
			r.note(f.n, option, "an option of a membership that is not known")
		}
	}
	r.at1(f.n, "membership", "", m.Member+" in "+m.Role)
	r.Snapshot.Memberships = slices.DeleteFunc(r.Snapshot.Memberships, func(o snapshot.Membership) bool {
		return o.Member == m.Member && o.Role == m.Role && o.Grantor == "" // from \du, which knows less
	})
	r.Snapshot.Memberships = append(r.Snapshot.Memberships, m)
}

func (r *reader) databaseRow(t Table, f fields) {
	name := f.name("name")
	acl := r.acl(f)
	for i, d := range r.Snapshot.Databases {
		if d.Name == name { // \l and \l+
			if t.Has("access privileges") {
				r.Snapshot.Databases[i].ACL = acl
			}
			return
		}
	}
	r.at1(f.n, "database", "", name)
	r.Snapshot.Databases = append(r.Snapshot.Databases, snapshot.Database{
		Name: name, Owner: f.name("owner"), ACL: acl, AllowConn: name != "template0", Template: name == "template0" || name == "template1",
		ConnLimit: -1, Size: -1, Comment: f.get("description"),
	})
}

// acl reads the row's access privileges.
func (r *reader) acl(f fields) pgsql.ACL {
	acl, bad := parseACL(f.get("access privileges"))
	if bad != "" {
		r.problem(f.n, bad, "this is no access privilege such as user=arwd/owner")
	}
	return acl
}

func (r *reader) verifier(_ Table, f fields) {
	for i := range r.Snapshot.Roles {
		if r.Snapshot.Roles[i].Name == f.get("rolname") {
			r.Snapshot.Roles[i].Verifier = f.get("verifier")
		}
	}
}

func (r *reader) setting(_ Table, f fields) {
	for _, text := range strings.Split(f.get("settings"), "\n") {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			r.note(f.n, text, "no setting such as name=value")
			continue
		}
		s := snapshot.Setting{Role: f.name("role"), Database: f.name("database"), Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
		r.at1(f.n, "setting", s.Database, s.Role+" "+s.Name)
		r.Snapshot.Settings = append(r.Snapshot.Settings, s)
	}
}
