package landlord

import (
	"context"
	"slices"

	"landlord/internal/catalog"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Elsewhere refuses tenants that stand with their door open on another of the
// estate's servers than the one that it says: whoever closed or made the house
// that it names would leave the other open. The error is a *plan.ConflictError.
// A server that cannot be looked at says nothing, and is in nobody's way.
func Elsewhere(ctx context.Context, e tenant.Estate, names ...string) error {
	for _, s := range e.Servers {
		var others []tenant.Tenant
		for _, t := range e.Tenants {
			if slices.Contains(names, t.Name) && t.Server != s.Name {
				others = append(others, t)
			}
		}
		if len(others) == 0 || s.Own != nil {
			continue
		}
		f := &snapshot.Focus{}
		for _, t := range others {
			f.Roles = append(f.Roles, t.Roles()...)
		}
		snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection, Focus: f})
		if err != nil {
			continue
		}
		if err := plan.Elsewhere(s.Name, snap, others); err != nil {
			return err
		}
	}
	return nil
}
