// Command bench measures landlord against floors that it measures in the same
// run, and prints a page of ratios: docs/performance.md says how to read it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"landlord/internal/cli"
	"landlord/internal/heap"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(program(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what is measured, and on what.
type options struct {
	databases, schemas int // tenants of each model
	rounds             int
	only               string
	major              int
	fsync, check       bool
	dir                string
}

// childArg as the first argument makes the program one plan, whose memory the
// parent asks for.
const childArg = "child"

// commandArg as the first argument makes the program landlord itself.
const commandArg = "landlord"

// program is all of it: 0 measured, 1 failed or (with -check) over a bound, 2
// bad usage.
func program(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == childArg {
		return exit(stderr, child(ctx, args[1:], stdout))
	}
	if len(args) > 0 && args[0] == commandArg {
		return cli.Main(args[1:], cli.Process())
	}
	o, err := parse(args, stderr)
	if err != nil {
		return 2
	}
	b := &bench{options: o, out: &page{w: stdout}, talk: stderr}
	if err := b.measure(ctx); err != nil {
		return exit(stderr, err)
	}
	if broken := b.out.broken; o.check && len(broken) > 0 {
		return exit(stderr, errors.New("over the bound: "+strings.Join(broken, "; ")))
	}
	return 0
}

func exit(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "bench:", err)
	return 1
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var scale string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&scale, "scale", "full", "`small` (50 databases, 500 schemas) or full (1,000 and 10,000)")
	f.StringVar(&o.only, "only", "a,b,c,d,e,f,g,r,s,o", "`parts` to measure: a apply, b plan, c memory and growth, d one more tenant, e judging many databases, f judging one large database, g the pool, r the router, s several processes of it, o tenants' own servers")
	f.IntVar(&o.databases, "databases", 0, "tenants in the database model, instead of the scale's")
	f.IntVar(&o.schemas, "schemas", 0, "tenants in the schema model, instead of the scale's")
	f.IntVar(&o.rounds, "rounds", 3, "how often each pair is measured; the median counts")
	f.IntVar(&o.major, "major", 0, "PostgreSQL `major`; 0: the newest installed")
	f.BoolVar(&o.fsync, "fsync", false, "wait for the disk at each commit, on both sides (otherwise on neither)")
	f.BoolVar(&o.check, "check", false, "exit 1 if a bound is broken")
	f.StringVar(&o.dir, "dir", roomy(), "`where` the private servers are made")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	sizes, ok := map[string][2]int{"small": {50, 500}, "full": {1000, 10000}}[scale]
	if !ok || f.NArg() > 0 {
		fmt.Fprintln(stderr, "bench: -scale is small or full, and there are no arguments")
		return o, errors.New("usage")
	}
	o.databases, o.schemas = cmp.Or(o.databases, sizes[0]), cmp.Or(o.schemas, sizes[1])
	return o, nil
}

// bench is one run of the program.
type bench struct {
	options
	out  *page
	talk io.Writer // what is going on
	yard *yard
	psql string
}

func (b *bench) measures(part string) bool { return strings.Contains(b.only, part) }

func (b *bench) measure(ctx context.Context) error {
	var err error
	if b.yard, err = newYard(ctx, b.options); err != nil {
		return err
	}
	defer b.yard.close()
	if b.psql, err = findPsql(); err != nil {
		return err
	}
	b.out.machine(ctx, b)
	for _, m := range []string{"database", "schema"} {
		if err := b.model(ctx, estateOf(m, b.size(m))); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{{"c", b.growth}, {"d", b.additions}, {"f", b.judgeSchemas}, {"g", b.pools}, {"r", b.router}, {"s", b.spread}, {"o", b.ownServers}} {
		if !b.measures(part.name) {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) size(model string) int {
	if model == "database" {
		return b.databases
	}
	return b.schemas
}

// model measures what is done with tenants of one model, on servers that hold
// no others.
func (b *bench) model(ctx context.Context, e town) error {
	many := e.model == "database"
	if !b.measures("a") && !b.measures("b") && !(many && b.measures("e")) {
		return nil
	}
	heap.Fit(len(e.tenants)) // as the command does
	built, err := b.apply(ctx, e)
	if err != nil {
		return err
	}
	defer func() { _ = built.Remove() }()
	if b.measures("b") && !many {
		return b.planSchemas(ctx, e, built)
	}
	if b.measures("b") {
		if err := b.planDatabases(ctx, e, built); err != nil {
			return err
		}
	}
	if b.measures("e") && many {
		return b.judgeDatabases(ctx, e, built)
	}
	return nil
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.talk, format+"\n", args...) }
