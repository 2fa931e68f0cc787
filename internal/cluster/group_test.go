package cluster

import (
	"strings"
	"testing"

	"landlord/internal/tenant"
)

// TestPlainGroup: what can be enforced is, before the server starts inside;
// what cannot, the notes say.
func TestPlainGroup(t *testing.T) {
	o := own("acme", tenant.Resources{Memory: 256 << 20, CPU: 1500})
	o.Manager = tenant.Plain
	group := Group(o.Home)
	for _, tt := range []struct {
		name    string
		h       Hierarchies
		script  []string // in this order
		missing string
		note    string
	}{
		{"both", Mounts(), []string{"mkdir -p /sys/fs/cgroup/memory/" + group, "268435456 /sys/fs/cgroup/memory/" + group + "/memory.limit_in_bytes",
			"150000 /sys/fs/cgroup/cpu/" + group + "/cpu.cfs_quota_us", "echo $$ >/sys/fs/cgroup/memory/" + group + "/cgroup.procs", "PG_OOM_ADJUST_FILE=", "pg_ctl"}, "\x00", ""},
		{"memory alone", Hierarchies{Memory: Mounts().Memory}, []string{"memory.limit_in_bytes", "cgroup.procs"}, "/cpu/", "no limit of cpu on acme"},
		{"none", Hierarchies{}, []string{"pg_ctl"}, "cgroup", "no limit of memory, cpu or io_weight on acme"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			have := debian()
			have.Hierarchies = tt.h
			p, err := Make(Want{Own: o, All: []tenant.OwnServer{o}}, have)
			if err != nil {
				t.Fatal(err)
			}
			script := ""
			for _, s := range p.Steps {
				script += strings.Join(s.Commands, "\n") + "\n"
			}
			rest := script
			for _, want := range tt.script {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%q is not in its place in\n%s", want, script)
				}
				rest = after
			}
			if strings.Contains(script, tt.missing) {
				t.Errorf("%q is in\n%s", tt.missing, script)
			}
			if got := strings.Join(p.Notes, "\n"); (tt.note == "") == strings.Contains(got, "no limit") || !strings.Contains(got, tt.note) {
				t.Errorf("notes %q, want %q", got, tt.note)
			}
		})
	}
}

// TestLessMemoryIsGivenWhileTheServerIsDown: the kernel refuses a limit below
// what is in use.
func TestLessMemoryIsGivenWhileTheServerIsDown(t *testing.T) {
	o := own("acme", tenant.Resources{Memory: 256 << 20})
	o.Manager = tenant.Plain
	have := debian()
	have.Hierarchies = Mounts()
	d, err := newDesign(Want{Own: o}, have)
	if err != nil {
		t.Fatal(err)
	}
	mark := d.mark(Made)
	have.Mark, have.Running, have.Supervised, have.Data.Exists = &mark, true, true, true
	have.Files = map[string]File{}
	for _, f := range d.groupFiles(Mounts()) {
		have.Files[f.Path] = f
	}
	o.Resources.Memory = 128 << 20
	p, err := Make(Want{Own: o, All: []tenant.OwnServer{o}}, have)
	if err != nil {
		t.Fatal(err)
	}
	last := strings.Join(p.Steps[len(p.Steps)-1].Commands, "\n")
	stop, limit, start := strings.Index(last, " stop"), strings.Index(last, "limit_in_bytes"), strings.Index(last, " start")
	if stop < 0 || limit < stop || start < limit {
		t.Errorf("stop, limit, start are not in this order:\n%s", last)
	}
}
