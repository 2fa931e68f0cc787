package plan

import (
	"slices"
	"testing"

	"landlord/internal/hba"
	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// acmeAlone is a plan for a tenant of a shared database, where it is built, and of
// nobody else is anything known.
func acmeAlone() Input {
	t := tenant.Tenant{Name: "acme", Server: "main", Isolation: tenant.Schema, Home: tenant.Place{Database: "shared", Schemas: []string{"acme"}},
		Owner: tenant.DefaultOwner("acme"), Rights: tenant.CRUD, Logins: tenant.DefaultLogins("acme", tenant.CRUD)}
	in := Input{Server: tenant.Server{Name: "main"}, Tenants: []tenant.Tenant{t}, Only: []string{"acme"}, Partial: true}
	in.Snapshot = snapshot.Snapshot{Version: 180000, Session: snapshot.Session{User: "postgres", Superuser: true, Database: "postgres"},
		Databases: []snapshot.Database{{Name: "shared", Owner: "postgres", AllowConn: true}}}
	role := func(name string, m isolation.Mark) {
		in.Snapshot.Roles = append(in.Snapshot.Roles, snapshot.Role{Name: name, Comment: m.Comment()})
	}
	in.Snapshot.Roles = append(in.Snapshot.Roles, snapshot.Role{OID: 10, Name: "postgres", Superuser: true})
	role("shared", isolation.Mark{Role: "group", Database: "shared"})
	for _, r := range isolation.Build(t).Roles {
		role(r.Name, r.Mark)
	}
	in.Snapshot.Focus = Focus(in)
	return in
}

func TestLacksWithoutASpec(t *testing.T) {
	stranger := func(name string, m isolation.Mark) func(*Input) {
		return func(in *Input) {
			in.Snapshot.Roles = append(in.Snapshot.Roles, snapshot.Role{Name: name, Comment: m.Comment()})
		}
	}
	database := func(name string) func(*Input) {
		return func(in *Input) {
			in.Snapshot.Databases = append(in.Snapshot.Databases, snapshot.Database{Name: name, Owner: "postgres"})
		}
	}
	closed := func(in *Input) { // to PUBLIC: a database that is open is doubted with a spec, too
		for i := range in.Snapshot.Databases {
			in.Snapshot.Databases[i].ACL = pgsql.ACL{{Grantee: "postgres", Grantor: "postgres", Privs: pgsql.Connect}}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Input)
		want   string
	}{
		{name: "nobody is in the way"},
		{name: "a role of another tenant", change: stranger("bolt_x", isolation.Mark{Tenant: "bolt", Role: "app"}), want: "there are roles of other tenants"},
		{name: "a role between two names", change: stranger("acme_app_b_b", isolation.Mark{Role: "marker"}), want: "there is a role acme_app_b_b"},
		{name: "a database of a role's name", change: database("acme_ro"), want: "there is a database acme_ro"},
		{name: "a database of a second login's name", change: database("acme_app_b"), want: "there is a database acme_app_b"},
		{name: "a database of nobody's", change: database("warehouse")},
		{name: "a shared database that is to be made", change: func(in *Input) { in.Snapshot.Databases = nil }, want: "there is no shared database shared yet"},
		{name: "a database of its own without a mark", change: func(in *Input) {
			in.Tenants[0].Further = []tenant.Place{{Database: "archive", Schemas: []string{"acme"}}}
			database("archive")(in)
		}, want: "database archive bears no mark of the tenant's"},
		{name: "the server is read whole", change: func(in *Input) { in.Snapshot.Focus = nil }, want: "all is read, and of the tenants a few are known"},
	} {
		in := acmeAlone()
		if c.change != nil {
			c.change(&in)
		}
		closed(&in)
		if got := Lacks(in); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
		if in.Partial = false; c.want != "" {
			if got := Lacks(in); got == c.want {
				t.Errorf("%s: with a spec %q, too", c.name, got)
			}
		}
	}
}

func TestNames(t *testing.T) {
	want := []string{"acme", "acme_owner", "acme_app", "acme_ro", "acme_ddl", "acme_app_b", "acme_ro_b", "acme_ddl_b", "acme"}
	if got := tenant.DefaultNames("acme"); !slices.Equal(got, want) {
		t.Errorf("names: %v", got)
	}
	for name, want := range map[string][]string{"acme": {"acme_b"}, "acme_app_b": {"acme_app_b_b", "acme_app"}, "acme_owner": {"acme_owner_b", "acme"}, "_b": {"_b_b"}} {
		if got := tenant.Rivals(name); !slices.Equal(got, want) {
			t.Errorf("rivals of %s: %v", name, got)
		}
	}
}

// Rules for databases of others, whose groups are named otherwise, stay; one that
// leads into the tenant's own database does not.
func TestResidents(t *testing.T) {
	for _, c := range []struct {
		name  string
		other tenant.Tenant
		stays bool
	}{
		{"of others", tenant.Tenant{Name: "customer1", Isolation: tenant.Database, Home: tenant.Place{Database: "shop"}}, true},
		{"of the tenant's", tenant.Tenant{Name: "customer1", Isolation: tenant.Database, Home: tenant.Place{Database: "archive"}}, false},
	} {
		in := acmeAlone()
		text, err := hba.Render(Block(in.Server, append(slices.Clip(in.Tenants), c.other), in.Snapshot))
		if err != nil {
			t.Fatal(err)
		}
		in.Snapshot.HBA = &snapshot.HBA{Path: "pg_hba.conf", Text: text}
		in.Tenants[0].Further = []tenant.Place{{Database: "archive", Schemas: []string{"acme"}}}
		after, err := hba.Render(Block(in.Server, in.residents(), in.Snapshot))
		if err != nil {
			t.Fatal(err)
		}
		if stays := after == text; stays != c.stays {
			t.Errorf("a rule for a database %s stays: %v", c.name, stays)
		}
	}
}
