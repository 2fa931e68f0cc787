package cluster

import (
	"strings"
	"testing"

	"landlord/internal/tenant"
)

// TestWeightNote: a weight from which nothing follows is said, and one that is in
// force, or that nobody ordered, is not.
func TestWeightNote(t *testing.T) {
	for _, c := range []struct {
		name    string
		weight  int
		disk    Disk
		manager tenant.Manager
		groups  Hierarchies
		want    string // "" for none
	}{
		{"nobody ordered one", 0, Disk{Name: "sda", Scheduler: "none"}, tenant.Debian, Hierarchies{}, ""},
		{"bfq", 200, Disk{Name: "sda", Scheduler: "bfq"}, tenant.Debian, Hierarchies{}, ""},
		{"io.cost", 200, Disk{Name: "sda", Scheduler: "none", Cost: true}, tenant.Debian, Hierarchies{}, ""},
		{"another scheduler", 200, Disk{Name: "sda", Scheduler: "mq-deadline"}, tenant.Debian, Hierarchies{}, "io_weight 200 of acme's server is not in force: the scheduler of disk sda is mq-deadline, and only bfq"},
		{"no scheduler", 200, Disk{Name: "ram0"}, tenant.Debian, Hierarchies{}, "disk ram0 has no scheduler"},
		{"no disk", 200, Disk{FS: "overlay"}, tenant.Debian, Hierarchies{}, "a file system (overlay) of which no disk is known"},
		{"plain, version 2", 200, Disk{Name: "sda", Scheduler: "none"}, tenant.Plain, Hierarchies{Unified: "/sys/fs/cgroup", Controllers: []string{"memory", "io"}}, "the scheduler of disk sda is none"},
		{"plain, version 1", 200, Disk{Name: "sda", Scheduler: "none"}, tenant.Plain, Mounts(), "no limit of io_weight on acme's server"},
	} {
		o := own("acme", tenant.Resources{IOWeight: c.weight})
		o.Manager = c.manager
		have := debian()
		have.Disk, have.Hierarchies = c.disk, c.groups
		p, err := Make(Want{Own: o, All: []tenant.OwnServer{o}}, have)
		if err != nil {
			t.Fatal(err)
		}
		got := said(p)
		if (c.want == "") == strings.Contains(got, "io_weight") || !strings.Contains(got, c.want) || strings.Count(got, "io_weight") > 1 {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		for _, n := range p.Notes {
			if strings.Contains(n.What, "io_weight") && (!n.Cannot || n.Next == "") {
				t.Errorf("%s: %+v", c.name, n)
			}
		}
	}
}

// TestStartAfterAKill: a server that was killed starts once its process is gone.
func TestStartAfterAKill(t *testing.T) {
	o := own("acme", tenant.Resources{})
	o.Manager = tenant.Plain
	for _, unreaped := range []int{0, 4711} {
		have := debian()
		have.Unreaped = unreaped
		p, err := Make(Want{Own: o, All: []tenant.OwnServer{o}}, have)
		if err != nil {
			t.Fatal(err)
		}
		last := strings.Join(p.Steps[len(p.Steps)-1].Commands, "\n")
		if waits := strings.Index(last, "sh 4711\n"); (unreaped == 0) != (waits < 0) || waits > strings.Index(last, "pg_ctl") {
			t.Errorf("%d unreaped:\n%s", unreaped, last)
		}
	}
}
