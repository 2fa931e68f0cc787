package cluster

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

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

// plainStart starts the server, in its control group where it can have one.
func (d design) plainStart(have Have) Op {
	start := d.pgctl(have.Root, "-l", filepath.Join(d.logDir(), "server.log"), "start")
	groups := have.Hierarchies.Groups(d.Home)
	if len(groups) > 0 { // its sessions are not spared as the postmaster is
		i := slices.Index(start.Run, "-i") + 1
		start.Run = slices.Insert(start.Run, i, "PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj")
	}
	return enter(groups, d.groupFiles(have.Hierarchies), start)
}

// Reaped waits until the machine has done with a server that was killed. The first
// process of a container may be slow at that, or never do it.
func Reaped(have Have) []Op {
	if have.Unreaped == 0 {
		return nil
	}
	return []Op{{Run: []string{"sh", "-c", `n=0; while grep -q "^State:.Z" "/proc/$1/status" 2>/dev/null; do n=$((n+1)); [ $n -lt 200 ] || ` +
		`{ echo "the server was killed, and nobody has reaped its process $1: the first process of this container must (docker run --init)" >&2; exit 1; }; sleep 0.1; done`, "sh", strconv.Itoa(have.Unreaped)}}}
}

// plainRemove takes a server away, with all that landlord made for it.
func plainRemove(m Mark, home string, have Have, in Install) []Step {
	d := design{OwnServer: tenant.OwnServer{Tenant: m.Tenant, Home: home, OSUser: m.OSUser, Manager: tenant.Plain}, install: in, data: m.Data}
	var steps []Step
	if have.Running {
		steps = append(steps, Step{Why: "the server stops", Ends: true, Ops: []Op{d.pgctl(have.Root, "-m", "fast", "stop")}})
	}
	steps = append(steps, Step{Why: "its data goes", Loses: true, Ops: []Op{{Run: []string{"rm", "-rf", "--one-file-system", m.Data}}}})
	if ops := leaveGroups(home, have); len(ops) > 0 {
		steps = append(steps, Step{Why: "its limits go", Ops: ops})
	}
	for _, a := range m.addresses() {
		steps = append(steps, Step{Why: fmt.Sprintf("address %s goes from %s", a.IP, a.Interface), Ops: []Op{a.drop()}})
	}
	return append(steps, leave(m, home, have))
}

// plainNotes say what nobody does here.
func (d design) plainNotes(have Have) []Note {
	return append(d.limitNotes(have.Hierarchies), Note{What: fmt.Sprintf("nothing starts %s's server again with the machine: landlord apply does", d.Tenant), Next: byDebian})
}

const byDebian = "on Debian with systemd, host: {manager: debian} does it"
