package catalog

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"landlord/internal/connect"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

var (
	//go:embed sql/core.sql
	coreSQL string
	//go:embed sql/commons.sql
	commonsSQL string
	//go:embed sql/routines.sql
	routinesSQL string
	//go:embed sql/types.sql
	typesSQL string
	//go:embed sql/others.sql
	othersSQL string
	//go:embed sql/strays.sql
	straysSQL string
	//go:embed sql/widened.sql
	widenedSQL string
	//go:embed sql/ties.sql
	tiesSQL string
	//go:embed sql/largeobjects.sql
	largeObjectsSQL string
)

// houses are the schemas that are not the system's own.
const houses = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

// contents reads several databases, a bounded number at once, each over one
// connection.
func contents(ctx context.Context, o Options, all []snapshot.Database, wanted []string) ([]snapshot.Contents, error) {
	databases := named(all, wanted)
	out := make([]snapshot.Contents, len(databases))
	parallel := o.Parallel
	if parallel == 0 {
		parallel = 2
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, db := range databases {
		group.Go(func() error {
			out[i] = contentsOf(ctx, o, db)
			return ctx.Err()
		})
	}
	return out, group.Wait()
}

// named finds databases by their names. One that is not there has no number.
func named(all []snapshot.Database, names []string) []snapshot.Database {
	byName := make(map[string]snapshot.Database, len(all))
	for _, d := range all {
		byName[d.Name] = d
	}
	out := make([]snapshot.Database, len(names))
	for i, name := range names {
		out[i] = byName[name]
		out[i].Name = name
	}
	return out
}

// contentsOf reads one database over a connection of its own. A database that
// cannot be read says why in its Error.
func contentsOf(ctx context.Context, o Options, database snapshot.Database) snapshot.Contents {
	c := snapshot.Contents{Database: database.Name}
	conn, err := connect.Open(ctx, o.Conninfo, connect.Options{Database: database.Name})
	if err != nil {
		c.Error = err.Error()
		return c
	}
	defer connect.Close(conn)
	if err := fill(ctx, conn, o, textFor(o.Focus, database), &c); err != nil {
		return snapshot.Contents{Database: database.Name, Error: err.Error()}
	}
	return c
}

// fill reads first what every database has, and then, in a second round trip
// that most need not make, the kinds of things that only some have.
func fill(ctx context.Context, conn *pgconn.PgConn, o Options, text text, c *snapshot.Contents) error {
	r := newReader()
	k := newCore(r)
	c.SomeSchemas = text.focus
	if err := query(ctx, conn, r, text.core, k.row); err != nil {
		return err
	}
	k.assemble(c)
	if sql, rows := rarer(conn, r, k, c, text, false); len(rows) > 0 {
		if err := query(ctx, conn, r, sql, rows...); err != nil {
			return err
		}
	}
	if !o.Dependencies {
		return nil
	}
	sizes := map[string]int64{}
	err := query(ctx, conn, r, sizesText(text.schemas), func(row [][]byte) { sizes[string(row[0])] = int64(r.int(row[1])) })
	for i, s := range c.Schemas {
		c.Schemas[i].Size = sizes[s.Name]
	}
	return err
}

// The numbers of the catalogs that the core is asked about, which every
// server has alike (CATALOG() in PostgreSQL's headers).
const (
	pgType      = 1247
	pgProc      = 1255
	pgClass     = 1259
	pgExtension = 3079
)

// firstOfUsers is the first number of what initdb has not made
// (FirstNormalObjectId in PostgreSQL's access/transam.h).
const firstOfUsers = 16384

// core gathers the rows of core.sql, which may come in any order.
type core struct {
	r          *reader
	schemas    map[uint32]snapshot.Schema
	dependents map[uint32][]uint32 // schema -> the catalogs that something in it is in
	members    map[uint32]bool     // relations that are parts of extensions
	relations  []located[snapshot.Relation]
	columns    []located[snapshot.Column]
	defaults   []located[snapshot.DefaultACL]
	strays     bool
	widened    bool // rights on something of the system's are not as at first
	large      bool
	elsewhere  []string
	extensions bool
	foreign    bool
	tied       bool // something may lead from one schema into another
	numbers    map[uint32]*located[snapshot.Relation]
	keys       map[snapshot.ForeignKey]bool
	referred   map[uint32]bool // tables on which others hold REFERENCES
	// Of the functions for large objects, whether some are PUBLIC's to call,
	// and whether some are not.
	opened, shut bool
	// The same of those for advisory locks.
	advisoryOpened, advisoryShut bool
	controlOpened                bool // of those about the whole server, PUBLIC's to call
	messagesOpened               bool // and of those that write messages
}

// located is a thing with its own number and that of its schema.
type located[T any] struct {
	oid, schema uint32
	it          T
}

func newCore(r *reader) *core {
	return &core{r: r, tied: true, keys: map[snapshot.ForeignKey]bool{}, referred: map[uint32]bool{}, schemas: map[uint32]snapshot.Schema{}, dependents: map[uint32][]uint32{}, members: map[uint32]bool{}}
}

// row takes one row: kind, number, number of the schema, name, kind of
// object, owner, ACL, flag.
func (k *core) row(row [][]byte) {
	r := k.r
	switch oid := r.oid(row[1]); char(row[0]) {
	case 's':
		k.schemas[oid] = snapshot.Schema{Name: r.name(row[3]), Owner: r.name(row[5]), ACL: r.acl(row[6]), Size: -1}
	case 'd':
		k.dependent(r.oid(row[2]), oid)
	case 'e':
		k.members[r.oid(row[2])] = true
	case 'r':
		k.relations = append(k.relations, located[snapshot.Relation]{oid, r.oid(row[2]), snapshot.Relation{
			Name: string(row[3]), Kind: snapshot.RelKind(char(row[4])), Owner: r.name(row[5]), ACL: r.acl(row[6]), OwnedBy: yes(row[7])}})
	case 'c':
		k.columns = append(k.columns, located[snapshot.Column]{oid: oid, it: snapshot.Column{Name: string(row[3]), ACL: r.acl(row[6])}})
	case 'p':
		k.defaults = append(k.defaults, located[snapshot.DefaultACL]{schema: r.oid(row[2]), it: snapshot.DefaultACL{
			Kind: pgsql.ObjectKind(char(row[4])), Creator: r.name(row[5]), ACL: r.acl(row[6])}})
	case 'x', 'f':
		k.strays = true
		k.foreign = k.foreign || char(row[0]) == 'f'
	case 'i':
		k.widened = true
	case 'l':
		k.large = true
	case 'z':
		k.elsewhere = append(k.elsewhere, r.name(row[3]))
	case 'o':
		k.door(oid, r.acl(row[6]))
	case 'v':
		k.extensions = true
	case '!':
		r.fail(errAnew)
	default:
		r.fail(fmt.Errorf("reading the catalog: a row of kind %q", row[0]))
	}
}

// errAnew says that a database is another one than the server's list named.
var errAnew = errors.New("the database was made anew while the server was read: run it again")

// dependent notes that something in a schema is in a catalog.
func (k *core) dependent(schema, catalog uint32) {
	if !slices.Contains(k.dependents[schema], catalog) {
		k.dependents[schema] = append(k.dependents[schema], catalog)
	}
}

// house is the name of a schema that is not the system's own, or "".
func (k *core) house(oid uint32) string {
	name := k.schemas[oid].Name
	if name == "information_schema" || strings.HasPrefix(name, "pg_") {
		return ""
	}
	return name
}

// assemble puts what the core has into a database's contents.
func (k *core) assemble(c *snapshot.Contents) {
	for oid, s := range k.schemas {
		if k.house(oid) == "" {
			c.Widened = append(c.Widened, widenedSchema(s)...)
			k.widened = k.widened || changedSchema(s)
		} else {
			s.Empty = len(k.dependents[oid]) == 0
			s.Extension = slices.Contains(k.dependents[oid], pgExtension)
			c.Schemas = append(c.Schemas, s)
		}
	}
	c.ControlOpen, c.MessagesOpen = k.controlOpened, k.messagesOpened
	c.AdvisoryOpen, c.AdvisoryShut = k.advisoryOpened, k.advisoryShut
	c.LargeOpen, c.LargeShut, c.Elsewhere = k.opened, k.shut, k.elsewhere
	if c.SomeSchemas && k.large { // they stand in no schema
		c.Elsewhere = append(c.Elsewhere, "")
	}
	slices.SortFunc(c.Schemas, func(a, b snapshot.Schema) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(c.Widened, func(a, b snapshot.Widened) int { return cmp.Compare(a.Identity, b.Identity) })
	c.Relations = slices.Grow(c.Relations, len(k.relations))
	for _, l := range k.relations {
		if l.it.Schema = k.house(l.schema); l.it.Schema != "" {
			l.it.Extension = k.members[l.oid]
			k.refer(l.oid, l.it.Owner, l.it.ACL)
			c.Relations = append(c.Relations, l.it)
		} else if l.schema < firstOfUsers {
			k.widened = true
		}
	}
	k.assembleColumns(c)
	for _, l := range k.defaults {
		l.it.Schema = k.schemas[l.schema].Name
		c.DefaultACLs = append(c.DefaultACLs, l.it)
	}
}

// refer notes a table to which others may make foreign keys.
func (k *core) refer(table uint32, owner string, acl pgsql.ACL) {
	if slices.ContainsFunc(acl, func(it pgsql.ACLItem) bool { return it.Grantee != owner && it.Privs&pgsql.References != 0 }) {
		k.referred[table] = true
	}
}

// byNumber finds relations by their own number.
func (k *core) byNumber() map[uint32]*located[snapshot.Relation] {
	relations := make(map[uint32]*located[snapshot.Relation], len(k.relations))
	for i, l := range k.relations {
		relations[l.oid] = &k.relations[i]
	}
	return relations
}

// assembleColumns finds each column's relation. Few columns have an ACL.
func (k *core) assembleColumns(c *snapshot.Contents) {
	for _, l := range k.columns {
		k.widened = k.widened || l.oid < firstOfUsers
		relation := k.relation(l.oid)
		if relation == nil {
			continue
		}
		l.it.Relation, l.it.Owner = relation.it.Name, relation.it.Owner
		if l.it.Schema = k.house(relation.schema); l.it.Schema != "" {
			c.Columns = append(c.Columns, l.it)
			k.refer(l.oid, l.it.Owner, l.it.ACL)
		}
	}
}

// has says whether something in a house is in one of the catalogs for which
// want says so.
func (k *core) has(want func(catalog uint32) bool) bool {
	for schema, catalogs := range k.dependents {
		if k.house(schema) != "" && slices.ContainsFunc(catalogs, want) {
			return true
		}
	}
	return false
}

// rarer is what reads the kinds of things that the core says are there.
func rarer(conn *pgconn.PgConn, r *reader, k *core, c *snapshot.Contents, text text, everything bool) (string, []rowFunc) {
	var sql strings.Builder
	var rows []rowFunc
	for _, q := range []struct {
		there bool
		sql   string
		row   rowFunc
	}{
		{k.has(func(catalog uint32) bool { return catalog == pgProc }), routinesSQL, func(row [][]byte) {
			c.Routines = append(c.Routines, snapshot.Routine{Schema: r.name(row[0]), Signature: string(row[1]), Owner: r.name(row[2]),
				ACL: r.acl(row[3]), Extension: yes(row[4]), Aggregate: yes(row[5]), EventTrigger: yes(row[6]), Form: string(row[7])})
			r.routineMore(row[8:], &c.Routines[len(c.Routines)-1])
		}},
		{k.has(func(catalog uint32) bool { return catalog == pgType }), typesSQL, func(row [][]byte) {
			c.Types = append(c.Types, snapshot.Type{Schema: r.name(row[0]), Name: string(row[1]), Owner: r.name(row[2]),
				ACL: r.acl(row[3]), Extension: yes(row[4])})
		}},
		{k.has(func(catalog uint32) bool {
			return !slices.Contains([]uint32{pgType, pgProc, pgClass, pgExtension}, catalog)
		}), othersSQL, func(row [][]byte) {
			c.Others = append(c.Others, snapshot.Other{Schema: r.name(row[0]), Kind: r.name(row[1]), Identity: string(row[2]),
				Owner: r.name(row[3]), Extension: yes(row[4])})
		}},
		{k.strays, straysSQL, func(row [][]byte) {
			c.Strays = append(c.Strays, snapshot.Stray{Role: r.name(row[0]), Kind: r.name(row[1]), Identity: r.name(row[2]), Grantor: r.name(row[3]), Owns: yes(row[4])})
		}},
		// What is an extension's own is not looked at elsewhere.
		{k.widened || slices.ContainsFunc(c.Schemas, func(s snapshot.Schema) bool { return s.Extension }), widenedSQL, func(row [][]byte) {
			c.Widened = append(c.Widened, snapshot.Widened{Schema: r.name(row[0]), Kind: r.name(row[1]), Identity: string(row[2]), Column: string(row[3]),
				Owner: r.name(row[4]), ACL: r.acl(row[5]), First: r.acl(row[6])})
		}},
		{len(c.Schemas) > 1 && k.tied || text.focus, text.ties, func(row [][]byte) {
			c.Ties = append(c.Ties, snapshot.Tie{Kind: string(row[0]), Name: string(row[1]), Schema: r.name(row[2]), Table: string(row[3]),
				To: r.name(row[4]), Other: string(row[5])})
		}},
		{k.large && !text.focus, largeObjectsSQL, func(row [][]byte) {
			c.LargeObjects = append(c.LargeObjects, snapshot.LargeObjectGrant{Owner: r.name(row[0]), Grantee: r.name(row[1]), Grantor: r.name(row[2])})
		}},
		{k.extensions && !everything, censusSQL("extensions"), func(row [][]byte) {
			c.Extensions = append(c.Extensions, snapshot.Extension{Name: r.name(row[0]), Version: r.name(row[1]), Schema: r.name(row[2]), Owner: r.name(row[3])})
		}},
	} {
		if q.there {
			sql.WriteString(q.sql)
			rows = append(rows, q.row)
		}
	}
	words := append(text.words, dialect(major(conn))...)
	return strings.NewReplacer(words...).Replace(sql.String()), rows
}
