package spec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// sharedDatabase is the container of schema tenants that name none.
const sharedDatabase = "shared"

// estate resolves the defaults of every tenant and checks what only the whole
// file shows.
func (d *decoder) estate() tenant.Estate {
	if _, host := d.sections["host"]; len(d.servers) == 0 && !host && !d.broken {
		d.errs.add(cmp.Or(d.sections["servers"], position{1, 1}), "servers",
			"the file names no server. For instance servers: {main: {connection: host=/var/run/postgresql user=postgres}}")
	}
	slices.SortStableFunc(d.servers, func(a, b tenant.Server) int { return strings.Compare(a.Name, b.Name) })
	if byName := func(a, b entry) int { return strings.Compare(a.name, b.name) }; !slices.IsSortedFunc(d.tenants, byName) {
		slices.SortStableFunc(d.tenants, byName)
	}
	d.resolveAdmins()
	e := tenant.Estate{Servers: d.servers, Host: d.host, Secrets: d.secrets, Journal: d.journal, Audit: d.audit}
	if len(d.tenants) > 0 {
		e.Tenants = make([]tenant.Tenant, len(d.tenants))
	}
	d.resolveDefaults()
	for i := range d.tenants {
		d.settle(&d.tenants[i], &e.Tenants[i])
	}
	e = tenant.Expand(e)
	d.resolveRouter(&e)
	d.collisions(e)
	d.places(e)
	return e
}

// resolveDefaults completes defaults by landlord's own, and each profile by
// defaults.
func (d *decoder) resolveDefaults() {
	if !d.defaults.has("temp") {
		d.defaults.Temp = true
	}
	d.checkServer(&d.defaults, "defaults.server")
	d.checkProfile(&d.defaults, "defaults.profile")
	for _, p := range d.profiles {
		p.inherit(&d.defaults)
	}
}

// resolve fills in what a tenant does not say: from its profile, from
// defaults, then from rules.
func (d *decoder) resolve(t *draft) {
	path := join(tenantsSection, t.Name)
	d.checkProfile(t, path+".profile")
	t.inherit(d.above(t))
	t.Isolation = cmp.Or(t.Isolation, tenant.Database)
	d.resolveResources(t, path)
	if t.Isolation != tenant.Cluster {
		d.checkServer(t, path+".server")
	}
	if !t.has("database") && !t.Own() {
		t.Home.Database = cmp.Or(d.defaults.Home.Database, sharedDatabase)
	}
	t.Rights = cmp.Or(t.Rights, tenant.CRUD)
	if t.migrates && !t.has("rights") {
		t.Rights = tenant.DDL
	}
	t.follow(&t.Tenant)
	if err := tenant.CheckRole(t.Group(t.Home)); err != nil && t.Home.Database != "" && !t.Own() {
		d.errs.add(t.place("database"), path+".database", "a shared database's name is also a role's: "+err.Error())
	}
	d.resolveLogins(t, path)
	d.resolveDatabases(t, path)
	slices.SortFunc(t.Settings, func(a, b tenant.Setting) int { return strings.Compare(a.Name, b.Name) })
}

// follow gives a tenant, whose isolation and rights are resolved, the names that
// follow from its own where its entry does not say them.
func (t *draft) follow(as *tenant.Tenant) {
	if !t.has("database") && as.Own() {
		as.Home.Database = as.Name
	}
	if len(t.Home.Schemas) == 0 {
		as.Home.Schemas = []string{as.Name}
	}
	if !t.has("owner") {
		as.Owner = tenant.DefaultOwner(as.Name)
	}
	if !t.has("logins") {
		as.Logins = tenant.DefaultLogins(as.Name, as.Rights)
	}
}

// above is what a tenant inherits from: its profile, which has inherited
// from defaults, or defaults.
func (d *decoder) above(t *draft) *draft {
	name := t.profile
	if !t.has("profile") {
		name = d.defaults.profile
	}
	if p, known := d.profiles[name]; known {
		return p
	}
	return &d.defaults
}

