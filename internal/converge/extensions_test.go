package converge_test

import (
	"fmt"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// extend gives some tenants extensions.
func (w *world) extend() {
	for i := range w.e.Tenants {
		w.e.Tenants[i].LargeObjects, w.e.Tenants[i].AdvisoryLocks = w.chance(25), w.chance(15)
		if w.chance(30) {
			w.e.Tenants[i].Extensions = some(w.gen, 1+w.IntN(2), []string{"citext", "pg_trgm"})
			slices.Sort(w.e.Tenants[i].Extensions)
		}
	}
}

// extensionDrift drops extensions, and opens the schema in which they stand.
func extensionDrift(w *world) {
	w.hand(w.tenant().at.Database, "", pick(w.gen, []string{
		"DROP EXTENSION citext CASCADE", "DROP EXTENSION pg_trgm CASCADE", "DROP SCHEMA landlord_extensions CASCADE",
		"GRANT ALL ON SCHEMA landlord_extensions TO PUBLIC", "GRANT ALL ON SCHEMA landlord_extensions TO " + pgsql.Ident(w.role()) + " WITH GRANT OPTION",
		"REVOKE ALL ON SCHEMA landlord_extensions FROM PUBLIC", "ALTER SCHEMA landlord_extensions OWNER TO " + pgsql.Ident(w.role()),
	}))
}

// judgeExtensions says that everybody may use the extensions' schema, and
// nobody change it, and that what a tenant is to have is there.
func (o *oracle) judgeExtensions(db string) {
	for _, r := range o.rows(db, `SELECT r.rolname::text FROM pg_roles r, pg_namespace n WHERE nspname = 'landlord_extensions' AND rolname = ANY ($1)
			AND (NOT has_schema_privilege(r.oid, n.oid, 'USAGE') OR has_schema_privilege(r.oid, n.oid, 'CREATE') OR has_schema_privilege(r.oid, n.oid, 'USAGE WITH GRANT OPTION'))`,
		o.subjects()) {
		o.complain("%q on the extensions of %q: not USAGE alone", r[0], db)
	}
	have := o.column(db, "SELECT extname::text FROM pg_extension WHERE extnamespace::regnamespace::text = 'landlord_extensions'")
	for _, t := range o.e.Tenants {
		for _, name := range t.Extensions {
			if lives(t, db) && !slices.Contains(have, name) {
				o.complain("no extension %s for %q in %q", name, t.Name, db)
			}
		}
	}
}

// largeDrift opens the functions for large objects or advisory locks, or closes
// some.
func largeDrift(w *world) {
	w.hand(w.tenant().at.Database, "", pick(w.gen, []string{
		"GRANT EXECUTE ON FUNCTION pg_catalog.lo_create(oid) TO PUBLIC", "GRANT EXECUTE ON FUNCTION pg_catalog.lo_put(oid, bigint, bytea) TO PUBLIC",
		"REVOKE EXECUTE ON FUNCTION pg_catalog.lo_open(oid, int) FROM PUBLIC",
		"GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_lock(int8) TO PUBLIC", "GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_unlock_all() TO " + pgsql.Ident(w.role()),
		"GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_init() TO PUBLIC",
		"REVOKE EXECUTE ON FUNCTION pg_catalog.pg_try_advisory_xact_lock_shared(int4, int4) FROM PUBLIC",
	}))
}

// judgeLarge says that the functions for large objects are PUBLIC's where a
// tenant is to have such, and nobody's else, save where some tenant has some.
func (o *oracle) judgeLarge(db string) {
	wanted := slices.ContainsFunc(o.e.Tenants, func(t tenant.Tenant) bool { return lives(t, db) && t.LargeObjects })
	if o.me != "postgres" || !wanted && len(o.column(db, "SELECT oid FROM pg_largeobject_metadata WHERE lomowner::regrole::text <> 'postgres' LIMIT 1")) > 0 {
		return
	}
	for _, r := range o.rows(db, `SELECT p.oid::regprocedure::text, r.rolname::text, has_function_privilege(r.oid, p.oid, 'EXECUTE') FROM pg_proc p, pg_roles r
		WHERE proname ~ '^lo_(creat|create|from_bytea|open|get|put|unlink|truncate|truncate64|lseek|lseek64|tell|tell64|close)$|^lowrite$|^loread$' AND r.rolname = ANY ($1)`, o.roles()) {
		if r[2] != fmt.Sprint(wanted) {
			o.complain("%q may call %s in %q: %s", r[1], r[0], db, r[2])
		}
	}
}

// judgeAdvisory says that the tenants of a shared database may take advisory
// locks where one of them is to, and that otherwise nobody may; and that nobody
// reads control data.
func (o *oracle) judgeAdvisory(db string) {
	if o.me != "postgres" {
		return
	}
	for _, f := range o.column(db, `SELECT DISTINCT p.proname::text FROM pg_proc p, pg_roles r WHERE proname ~ '^pg_control_' AND r.rolname = ANY ($1) AND has_function_privilege(r.oid, p.oid, 'EXECUTE')`, o.roles()) {
		o.complain("a tenant may call %s in %q", f, db)
	}
	if o.group[db] == "" {
		return
	}
	wanted := slices.ContainsFunc(o.e.Tenants, func(t tenant.Tenant) bool { return t.Home.Database == db && t.AdvisoryLocks })
	for _, r := range o.rows(db, `SELECT p.oid::regprocedure::text, r.rolname::text, has_function_privilege(r.oid, p.oid, 'EXECUTE') FROM pg_proc p, pg_roles r
		WHERE proname ~ '^pg_(try_)?advisory_' AND r.rolname = ANY ($1)`, o.roles()) {
		if r[2] != fmt.Sprint(wanted) {
			o.complain("%q may call %s in %q: %s", r[1], r[0], db, r[2])
		}
	}
}
