package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// TestManyTenantsOfAPool: where connecting takes seconds, the plan says so; and
// a pool without tenants is no riddle either.
func TestManyTenantsOfAPool(t *testing.T) {
	for _, c := range []struct {
		version pgsql.Version
		tenants int
		said    string
	}{
		{160000, manyPooled + 1, "may become 2001 tenants"}, {160000, manyPooled, ""}, {170000, manyPooled + 1, ""}, {170000, 0, "has no tenant to become"},
	} {
		in := Input{
			Server: tenant.Server{Name: "main", Pools: []tenant.Pool{{Name: "web", Database: "shared"}}},
			Snapshot: snapshot.Snapshot{Version: c.version, Session: snapshot.Session{User: "postgres", Superuser: true, Database: "postgres"},
				Roles: []snapshot.Role{{Name: "postgres", Superuser: true, Login: true}}},
		}
		for i := range c.tenants {
			name := fmt.Sprintf("t%d", i)
			in.Tenants = append(in.Tenants, tenant.Tenant{Name: name, Server: "main", Isolation: tenant.Schema, Home: tenant.Place{Database: "shared", Schemas: []string{name}},
				Owner: tenant.DefaultOwner(name), Rights: tenant.CRUD, Logins: tenant.DefaultLogins(name, tenant.CRUD)})
		}
		p, err := Make(in)
		if err != nil {
			t.Fatal(err)
		}
		said := slices.ContainsFunc(p.Notes, func(n Note) bool { return c.said != "" && strings.Contains(n.What, c.said) })
		any := slices.ContainsFunc(p.Notes, func(n Note) bool { return strings.Contains(n.What, "pool web") })
		if said != (c.said != "") || any != said {
			t.Errorf("PostgreSQL %s, %d tenants: %+v", c.version, c.tenants, p.Notes)
		}
	}
}
