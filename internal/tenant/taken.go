package tenant

import "strings"

// Names lists the names that a tenant takes on its server, and that are nobody
// else's then: of its roles, of the second ones that rotation may make, of its own
// databases, and of its schemas in one that it shares.
func (t Tenant) Names() []string {
	names := t.RoleNames()
	for _, p := range t.Places() {
		if t.Alone(p) {
			names = append(names, p.Database)
			continue
		}
		for _, s := range p.Schemas {
			if s != "public" {
				names = append(names, s)
			}
		}
	}
	return names
}

// RoleNames lists the names of a tenant's roles, and of the second ones that
// rotation may make.
func (t Tenant) RoleNames() []string {
	names := t.Roles()
	for _, l := range t.Logins {
		if twin, ok := TwinName(l.Name); ok {
			names = append(names, twin)
		}
	}
	return names
}

// DefaultNames are the names that a tenant may take that names nothing itself.
func DefaultNames(tenant string) []string {
	t := Tenant{Name: tenant, Owner: DefaultOwner(tenant), Logins: DefaultLogins(tenant, DDL), Home: Place{Database: tenant}}
	return t.Names()
}

// Rivals are the roles of which one tells who takes a name though no role has
// it: the login whose second that would be, the second of such a login, the
// identity whose owner it would be.
func Rivals(name string) []string {
	rivals := []string{name + twinSuffix}
	for _, suffix := range []string{twinSuffix, DefaultOwner("")} {
		if base, ok := strings.CutSuffix(name, suffix); ok && base != "" {
			rivals = append(rivals, base)
		}
	}
	return rivals
}
