package plan

import (
	"slices"

	"landlord/internal/tenant"
)

// directory finds the tenants in the spec by name, and by the schemas in which
// they live. A plan for a few asks for few: then each is looked for once, and
// thousands are not listed first.
type directory struct {
	tenants []tenant.Tenant
	listed  bool             // the maps have all
	number  map[string]int   // of a tenant among them; -1: there is none
	house   map[place]string // whose a schema is; "": nobody's
}

func newDirectory(tenants []tenant.Tenant, list bool) *directory {
	d := &directory{tenants: tenants, listed: list, number: map[string]int{}, house: map[place]string{}}
	if !list {
		return d
	}
	d.number, d.house = make(map[string]int, len(tenants)), make(map[place]string, len(tenants))
	for i := range tenants {
		t := &tenants[i]
		d.number[t.Name] = i
		for p := range t.EachPlace {
			for _, schema := range p.Schemas {
				d.house[place{p.Database, schema}] = t.Name
			}
		}
	}
	return d
}

// find is a tenant's number.
func (d *directory) find(name string) (int, bool) {
	i, known := d.number[name]
	if !known && !d.listed {
		i, known = -1, true
		for n := range d.tenants {
			if d.tenants[n].Name == name {
				i = n
			}
		}
		d.number[name] = i
	}
	return i, known && i >= 0
}

// houseAt is the tenant whose house a schema is, or "".
func (d *directory) houseAt(at place) string {
	name, known := d.house[at]
	if !known && !d.listed {
		for i := range d.tenants {
			for p := range d.tenants[i].EachPlace {
				if p.Database == at.database && slices.Contains(p.Schemas, at.schema) {
					name = d.tenants[i].Name
				}
			}
		}
		d.house[at] = name
	}
	return name
}
