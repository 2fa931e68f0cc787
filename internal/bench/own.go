package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"landlord"
	"landlord/internal/apply"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// idleServers is how many servers are measured.
const idleServers = 3

// host24 is the memory that the page tells the number of servers for.
const host24 = 24 << 30

// ownServers measures tenants' own servers that have nothing to do: the memory
// of each (its processes' proportional sets: what several share is counted
// once), and how long it takes to start. The manager is the plain one.
func (b *bench) ownServers(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp(b.dir, "own-")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf("host: {manager: plain, directory: %s/h}\ndefaults: {isolation: cluster, resources: {memory: 128MiB, settings: {shared_buffers: 16MB, fsync: false}}}\ntenants:\n", dir)
	for i := range idleServers {
		text += fmt.Sprintf("  t%d: {}\n", i)
	}
	e, err := spec.Parse("the bench's own", []byte(text))
	if err != nil {
		return err
	}
	defer func() {
		for _, s := range e.Servers {
			err = errors.Join(err, landlord.RemoveServer(context.WithoutCancel(ctx), e, s.Name, landlord.Hooks{}))
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	ctx = landlord.Remember(ctx) // as the command does
	var started []time.Duration
	var memory []float64
	for _, s := range e.Servers {
		took, err := startOwn(ctx, e, s)
		if err != nil {
			return err
		}
		started = append(started, took)
	}
	for _, s := range e.Servers {
		memory = append(memory, float64(pss(filepath.Join(s.Own.Home, "data")))/(1<<20))
	}
	each := median(memory)
	b.out.header("tenants' own servers, idle", "shared_buffers", "memory of each", "start", "what 24 GiB hold")
	b.out.row("16MB", fmt.Sprintf("%.0f MiB", each), seconds(median(started)), fmt.Sprintf("%d of them idle; %d with a limit of 128MiB each, 24 with the default of 1GiB", int(host24/(each*(1<<20))), host24/(128<<20)))
	return nil
}

// startOwn makes a server, stops it, and measures how long its start takes.
func startOwn(ctx context.Context, e tenant.Estate, s tenant.Server) (time.Duration, error) {
	var took time.Duration
	for _, stopped := range []bool{false, true, false} {
		i := slices.IndexFunc(e.Servers, func(x tenant.Server) bool { return x.Name == s.Name })
		own := *s.Own
		own.Stopped = stopped
		now := e
		now.Servers = slices.Clone(e.Servers)
		now.Servers[i].Own = &own
		last := time.Now()
		result, err := landlord.Apply(ctx, now, s.Name, landlord.Options{}, landlord.Hooks{
			Done: func(o apply.Outcome) {
				if strings.HasPrefix(o.Group, "the server starts") {
					took = time.Since(last)
				}
				last = time.Now()
			},
		})
		if err := errors.Join(err, result.Err()); err != nil {
			return 0, err
		}
	}
	return took, nil
}

// pss is the memory of the processes that work in a directory, in bytes.
func pss(dir string) int64 {
	var sum int64
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if cwd, err := os.Readlink(link); err != nil || cwd != dir {
			continue
		}
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "smaps_rollup"))
		for line := range strings.Lines(string(text)) {
			var kb int64
			if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kb); n == 1 {
				sum += kb << 10
			}
		}
	}
	return sum
}
