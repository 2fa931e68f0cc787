package landlord

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"landlord/internal/backup"
	"landlord/internal/catalog"
	"landlord/internal/tenant"
)

// Dumped is a dump that was kept.
type Dumped struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// CanKeep says why no dump can be made of what is on a server, or nil. It is
// asked before anything is changed.
func CanKeep(ctx context.Context, s tenant.Server) error {
	snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection})
	if err != nil {
		return fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	return backup.Able(ctx, snap.Version)
}

// Keep dumps a tenant's data into a new file in dir: its whole database, or
// its schemas. A tenant whose database is gone has nothing to keep: then the
// path is empty.
func Keep(ctx context.Context, s tenant.Server, t tenant.Tenant, dir string) (Dumped, error) {
	snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection})
	if err != nil {
		return Dumped{}, fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	if !accepts(snap, t.Home.Database) {
		return Dumped{}, nil
	}
	d := backup.Dump{
		Conninfo: s.Connection, Database: t.Home.Database, Version: snap.Version, Superuser: snap.Session.Superuser,
		Path: filepath.Join(dir, t.Name+"-"+time.Now().UTC().Format("20060102T150405.000Z")+".dump"),
	}
	if !t.Own() {
		d.Schemas = t.Home.Schemas
	}
	n, err := backup.Write(ctx, d)
	return Dumped{d.Path, n}, err
}
