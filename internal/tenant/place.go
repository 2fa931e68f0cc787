package tenant

import (
	"slices"
	"strings"
)

// Place is a database in which schemas of a tenant stand.
type Place struct {
	Database string
	// Schemas are the tenant's schemas in it, the one that search_path names
	// first first. There is at least one.
	Schemas []string
}

// Places lists every database in which the tenant has something, the one that
// it lives in first. What is about a tenant's data or walls is about each.
func (t Tenant) Places() []Place { return append([]Place{t.Home}, t.Further...) }

// EachPlace yields what Places lists, in the same order, and makes no list.
func (t *Tenant) EachPlace(yield func(Place) bool) {
	if !yield(t.Home) {
		return
	}
	for _, p := range t.Further {
		if !yield(p) {
			return
		}
	}
}

// Place is the tenant's place in a database.
func (t Tenant) Place(database string) (Place, bool) {
	all := t.Places()
	i := slices.IndexFunc(all, func(p Place) bool { return p.Database == database })
	if i < 0 {
		return Place{}, false
	}
	return all[i], true
}

// WithPlace is the tenant with a further database, if it is one.
func (t Tenant) WithPlace(p Place) Tenant {
	if _, has := t.Place(p.Database); has {
		return t
	}
	t.Further = append(slices.Clone(t.Further), p)
	slices.SortFunc(t.Further, func(a, b Place) int { return strings.Compare(a.Database, b.Database) })
	return t
}

// Alone says whether the database of a place is the tenant's own.
func (t Tenant) Alone(p Place) bool { return t.Own() || p.Database != t.Home.Database }

// Group is the NOLOGIN role that alone holds CONNECT on the database of a
// place. pg_hba.conf lets in the members of the role with the database's name,
// so that is what a group is called; it is the identity itself where the tenant
// lives in a database of its own, and where another of its roles has the name
// already.
func (t Tenant) Group(p Place) string {
	home := p.Database == t.Home.Database
	if home && t.Own() || !home && t.named(p.Database) {
		return t.Identity()
	}
	return p.Database
}

// named says whether one of the tenant's roles, but for groups, has a name.
func (t Tenant) named(name string) bool {
	return name == t.Identity() || name == t.Owner || slices.ContainsFunc(t.Logins, func(l Login) bool { return l.Name == name })
}

// Groups lists the groups of the tenant's further databases that are roles of
// their own.
func (t Tenant) Groups() []string {
	var names []string
	for _, p := range t.Further {
		if g := t.Group(p); g != t.Identity() {
			names = append(names, g)
		}
	}
	return names
}

// Path lists the schemas in which the tenant's sessions look for names in a
// place.
func (t Tenant) Path(p Place) []string {
	if len(t.Extensions) == 0 {
		return p.Schemas
	}
	return append(slices.Clip(p.Schemas), ExtensionsSchema)
}
