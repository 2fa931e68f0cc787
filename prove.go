package landlord

import (
	"context"
	"fmt"

	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// Prove logs in as each tenant, through the door, and tries to get out. What
// it makes for the purpose is gone afterwards.
func Prove(ctx context.Context, e tenant.Estate, server string, o Options, progress func(prove.Outcome)) (prove.Report, error) {
	s, ok := e.Server(server)
	if !ok {
		return prove.Report{}, fmt.Errorf("there is no server %q in the spec", server)
	}
	tenants := e.On(server)
	whose := map[string]tenant.Tenant{}
	for _, t := range tenants {
		for _, l := range t.Logins {
			whose[l.Name] = t
		}
	}
	return prove.Run(ctx, prove.Input{
		Server: s, Tenants: tenants, Only: o.Tenants, Parallel: o.Parallel, Progress: progress,
		Lookup: func(login string) (string, bool) { return Lookup(ctx, e, whose[login], login) },
	})
}
