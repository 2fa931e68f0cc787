package catalog

import (
	"context"
	_ "embed"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"landlord/internal/connect"
	"landlord/internal/pgsql"
)

// Usage is what is in use on a server at one time.
type Usage struct {
	// Sessions counts the client connections of each role.
	Sessions map[string]int
	// Databases are the sizes of databases in bytes.
	Databases map[string]int64
	// Schemas are the sizes of the tables (with indexes and TOAST) of each
	// schema, by database, in bytes.
	Schemas map[string]map[string]int64
}

//go:embed sql/usage.sql
var usageSQL string

// UsageOf says of what ReadUsage reads the size.
type UsageOf struct {
	// Databases are the names of databases; nil: all.
	Databases []string
	// Schemas are databases of which each schema's size is read, with the names
	// of these; nil: all.
	Schemas map[string][]string
}

// ReadUsage reads sessions and sizes.
func ReadUsage(ctx context.Context, o Options, of UsageOf) (Usage, error) {
	u := Usage{Sessions: map[string]int{}, Databases: map[string]int64{}, Schemas: map[string]map[string]int64{}}
	ctx = connect.Remember(ctx)
	conn, err := connect.Open(ctx, o.Conninfo, connect.Options{})
	if err != nil {
		return u, err
	}
	defer connect.Close(conn)
	which := ""
	if of.Databases != nil {
		which = " AND d.datname IN (" + pgsql.Literals(of.Databases...) + ")"
	}
	databases := slices.Sorted(maps.Keys(of.Schemas))
	r := newReader()
	err = query(ctx, conn, r, strings.ReplaceAll(usageSQL, "{{which}}", which), func(row [][]byte) {
		u.Sessions[string(row[0])] = r.int(row[1])
	}, func(row [][]byte) {
		u.Databases[string(row[0])] = int64(r.int(row[1]))
	})
	if err != nil {
		return u, err
	}
	sizes := make([]map[string]int64, len(databases))
	var group errgroup.Group
	group.SetLimit(2)
	for i, db := range databases {
		group.Go(func() (err error) {
			sizes[i], err = schemaSizes(ctx, o, db, of.Schemas[db])
			return err
		})
	}
	err = group.Wait()
	for i, db := range databases {
		u.Schemas[db] = sizes[i]
	}
	return u, err
}

func schemaSizes(ctx context.Context, o Options, database string, schemas []string) (map[string]int64, error) {
	conn, err := connect.Open(ctx, o.Conninfo, connect.Options{Database: database})
	if err != nil {
		return nil, err
	}
	defer connect.Close(conn)
	out, r := map[string]int64{}, newReader()
	err = query(ctx, conn, r, sizesText(schemas), func(row [][]byte) { out[string(row[0])] = int64(r.int(row[1])) })
	return out, err
}

// sizesText asks for the sizes of all schemas, or of those named.
func sizesText(schemas []string) string {
	if schemas == nil {
		return strings.ReplaceAll(sizesSQL, "{{which}}", "")
	}
	return byIndex + strings.ReplaceAll(sizesSQL, "{{which}}", `
  AND c.oid IN (SELECT x.objid FROM pg_catalog.pg_depend AS x WHERE x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND x.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
    AND x.refobjid IN (SELECT y.oid FROM pg_catalog.pg_namespace AS y WHERE y.nspname IN (`+pgsql.Literals(schemas...)+`)))`)
}
