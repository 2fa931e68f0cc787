package catalog

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/connect"
	"landlord/internal/pgsql"
)

// Owned is something that a tenant's role owns outside of the tenant's house.
type Owned struct {
	Database string `json:"database"`
	What     string `json:"what"` // such as: table bolt.strange
}

var (
	//go:embed sql/owned.sql
	ownedSQL string
	//go:embed sql/ownedin.sql
	ownedInSQL string
)

// ReadOwned reads what a tenant's roles own in others' databases, and in schemas
// that are not the tenant's. Whole are the databases that are all the tenant's.
func ReadOwned(ctx context.Context, o Options, h House, whole []string) ([]Owned, error) {
	home, err := connect.Open(ctx, o.Conninfo, connect.Options{})
	if err != nil {
		return nil, err
	}
	defer connect.Close(home)
	var databases []string
	schemas := pgsql.Literals(append([]string{""}, h.Schemas...)...) // a list is never empty; no schema has that name
	roles := strings.NewReplacer("{{roles}}", pgsql.Literals(h.Roles...), "{{schemas}}", schemas)
	err = query(ctx, home, newReader(), roles.Replace(ownedInSQL), func(row [][]byte) {
		if name := string(row[0]); !slices.Contains(whole, name) {
			databases = append(databases, name)
		}
	})
	if err != nil {
		return nil, err
	}
	var out []Owned
	for _, db := range databases {
		conn, err := connect.Open(ctx, o.Conninfo, connect.Options{Database: db})
		if err != nil {
			return out, err
		}
		err = query(ctx, conn, newReader(), roles.Replace(ownedSQL), func(row [][]byte) {
			out = append(out, Owned{db, fmt.Sprintf("%s %s", row[0], row[1])})
		})
		connect.Close(conn)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}
