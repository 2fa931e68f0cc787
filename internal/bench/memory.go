package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"landlord"
	"landlord/internal/heap"
	"landlord/internal/localpg"
	"landlord/internal/plan"
	"landlord/internal/run"
	"landlord/internal/spec"
)

const maxMiB = 200 // of a plan over 10,000 tenants

// cost is what one plan took, in a process of its own, from reading
// landlord.yaml to the last line of the script.
type cost struct {
	Parse   time.Duration
	Plan    time.Duration
	Steps   int
	PeakKiB int // VmHWM: the most that the process ever had in memory
}

// child is one plan: its argument is the spec's file.
func child(ctx context.Context, args []string, stdout io.Writer) error {
	var c cost
	start := time.Now()
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	heap.FitText(text) // as the command does
	estate, err := spec.Parse(args[0], text)
	if err != nil {
		return err
	}
	heap.Fit(len(estate.Tenants))
	c.Parse = time.Since(start)
	start = time.Now()
	p, err := landlord.Plan(ctx, estate, "main", landlord.Options{})
	if err != nil {
		return err
	}
	if err := plan.Script(io.Discard, p, "", "true"); err != nil {
		return err
	}
	c.Plan, c.Steps = time.Since(start), len(p.Steps)
	word, _, _ := strings.Cut(procValue("/proc/self/status", "VmHWM"), " ")
	if c.PeakKiB, err = strconv.Atoi(word); err != nil {
		return fmt.Errorf("reading the peak of memory: %w", err)
	}
	return json.NewEncoder(stdout).Encode(c)
}

// planAlone runs one plan in a process of its own.
func planAlone(ctx context.Context, t town, s *localpg.Server) (c cost, err error) {
	file := filepath.Join(s.Dir(), "landlord.yaml")
	if err := os.WriteFile(file, spec.Write(t.on(conninfo(s))), 0o600); err != nil {
		return c, err
	}
	out, err := itself(ctx, childArg, file)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(out, &c)
}

// itself runs this program in a process of its own.
func itself(ctx context.Context, args ...string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, _, err := run.Command(ctx, run.Spec{Name: self, Args: args})
	return out, err
}

// growth plans at a hundredth, a tenth and the whole of the schema tenants.
func (b *bench) growth(ctx context.Context) error {
	b.out.header("growth: a whole `plan` process, schema model",
		"tenants", "to do", "reading the spec", "plan and script", "µs a tenant", "peak memory", "KiB a tenant")
	var worst float64
	for _, n := range []int{b.schemas / 100, b.schemas / 10, b.schemas} {
		peak, err := b.grow(ctx, estateOf("schema", max(n, 1)))
		if err != nil {
			return err
		}
		worst = max(worst, peak)
	}
	b.out.line("\n%s", b.out.bound("peak memory", worst, maxMiB, " MiB"))
	return nil
}

// grow measures one size, with everything to do and with nothing, and returns
// the higher peak in MiB.
func (b *bench) grow(ctx context.Context, t town) (peak float64, err error) {
	empty, err := b.yard.start(ctx)
	if err != nil {
		return 0, err
	}
	everything, err := planAlone(ctx, t, empty)
	if err := errors.Join(err, empty.Remove()); err != nil {
		return 0, err
	}
	full, _, err := b.build(ctx, t)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, full.Remove()) }()
	if err := furnish(ctx, t, full); err != nil {
		return 0, err
	}
	nothing, err := planAlone(ctx, t, full)
	if err != nil {
		return 0, err
	}
	for _, c := range []cost{everything, nothing} {
		n := len(t.tenants)
		mib := float64(c.PeakKiB) / 1024
		peak = max(peak, mib)
		b.out.row(fmt.Sprint(n), fmt.Sprintf("%d steps", c.Steps), seconds(c.Parse), seconds(c.Plan),
			fmt.Sprintf("%.0f", float64((c.Parse+c.Plan).Microseconds())/float64(n)), fmt.Sprintf("%.0f MiB", mib), fmt.Sprintf("%.1f", float64(c.PeakKiB)/float64(n)))
	}
	return peak, nil
}
