package cluster

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// room is what a new server and its log of changes need on a volume, in bytes.
const room = 128 * mebi

// Make says what leads from what a host has to what it is to have. Its errors
// are *RefusalError.
func Make(w Want, have Have) (Plan, error) {
	if w.Gone {
		return gone(w, have)
	}
	if have.Mark != nil && have.Mark.State == Removing {
		return Plan{}, refuse(fmt.Sprintf("landlord tenant remove %s goes on with it", w.Own.Tenant), "the server of tenant %s is being removed", w.Own.Tenant)
	}
	if err := Sum(w, have); err != nil {
		return Plan{}, err
	}
	d, err := newDesign(w, have)
	if err != nil {
		return Plan{}, err
	}
	if err := d.check(w, have); err != nil {
		return Plan{}, err
	}
	p := Plan{Sizes: d.sizes, Up: !d.Stopped}
	p.Notes = d.weightNote(have)
	if d.Manager == tenant.Plain {
		p.Notes = append(p.Notes, d.plainNotes(have)...)
	}
	b := &builder{design: d, have: have, plan: &p}
	b.available, _ = Available(w.Host, have)
	b.make()
	b.run()
	if len(p.Steps) > 0 && !have.Root && (d.Manager == tenant.Debian || d.Resources.Interface != "" || d.Resources.OSUser == tenant.OwnUser) {
		return Plan{}, refuse("run landlord as root (sudo landlord apply)", "making and changing the server of tenant %s wants root: %s", d.Tenant, p.Steps[0].Why)
	}
	return p, nil
}

// check refuses what stands in the way, and what was chosen once and cannot be
// changed by it.
func (d design) check(w Want, have Have) error {
	r, m := d.Resources, have.Mark
	if d.Manager == tenant.Debian && !have.Debian {
		return refuse("install Debian's package postgresql on a machine with systemd, or write host: {manager: plain}", "the server of tenant %s is to be made by pg_createcluster and run by systemd, and this machine has not both", d.Tenant)
	}
	if err := d.checkGroups(have); err != nil {
		return err
	}
	if m != nil && m.State == Made {
		return d.unchanged(*m, have)
	}
	switch {
	case m != nil && have.Started:
		return refuse("look at it, and move it away if it is of no use", "%s holds the data of a server that has run, though landlord was interrupted before it ran", d.data)
	case m == nil && have.Data.Exists && !have.Data.Empty:
		return refuse("move it away, or name another volume: landlord overwrites no data directory", "%s is there already, and not empty", d.data)
	case m == nil && have.Listed:
		return refuse("choose another name for the tenant, or take that server away", "this host has a server %d/%s already, which landlord did not make", d.major, d.Tenant)
	case have.HasUser && r.OSUser == tenant.OwnUser && have.User != userComment(d.Tenant):
		return refuse("choose another name for the tenant, or take that user away", "this host has a user %s already, whom landlord did not make", d.OSUser)
	}
	if err := d.checkAddress(have); err != nil {
		return err
	}
	return d.checkVolume(have)
}

// unchanged refuses a change of what was chosen when the server was made.
func (d design) unchanged(m Mark, have Have) error {
	r := d.Resources
	stays := func(key, is, wanted string) error {
		return refuse(fmt.Sprintf("write %s: %s; data would have to move, which apply does not do", key, is), "the server of tenant %s has %s %s, and the spec says %s", d.Tenant, key, is, wanted)
	}
	none := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	switch {
	case m.Manager != d.Manager:
		return stays("host.manager", string(m.Manager), string(d.Manager))
	case m.Volume != r.Volume:
		return stays("volume", none(m.Volume), none(r.Volume))
	case r.Major != 0 && m.Major != r.Major:
		return stays("major", fmt.Sprint(m.Major), fmt.Sprint(r.Major))
	case m.OSUser != d.OSUser:
		return stays("os_user of the server", m.OSUser, d.OSUser)
	case r.Volume != "" && !have.Volume.Mounted:
		return refuse("mount it: without it, the server is not started", "%s, the volume of tenant %s, is not mounted", r.Volume, d.Tenant)
	case !have.Data.Exists || have.Data.Empty:
		return refuse("find out what became of it: landlord makes no new one in its place", "%s, the data directory of tenant %s, is gone", d.data, d.Tenant)
	}
	if m.Address != r.Address || m.Interface != r.Interface {
		return d.checkAddress(have)
	}
	return nil
}

func (d design) checkVolume(have Have) error {
	v := d.Resources.Volume
	switch {
	case v == "":
	case !have.Volume.Mounted:
		return refuse("mount the tenant's volume there first", "%s, the volume of tenant %s, is no mount point: the data would come to stand on the volume below it", v, d.Tenant)
	case have.Mark == nil && !have.Volume.Empty:
		return refuse("give the tenant an empty volume", "%s, the volume of tenant %s, is not empty", v, d.Tenant)
	case have.Volume.Free < room:
		return refuse("give the tenant a larger volume", "%s, the volume of tenant %s, has room for %s; a new server wants %s", v, d.Tenant, megabytes(have.Volume.Free), megabytes(room))
	}
	return nil
}

