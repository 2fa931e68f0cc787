package cluster

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

const units = "/etc/systemd/system"

// SharedMemory is where programs share memory by files (shm_overview(7)).
const SharedMemory = "/dev/shm"

// Slice is the unit that all tenants' servers are in.
const Slice = "landlord.slice"

// Unit is the name of a server's unit, as postgresql-common has it.
func Unit(major int, name string) string { return fmt.Sprintf("postgresql@%d-%s.service", major, name) }

// AddressUnit is the name of the unit that adds a tenant's address.
func AddressUnit(name string) string { return "landlord-address-" + name + ".service" }

func (d design) unit() string { return Unit(d.major, d.Tenant) }

func (d design) pidFile() string { return filepath.Join(d.SocketDir, "server.pid") }

func (d design) dropInDir() string { return filepath.Join(units, d.unit()+".d") }

// unitFiles are the files of systemd for a server.
func (d design) unitFiles(available int64) []File {
	root := func(path, text string) File {
		return File{Path: filepath.Join(units, path), Owner: "root", Mode: "0644", Text: text}
	}
	files := []File{root(Slice, fmt.Sprintf("[Unit]\nDescription=The servers of landlord's tenants\nBefore=slices.target\n\n[Slice]\nMemoryMax=%d\n", available))}
	if d.Resources.Interface != "" {
		files = append(files, root(AddressUnit(d.Tenant), d.addressText()))
	}
	return append(files, File{Path: d.dropInDir(), Owner: "root", Mode: "0755", Dir: true},
		root(filepath.Join(d.unit()+".d", "landlord.conf"), d.dropIn()))
}

// dropIn sets a server's limits, and what it must not start without.
func (d design) dropIn() string {
	r := d.Resources
	var b strings.Builder
	// systemd would leave a server where it fell after its fifth start in ten
	// seconds: also one that its tenant's owner suspends and resumes.
	b.WriteString("# landlord writes this file anew at every change.\n[Unit]\nStartLimitIntervalSec=0\n")
	if r.Volume != "" {
		// An empty directory where the volume should be is no data directory.
		fmt.Fprintf(&b, "RequiresMountsFor=%s\nAssertPathIsMountPoint=%[1]s\n", r.Volume)
	}
	fmt.Fprintf(&b, "RequiresMountsFor=%s %s\nAssertPathExists=%s\n", d.data, d.Home, filepath.Join(d.data, "PG_VERSION"))
	if r.Interface != "" {
		fmt.Fprintf(&b, "Requires=%s\nAfter=%[1]s\n", AddressUnit(d.Tenant))
	}
	fmt.Fprintf(&b, "\n[Service]\nSlice=%s\nMemoryMax=%d\nMemorySwapMax=0\n", Slice, r.Memory)
	if r.CPU > 0 {
		fmt.Fprintf(&b, "CPUQuota=%s%%\n", strconv.FormatFloat(float64(r.CPU)/10, 'f', -1, 64))
	}
	if r.IOWeight > 0 {
		fmt.Fprintf(&b, "IOWeight=%d\n", r.IOWeight)
	}
	// Parallel queries share their memory by files there, which all servers of the
	// machine would fill together (dsm_impl.c, posix).
	fmt.Fprintf(&b, "TemporaryFileSystem=%s:rw,nosuid,nodev,mode=1777,size=%d\n", SharedMemory, r.Memory)
	// A session that is killed for its memory takes the others with it, as
	// PostgreSQL has it, and not the server, as systemd would.
	b.WriteString("OOMPolicy=continue\n")
	// Whoever ends the server otherwise than by stopping it gets it started anew.
	b.WriteString("Restart=on-failure\nRestartSec=1s\n")
	fmt.Fprintf(&b, "ExecStartPre=/usr/bin/install -d -o %s -g %[1]s -m %s %s\n", d.OSUser, d.socketMode(), d.SocketDir)
	fmt.Fprintf(&b, "PIDFile=%s\n", d.pidFile())
	return b.String()
}

