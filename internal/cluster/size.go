package cluster

import (
	"fmt"
	"strconv"

	"landlord/internal/tenant"
)

// Size is a parameter of a server, with where its value comes from.
type Size struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

const (
	mebi = 1 << 20
	// perSession is about what a session takes that does nothing big: its own
	// memory, and its part of the page tables and of the shared memory that
	// grows with max_connections.
	perSession = 8 * mebi
	// reserved are connections beside the tenant's: three that PostgreSQL
	// keeps for superusers, and some for landlord, backup and monitoring.
	reserved = 8
)

// Sizes are the parameters that follow a server's limits. They are the usual
// ones of PostgreSQL's own manual and wiki, with every share kept so small
// that all together fit below the limit: what goes above it is killed.
func Sizes(r tenant.Resources, connections int, volume int64) []Size {
	m := r.Memory
	shared := clamp(m/4, 16*mebi, 16<<30)
	sessions := int(max(12, min(m/4/perSession, 200)))
	why := fmt.Sprintf("a quarter of the memory, at %s a session, from 12 to 200", megabytes(perSession))
	if connections+reserved > sessions {
		sessions = connections + reserved
		why = fmt.Sprintf("the tenant's logins may open %d together; %d more are for superusers, backup and monitoring", connections, reserved)
	}
	work := clamp(m/4/int64(sessions), mebi, 256*mebi)
	maintenance := clamp(m/16, 16*mebi, 2<<30)
	sizes := []Size{
		{"shared_buffers", megabytes(shared), "a quarter of the memory: PostgreSQL's own cache"},
		{"max_connections", strconv.Itoa(sessions), why},
		{"work_mem", megabytes(work), "a quarter of the memory, over all connections: one sort or hash"},
		{"maintenance_work_mem", megabytes(maintenance), "a sixteenth of the memory: one CREATE INDEX"},
		{"autovacuum_work_mem", megabytes(clamp(m/32, 8*mebi, mebi<<10)), "a thirty-second part of the memory, for each of three workers"},
		{"effective_cache_size", megabytes(m * 5 / 8), "what is left for caching, this server's and the system's: only the planner's guess"},
	}
	sizes = append(sizes, processorSizes(r.CPU)...)
	if volume > 0 {
		wal := clamp(volume/8, 64*mebi, 1<<30)
		sizes = append(sizes, Size{"max_wal_size", megabytes(wal), "an eighth of the volume, so that the log of changes leaves room for data"})
		sizes = append(sizes, Size{"min_wal_size", megabytes(min(wal/2, 80*mebi)), "half of max_wal_size, at most 80MB"})
	}
	return sizes
}

// processorSizes keep parallel queries within the processors that there are.
func processorSizes(milli int) []Size {
	if milli == 0 {
		return nil
	}
	whole := (milli + 999) / 1000
	return []Size{
		{"max_parallel_workers", strconv.Itoa(whole), "as many as processors"},
		{"max_parallel_workers_per_gather", strconv.Itoa(min(whole/2, 4)), "half of the processors, at most 4: with less than two, no parallel queries"},
	}
}

// clamp keeps a number of bytes between two others, in whole megabytes.
func clamp(n, low, high int64) int64 { return max(low, min(n, high)) / mebi * mebi }

func megabytes(n int64) string { return strconv.FormatInt(n/mebi, 10) + "MB" }

// Processors writes thousandths of a processor as a number of processors.
func Processors(milli int) string {
	if milli%1000 == 0 {
		return strconv.Itoa(milli / 1000)
	}
	return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64)
}

// Available is the memory and the processors (in thousandths) that all servers
// may have together.
func Available(h tenant.Host, have Have) (memory int64, cpu int) {
	memory, cpu = h.Memory, h.CPU
	if memory == 0 {
		memory = have.Memory - max(have.Memory/8, 512*mebi)
	}
	if cpu == 0 {
		cpu = have.CPUs * 1000
	}
	return memory, cpu
}

// Sum refuses a host that would have to give more than it has.
func Sum(w Want, have Have) error {
	memory, cpu := Available(w.Host, have)
	var wantsMemory int64
	wantsCPU, list := 0, ""
	for _, o := range w.All {
		wantsMemory += o.Resources.Memory
		wantsCPU += o.Resources.CPU
		list += fmt.Sprintf(", %s %s", o.Tenant, megabytes(o.Resources.Memory))
		if o.Resources.CPU > 0 {
			list += " and " + Processors(o.Resources.CPU) + " cpu"
		}
	}
	const next = "give some of them less (resources), or say what this host has (host: {memory: …, cpu: …})"
	if len(list) > 2 {
		list = list[2:]
	}
	switch {
	case wantsMemory > memory:
		return refuse(next, "the tenants' servers want %s of memory together, and this host has %s for them: %s", megabytes(wantsMemory), megabytes(memory), list)
	case wantsCPU > cpu:
		return refuse(next, "the tenants' servers want %s processors together, and this host has %s for them: %s", Processors(wantsCPU), Processors(cpu), list)
	}
	return nil
}
