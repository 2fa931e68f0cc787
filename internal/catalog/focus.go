package catalog

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

var (
	//go:embed sql/focus.sql
	focusSQL string
	//go:embed sql/focusties.sql
	focusTiesSQL string
	//go:embed sql/marked.sql
	markedSQL string
)

// plainMark is how landlord's marks of what is a tenant's begin. What begins so
// is compared by its beginning alone: tens of thousands do.
const plainMark = `landlord {"tenant":`

// marked is the focus with the roles by name that bear the marks of its tenants:
// or a few more, whose marks name the tenant otherwise; and with those that are in
// their way, or the server's own. All comments are looked through for it, since
// nothing else is sure to lead to a role whose memberships somebody has changed.
func marked(ctx context.Context, conn *pgconn.PgConn, f *snapshot.Focus) (*snapshot.Focus, error) {
	if f == nil || len(f.Tenants) == 0 && len(f.Names) == 0 && !f.Server {
		return f, nil
	}
	more := *f
	more.Roles, more.Beside = slices.Clone(f.Roles), slices.Clone(f.Beside)
	err := query(ctx, conn, newReader(), strings.ReplaceAll(markedSQL, "{{marks}}", marks(f)), func(row [][]byte) {
		if name := string(row[0]); isTheirs(f.Tenants, string(row[1])) {
			more.Roles = append(more.Roles, name)
		} else {
			more.Beside = append(more.Beside, name)
		}
	})
	return &more, err
}

// isTheirs says whether a mark is one of some tenants': or whether it may be,
// where it is not written as landlord writes it.
func isTheirs(tenants []string, mark string) bool {
	return slices.ContainsFunc(tenants, func(name string) bool {
		if strings.HasPrefix(mark, plainMark+`"`) {
			return strings.HasPrefix(mark, plainMark+quoted(name))
		}
		return strings.Contains(mark, quoted(name))
	})
}

// quoted is a name as JSON has it.
func quoted(name string) string {
	text, err := json.Marshal(name)
	if err != nil {
		panic("catalog: a name is a plain string: " + err.Error())
	}
	return string(text)
}

// marks is the condition on comments: those that begin as a tenant's do, those
// that say a name, and those that are not written as a tenant's are, which are few.
func marks(f *snapshot.Focus) string {
	begins := func(quoted string) string { // what follows is less than #, the character after the quotation mark
		return "d.description >= " + pgsql.Literal(plainMark+quoted) + " AND d.description < " + pgsql.Literal(plainMark+strings.TrimSuffix(quoted, `"`)+"#")
	}
	says := func(text string) string { return "pg_catalog.strpos(d.description, " + pgsql.Literal(text) + ") > 0" }
	anyOf := func(names []string) string {
		var all []string
		for _, name := range names {
			all = append(all, says(quoted(name)))
		}
		return strings.Join(append(all, "false"), " OR ")
	}
	var some []string
	names := f.Names
	for _, tenant := range f.Tenants {
		alike, others := split(names, func(name string) bool { return strings.HasPrefix(name, tenant) })
		if names = others; len(alike) == 0 {
			some = append(some, begins(quoted(tenant)))
			continue
		}
		// Nearly all comments say nothing that begins so: of them no more is asked.
		some = append(some, says(strings.TrimSuffix(quoted(tenant), `"`))+" AND ("+anyOf(append(alike, tenant))+")")
	}
	odd := anyOf(f.Tenants)
	if f.Server {
		odd = "d.description LIKE 'landlord {%'"
	}
	return strings.Join(append(some, anyOf(names), "NOT ("+begins(`"`)+") AND ("+odd+")"), " OR ")
}

// split parts names by what they are.
func split(names []string, is func(string) bool) (those, others []string) {
	for _, name := range names {
		if is(name) {
			those = append(those, name)
		} else {
			others = append(others, name)
		}
	}
	return those, others
}

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
		return []string{"{{whichroles}}", "", "{{memberships}}", "pg_catalog.pg_auth_members", "{{settings}}", "pg_catalog.pg_db_role_setting", "{{whose}}", ""}
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
	}
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
