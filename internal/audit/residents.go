package audit

import "landlord/internal/access"

// Resident is a tenant as far as it can be told from a server: its roles, and
// the databases that are its own.
type Resident struct {
	Name      string
	Roles     []string
	Databases []string
	// Schemas are its own, as pairs of database and schema.
	Schemas [][2]string
}

// Residents lists the tenants that are judged: the spec's, or those that the
// server shows.
func Residents(in Input) []Resident {
	return look(in).residents()
}

func (f *facts) residents() []Resident {
	list := make([]Resident, 0, len(f.tenants))
	for _, t := range f.tenants {
		list = append(list, Resident{t.name, t.roles, t.databases, t.schemas})
	}
	return list
}

// Homes are the tenants as paths see them. A database counts as a tenant's
// where no other has something there.
func Homes(residents []Resident) []access.Home {
	in := map[string]int{}
	for _, r := range residents {
		for _, d := range r.Databases {
			in[d]++
		}
	}
	out := make([]access.Home, len(residents))
	for i, r := range residents {
		out[i] = access.Home{Name: r.Name, Roles: r.Roles, Schemas: r.Schemas}
		for _, d := range r.Databases {
			if in[d] == 1 {
				out[i].Databases = append(out[i].Databases, d)
			}
		}
	}
	return out
}
