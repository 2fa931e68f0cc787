package bouncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"landlord/internal/isolation"
	"landlord/internal/router"
	"landlord/internal/run"
	"landlord/internal/wholefile"
)

// Program finds PgBouncer: what $LANDLORD_PGBOUNCER names, or in PATH, or where
// Debian installs it, which is in no ordinary user's PATH.
func Program() (string, error) {
	if path := os.Getenv("LANDLORD_PGBOUNCER"); path != "" {
		return path, nil
	}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		path := filepath.Join(dir, "pgbouncer")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", errors.New("PgBouncer is not installed on this machine: install Debian's package pgbouncer")
}

// Version asks a program for its version.
func Version(ctx context.Context, program string) (router.Version, error) {
	out, _, err := run.Command(ctx, run.Spec{Name: program, Args: []string{"--version"}})
	if err != nil {
		return router.Version{}, err
	}
	line, _, _ := strings.Cut(string(out), "\n")
	v, ok := router.ParseVersion(line)
	if !ok {
		return v, fmt.Errorf("%s does not say its version: %q", program, line)
	}
	return v, nil
}

// User looks an operating system's user up; nil stands for ourselves.
func User(name string) (*run.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("router.user: %w", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("router.user %s: %w", name, err)
	}
	switch {
	case int(uid) == os.Geteuid():
		if uid == 0 {
			return nil, errors.New("router.user: PgBouncer refuses to run as root")
		}
		return nil, nil
	case os.Geteuid() != 0:
		return nil, fmt.Errorf("PgBouncer runs as %s, and landlord router must run as that user or as root (sudo -u %s landlord router …)", name, name)
	}
	return &run.Credential{UID: uint32(uid), GID: uint32(gid)}, nil
}

// order is the order in which files count: a login that a list already has and
// a name has not yet gets in nowhere.
var order = []string{router.UsersFile, router.HBAFile, router.IniFile}

// Changed says whether a process's files are other than those on the disk.
func Changed(p router.Process) (bool, error) {
	for name, text := range p.Files {
		have, err := os.ReadFile(filepath.Join(p.Dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading the router's files: %w", err)
		}
		if string(have) != text {
			return true, nil
		}
	}
	return false, nil
}

// Write puts a process's files into their place, each whole or not at all, for
// its user alone.
func Write(p router.Process, user *run.Credential) error {
	if err := mkdir(filepath.Dir(p.Dir), user, 0o755); err != nil {
		return err
	}
	if err := mkdir(p.Dir, user, 0o700); err != nil {
		return err
	}
	for _, name := range order {
		if err := wholefile.Write(filepath.Join(p.Dir, name), []byte(p.Files[name]), 0o600, owner(user)); err != nil {
			return fmt.Errorf("writing the router's files: %w", err)
		}
	}
	return nil
}

func mkdir(dir string, user *run.Credential, mode fs.FileMode) error {
	err := os.Mkdir(dir, mode)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("making the router's directory: %w; run landlord router apply once as root, or name another directory under router", err)
	case err != nil:
		return fmt.Errorf("making the router's directory: %w", err)
	}
	return give(dir, user)
}

func give(path string, user *run.Credential) error {
	if user == nil {
		return nil
	}
	return os.Lchown(path, int(user.UID), int(user.GID))
}

// owner is the owner of a file that a user is to read; nil stands for ourselves.
func owner(user *run.Credential) *wholefile.Owner {
	if user == nil {
		return nil
	}
	return &wholefile.Owner{UID: int(user.UID), GID: int(user.GID)}
}

// RefusedError says that PgBouncer would not take a configuration.
type RefusedError struct {
	Process int
	Said    []string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("PgBouncer refuses the configuration of process %d, and the one that is there stays: %s", e.Process, strings.Join(e.Said, "; "))
}

// Hint says what to do about it.
func (e *RefusedError) Hint() string {
	return "mend your own file, the one under router.include or router.hba that is named; what landlord writes is right by itself"
}

