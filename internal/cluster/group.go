package cluster

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Hierarchies are where a host's control groups are mounted: those of version 1
// by controller, and that of version 2 with what it has to give.
type Hierarchies struct {
	// Memory and CPU are of version 1; empty: there is none in which landlord can
	// make a group.
	Memory, CPU string
	// Unified is of version 2, in the same way, and Controllers are those of memory,
	// cpu and io that it has (cgroup.controllers). One that is mounted with version
	// 1 is not among them.
	Unified     string
	Controllers []string
	// Why says why there is none where one might think that there is, and Next what
	// would mend it.
	Why, Next string
}

// Mounts are the usual places of version 1.
func Mounts() Hierarchies {
	return Hierarchies{Memory: "/sys/fs/cgroup/memory", CPU: "/sys/fs/cgroup/cpu"}
}

// UnifiedMounts are the usual places of version 2: alone, and beside version 1.
func UnifiedMounts() []string { return []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} }

// Group is the name of the control group of the server with this directory: a
// machine may have several hosts' directories, with tenants of the same name.
func Group(home string) string {
	sum := sha256.Sum256([]byte(home))
	return fmt.Sprintf("landlord-%s-%x", filepath.Base(home), sum[:4])
}

// GroupPlaces are all directories that a server's control group may be.
func GroupPlaces(home string) []string {
	m := Mounts()
	var all []string
	for _, root := range append([]string{m.Memory, m.CPU}, UnifiedMounts()...) {
		all = append(all, filepath.Join(root, Group(home)))
	}
	return all
}

// from is the version of control groups that gives a controller here; 0: none.
func (h Hierarchies) from(controller string) int {
	switch {
	case controller == "memory" && h.Memory != "", controller == "cpu" && h.CPU != "":
		return 1
	case h.Unified != "" && slices.Contains(h.Controllers, controller):
		return 2
	}
	return 0
}

// wanted are the controllers that a server's limits need: the memory always has
// one.
func (d design) wanted() []string {
	all := []string{"memory"}
	if d.Resources.CPU > 0 {
		all = append(all, "cpu")
	}
	if d.Resources.IOWeight > 0 {
		all = append(all, "io")
	}
	return all
}

// unified are the controllers that version 2 gives a server. Those that it does
// not need but that are there are taken too, so that a limit can come and go.
func (h Hierarchies) unified() []string {
	return slices.DeleteFunc([]string{"memory", "cpu", "io"}, func(c string) bool { return h.from(c) != 2 })
}

// Groups are the directories of a server's control group.
func (h Hierarchies) Groups(home string) []string {
	roots := []string{h.Memory, h.CPU}
	if len(h.unified()) > 0 {
		roots = append(roots, h.Unified)
	}
	var all []string
	for _, root := range roots {
		if root != "" {
			all = append(all, filepath.Join(root, Group(home)))
		}
	}
	return all
}

// checkGroups refuses a host on which version 2 alone is to be had, and has not
// what the limits need: a server there would run without them.
func (d design) checkGroups(have Have) error {
	h := have.Hierarchies
	if h.Unified == "" || h.Memory != "" || h.CPU != "" {
		return nil
	}
	for _, c := range d.wanted() {
		if h.from(c) != 0 {
			continue
		}
		there := strings.Join(h.Controllers, " ")
		if there == "" {
			there = "none of those that limits need"
		}
		next := map[string]string{
			"memory": "switch it on (on the kernel's command line cgroup_disable=memory must not stand, and on a Raspberry Pi cgroup_enable=memory must)",
			"cpu":    "leave out resources: cpu (cpu: none, where defaults give one), or use a kernel that has the controller (CONFIG_CFS_BANDWIDTH)",
			"io":     "leave out resources: io_weight, or use a kernel that has the controller (CONFIG_BLK_CGROUP)",
		}
		return refuse(next[c], "this machine's control groups (%s, version 2) have not the controller %s, which the limits of tenant %s's server need; they have %s: the server would run without that limit",
			h.Unified, c, d.Tenant, there)
	}
	return nil
}

