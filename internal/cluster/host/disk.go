package host

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"landlord/internal/cluster"
	"landlord/internal/tenant"
)

// disk is the disk that a path stands on; what is not there yet will stand where
// its directory does.
func disk(path string) cluster.Disk {
	var st syscall.Stat_t
	for syscall.Stat(path, &st) != nil && path != "/" {
		path = filepath.Dir(path)
	}
	number := deviceNumber(uint64(st.Dev))
	if d, ok := blockDevice("/sys", number); ok {
		return d
	}
	// A file system that makes up its number (btrfs) names its device as a source.
	fs, source := mountOf(number)
	if syscall.Stat(source, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFBLK {
		if d, ok := blockDevice("/sys", deviceNumber(uint64(st.Rdev))); ok {
			return d
		}
	}
	return cluster.Disk{FS: fs}
}

// deviceNumber is a device as /sys/dev has it (makedev(3) of Linux).
func deviceNumber(dev uint64) string {
	return fmt.Sprintf("%d:%d", dev>>8&0xfff|dev>>32&^0xfff, dev&0xff|dev>>12&^0xff)
}

// mounts are the file systems that are mounted (proc(5)).
const mounts = "/proc/self/mountinfo"

// mountOf is the file system of a number, and what is mounted there
// (the third field, and those behind the dash).
func mountOf(number string) (fs, source string) {
	for _, f := range lines(mounts) {
		if dash := slices.Index(f, "-"); len(f) > 2 && f[2] == number && dash > 0 && len(f) > dash+2 {
			return f[dash+1], f[dash+2]
		}
	}
	return "not known", ""
}

// OwnSharedMemory says whether a tenant's own server, as it runs, has a place of its
// own for the memory that parallel queries share. Who may not look, or where none
// runs, learns false.
func OwnSharedMemory(o tenant.OwnServer) bool {
	m, err := ReadMark(o.Home)
	if err != nil || m == nil {
		return false
	}
	pid, _ := postmaster(m.Data)
	theirs := mountedAt(fmt.Sprintf("/proc/%d/mountinfo", pid), cluster.SharedMemory)
	return pid > 0 && theirs != "" && theirs != mountedAt(mounts, cluster.SharedMemory)
}

// mountedAt is the number of the file system that is mounted in a place, in a list
// of mounts (proc(5), the third field): of the last one there, which hides the others.
func mountedAt(list, place string) (number string) {
	for _, f := range lines(list) {
		if len(f) > 4 && f[4] == place {
			number = f[2]
		}
	}
	return number
}

// blockDevice is what a block device is like that has a number, seen below sys: the
// disk of a partition, and of several disks (RAID, LVM, encrypted ones) the first
// that does not go by weights.
func blockDevice(sys, number string) (cluster.Disk, bool) {
	dir, err := filepath.EvalSymlinks(filepath.Join(sys, "dev/block", number))
	if err != nil {
		return cluster.Disk{}, false
	}
	if isFile(filepath.Join(dir, "partition")) {
		dir = filepath.Dir(dir)
	}
	below, _ := filepath.Glob(filepath.Join(dir, "slaves", "*", "dev"))
	var last cluster.Disk
	for _, dev := range below {
		d, ok := blockDevice(sys, strings.Join(words(dev), ""))
		if last = d; !ok || d.Weightless() != "" {
			return d, ok
		}
	}
	if len(below) > 0 {
		return last, true
	}
	d := cluster.Disk{Name: filepath.Base(dir), Cost: costed(sys, strings.Join(words(filepath.Join(dir, "dev")), ""))}
	for _, word := range words(filepath.Join(dir, "queue/scheduler")) {
		if name, in := strings.CutPrefix(word, "["); in {
			d.Scheduler = strings.TrimSuffix(name, "]")
		}
	}
	return d, true
}

// costed says whether io.cost is switched on for a device.
func costed(sys, number string) bool {
	return slices.ContainsFunc(lines(filepath.Join(sys, "fs/cgroup/io.cost.qos")), func(f []string) bool {
		return len(f) > 1 && f[0] == number && slices.Contains(f, "enable=1")
	})
}

// Weight says why the weight of the disk that a spec orders for a tenant's own
// server is not in force as the server runs; empty: it is, or none is ordered. With
// the manager Debian systemd gives it to the control group.
func Weight(o tenant.OwnServer) string {
	if o.Resources.IOWeight == 0 {
		return ""
	}
	m, err := ReadMark(o.Home)
	if err != nil || m == nil {
		return "the server is not there"
	}
	return cluster.Weight(o, disk(m.Data), o.Manager == tenant.Debian || weighed(o, *m))
}

// weighed says whether a server's control group has a weight of the disk.
func weighed(o tenant.OwnServer, m cluster.Mark) bool {
	pid, _ := postmaster(m.Data)
	return pid > 0 && slices.ContainsFunc(cluster.GroupPlaces(o.Home), func(place string) bool {
		return inGroup(pid, place) && (isFile(filepath.Join(place, "io.weight")) || isFile(filepath.Join(place, "io.bfq.weight")))
	})
}
