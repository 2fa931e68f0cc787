package tenant

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Use is one name that one tenant (or, with an empty Tenant, the server's
// operators) takes on a server.
type Use struct {
	Tenant string
	// Key is the spec's key under the tenant that gives the name: "" for the
	// tenant's name itself, else "owner", "logins.app", "database", "schemas",
	// "databases".
	Key string
	// What says in words what the name is used for.
	What string
	Name string
}

func (u Use) String() string {
	if u.Tenant == "" {
		return u.What
	}
	return fmt.Sprintf("%s of tenant %s", u.What, u.Tenant)
}

// Collision is one name taken twice where it can be taken only once.
type Collision struct {
	Server        string
	First, Second Use
	// Why says what would go wrong.
	Why string
}

func (c Collision) Error() string {
	return fmt.Sprintf("%q is both %s and %s: %s", c.Second.Name, c.First, c.Second, c.Why)
}

// Collisions lists every name that two parts of an estate both claim: a role,
// a database, a schema in one database, or a database and a foreign role of
// the same name. Names are compared byte by byte, as PostgreSQL does. The
// order depends on nothing but the estate.
func Collisions(e Estate) []Collision {
	if !MayCollide(e) {
		return nil
	}
	return collisions(e)
}

func collisions(e Estate) []Collision {
	claims := roleClaims(e)
	roles := slices.DeleteFunc(clashes(claims, "a role can belong to one of them only"), func(c Collision) bool {
		return ofDatabase(c.First) && ofDatabase(c.Second) // the databases clash as well
	})
	found := slices.Concat(
		roles,
		clashes(databaseClaims(e), "a database can be one tenant's own, or shared by tenants with isolation schema"),
		clashes(schemaClaims(e), "a schema can belong to one tenant only"),
		foreignDoors(e, claims),
		twinClashes(e, claims),
	)
	slices.SortStableFunc(found, func(a, b Collision) int {
		return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.Second.Tenant, b.Second.Tenant))
	})
	return found
}

// ofDatabase says that a name is a database's, or its group's.
func ofDatabase(u Use) bool { return u.Key == "database" || u.Key == "databases" }

// claim is a use within a scope: of two claims to one name on one server and
// in one scope, the second is a collision.
type claim struct {
	server, scope string
	use           Use
	nth           int // the order in which it was made
}

// clashes reports each claim whose name an earlier one has.
func clashes(claims []claim, why string) []Collision {
	order := func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.server, b.server), cmp.Compare(a.scope, b.scope), cmp.Compare(a.use.Name, b.use.Name))
	}
	for i := range claims {
		claims[i].nth = i
	}
	slices.SortFunc(claims, func(a, b claim) int { return cmp.Or(order(a, b), cmp.Compare(a.nth, b.nth)) })
	var found []Collision
	first := 0
	for i := 1; i < len(claims); i++ {
		if order(claims[first], claims[i]) != 0 {
			first = i
			continue
		}
		found = append(found, Collision{claims[i].server, claims[first].use, claims[i].use, reason(claims[first].use, claims[i].use, why)})
	}
	return found
}

// reason explains the collisions inside one tenant, which are another mistake
// than those between two.
func reason(a, b Use, why string) string {
	switch {
	case a.Tenant == "" && a.Key == "operators" && b.Key == "admins":
		return "landlord makes its admins and pg_hba.conf lets them in: take the name out of operators"
	case a.Key == "admins" && b.Key == "pools":
		return "an administrator serves no tenants; give the pool another name"
	case a.Tenant != b.Tenant || a.Tenant == "":
		return why
	case a.Key == "database", a.Key == "databases" && b.Key != "databases":
		return why
	case a.Key == b.Key:
		return "it is named twice"
	case a.Key == "" && b.Key == "owner":
		return "every login is a member of the identity, and would own the tables"
	case a.Key == "" || a.Key == "owner":
		return "identity and owner cannot log in; give the login another name"
	}
	return "a login has one kind only"
}

