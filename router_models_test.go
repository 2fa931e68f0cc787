package landlord_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

// TestAllModelsBehindOneRouter proves, through one router, tenants of all three
// models, each against those of the others.
func TestAllModelsBehindOneRouter(t *testing.T) {
	s := pgtest.Start(t, pgtest.Majors()[len(pgtest.Majors())-1])
	home, err := os.MkdirTemp("", "landlord-own-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRouted(t, s, tenant.AuthQuery, func(e *tenant.Estate) {
		e.Secrets.File = filepath.Join(e.Router.Socket, "passwords")
		e.Host = tenant.Host{Manager: tenant.Plain, Directory: home}
		e.Tenants = append(e.Tenants[:2:2], tenant.Tenant{Name: "initech", Server: "initech", Isolation: tenant.Cluster, Home: tenant.Place{Database: "initech", Schemas: []string{"initech"}},
			Owner: "initech_owner", Rights: tenant.CRUD, Logins: tenant.DefaultLogins("initech", tenant.CRUD), Temp: true})
		*e = tenant.Expand(*e)
		t.Cleanup(func() { stop(t, *e, "initech") })
		result, err := landlord.Apply(t.Context(), *e, "initech", landlord.Options{}, landlord.Hooks{})
		if err != nil || result.Err() != nil {
			t.Fatal(err, result.Err())
		}
	})
	r.walls(t, "main", "initech")
}

// stop stops a tenant's own server.
func stop(t *testing.T, e tenant.Estate, name string) {
	t.Helper()
	for i := range e.Tenants {
		e.Tenants[i].Suspended = e.Tenants[i].Name == name
	}
	if result, err := landlord.Apply(context.Background(), tenant.Expand(e), name, landlord.Options{}, landlord.Hooks{}); err != nil || result.Err() != nil {
		t.Error(err, result.Err())
	}
}
