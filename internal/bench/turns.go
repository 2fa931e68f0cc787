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
// and on one with many: with a spec, of one of those that were added last, and
// without one.
func (b *bench) turns(ctx context.Context, files []string, sizes []int) error {
	const title = "one tenant among others, schema model"
	err := b.inTurn(ctx, title, verbs, files, sizes, func(n neighbourhood, round int) (tenant.Tenant, error) {
		t := n.estate.Tenants[len(n.estate.Tenants)-1-round]
		_, err := landlord.Rotate(ctx, n.estate, t.Name, t.Logins[0].Name, landlord.Rotation{}, landlord.Hooks{}) // its first password
		return t, err
	})
	if err != nil {
		return err
	}
	return b.inTurn(ctx, title+", without a spec", bareVerbs, files, sizes, func(_ neighbourhood, round int) (tenant.Tenant, error) {
		return tenant.Tenant{Name: fmt.Sprintf("bare%05d", round)}, nil
	})
}

// inTurn prints what each of some verbs takes on both servers, which take turns;
// ready gives each round its tenant.
func (b *bench) inTurn(ctx context.Context, title string, verbs []verb, files []string, sizes []int, ready func(n neighbourhood, round int) (tenant.Tenant, error)) error {
	times := make([][][]time.Duration, len(verbs))
	for v := range verbs {
		times[v] = make([][]time.Duration, len(files))
	}
	for round := range b.rounds {
		for i := range files {
			n, err := neighbourhoodIn(files[i])
			if err != nil {
				return err
			}
			t, err := ready(n, round)
			if err != nil {
				return err
			}
			for v, verb := range verbs {
				start := time.Now()
				if err := verb.do(ctx, n, t); err != nil {
					return fmt.Errorf("%s: %w", verb.name, err)
				}
				times[v][i] = append(times[v][i], time.Since(start))
			}
		}
	}
	b.out.header(title, "what is done on the server", fmt.Sprintf("among %d", sizes[0]), fmt.Sprintf("among %d", sizes[1]), "ratio")
	for v, verb := range verbs {
		b.out.row(verb.name, seconds(median(times[v][0])), seconds(median(times[v][1])), fmt.Sprintf("%.2f", paired(times[v][1], times[v][0])))
	}
	b.out.line("")
	for v, verb := range verbs {
		b.out.line("%s  ", b.out.bound(fmt.Sprintf("%s among %d to %d", verb.name, sizes[1], sizes[0]), paired(times[v][1], times[v][0]), maxAdd, ""))
	}
	return nil
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