func roleClaims(e Estate) []claim {
	claims := make([]claim, 0, 6*len(e.Tenants)) // identity, owner, three logins, some groups
	for _, s := range e.Servers {
		for _, o := range s.Operators {
			claims = append(claims, claim{server: s.Name, use: Use{Key: "operators", What: "an operator of server " + s.Name, Name: o}})
		}
		for _, a := range s.Admins {
			claims = append(claims, claim{server: s.Name, use: Use{Key: "admins", What: "an administrator", Name: a.Name}})
		}
		for _, p := range s.Pools {
			claims = append(claims, claim{server: s.Name, use: Use{Key: "pools", What: "a pool", Name: p.Name}})
		}
	}
	for _, t := range sharers(e) {
		claims = append(claims, claim{server: t.Server, use: Use{t.Name, "database", "the group of the shared database", t.Group(t.Home)}})
	}
	for _, t := range e.Tenants {
		for _, name := range t.Groups() {
			claims = append(claims, claim{server: t.Server, use: Use{t.Name, "databases", "the group of a further database", name}})
		}
	}
	for _, t := range e.Tenants {
		claims = append(claims,
			claim{server: t.Server, use: Use{t.Name, "", "the identity", t.Identity()}},
			claim{server: t.Server, use: Use{t.Name, "owner", "the owner", t.Owner}})
		for _, l := range t.Logins {
			claims = append(claims, claim{server: t.Server, use: Use{t.Name, "logins." + string(l.Kind), "a login", l.Name}})
		}
	}
	return claims
}

// sharers picks the first tenant of each shared database to stand for it.
func sharers(e Estate) []Tenant {
	seen := map[[2]string]bool{}
	var firsts []Tenant
	for _, t := range e.Tenants {
		key := [2]string{t.Server, t.Home.Database}
		if !t.Own() && !seen[key] {
			seen[key] = true
			firsts = append(firsts, t)
		}
	}
	return firsts
}

func databaseClaims(e Estate) []claim {
	claims := make([]claim, 0, len(e.Tenants))
	for _, t := range sharers(e) {
		claims = append(claims, claim{server: t.Server, use: Use{t.Name, "database", "the shared database", t.Home.Database}})
	}
	for _, t := range e.Tenants {
		for i, p := range t.Places() {
			if t.Alone(p) {
				claims = append(claims, claim{server: t.Server, use: databaseUse(t, p, i)})
			}
		}
	}
	return append(claims, poolClaims(e)...)
}

// poolClaims are the databases of pools in which no tenant shares: one that is
// a tenant's own is no place for a pool.
func poolClaims(e Estate) []claim {
	shared := map[[2]string]bool{}
	for _, t := range sharers(e) {
		shared[[2]string{t.Server, t.Home.Database}] = true
	}
	var claims []claim
	for _, s := range e.Servers {
		for _, p := range s.Pools {
			if key := [2]string{s.Name, p.Database}; !shared[key] {
				shared[key] = true
				claims = append(claims, claim{server: s.Name, use: Use{Key: "pools", What: "the shared database of pool " + p.Name, Name: p.Database}})
			}
		}
	}
	return claims
}

// databaseUse is the use of the nth of a tenant's databases, which is its own.
func databaseUse(t Tenant, p Place, nth int) Use {
	if nth == 0 {
		return Use{t.Name, "database", "the database", p.Database}
	}
	return Use{t.Name, "databases", "a further database", p.Database}
}

func schemaClaims(e Estate) []claim {
	claims := make([]claim, 0, len(e.Tenants))
	for _, t := range e.Tenants {
		key := "schemas"
		for _, p := range t.Places() {
			for _, s := range p.Schemas {
				claims = append(claims, claim{server: t.Server, scope: p.Database, use: Use{t.Name, key, "a schema in the same database", s}})
			}
			key = "databases"
		}
	}
	return claims
}

