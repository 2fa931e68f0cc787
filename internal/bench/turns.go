package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"landlord"
	"landlord/internal/plan"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// neighbourhood is a server with its spec, on which single tenants are looked at
// and changed.
type neighbourhood struct {
	estate tenant.Estate
	server tenant.Server
}

// verb is what a command does about one tenant on the server.
type verb struct {
	name string
	do   func(context.Context, neighbourhood, tenant.Tenant) error
}

// verbs are in an order in which each finds what the one before has left.
var verbs = []verb{
	{"show", show},
	{"suspend", suspend},
	{"resume", func(ctx context.Context, n neighbourhood, t tenant.Tenant) error {
		return n.lead(ctx, t, landlord.Options{})
	}},
	{"rotate", func(ctx context.Context, n neighbourhood, t tenant.Tenant) error {
		_, err := landlord.Rotate(ctx, n.estate, t.Name, t.Logins[0].Name, landlord.Rotation{}, landlord.Hooks{})
		return err
	}},
	{"rotate --finish, nobody watched", func(ctx context.Context, n neighbourhood, t tenant.Tenant) error {
		_, err := landlord.FinishRotation(ctx, n.estate, t.Name, landlord.Finish{}, landlord.Hooks{})
		return err
	}},
	{"remove, without the dump", remove},
}

// lead leads the server to what the estate says about a tenant.
func (n neighbourhood) lead(ctx context.Context, t tenant.Tenant, o landlord.Options) error {
	o.Tenants = []string{t.Name}
	result, err := landlord.Apply(ctx, n.estate, n.server.Name, o, landlord.Hooks{
		Straight: true, Consent: func(plan.Plan) error { return nil },
		Refresh: func(context.Context) (tenant.Estate, error) { return n.estate, nil },
	})
	return errors.Join(err, result.Err())
}

func show(ctx context.Context, n neighbourhood, t tenant.Tenant) error {
	found, err := landlord.List(ctx, n.server, t.Name)
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("tenant %s is found %d times", t.Name, len(found))
	}
	landlord.Contents(ctx, n.server, found[0])
	_, err = landlord.Plan(ctx, n.estate, n.server.Name, landlord.Options{Tenants: []string{t.Name}})
	return err
}

func suspend(ctx context.Context, n neighbourhood, t tenant.Tenant) error {
	n.estate.Tenants = slices.Clone(n.estate.Tenants)
	i := slices.IndexFunc(n.estate.Tenants, func(x tenant.Tenant) bool { return x.Name == t.Name })
	n.estate.Tenants[i].Suspended = true
	if err := n.lead(ctx, t, landlord.Options{}); err != nil {
		return err
	}
	_, err := landlord.Quiet(ctx, n.estate, n.server, t)
	return err
}

func remove(ctx context.Context, n neighbourhood, t tenant.Tenant) error {
	found, err := landlord.List(ctx, n.server, t.Name)
	if err != nil {
		return err
	}
	for _, s := range found {
		if _, err := landlord.OwnedOutside(ctx, n.server, s); err != nil {
			return err
		}
	}
	if err := suspend(ctx, n, t); err != nil {
		return err
	}
	n.estate.Tenants = slices.DeleteFunc(slices.Clone(n.estate.Tenants), func(x tenant.Tenant) bool { return x.Name == t.Name })
	return n.lead(ctx, t, landlord.Options{Prune: true})
}

// turns compares what commands about one tenant do on a server with few others
// and on one with many, in turn: for each round one of those that were added
// last.
func (b *bench) turns(ctx context.Context, files []string, sizes []int) error {
	times := make([][][]time.Duration, len(verbs))
	for round := range b.rounds {
		for i := range files {
			n, err := neighbourhoodIn(files[i])
			if err != nil {
				return err
			}
			t := n.estate.Tenants[len(n.estate.Tenants)-1-round]
			if _, err := landlord.Rotate(ctx, n.estate, t.Name, t.Logins[0].Name, landlord.Rotation{}, landlord.Hooks{}); err != nil { // its first password
				return err
			}
			for v, verb := range verbs {
				start := time.Now()
				if err := verb.do(ctx, n, t); err != nil {
					return fmt.Errorf("%s: %w", verb.name, err)
				}
				if times[v] == nil {
					times[v] = make([][]time.Duration, len(files))
				}
				times[v][i] = append(times[v][i], time.Since(start))
			}
		}
	}
	names := make([]string, len(verbs))
	for v := range verbs {
		names[v] = verbs[v].name
	}
	b.ratios("one tenant among others, schema model", names, times, sizes)
	return b.bareTurns(files, sizes)
}

// ratios prints, for each of some verbs, what it takes on both servers.
func (b *bench) ratios(title string, names []string, times [][][]time.Duration, sizes []int) {
	b.out.header(title, "what is done on the server", fmt.Sprintf("among %d", sizes[0]), fmt.Sprintf("among %d", sizes[1]), "ratio")
	for v, name := range names {
		b.out.row(name, seconds(median(times[v][0])), seconds(median(times[v][1])), fmt.Sprintf("%.2f", paired(times[v][1], times[v][0])))
	}
	b.out.line("")
	for v, name := range names {
		b.out.line("%s  ", b.out.bound(fmt.Sprintf("%s among %d to %d", name, sizes[1], sizes[0]), paired(times[v][1], times[v][0]), maxAdd, ""))
	}
}

func neighbourhoodIn(file string) (n neighbourhood, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return n, err
	}
	if n.estate, err = spec.Parse(file, text); err != nil {
		return n, err
	}
	n.server = n.estate.Servers[0]
	return n, nil
}
