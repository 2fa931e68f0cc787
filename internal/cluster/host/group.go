package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"landlord/internal/cluster"
	"landlord/internal/tenant"
)

// hierarchies are those in which we can make a control group.
func hierarchies() cluster.Hierarchies {
	h := cluster.Mounts()
	if os.Geteuid() != 0 {
		return cluster.Hierarchies{}
	}
	const write = 2 // access(2), W_OK
	usable := func(root, file string) string {
		if !isFile(filepath.Join(root, file)) || syscall.Access(root, write) != nil {
			return ""
		}
		return root
	}
	return cluster.Hierarchies{Memory: usable(h.Memory, "memory.limit_in_bytes"), CPU: usable(h.CPU, "cpu.cfs_quota_us")}
}

// inGroups says whether a process is in a server's control group in each of
// the hierarchies (cgroups(7): lines of ID:CONTROLLERS:PATH).
func inGroups(pid int, h cluster.Hierarchies, home string) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	in := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 && filepath.Base(f[2]) == cluster.Group(home) {
			for _, c := range strings.Split(f[1], ",") {
				in[c] = true
			}
		}
	}
	return (h.Memory == "" || in["memory"]) && (h.CPU == "" || in["cpu"])
}

// Limited says which of its limits hold a tenant's own server as it runs. With
// the manager Debian they are systemd's: apply sees to it that it runs there.
func Limited(o tenant.OwnServer) (memory, cpu bool) {
	cpu = o.Resources.CPU > 0
	if o.Manager == tenant.Debian {
		return true, cpu
	}
	m, err := ReadMark(o.Home)
	if err != nil || m == nil {
		return false, false
	}
	pid, _ := postmaster(m.Data)
	h := cluster.Mounts()
	holds := func(h cluster.Hierarchies, file string, most int64) bool {
		n, err := number(filepath.Join(h.Groups(o.Home)[0], file))
		return err == nil && n > 0 && n <= most && pid > 0 && inGroups(pid, h, o.Home)
	}
	memory = holds(cluster.Hierarchies{Memory: h.Memory}, "memory.limit_in_bytes", o.Resources.Memory)
	byCPU := cluster.Hierarchies{CPU: h.CPU}
	period, err := number(filepath.Join(byCPU.Groups(o.Home)[0], "cpu.cfs_period_us"))
	return memory, cpu && err == nil && holds(byCPU, "cpu.cfs_quota_us", max(1000, int64(o.Resources.CPU)*period/1000))
}

func number(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}
