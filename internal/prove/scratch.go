package prove

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/pgsql"
)

// scratch is what neighbours try to reach in a tenant's schema, made and
// dropped as the tenant's owner: nobody can read a row that is not there, so
// a refusal would show nothing without it. It is empty words and numbers.
type scratch struct {
	schema, name string
	oid          string // of the table
	secret       string // what the row, the function and the large object hold
	// largeObject is its OID, or empty where none could be made; function
	// says whether there is one.
	largeObject string
	function    bool
}

// makeScratch makes them. Landlord's own session creates them under SET ROLE
// and runs nothing of the tenant's: no trigger, no default, no function.
func (r *run) makeScratch(ctx context.Context, g *guest) error {
	conn, err := r.connect(ctx, g.t.At.Database)
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	s := &g.scratch
	*s = scratch{schema: g.t.At.Schemas[0], name: r.newName(), secret: "canary " + rand.Text()}
	secret, key := pgsql.Literal(s.secret), ""
	if !g.t.Alone(g.t.At) {
		key = " PRIMARY KEY" // what a neighbour in the same database could refer to
	}
	row, err := asOwner(ctx, conn, g.t.Owner, fmt.Sprintf(`CREATE TABLE %[1]s (id integer%[6]s, secret text, CHECK (secret <> %[3]s));
		CREATE VIEW %[2]s AS SELECT secret FROM %[1]s WHERE secret <> %[3]s;
		INSERT INTO %[1]s VALUES (1, %[4]s);
		SELECT %[5]s::pg_catalog.regclass::pg_catalog.oid, secret FROM %[1]s`,
		s.table(), s.view(), pgsql.Literal(s.mark()), secret, pgsql.Literal(s.table()), key))
	if err != nil {
		return err
	}
	if row[1] != s.secret {
		return fmt.Errorf("the owner reads another row than it has written")
	}
	s.oid = row[0]
	_, err = asOwner(ctx, conn, g.t.Owner, fmt.Sprintf("CREATE FUNCTION %s() RETURNS pg_catalog.text LANGUAGE sql AS %s; SELECT 1",
		s.functionName(), pgsql.Literal("SELECT "+secret+"::pg_catalog.text")))
	s.function = err == nil
	if s.largeObject = makeLargeObject(ctx, conn, "SET LOCAL ROLE "+pgsql.Ident(g.t.Owner), g.t.Owner, *s); s.largeObject == "" {
		s.largeObject = makeLargeObject(ctx, conn, "SELECT 1", g.t.Owner, *s) // the tenant may make none
	}
	return nil
}

// makeLargeObject makes a large object with a comment by which a later run
// finds it, in one transaction, and gives it to the owner.
func makeLargeObject(ctx context.Context, conn *pgconn.PgConn, as, owner string, s scratch) string {
	defer func() { _, _ = queryRows(ctx, conn, "ROLLBACK") }()
	row, err := queryRow(ctx, conn, "BEGIN; "+as+
		"; SELECT pg_catalog.lo_from_bytea(0, pg_catalog.convert_to("+pgsql.Literal(s.secret)+", 'UTF8'))")
	if err != nil {
		return ""
	}
	if _, err = queryRows(ctx, conn, "COMMENT ON LARGE OBJECT "+row[0]+" IS "+pgsql.Literal(s.name)+
		"; ALTER LARGE OBJECT "+row[0]+" OWNER TO "+pgsql.Ident(owner)+"; COMMIT"); err != nil {
		return ""
	}
	return row[0]
}

func (s scratch) table() string        { return pgsql.Qualified(s.schema, s.name) }
func (s scratch) view() string         { return pgsql.Qualified(s.schema, s.name+"_v") }
func (s scratch) functionName() string { return pgsql.Qualified(s.schema, s.name+"_f") }

// mark is a text within the table's constraint and the view's definition.
func (s scratch) mark() string { return "marked " + s.name }

// asOwner runs SQL in a transaction as a tenant's owner and gives the last
// statement's first row.
func asOwner(ctx context.Context, conn *pgconn.PgConn, owner, sql string) ([]string, error) {
	row, err := queryRow(ctx, conn, "BEGIN; SET LOCAL ROLE "+pgsql.Ident(owner)+"; "+sql+"; COMMIT")
	if err != nil {
		_, _ = queryRows(ctx, conn, "ROLLBACK")
	}
	return row, err
}

func (r *run) dropScratch(ctx context.Context, g *guest) error {
	if g.scratch.name == "" {
		return nil
	}
	return r.clearScratch(ctx, g.t.At.Database, g.scratch.name)
}

// clearScratch drops scratch objects whose names match a regular expression
// from a database, each as its owner. It drops nothing that something else
// depends on.
func (r *run) clearScratch(ctx context.Context, database, names string) error {
	conn, err := r.connect(ctx, database)
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	match := "~ " + pgsql.Literal("^"+names+"(_[vf])?$")
	rows, err := queryRows(ctx, conn, `SELECT u.owner, o.sql FROM (
		SELECT 1, c.relowner, pg_catalog.format('DROP VIEW %s', c.oid::pg_catalog.regclass) FROM pg_catalog.pg_class AS c
			WHERE c.relname `+match+` AND c.relkind = 'v'
		UNION ALL SELECT 2, c.relowner, pg_catalog.format('DROP TABLE %s', c.oid::pg_catalog.regclass) FROM pg_catalog.pg_class AS c
			WHERE c.relname `+match+` AND c.relkind = 'r'
		UNION ALL SELECT 3, p.proowner, pg_catalog.format('DROP FUNCTION %s', p.oid::pg_catalog.regprocedure) FROM pg_catalog.pg_proc AS p
			WHERE p.proname `+match+`
		UNION ALL SELECT 4, m.lomowner, pg_catalog.format('SELECT pg_catalog.lo_unlink(%s)', m.oid) FROM pg_catalog.pg_description AS d
			JOIN pg_catalog.pg_largeobject_metadata AS m ON m.oid = d.objoid
			WHERE d.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass AND d.description `+match+`
	) AS o (rank, role, sql), LATERAL pg_catalog.pg_get_userbyid(o.role) AS u (owner) ORDER BY o.rank`)
	var errs []error
	for _, row := range rows {
		_, err := asOwner(ctx, conn, row[0], row[1]+"; SELECT 1")
		if connect.State(err) == "42501" { // a large object, which its owner may not drop where such are closed
			_, err = queryRow(ctx, conn, row[1]+"; SELECT 1")
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, err)...)
}
