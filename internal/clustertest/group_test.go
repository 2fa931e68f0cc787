package clustertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/cluster"
	"landlord/internal/cluster/host"
	"landlord/internal/prove"
)

// TestPlainLimits: as root, a server of the manager plain is held by a control
// group. A session that takes too much is killed; its postmaster is not, and
// a neighbour does not notice.
func TestPlainLimits(t *testing.T) {
	w := plain(t, "  acme: {resources: {cpu: 0.5}}\n  bolt: {}\n")
	want := cluster.Want{Own: *w.server("acme").Own, Host: w.Host}
	have, err := host.Look(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if have.Hierarchies.Memory == "" || have.Hierarchies.CPU == "" {
		t.Skip("SKIPPED, AND NOT TRIED: limits with the manager plain want root, and the controllers memory and cpu of cgroup v1 to be written")
	}
	if memory, cpu := host.Limited(want.Own); memory || cpu {
		t.Error("limits hold a server that is not there")
	}
	p, err := landlord.Plan(t.Context(), w.Estate, "acme", landlord.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Notes {
		if strings.Contains(n.What, "enforces no limit") {
			t.Errorf("the plan says %q", n.What)
		}
	}
	w.apply()
	w.settled()
	if memory, cpu := host.Limited(*w.server("acme").Own); !memory || !cpu {
		t.Errorf("acme: memory %v, cpu %v", memory, cpu)
	}
	if memory, cpu := host.Limited(*w.server("bolt").Own); !memory || cpu {
		t.Errorf("bolt: memory %v, cpu %v", memory, cpu)
	}
	group := func(file string) string {
		return strings.TrimSpace(w.must("cat /sys/fs/cgroup/*/" + cluster.Group(w.server("acme").Own.Home) + "/" + file))
	}
	if got := group("memory.limit_in_bytes") + " " + group("cpu.cfs_quota_us"); got != "134217728 50000" {
		t.Errorf("the limits are %s", got)
	}
	w.killed()
	r, err := landlord.Prove(t.Context(), w.Estate, "acme", landlord.Options{Probes: []string{"override-work-mem", "override-statement-timeout"}}, landlord.ProveHooks{})
	if err != nil || r.Counts[prove.Exposed] > 0 || r.Counts[prove.Held] == 0 {
		t.Errorf("what the limits hold is exposed: %v %v", r.Counts, err)
	}

	w.change("cpu: 0.5", "cpu: 1, memory: 256MiB")
	w.apply("acme")
	w.settled()
	if got := group("memory.limit_in_bytes") + " " + group("cpu.cfs_quota_us"); got != "268435456 100000" {
		t.Errorf("the new limits are %s", got)
	}
	w.change(", memory: 256MiB", "")
	w.apply("acme")
	w.settled()

	// A server that somebody started by hand runs without its limits.
	w.must("echo $(head -n 1 " + filepath.Join(w.server("acme").Own.Home, "data", "postmaster.pid") + ") >/sys/fs/cgroup/memory/cgroup.procs")
	if memory, _ := host.Limited(*w.server("acme").Own); memory {
		t.Error("it has left its group, and is held nevertheless")
	}
	w.apply("acme")
	w.settled()
	if memory, _ := host.Limited(*w.server("acme").Own); !memory {
		t.Error("it is not held again")
	}

	home := w.server("acme").Own.Home
	w.removedStep("acme")
	for _, dir := range cluster.Mounts().Groups(home) {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("left of acme: %s", dir)
		}
	}
	w.answers("bolt")
}

// killed: acme takes too much.
func (w *world) killed() {
	w.Helper()
	pidFile := filepath.Join(w.server("acme").Own.Home, "data", "postmaster.pid")
	pid := w.must("head -n 1 " + pidFile)
	if err := w.sql("acme", "SELECT length(string_agg(repeat('x', 1000), '')) FROM generate_series(1, 400000)"); err == nil {
		w.Fatal("acme has more memory than its limit")
	}
	w.answers("bolt")
	if out := w.must("cat /sys/fs/cgroup/memory/" + cluster.Group(w.server("acme").Own.Home) + "/memory.oom_control"); !strings.Contains(out, "oom_kill ") || strings.Contains(out, "oom_kill 0") {
		w.Errorf("nobody was killed for acme's memory: %s", out)
	}
	for range 200 { // it recovers
		if w.sql("acme", "SELECT 1") == nil {
			break
		}
		w.must("sleep 0.1")
	}
	w.answers("acme")
	if now := w.must("head -n 1 " + pidFile); now != pid {
		w.Error("acme's postmaster is another one now")
	}
}
