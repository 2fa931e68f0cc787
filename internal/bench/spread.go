package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"landlord"
	"landlord/internal/tenant"
)

// spread puts tenants behind three processes of the router, uses each, and
// measures landlord's own commands.
func (b *bench) spread(ctx context.Context) error {
	tenants := min(5*defaultAliases/2, b.schemas)
	b.say("router: %d tenants behind several processes", tenants)
	s, e, err := b.routed(ctx, tenants+1, 2*tenants/5)
	if err != nil {
		return err
	}
	defer func() { _ = s.Remove() }()
	late := len(e.Tenants) - 1
	all := e.Tenants
	e.Tenants = all[:late:late]
	b.out.header(fmt.Sprintf("%d tenants behind several processes of the router", tenants), "what", "time", "")
	first, p, err := b.follow(ctx, "router apply, the first", e)
	if err != nil {
		return err
	}
	for i, o := range first {
		x, err := b.bounce(ctx, o.Start[0], e.Router.Socket, p.Processes[i])
		if err != nil {
			return err
		}
		defer func() { _ = x.stop() }()
	}
	if err := b.useEach(ctx, e); err != nil {
		return err
	}
	for _, turn := range []struct {
		what    string
		tenants []tenant.Tenant
	}{
		{"router apply with nothing to do", e.Tenants},
		{"router apply, one tenant more", all},
		{"router apply, one tenant less", slices.Delete(slices.Clone(all), 10, 11)},
	} {
		e.Tenants = turn.tenants
		if _, _, err := b.follow(ctx, turn.what, e); err != nil {
			return err
		}
		if err := b.status(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// follow is landlord router apply, and what comes of it.
func (b *bench) follow(ctx context.Context, what string, e tenant.Estate) ([]landlord.RouterOutcome, landlord.RouterPlan, error) {
	start := time.Now()
	p, err := landlord.PlanRouter(ctx, e)
	var out []landlord.RouterOutcome
	if err == nil {
		out, err = landlord.ApplyRouter(ctx, e, p)
	}
	if err != nil {
		return nil, p, err
	}
	took := time.Since(start)
	var written, loaded, names []int
	for i, o := range out {
		if o.Written {
			written = append(written, o.Process)
		}
		if o.Loaded {
			loaded = append(loaded, o.Process)
		}
		names = append(names, len(p.Processes[i].Aliases))
	}
	b.out.row(what, fmt.Sprintf("%.0f ms", ms(took)), fmt.Sprintf("names %v; written %v, loaded %v", names, written, loaded))
	return out, p, nil
}

func (b *bench) status(ctx context.Context, e tenant.Estate) error {
	start := time.Now()
	list, err := landlord.StatusRouter(ctx, e)
	took := time.Since(start)
	if err != nil {
		return err
	}
	right := len(list) == len(e.Tenants)
	for _, x := range list {
		right = right && x.Running && !x.Stale
	}
	if !right {
		return fmt.Errorf("router status tells of %d names of %d, or of one that is not as it should be", len(list), len(e.Tenants))
	}
	b.out.row("router status", fmt.Sprintf("%.0f ms", ms(took)), fmt.Sprintf("all %d as they should be", len(list)))
	return nil
}

// useEach logs in by each name once, at the port of its process.
func (b *bench) useEach(ctx context.Context, e tenant.Estate) error {
	list, err := landlord.StatusRouter(ctx, e)
	if err != nil {
		return err
	}
	port := map[string]int{}
	for _, x := range list {
		port[x.Name] = x.Port
	}
	took, err := logins(ctx, e.Tenants, func(t tenant.Tenant) string {
		return fmt.Sprintf("host=%s port=%d dbname=%s", e.Router.Socket, port[t.Name], t.Name)
	})
	if err != nil {
		return err
	}
	b.out.row("each name used once, one after the other", fmt.Sprintf("%.1f s", took.Seconds()), fmt.Sprintf("%.1f ms each, log in and one query", ms(took)/float64(len(e.Tenants))))
	return nil
}
