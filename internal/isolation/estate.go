package isolation

import (
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// Container is a database in which tenants' schemas stand.
type Container struct {
	Database string
	// Group alone holds CONNECT.
	Group string
	// Shared says that the group is the container's own role, not one of a
	// tenant's.
	Shared bool
	// Adopt says that a tenant in it consents to taking it over.
	Adopt bool
	// Tenants are those who live in it.
	Tenants []*tenant.Tenant
}

// Grants are what others than the owner hold on the database. Their number
// does not grow with the tenants.
func (c Container) Grants(temp bool) []Grant {
	if c.Shared {
		return []Grant{{c.Group, pgsql.Connect}, {tenant.TempRole, pgsql.Temporary}}
	}
	if temp {
		return []Grant{{c.Group, pgsql.Connect | pgsql.Temporary}}
	}
	return []Grant{{c.Group, pgsql.Connect}}
}

// Extensions are those that some tenant in it is to have, sorted.
func (c Container) Extensions() []string {
	var all []string
	for _, t := range c.Tenants {
		all = append(all, t.Extensions...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// GroupRole is the role that a shared container needs beside its tenants'.
func (c Container) GroupRole() Role {
	return Role{Name: c.Group, ConnLimit: -1, Mark: Mark{Role: "group", Database: c.Database}}
}

// Markers are the roles that landlord keeps on every server.
func Markers() []Role {
	return []Role{
		{Name: tenant.TenantsRole, ConnLimit: -1, Mark: Mark{Role: "marker"}},
		{Name: tenant.TempRole, ConnLimit: -1, Mark: Mark{Role: "marker"}},
	}
}

// Lost is the role that what tenants own outside of their houses goes to.
func Lost() Role { return Role{Name: tenant.LostRole, ConnLimit: -1, Mark: Mark{Role: "marker"}} }

// Containers lists the containers of the tenants of one server, sorted by
// name.
func Containers(tenants []tenant.Tenant) []Container {
	byName := map[string]*Container{}
	for i := range tenants {
		t := &tenants[i]
		for p := range t.EachPlace {
			c := byName[p.Database]
			if c == nil {
				c = &Container{Database: p.Database, Group: t.Group(p), Shared: !t.Alone(p)}
				byName[p.Database] = c
			}
			c.Adopt = c.Adopt || t.Adopt
			c.Tenants = append(c.Tenants, t)
		}
	}
	var out []Container
	for _, c := range byName {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Container) int { return strings.Compare(a.Database, b.Database) })
	return out
}
