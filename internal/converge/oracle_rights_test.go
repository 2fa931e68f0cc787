package converge_test

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

func (o *oracle) judgeDatabases() {
	houses := map[string]tenant.Tenant{}
	for _, t := range o.e.Tenants {
		for _, p := range t.Places() {
			houses[p.Database] = t
		}
	}
	for _, r := range o.rows("postgres", `SELECT datname::text, r.rolname::text, r.rolsuper OR r.rolname = ANY ($2), datallowconn, datistemplate, datconnlimit
		FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE datname = ANY ($1)`, o.databases(), o.trusted()) {
		if r[2] != "true" || r[3] != "true" || r[4] != "false" || r[5] != "-1" {
			o.complain("database %q: owner %q (superuser %s), allows connections %s, template %s, limit %s", r[0], r[1], r[2], r[3], r[4], r[5])
		}
	}
	for _, r := range o.rows("postgres", `SELECT r.rolname::text, d.datname::text, has_database_privilege(r.oid, d.oid, 'CONNECT'),
			has_database_privilege(r.oid, d.oid, 'TEMPORARY'), has_database_privilege(r.oid, d.oid, 'CREATE'),
			has_database_privilege(r.oid, d.oid, 'CONNECT WITH GRANT OPTION')
		FROM pg_roles r, pg_database d WHERE datname <> 'template0' AND r.rolname = ANY ($1) AND r.oid <> d.datdba
			AND NOT pg_has_role(r.oid, d.datdba, 'USAGE')`, o.subjects()) {
		_, managed := houses[r[1]]
		t := o.of[r[0]]
		if !managed && o.me != "postgres" {
			continue // a superuser's to close
		}
		pool, pooled := o.poolOf(r[0])
		if t.Name == "" && !pooled && (!managed || o.group[r[1]] == r[0]) {
			continue // strangers may have business elsewhere, and the group is the door
		}
		connect := t.Name != "" && lives(t, r[1]) && (!slices.Contains(t.Groups(), r[0]) || r[0] == r[1]) || pooled && pool.Database == r[1]
		if !connect {
			r[3] = "false" // who cannot connect has no use for TEMPORARY
		}
		temp := connect && t.Temp
		if t.Name == "" && r[0] == "landlord_temp" {
			continue
		}
		if have, want := strings.Join(r[2:], " "), fmt.Sprint(connect, temp, false, false); have != want {
			o.complain("%q on database %q: CONNECT, TEMPORARY, CREATE, grant option are %s, not %s", r[0], r[1], have, want)
		}
	}
}

// house is the tenant whose house a schema is, or none.
func (o *oracle) house(db, schema string) tenant.Tenant {
	for _, t := range o.e.Tenants {
		if p, ok := t.Place(db); ok && slices.Contains(p.Schemas, schema) {
			return t
		}
	}
	return tenant.Tenant{}
}

func lives(t tenant.Tenant, db string) bool {
	_, ok := t.Place(db)
	return ok
}

func (o *oracle) judgeSchemas(db string) {
	found := map[string]bool{}
	for _, r := range o.rows(db, `SELECT nspname::text, pg_get_userbyid(nspowner)::text FROM pg_namespace`) {
		found[r[0]] = true
		if t := o.house(db, r[0]); t.Name != "" && r[1] != t.Owner {
			o.complain("schema %q in %q belongs to %q", r[0], db, r[1])
		} else if t.Name == "" && o.of[r[1]].Name != "" {
			o.complain("schema %q in %q belongs to tenant %q", r[0], db, r[1])
		}
	}
	for _, t := range o.e.Tenants {
		p, _ := t.Place(db)
		for _, s := range p.Schemas {
			if !found[s] {
				o.complain("no schema %q in %q", s, db)
			}
		}
	}
	if !slices.Contains(o.databases(), db) {
		return // nobody gets in
	}
	o.judgeExtensions(db)
	o.judgeLarge(db)
	o.judgeAdvisory(db)
	for _, r := range o.rows(db, `SELECT r.rolname::text, n.nspname::text, has_schema_privilege(r.oid, n.oid, 'USAGE'), has_schema_privilege(r.oid, n.oid, 'CREATE'),
			has_schema_privilege(r.oid, n.oid, 'USAGE WITH GRANT OPTION') OR has_schema_privilege(r.oid, n.oid, 'CREATE WITH GRANT OPTION')
		FROM pg_roles r, pg_namespace n WHERE nspname !~ '^(pg_|information_schema|landlord_extensions)' AND rolname = ANY ($1)
			AND NOT pg_has_role(r.oid, n.nspowner, 'USAGE')`, o.subjects()) {
		t := o.house(db, r[1])
		if t.Name == "" && o.of[r[0]].Name == "" {
			continue // a stranger in a stranger's schema
		}
		inside := o.class(r[0], t) != "outsider"
		if have, want := strings.Join(r[2:], " "), fmt.Sprint(inside, false, false); have != want {
			o.complain("%q on schema %q in %q: USAGE, CREATE, grant option are %s, not %s", r[0], r[1], db, have, want)
		}
	}
}