// period is what the processor's time is shared out in, in microseconds: the
// kernel's own (Documentation/scheduler/sched-bwc.rst).
const period = 100000

// groupFiles are the settings of a server's control group, in the order in
// which they are written.
func (d design) groupFiles(h Hierarchies) []File {
	var files []File
	add := func(root, name, value string) {
		if root != "" {
			files = append(files, File{Path: filepath.Join(root, Group(d.Home), name), Text: value + "\n"})
		}
	}
	memory := strconv.FormatInt(d.Resources.Memory/mebi*mebi, 10) // the kernel counts in pages
	quota, most := "-1", "max"
	if d.Resources.CPU > 0 {
		quota = strconv.FormatInt(max(1000, int64(d.Resources.CPU)*period/1000), 10) // 1 ms is the kernel's least
		most = quota
	}
	// Without swappiness, what is above the limit would be written to the disk that
	// all share (Documentation/admin-guide/cgroup-v1/memory.rst).
	add(h.Memory, "memory.swappiness", "0")
	add(h.Memory, "memory.limit_in_bytes", memory)
	add(h.CPU, "cpu.cfs_period_us", fmt.Sprint(period))
	add(h.CPU, "cpu.cfs_quota_us", quota)
	weight := d.Resources.IOWeight
	if weight == 0 {
		weight = 100 // the kernel's own
	}
	for _, c := range h.unified() { // Documentation/admin-guide/cgroup-v2.rst
		switch c {
		case "memory":
			add(h.Unified, "memory.swap.max", "0")
			add(h.Unified, "memory.max", memory)
		case "cpu":
			add(h.Unified, "cpu.max", fmt.Sprintf("%s %d", most, period))
		case "io":
			add(h.Unified, "io.weight", fmt.Sprintf("default %d", weight))
			add(h.Unified, "io.bfq.weight", fmt.Sprintf("default %d", bfq(weight)))
		}
	}
	return files
}

// bfq is a weight (1 to 10000, 100 for everybody) as the scheduler BFQ has it (1
// to 1000), by the rule of systemd.
func bfq(weight int) int {
	if weight <= 100 {
		return max(1, weight)
	}
	return 100 + (weight-100)*900/9900
}

// optional are settings of which a kernel may have none: without memory.swap.max
// it keeps no account of swap, and io.weight and io.bfq.weight each come with
// one way of sharing a disk.
func optional(path string) bool {
	return slices.Contains([]string{"memory.swap.max", "io.weight", "io.bfq.weight"}, filepath.Base(path))
}

// plainLimits mends the limits of a server that runs in its control group.
func (b *builder) plainLimits() []Op {
	ops := b.delegate()
	for _, f := range b.groupFiles(b.have.Hierarchies) {
		is, there := b.have.Files[f.Path]
		_, grouped := b.have.Files[filepath.Dir(f.Path)]
		if there && is.Text == f.Text || !there && grouped && optional(f.Path) {
			continue
		}
		ops = append(ops, Op{Run: []string{"sh", "-c", setting(f)}})
	}
	return ops
}

// setting is the shell's command that writes one setting of a control group:
// numbers, and words without anything to quote.
func setting(f File) string {
	command := "echo " + strings.TrimSpace(f.Text) + " >" + word(f.Path)
	if optional(f.Path) {
		command = "{ [ ! -e " + word(f.Path) + " ] || " + command + "; }"
	}
	return command
}

// subtree is the file that says which controllers groups below a place have.
func subtree(unified string) string { return filepath.Join(unified, "cgroup.subtree_control") }

