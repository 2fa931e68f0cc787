package converge_test

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// pool gives most worlds that have a shared database a pool.
func (w *world) pool() {
	for _, t := range w.e.Tenants {
		if t.Isolation == tenant.Schema && w.chance(70) {
			p := tenant.Pool{Name: w.name("pool"), Database: t.Home.Database}
			if w.chance(50) {
				p.Limits.Connections = 1 + w.IntN(50)
			}
			w.e.Servers[0].Pools = append(w.e.Servers[0].Pools, p)
			if w.chance(70) {
				break
			}
		}
	}
	slices.SortFunc(w.e.Servers[0].Pools, func(a, b tenant.Pool) int { return strings.Compare(a.Name, b.Name) })
}

// pools are the pools' logins.
func (w *world) pools() []string {
	var names []string
	for _, p := range w.e.Servers[0].Pools {
		names = append(names, p.Name)
	}
	return names
}

// poolDrift makes pools more or less than they are, and changes what they have.
func poolDrift(w *world) {
	if len(w.pools()) == 0 {
		return
	}
	p := pick(w.gen, w.e.Servers[0].Pools)
	name := pgsql.Ident(p.Name)
	for _, sql := range some(w.gen, 1+w.IntN(3), []string{
		"GRANT " + pgsql.Ident(pick(w.gen, append(w.roles(), "postgres", "pg_read_all_data"))) + " TO " + name + w.membershipOptions(),
		"REVOKE " + pgsql.Ident(pick(w.gen, []string{"landlord_tenants", p.Database})) + " FROM " + name,
		"GRANT " + name + " TO " + pgsql.Ident(w.role()) + w.membershipOptions(),
		"ALTER ROLE " + name + " " + pick(w.gen, []string{"SUPERUSER", "REPLICATION", "CREATEROLE", "INHERIT", "NOLOGIN", "CONNECTION LIMIT 1"}),
		"ALTER ROLE " + name + " SET " + pick(w.gen, []string{"search_path = public", "role = 'postgres'", "work_mem = '1GB'"}),
		"GRANT ALL ON SCHEMA landlord TO " + w.anybody(),
		"GRANT EXECUTE ON FUNCTION landlord.become TO " + w.anybody(),
		"REVOKE ALL ON SCHEMA landlord FROM " + name,
		"ALTER SCHEMA landlord OWNER TO " + pgsql.Ident(pick(w.gen, w.roles())),
		"ALTER FUNCTION landlord.become OWNER TO " + pgsql.Ident(pick(w.gen, w.roles())),
		"ALTER FUNCTION landlord.become " + pick(w.gen, []string{"SECURITY DEFINER", "SET search_path = public", "STRICT", "STABLE", "PARALLEL SAFE"}),
		"DROP FUNCTION landlord.become", "DROP SCHEMA landlord CASCADE",
		"CREATE OR REPLACE FUNCTION landlord.become(tenant text) RETURNS text LANGUAGE sql AS 'SELECT tenant'",
	}) {
		w.hand(p.Database, "", sql)
	}
}

// joinPools lists what the pools are members of.
func (o *oracle) joinPools(join func(member, role, options string)) {
	for _, p := range o.e.Servers[0].Pools {
		join(p.Name, "landlord_tenants", "inherit=false set=false")
		join(p.Name, p.Database, "inherit=false set=false")
		for _, t := range o.e.Tenants {
			if login, ok := t.PoolLogin(); ok && t.Isolation == tenant.Schema && t.Home.Database == p.Database {
				join(p.Name, login, "inherit=false set=true")
			}
		}
	}
}

// poolOf is the pool whose login a role is.
func (o *oracle) poolOf(role string) (tenant.Pool, bool) { return o.e.Servers[0].Pool(role) }

// poolHas says whether what a role is named in the ACL of is a pool's to have.
func (o *oracle) poolHas(role, db, how, catalog, schema, name string) bool {
	p, ok := o.poolOf(role)
	switch {
	case !ok || how != "a":
		return false
	case catalog == "pg_database":
		return name == p.Database
	case catalog == "pg_namespace":
		return db == p.Database && name == tenant.PoolSchema
	}
	return db == p.Database && catalog == "pg_proc" && schema == tenant.PoolSchema
}

// judgePools compares the pools' attributes and parameters, and sees that each
// becomes each of its tenants as the tenant's own login would be, and that it
// has nothing without.
func (o *oracle) judgePools(have map[string][]string) {
	for _, p := range o.e.Servers[0].Pools {
		limit := p.Limits.Connections
		if limit == 0 {
			limit = -1
		}
		if want := []string{"false", "false", "false", "false", "true", "false", "false", fmt.Sprint(limit), "forever"}; !slices.Equal(have[p.Name], want) {
			o.complain("pool %q has attributes %v, not %v", p.Name, have[p.Name], want)
		}
		if !slices.Contains(o.open(), p.Database) {
			o.complain("pool %q has no database", p.Name)
			continue
		}
		got := o.column("postgres", `SELECT coalesce(string_agg(c, ', ' ORDER BY c), '') FROM pg_db_role_setting s, unnest(setconfig) c, pg_roles r
			WHERE r.oid = setrole AND r.rolname = $1`, p.Name)
		if text := strings.ReplaceAll(strings.Join(got, ""), `"`, ""); text != "search_path=pg_catalog" {
			o.complain("pool %q has parameters %s", p.Name, text)
		}
		for _, r := range o.rows(p.Database, `SELECT nspname::text, has_schema_privilege($1, oid, 'USAGE'), has_schema_privilege($1, oid, 'CREATE') FROM pg_namespace
			WHERE nspname !~ '^(pg_|information_schema|landlord_extensions)'`, p.Name) {
			if have, want := strings.Join(r[1:], " "), fmt.Sprint(r[0] == tenant.PoolSchema, false); have != want {
				o.complain("pool %q on schema %q: USAGE, CREATE are %s, not %s", p.Name, r[0], have, want)
			}
		}
		for _, t := range o.e.Tenants {
			o.judgeBecome(p, t)
		}
	}
}

func (o *oracle) judgeBecome(p tenant.Pool, t tenant.Tenant) {
	c := o.superuser(p.Database)
	if c == nil {
		return
	}
	login, ok := t.PoolLogin()
	ok = ok && t.Isolation == tenant.Schema && t.Home.Database == p.Database
	defer c.Exec(o.ctx(), "ROLLBACK; RESET SESSION AUTHORIZATION")
	_, err := c.Exec(o.ctx(), "BEGIN; SET LOCAL SESSION AUTHORIZATION "+pgsql.Ident(p.Name))
	var user, path string
	if err == nil {
		err = c.QueryRow(o.ctx(), "SELECT landlord.become($1)", t.Name).Scan(&user)
	}
	if err == nil {
		err = c.QueryRow(o.ctx(), "SELECT current_user::text, current_setting('search_path')").Scan(&user, &path)
	}
	names, _ := pgsql.SplitIdents(path)
	switch {
	case !ok && err == nil:
		o.complain("pool %q becomes tenant %q, which is not its", p.Name, t.Name)
	case ok && (err != nil || user != login || !slices.Equal(names, append(slices.Clone(t.Path(t.Home)), "pg_temp"))):
		o.complain("pool %q becomes tenant %q: %v, it is %q in %q", p.Name, t.Name, err, user, path)
	}
}
