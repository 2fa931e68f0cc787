package catalog

import (
	"context"
	_ "embed"
	"encoding/json"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

//go:embed sql/marked.sql
var markedSQL string

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
