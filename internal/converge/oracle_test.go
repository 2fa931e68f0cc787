package converge_test

import (
	"fmt"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// oracle asks the server itself who can do what, and compares that with what
// landlord promises. It knows nothing of how landlord plans.
type oracle struct {
	*world
	wrong []string
	of    map[string]tenant.Tenant // role -> whose it is
	group map[string]string        // group role of a shared database -> the database
}

// judge lists every way in which the server is not as the spec says.
func (w *world) judge() []string {
	w.t.Helper()
	o := &oracle{world: w, of: map[string]tenant.Tenant{}, group: map[string]string{}}
	for _, t := range w.e.Tenants {
		for _, role := range t.Roles() {
			o.of[role] = t
		}
		if t.Isolation == tenant.Schema {
			o.group[t.Home.Database] = t.Home.Database
		}
	}
	o.judgeRoles()
	o.judgeMemberships()
	o.judgeSettings()
	o.judgeDatabases()
	for _, db := range w.open() {
		o.judgeSchemas(db)
		o.judgeObjects(db)
		o.judgeReach(db)
		o.judgeDefaults(db)
		o.judgeSystem(db)
	}
	return o.wrong
}

func (o *oracle) complain(format string, args ...any) {
	o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
}

// subjects are all roles whose rights are compared: the tenants', and
// strangers', who must have none. Superusers may do everything, and who is in
// a predefined role may do what that says.
func (o *oracle) subjects() []string {
	return o.column("postgres", `SELECT rolname::text FROM pg_roles r WHERE NOT rolsuper AND rolname !~ '^(pg_|postgres$)' AND rolname <> ALL ($2)
		AND (rolname = ANY ($1) OR NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid AND g.rolname ~ '^pg_'))
		ORDER BY rolname`, o.roles(), slices.Concat(o.trusted(), o.admins(), []string{"landlord_admins", tenant.RouterRole}))
}

// trusted are landlord's own role and the server's operators.
func (o *oracle) trusted() []string { return append([]string{o.me}, o.e.Servers[0].Operators...) }

// class is what a role is to a house.
func (o *oracle) class(role string, house tenant.Tenant) string {
	if o.of[role].Name != house.Name || house.Name == "" {
		return "outsider"
	}
	if role == house.Owner {
		return "owner"
	}
	if slices.Contains(house.Groups(), role) {
		return "outsider" // the identity is in it, not it in the identity
	}
	for _, l := range house.Logins {
		if l.Name != role {
			continue
		}
		// Before 16 a member of the owner has its rights without asking.
		if l.Kind == tenant.Migrator && o.major() < 16 {
			return "owner"
		}
		return string(l.Kind)
	}
	return "identity"
}

func (o *oracle) judgeRoles() {
	have := map[string][]string{}
	for _, r := range o.rows("postgres", `SELECT rolname::text, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
			rolconnlimit, coalesce(nullif(rolvaliduntil, 'infinity')::text, 'forever') FROM pg_roles`) {
		have[r[0]] = r[1:]
	}
	check := func(role string, login bool, limit int) {
		want := []string{"false", "true", "false", "false", fmt.Sprint(login), "false", "false", fmt.Sprint(limit), "forever"}
		if !slices.Equal(have[role], want) {
			o.complain("role %q has attributes %v, not %v", role, have[role], want)
		}
	}
	for _, t := range o.e.Tenants {
		limit := t.Limits.Connections
		if limit == 0 {
			limit = -1
		}
		check(t.Name, false, -1)
		check(t.Owner, false, -1)
		for _, g := range t.Groups() {
			check(g, false, -1)
		}
		for _, l := range t.Logins {
			own := limit
			if l.Connections != 0 {
				own = l.Connections
			}
			check(l.Name, true, own)
		}
		if t.Isolation == tenant.Schema {
			check(t.Home.Database, false, -1)
		}
	}
	o.judgeAdmins(have)
	o.judgePools(have)
	o.judgeRouter(have)
	check("landlord_tenants", false, -1)
	check("landlord_temp", false, -1)
}

// memberships are all that there should be, as "member in role", with the
// options that matter since 16.
func (o *oracle) memberships() map[string]string {
	want := map[string]string{}
	join := func(member, role, options string) { want[fmt.Sprintf("%q in %q", member, role)] = options }
	for _, t := range o.e.Tenants {
		join(t.Name, "landlord_tenants", "inherit=false set=false")
		if t.Isolation == tenant.Schema {
			join(t.Name, t.Home.Database, "inherit=true set=false")
			if t.Temp {
				join(t.Name, "landlord_temp", "inherit=true set=false")
			}
		}
		join(t.Owner, t.Name, "inherit=true set=false")
		for _, g := range t.Groups() {
			join(t.Name, g, "inherit=true set=false")
		}
		for _, l := range t.Logins {
			join(l.Name, t.Name, "inherit=true set=false")
			if l.Kind == tenant.Migrator {
				join(l.Name, t.Owner, "inherit=false set=true")
			}
		}
	}
	o.joinAdmins(join)
	o.joinPools(join)
	return want
}

func (o *oracle) judgeMemberships() {
	want, seen := o.memberships(), map[string]bool{}
	options := "'' AS options"
	if o.major() >= 16 {
		options = "format('inherit=%s set=%s', inherit_option::text, set_option::text)"
	}
	ours := append(o.roles(), append(o.admins(), "landlord_tenants", "landlord_temp")...)
	for group := range o.group {
		ours = append(ours, group)
	}
	for _, r := range o.rows("postgres", `SELECT m.rolname::text, r.rolname::text, admin_option, g.rolsuper OR g.rolname = ANY ($2), `+options+`
		FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid LEFT JOIN pg_roles g ON g.oid = a.grantor
		WHERE (m.rolname = ANY ($1) OR r.rolname = ANY ($1)) AND NOT m.rolsuper AND m.rolname <> ALL ($2)`, ours, o.trusted()) {
		what := fmt.Sprintf("%q in %q", r[0], r[1])
		options, ok := want[what]
		switch seen[what] = true; {
		case !ok:
			o.complain("membership %s", what)
		case r[2] == "true":
			o.complain("membership %s with ADMIN", what)
		case o.major() >= 16 && (r[4] != options || r[3] != "true"):
			o.complain("membership %s has %s, by a superuser: %s; wanted %s", what, r[4], r[3], options)
		}
	}
	for what := range want {
		if !seen[what] {
			o.complain("no membership %s", what)
		}
	}
}

// wantedSettings are a login's parameters but search_path.
func wantedSettings(t tenant.Tenant, k tenant.Kind) map[string]string {
	want := map[string]string{}
	for _, s := range t.Settings {
		want[s.Name] = s.Value
	}
	l := t.Limits
	for name, ms := range map[string]int64{"lock_timeout": l.LockTimeout.Milliseconds(), "idle_in_transaction_session_timeout": l.IdleTransaction.Milliseconds(),
		"statement_timeout": l.StatementTimeout.Milliseconds()} {
		if ms != 0 && !(name == "statement_timeout" && k == tenant.Migrator) {
			want[name] = fmt.Sprint(ms)
		}
	}
	for name, bytes := range map[string]int64{"temp_file_limit": l.TempFiles, "work_mem": l.WorkMem} {
		if bytes != 0 {
			want[name] = fmt.Sprint(bytes / 1024)
		}
	}
	if k == tenant.Migrator {
		want["role"] = t.Owner
	}
	return want
}

func (o *oracle) judgeSettings() {
	have, paths := map[string]map[string]string{}, map[[2]string]string{}
	for _, r := range o.rows("postgres", `SELECT coalesce(r.rolname, '')::text, coalesce(d.datname, '')::text, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
		FROM pg_db_role_setting s CROSS JOIN unnest(setconfig) c LEFT JOIN pg_roles r ON r.oid = setrole LEFT JOIN pg_database d ON d.oid = setdatabase`) {
		switch {
		case r[1] == "template1" && o.me == "postgres":
			o.complain("%s is set on template1, which was a tenant's", r[2])
		case r[0] == "" && r[1] == "" && o.me == "postgres" && o.shown(r[2], r[3]) != everybodys(r[2], o.shown(r[2], r[3])):
			o.complain("%s = %q is set for everybody", r[2], r[3])
		case r[1] != "" && r[2] == "search_path" && o.pathIn(r[0], r[1]) != nil:
			paths[[2]string{r[0], r[1]}] = r[3]
		case r[1] != "" && (o.of[r[0]].Name != "" || slices.Contains(o.databases(), r[1])):
			o.complain("%s is set for %q in database %q", r[2], r[0], r[1])
		case r[1] == "" && have[r[0]] == nil:
			have[r[0]] = map[string]string{r[2]: r[3]}
		case r[1] == "":
			have[r[0]][r[2]] = r[3]
		}
	}
	for _, t := range o.e.Tenants {
		for _, role := range []string{t.Name, t.Owner} {
			if len(have[role]) > 0 {
				o.complain("role %q has settings %v", role, have[role])
			}
		}
		for _, l := range t.Logins {
			o.judgeLogin(t, l, have[l.Name])
		}
		o.judgePaths(t, paths)
	}
}

// pathIn is what a login should have as search_path in one database only, or
// nothing.
func (o *oracle) pathIn(role, db string) []string {
	t := o.of[role]
	if p, ok := t.Place(db); ok && slices.Contains(t.LoginRoles(), role) && !slices.Equal(p.Schemas, t.Home.Schemas) {
		return t.Path(p)
	}
	return nil
}

// judgePaths looks at the search_path that logins have in one database only.
func (o *oracle) judgePaths(t tenant.Tenant, have map[[2]string]string) {
	for _, role := range t.LoginRoles() {
		for _, p := range t.Further {
			path, _ := pgsql.SplitIdents(have[[2]string{role, p.Database}])
			if want := o.pathIn(role, p.Database); !slices.Equal(path, want) {
				o.complain("login %q has search_path %q in %q, not %q", role, path, p.Database, want)
			}
		}
	}
}

func (o *oracle) judgeLogin(t tenant.Tenant, l tenant.Login, have map[string]string) {
	if path, ok := pgsql.SplitIdents(have["search_path"]); !ok || !slices.Equal(path, t.Path(t.Home)) {
		o.complain("login %q has search_path %s", l.Name, have["search_path"])
	}
	want := wantedSettings(t, l.Kind)
	if o.me != "postgres" {
		delete(want, "temp_file_limit") // a superuser's to set, as are
		delete(want, "app.greeting")    // parameters that nobody knows
	}
	delete(have, "search_path")
	for name, value := range have {
		if _, ok := want[name]; !ok {
			o.complain("login %q has %s = %q", l.Name, name, value)
		}
	}
	for name, value := range want {
		if got, ok := have[name]; !ok || o.shown(name, got) != o.shown(name, value) {
			o.complain("login %q has %s = %q, not %q", l.Name, name, got, value)
		}
	}
}

// shown is a parameter's value as SHOW would print it, whatever its unit.
func (o *oracle) shown(name, value string) string {
	if name == "role" {
		return value
	}
	return o.column("postgres", "SELECT set_config($1, $2, true)", name, value)[0]
}

// everybodys is what a parameter may be for all roles.
func everybodys(name, value string) string {
	switch name {
	case "role":
		return "none"
	case "session_replication_role":
		return "origin"
	case "lo_compat_privileges":
		return "off"
	case "password_encryption":
		return "scram-sha-256"
	}
	return value
}
