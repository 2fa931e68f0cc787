package cluster

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// as is a command that the server's user runs.
func as(user string, root bool, in Install, argv ...string) Op {
	argv[0] = filepath.Join(in.BinDir, argv[0])
	env := []string{"env", "-i", "PATH=" + in.BinDir + ":/usr/bin:/bin", "LC_ALL=C.UTF-8"}
	if in.LibDir != "" {
		env = append(env, "LD_LIBRARY_PATH="+in.LibDir)
	}
	run := append(env, argv...)
	if root {
		run = append([]string{"runuser", "-u", user, "--"}, run...)
	}
	return Op{Run: run}
}

func (d design) logDir() string { return filepath.Join(d.Home, "log") }

// plainMake makes the server, and does not start it.
func (d design) plainMake(root bool) []Op {
	dir := func(path, mode string) Op { return Op{File: &File{Path: path, Owner: d.OSUser, Mode: mode, Dir: true}} }
	return []Op{
		dir(d.SocketDir, d.socketMode()), dir(d.logDir(), "0700"), dir(d.conf(), "0700"), dir(d.data, "0700"),
		as(d.OSUser, root, d.install, "initdb", "--pgdata", d.data, "--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"),
	}
}

// plainFiles are the files that landlord keeps as they are to be.
func (d design) plainFiles() []File {
	return []File{{Path: filepath.Join(d.conf(), "postgresql.conf"), Owner: d.OSUser, Mode: "0600", Text: d.settings()}}
}

func (d design) pgctl(root bool, words ...string) Op {
	argv := append([]string{"pg_ctl", "-D", d.conf(), "-s", "-w"}, words...)
	return as(d.OSUser, root, d.install, argv...)
}

// plainStart starts the server, in its control group where it has one.
func (d design) plainStart(have Have) Op {
	start := d.pgctl(have.Root, "-l", filepath.Join(d.logDir(), "server.log"), "start")
	groups := have.Hierarchies.Groups(d.Home)
	if len(groups) > 0 { // its sessions are not spared as the postmaster is
		i := slices.Index(start.Run, "-i") + 1
		start.Run = slices.Insert(start.Run, i, "PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj")
	}
	return enter(groups, start)
}

// address adds the tenant's address to its interface, until the machine is
// started again.
func (d design) address(verb string) Op {
	width := "/32"
	if strings.Contains(d.Resources.Address, ":") {
		width = "/128"
	}
	argv := []string{"ip", "address", verb, d.Resources.Address + width, "dev", d.Resources.Interface}
	if width == "/128" && verb == "replace" {
		argv = append(argv, "nodad")
	}
	return Op{Run: argv}
}

// plainRemove takes a server away, with all that landlord made for it.
func plainRemove(m Mark, home string, have Have, in Install) []Step {
	d := design{OwnServer: tenant.OwnServer{Tenant: m.Tenant, Home: home, OSUser: m.OSUser, Manager: tenant.Plain,
		Resources: tenant.Resources{Address: m.Address, Interface: m.Interface}}, install: in, data: m.Data}
	var steps []Step
	if have.Running {
		steps = append(steps, Step{Why: "the server stops", Ends: true, Ops: []Op{d.pgctl(have.Root, "-m", "fast", "stop")}})
	}
	steps = append(steps, Step{Why: "its data goes", Loses: true, Ops: []Op{{Run: []string{"rm", "-rf", "--one-file-system", m.Data}}}})
	if ops := leaveGroups(home, have); len(ops) > 0 {
		steps = append(steps, Step{Why: "its limits go", Ops: ops})
	}
	if m.Interface != "" && len(have.Addressed) > 0 {
		steps = append(steps, Step{Why: fmt.Sprintf("address %s goes from %s", m.Address, m.Interface), Ops: []Op{d.address("del")}})
	}
	return append(steps, leave(m, home, have))
}

// plainNotes say what nobody enforces.
func (d design) plainNotes(have Have) []string {
	var open []string
	if have.Hierarchies.Memory == "" {
		open = append(open, "memory")
	}
	if have.Hierarchies.CPU == "" {
		open = append(open, "cpu")
	}
	var notes []string
	switch {
	case len(open) == 2:
		notes = append(notes, fmt.Sprintf("the manager plain enforces no limit of memory, cpu or io_weight on %s's server here: its sizes follow the memory, and nothing stops it from taking more; "+
			"it can as root, where control groups of version 1 (cgroup) are to be written", d.Tenant))
	case len(open) == 1:
		notes = append(notes, fmt.Sprintf("the manager plain enforces no limit of %s on %s's server here: there is no control group (cgroup v1) for it to be written", open[0], d.Tenant))
	}
	if len(open) < 2 && d.Resources.IOWeight > 0 {
		notes = append(notes, fmt.Sprintf("the manager plain does not enforce io_weight on %s's server", d.Tenant))
	}
	return append(notes, fmt.Sprintf("nothing starts %s's server again with the machine: landlord apply does", d.Tenant))
}