// foreignDoors finds a tenant's database that has the name of another
// tenant's role. pg_hba.conf lets into a database the members of the role of
// its name (samerole), so that role's members would pass. The roles are
// sorted as clashes leaves them.
func foreignDoors(e Estate, roles []claim) []Collision {
	var found []Collision
	for _, t := range e.Tenants {
		for nth, p := range t.Places() {
			if !t.Alone(p) {
				continue
			}
			i, taken := slices.BinarySearchFunc(roles, p.Database, func(c claim, name string) int {
				return cmp.Or(cmp.Compare(c.server, t.Server), cmp.Compare(c.use.Name, name))
			})
			if !taken || ofDatabase(roles[i].use) || roles[i].use.Tenant == t.Name {
				continue
			}
			found = append(found, Collision{t.Server, roles[i].use, databaseUse(t, p, nth), "pg_hba.conf would let that role's members in"})
		}
	}
	return found
}

// twinClashes finds a login of a tenant's or of a pool's whose second role, which
// rotation may make, has a name of somebody else's, or the name of another tenant's
// database, into which pg_hba.conf would let it (samerole: every role is in itself).
// The roles are sorted as clashes leaves them.
func twinClashes(e Estate, roles []claim) []Collision {
	const why = "rotation would have no name for the second login"
	databases := map[[2]string]string{}
	for _, t := range e.Tenants {
		for _, p := range t.Places() {
			databases[[2]string{t.Server, p.Database}] = t.Name
		}
	}
	var found []Collision
	look := func(server string, second Use) {
		i, taken := slices.BinarySearchFunc(roles, second.Name, func(c claim, name string) int {
			return cmp.Or(cmp.Compare(c.server, server), cmp.Compare(c.use.Name, name))
		})
		other, house := databases[[2]string{server, second.Name}]
		switch {
		case taken && (second.Tenant == "" || roles[i].use.Tenant != second.Tenant || roles[i].use.Key == "databases"):
			found = append(found, Collision{server, roles[i].use, second, why})
		case house && (second.Tenant == "" || other != second.Tenant):
			found = append(found, Collision{server, Use{other, "database", "the database", second.Name}, second, "pg_hba.conf would let that login in"})
		}
	}
	for _, t := range e.Tenants {
		for _, l := range t.Logins {
			if name, ok := TwinName(l.Name); ok {
				look(t.Server, Use{t.Name, "logins." + string(l.Kind), "the second login (rotate)", name})
			}
		}
	}
	for _, s := range e.Servers {
		for _, p := range s.Pools {
			if name, ok := TwinName(p.Name); ok {
				look(s.Name, Use{Key: "pools", What: "the second login (rotate) of pool " + p.Name, Name: name})
			}
		}
	}
	return found
}

// CheckRole says why a role cannot be a tenant's owner or login, or a shared
// database's group, or nil. Adopted roles may have any name that PostgreSQL
// and landlord do not keep for themselves.
func CheckRole(name string) error {
	if err := CheckIdentifier(name); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(name, "pg_"), strings.HasPrefix(name, "landlord_"), name == "public", name == "none", name == "postgres":
		return fmt.Errorf("%q cannot be a tenant's role: PostgreSQL or landlord uses it", name)
	}
	return nil
}

// CheckDatabase says why a database cannot be a tenant's house, or nil.
func CheckDatabase(name string) error {
	if err := CheckIdentifier(name); err != nil {
		return err
	}
	switch name {
	case "postgres", "template0", "template1":
		return fmt.Errorf("%q cannot be a tenant's database: it belongs to the server", name)
	}
	return nil
}

// CheckSchema says why a schema cannot be a tenant's, or nil. "public" can:
// most adopted databases have their tables there.
func CheckSchema(name string) error {
	if err := CheckIdentifier(name); err != nil {
		return err
	}
	if strings.HasPrefix(name, "pg_") || strings.HasPrefix(name, "landlord") || name == "information_schema" {
		return fmt.Errorf("%q cannot be a tenant's schema: PostgreSQL or landlord uses it", name)
	}
	return nil
}
