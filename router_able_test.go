package landlord

import (
	"strings"
	"testing"

	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// TestAble: who cannot stand behind the router is told what is missing.
func TestAble(t *testing.T) {
	lookup, list := tenant.Router{Secrets: tenant.AuthQuery, ServerCert: "/c"}, tenant.Router{Secrets: tenant.UserList}
	without := tenant.Router{Secrets: tenant.AuthQuery}
	checks := map[string]string{"ssl": "on", "ssl_ca_file": "/ca.pem"}
	for _, x := range []struct {
		r          tenant.Router
		host       string
		superuser  bool
		parameters map[string]string
		want       string
	}{
		{lookup, "db.example", true, checks, ""},
		{without, "/run", true, nil, ""},
		{list, "db.example", true, nil, ""},
		{lookup, "db.example", false, checks, "only a superuser reads"},
		{list, "/run", false, checks, "only a superuser reads"},
		{without, "db.example", true, checks, "router.server_tls"},
		{lookup, "db.example", true, map[string]string{"ssl": "on", "ssl_ca_file": ""}, "ssl_ca_file"},
		{lookup, "db.example", true, map[string]string{"ssl": "off", "ssl_ca_file": "/ca.pem"}, "ssl = on"},
	} {
		snap := snapshot.Snapshot{Parameters: x.parameters}
		snap.Session.Superuser = x.superuser
		err := able(x.r, tenant.Server{Name: "main"}, x.host, snap)
		if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}