// promise is what a class of roles holds on each kind of object.
var promise = map[string]map[string]string{
	"app":      {"table": "SELECT INSERT UPDATE DELETE", "sequence": "SELECT USAGE", "routine": "EXECUTE", "type": "USAGE"},
	"ro":       {"table": "SELECT", "sequence": "SELECT", "type": "USAGE"},
	"ddl":      {"type": "USAGE"},
	"identity": {"type": "USAGE"},
	"outsider": {"type": "USAGE"},
}

var privileges = map[string][]string{
	"table":    {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"},
	"column":   {"SELECT", "INSERT", "UPDATE", "REFERENCES"},
	"sequence": {"SELECT", "USAGE", "UPDATE"},
	"routine":  {"EXECUTE"},
	"type":     {"USAGE"},
}

// asking is how the server is asked what a role holds on the objects of one
// kind: function, catalog, and which of its rows.
var asking = []struct{ kind, function, from, ns, owner, name string }{
	{"table", "has_table_privilege", "pg_class o WHERE relkind IN ('r', 'p', 'v', 'm', 'f')", "relnamespace", "relowner", "relname"},
	{"column", "has_any_column_privilege", "pg_class o WHERE relkind IN ('r', 'p', 'v', 'm', 'f')", "relnamespace", "relowner", "relname"},
	{"sequence", "has_sequence_privilege", "pg_class o WHERE relkind = 'S'", "relnamespace", "relowner", "relname"},
	{"routine", "has_function_privilege", "pg_proc o WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = o.oid AND deptype = 'i' AND proowner = 10)", "pronamespace", "proowner", "o.oid::regprocedure"},
	{"type", "has_type_privilege", "pg_type o WHERE typtype <> 'p' AND typelem = 0", "typnamespace", "typowner", "typname"},
}

// judgeObjects compares owners and rights of all that stands in the houses.
func (o *oracle) judgeObjects(db string) {
	if !slices.Contains(o.databases(), db) {
		return
	}
	var houses []string
	for _, t := range o.e.Tenants {
		p, _ := t.Place(db)
		houses = append(houses, p.Schemas...)
	}
	subjects := o.subjects()
	for _, a := range asking {
		var words []string
		for _, p := range privileges[a.kind] {
			if p == "MAINTAIN" && o.major() < 17 {
				continue
			}
			words = append(words, fmt.Sprintf("CASE WHEN %s(r.oid, o.oid, '%s') THEN '%[2]s ' ELSE '' END || CASE WHEN %[1]s(r.oid, o.oid, '%[2]s WITH GRANT OPTION') THEN '%[2]s* ' ELSE '' END",
				a.function, p))
		}
		sql := fmt.Sprintf(`WITH o AS MATERIALIZED (SELECT o.oid, n.nspname, %s AS owner, %s::text AS name FROM %s AND true) SELECT r.rolname::text, o.nspname::text, o.name, rtrim(%s)
			FROM o, pg_roles r WHERE r.rolname = ANY ($1) AND nspname = ANY ($2) AND NOT pg_has_role(r.oid, o.owner, 'USAGE')`,
			a.owner, a.name, strings.Replace(a.from, " o WHERE", " o JOIN pg_namespace n ON n.oid = "+a.ns+" WHERE", 1), strings.Join(words, " || "))
		for _, r := range o.rows(db, sql, subjects, houses) {
			class := o.class(r[0], o.house(db, r[1]))
			if want := o.promised(class, a.kind); r[3] != want {
				o.complain("%q (%s) on %s %s in schema %q of %q: %q, not %q", r[0], class, a.kind, r[2], r[1], db, r[3], want)
			}
		}
	}
	o.judgeOwners(db)
}

func (o *oracle) promised(class, kind string) string {
	if kind != "column" {
		return promise[class][kind]
	}
	var out []string
	for _, p := range strings.Fields(promise[class]["table"]) {
		if slices.Contains(privileges["column"], p) {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}

// judgeOwners looks at every catalog whose rows have a schema and an owner.
func (o *oracle) judgeOwners(db string) {
	var parts []string
	for catalog, prefix := range map[string]string{"pg_class": "rel", "pg_proc": "pro", "pg_type": "typ", "pg_operator": "opr", "pg_opclass": "opc",
		"pg_opfamily": "opf", "pg_collation": "coll", "pg_conversion": "con", "pg_ts_config": "cfg", "pg_ts_dict": "dict", "pg_statistic_ext": "stx"} {
		parts = append(parts, fmt.Sprintf("SELECT '%s' AS catalog, oid, %snamespace AS ns, %[2]sowner AS owner FROM %[1]s", catalog, prefix))
	}
	for _, r := range o.rows(db, `SELECT n.nspname::text, pg_get_userbyid(o.owner)::text, o.catalog, o.oid FROM (`+strings.Join(parts, " UNION ALL ")+`) o
		JOIN pg_namespace n ON n.oid = o.ns WHERE nspname !~ '^(pg_|information_schema)'
			AND NOT (catalog = 'pg_proc' AND owner = 10 AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = o.oid AND deptype = 'i'))`) {
		if t := o.house(db, r[0]); t.Name != "" && r[1] != t.Owner {
			o.complain("%s %s in schema %q of %q belongs to %q, not to %q", r[2], r[3], r[0], db, r[1], t.Owner)
		}
	}
}

// judgeReach says that whatever a tenant's role owns or is named in the ACL of
// stands in its own house (pg_shdepend knows all of it, of every kind).
func (o *oracle) judgeReach(db string) {
	if !slices.Contains(o.databases(), db) {
		return // nobody gets in
	}
	for _, r := range o.rows(db, `SELECT r.rolname::text, s.deptype::text, s.classid::regclass::text, coalesce(i.schema, ''), coalesce(i.name, ''), i.type, coalesce(i.identity, ''), s.dbid = 0
		FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, s.objsubid) i
		WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype IN ('o', 'a') AND s.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
			AND r.rolname = ANY ($1)`, o.roles()) {
		t := o.of[r[0]]
		home := lives(t, db) && r[7] != "true"
		p, _ := t.Place(unquote(r[6]))
		switch {
		case home && o.house(db, unquote(r[3])).Name == t.Name:
		case home && r[2] == "pg_namespace" && o.house(db, unquote(r[6])).Name == t.Name:
		case home && r[2] == "pg_largeobject":
		case home && r[2] == "pg_default_acl":
		case o.poolHas(r[0], db, r[1], r[2], unquote(r[3]), unquote(r[6])):
		case r[2] == "pg_database" && p.Database != "" && r[0] == t.Group(p) && r[1] == "a":
		default:
			o.complain("%q reaches (%s) %s %s seen from %q", r[0], r[1], r[5], r[6], db)
		}
	}
	for _, r := range o.rows(db, `SELECT l.oid, coalesce(a.grantee, 0), pg_get_userbyid(l.lomowner)::text, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END
		FROM pg_largeobject_metadata l CROSS JOIN LATERAL aclexplode(l.lomacl) a`) {
		if r[1] != "0" && o.of[r[3]].Name == o.of[r[2]].Name {
			continue
		}
		if r[1] == "0" || o.of[r[3]].Name != "" {
			o.complain("large object %s of %q in %q is granted to %q", r[0], r[2], db, r[3])
		}
	}
}

func unquote(name string) string {
	if names, ok := pgsql.SplitIdents(name); ok && len(names) == 1 {
		return names[0]
	}
	return name
}

// judgeDefaults says that nobody's default privileges give a tenant or PUBLIC
// more than PostgreSQL's own do, but those of the house's owner.
func (o *oracle) judgeDefaults(db string) {
	if !slices.Contains(o.databases(), db) {
		return
	}
	for _, r := range o.rows(db, `SELECT pg_get_userbyid(d.defaclrole)::text, coalesce(n.nspname, '')::text, d.defaclobjtype::text,
			CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee)::text END, a.privilege_type, a.is_grantable
		FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace CROSS JOIN LATERAL aclexplode(d.defaclacl) a WHERE a.grantee <> d.defaclrole`) {
		creator, schema, kind, grantee := r[0], r[1], r[2], r[3]
		t := o.of[creator]
		class := o.class(grantee, t)
		word := map[string]string{"r": "table", "S": "sequence", "f": "routine"}[kind]
		switch {
		case grantee == "" && schema == "" && (kind == "T" || kind == "f" && t.Owner != creator):
		case grantee != "" && o.of[grantee].Name == "" && t.Owner != creator:
		case t.Owner == creator && o.house(db, schema).Name == t.Name && r[5] != "true" && slices.Contains(strings.Fields(promise[class][word]), r[4]):
		default:
			o.complain("what %q makes (%s) in schema %q of %q gives %s to %q (grantable %s)", creator, kind, schema, db, r[4], grantee, r[5])
		}
	}
}
