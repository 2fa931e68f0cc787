package landlord

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/cluster/host"
	"landlord/internal/connect"
	"landlord/internal/credentials"
	"landlord/internal/prove"
	"landlord/internal/router"
	"landlord/internal/tenant"
)

// ProveHooks are told what Prove is doing. Any of them may be nil.
type ProveHooks struct {
	// Outcome is called for each probe.
	Outcome func(prove.Outcome)
	// Tenant is called for each tenant that has been tried.
	Tenant func(name string, outcomes []prove.Outcome)
}

// Prove logs in as each tenant, through the door, and tries to get out. What
// it makes for the purpose is gone afterwards.
func Prove(ctx context.Context, e tenant.Estate, server string, o Options, h ProveHooks) (prove.Report, error) {
	s, err := serverOf(e, server)
	if err != nil {
		return prove.Report{}, err
	}
	ways, err := waysOf(e) // once: a spread over many tenants is many files and names
	if err != nil {
		return prove.Report{}, err
	}
	through, err := throughRouter(ctx, e, ways)
	if err != nil {
		return prove.Report{}, err
	}
	var limits prove.Limited
	if s.Own != nil {
		limits.Memory, limits.CPU = host.Limited(*s.Own)
		limits.Weightless = host.Weight(*s.Own)
		limits.SharedMemory = host.OwnSharedMemory(*s.Own)
	}
	return prove.Run(ctx, prove.Input{
		Router: through, Limited: limits,
		Server: s, Tenants: e.On(server), Afar: afar(e, server), Only: o.Tenants, Pools: o.Pools, Probes: o.Probes, Parallel: o.Parallel, Progress: h.Outcome, Proved: h.Tenant,
		Lookup:     func(t tenant.Tenant, login string) (string, bool) { return lookup(ctx, e, ways, t, login) },
		LookupPool: func(pool, login string) (string, bool) { return lookupPool(ctx, e, ways, server, pool, login) },
	})
}

// afar are the tenants with servers of their own that run, but for one server.
func afar(e tenant.Estate, server string) []prove.Afar {
	var out []prove.Afar
	for _, s := range e.Servers {
		if s.Own == nil || s.Own.Stopped || s.Name == server {
			continue
		}
		m, err := host.ReadMark(s.Own.Home)
		if t, ok := e.Tenant(s.Own.Tenant); ok && err == nil && m != nil && host.Runs(*m) {
			out = append(out, prove.Afar{Server: s, Tenant: t, Data: m.Data})
		}
	}
	return out
}

// throughRouter is what prove must know of the router, or nil where there is
// none.
func throughRouter(ctx context.Context, e tenant.Estate, ways *routerWays) (*prove.Router, error) {
	if ways == nil {
		return nil, nil
	}
	var names []prove.RouterName
	for _, t := range e.Tenants {
		if t.Suspended {
			continue
		}
		var logins []string
		for _, l := range t.Logins {
			logins = append(logins, l.Name)
		}
		for _, p := range t.Places() {
			names = append(names, prove.RouterName{Name: router.Name(t, p), Tenant: t.Name, Server: t.Server, Database: p.Database, Logins: logins})
		}
	}
	for _, s := range e.Servers {
		for _, p := range s.Pools {
			names = append(names, prove.RouterName{Name: p.Name, Pool: p.Name, Server: s.Name, Database: p.Database, Logins: []string{p.Name}})
		}
	}
	for i, n := range names {
		s, err := ways.to(n.Name, credentials.Settings{})
		if err != nil {
			return nil, err
		}
		words := fmt.Sprintf("host=%s port=%d", connect.Word(s.Host), s.Port)
		if s.SSLMode != "" {
			words += " sslmode=" + s.SSLMode
		}
		if s.SSLRootCert != "" {
			words += " sslrootcert=" + connect.Word(s.SSLRootCert)
		}
		names[i].Conninfo = words
	}
	slices.SortFunc(names, func(a, b prove.RouterName) int { return strings.Compare(a.Name, b.Name) })
	through := &prove.Router{Names: names}
	if e.Router.Secrets == tenant.AuthQuery {
		through.Lookups = router.Lookups
	}
	return through, ctx.Err()
}