// Try starts a PgBouncer of its own on a configuration, which listens on a
// private socket alone, and looks whether it has become what was meant.
// PgBouncer itself has no way to check a file without using it.
func Try(ctx context.Context, program string, p router.Process, user *run.Credential) (err error) {
	place := "" // our own, unless another user must get there: root's may be closed to it (pam_tmpdir)
	if user != nil {
		place = "/tmp"
	}
	dir, err := os.MkdirTemp(place, "landlord-router-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := give(dir, user); err != nil {
		return err
	}
	trial := map[string]string{}
	maps.Copy(trial, p.Files)
	trial[router.IniFile] = instead(trial[router.IniFile], map[string]string{"listen_addr": "", "unix_socket_dir": dir, "pidfile": "", "logfile": "",
		"auth_hba_file": filepath.Join(dir, router.HBAFile), "auth_file": filepath.Join(dir, router.UsersFile)})
	for name, text := range trial {
		if err := wholefile.WriteUnsynced(filepath.Join(dir, name), []byte(text), 0o600, owner(user)); err != nil {
			return err
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	proc, err := run.Start(run.Spec{Name: program, Args: []string{filepath.Join(dir, router.IniFile)}, Dir: "/", User: user}, log, syscall.SIGKILL)
	if err != nil {
		return err
	}
	defer func() { _ = proc.Stop(syscall.SIGTERM, 10*time.Second) }()
	console, err := wait(ctx, proc, dir, p.Port, user)
	if err == nil {
		defer console.Close()
		err = asMeant(ctx, console, p)
	}
	if said := complaints(log.Name(), dir, p.Dir); len(said) > 0 {
		return &RefusedError{p.Number, said}
	}
	return err
}

// instead gives parameters of a pgbouncer.ini other values.
func instead(ini string, values map[string]string) string {
	var out strings.Builder
	for line := range strings.Lines(ini) {
		key, _, _ := strings.Cut(line, " =")
		if value, other := values[key]; other {
			line = key + " = " + value + "\n"
		}
		out.WriteString(line)
	}
	return out.String()
}

// wait waits until a PgBouncer that was just started takes its first session.
func wait(ctx context.Context, proc *run.Process, dir string, port int, user *run.Credential) (*Console, error) {
	for range 2000 {
		c, err := Open(ctx, dir, port, user)
		if err == nil || !errors.Is(err, ErrNotRunning) {
			return c, err
		}
		select {
		case <-proc.Done():
			return nil, fmt.Errorf("trying the router's configuration: %w", errors.Join(proc.Wait(), ErrNotRunning))
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil, errors.New("trying the router's configuration: PgBouncer does not come up within ten seconds")
}

// complaints are the errors and warnings in PgBouncer's log, about its files,
// with the names that they are to have.
func complaints(log, dir, home string) []string {
	text, _ := os.ReadFile(log)
	var said []string
	for line := range strings.Lines(string(text)) {
		for _, level := range []string{"ERROR", "WARNING", "FATAL"} {
			if _, what, ok := strings.Cut(line, "] "+level+" "); ok && !strings.Contains(what, "cannot load config file") {
				what = strings.ReplaceAll(strings.TrimSpace(what), dir, home)
				if !slices.Contains(said, what) {
					said = append(said, what)
				}
			}
		}
	}
	return said
}

// asMeant compares what a PgBouncer has made of its files with what was meant.
func asMeant(ctx context.Context, c *Console, p router.Process) error {
	rows, err := c.Run(ctx, "SHOW DATABASES")
	if err != nil {
		return err
	}
	have := map[string]Row{}
	for _, r := range rows {
		have[r["name"]] = r
	}
	for _, a := range p.Aliases {
		r := have[a.Name]
		if r == nil || r["database"] != a.Database || r["host"] != a.Host || r["port"] != strconv.Itoa(a.Port) || r["force_user"] != "" {
			return &RefusedError{p.Number, []string{fmt.Sprintf("the name %s does not lead to database %s on %s", a.Name, a.Database, a.Host)}}
		}
	}
	rows, err = c.Run(ctx, "SHOW CONFIG")
	if err != nil {
		return err
	}
	for _, r := range rows {
		if want, insisted := insisted[r["key"]]; insisted && r["value"] != want {
			return &RefusedError{p.Number, []string{fmt.Sprintf("%s is %q, not %q", r["key"], r["value"], want)}}
		}
	}
	return nil
}

// insisted are the parameters that keep tenants apart and the console closed.
var insisted = map[string]string{"auth_type": "hba", "admin_users": "", "stats_users": "", "listen_addr": ""}

// Restart names the parameters that a process would go by only after a restart.
func Restart(ctx context.Context, c *Console, p router.Process) ([]string, error) {
	rows, err := c.Run(ctx, "SHOW CONFIG")
	if err != nil {
		return nil, err
	}
	want := map[string]string{}
	for line := range strings.Lines(p.Files[router.IniFile]) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\n"), " ="); ok {
			want[key] = strings.TrimSpace(value)
		}
	}
	var names []string
	for _, r := range rows {
		if value, set := want[r["key"]]; set && r["changeable"] == "no" && value != r["value"] {
			names = append(names, r["key"])
		}
	}
	return names, nil
}

// SameSecrets says whether a process that runs gets to know secrets as its files
// say. It cannot change from one way to the other while it runs.
func SameSecrets(ctx context.Context, c *Console, p router.Process) (bool, error) {
	rows, err := c.Run(ctx, "SHOW CONFIG")
	if err != nil {
		return false, err
	}
	looksUp := slices.ContainsFunc(rows, func(r Row) bool { return r["key"] == "auth_query" && r["value"] == isolation.LookupQuery })
	return looksUp == strings.Contains(p.Files[router.IniFile], "\nauth_query = "), nil
}
