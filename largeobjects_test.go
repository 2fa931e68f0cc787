package landlord_test

import (
	"testing"

	"landlord"
	"landlord/internal/pgtest"
)

// Large objects are closed by default, opened and closed again by the spec,
// and left open where a tenant has some already.
func TestLargeObjects(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := administered(s)
		e.Servers[0].Admins = nil
		may := func(db string) bool {
			t.Helper()
			var yes bool
			row := s.Connect(t, db, "").QueryRow(t.Context(), `SELECT bool_and(has_function_privilege($1, f::regprocedure, 'EXECUTE')) FROM unnest(ARRAY[
				'lo_create(oid)', 'lo_creat(int)', 'lo_from_bytea(oid, bytea)', 'lo_open(oid, int)', 'lo_get(oid)', 'lo_put(oid, bigint, bytea)', 'lowrite(int, bytea)']) AS f`,
				map[string]string{"acme": "acme_app", "shared": "bolt_app"}[db])
			if err := row.Scan(&yes); err != nil {
				t.Fatal(err)
			}
			return yes
		}
		settledBut(t, e)
		if may("acme") || may("shared") {
			t.Error("open by default")
		}
		e.Tenants[0].LargeObjects, e.Tenants[1].LargeObjects = true, true
		settledBut(t, e)
		if !may("acme") || !may("shared") {
			t.Error("closed against the spec")
		}
		if got, err := landlord.Export(t.Context(), e.Servers[0]); err != nil || !got.Tenants[0].LargeObjects || !got.Tenants[1].LargeObjects {
			t.Errorf("export: %v %v", got.Tenants, err)
		}
		s.Exec(t, "acme", "SET ROLE acme_app; SELECT lo_create(4711)")
		e.Tenants[0].LargeObjects, e.Tenants[1].LargeObjects = false, false
		said(t, settledBut(t, e), "tenants have large objects in database acme")
		if !may("acme") || may("shared") {
			t.Error("an application that has large objects lost them, or one that has none kept the functions")
		}
		s.Exec(t, "acme", "SELECT lo_unlink(4711)")
		settledBut(t, e)
		if may("acme") {
			t.Error("still open after the last one is gone")
		}
	})
}
