package converge_test

import (
	"fmt"
	"strings"

	"landlord/internal/pgsql"
)

// membership puts somebody into something, with any options.
func membership(w *world) {
	roles := append(w.roles(), "landlord_tenants", "landlord_temp", w.group(), "pg_read_all_data", "pg_monitor", w.stranger(), "postgres")
	role, member := pick(w.gen, roles), pick(w.gen, append(w.roles(), w.stranger(), "pg_monitor"))
	w.hand("postgres", "", "GRANT "+pgsql.Ident(role)+" TO "+pgsql.Ident(member)+w.membershipOptions())
}

func (w *world) membershipOptions() string {
	if w.major() < 16 {
		return pick(w.gen, []string{"", " WITH ADMIN OPTION"})
	}
	out := ""
	for _, o := range some(w.gen, w.IntN(4), []string{"ADMIN", "INHERIT", "SET"}) {
		if out == "" {
			out = " WITH "
		} else {
			out += ", "
		}
		out += o + pick(w.gen, []string{" TRUE", " FALSE"})
	}
	return out
}

// grantedByAnother makes a chain: one with ADMIN hands a membership on, which
// may be one that the house wants.
func grantedByAnother(w *world) {
	t := w.tenant()
	role := pick(w.gen, []string{t.Name, t.Owner, "landlord_tenants", t.Group(t.at)})
	first := pick(w.gen, append(w.roles(), w.stranger()))
	if !w.hand("postgres", "", "GRANT "+pgsql.Ident(role)+" TO "+pgsql.Ident(first)+" WITH ADMIN OPTION") {
		return
	}
	second := pick(w.gen, append(t.Roles(), w.role()))
	if w.chance(30) {
		w.hand("postgres", "", "REVOKE "+pgsql.Ident(role)+" FROM "+pgsql.Ident(second))
	}
	if w.hand("postgres", first, "GRANT "+pgsql.Ident(role)+" TO "+pgsql.Ident(second)+w.membershipOptions()) {
		w.hand("postgres", second, "GRANT "+pgsql.Ident(role)+" TO "+pgsql.Ident(w.role())+w.membershipOptions())
	}
}

func membershipRevoked(w *world) {
	t := w.tenant()
	member := pick(w.gen, t.Roles())
	role := pick(w.gen, []string{t.Name, t.Owner, "landlord_tenants", "landlord_temp", t.Group(t.at)})
	w.hand("postgres", "", "REVOKE "+pgsql.Ident(role)+" FROM "+pgsql.Ident(member)+" CASCADE")
}

// wrongObject has somebody else make things in a tenant's schema.
func wrongObject(w *world) {
	t := w.tenant()
	schema := pgsql.Ident(pick(w.gen, t.at.Schemas))
	as := pick(w.gen, []string{"", w.role()})
	if as != "" {
		w.hand(t.at.Database, "", "GRANT ALL ON SCHEMA "+schema+" TO "+pgsql.Ident(as))
	}
	for _, m := range some(w.gen, 3, makers) {
		w.hand(t.at.Database, as, m(w.gen, schema, pgsql.Ident(w.name("w"))))
	}
}

// extraSchema makes a schema that is no house, with something in it.
func extraSchema(w *world) {
	db, owner, name := w.tenant().at.Database, w.role(), w.name("extra")
	if w.chance(20) {
		owner = "postgres"
	}
	w.hand(db, "", "CREATE SCHEMA "+pgsql.Ident(name)+" AUTHORIZATION "+pgsql.Ident(owner))
	w.grant(db, "ALL", "SCHEMA "+pgsql.Ident(name))
	for _, m := range some(w.gen, 3, makers) {
		as := owner
		if w.chance(40) {
			as = ""
		}
		object := pgsql.Ident(w.name("e"))
		if w.hand(db, as, m(w.gen, pgsql.Ident(name), object)) {
			w.hand(db, "", "GRANT ALL ON TABLE "+pgsql.Ident(name)+"."+object+" TO "+w.anybody())
		}
	}
}

func publicAgain(w *world) {
	db := w.tenant().at.Database
	w.hand(db, "", "CREATE SCHEMA public")
	w.hand(db, "", pick(w.gen, []string{"GRANT ALL ON SCHEMA public TO PUBLIC", "ALTER SCHEMA public OWNER TO pg_database_owner", "SELECT 1"}))
	if w.chance(60) {
		w.hand(db, "", pick(w.gen, makers)(w.gen, "public", pgsql.Ident(w.name("p"))))
	}
}

