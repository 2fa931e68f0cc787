package landlord

import (
	"context"

	"landlord/internal/catalog"
	"landlord/internal/tenant"
)

// Contents says what stands in each database of a tenant, and what of it is
// worth a look. A database that cannot be read says so itself.
func Contents(ctx context.Context, s tenant.Server, t Status) []catalog.Standout {
	h := catalog.House{Databases: []string{t.Database}}
	for _, r := range t.Roles {
		h.Roles = append(h.Roles, r.Name)
		if r.Kind == "owner" {
			h.Owner = r.Name
		}
	}
	places := append([]PlaceStatus{{Database: t.Database, Schemas: t.Schemas}}, t.Further...)
	for _, p := range t.Further {
		h.Databases = append(h.Databases, p.Database)
	}
	out := []catalog.Standout{}
	if len(h.Roles) == 0 { // its own server does not run
		return out
	}
	for _, p := range places {
		h.Schemas = p.Schemas
		out = append(out, catalog.ReadStandout(ctx, catalog.Options{Conninfo: s.Connection}, p.Database, h))
	}
	return out
}
