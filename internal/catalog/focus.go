package catalog

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

var (
	//go:embed sql/focus.sql
	focusSQL string
	//go:embed sql/focusties.sql
	focusTiesSQL string
)

// numbered are the numbers of roles that are there, of these names.
func numbered(names []string) string {
	if len(names) == 0 {
		return "(SELECT w.oid FROM pg_catalog.pg_authid AS w WHERE false)"
	}
	return "(SELECT w.oid FROM pg_catalog.pg_authid AS w WHERE w.rolname IN (" + pgsql.Literals(names...) + "))"
}

// mighty are the roles that come with the server, superusers, and the
// administrators' group: few, however many tenants there are.
// Only superusers are looked for among all.
const mighty = "(SELECT w.oid FROM pg_catalog.pg_authid AS w WHERE w.oid < 16384 UNION ALL SELECT w.oid FROM pg_catalog.pg_authid AS w WHERE w.rolsuper" +
	" UNION ALL SELECT w.oid FROM pg_catalog.pg_authid AS w WHERE w.rolname = '" + tenant.AdminsRole + "')"

// sharedWords are the words of roles.sql for a focus, or for all roles.
func sharedWords(f *snapshot.Focus, user string) []string {
	if f == nil {
		return []string{"{{whichroles}}", "", "{{memberships}}", "pg_catalog.pg_auth_members", "{{settings}}", "pg_catalog.pg_db_role_setting", "{{whose}}", "", "{{shelters}}", "false"}
	}
	const members = "SELECT m.* FROM pg_catalog.pg_auth_members AS m WHERE "
	all := slices.Concat(f.Roles, f.Beside, f.Admins, []string{user})
	someOnly := slices.DeleteFunc(slices.Clone(f.Admins), func(name string) bool { return slices.Contains(f.Full, name) })
	memberships := "(" + members + "m.roleid = ANY (ARRAY" + numbered(slices.Concat(f.Roles, f.Admins, []string{tenant.AdminsRole, tenant.LostRole, tenant.RouterRole})) + ")" +
		" UNION " + members + "m.member = ANY (ARRAY" + numbered(slices.Concat(f.Roles, someOnly, []string{user})) + ")"
	if len(f.Full) > 0 {
		memberships += " UNION " + members + "m.roleid IN " + mighty + " AND m.member IN " + numbered(f.Full)
	}
	which := "SELECT x.oid FROM " + numbered(all) + " AS x"
	if f.Shared != nil {
		which += " UNION SELECT x.oid FROM " + mighty + " AS x"
	}
	return []string{
		"{{whichroles}}", "WHERE r.oid = ANY (ARRAY(" + which + "))",
		"{{memberships}}", memberships + ")",
		"{{settings}}", `(SELECT x.* FROM pg_catalog.pg_db_role_setting AS x
			WHERE x.setdatabase IN (SELECT 0 UNION ALL SELECT d.oid FROM pg_catalog.pg_database AS d)
			  AND x.setrole IN (SELECT 0 UNION ALL SELECT w.oid FROM ` + numbered(all) + ` AS w))`,
		"{{whose}}", "\n  AND s.refobjid IN " + numbered(f.Roles),
		"{{shelters}}", shelters(f),
	}
}

// shelters asks of a group that one of the tenants leaves whether another is in it.
func shelters(f *snapshot.Focus) string {
	if len(f.Left) == 0 {
		return "false"
	}
	return "r.rolname IN (" + pgsql.Literals(f.Left...) + `) AND EXISTS (
  SELECT FROM pg_catalog.pg_auth_members AS m
  WHERE m.roleid = r.oid AND m.member <> ALL (ARRAY` + numbered(f.Roles) + `) AND (
    SELECT pg_catalog.starts_with(o.description, ` + pgsql.Literal(plainMark) + `) FROM pg_catalog.pg_shdescription AS o
    WHERE o.objoid = m.member AND o.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass))`
}

