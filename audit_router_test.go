package landlord_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"landlord"
	"landlord/internal/audit"
	"landlord/internal/pgtest"
	"landlord/internal/router"
	"landlord/internal/tenant"
)

// TestAuditOfTheRouter judges a server and a PgBouncer as landlord makes them:
// with a router there is nothing to find that would not be without.
func TestAuditOfTheRouter(t *testing.T) {
	s := pgtest.Start(t, pgtest.Majors()[len(pgtest.Majors())-1])
	r := newRouted(t, s, tenant.AuthQuery)
	keys := func() map[string]string {
		t.Helper()
		snap, err := landlord.Snapshot(t.Context(), landlord.SnapshotOptions{Conninfo: r.estate.Servers[0].Connection})
		if err != nil {
			t.Fatal(err)
		}
		in := landlord.AuditSnapshot("main", snap, r.estate, "main")
		in.Now = time.Now()
		ini := filepath.Join(r.estate.Router.Directory, "1", router.IniFile)
		text, err := os.ReadFile(ini)
		if err != nil {
			t.Fatal(err)
		}
		if in.Bouncer, err = audit.ParseBouncer(ini, text, nil); err != nil {
			t.Fatal(err)
		}
		in.Bouncer.Version = "1.18.0"
		out := map[string]string{}
		for _, f := range landlord.Audit(in).Findings {
			out[f.Key] = f.What
		}
		return out
	}
	with := keys()
	if with["bouncer-version:pgbouncer version"] == "" {
		t.Error("the known holes of 1.18 are not named")
	}
	delete(with, "bouncer-version:pgbouncer version")
	r.estate.Servers[0].Router = tenant.RouterDoor{}
	settle(t, r.estate)
	without := keys()
	for key, what := range with {
		if _, also := without[key]; !also || key[:7] == "bouncer" {
			t.Errorf("%s: %s", key, what)
		}
	}
}