type builder struct {
	design
	have      Have
	plan      *Plan
	available int64
	restart   bool
	// limits come between the server's stop and its start.
	limits []Op
}

func (b *builder) step(why string, ends bool, ops ...Op) {
	if len(ops) > 0 {
		b.plan.Steps = append(b.plan.Steps, newStep(Step{Why: why, Ends: ends, Ops: ops}))
	}
}

func newStep(s Step) Step {
	for _, op := range s.Ops {
		s.Commands = append(s.Commands, op.Shell())
	}
	return s
}

// differing are the files that are not as they are to be.
func (b *builder) differing(files ...File) []Op {
	var ops []Op
	for _, f := range files {
		if b.have.Files[f.Path] != f {
			ops = append(ops, Op{File: &f})
		}
	}
	return ops
}

// make makes what is missing of the server, and mends what differs.
func (b *builder) make() {
	made := b.have.Mark != nil && b.have.Mark.State == Made
	home := File{Path: b.Home, Owner: b.keeper(), Mode: "0755", Dir: true}
	if !made {
		ops := b.differing(home)
		b.step("tenant "+b.Tenant+" is to have a server of its own", false, append(ops, b.differing(b.markFile(b.mark(Making)))...)...)
		if b.Resources.OSUser == tenant.OwnUser && !b.have.HasUser {
			b.step("the server has a user of the operating system of its own", false, Op{Run: []string{
				"useradd", "--system", "--user-group", "--home-dir", b.Home, "--no-create-home", "--shell", "/usr/sbin/nologin", "--comment", userComment(b.Tenant), b.OSUser}})
		}
	}
	if b.Manager == tenant.Debian {
		b.units()
	} else {
		b.plainAddress()
		b.plainGroup()
	}
	if !made {
		b.create()
	}
	b.configure(made)
	if want := b.markFile(b.mark(Made)); b.have.Files[want.Path] != want {
		b.step("landlord notes what the server is", false, Op{File: &want})
	}
}

// units are systemd's: the slice, the address, the limits.
func (b *builder) units() {
	old := b.moves()
	ops := b.differing(b.unitFiles(b.available)...)
	if len(old) > 0 {
		ops = append(debianLeave(b.Tenant, old, b.have), ops...)
		if b.Resources.Interface == "" {
			ops = append(ops, Op{Run: []string{"rm", "-f", addressPath(b.Tenant), addressLink(b.Tenant)}})
		}
		b.restart = true
	}
	if len(ops) > 0 || b.have.Unread {
		ops = append(ops, reloadUnits())
	}
	ops = append(ops, b.debianAddress()...)
	b.step("its limits, and what it must not start without", false, ops...)
}

// plainGroup sees to the limits. A server that starts makes its group as it does
// (enter); a running one is not squeezed below what it has: it stops first.
func (b *builder) plainGroup() {
	switch {
	case b.Stopped || !b.have.Running || !b.have.Supervised:
		b.limits = b.delegate()
	case b.less():
		b.restart, b.limits = true, b.delegate()
	default:
		b.step("its limits: "+b.limitText(), false, b.plainLimits()...)
	}
}

// create makes the data directory, once what an interrupted landlord left of it
// is gone: nobody's data was ever in that.
func (b *builder) create() {
	var ops []Op
	if b.have.Mark != nil && (b.have.Data.Exists || b.have.Listed) {
		ops = half(*b.have.Mark)
		b.forget(b.have.Mark.Data)
		b.forget(debianConf(b.have.Mark.Major, b.Tenant))
	}
	if b.Manager == tenant.Plain {
		b.step(fmt.Sprintf("PostgreSQL %d is set up", b.major), false, append(ops, b.plainMake(b.have.Root)...)...)
		return
	}
	if b.Resources.OSUser == tenant.OwnUser {
		// Else whoever is postgres could put another configuration there.
		ops = append(ops, b.differing(File{Path: "/etc/postgresql", Owner: "root", Mode: "0755", Dir: true},
			File{Path: filepath.Dir(b.conf()), Owner: "root", Mode: "0755", Dir: true})...)
	}
	b.step(fmt.Sprintf("PostgreSQL %d is set up", b.major), false, append(ops, b.debianMake()...)...)
}

// forget leaves out what was seen below a directory that goes.
func (b *builder) forget(dir string) {
	b.have.Files = maps.Clone(b.have.Files)
	maps.DeleteFunc(b.have.Files, func(path string, _ File) bool { return path == dir || strings.HasPrefix(path, dir+"/") })
}

