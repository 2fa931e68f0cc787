package cluster

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Hierarchies are where a host's control groups of version 1 are mounted, by
// controller. With version 2 nothing is enforced yet: its controllers were on
// no machine that this could be tried on.
type Hierarchies struct {
	Memory, CPU string // empty: there is none in which landlord can make a group
}

// Mounts are the usual places.
func Mounts() Hierarchies {
	return Hierarchies{Memory: "/sys/fs/cgroup/memory", CPU: "/sys/fs/cgroup/cpu"}
}

// Group is the name of the control group of the server with this directory: a
// machine may have several hosts' directories, with tenants of the same name.
func Group(home string) string {
	sum := sha256.Sum256([]byte(home))
	return fmt.Sprintf("landlord-%s-%x", filepath.Base(home), sum[:4])
}

// Groups are the directories of a server's control group.
func (h Hierarchies) Groups(home string) []string {
	var all []string
	for _, root := range []string{h.Memory, h.CPU} {
		if root != "" {
			all = append(all, filepath.Join(root, Group(home)))
		}
	}
	return all
}

// period is what the processor's time is shared out in, in microseconds: the
// kernel's own (Documentation/scheduler/sched-bwc.rst).
const period = 100000

// groupFiles are the settings of a server's control group, in the order in
// which they are written. Without swappiness, what is above the limit would be
// written to the disk that all share (Documentation/admin-guide/cgroup-v1/memory.rst).
func (d design) groupFiles(h Hierarchies) []File {
	var files []File
	add := func(root, name string, value int64) {
		if root != "" {
			files = append(files, File{Path: filepath.Join(root, Group(d.Home), name), Text: fmt.Sprintf("%d\n", value)})
		}
	}
	quota := int64(-1)
	if d.Resources.CPU > 0 {
		quota = max(1000, int64(d.Resources.CPU)*period/1000) // 1 ms is the kernel's least
	}
	add(h.Memory, "memory.swappiness", 0)
	add(h.Memory, "memory.limit_in_bytes", d.Resources.Memory/mebi*mebi) // the kernel counts in pages
	add(h.CPU, "cpu.cfs_period_us", period)
	add(h.CPU, "cpu.cfs_quota_us", quota)
	return files
}

// plainLimits makes the server's control group, or mends it.
func (b *builder) plainLimits() []Op {
	h := b.have.Hierarchies
	var ops []Op
	made := map[string]bool{}
	for _, f := range b.groupFiles(h) {
		dir := filepath.Dir(f.Path)
		is, there := b.have.Files[f.Path]
		if there && is.Text == f.Text {
			continue
		}
		if !there && !made[dir] {
			made[dir] = true
			ops = append(ops, Op{Run: []string{"mkdir", "-p", dir}})
		}
		ops = append(ops, Op{Run: []string{"sh", "-c", `echo "$1" >"$2"`, "sh", strings.TrimSpace(f.Text), f.Path}})
	}
	return ops
}

// less says that the server is to have less memory than its control group gives
// it now.
func (b *builder) less() bool {
	for _, f := range b.groupFiles(Hierarchies{Memory: b.have.Hierarchies.Memory}) {
		if is, there := b.have.Files[f.Path]; there && strings.HasSuffix(f.Path, "limit_in_bytes") {
			return number(f.Text) < number(is.Text)
		}
	}
	return false
}

func number(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// limitText says what the control group enforces.
func (b *builder) limitText() string {
	var all []string
	if b.have.Hierarchies.Memory != "" {
		all = append(all, "memory "+megabytes(b.Resources.Memory))
	}
	if b.have.Hierarchies.CPU != "" {
		cpu := "no limit"
		if b.Resources.CPU > 0 {
			cpu = Processors(b.Resources.CPU)
		}
		all = append(all, "cpu "+cpu)
	}
	return strings.Join(all, ", ")
}

// enter starts something in a server's control group. As PostgreSQL's manual
// has it (Linux Memory Overcommit), the kernel then kills a session, and not
// the postmaster; where root may not say so, the server starts nevertheless.
func enter(groups []string, op Op) Op {
	if len(groups) == 0 {
		return op
	}
	script := "echo -900 2>/dev/null >/proc/self/oom_score_adj; "
	for _, g := range groups {
		script += "echo $$ >" + word(filepath.Join(g, "cgroup.procs")) + " && "
	}
	return Op{Run: append([]string{"sh", "-c", script + `exec "$@"`, "sh"}, op.Run...)}
}

// leaveGroups takes a server's control group away. Its last process may still
// be about to end.
func leaveGroups(home string, have Have) []Op {
	var ops []Op
	for _, g := range Mounts().Groups(home) {
		if have.Files[g].Path == "" {
			continue
		}
		ops = append(ops, Op{Run: []string{"sh", "-c",
			`n=0; until rmdir "$1" 2>/dev/null; do n=$((n+1)); [ $n -lt 100 ] || exec rmdir "$1"; sleep 0.1; done`, "sh", g}})
	}
	return ops
}
