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
		e.Servers[0].Pools = []tenant.Pool{{Name: "web", Database: "shared"}}
		e.Tenants[0].Further = []tenant.Place{{Database: "archive", Schemas: []string{"acme"}}}
		e.Tenants[3].Home.Database, e.Tenants[3].Logins[0].Name = `dy'ne "x"`, `dyne "app", 'x'`
		e.Tenants = append(e.Tenants, tenant.Tenant{Name: "initech", Server: "initech", Isolation: tenant.Cluster, Home: tenant.Place{Database: "initech", Schemas: []string{"initech"}},
			Owner: "initech_owner", Rights: tenant.CRUD, Logins: tenant.DefaultLogins("initech", tenant.CRUD), Temp: true})
		*e = tenant.Expand(*e)
		t.Cleanup(func() { stop(t, *e, "initech") })
		result, err := landlord.Apply(t.Context(), *e, "initech", landlord.Options{}, landlord.Hooks{})
		if err != nil || result.Err() != nil {
			t.Fatal(err, result.Err())
		}
	})
	got, err := landlord.Rotate(t.Context(), r.estate, "bolt", "bolt_app", landlord.Rotation{}, landlord.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := landlord.PoolLogin(t.Context(), r.estate, "main", "web", false); err != nil {
		t.Fatal(err)
	}
	if err := landlord.FollowRouter(t.Context(), r.estate); err != nil {
		t.Fatal(err)
	}
	in := map[string]bool{}
	for _, o := range r.walls(t, "main", "initech") {
		if o.Probe == "router-own-login" {
			in[o.Login+" "+o.Database] = true
		}
		in[o.Pool+" "+o.Probe] = true
	}
	for _, want := range []string{"acme_app ", "acme_app archive", "bolt_app ", got.Settings.User + " ", `dyne "app", 'x' `, "initech_ro ", "web router-pool-login", "web router-b-name"} {
		if !in[want] {
			t.Errorf("%q was not tried: %v", want, in)
		}
	}
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
