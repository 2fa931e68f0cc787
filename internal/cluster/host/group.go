package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"landlord/internal/cluster"
	"landlord/internal/tenant"
)

// hierarchies are those in which we can make a control group.
func hierarchies() cluster.Hierarchies {
	if os.Geteuid() != 0 {
		return cluster.Hierarchies{}
	}
	h := cluster.Mounts()
	h.Memory, h.CPU = usable(h.Memory, "memory.limit_in_bytes"), usable(h.CPU, "cpu.cfs_quota_us")
	for _, root := range cluster.UnifiedMounts() {
		if usable(root, "cgroup.controllers") == "" {
			continue
		}
		if why := crowded(root); why != "" {
			h.Why, h.Next = why, fmt.Sprintf("mkdir %s/init, and echo each number of %[1]s/cgroup.procs >%[1]s/init/cgroup.procs; or start the container so that its first process does. landlord apply then starts the server inside its limits", root)
			continue
		}
		h.Unified = root
		for _, c := range words(filepath.Join(root, "cgroup.controllers")) {
			if slices.Contains([]string{"memory", "cpu", "io"}, c) {
				h.Controllers = append(h.Controllers, c)
			}
		}
		break
	}
	return h
}

// usable is a place of control groups, or empty where we cannot make one: it may
// be mounted to be read only, as in a container.
func usable(root, file string) string {
	const write = 2 // access(2), W_OK
	if !isFile(filepath.Join(root, file)) || syscall.Access(root, write) != nil {
		return ""
	}
	return root
}

// crowded says why groups below a place of version 2 can have no controllers: a
// container's place is no root but to itself, and one with processes of its own
// gives none (Documentation/admin-guide/cgroup-v2.rst, No Internal Process
// Constraint).
func crowded(root string) string {
	if !isFile(filepath.Join(root, "cgroup.type")) || len(words(filepath.Join(root, "cgroup.procs"))) == 0 ||
		slices.Contains(words(filepath.Join(root, "cgroup.subtree_control")), "memory") {
		return ""
	}
	return "the processes of this container stand in its control group itself (" + root + "), so that groups below it can have no limits"
}

// words are the words in a file.
func words(path string) []string {
	text, _ := os.ReadFile(path)
	return strings.Fields(string(text))
}

// lines are the words of each line of a file.
func lines(path string) [][]string {
	text, _ := os.ReadFile(path)
	var all [][]string
	for line := range strings.Lines(string(text)) {
		all = append(all, strings.Fields(line))
	}
	return all
}

// inGroups says whether a process is in all of a server's control groups.
func inGroups(pid int, h cluster.Hierarchies, home string) bool {
	for _, place := range h.Groups(home) {
		if !inGroup(pid, place) {
			return false
		}
	}
	return true
}

// inGroup says whether a process is in a control group (cgroups(7): lines of
// ID:CONTROLLERS:PATH; version 2 names no controllers).
func inGroup(pid int, place string) bool {
	controller := map[string]string{cluster.Mounts().Memory: "memory", cluster.Mounts().CPU: "cpu"}[filepath.Dir(place)]
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) == 3 && filepath.Base(f[2]) == filepath.Base(place) && slices.Contains(strings.Split(f[1], ","), controller) {
			return true
		}
	}
	return false
}

// Limited says which of its limits hold a tenant's own server as it runs. With
// the manager Debian they are systemd's: apply sees to it that it runs there.
func Limited(o tenant.OwnServer) (memory, cpu bool) {
	cpu = o.Resources.CPU > 0
	if o.Manager == tenant.Debian {
		return true, cpu
	}
	return MemoryLimit(o) != "", cpu && limit(o, max(10, int64(o.Resources.CPU)), "cpu.cfs_quota_us", "cpu.max") != ""
}

// MemoryLimit is the file that limits the memory of a tenant's own server with
// the manager plain as it runs; empty: nothing does.
func MemoryLimit(o tenant.OwnServer) string {
	return limit(o, o.Resources.Memory, "memory.limit_in_bytes", "memory.max")
}

// limit is the file by which a server's control group holds it to at most so
// many bytes, or thousandths of a processor; empty: there is none.
func limit(o tenant.OwnServer, most int64, names ...string) string {
	m, err := ReadMark(o.Home)
	if err != nil || m == nil {
		return ""
	}
	pid, _ := postmaster(m.Data)
	for _, place := range cluster.GroupPlaces(o.Home) {
		for _, name := range names {
			n := value(filepath.Join(place, name))
			if n > 0 && n <= most && pid > 0 && inGroup(pid, place) {
				return filepath.Join(place, name)
			}
		}
	}
	return ""
}

// value is a limit in bytes, or in thousandths of a processor; 0: there is none.
func value(path string) int64 {
	text := words(path)
	if filepath.Base(path) == "cpu.cfs_quota_us" { // version 1 has its period beside it
		text = append(text, words(filepath.Join(filepath.Dir(path), "cpu.cfs_period_us"))...)
	}
	var n []int64
	for _, word := range text {
		i, err := strconv.ParseInt(word, 10, 64)
		if err != nil || i <= 0 { // max, or -1
			return 0
		}
		n = append(n, i)
	}
	switch len(n) {
	case 1:
		return n[0]
	case 2:
		return n[0] * 1000 / n[1]
	}
	return 0
}