// inherit takes from a profile or from defaults what the draft does not set
// itself.
func (t *draft) inherit(def *draft) {
	t.Server = cmp.Or(t.Server, def.Server)
	t.Isolation = cmp.Or(t.Isolation, def.Isolation)
	t.Rights = cmp.Or(t.Rights, def.Rights)
	if !t.has("temp") {
		t.Temp = def.Temp
	}
	if !t.has("large_objects") {
		t.LargeObjects = def.LargeObjects
	}
	if !t.has("advisory_locks") {
		t.AdvisoryLocks = def.AdvisoryLocks
	}
	if !t.has("extensions") {
		t.Extensions = def.Extensions
	}
	inheritLimit(t, "connections", &t.Limits.Connections, def.Limits.Connections)
	inheritLimit(t, "temp_files", &t.Limits.TempFiles, def.Limits.TempFiles)
	inheritLimit(t, "statement_timeout", &t.Limits.StatementTimeout, def.Limits.StatementTimeout)
	inheritLimit(t, "lock_timeout", &t.Limits.LockTimeout, def.Limits.LockTimeout)
	inheritLimit(t, "idle_transaction", &t.Limits.IdleTransaction, def.Limits.IdleTransaction)
	inheritLimit(t, "work_mem", &t.Limits.WorkMem, def.Limits.WorkMem)
	t.inheritResources(def)
	for _, s := range def.Settings {
		if !slices.ContainsFunc(t.Settings, func(own tenant.Setting) bool { return strings.EqualFold(own.Name, s.Name) }) {
			t.Settings = append(t.Settings, s)
		}
	}
}

func inheritLimit[T comparable](t *draft, key string, own *T, def T) {
	if !t.has("limits." + key) {
		*own = def
	}
}

// checkProfile reports a profile that is not there.
func (d *decoder) checkProfile(t *draft, path string) {
	_, known := d.profiles[t.profile]
	if known || d.broken || t.profile == "" || t.profile == noLimit {
		return
	}
	names := slices.Sorted(maps.Keys(d.profiles))
	d.errs.suggest(t.place("profile"), path, fmt.Sprintf("no profile %q stands under profiles", t.profile), didYouMean(t.profile, names))
}

// checkServer resolves a tenant's server: the one named, or the only one.
func (d *decoder) checkServer(t *draft, path string) {
	own := t.has("server")
	servers := d.serverNames()
	switch {
	case d.broken: // the server may stand in what could not be read
	case own && t.Server != "" && !slices.Contains(servers, t.Server):
		d.errs.suggest(t.place("server"), path, fmt.Sprintf("no server %q stands under servers", t.Server), didYouMean(t.Server, servers))
	case own || t.Server != "" || t == &d.defaults:
	case len(servers) == 1:
		t.Server = servers[0]
	case len(servers) == 0:
		d.errs.add(t.at, path, "which server? The file names none, so that only isolation: cluster is possible")
	case len(servers) > 1:
		d.errs.add(t.at, path, "which server? There are several: "+strings.Join(servers, ", "))
	}
}

func (d *decoder) serverNames() []string {
	names := make([]string, len(d.servers))
	for i, s := range d.servers {
		names[i] = s.Name
	}
	return names
}

// resolveLogins completes the logins: a list that a tenant gives is whole, save
// for the migrator that rights: ddl needs.
func (d *decoder) resolveLogins(t *draft, path string) {
	migrators := t.LoginsOf(tenant.Migrator)
	switch {
	case t.Rights == tenant.Read && len(t.LoginsOf(tenant.App)) > 0:
		key := t.loginKey(t.LoginsOf(tenant.App)[0], tenant.App)
		d.errs.add(t.place(key), path+"."+key, "a login that writes wants rights: crud, or ddl")
	case t.Rights != tenant.DDL && len(migrators) > 0:
		key := t.loginKey(migrators[0], tenant.Migrator)
		d.errs.add(t.place(key), path+"."+key, "a login for DDL wants rights: ddl")
	case t.Rights == tenant.DDL && len(migrators) == 0:
		t.Logins = append(t.Logins, tenant.Login{Name: tenant.DefaultLogin(t.Name, tenant.Migrator), Kind: tenant.Migrator})
	}
	if len(t.Logins) == 0 {
		t.Logins = nil
	}
}