// configure writes the server's files.
func (b *builder) configure(made bool) {
	var ops []Op
	file := func(name, text string) {
		ops = append(ops, Op{File: &File{Path: filepath.Join(b.conf(), name), Owner: b.OSUser, Mode: "0600", Text: text}})
	}
	if !made {
		file("pg_hba.conf", hba)
		file("pg_ident.conf", b.ident())
	}
	if b.Listen() != "" && (b.have.Files[b.Certificate()].Path == "" || b.have.Mark != nil && b.have.Mark.Address != b.Resources.Address) {
		ops = append(ops, Op{File: &File{Path: b.Certificate(), Owner: b.OSUser, Mode: "0644"}, Certificate: b.names()})
		b.restart = b.restart || made
	}
	files := b.plainFiles()
	if b.Manager == tenant.Debian {
		files = b.confFiles()
	}
	changed := b.differing(files...)
	for _, op := range changed {
		if made && !strings.HasSuffix(op.File.Path, "start.conf") {
			b.restart = true
		}
	}
	b.step("its configuration", false, append(ops, changed...)...)
}

// run starts, stops or restarts the server.
func (b *builder) run() {
	up, h := !b.Stopped, b.have
	root := h.Root
	debian := func(verb string) []Op {
		return []Op{{Run: []string{"systemctl", verb, b.unit()}}}
	}
	plain := func(words ...string) []Op { return []Op{b.pgctl(root, words...)} }
	var start, stop []Op
	if b.Manager == tenant.Debian {
		start, stop = debian("start"), debian("stop")
		if h.Running && !h.Supervised {
			stop = []Op{{Run: []string{"pg_ctlcluster", "--skip-systemctl-redirect", "-m", "fast", fmt.Sprint(b.major), b.Tenant, "stop"}}}
		}
	} else {
		start, stop = append(append(Reaped(h), b.limits...), b.plainStart(h)), plain("-m", "fast", "stop")
	}
	switch {
	case up && (!h.Running || h.Between): // systemd goes on with what it is at
		why := "the server starts"
		if text := b.limitText(); b.Manager == tenant.Plain && text != "" {
			why += ", under its limits: " + text
		}
		b.step(why, false, start...)
	case up && !h.Supervised:
		b.step("the server runs without its limits: it starts again, and its sessions end", true, append(stop, start...)...)
	case up && (b.restart || h.Old):
		b.step("the server starts again with its new configuration, and its sessions end", true, append(stop, start...)...)
	case !up && (h.Running || h.Between):
		b.step("tenant "+b.Tenant+" is suspended: its server stops", true, append(stop, leaveGroups(b.Home, h)...)...)
	}
}

// gone says what takes a server away.
func gone(w Want, have Have) (Plan, error) {
	m := have.Mark
	if m == nil {
		return Plan{}, nil
	}
	if !have.Root && m.Manager == tenant.Debian {
		return Plan{}, refuse("run landlord as root", "taking away the server of tenant %s wants root", w.Own.Tenant)
	}
	d := design{OwnServer: w.Own}
	d.Manager, d.OSUser = m.Manager, m.OSUser
	removing := *m
	removing.State = Removing
	steps := []Step{{Why: "landlord notes that the server goes", Ops: []Op{{File: ptr(d.markFile(removing))}}}}
	if m.Manager == tenant.Plain {
		i := slices.IndexFunc(have.Installs, func(in Install) bool { return in.Major == m.Major })
		if i < 0 {
			return Plan{}, refuse("install it, so that the server can be stopped", "PostgreSQL %d, which made the server of tenant %s, is not installed", m.Major, w.Own.Tenant)
		}
		steps = append(steps, plainRemove(removing, w.Own.Home, have, have.Installs[i])...)
	} else {
		steps = append(steps, debianRemove(removing, w.Own.Home, have)...)
	}
	p := Plan{}
	for _, s := range steps {
		p.Steps = append(p.Steps, newStep(s))
	}
	return p, nil
}

func ptr[T any](v T) *T { return &v }

// Paths are the files that a plan for a server must see.
func Paths(w Want, mark *Mark, installs []Install) []string {
	have := Have{Mark: mark, Installs: installs}
	if w.Gone && mark != nil { // the tenant may be out of the spec
		w.Own.Resources.Address, w.Own.Resources.Interface = mark.Address, mark.Interface
	}
	d, err := newDesign(w, have)
	paths := append(GroupPlaces(w.Own.Home), w.Own.Home, MarkPath(w.Own.Home), w.Own.Certificate(), "/etc/postgresql")
	if err != nil {
		return paths
	}
	paths = append(paths, filepath.Dir(d.conf()), d.data, addressPath(d.Tenant), addressLink(d.Tenant))
	files := append(d.plainFiles(), d.confFiles()...)
	files = append(files, d.groupFiles(Mounts())...)
	for _, unified := range UnifiedMounts() {
		paths = append(paths, subtree(unified))
		files = append(files, d.groupFiles(Hierarchies{Unified: unified, Controllers: []string{"memory", "cpu", "io"}})...)
	}
	for _, f := range append(files, d.unitFiles(0)...) {
		paths = append(paths, f.Path)
	}
	return paths
}

// Place is where a server's data is, and what its unit and configuration are
// called; ok is false where nobody can tell yet.
func Place(w Want, mark *Mark, installs []Install) (data, conf string, major int, ok bool) {
	d, err := newDesign(w, Have{Mark: mark, Installs: installs})
	return d.data, d.conf(), d.major, err == nil
}
