package tenant

// PoolSchema is the schema, in a database that has pools, in which landlord's
// own function stands by which their logins become a tenant.
const PoolSchema = "landlord"

// Pool is a login for an application that serves many tenants itself. It may
// become the application role of each tenant with a schema in one shared
// database, for one transaction at a time, and has none of their rights until
// then. Code that speaks SQL as this login is every tenant: a pool is a
// convenience, and no wall.
type Pool struct {
	// Name is the login's, Database the shared database of its tenants.
	Name, Database string
	// Limits are the login's own. Of those of the tenants that it becomes,
	// temp_file_limit does not hold for it, and Connections neither.
	Limits Limits
}

// Pool returns the pool of that name.
func (s Server) Pool(name string) (Pool, bool) {
	for _, p := range s.Pools {
		if p.Name == name {
			return p, true
		}
	}
	return Pool{}, false
}

// PoolLogin is the login whose place a pool takes: the tenant's first that
// writes, or else its first that reads. A second login that rotation makes is
// in this one, which stays what it is.
func (t Tenant) PoolLogin() (name string, ok bool) {
	for _, k := range []Kind{App, Reader} {
		if names := t.LoginsOf(k); len(names) > 0 {
			return names[0], true
		}
	}
	return "", false
}
