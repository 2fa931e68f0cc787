package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"landlord"
	"landlord/internal/localpg"
	"landlord/internal/spec"
)

// maxAdd is how much more one tenant's addition may cost among all than it
// does among few.
const (
	maxAdd = 1.5
	few    = 10
)

// addition is what it takes to add one tenant: to write it into the spec, and
// to lead the server there.
type addition struct{ edit, apply time.Duration }

// additions compares one tenant added to a server with few others and to one
// with many, in turn.
func (b *bench) additions(ctx context.Context) error {
	sizes := []int{few, b.schemas}
	towns, servers := make([]town, len(sizes)), make([]*localpg.Server, len(sizes))
	for i, n := range sizes {
		b.say("one more tenant: building %d", n)
		towns[i] = estateOf("schema", n)
		s, _, err := b.build(ctx, towns[i])
		if err != nil {
			return err
		}
		defer func() { _ = s.Remove() }()
		servers[i] = s
	}
	edits, applies := make([][]time.Duration, len(sizes)), make([][]time.Duration, len(sizes))
	const often = 5 // one is over in a moment
	for round := range often * b.rounds {
		for i := range sizes {
			a, err := add(ctx, towns[i], servers[i], fmt.Sprintf("new%05d", round))
			if err != nil {
				return err
			}
			edits[i], applies[i] = append(edits[i], a.edit), append(applies[i], a.apply)
		}
	}
	b.out.header("one more tenant, schema model", "tenants already there", "its entry into the spec", "its house on the server")
	for i, n := range sizes {
		b.out.row(fmt.Sprint(n), seconds(median(edits[i])), seconds(median(applies[i])))
	}
	b.out.line("\n%s", b.out.bound(fmt.Sprintf("a house among %d to one among %d", b.schemas, few), paired(applies[1], applies[0]), maxAdd, ""))
	return nil
}

// add adds one tenant as `landlord tenant add` does.
func add(ctx context.Context, t town, s *localpg.Server, name string) (a addition, err error) {
	text := spec.Write(t.on(conninfo(s)))
	start := time.Now()
	edited, err := spec.Edit("landlord.yaml", text, spec.Add(spec.TenantEntry{Name: name, Keys: []spec.KeyValue{
		{Key: "isolation", Values: []string{"schema"}}, {Key: "database", Values: []string{shared}},
	}}))
	if err != nil {
		return a, err
	}
	a.edit = time.Since(start)
	start = time.Now()
	result, err := landlord.Apply(ctx, edited.After, "main", landlord.Options{Tenants: []string{name}}, landlord.Hooks{})
	a.apply = time.Since(start)
	return a, errors.Join(err, result.Err())
}
