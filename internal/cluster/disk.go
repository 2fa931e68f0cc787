package cluster

import (
	"fmt"

	"landlord/internal/tenant"
)

// Note says what nobody enforces, or does, on this host, and what would help.
type Note struct {
	What, Next string
	// Cannot says that the spec orders it nevertheless.
	Cannot bool
}

// Disk is the disk that a server's data stands on, as far as it bears on shares
// of it. Of several (RAID, LVM) it is the one that goes by weights the least.
type Disk struct {
	// Name is the kernel's, such as sda; empty: not known, or there is none.
	Name string
	// FS is the file system, where there is no disk to be named.
	FS string
	// Scheduler is the one in use (/sys/block/NAME/queue/scheduler).
	Scheduler string
	// Cost says that io.cost is switched on for it (cgroup version 2, io.cost.qos).
	Cost bool
}

// Weightless says why nothing follows from a weight of this disk; empty: it is
// shared by weights. Only the scheduler BFQ does so (Documentation/block/
// bfq-iosched.rst), and io.cost (Documentation/admin-guide/cgroup-v2.rst).
func (d Disk) Weightless() string {
	switch {
	case d.Cost, d.Scheduler == "bfq":
		return ""
	case d.Name == "":
		return fmt.Sprintf("its data is on a file system (%s) of which no disk is known", d.FS)
	case d.Scheduler == "":
		return "disk " + d.Name + " has no scheduler"
	}
	return "the scheduler of disk " + d.Name + " is " + d.Scheduler + ", and only bfq goes by weights"
}

// Weight says why the weight that a spec orders of the disk is not in force; empty:
// it is, or none is ordered. given says that the server's control group has one.
func Weight(o tenant.OwnServer, d Disk, given bool) string {
	switch {
	case o.Resources.IOWeight == 0:
		return ""
	case !given:
		return "its server's control group has no weight"
	}
	return d.Weightless()
}

// weightNote says that a weight is given and nothing follows from it.
func (d design) weightNote(have Have) []Note {
	why := Weight(d.OwnServer, have.Disk, true)
	if why == "" || d.Manager == tenant.Plain && have.Hierarchies.from("io") == 0 { // which is said already
		return nil
	}
	next := "leave out io_weight, or put the data (resources: volume) on a disk that can share by weights"
	if have.Disk.Name != "" {
		next = fmt.Sprintf("echo bfq >/sys/block/%s/queue/scheduler switches it on until the machine starts again, a rule of udev for good; or leave out io_weight", have.Disk.Name)
	}
	return []Note{{What: fmt.Sprintf("io_weight %d of %s's server is not in force: %s", d.Resources.IOWeight, d.Tenant, why), Next: next, Cannot: true}}
}
