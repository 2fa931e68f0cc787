package spec

import (
	"slices"
	"strings"

	"landlord/internal/tenant"
)

func poolKeys() []Key {
	const p = "servers.NAME.pools.NAME."
	return append([]Key{
		{Path: "servers.NAME.pools", Type: Mapping, Default: "none", Example: "{web: {database: shared}}",
			Doc: "Logins for applications that serve many tenants over one pool of connections, each under the login's name. It may become each tenant with a schema in one shared database, for one transaction, by SELECT landlord.become('acme'); whatever speaks SQL as this login is every tenant (see pool.md)."},
		{Path: "servers.NAME.pools.NAME", Type: Mapping, Example: "{database: shared}",
			Doc: "One such login, which landlord makes."},
		{Path: p + "database", Type: Name, Default: "shared", Example: "shared",
			Doc: "The shared database whose tenants it may become: all with isolation: schema that stand there, now and later, and that are not suspended."},
		{Path: p + "limits", Type: Mapping, Default: "none", Example: "{connections: 50, temp_files: 4GiB}",
			Doc: "What this login may use. Defaults that a tenant has as well are the tenant's as soon as the login has become it; connections and temp_files are always the login's own."},
	}, limitKeys(p)...)
}

func (d *decoder) pools(n *node, path string) []tenant.Pool {
	var all []tenant.Pool
	d.mapping(n, path, "servers.NAME.pools", func(name, path string, at position, v *node) {
		if p, ok := d.pool(name, path, at, v); ok {
			all = append(all, p)
		}
	})
	slices.SortFunc(all, func(a, b tenant.Pool) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// pool reads one pool; ok is false where its name or its database is no name
// for one, which is reported.
func (d *decoder) pool(name, path string, at position, n *node) (tenant.Pool, bool) {
	p := draft{Tenant: tenant.Tenant{Name: name, Home: tenant.Place{Database: sharedDatabase}}}
	d.byName[path] = at
	err := tenant.CheckRole(name)
	if err != nil {
		d.errs.add(at, path, strings.ReplaceAll(err.Error(), "a tenant's role", "a pool's login"))
	}
	d.mapping(n, path, "servers.NAME.pools.NAME", func(key, path string, _ position, v *node) {
		switch key {
		case "database":
			p.Home.Database, _ = d.checked(v, path, checkShared)
		case "limits":
			d.mapping(v, path, "servers.NAME.pools.NAME.limits", func(key, path string, at position, v *node) { d.limit(&p, key, path, at, v) })
		}
	})
	return tenant.Pool{Name: name, Database: p.Home.Database, Limits: p.Limits}, err == nil && p.Home.Database != ""
}

// checkShared is for a database whose name is also its group's.
func checkShared(name string) error {
	if err := tenant.CheckDatabase(name); err != nil {
		return err
	}
	return tenant.CheckRole(name)
}

func (w *writer) pools(pools []tenant.Pool) {
	if len(pools) > 0 {
		w.key(2, "pools")
	}
	for _, p := range pools {
		w.key(3, p.Name)
		w.value(4, "database", quote(p.Database))
		w.limits(4, p.Limits)
	}
}