// resolveDatabases completes the further databases, and checks what their names
// are for beside.
func (d *decoder) resolveDatabases(t *draft, path string) {
	var further []tenant.Place
	for _, p := range t.Further {
		at, path := t.place("databases."+p.Database), join(path+".databases", p.Database)
		if p.Database == t.Home.Database {
			d.errs.add(at, path, fmt.Sprintf("%q is the database that the tenant lives in already: list its schemas under schemas", p.Database))
			continue
		}
		if err := tenant.CheckRole(t.Group(p)); err != nil {
			d.errs.add(at, path, "a further database's name is also a role's: "+err.Error())
		}
		if len(p.Schemas) == 0 {
			p.Schemas = []string{t.Name}
		}
		further = append(further, p)
	}
	t.Further = further
}

// loginKey is the key that gives a login: its own name, or its kind.
func (t *draft) loginKey(name string, k tenant.Kind) string {
	if key := "logins." + name; t.has(key) {
		return key
	}
	return "logins." + string(k)
}

// collisions reports the names that two tenants claim, at the second.
func (d *decoder) collisions(e tenant.Estate) {
	if len(d.errs.list) > 0 {
		e.Tenants = slices.DeleteFunc(slices.Clone(e.Tenants), half)
	}
	for _, c := range tenant.Collisions(e) {
		first, second := d.where(c.Server, c.First), d.where(c.Server, c.Second)
		use := c.Second
		if second.line < first.line || second.line == first.line && second.column < first.column {
			first, second, use = second, first, c.First
		}
		path := join(tenantsSection, use.Tenant)
		switch {
		case use.Tenant == "" && use.Key == "admins":
			path, use.Key = join("admins", use.Name), ""
		case use.Tenant == "" && use.Key == "pools":
			path, use.Key = join("servers", c.Server)+".pools", ""
		case use.Tenant == "":
			path = join("servers", c.Server)
		}
		if use.Key != "" {
			path += "." + use.Key
		}
		d.errs.add(second, path, fmt.Sprintf("%s (line %d)", c.Error(), first.line))
	}
}

// half says whether a tenant lacks something because of a mistake that is
// reported already.
func half(t tenant.Tenant) bool { return t.Home.Database == "" || t.Owner == "" || t.Server == "" }

// where is the place of a use: its key if the tenant gives it, else its name.
func (d *decoder) where(server string, u tenant.Use) position {
	if u.Tenant == "" && u.Key == "admins" {
		return d.byName[join("admins", u.Name)]
	}
	if at, ok := d.byName[join(join("servers", server)+".pools", u.Name)]; ok && u.Tenant == "" {
		return at
	}
	if u.Tenant == "" {
		return d.byName[join("servers", server)]
	}
	t := d.entry(u.Tenant)
	if u.Key == "schemas" && !t.draft.has("schemas") {
		return t.place("schema")
	}
	if strings.HasPrefix(u.Key, "logins.") && t.draft.has("logins."+u.Name) {
		return t.place("logins." + u.Name)
	}
	if u.Key == "databases" && t.draft.has("databases."+u.Name) {
		return t.place("databases." + u.Name)
	}
	return t.place(u.Key)
}

// entry is a tenant as it stands in the file, once the tenants are sorted.
func (d *decoder) entry(name string) *entry {
	i, found := slices.BinarySearchFunc(d.tenants, name, func(t entry, name string) int { return strings.Compare(t.name, name) })
	if !found {
		return &entry{at: position{1, 1}, draft: &draft{}}
	}
	return &d.tenants[i]
}
