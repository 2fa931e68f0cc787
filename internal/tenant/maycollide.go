package tenant

import (
	"slices"
	"strings"
)

// MayCollide says whether it is worth looking for [Collisions]: false where there
// is surely none. Nearly always no name is taken twice, and that is seen at once;
// where one is, even if it is on another server, it is looked at closely.
//
// Of tenants all of whose names follow from their own (the usual ones), no two
// collide: so their names are not gathered, and whether one of them has the
// name of something else is looked up among the tenants.
func MayCollide(e Estate) bool {
	seen := sightings{roles: map[string]int{}, databases: map[string]int{}, schemas: map[[2]string]bool{}}
	if sorted(e.Tenants) {
		seen.tenants = e.Tenants
	}
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
	return seen.twice || seen.doors() || seen.twins() || seen.unusual()
}

// sorted says whether tenants are sorted by name, and no two have the same.
func sorted(tenants []Tenant) bool {
	for i := 1; i < len(tenants); i++ {
		if tenants[i-1].Name >= tenants[i].Name {
			return false
		}
	}
	return true
}

// nobody is in place of a tenant's number.
const nobody = -1

// sightings are the names that were met, with the tenant whose they are.
type sightings struct {
	tenants          []Tenant // sorted by name; nil: none of them is usual
	shared           string   // the shared database that was met last
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
	if s.tenants != nil && usual(t) {
		if !t.Own() && t.Home.Database != s.shared {
			s.shared = t.Home.Database
			s.share(t, t.Home)
		}
		return
	}
	for name := range t.EachRole {
		s.role(name, whose)
	}
	s.place(t, t.Home, whose)
	for _, p := range t.Further {
		s.place(t, p, whose)
	}
}

func (s *sightings) place(t *Tenant, p Place, whose int) {
	if t.Alone(p) {
		_, met := s.databases[p.Database]
		s.databases[p.Database] = whose
		s.twice = s.twice || met
		s.second(p.Database)
	} else {
		s.share(t, p)
	}
	for _, schema := range p.Schemas {
		key := [2]string{p.Database, schema}
		s.twice = s.twice || s.schemas[key]
		s.schemas[key] = true
	}
}

// share is a database that a tenant shares, with its group.
func (s *sightings) share(t *Tenant, p Place) {
	first, met := s.databases[p.Database]
	s.twice = s.twice || met && first != nobody
	if !met {
		s.databases[p.Database] = nobody
		s.role(t.Group(p), nobody)
		s.second(p.Database)
	}
}

// endings are what a tenant's name gets for each of its roles.
var endings = []string{"", DefaultOwner(""), DefaultLogin("", App), DefaultLogin("", Reader), DefaultLogin("", Migrator)}

// usual says whether all names of a tenant follow from its own, which is none
// that could follow from another's.
func usual(t *Tenant) bool {
	if len(t.Further)+len(t.Twins) > 0 || len(t.Home.Schemas) != 1 || t.Home.Schemas[0] != t.Name || t.Own() && t.Home.Database != t.Name {
		return false
	}
	if strings.Contains(t.Name, "_") && (strings.HasSuffix(t.Name, twinSuffix) || slices.ContainsFunc(endings[1:], func(e string) bool { return strings.HasSuffix(t.Name, e) })) {
		return false
	}
	if rest, ok := strings.CutPrefix(t.Owner, t.Name); !ok || rest != endings[1] {
		return false
	}
	for i, l := range t.Logins {
		rest, ok := strings.CutPrefix(l.Name, t.Name)
		if !ok || !slices.Contains(endings[2:], rest) || slices.ContainsFunc(t.Logins[:i], func(x Login) bool { return x.Name == l.Name }) {
			return false
		}
	}
	return true
}

// unusual says whether a name that was gathered may be one of a usual tenant's.
func (s *sightings) unusual() bool {
	for name := range s.roles {
		if s.follows(name) {
			return true
		}
	}
	for name := range s.databases {
		if s.follows(name) {
			return true
		}
	}
	for _, name := range s.seconds {
		if s.follows(strings.TrimSuffix(name, twinSuffix)) {
			return true
		}
	}
	for key := range s.schemas {
		if t := s.usual(key[1]); t != nil && t.Home.Database == key[0] {
			return true
		}
	}
	return false
}

// follows says whether a name can follow from a usual tenant's.
func (s *sightings) follows(name string) bool {
	return slices.ContainsFunc(endings, func(ending string) bool {
		base, ok := strings.CutSuffix(name, ending)
		return ok && s.usual(base) != nil
	})
}

// usual is the usual tenant of a name, or nil.
func (s *sightings) usual(name string) *Tenant {
	i, found := slices.BinarySearchFunc(s.tenants, name, func(t Tenant, name string) int { return strings.Compare(t.Name, name) })
	if !found || !usual(&s.tenants[i]) {
		return nil
	}
	return &s.tenants[i]
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
