package landlord_test

import (
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

// An event trigger at login, whose function belongs to a tenant, runs in no
// session of landlord's, whatever landlord does; in a tenant's it does.
func TestLoginTriggers(t *testing.T) {
	majors := pgtest.Majors()
	major := majors[len(majors)-1]
	if major < 17 {
		t.Skipf("PostgreSQL %d has no event triggers at login", major)
	}
	s := pgtest.Start(t, major)
	e := administered(s)
	e.Servers[0].Admins = nil
	apply(t, e, landlord.Options{})
	for _, db := range []string{"postgres", "acme", "shared"} {
		s.Exec(t, db, `CREATE SCHEMA trap; CREATE TABLE trap.visits (who text, app text DEFAULT current_setting('application_name')); GRANT USAGE ON SCHEMA trap TO PUBLIC; GRANT INSERT ON trap.visits TO PUBLIC;
			CREATE FUNCTION trap.visit() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO trap.visits VALUES (session_user); END';
			ALTER FUNCTION trap.visit OWNER TO acme_owner; CREATE EVENT TRIGGER visit ON login EXECUTE FUNCTION trap.visit(); ALTER EVENT TRIGGER visit ENABLE ALWAYS`)
	}
	ctx := t.Context()
	if _, err := landlord.Plan(ctx, e, "main", landlord.Options{}); err == nil {
		t.Error("plan does not mind")
	}
	result, err := landlord.Apply(ctx, e, "main", landlord.Options{}, landlord.Hooks{})
	if err == nil && result.Err() == nil {
		t.Error("apply does not mind")
	}
	for _, c := range []struct {
		what string
		do   func() error
	}{
		{"export", func() error { _, err := landlord.Export(ctx, e.Servers[0]); return err }},
		{"import", func() error {
			_, err := landlord.Import(ctx, tenant.Server{Name: "x", Connection: e.Servers[0].Connection})
			return err
		}},
		{"list", func() error { _, err := landlord.List(ctx, e.Servers[0]); return err }},
		{"snapshot", func() error {
			_, err := landlord.Snapshot(ctx, landlord.SnapshotOptions{Conninfo: e.Servers[0].Connection})
			return err
		}},
		{"login", func() error { _, err := landlord.Login(ctx, e, e.Tenants[0], "acme_app", true); return err }},
		{"rotate", func() error {
			_, err := landlord.Rotate(ctx, e, "acme", "acme_app", landlord.Rotation{}, landlord.Hooks{})
			return err
		}},
		{"keep", func() error { _, err := landlord.Keep(ctx, e.Servers[0], e.Tenants[0], t.TempDir()); return err }},
		{"prove", func() error {
			_, err := landlord.Prove(ctx, e, "main", landlord.Options{}, landlord.ProveHooks{})
			return err
		}},
	} {
		if err := c.do(); err != nil {
			t.Logf("%s: %v", c.what, err)
		}
	}
	for _, db := range []string{"postgres", "acme", "shared"} {
		// The test's own sessions have no name; and the test's pg_hba.conf lets in
		// the probe that knocks as a superuser.
		var landlords []string
		var tenants int
		row := s.Connect(t, db, "").QueryRow(ctx, `SELECT COALESCE(array_agg(app) FILTER (WHERE who = 'postgres' AND app NOT IN ('', 'landlord probe')), '{}'), count(*) FILTER (WHERE who <> 'postgres') FROM trap.visits`)
		if err := row.Scan(&landlords, &tenants); err != nil {
			t.Fatal(err)
		}
		if len(landlords) > 0 {
			t.Errorf("database %s: the trigger ran in sessions %q", db, landlords)
		}
		if db != "postgres" && tenants == 0 {
			t.Errorf("database %s: the trigger ran in nobody's session", db)
		}
	}
}
