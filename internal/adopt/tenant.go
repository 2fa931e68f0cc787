package adopt

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// tenant makes a tenant of a house.
func (b *builder) tenant(c *candidate, taken map[string]bool) {
	if len(c.claims) == 0 {
		b.ask("no login is left for %s: whose is it?", c)
		return
	}
	t := tenant.Tenant{
		Name: b.name(c, taken), Server: b.server.Name, Isolation: tenant.Database, Home: tenant.Place{Database: c.database,
			Schemas: c.schemas}, Rights: tenant.CRUD, Temp: true, Adopt: true,
	}
	if c.shared {
		t.Isolation = tenant.Schema
		// Nobody can see whether a program takes advisory locks now and then.
		t.AdvisoryLocks = true
		b.out.Remarks[t.Name] = append(b.out.Remarks[t.Name], "advisory_locks: an application at work may need them; take it out once you know that none in this database does")
	}
	t.Owner = tenant.DefaultOwner(t.Name)
	for _, f := range c.further {
		t.Further = append(t.Further, tenant.Place{Database: f.database, Schemas: f.schemas})
	}
	slices.SortFunc(t.Further, func(x, y tenant.Place) int { return strings.Compare(x.Database, y.Database) })
	if c.why != "" {
		b.remark(t.Name, "%s", c.why)
	}
	migrators := c.migrators()
	for _, cl := range c.claims {
		kind, why := cl.kind(migrators)
		t.Logins = append(t.Logins, tenant.Login{Name: cl.login, Kind: kind})
		b.remark(t.Name, "%s is %s: %s", cl.login, kind, why)
	}
	t.Rights = rights(t)
	t.Home.Schemas = b.inPath(t, t.Home)
	for i, p := range t.Further {
		t.Further[i].Schemas = b.inPath(t, p)
	}
	b.carry(&t)
	b.out.Estate.Tenants = append(b.out.Estate.Tenants, t)
}

// migrators says that somebody works with tables that others own.
func (c *candidate) migrators() bool {
	return slices.ContainsFunc(c.claims, func(cl claim) bool { return cl.writes && !cl.owns })
}

// kind is what a login of a tenant is. An owner is a migrator where another
// login does the application's work, and else the application.
func (cl claim) kind(others bool) (tenant.Kind, string) {
	switch {
	case cl.owns && others:
		return tenant.Migrator, "it owns tables, and another login works with them"
	case cl.owns:
		return tenant.App, "it owns tables"
	case cl.writes:
		return tenant.App, "it was granted INSERT, UPDATE or DELETE on tables"
	case cl.reads:
		return tenant.Reader, "it was granted nothing but SELECT"
	}
	return tenant.App, "the database is named after it, belongs to it or names it in its ACL"
}

func rights(t tenant.Tenant) tenant.Rights {
	switch {
	case len(t.LoginsOf(tenant.Migrator)) > 0:
		return tenant.DDL
	case len(t.LoginsOf(tenant.App)) == 0:
		return tenant.Read
	}
	return tenant.CRUD
}

// name is a valid name for a tenant that is nobody's yet, near to that of its
// house.
func (b *builder) name(c *candidate, taken map[string]bool) string {
	from := c.database
	if c.shared {
		from = c.schemas[0]
	}
	base := valid(from)
	for n := 1; ; n++ {
		name := base
		if n > 1 || tenant.CheckName(base) != nil {
			name = fmt.Sprintf("tenant_%s", base)
		}
		if n > 2 {
			name = fmt.Sprintf("tenant_%s_%d", base, n-1)
		}
		if taken[name] || b.used(name, c.database) || tenant.CheckName(name) != nil {
			continue
		}
		taken[name] = true
		if name != from {
			b.remark(name, "called so since %q is a role already, or no name for a tenant; call it as you like", from)
		}
		return name
	}
}

// used says whether a tenant of a name would find its roles or its door taken.
func (b *builder) used(name, database string) bool {
	for _, r := range b.snap.Roles {
		if r.Name == name || r.Name == tenant.DefaultOwner(name) {
			return true
		}
	}
	for _, d := range b.snap.Databases {
		if d.Name == name && d.Name != database {
			return true
		}
	}
	return false
}

// room is how long a name may be before it is made unique.
const room = tenant.MaxName - len("tenant__999")

// valid makes a tenant's name of any name.
func valid(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
	return name[:min(len(name), room)]
}

// inPath sorts a tenant's schemas in one of its databases as its application's
// search_path does: what stands first is where it looks first, and creates.
func (b *builder) inPath(t tenant.Tenant, p tenant.Place) []string {
	login := first(t)
	path := b.path(login, p.Database)
	place := func(schema string) int {
		for i, p := range path {
			if p == schema || p == "$user" && schema == login {
				return i
			}
		}
		return len(path)
	}
	out := slices.Clone(p.Schemas)
	slices.SortStableFunc(out, func(x, y string) int { return place(x) - place(y) })
	return out
}
