package plan

import (
	"fmt"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/tenant"
)

// advisoryFunctions take, try and end advisory locks (manual, "Advisory Lock
// Functions").
var advisoryFunctions = func() (names []string) {
	for _, f := range []string{"pg_advisory_lock", "pg_advisory_xact_lock", "pg_try_advisory_lock", "pg_try_advisory_xact_lock", "pg_advisory_unlock"} {
		shared := f + "_shared"
		for _, name := range []string{f, shared} {
			names = append(names, name+"(pg_catalog.int8)", name+"(pg_catalog.int4, pg_catalog.int4)")
		}
	}
	return append(names, "pg_advisory_unlock_all()")
}()

// advisoryDoor opens or closes the functions for advisory locks in a container.
// Tenants that share a database share the keys of these locks. In a database of
// its own a tenant can only block itself, and keeps them.
func (u unit) advisoryDoor(c isolation.Container, in *inside) {
	wanted := u.b.someIn(c, func(t *tenant.Tenant) bool { return t.AdvisoryLocks })
	functions := " ON FUNCTION pg_catalog." + strings.Join(advisoryFunctions, ", pg_catalog.")
	switch {
	case wanted && !in.advisoryShut, !wanted && !(c.Shared && in.advisoryOpen):
	case !u.b.superuser():
		if !wanted {
			u.b.note("", fmt.Sprintf("only a superuser can take the functions for advisory locks from the tenants in database %s, who share the keys and can block each other", c.Database),
				"have a superuser apply once, or write advisory_locks: true")
			return
		}
		u.b.cannot("", fmt.Sprintf("only a superuser can give the tenants in database %s the functions for advisory locks", c.Database), "have a superuser apply once")
	case wanted:
		u.do("advisory locks are for the tenants of database "+c.Database, Safe, "GRANT EXECUTE"+functions+" TO PUBLIC")
	default:
		u.do("tenants of one database share the keys of advisory locks, and could block each other (advisory_locks: true keeps them)", Access, "REVOKE EXECUTE"+functions+" FROM PUBLIC")
	}
}