// tiesOfWhole and tiesOfSchemas are what leads from one schema into another: in
// a whole database, and from or to a few schemas.
func tiesOfWhole() string {
	return strings.NewReplacer("{{inherits}}", "pg_catalog.pg_inherits", "{{constraints}}", "", "{{triggers}}", "").Replace(tiesSQL)
}

func tiesOfSchemas() string {
	inherits := func(side string) string {
		return "SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits AS i WHERE i." + side + " IN (SELECT m.objid FROM mine AS m)"
	}
	bound := func(oid, catalog string) string {
		return "\n  AND " + oid + " IN (SELECT b.objid FROM bound AS b WHERE b.classid = 'pg_catalog." + catalog + "'::pg_catalog.regclass)"
	}
	return focusTiesSQL + strings.NewReplacer("{{inherits}}", "("+inherits("inhrelid")+" UNION "+inherits("inhparent")+")",
		"{{constraints}}", bound("k.oid", "pg_constraint"), "{{triggers}}", bound("t.oid", "pg_trigger")).Replace(tiesSQL)
}

// text is what is asked of a database that is read whole, or of some schemas.
type text struct {
	core, ties string
	words      []string // of all queries but these two
	focus      bool
	schemas    []string // those that are read; nil: all
}

func ofWhole(database uint32) text {
	words := []string{"{{database}}", fmt.Sprint(database)}
	return text{
		core: strings.NewReplacer(words...).Replace(coreSQL + commons()), ties: tiesOfWhole(),
		words: append(words, "{{schemas}}", houses, "{{routines}}", "", "{{types}}", "", "{{others}}", "", "{{whose}}", "", "{{relations}}", "", "{{columns}}", "", "{{functions}}", ""),
	}
}

// byIndex has a focused read go by the indexes. A server that has just been
// filled has no statistics, and would look through whole catalogs.
const byIndex = "SET LOCAL enable_seqscan = off;"

func ofSchemas(f *snapshot.Focus, schemas []string, database uint32) text {
	names := pgsql.Literals(schemas...)
	inside := func(columns string) string {
		return "(SELECT " + columns + ` FROM pg_catalog.pg_depend AS x WHERE x.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
			AND x.refobjid IN (SELECT y.oid FROM pg_catalog.pg_namespace AS y WHERE y.nspname IN (` + names + ")))"
	}
	of := func(catalog string) string {
		return strings.TrimSuffix(inside("x.objid"), ")") + " AND x.classid = 'pg_catalog." + catalog + "'::pg_catalog.regclass)"
	}
	system := func(oid, catalog string) string {
		return "\n    AND (" + oid + " < 16384 OR " + oid + ` IN (SELECT x.objid FROM pg_catalog.pg_depend AS x
			WHERE x.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND x.deptype = 'e' AND x.classid = 'pg_catalog.` + catalog + "'::pg_catalog.regclass))"
	}
	words := []string{"{{roles}}", pgsql.Literals(f.Roles...), "{{houses}}", names, "{{database}}", fmt.Sprint(database)}
	return text{
		core: byIndex + strings.NewReplacer(words...).Replace(focusSQL+commons()), ties: tiesOfSchemas(), focus: true, schemas: schemas,
		words: append(words, "{{schemas}}", houses,
			"{{routines}}", " AND p.oid IN "+of("pg_proc"), "{{types}}", " AND t.oid IN "+of("pg_type"), "{{others}}", " AND (o.class, o.oid) IN "+inside("x.classid, x.objid"),
			"{{whose}}", "\n  AND s.refobjid IN "+numbered(f.Roles),
			"{{relations}}", system("c.oid", "pg_class"), "{{columns}}", "\n    AND a.attrelid < 16384", "{{functions}}", system("f.oid", "pg_proc")),
	}
}

// textFor is that of a database under a focus, which may be none.
func textFor(f *snapshot.Focus, database snapshot.Database) text {
	if f != nil {
		if schemas, shared := f.Shared[database.Name]; shared {
			return ofSchemas(f, schemas, database.OID)
		}
	}
	return ofWhole(database.OID)
}
