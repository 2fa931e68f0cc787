package landlord

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"landlord/internal/backup"
	"landlord/internal/catalog"
	"landlord/internal/connect"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Dumped is a dump that was kept.
type Dumped struct {
	Database string `json:"database"`
	Path     string `json:"path"`
	Bytes    int64  `json:"bytes"`
}

// CanKeep says why no dump can be made of what is on a server, or nil. It is
// asked before anything is changed.
func CanKeep(ctx context.Context, s tenant.Server) error {
	conn, err := connect.Open(ctx, s.Connection, connect.Options{})
	if err != nil {
		return fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	defer connect.Close(conn)
	snap, err := catalog.Session(ctx, conn)
	if err != nil {
		return fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	return backup.Able(ctx, snap.Version)
}

// CanRemove says why a tenant cannot be taken away, or no dump of its data made if
// one is to be kept, or nil. It is asked before anything is changed: what goes must
// be looked into, but for a database whose DROP was interrupted.
func CanRemove(ctx context.Context, s tenant.Server, t tenant.Tenant, keep bool) error {
	if keep {
		if err := CanKeep(ctx, s); err != nil {
			return err
		}
	}
	snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection, Focus: of([]string{t.Name})})
	if err != nil {
		return fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	for _, p := range t.Places() {
		broken := slices.ContainsFunc(snap.Databases, func(d snapshot.Database) bool { return d.Name == p.Database && d.Invalid() })
		if open, _ := doorOf(snap, p.Database); !open || broken && !keep {
			continue // who is shut is opened first
		}
		conn, err := connect.Open(ctx, s.Connection, connect.Options{Database: p.Database})
		if err != nil {
			return fmt.Errorf("database %s, of which tenant %s is to be taken away, cannot be looked into, and nothing was changed: %w", p.Database, t.Name, err)
		}
		connect.Close(conn)
	}
	return nil
}

// Keep dumps a tenant's data into new files in dir, one for each of its
// databases: the whole of it, or the tenant's schemas where it is shared. A
// database that is gone has nothing to keep. What was kept is returned with an
// error, too.
func Keep(ctx context.Context, s tenant.Server, t tenant.Tenant, dir string) ([]Dumped, error) {
	snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection, Focus: of([]string{t.Name})})
	if err != nil {
		return nil, fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	// What the spec does not name any more goes with the tenant as well.
	t = plan.Complete([]tenant.Tenant{t}, plan.Found(s.Name, snap), snap)[0]
	name := filepath.Join(dir, t.Name+"-"+time.Now().UTC().Format("20060102T150405.000Z"))
	var kept []Dumped
	for i, p := range t.Places() {
		switch open, there := doorOf(snap, p.Database); {
		case !there:
			continue
		case !open:
			return kept, fmt.Errorf("database %s takes no connections, so that there is no dump of it; landlord apply --tenant %s opens it", p.Database, t.Name)
		}
		d := backup.Dump{Conninfo: s.Connection, Database: p.Database, Version: snap.Version, Superuser: snap.Session.Superuser, Path: name + ".dump"}
		if i > 0 {
			d.Path = name + "." + url.PathEscape(p.Database) + ".dump"
		}
		if !t.Alone(p) {
			d.Schemas = p.Schemas
		}
		n, err := backup.Write(ctx, d)
		if err != nil {
			return kept, err
		}
		kept = append(kept, Dumped{p.Database, d.Path, n})
	}
	return kept, nil
}
