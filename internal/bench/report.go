package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"landlord/internal/localpg"
	"landlord/internal/run"
)

// page writes what was measured as markdown, and keeps which bounds broke.
type page struct {
	w      io.Writer
	broken []string
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// row is a row of a table.
func (p *page) row(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

func (p *page) header(title string, columns ...string) {
	p.line("\n### %s\n", title)
	p.row(columns...)
	p.row(slices.Repeat([]string{"---"}, len(columns))...)
}

// bound says whether a measured value keeps its bound.
func (p *page) bound(what string, value, most float64, unit string) string {
	verdict := "kept"
	if value > most {
		verdict = "**BROKEN**"
		p.broken = append(p.broken, fmt.Sprintf("%s: %.2f%s, at most %.2f%s", what, value, unit, most, unit))
	}
	return fmt.Sprintf("%s: **%.2f%s**, at most %.2f%s: %s", what, value, unit, most, unit, verdict)
}

func (p *page) machine(ctx context.Context, b *bench) {
	fsync := "off"
	if b.fsync {
		fsync = "on"
	}
	psql, _, _ := run.Command(ctx, run.Spec{Name: b.psql, Args: []string{"--version"}})
	p.line("Machine: %d cores (%s), %s memory. Server: PostgreSQL %s, private, in %s, as initdb leaves it but for fsync and full_page_writes: %s, for both sides.",
		runtime.NumCPU(), procValue("/proc/cpuinfo", "model name"), procValue("/proc/meminfo", "MemTotal"), b.yard.install.Version, b.dir, fsync)
	p.line("Client: %s; landlord built with %s. Load at the start: %s.", bytes.TrimSpace(psql), runtime.Version(), load())
}

// load is the machine's load averages: what else was going on.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	words := strings.Fields(string(text))
	return strings.Join(words[:min(3, len(words))], " ")
}

// procValue is the value of a key in one of Linux's "key : value" files.
func procValue(path, key string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func findPsql() (string, error) { return localpg.FindTool("psql") }

// median of some durations, or of ratios.
func median[T ~int64 | ~float64](all []T) T {
	s := slices.Sorted(slices.Values(all))
	return s[len(s)/2]
}

func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
