// Package host looks at this machine and does what internal/cluster has
// decided: the thin edge of it.
package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"landlord/internal/cluster"
	"landlord/internal/localpg"
	"landlord/internal/run"
	"landlord/internal/tenant"
)

// Look reads what a plan for one server follows from.
func Look(ctx context.Context, w cluster.Want) (cluster.Have, error) {
	have := cluster.Have{Root: os.Geteuid() == 0, CPUs: runtime.NumCPU(), Memory: memory(), Files: map[string]cluster.File{}}
	have.Debian = isProgram("/usr/bin/pg_createcluster") && run.Systemd()
	for _, in := range localpg.Installed(ctx) {
		if w.Own.Manager == tenant.Plain || strings.HasPrefix(in.BinDir, "/usr/lib/postgresql/") {
			have.Installs = append(have.Installs, cluster.Install{Major: in.Major, BinDir: in.BinDir, LibDir: in.LibDir})
		}
	}
	var err error
	if have.Mark, err = ReadMark(w.Own.Home); err != nil {
		return have, err
	}
	homes, _ := filepath.Glob(filepath.Join(filepath.Dir(w.Own.Home), "*", "landlord.json"))
	have.Alone = !slices.ContainsFunc(homes, func(path string) bool { return filepath.Dir(path) != w.Own.Home })
	for _, path := range cluster.Paths(w, have.Mark, have.Installs) {
		if f, ok := readFile(path); ok {
			have.Files[path] = f
		}
	}
	lookNetwork(w, &have)
	lookUser(w, &have)
	if v := w.Own.Resources.Volume; v != "" {
		have.Volume = volume(v)
	}
	return have, lookServer(ctx, w, &have)
}

// ReadMark reads what landlord knows of a server; nil: it made none there.
func ReadMark(home string) (*cluster.Mark, error) {
	text, err := os.ReadFile(cluster.MarkPath(home))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var m cluster.Mark
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err == nil && m.Tenant != filepath.Base(home) {
		err = fmt.Errorf("it is about tenant %q", m.Tenant)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what landlord knows of a server (%s): %w", cluster.MarkPath(home), err)
	}
	return &m, nil
}

// Marks lists the servers that landlord made on a host.
func Marks(h tenant.Host) ([]cluster.Mark, error) {
	paths, _ := filepath.Glob(filepath.Join(h.Dir(), "*", "landlord.json"))
	var all []cluster.Mark
	for _, path := range paths {
		m, err := ReadMark(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		if m != nil {
			all = append(all, *m)
		}
	}
	return all, nil
}

// Runs says whether a server that landlord made runs.
func Runs(m cluster.Mark) bool {
	pid, _ := postmaster(m.Data)
	return pid > 0
}

// Listens says whether a server has its socket where it is to be: one whose
// port is to change has it elsewhere until it starts again.
func Listens(o tenant.OwnServer) bool {
	_, err := os.Stat(filepath.Join(o.SocketDir, fmt.Sprintf(".s.PGSQL.%d", o.Port())))
	return err == nil
}

// lookServer says what there is of the server itself.
func lookServer(ctx context.Context, w cluster.Want, have *cluster.Have) error {
	data, conf, major, ok := cluster.Place(w, have.Mark, have.Installs)
	if have.Mark != nil {
		data, major, ok = have.Mark.Data, have.Mark.Major, true
	}
	if !ok {
		return nil
	}
	have.Data = directory(data)
	if w.Own.Resources.IOWeight > 0 {
		have.Disk = disk(data)
	}
	have.Started = isFile(filepath.Join(data, "postmaster.opts"))
	pid, since := postmaster(data)
	have.Running = pid > 0
	have.Supervised = have.Running
	if !have.Running {
		have.Unreaped = unreaped(data)
	}
	manager := w.Own.Manager
	if have.Mark != nil {
		manager = have.Mark.Manager
	}
	if manager == tenant.Plain {
		have.Hierarchies = hierarchies()
		have.Supervised = have.Running && inGroups(pid, have.Hierarchies, w.Own.Home)
	}
	settings := filepath.Join(conf, "postgresql.conf")
	if manager == tenant.Debian {
		settings = filepath.Join(conf, "conf.d", "landlord.conf")
		have.Listed = isFile(filepath.Join(conf, "postgresql.conf"))
		if have.Debian {
			if err := lookUnit(ctx, cluster.Unit(major, w.Own.Tenant), have); err != nil {
				return err
			}
		}
	}
	if info, err := os.Stat(settings); err == nil && have.Running {
		have.Old = info.ModTime().Unix() > since
	}
	return nil
}

// lookUnit says whether the server runs in its unit.
func lookUnit(ctx context.Context, unit string, have *cluster.Have) error {
	out, _, err := run.Command(ctx, run.Spec{Name: "systemctl", Args: []string{"show", unit, "-p", "ActiveState", "-p", "NeedDaemonReload"}})
	if err != nil {
		return fmt.Errorf("asking systemd about %s: %w", unit, err)
	}
	state := map[string]bool{}
	for _, word := range strings.Fields(string(out)) {
		state[strings.TrimPrefix(word, "ActiveState=")] = true
	}
	have.Between = state["activating"] || state["deactivating"]
	have.Supervised = have.Between || state["active"] || state["reloading"]
	have.Unread = strings.Contains(string(out), "NeedDaemonReload=yes")
	return nil
}

// postmaster is the process of a data directory's server (0: none runs), and
// when it was started, in seconds (miscadmin.h, LOCK_FILE_LINE_…).
func postmaster(data string) (pid int, since int64) {
	lines := localpg.PidFile(data)
	if len(lines) < 3 {
		return 0, 0
	}
	pid, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	since, _ = strconv.ParseInt(strings.TrimSpace(lines[2]), 10, 64)
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); pid <= 0 || err != nil || cwd != data {
		return 0, 0
	}
	return pid, since
}

