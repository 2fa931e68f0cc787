package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"

	"landlord"
	"landlord/internal/bouncer"
	"landlord/internal/credentials"
	"landlord/internal/localpg"
	"landlord/internal/run"
)

// routerText is the router in the demo's landlord.yaml, where PgBouncer is
// installed.
func (d *Demo) routerText() string {
	user, err := localpg.ServerUser()
	if _, missing := bouncer.Program(); err != nil || missing != nil {
		return ""
	}
	return fmt.Sprintf(`
# PgBouncer in front of all of them: one address, and the tenant's name. It may
# want more connections than this small server has (overcommit).
router: {directory: %s, socket: %s, user: %s, overcommit: true}
`, filepath.Join(d.scratch, "router"), d.Server.SocketDir(), user)
}

// Route starts the router where there is one, and keeps the passwords under its
// address, too.
func (d *Demo) Route(ctx context.Context) error {
	if d.Estate.Router == nil {
		return nil
	}
	p, err := landlord.PlanRouter(ctx, d.Estate)
	if err != nil {
		return err
	}
	out, err := landlord.ApplyRouter(ctx, d.Estate, p)
	if err != nil {
		return err
	}
	user, err := localpg.ServerCredential()
	if err != nil {
		return err
	}
	d.bouncer, err = run.Start(run.Spec{Name: out[0].Start[0], Args: out[0].Start[1:], Dir: "/", User: user}, nil, syscall.SIGTERM)
	if err != nil {
		return err
	}
	for _, t := range d.Estate.Tenants {
		for _, l := range t.Logins {
			got, err := landlord.Login(ctx, d.Estate, t, l.Name, false)
			if err == nil {
				err = credentials.PassFile{Path: d.PassFile()}.Store(ctx, got.Settings)
			}
			if err != nil {
				return err
			}
		}
	}
	return landlord.AwaitRouter(ctx, d.Estate)
}

// direct is the estate without its router: as its programs would be without.
func (d *Demo) direct() *Demo {
	other := *d
	other.Estate.Router = nil
	return &other
}
