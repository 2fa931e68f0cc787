package catalog

import (
	"context"
	_ "embed"
	"regexp"
	"strings"

	"landlord/internal/connect"
	"landlord/internal/pgsql"
)

// Standout is what stands in a tenant's schemas of one database.
type Standout struct {
	Database string    `json:"database"`
	Largest  []Large   `json:"largest"` // five at most, the largest first
	Kinds    []Kind    `json:"kinds"`
	Unusual  []Unusual `json:"unusual"`
	// Unread says why nothing is known; then the others are empty.
	Unread string `json:"unread,omitempty"`
}

// Large is a table with its size in bytes, with indexes and TOAST.
type Large struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Bytes int64  `json:"bytes"`
}

// Kind is how many objects there are of a kind.
type Kind struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
}

// Unusual is how many objects are worth a look for one reason, with the first
// five of them by name.
type Unusual struct {
	What     string   `json:"what"`
	Count    int      `json:"count"`
	Examples []string `json:"examples"`
}

// House is whose objects are asked for, and where they belong.
type House struct {
	Schemas, Roles, Databases []string
	Owner                     string
}

//go:embed sql/standout.sql
var standoutSQL string

var (
	freeWord  = regexp.MustCompile(`\{\{free (\w+) ([\w.]+)\}\}`)
	houseWord = regexp.MustCompile(`\{\{house ([\w.]+)\}\}`)
)

// whereabouts asks for the numbers of a house's schemas, which are those of its
// names and those that its roles own, and of its roles.
func whereabouts(h House) string {
	roles := "SELECT w.oid FROM pg_catalog.pg_roles AS w WHERE w.rolname IN (" + pgsql.Literals(h.Roles...) + ")"
	return "SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN (" + pgsql.Literals(h.Schemas...) + `)
UNION SELECT s.objid FROM pg_catalog.pg_shdepend AS s
WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = ANY (ARRAY(` + roles + `)) AND s.deptype = 'o'
  AND s.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
  AND s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database());` + roles + ";"
}

// standoutText is the query for one house.
func standoutText(h House, schemas, roles []uint32) string {
	text := freeWord.ReplaceAllString(standoutSQL, `NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS x
      WHERE x.classid = 'pg_catalog.$1'::pg_catalog.regclass AND x.objid = $2 AND x.deptype = 'e')`)
	text = houseWord.ReplaceAllString(text, "$1 IN ("+numbers(append(schemas, 0))+")") // nothing has number 0
	return strings.NewReplacer("{{roles}}", "("+numbers(append(roles, 0))+")", "{{schemas}}", pgsql.Literals(h.Schemas...),
		"{{owner}}", pgsql.Literals(h.Owner), "{{databases}}", pgsql.Literals(h.Databases...)).Replace(text)
}

// ReadStandout reads what stands in a house's schemas of one database. What
// cannot be read is no error, but said in Unread.
func ReadStandout(ctx context.Context, o Options, database string, h House) Standout {
	out := Standout{Database: database, Largest: []Large{}, Kinds: []Kind{}, Unusual: []Unusual{}}
	conn, err := connect.Open(ctx, o.Conninfo, connect.Options{Database: database})
	if err != nil {
		return unread(database, err)
	}
	defer connect.Close(conn)
	r := newReader()
	var schemas, roles []uint32
	err = query(ctx, conn, r, whereabouts(h), func(row [][]byte) { schemas = append(schemas, r.oid(row[0])) }, func(row [][]byte) { roles = append(roles, r.oid(row[0])) })
	if err != nil {
		return unread(database, err)
	}
	err = query(ctx, conn, r, standoutText(h, schemas, roles), func(row [][]byte) {
		if row[2] != nil { // else dropped meanwhile
			out.Largest = append(out.Largest, Large{string(row[0]), string(row[1]), int64(r.int(row[2]))})
		}
	}, func(row [][]byte) {
		out.Kinds = append(out.Kinds, Kind{string(row[0]), r.int(row[1])})
	}, func(row [][]byte) {
		if n := len(out.Unusual); n == 0 || out.Unusual[n-1].What != string(row[0]) {
			out.Unusual = append(out.Unusual, Unusual{What: string(row[0]), Count: r.int(row[1])})
		}
		u := &out.Unusual[len(out.Unusual)-1]
		u.Examples = append(u.Examples, string(row[2]))
	})
	if err != nil {
		return unread(database, err)
	}
	return out
}

func unread(database string, err error) Standout {
	return Standout{Database: database, Largest: []Large{}, Kinds: []Kind{}, Unusual: []Unusual{}, Unread: err.Error()}
}