// systemGrants gives tenants something on the system's own objects.
func systemGrants(w *world) {
	t := w.tenant()
	to, option := pgsql.Ident(pick(w.gen, w.roles())), pick(w.gen, []string{"", " WITH GRANT OPTION"})
	if w.chance(40) {
		to, option = "PUBLIC", ""
	}
	db := pick(w.gen, []string{t.at.Database, t.at.Database, "postgres"})
	sql := pick(w.gen, []string{
		"GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO ", "GRANT SELECT ON pg_catalog.pg_authid TO ", "GRANT USAGE ON LANGUAGE internal TO ",
		"GRANT CREATE ON TABLESPACE pg_default TO ", "GRANT SELECT (rolpassword) ON pg_catalog.pg_authid TO ", "GRANT USAGE ON SCHEMA pg_toast TO ",
		"GRANT CREATE ON SCHEMA pg_catalog TO ", "GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text), pg_catalog.lo_import(text) TO ",
		"GRANT USAGE ON TYPE pg_catalog.int4 TO ", "GRANT SELECT ON information_schema.sql_features TO ", "GRANT USAGE ON LANGUAGE plpgsql TO ",
		"GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text), pg_catalog.now() TO ", "GRANT SELECT ON pg_catalog.pg_largeobject, pg_catalog.pg_statistic TO ",
		"GRANT UPDATE (relname), SELECT (oid) ON pg_catalog.pg_class TO ", "GRANT ALL ON information_schema.sql_parts, information_schema._pg_user_mappings TO ",
	})
	if w.hand(db, "", sql+to+option) && option != "" && strings.Contains(sql, "pg_authid TO") {
		w.passOn(db, "SELECT", "TABLE pg_catalog.pg_authid", to)
	}
	if w.major() >= 15 && w.chance(40) {
		w.hand(db, "", "GRANT "+pick(w.gen, []string{"SET", "ALTER SYSTEM", "ALL"})+" ON PARAMETER "+pick(w.gen, []string{"work_mem", "log_statement", "\"app.x\"", "temp_file_limit"})+" TO "+to)
	}
}

func postgresOpened(w *world) {
	w.hand("postgres", "", "GRANT "+pick(w.gen, []string{"CONNECT", "TEMPORARY", "ALL"})+" ON DATABASE "+pick(w.gen, []string{"postgres", "template1"})+" TO "+w.anybody())
	if w.chance(30) {
		w.hand("template1", "", "GRANT ALL ON SCHEMA public TO PUBLIC")
	}
}

// catalogRights makes ACLs NULL again, which means the built-in default. (The
// empty ACL comes from revokeAll.)
func catalogRights(w *world) {
	t := w.tenant()
	const acl = "NULL"
	in := fmt.Sprintf("(SELECT oid FROM pg_namespace WHERE nspname = %s)", pgsql.Literal(pick(w.gen, t.at.Schemas)))
	sql := pick(w.gen, []string{
		"UPDATE pg_class SET relacl = %s WHERE relkind NOT IN ('i', 'I', 'c', 't') AND relnamespace = %s", "UPDATE pg_proc SET proacl = %s WHERE pronamespace = %s",
		"UPDATE pg_namespace SET nspacl = %s WHERE oid = %s", "UPDATE pg_type SET typacl = %s WHERE typelem = 0 AND typrelid = 0 AND typnamespace = %s",
	})
	w.hand(t.at.Database, "", "SET allow_system_table_mods = on; "+fmt.Sprintf(sql, acl, in)+
		"; DELETE FROM pg_shdepend WHERE deptype = 'a' AND objid IN (SELECT oid FROM pg_class WHERE relacl IS NULL UNION SELECT oid FROM pg_proc WHERE proacl IS NULL "+
		"UNION SELECT oid FROM pg_namespace WHERE nspacl IS NULL UNION SELECT oid FROM pg_type WHERE typacl IS NULL); RESET allow_system_table_mods")
	if w.chance(30) {
		w.hand("postgres", "", "SET allow_system_table_mods = on; UPDATE pg_database SET datacl = "+acl+" WHERE datname = "+pgsql.Literal(t.at.Database)+
			"; DELETE FROM pg_shdepend WHERE deptype = 'a' AND classid = 'pg_database'::regclass AND objid = (SELECT oid FROM pg_database WHERE datacl IS NULL AND datname = "+pgsql.Literal(t.at.Database)+"); RESET allow_system_table_mods")
	}
}

// largeObjects are made by somebody and granted to somebody.
func largeObjects(w *world) {
	db := w.tenant().at.Database
	owner := pick(w.gen, append(w.roles(), "postgres", w.stranger()))
	for _, id := range w.column(db, `SELECT lo_from_bytea(0, '\x00')`) {
		w.hand(db, "", "ALTER LARGE OBJECT "+id+" OWNER TO "+pgsql.Ident(owner))
		w.grant(db, pick(w.gen, []string{"SELECT", "ALL"}), "LARGE OBJECT "+id)
	}
}

// foreignServers stand in no schema, as do the other things here.
func foreignServers(w *world) {
	db, wrapper, server := w.tenant().at.Database, pgsql.Ident(w.name("wrapper")), pgsql.Ident(w.name("server"))
	w.hand(db, "", "CREATE FOREIGN DATA WRAPPER "+wrapper+"; CREATE SERVER "+server+" FOREIGN DATA WRAPPER "+wrapper)
	w.grant(db, "USAGE", "FOREIGN DATA WRAPPER "+wrapper)
	w.grant(db, "USAGE", "FOREIGN SERVER "+server)
	owner := pgsql.Ident(pick(w.gen, w.roles()))
	w.hand(db, "", pick(w.gen, []string{"ALTER SERVER " + server, "ALTER LANGUAGE plpgsql", "CREATE PUBLICATION " + server + "; ALTER PUBLICATION " + server, "ALTER TABLESPACE pg_default"})+" OWNER TO "+owner)
}

// strictSystem takes from PUBLIC what it has by default: nobody's harm.
func strictSystem(w *world) {
	w.hand(w.tenant().at.Database, "", "REVOKE "+pick(w.gen, []string{"SELECT ON pg_catalog.pg_settings", "SELECT ON information_schema.views",
		"EXECUTE ON FUNCTION pg_catalog.lo_create(oid)", "USAGE ON LANGUAGE plpgsql", "SELECT (subname) ON pg_catalog.pg_subscription"})+" FROM PUBLIC")
}