// unreaped is the process of a data directory's server that was killed and is still
// in the list of processes (proc(5), status: Z, zombie); 0: there is none.
func unreaped(data string) int {
	lines := localpg.PidFile(data)
	if len(lines) == 0 {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	state := words(fmt.Sprintf("/proc/%d/status", pid))
	if i := slices.Index(state, "State:"); err != nil || i < 0 || i+1 >= len(state) || state[i+1] != "Z" {
		return 0
	}
	return pid
}

func lookUser(w cluster.Want, have *cluster.Have) {
	name := w.Own.OSUser
	if have.Mark != nil {
		name = have.Mark.OSUser
	}
	if u, err := user.Lookup(name); err == nil {
		have.HasUser, have.User = true, u.Name
	}
}

func lookNetwork(w cluster.Want, have *cluster.Have) {
	all, _ := net.Interfaces()
	wanted := w.Own.Resources.Address
	if w.Gone && have.Mark != nil {
		wanted = have.Mark.Address
	}
	for _, i := range all {
		have.Interfaces = append(have.Interfaces, i.Name)
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && wanted != "" && n.IP.Equal(net.ParseIP(wanted)) {
				have.Addressed = append(have.Addressed, i.Name)
			}
		}
	}
}

// memory is what the machine has, in bytes.
func memory() int64 {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "MemTotal: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	return 0
}

// volume looks at a mount point.
func volume(path string) cluster.Volume {
	v := cluster.Volume{Mounted: mountedAt(mounts, path) != ""}
	var fs syscall.Statfs_t
	if syscall.Statfs(path, &fs) == nil && v.Mounted {
		v.Free, v.Size = int64(fs.Bavail)*fs.Bsize, int64(fs.Blocks)*fs.Bsize
	}
	v.Empty = directory(path).Empty
	return v
}

// directory looks at a directory; what mkfs leaves in a new volume does not
// count.
func directory(path string) cluster.Directory {
	entries, err := os.ReadDir(path)
	if err != nil {
		return cluster.Directory{Exists: !errors.Is(err, fs.ErrNotExist)}
	}
	return cluster.Directory{Exists: true, Empty: !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != "lost+found" })}
}

func readFile(path string) (cluster.File, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return cluster.File{}, false
	}
	f := cluster.File{Path: path, Mode: fmt.Sprintf("%04o", info.Mode().Perm()), Dir: info.IsDir(), Owner: owner(info)}
	if !f.Dir {
		text, err := os.ReadFile(path)
		if err != nil {
			return f, false
		}
		f.Text = string(text)
	}
	return f, true
}

func owner(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	id := strconv.FormatUint(uint64(st.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
