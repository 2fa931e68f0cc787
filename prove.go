package landlord

import (
	"context"
	"fmt"

	"landlord/internal/cluster/host"
	"landlord/internal/prove"
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
	s, ok := e.Server(server)
	if !ok {
		return prove.Report{}, fmt.Errorf("there is no server %q in the spec", server)
	}
	return prove.Run(ctx, prove.Input{
		Server: s, Tenants: e.On(server), Afar: afar(e, server), Only: o.Tenants, Parallel: o.Parallel, Progress: h.Outcome, Proved: h.Tenant,
		Lookup: func(t tenant.Tenant, login string) (string, bool) { return Lookup(ctx, e, t, login) },
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
