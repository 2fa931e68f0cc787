package landlord_test

import (
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

func estate(s *pgtest.Server) tenant.Estate {
	e := tenant.Estate{Servers: []tenant.Server{{Name: "main", Connection: s.ConnString("postgres", "postgres")}}}
	add := func(name string, m tenant.Model, db string, r tenant.Rights) {
		e.Tenants = append(e.Tenants, tenant.Tenant{
			Name: name, Server: "main", Isolation: m, Home: tenant.Place{Database: db, Schemas: []string{name}}, Owner: tenant.DefaultOwner(name),
			Rights: r, Logins: tenant.DefaultLogins(name, r), Temp: true,
			Limits: tenant.Limits{Connections: 20, StatementTimeout: 30e9, TempFiles: 1 << 30},
		})
	}
	add("acme", tenant.Database, "acme", tenant.CRUD)
	add("bolt", tenant.Schema, "shared", tenant.CRUD)
	add("crux", tenant.Schema, "shared", tenant.DDL)
	add("dyne", tenant.Database, "dyne", tenant.DDL)
	return e
}

func TestFromEmptyToNothingToDo(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := estate(s)
		ctx := t.Context()
		result, err := landlord.Apply(ctx, e, "main", landlord.Options{}, landlord.Hooks{})
		if err != nil || result.Err() != nil {
			t.Fatal(err, result.Err())
		}
		p, err := landlord.Plan(ctx, e, "main", landlord.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range p.Steps {
			t.Errorf("still to do: %s: %q", step.Why, step.SQL)
		}
		if p.HBA != nil {
			t.Errorf("still to do: pg_hba.conf")
		}
		for _, n := range p.Notes {
			t.Logf("note: %+v", n)
		}
	})
}
