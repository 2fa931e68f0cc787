package converge_test

import (
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// administer gives most worlds administrators.
func (w *world) administer() {
	if w.chance(30) {
		return
	}
	for _, access := range []tenant.DataAccess{tenant.FullAccess, tenant.ReadAccess} {
		if w.chance(70) {
			w.e.Servers[0].Admins = append(w.e.Servers[0].Admins, tenant.Admin{Name: w.name("admin"), DataAccess: access})
		}
	}
}

// admins are the administrators' logins.
func (w *world) admins() []string {
	var names []string
	for _, a := range w.e.Servers[0].Admins {
		names = append(names, a.Name)
	}
	return names
}

// adminDrift makes administrators more or less than they are, and others
// administrators.
func adminDrift(w *world) {
	if len(w.admins()) == 0 {
		return
	}
	name := pgsql.Ident(pick(w.gen, w.admins()))
	in := pick(w.gen, append(w.roles(), "postgres", "pg_read_all_data", "pg_write_all_data", "pg_execute_server_program", "landlord_admins"))
	for _, sql := range some(w.gen, 1+w.IntN(3), []string{
		"GRANT " + pgsql.Ident(in) + " TO " + name + w.membershipOptions(),
		"REVOKE " + pgsql.Ident(pick(w.gen, []string{"landlord_admins", "pg_monitor", w.tenant().Owner})) + " FROM " + name,
		"GRANT " + name + " TO " + pgsql.Ident(w.role()) + w.membershipOptions(),
		"GRANT landlord_admins TO " + pgsql.Ident(w.role()),
		"ALTER ROLE " + name + " " + pick(w.gen, []string{"SUPERUSER", "REPLICATION", "CREATEROLE", "NOCREATEROLE", "CREATEDB", "BYPASSRLS", "NOBYPASSRLS", "NOINHERIT", "NOLOGIN", "CONNECTION LIMIT 1"}),
		"ALTER ROLE " + name + " SET " + pick(w.gen, []string{"search_path = public", "role = 'postgres'", "work_mem = '1GB'"}),
		"ALTER ROLE " + name + " IN DATABASE " + pgsql.Ident(w.tenant().at.Database) + " SET search_path = public",
		"GRANT ALL ON DATABASE " + pgsql.Ident(w.tenant().at.Database) + " TO " + name + ", landlord_admins",
	}) {
		w.hand("postgres", "", sql)
	}
}

// judgeAdmins compares the administrators' attributes, parameters and ways in.
func (o *oracle) judgeAdmins(have map[string][]string) {
	if len(o.admins()) == 0 {
		return
	}
	for _, a := range o.e.Servers[0].Admins {
		want := []string{"false", "true", "true", "true", "true", "false", "false", "-1", "forever"}
		settings := "search_path=pg_catalog"
		if a.DataAccess == tenant.ReadAccess {
			want = []string{"false", "true", "false", "false", "true", "false", "true", "-1", "forever"}
			settings = "default_transaction_read_only=on, " + settings
		}
		if !slices.Equal(have[a.Name], want) {
			o.complain("admin %q has attributes %v, not %v", a.Name, have[a.Name], want)
		}
		got := o.column("postgres", `SELECT coalesce(string_agg(c, ', ' ORDER BY c), '') FROM pg_db_role_setting s, unnest(setconfig) c, pg_roles r
			WHERE r.oid = setrole AND r.rolname = $1`, a.Name)
		if text := strings.ReplaceAll(strings.Join(got, ""), `"`, ""); text != settings {
			o.complain("admin %q has parameters %s, not %s", a.Name, text, settings)
		}
	}
	for _, r := range o.rows("postgres", `SELECT datname::text, r.rolname::text FROM pg_database d, pg_roles r
		WHERE datname = ANY ($1) AND r.rolname = ANY ($2)
			AND (NOT has_database_privilege(r.oid, d.oid, 'CONNECT') OR has_database_privilege(r.oid, d.oid, 'TEMPORARY') AND r.rolname = 'landlord_admins')`,
		append(o.databases(), "postgres"), append(o.admins(), "landlord_admins")) {
		o.complain("admin %q on database %q: CONNECT is missing, or there is more", r[1], r[0])
	}
}

// joinAdmins lists what the administrators are members of.
func (o *oracle) joinAdmins(join func(member, role, options string)) {
	for _, a := range o.e.Servers[0].Admins {
		also := "pg_read_all_data"
		if a.DataAccess == tenant.FullAccess {
			also = "pg_signal_backend"
			for _, t := range o.e.Tenants {
				join(a.Name, t.Owner, "inherit=false set=true")
			}
		}
		for _, role := range []string{"landlord_admins", "pg_monitor", also} {
			join(a.Name, role, "inherit=true set=false")
		}
	}
}
