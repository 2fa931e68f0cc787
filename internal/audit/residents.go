package audit

// Resident is a tenant as far as it can be told from a server: its roles, and
// the databases that are its own.
type Resident struct {
	Name      string
	Roles     []string
	Databases []string
}

// Residents lists the tenants that are judged: the spec's, or those that the
// server shows.
func Residents(in Input) []Resident {
	f := look(in)
	list := make([]Resident, 0, len(f.tenants))
	for _, t := range f.tenants {
		list = append(list, Resident{t.name, t.roles, t.databases})
	}
	return list
}
