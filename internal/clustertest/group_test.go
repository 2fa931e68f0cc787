package clustertest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"landlord"
	"landlord/internal/cluster"
	"landlord/internal/cluster/host"
	"landlord/internal/plan"
	"landlord/internal/prove"
	"landlord/internal/run"
)

// takeEmptyAway takes a server's control groups away as long as nobody is inside,
// as any systemd on the machine may, until it is stopped.
func takeEmptyAway(t *testing.T, home string) (stop func()) {
	t.Helper()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			for _, place := range cluster.GroupPlaces(home) {
				_ = os.Remove(place)
			}
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-ended }
}

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
	h := have.Hierarchies
	two := slices.Contains(h.Controllers, "memory") && slices.Contains(h.Controllers, "cpu")
	if !two && (h.Memory == "" || h.CPU == "") {
		t.Skip("SKIPPED, AND NOT TRIED: limits with the manager plain want root, and the controllers memory and cpu of control groups to be written")
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
	stop := takeEmptyAway(t, want.Own.Home)
	w.apply()
	stop()
	w.settled()
	if memory, cpu := host.Limited(*w.server("acme").Own); !memory || !cpu {
		t.Errorf("acme: memory %v, cpu %v", memory, cpu)
	}
	if memory, cpu := host.Limited(*w.server("bolt").Own); !memory || cpu {
		t.Errorf("bolt: memory %v, cpu %v", memory, cpu)
	}
	if got := w.limits("acme"); got != "134217728 50000" {
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
	if got := w.limits("acme"); got != "268435456 100000" {
		t.Errorf("the new limits are %s", got)
	}
	w.change(", memory: 256MiB", "")
	w.apply("acme")
	w.settled()

	w.outside()
	home := w.server("acme").Own.Home
	w.change("cpu: 1}", "cpu: 1}, suspended: true")
	w.apply("acme")
	w.settled()
	w.noGroup(home)
	w.change(", suspended: true", "")
	w.apply("acme")
	w.settled()
	w.removedStep("acme")
	w.noGroup(home)
	w.answers("bolt")
}

// outside: a server that somebody started by hand runs without its limits.
func (w *world) outside() {
	w.Helper()
	w.must("echo $(head -n 1 " + filepath.Join(w.server("acme").Own.Home, "data", "postmaster.pid") + ") >" + filepath.Join(filepath.Dir(filepath.Dir(host.MemoryLimit(*w.server("acme").Own))), "cgroup.procs"))
	if memory, _ := host.Limited(*w.server("acme").Own); memory {
		w.Error("it has left its group, and is held nevertheless")
	}
	w.apply("acme")
	w.settled()
	if memory, _ := host.Limited(*w.server("acme").Own); !memory {
		w.Error("it is not held again")
	}
}

// noGroup fails if something is left of the control groups of a server that had
// its files in a directory.
func (w *world) noGroup(home string) {
	w.Helper()
	for _, dir := range cluster.GroupPlaces(home) {
		if _, err := os.Stat(dir); err == nil {
			w.Errorf("left of the groups: %s", dir)
		}
	}
}

// limits are the memory and the quota of a server's control group, in bytes and
// microseconds.
func (w *world) limits(name string) string {
	w.Helper()
	place := "/sys/fs/cgroup/%[1]s/%[2]s /sys/fs/cgroup/*/%[1]s/%[2]s"
	var all []string
	for _, file := range []string{"memory.limit_in_bytes memory.max", "cpu.cfs_quota_us cpu.max"} {
		files := ""
		for _, f := range strings.Fields(file) {
			files += " " + fmt.Sprintf(place, cluster.Group(w.server(name).Own.Home), f)
		}
		out, _ := w.shell("cat " + files + " 2>/dev/null")
		all = append(all, strings.TrimSuffix(strings.TrimSpace(out), " 100000"))
	}
	return strings.Join(all, " ")
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
	group := filepath.Dir(host.MemoryLimit(*w.server("acme").Own))
	if out := w.must(fmt.Sprintf("cat %s/memory.oom_control %[1]s/memory.events 2>/dev/null || true", group)); !strings.Contains(out, "oom_kill ") || strings.Contains(out, "oom_kill 0") {
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

// inMounts runs the test again where mounts are its own, after a script, and
// says whether this is that run.
func inMounts(t *testing.T, script string) bool {
	if os.Getenv("LANDLORD_MOUNTS") != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, AND NOT TRIED: a mount wants root")
	}
	self, _ := os.Executable()
	out, stderr, err := run.Command(t.Context(), run.Spec{Name: "unshare", Args: []string{"-m", "sh", "-c",
		script + ` && LANDLORD_MOUNTS=1 exec "$1" -test.run "^$2\$" -test.v`, "sh", self, t.Name()}})
	if err != nil {
		t.Errorf("%v\n%s%s", err, out, stderr)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "NOT TRIED") {
			t.Log(strings.TrimSpace(line))
		}
	}
	return false
}

// TestNoControllerNoServer: where version 2 alone is mounted and has not what the
// limits need, nothing is made. It is tried for real with a mount of version 2 in
// a place of its own, whose controllers are those that this machine has not given
// to version 1.
func TestNoControllerNoServer(t *testing.T) {
	if !inMounts(t, "mount -t cgroup2 none /sys/fs/cgroup") {
		return
	}
	w := plain(t, "  acme: {}\n")
	have, err := host.Look(t.Context(), cluster.Want{Own: *w.server("acme").Own, Host: w.Host})
	if err != nil {
		t.Fatal(err)
	}
	if h := have.Hierarchies; h.Unified != "/sys/fs/cgroup" || slices.Contains(h.Controllers, "memory") {
		t.Skipf("SKIPPED, AND NOT TRIED: version 2 of this machine has the controller memory, or cannot be written: %+v", h)
	}
	w.refused("acme", "control groups (/sys/fs/cgroup, version 2) have not the controller memory", "tenant acme")
	if _, err := os.Stat(w.server("acme").Own.Home); err == nil {
		t.Error("it is made nevertheless")
	}
}

// TestCrowdedContainer: in a container whose own control group holds processes,
// groups below it can have no limits: plan and prove say of each order that it is
// not in force. It is tried with a namespace of control groups, in version 2.
func TestCrowdedContainer(t *testing.T) {
	group := fmt.Sprintf("landlord-crowded-%d", os.Getpid())
	if !inMounts(t, `u=/sys/fs/cgroup/unified; [ -e $u/cgroup.procs ] || u=/sys/fs/cgroup; mkdir $u/`+group+` && echo $$ >$u/`+group+`/cgroup.procs &&
		exec unshare -C sh -c 'mount -t cgroup2 none /sys/fs/cgroup && LANDLORD_MOUNTS=1 exec "$1" -test.run "^$2\$" -test.v' sh "$1" "$2"`) {
		for _, root := range cluster.UnifiedMounts() {
			_ = os.Remove(filepath.Join(root, group))
		}
		return
	}
	w := plain(t, "  acme: {resources: {cpu: 0.5, io_weight: 200}}\n")
	have, err := host.Look(t.Context(), cluster.Want{Own: *w.server("acme").Own, Host: w.Host})
	if err != nil {
		t.Fatal(err)
	}
	if have.Hierarchies.Why == "" {
		t.Skipf("SKIPPED, AND NOT TRIED: this is no such container: %+v", have.Hierarchies)
	}
	p, err := landlord.Plan(t.Context(), w.Estate, "acme", landlord.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(p.Notes, func(n plan.Note) bool {
		return n.Cannot && strings.Contains(n.What, "no limit of memory, cpu, io_weight on acme's server here: the processes of this container") && strings.Contains(n.Next, "/init/cgroup.procs")
	}) {
		t.Errorf("the plan says %+v", p.Notes)
	}
	w.apply()
	w.settled()
	r, err := landlord.Prove(t.Context(), w.Estate, "acme", landlord.Options{Probes: []string{"override-work-mem", "override-statement-timeout", "heavy-disk", "heavy-shared-memory"}}, landlord.ProveHooks{})
	if err != nil || r.Counts[prove.Held] > 0 || r.Counts[prove.Exposed] == 0 {
		t.Errorf("what nobody limits is held: %v %v", r.Counts, err)
	}
	for _, o := range r.Outcomes {
		if o.Probe == "heavy-disk" && !strings.Contains(o.Consequence, "io_weight 200 is not in force") {
			t.Errorf("%s: %s", o.Probe, o.Consequence)
		}
	}
}

// TestPlainVolume: the manager plain starts no server whose volume is missing,
// or another one, and makes no data directory in its place.
func TestPlainVolume(t *testing.T) {
	if !inMounts(t, "true") {
		return
	}
	volume := t.TempDir()
	if err := os.Chmod(filepath.Dir(volume), 0o755); err != nil {
		t.Fatal(err)
	}
	w := plain(t, "  acme: {resources: {volume: "+volume+"}}\n")
	w.refused("acme", volume, "no mount point")
	w.must("mkdir /run/theirs; mount -t tmpfs -o size=300m tmpfs /run/theirs; mount --bind /run/theirs " + volume)
	w.apply()
	w.settled()
	if err := w.sql("acme", "CREATE TABLE acme.t AS SELECT 42 AS x"); err != nil {
		t.Fatal(err)
	}
	w.change("acme: {", "acme: {suspended: true, ")
	w.apply()
	w.change("suspended: true, ", "")
	nothing := func(what string) {
		t.Helper()
		if entries, err := os.ReadDir(volume); err != nil || len(entries) > 0 {
			t.Errorf("%s: born in its place: %v %v", what, entries, err)
		}
	}
	w.must("umount " + volume)
	w.refused("acme", volume, "is not mounted")
	nothing("without a volume")
	w.must("mount -t tmpfs tmpfs " + volume)
	w.refused("acme", filepath.Join(volume, "data"), "is gone")
	nothing("on another volume")
	w.must("umount " + volume + "; mount --bind /run/theirs " + volume)
	w.apply()
	w.settled()
	if got := w.value("acme", "SELECT x FROM acme.t"); got != "42" {
		t.Errorf("the data is %s", got)
	}
	if err := landlord.RemoveServer(t.Context(), w.Estate, "acme", landlord.Hooks{}); err != nil {
		t.Fatal(err)
	}
	nothing("removed")
	w.must("umount " + volume + " /run/theirs; rmdir /run/theirs")
}
