package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"landlord"
	"landlord/internal/heap"
	"landlord/internal/spec"
	"landlord/internal/spec/specfile"
	"landlord/internal/tenant"
)

// maxAdd is how much more one tenant's addition may cost among all than it
// does among few.
const (
	maxAdd = 1.5
	few    = 10
)

// addition is what it takes to add one tenant: to write it into the spec, and
// to lead the server there; and what a whole command takes, its process included.
type addition struct{ edit, apply, whole time.Duration }

// usual is a spec of so many tenants of the usual kinds: most say nothing, some
// have a profile, a few say more.
func usual(conninfo string, n int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# who our customers are\nservers:\n  main:\n    connection: %s\n", strconv.Quote(conninfo))
	b.WriteString("defaults:\n  isolation: schema\n  limits: {connections: 20, statement_timeout: 30s}\nprofiles:\n  small: {limits: {connections: 5}}\n\ntenants:\n")
	for i := range n {
		switch name := fmt.Sprintf("t%05d", i); {
		case i%50 == 0:
			fmt.Fprintf(&b, "  %s: # by contract\n    rights: ddl\n    limits: {connections: %d}\n", name, 30+i%7)
		case i%3 == 0:
			fmt.Fprintf(&b, "  %s: {profile: small}\n", name)
		default:
			fmt.Fprintf(&b, "  %s: {}\n", name)
		}
	}
	return b.Bytes()
}

// additions compares one tenant added to a server with few others and to one
// with many, in turn.
func (b *bench) additions(ctx context.Context) error {
	heap.Fit(b.schemas) // as the command does
	sizes := []int{few, b.schemas}
	files := make([]string, len(sizes))
	for i, n := range sizes {
		b.say("one more tenant: building %d", n)
		e, err := spec.Parse("the bench's own", usual("host=/nowhere", n))
		if err != nil {
			return err
		}
		s, _, err := b.build(ctx, town{"schema", e.Tenants})
		if err != nil {
			return err
		}
		defer func() { _ = s.Remove() }()
		if err := settleIn(ctx, s.ConnString(shared, "postgres")); err != nil {
			return err
		}
		files[i] = filepath.Join(b.yard.dir, fmt.Sprintf("%d.yaml", n))
		if err := os.WriteFile(files[i], usual(conninfo(s), n), 0o600); err != nil {
			return err
		}
	}
	edits, applies, wholes := make([][]time.Duration, len(sizes)), make([][]time.Duration, len(sizes)), make([][]time.Duration, len(sizes))
	const often = 5 // one is over in a moment
	for round := range often * b.rounds {
		for i := range sizes {
			a, err := add(ctx, files[i], fmt.Sprintf("new%05d", round))
			if err != nil {
				return err
			}
			if a.whole, err = addByCommand(ctx, files[i], fmt.Sprintf("whole%05d", round)); err != nil {
				return err
			}
			edits[i], applies[i], wholes[i] = append(edits[i], a.edit), append(applies[i], a.apply), append(wholes[i], a.whole)
		}
	}
	b.out.header("one more tenant, schema model", "tenants already there", "its entry into the spec", "its house on the server", "`landlord tenant add`, the whole process")
	for i, n := range sizes {
		b.out.row(fmt.Sprint(n), seconds(median(edits[i])), seconds(median(applies[i])), seconds(median(wholes[i])))
	}
	b.out.line("\n%s  ", b.out.bound(fmt.Sprintf("a house among %d to one among %d", b.schemas, few), paired(applies[1], applies[0]), maxAdd, ""))
	b.out.line("%s", b.out.bound(fmt.Sprintf("`tenant add` with a spec of %d to one with %d", b.schemas, few), paired(wholes[1], wholes[0]), maxAdd, ""))
	return b.turns(ctx, files, sizes)
}

// addByCommand adds one tenant by the whole command, in a process of its own.
func addByCommand(ctx context.Context, file, name string) (time.Duration, error) {
	start := time.Now()
	_, err := itself(ctx, commandArg, "tenant", "add", name, "-f", file)
	return time.Since(start), err
}

// add adds one tenant as `landlord tenant add` does: to the file, and to the
// server, with what the file says once landlord's lock is held.
func add(ctx context.Context, file, name string) (a addition, err error) {
	var edited spec.Edited
	start := time.Now()
	err = specfile.Update(file, func(text []byte) (_ []byte, err error) {
		edited, err = spec.Edit(file, text, spec.Add(spec.TenantEntry{Name: name, Keys: []spec.KeyValue{
			{Key: "isolation", Values: []string{"schema"}}, {Key: "database", Values: []string{shared}},
		}}))
		return edited.Text, err
	})
	if err != nil {
		return a, err
	}
	a.edit = time.Since(start)
	start = time.Now()
	result, err := landlord.Apply(ctx, edited.After, "main", landlord.Options{Tenants: []string{name}}, landlord.Hooks{
		Straight: true,
		Refresh: func(context.Context) (tenant.Estate, error) {
			if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, edited.Text) {
				return tenant.Estate{}, errors.Join(errors.New("the file is another one"), err)
			}
			return edited.After, nil
		},
	})
	a.apply = time.Since(start)
	return a, errors.Join(err, result.Err())
}