// delegate lets groups have the controllers of version 2 that are there.
func (b *builder) delegate() []Op {
	h := b.have.Hierarchies
	on := strings.Fields(b.have.Files[subtree(h.Unified)].Text)
	missing := slices.DeleteFunc(h.unified(), func(c string) bool { return slices.Contains(on, c) })
	if len(missing) == 0 {
		return nil
	}
	return []Op{{Run: []string{"sh", "-c", `echo "$1" >"$2"`, "sh", "+" + strings.Join(missing, " +"), subtree(h.Unified)}}}
}

// less says that the server is to have less memory than its control group gives
// it now.
func (b *builder) less() bool {
	for _, f := range b.groupFiles(b.have.Hierarchies) {
		name := filepath.Base(f.Path)
		if is, there := b.have.Files[f.Path]; there && (name == "memory.limit_in_bytes" || name == "memory.max") {
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
	h := b.have.Hierarchies
	var all []string
	if h.from("memory") > 0 {
		all = append(all, "memory "+megabytes(b.Resources.Memory))
	}
	if h.from("cpu") > 0 {
		cpu := "no limit"
		if b.Resources.CPU > 0 {
			cpu = Processors(b.Resources.CPU)
		}
		all = append(all, "cpu "+cpu)
	}
	if h.from("io") > 0 && b.Resources.IOWeight > 0 {
		all = append(all, fmt.Sprintf("io_weight %d", b.Resources.IOWeight))
	}
	return strings.Join(all, ", ")
}

// enter makes a server's control group, with its settings, and starts something
// in it: in one go, since an empty group is anybody's to take away, and any
// systemd on the machine does, of whichever container (cg_trim). So the shell is
// inside as soon as the group is there, and tries again where it was too late.
// As PostgreSQL's manual has it (Linux Memory Overcommit), the kernel then kills a
// session, and not the postmaster; where root may not say so, the server starts
// nevertheless.
func enter(groups []string, settings []File, op Op) Op {
	if len(groups) == 0 {
		return op
	}
	script := "n=0; echo -900 2>/dev/null >/proc/self/oom_score_adj; "
	for _, g := range groups {
		script += "until mkdir -p " + word(g) + " && echo $$ >" + word(filepath.Join(g, "cgroup.procs")) + "; do n=$((n+1)); [ $n -lt 20 ] || exit 1; done; "
	}
	for _, f := range settings {
		script += setting(f) + " && "
	}
	return Op{Run: append([]string{"sh", "-c", script + `exec "$@"`, "sh"}, op.Run...)}
}

// leaveGroups takes a server's control group away. Its last process may still
// be about to end, and somebody else, systemd, takes empty groups away too.
func leaveGroups(home string, have Have) []Op {
	var ops []Op
	for _, g := range GroupPlaces(home) {
		if have.Files[g].Path == "" {
			continue
		}
		ops = append(ops, Op{Run: []string{"sh", "-c",
			`n=0; until rmdir "$1" 2>/dev/null || [ ! -e "$1" ]; do n=$((n+1)); [ $n -lt 100 ] || exec rmdir "$1"; sleep 0.1; done`, "sh", g}})
	}
	return ops
}

// limitNotes say which limits nobody enforces.
func (d design) limitNotes(h Hierarchies) []Note {
	var open []string
	for _, c := range d.wanted() {
		if h.from(c) == 0 {
			open = append(open, strings.Replace(c, "io", "io_weight", 1))
		}
	}
	if len(open) == 0 {
		return nil
	}
	n := Note{What: fmt.Sprintf("the manager plain enforces no limit of %s on %s's server here", strings.Join(open, ", "), d.Tenant), Next: byDebian, Cannot: true}
	switch {
	case h.Why != "":
		n.What, n.Next = n.What+": "+h.Why, h.Next
	case slices.Contains(open, "memory"):
		n.What += ": it can as root, where control groups (cgroup) are to be written"
	default:
		n.What += ": there is no control group (cgroup) for it to be written"
	}
	if slices.Contains(open, "memory") {
		n.What += "; its sizes follow the memory, and nothing stops it from taking more"
	}
	return []Note{n}
}
