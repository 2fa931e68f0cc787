package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"landlord/internal/connect"
	"landlord/internal/localpg"
	"landlord/internal/tenant"
)

// yard is where the private servers are made, each from a copy of one fresh
// data directory.
type yard struct {
	dir     string
	install localpg.Install
	fsync   bool
	made    int
}

func newYard(ctx context.Context, o options) (*yard, error) {
	install, err := localpg.Find(ctx, o.major)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.dir, "landlord-bench-")
	if err != nil {
		return nil, err
	}
	y := &yard{dir: dir, install: install, fsync: o.fsync}
	// The servers run as another user when we are root.
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, errors.Join(err, y.close())
	}
	if err := localpg.Initdb(ctx, install, y.template(), true); err != nil {
		return nil, errors.Join(err, y.close())
	}
	return y, nil
}

const (
	memoryDir = "/dev/shm"
	memoryMin = 12 << 30 // bytes free: a thousand databases take eight
)

// roomy is memory where there is plenty, so that nobody's disk is measured,
// and else the directory for temporary files.
func roomy() string {
	var fs syscall.Statfs_t
	if syscall.Statfs(memoryDir, &fs) == nil && uint64(fs.Bavail)*uint64(fs.Bsize) >= memoryMin {
		return memoryDir
	}
	return os.TempDir()
}

func (y *yard) template() string { return filepath.Join(y.dir, "template") }

func (y *yard) close() error { return os.RemoveAll(y.dir) }

// start starts a fresh server.
func (y *yard) start(ctx context.Context) (*localpg.Server, error) {
	y.made++
	s, err := localpg.Create(ctx, localpg.Options{
		Install: y.install, Dir: filepath.Join(y.dir, fmt.Sprint(y.made)), Unsafe: !y.fsync, Template: y.template(),
	})
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// settle lets a server write out what it has to, so that one measurement does
// not pay for another's.
func settle(ctx context.Context, s *localpg.Server) error { return settleIn(ctx, conninfo(s)) }

// settleIn is settle for the catalogs of one database, and for those that all
// share: the autovacuum has no more to do there.
func settleIn(ctx context.Context, conninfo string) error {
	conn, err := connect.Open(ctx, conninfo, connect.Options{})
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	for _, sql := range []string{"VACUUM ANALYZE", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

func conninfo(s *localpg.Server) string { return s.ConnString("postgres", "postgres") }

// town is the tenants of one measurement, all of one model.
type town struct {
	model   string
	tenants []tenant.Tenant
}

// shared is the container of all tenants of the schema model.
const shared = "shared"

func estateOf(model string, n int) town {
	e := town{model: model}
	for i := range n {
		name := fmt.Sprintf("t%05d", i)
		t := tenant.Tenant{
			Name: name, Server: "main", Isolation: tenant.Model(model), Home: tenant.Place{Database: name, Schemas: []string{name}},
			Owner: tenant.DefaultOwner(name), Rights: tenant.CRUD, Logins: tenant.DefaultLogins(name, tenant.CRUD), Temp: true,
			Limits: tenant.Limits{Connections: 20, StatementTimeout: 30e9, TempFiles: 1 << 30},
		}
		if !t.Own() {
			t.Home.Database = shared
		}
		e.tenants = append(e.tenants, t)
	}
	return e
}

// on is the estate with the town on a server.
func (t town) on(conninfo string) tenant.Estate {
	return tenant.Estate{Servers: []tenant.Server{{Name: "main", Connection: conninfo}}, Tenants: t.tenants}
}