// confFiles are the files of postgresql-common that landlord keeps as they are
// to be.
func (d design) confFiles() []File {
	start := "auto"
	if d.Stopped {
		start = "disabled"
	}
	file := func(path, text string) File {
		return File{Path: filepath.Join(d.conf(), path), Owner: d.OSUser, Mode: "0644", Text: text}
	}
	return []File{
		file("conf.d/landlord.conf", d.settings()),
		file("start.conf", "# landlord: disabled while the tenant is suspended\n"+start+"\n"),
	}
}

// make makes the server, and does not start it.
func (d design) debianMake() []Op {
	create := []string{"pg_createcluster", strconv.Itoa(d.major), d.Tenant, "-u", d.OSUser, "-g", d.OSUser, "-d", d.data, "-s", d.SocketDir,
		"-p", strconv.Itoa(d.Port()), "--start-conf", "manual", "-e", "UTF8", "--locale", "C.UTF-8", "--", "--username=postgres", "--data-checksums"}
	ops := []Op{{File: &File{Path: d.SocketDir, Owner: d.OSUser, Mode: d.socketMode(), Dir: true}}}
	return append(ops, Op{Run: create}, Op{Run: []string{"chmod", "0600", fmt.Sprintf("/var/log/postgresql/postgresql-%d-%s.log", d.major, d.Tenant)}})
}

// debianConf is where postgresql-common keeps a server's configuration.
func debianConf(major int, name string) string {
	return fmt.Sprintf("/etc/postgresql/%d/%s", major, name)
}

// half are the commands that take away a server that was not made to its end.
func half(m Mark) []Op {
	return []Op{
		{Run: []string{"rm", "-rf", "--one-file-system", m.Data}},
		{Run: []string{"rm", "-rf", "--one-file-system", debianConf(m.Major, m.Tenant)}},
		{Run: []string{"rm", "-f", fmt.Sprintf("/var/log/postgresql/postgresql-%d-%s.log", m.Major, m.Tenant)}},
	}
}

func reloadUnits() Op { return Op{Run: []string{"systemctl", "daemon-reload"}} }

// debianRemove takes a server away, with all that landlord made for it.
func debianRemove(m Mark, home string, have Have) []Step {
	unit := Unit(m.Major, m.Tenant)
	steps := []Step{{Why: "the server stops", Ends: true, Ops: []Op{{Run: []string{"systemctl", "stop", unit}}}}}
	if have.Running && !have.Supervised {
		steps[0].Ops = append(steps[0].Ops, Op{Run: []string{"pg_ctlcluster", "--skip-systemctl-redirect", "-m", "fast", strconv.Itoa(m.Major), m.Tenant, "stop"}})
	}
	var drop []Op
	if have.Listed {
		drop = append(drop, Op{Run: []string{"pg_dropcluster", strconv.Itoa(m.Major), m.Tenant}})
	}
	steps = append(steps, Step{Why: "its data goes, and its configuration", Loses: true, Ops: append(drop, half(m)...)})
	files := []Op{{Run: []string{"rm", "-rf", filepath.Join(units, unit+".d")}}}
	files = append(debianLeave(m.Tenant, m.addresses(), have), append(files, Op{Run: []string{"rm", "-f", addressPath(m.Tenant), addressLink(m.Tenant)}})...)
	if have.Alone {
		files = append(files, Op{Run: []string{"rm", "-f", filepath.Join(units, Slice)}})
	}
	why := "its limits go"
	if m.Interface != "" {
		why += ", and address " + m.Address + " from " + m.Interface
	}
	steps = append(steps, Step{Why: why, Ops: append(files, reloadUnits(),
		Op{Run: []string{"rm", "-rf", "--one-file-system", filepath.Join("/run/landlord", m.Tenant)}})})
	return append(steps, leave(m, home, have))
}

// leave takes away the user of the operating system, and at the very end
// landlord's own directory with the mark.
func leave(m Mark, home string, have Have) Step {
	var ops []Op
	if have.HasUser && have.User == userComment(m.Tenant) {
		ops = append(ops, Op{Run: []string{"userdel", m.OSUser}})
	}
	return Step{Why: "landlord forgets it", Ops: append(ops, Op{Run: []string{"rm", "-rf", "--one-file-system", home}})}
}

func userComment(name string) string { return "landlord tenant " + name }
