package adopt

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// What is set on a login and its database goes into the spec, since apply
// resets the rest; what opens a door, or cannot be said, is asked.
func TestCarry(t *testing.T) {
	u, v := login("u"), login("v")
	u.ConnLimit, v.ConnLimit, v.ValidUntil = 40, -1, "2030-01-01T00:00:00Z"
	snap := snapshot.Snapshot{Version: 180000, Roles: []snapshot.Role{u, v},
		Databases: []snapshot.Database{{Name: "shop", Owner: "dba", AllowConn: true}},
		Contents:  []snapshot.Contents{{Database: "shop", Schemas: []snapshot.Schema{{Name: "public"}}, Relations: []snapshot.Relation{table("public", "u"), table("public", "v")}}},
		Settings: []snapshot.Setting{
			{Database: "shop", Name: "TimeZone", Value: "Asia/Tokyo"}, {Database: "shop", Name: "statement_timeout", Value: "5000"},
			{Role: "u", Name: "statement_timeout", Value: "2 min"}, {Role: "u", Database: "shop", Name: "work_mem", Value: "8192"},
			{Role: "u", Database: "elsewhere", Name: "work_mem", Value: "1GB"}, {Role: "u", Name: "lock_timeout", Value: "1.5s"},
			{Role: "u", Name: "session_replication_role", Value: "replica"}, {Role: "u", Name: "search_path", Value: "public"}, {Name: "datestyle", Value: "ISO"},
		}}
	p := Propose(tenant.Server{Name: "main"}, snap)
	if len(p.Estate.Tenants) != 1 {
		t.Fatalf("%+v", p.Estate.Tenants)
	}
	got := p.Estate.Tenants[0]
	if diff := cmp.Diff(tenant.Limits{Connections: 40, StatementTimeout: 2 * time.Minute, WorkMem: 8 << 20}, got.Limits); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]tenant.Setting{{Name: "timezone", Value: "Asia/Tokyo"}}, got.Settings); diff != "" {
		t.Error(diff)
	}
	asks := strings.Join(p.Asks, "\n")
	for _, want := range []string{"lock_timeout is set to 1.5s", "session_replication_role is set to replica", "password of v holds until 2030", "login v has other settings"} {
		if !strings.Contains(asks, want) {
			t.Errorf("it does not ask: %s\n%s", want, asks)
		}
	}
}
