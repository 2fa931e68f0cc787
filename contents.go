package landlord

import (
	"context"

	"landlord/internal/catalog"
	"landlord/internal/tenant"
)

// Contents says what stands in each database of a tenant, and what of it is
// worth a look. A database that cannot be read says so itself.
func Contents(ctx context.Context, s tenant.Server, t Status) []catalog.Standout {
	h := houseOf(t)
	places := append([]PlaceStatus{{Database: t.Database, Schemas: t.Schemas}}, t.Further...)
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

// houseOf is what a tenant has, without the schemas.
func houseOf(t Status) catalog.House {
	h := catalog.House{Databases: []string{t.Database}}
	for _, r := range t.Roles {
		h.Roles = append(h.Roles, r.Name)
		if r.Kind == "owner" {
			h.Owner = r.Name
		}
	}
	for _, p := range t.Further {
		h.Databases = append(h.Databases, p.Database)
	}
	return h
}

// OwnedOutside says what a tenant's roles own outside of its house: it stays
// when the tenant goes, and a role of landlord's takes it over.
func OwnedOutside(ctx context.Context, s tenant.Server, t Status) ([]catalog.Owned, error) {
	h := houseOf(t)
	if len(h.Roles) == 0 || t.Isolation == tenant.Cluster { // nobody else is there
		return nil, nil
	}
	whole := h.Databases
	if t.Isolation == tenant.Schema {
		h.Schemas, whole = t.Schemas, whole[1:]
	}
	return catalog.ReadOwned(ctx, catalog.Options{Conninfo: s.Connection}, h, whole)
}
