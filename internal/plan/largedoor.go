package plan

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// largeFunctions make, read and write large objects (manual, "Server-Side
// Functions"). Those that read and write the server's files are superusers'
// from the start.
var largeFunctions = []string{
	"lo_create(pg_catalog.oid)", "lo_creat(pg_catalog.int4)", "lo_from_bytea(pg_catalog.oid, pg_catalog.bytea)", "lo_open(pg_catalog.oid, pg_catalog.int4)", "lo_close(pg_catalog.int4)",
	"loread(pg_catalog.int4, pg_catalog.int4)", "lowrite(pg_catalog.int4, pg_catalog.bytea)", "lo_lseek(pg_catalog.int4, pg_catalog.int4, pg_catalog.int4)",
	"lo_lseek64(pg_catalog.int4, pg_catalog.int8, pg_catalog.int4)", "lo_tell(pg_catalog.int4)", "lo_tell64(pg_catalog.int4)",
	"lo_truncate(pg_catalog.int4, pg_catalog.int4)", "lo_truncate64(pg_catalog.int4, pg_catalog.int8)", "lo_unlink(pg_catalog.oid)", "lo_get(pg_catalog.oid)",
	"lo_get(pg_catalog.oid, pg_catalog.int8, pg_catalog.int4)", "lo_put(pg_catalog.oid, pg_catalog.int8, pg_catalog.bytea)",
}

// largeObjectDoor opens or closes the functions for large objects in a
// container. They are PUBLIC's or nobody's: a list of tenants in their ACLs
// would grow with these.
func (u unit) largeObjectDoor(c isolation.Container, in *inside) {
	wanted := u.b.someIn(c, func(t *tenant.Tenant) bool { return t.LargeObjects })
	functions := " ON FUNCTION pg_catalog." + strings.Join(largeFunctions, ", pg_catalog.")
	switch {
	case wanted && !in.largeShut, !wanted && !in.largeOpen:
	case !u.b.superuser():
		if !wanted {
			u.b.note("", fmt.Sprintf("only a superuser can take the functions for large objects from the tenants in database %s: they fill the disk past every limit", c.Database),
				"have a superuser apply once, or write large_objects: true")
		}
	case wanted:
		u.do("large objects are for the tenants of database "+c.Database, Safe, "GRANT EXECUTE"+functions+" TO PUBLIC")
	case u.b.holdLargeObjects(in):
		u.b.note("", fmt.Sprintf("tenants have large objects in database %s, so the functions for these stay open", c.Database),
			"write large_objects: true for who needs them; landlord closes them once there is none")
	default:
		u.do("large objects stand in no schema and count for no limit", Access, "REVOKE EXECUTE"+functions+" FROM PUBLIC")
	}
}

// someIn says whether a tenant of a container has something, in the spec or,
// where the spec does not name it, on the server.
func (b *builder) someIn(c isolation.Container, has func(*tenant.Tenant) bool) bool {
	return slices.ContainsFunc(c.Tenants, has) || slices.ContainsFunc(b.found, func(t tenant.Tenant) bool {
		_, in := t.Place(c.Database)
		return has(&t) && in && !b.inSpec(t.Name) && !b.in.Prune
	})
}

// holdLargeObjects says whether a tenant has large objects in a database, and
// keeps them: it lives there, or the plan is not about it.
func (b *builder) holdLargeObjects(in *inside) bool {
	return slices.ContainsFunc(in.large, func(g snapshot.LargeObjectGrant) bool {
		whose := b.owner[g.Owner]
		return whose != "" && (b.livesAt(whose, in.database) || !b.concernsTenant(whose))
	})
}
