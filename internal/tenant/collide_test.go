package tenant

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// house is a tenant with all defaults.
func house(name string, m Model, change ...func(*Tenant)) Tenant {
	t := Tenant{Name: name, Server: "main", Isolation: m, Home: Place{name, []string{name}},
		Owner: DefaultOwner(name), Rights: CRUD, Logins: DefaultLogins(name, CRUD), Temp: true}
	if m == Schema {
		t.Home.Database = "shared"
	}
	for _, c := range change {
		c(&t)
	}
	return t
}

func TestCollisions(t *testing.T) {
	in := func(database string) func(*Tenant) { return func(t *Tenant) { t.Home.Database = database } }
	login := func(name string) func(*Tenant) {
		return func(t *Tenant) { t.Logins = append(t.Logins, Login{Name: name, Kind: App}) }
	}
	const role = "a role can belong to one of them only"
	tests := []struct {
		name    string
		tenants []Tenant
		want    []string
	}{
		{"none", []Tenant{house("acme", Database), house("bolt", Schema), house("cora", Schema)}, nil},
		{"other servers", []Tenant{house("acme", Database), house("acme_app", Database, func(t *Tenant) { t.Server = "other" })}, nil},
		{"same schema in other databases", []Tenant{house("acme", Schema), house("bolt", Schema, in("two"), func(t *Tenant) { t.Home.Schemas = []string{"acme"} })}, nil},
		{"tenant and role", []Tenant{house("acme", Schema), house("acme_app", Schema)},
			[]string{`"acme_app" is both a login of tenant acme and the identity of tenant acme_app: ` + role}},
		{"logins", []Tenant{house("acme", Schema, login("web")), house("bolt", Schema, login("web"))},
			[]string{`"web" is both a login of tenant acme and a login of tenant bolt: ` + role}},
		{"login twice", []Tenant{house("acme", Schema, login("web"), login("web"))},
			[]string{`"web" is both a login of tenant acme and a login of tenant acme: it is named twice`}},
		{"login is identity", []Tenant{house("acme", Database, login("acme"))},
			[]string{`"acme" is both the identity of tenant acme and a login of tenant acme: identity and owner cannot log in; give the login another name`}},
		{"owner is identity", []Tenant{house("acme", Database, func(t *Tenant) { t.Owner = "acme" })},
			[]string{`"acme" is both the identity of tenant acme and the owner of tenant acme: every login is a member of the identity, and would own the tables`}},
		{"login is the database's name", []Tenant{house("acme", Database, in("old"), login("old"))}, nil},
		{"group of the shared database", []Tenant{house("acme", Schema, login("shared"))},
			[]string{`"shared" is both the group of the shared database of tenant acme and a login of tenant acme: ` + role}},
		{"named as the shared database", []Tenant{house("acme", Schema), house("shared", Schema)},
			[]string{`"shared" is both the group of the shared database of tenant acme and the identity of tenant shared: ` + role}},
		{"operator", []Tenant{house("acme", Schema, login("monitoring"))},
			[]string{`"monitoring" is both an operator of server main and a login of tenant acme: ` + role}},
		{"database of two", []Tenant{house("acme", Database, in("old")), house("bolt", Database, in("old"))},
			[]string{`"old" is both the database of tenant acme and the database of tenant bolt: a database can be one tenant's own, or shared by tenants with isolation schema`}},
		{"shared and own", []Tenant{house("acme", Schema), house("bolt", Database, in("shared"))},
			[]string{`"shared" is both the shared database of tenant acme and the database of tenant bolt: a database can be one tenant's own, or shared by tenants with isolation schema`}},
		{"schema of two", []Tenant{house("acme", Schema), house("bolt", Schema, func(t *Tenant) { t.Home.Schemas = []string{"b", "acme"} })},
			[]string{`"acme" is both a schema in the same database of tenant acme and a schema in the same database of tenant bolt: a schema can belong to one tenant only`}},
		{"door", []Tenant{house("acme", Database, in("bolt")), house("bolt", Schema)},
			[]string{`"bolt" is both the identity of tenant bolt and the database of tenant acme: pg_hba.conf would let that role's members in`}},
		{"second login", []Tenant{house("acme", Schema), house("acme_app_b", Schema)},
			[]string{`"acme_app_b" is both the identity of tenant acme_app_b and the second login (rotate) of tenant acme: rotation would have no name for the second login`}},
		{"second login and database", []Tenant{house("acme", Database), house("bolt", Database, in("acme_ro_b"))},
			[]string{`"acme_ro_b" is both the database of tenant bolt and the second login (rotate) of tenant acme: pg_hba.conf would let that login in`}},
		{"second login of one's own", []Tenant{house("acme", Schema, login("acme_app_b"))}, nil},
		{"capitals differ", []Tenant{house("acme", Schema, login("Web")), house("bolt", Schema, login("web"))}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := Estate{Servers: []Server{{Name: "main", Operators: []string{"monitoring"}}, {Name: "other"}}, Tenants: tt.tenants}
			var got []string
			for _, c := range Collisions(e) {
				got = append(got, c.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAdoptedNames(t *testing.T) {
	long := strings.Repeat("é", 31)
	tests := []struct {
		name                   string
		role, database, schema bool // allowed as
	}{
		{"acme", true, true, true},
		{`He said "no"` + "\n\\", true, true, true},
		{long + "x", true, true, true},
		{long + "xx", false, false, false},
		{"", false, false, false},
		{"a\x00", false, false, false},
		{"public", false, true, true},
		{"postgres", false, false, true},
		{"template0", true, false, true},
		{"pg_monitor", false, true, false},
		{"landlord_tenants", false, true, false},
		{"landlord_probe_x", false, true, false},
		{"information_schema", true, true, false},
	}
	for _, tt := range tests {
		if got := CheckRole(tt.name) == nil; got != tt.role {
			t.Errorf("role %q: %v", tt.name, got)
		}
		if got := CheckDatabase(tt.name) == nil; got != tt.database {
			t.Errorf("database %q: %v", tt.name, got)
		}
		if got := CheckSchema(tt.name) == nil; got != tt.schema {
			t.Errorf("schema %q: %v", tt.name, got)
		}
	}
}
