package tenant

import "strings"

// mayCollide says whether it is worth looking for collisions. Nearly always
// no name is taken twice, and that is seen at once; where one is, even if it is
// on another server, it is looked at closely.
func mayCollide(e Estate) bool {
	seen := sightings{roles: make(map[string]int, 5*len(e.Tenants)), databases: map[string]int{}, schemas: make(map[[2]string]bool, len(e.Tenants))}
	for _, s := range e.Servers {
		for _, name := range s.Operators {
			seen.role(name, nobody)
		}
		for _, a := range s.Admins {
			seen.role(a.Name, nobody)
		}
		if len(s.Pools) > 0 {
			return true
		}
	}
	for i := range e.Tenants {
		seen.tenant(&e.Tenants[i], i)
	}
	return seen.twice || seen.doors() || seen.twins()
}

// nobody is in place of a tenant's number.
const nobody = -1

// sightings are the names that were met, with the tenant whose they are.
type sightings struct {
	roles, databases map[string]int
	schemas          map[[2]string]bool
	seconds          []string // names that a second login could have
	twice            bool
}

func (s *sightings) role(name string, whose int) {
	n := len(s.roles)
	s.roles[name] = whose
	s.twice = s.twice || len(s.roles) == n
	s.second(name)
}

func (s *sightings) second(name string) {
	if strings.HasSuffix(name, twinSuffix) {
		s.seconds = append(s.seconds, name)
	}
}

func (s *sightings) tenant(t *Tenant, whose int) {
	for name := range t.EachRole {
		s.role(name, whose)
	}
	s.place(t, t.Home, whose)
	for _, p := range t.Further {
		s.place(t, p, whose)
	}
}

func (s *sightings) place(t *Tenant, p Place, whose int) {
	first, met := s.databases[p.Database]
	switch alone := t.Alone(p); {
	case alone:
		s.databases[p.Database] = whose
		s.twice = s.twice || met
	case !met:
		s.databases[p.Database] = nobody
		s.role(t.Group(p), nobody)
	default:
		s.twice = s.twice || first != nobody
	}
	if !met {
		s.second(p.Database)
	}
	for _, schema := range p.Schemas {
		key := [2]string{p.Database, schema}
		s.twice = s.twice || s.schemas[key]
		s.schemas[key] = true
	}
}

// doors says whether a database has the name of a role that is not its tenant's.
func (s *sightings) doors() bool {
	for name, whose := range s.databases {
		if other, met := s.roles[name]; met && other != whose {
			return true
		}
	}
	return false
}

// twins says whether a role has a name that the second of another could have.
func (s *sightings) twins() bool {
	for _, name := range s.seconds {
		if _, met := s.roles[strings.TrimSuffix(name, twinSuffix)]; met {
			return true
		}
	}
	return false
}
