package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"landlord"
	"landlord/internal/localpg"
)

// maxApply is how much longer than psql landlord may take.
const maxApply = 1.15

// apply builds a town on fresh servers, by landlord and by psql in turn, and
// returns the last server that landlord has filled.
func (b *bench) apply(ctx context.Context, t town) (*localpg.Server, error) {
	if !b.measures("a") {
		s, _, err := b.build(ctx, t)
		return s, err
	}
	ways := arrangements()
	psql := make([][]time.Duration, len(ways))
	var own []time.Duration
	var built *localpg.Server
	for round := range b.rounds {
		if built != nil { // one server at a time: each may fill gigabytes
			if err := built.Remove(); err != nil {
				return nil, err
			}
		}
		b.say("apply, %d %s tenants, round %d", len(t.tenants), t.model, round+1)
		for i, way := range ways {
			d, err := b.buildByPsql(ctx, t, way)
			if err != nil {
				return nil, err
			}
			psql[i] = append(psql[i], d)
			b.say("  %s: %v", way.name, d.Round(time.Millisecond))
		}
		s, d, err := b.build(ctx, t)
		if err != nil {
			return nil, err
		}
		built = s
		own = append(own, d)
		b.say("  landlord: %v", d.Round(time.Millisecond))
	}
	b.reportApply(t, own, ways, psql)
	return built, nil
}

// build is what landlord does, from an empty server.
func (b *bench) build(ctx context.Context, t town) (*localpg.Server, time.Duration, error) {
	s, err := b.yard.start(ctx)
	if err != nil {
		return nil, 0, err
	}
	start := time.Now()
	result, err := landlord.Apply(ctx, t.on(conninfo(s)), "main", landlord.Options{}, landlord.Hooks{})
	d := time.Since(start)
	if err = errors.Join(err, result.Err()); err == nil {
		err = settle(ctx, s)
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("apply: %w", err), s.Remove())
	}
	return s, d, nil
}

// buildByPsql is the same SQL through psql; planning it is not counted.
func (b *bench) buildByPsql(ctx context.Context, t town, way arrangement) (d time.Duration, err error) {
	s, err := b.yard.start(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Remove()) }()
	p, err := landlord.Plan(ctx, t.on(conninfo(s)), "main", landlord.Options{})
	if err != nil {
		return 0, err
	}
	return b.play(ctx, way, p, s)
}

func (b *bench) reportApply(t town, own []time.Duration, ways []arrangement, psql [][]time.Duration) {
	best := 0
	for i := range ways {
		if median(psql[i]) < median(psql[best]) {
			best = i
		}
	}
	b.out.header(fmt.Sprintf("apply, %d tenants in the %s model, from empty", len(t.tenants), t.model), "way", "time", "landlord's time as a ratio")
	b.out.row("landlord apply (planning counted; up to 4 connections at once)", seconds(median(own)), "")
	for i, way := range ways {
		name := way.name
		if i == best {
			name += " (the fastest)"
		}
		b.out.row(name, seconds(median(psql[i])), fmt.Sprintf("%.2f", paired(own, psql[i])))
	}
	b.out.line("\n%s  ", b.out.bound("apply to the fastest psql", paired(own, psql[best]), maxApply, ""))
	b.out.line("%s", b.out.bound("apply to one serial psql", paired(own, psql[0]), 1, ""))
}

// paired is the median of the ratios of measurements taken one after the
// other, in which a neighbour's load weighs on both.
func paired(a, b []time.Duration) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = float64(a[i]) / float64(b[i])
	}
	return median(ratios)
}
