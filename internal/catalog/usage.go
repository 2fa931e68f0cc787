package catalog

import (
	"context"
	_ "embed"

	"golang.org/x/sync/errgroup"

	"landlord/internal/connect"
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

// ReadUsage reads sessions and sizes; of schemas in the databases named.
func ReadUsage(ctx context.Context, o Options, databases []string) (Usage, error) {
	u := Usage{Sessions: map[string]int{}, Databases: map[string]int64{}, Schemas: map[string]map[string]int64{}}
	ctx = connect.Remember(ctx)
	conn, err := connect.Open(ctx, o.Conninfo, connect.Options{})
	if err != nil {
		return u, err
	}
	defer connect.Close(conn)
	r := newReader()
	err = query(ctx, conn, r, usageSQL, func(row [][]byte) {
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
			sizes[i], err = schemaSizes(ctx, o, db)
			return err
		})
	}
	err = group.Wait()
	for i, db := range databases {
		u.Schemas[db] = sizes[i]
	}
	return u, err
}

func schemaSizes(ctx context.Context, o Options, database string) (map[string]int64, error) {
	conn, err := connect.Open(ctx, o.Conninfo, connect.Options{Database: database})
	if err != nil {
		return nil, err
	}
	defer connect.Close(conn)
	out, r := map[string]int64{}, newReader()
	err = query(ctx, conn, r, sizesSQL, func(row [][]byte) { out[string(row[0])] = int64(r.int(row[1])) })
	return out, err
}
