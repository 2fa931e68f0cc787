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
		{"both", Mounts(), []string{"mkdir -p /sys/fs/cgroup/memory/" + group + " && echo $$ >/sys/fs/cgroup/memory/" + group + "/cgroup.procs",
			"echo 268435456 >/sys/fs/cgroup/memory/" + group + "/memory.limit_in_bytes", "echo 150000 >/sys/fs/cgroup/cpu/" + group + "/cpu.cfs_quota_us", "PG_OOM_ADJUST_FILE=", "pg_ctl"}, "\x00", ""},
		{"memory alone", Hierarchies{Memory: Mounts().Memory}, []string{"cgroup.procs", "memory.limit_in_bytes"}, "/cpu/", "no limit of cpu on acme"},
		{"none", Hierarchies{}, []string{"pg_ctl"}, "cgroup", "no limit of memory, cpu on acme"},
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
			if got := said(p); (tt.note == "") == strings.Contains(got, "no limit") || !strings.Contains(got, tt.note) {
				t.Errorf("notes %q, want %q", got, tt.note)
			}
		})
	}
}

// said are a plan's notes.
func said(p Plan) string {
	var all []string
	for _, n := range p.Notes {
		all = append(all, n.What)
	}
	return strings.Join(all, "\n")
}

// script is what a plan runs.
func script(t *testing.T, w Want, have Have) string {
	t.Helper()
	p, err := Make(w, have)
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, s := range p.Steps {
		all += strings.Join(s.Commands, "\n") + "\n"
	}
	return all
}

// unified is a host with version 2 alone.
func unified(controllers ...string) Have {
	have := debian()
	have.Hierarchies = Hierarchies{Unified: "/sys/fs/cgroup", Controllers: controllers}
	return have
}

// TestPlainGroupOfVersion2: the controllers are let through first, then the
// group is made and entered at once, and the limits are written, then the server
// starts; and what is there already is let be.
func TestPlainGroupOfVersion2(t *testing.T) {
	o := own("acme", tenant.Resources{Memory: 256 << 20, CPU: 1500, IOWeight: 200})
	o.Manager = tenant.Plain
	w := Want{Own: o, All: []tenant.OwnServer{o}}
	have := unified("memory", "cpu", "io")
	have.Files = map[string]File{"/sys/fs/cgroup/cgroup.subtree_control": {Text: "cpu pids\n"}}
	group := "/sys/fs/cgroup/" + Group(o.Home)
	rest := script(t, w, have)
	for _, want := range []string{
		"'+memory +io' /sys/fs/cgroup/cgroup.subtree_control\n", "mkdir -p " + group + " && echo $$ >" + group + "/cgroup.procs",
		"{ [ ! -e " + group + "/memory.swap.max ] || echo 0 >" + group + "/memory.swap.max; }", "echo 268435456 >" + group + "/memory.max && ", "echo 150000 100000 >" + group + "/cpu.max && ",
		"echo default 200 >" + group + "/io.weight; } && ", "echo default 109 >" + group + "/io.bfq.weight; } && ", "pg_ctl"} {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("%q is not in its place in\n%s", want, rest)
		}
		rest = after
	}

	d, err := newDesign(w, have)
	if err != nil {
		t.Fatal(err)
	}
	mark := d.mark(Made)
	have.Mark, have.Running, have.Supervised, have.Data.Exists = &mark, true, true, true
	have.Files["/sys/fs/cgroup/cgroup.subtree_control"] = File{Text: "cpu io memory pids\n"}
	have.Files[group] = File{Path: group}
	for _, f := range append(append(d.plainFiles(), d.groupFiles(have.Hierarchies)...), d.markFile(mark)) {
		if !strings.HasSuffix(f.Path, "io.bfq.weight") { // this kernel has none
			have.Files[f.Path] = f
		}
	}
	if got := script(t, w, have); got != "" {
		t.Errorf("there is still to do:\n%s", got)
	}
	w.Own.Resources.IOWeight = 0
	if got := script(t, w, have); !strings.Contains(got, "echo default 100 >"+group+"/io.weight") || strings.Contains(got, "pg_ctl") {
		t.Errorf("without a weight:\n%s", got)
	}
	w.Own.Resources.CPU = 0
	if got := script(t, w, have); !strings.Contains(got, "echo max 100000 >"+group+"/cpu.max") {
		t.Errorf("without a limit of processors:\n%s", got)
	}
	w.Own.Resources.Memory = 128 << 20 // above what it uses, perhaps: the kernel would kill
	got := script(t, w, have)
	stop, limit, start := strings.Index(got, " stop"), strings.Index(got, "memory.max"), strings.Index(got, " start")
	if stop < 0 || limit < stop || start < limit {
		t.Errorf("stop, limit, start are not in this order:\n%s", got)
	}
	goes := script(t, Want{Own: o, Gone: true}, have)
	if !strings.Contains(goes, "sh "+group+"\n") {
		t.Errorf("the group stays:\n%s", goes)
	}
}

// TestVersion2WithoutAController: a server is refused that would run without
// its limits; beside version 1, the notes say so, as ever.
func TestVersion2WithoutAController(t *testing.T) {
	all := tenant.Resources{CPU: 500, IOWeight: 50}
	for _, tt := range []struct {
		name string
		h    Hierarchies
		r    tenant.Resources
		want string // of the refusal
		note string
	}{
		{"no memory", Hierarchies{Unified: "/sys/fs/cgroup", Controllers: []string{"cpu", "io"}}, all, "have not the controller memory, which the limits of tenant acme's server need; they have cpu io", ""},
		{"nothing", Hierarchies{Unified: "/sys/fs/cgroup"}, tenant.Resources{}, "the controller memory, which the limits of tenant acme's server need; they have none of those", ""},
		{"no cpu", Hierarchies{Unified: "/sys/fs/cgroup", Controllers: []string{"memory", "io"}}, all, "the controller cpu", ""},
		{"no cpu, and none needed", Hierarchies{Unified: "/sys/fs/cgroup", Controllers: []string{"memory"}}, tenant.Resources{}, "", ""},
		{"no io", Hierarchies{Unified: "/sys/fs/cgroup", Controllers: []string{"memory", "cpu"}}, all, "the controller io", ""},
		{"beside version 1", Hierarchies{Memory: "/m", CPU: "/c", Unified: "/u"}, all, "", "no limit of io_weight on acme"},
		{"memory of version 1, cpu of 2", Hierarchies{Memory: "/m", Unified: "/u", Controllers: []string{"cpu", "io"}}, all, "", ""},
		{"in a container", Hierarchies{Why: "the processes of this container"}, all, "", "no limit of memory, cpu, io_weight on acme's server here: the processes of this container"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := own("acme", tt.r)
			o.Manager = tenant.Plain
			have := debian()
			have.Hierarchies = tt.h
			p, err := Make(Want{Own: o, All: []tenant.OwnServer{o}}, have)
			refused(t, err, tt.want)
			if got := said(p); (tt.note == "") == strings.Contains(got, "no limit") || !strings.Contains(got, tt.note) {
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
