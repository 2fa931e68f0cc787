package sudoers_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"landlord/internal/run"
	"landlord/internal/sudoers"
)

// call is what the program that stands for landlord saw of its caller.
type call struct {
	Exe    string
	UID    int
	GID    int
	Groups []int
	Args   []string
	Env    []string
	Dir    string
	Umask  int
}

// TestMain makes this very binary, under the name landlord, a program that
// writes down how it was called.
func TestMain(m *testing.M) {
	exe, err := os.Executable()
	if err == nil && filepath.Base(exe) == "landlord" {
		record(exe)
		syscall.Exit(0) // os.Exit waits a second under the race detector
	}
	os.Exit(m.Run())
}

func record(exe string) {
	c := call{Exe: exe, UID: os.Getuid(), GID: os.Getgid(), Args: os.Args[1:], Env: os.Environ(), Umask: syscall.Umask(0)}
	c.Groups, _ = os.Getgroups()
	c.Dir, _ = os.Getwd()
	line, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	f, err := os.OpenFile(callsOf(exe), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		panic(err)
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		panic(err)
	}
}

// callsOf is the file in which the program at this path writes itself down.
func callsOf(exe string) string { return filepath.Join(filepath.Dir(exe), "calls") }

// world is a machine with sudo, a group that has the rule, and its member.
type world struct {
	id       string
	user     string
	group    string
	uid      int
	landlord string // what the rule allows
	home     string // the member's own directory
	impostor string // the member's own program, called landlord, too
	spec     string
}

// newWorld makes a user, a group and a rule for this test, and takes them
// away again, however the test ends.
func newWorld(t *testing.T, change func(*sudoers.Options)) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: only root can install a sudo rule; run this as root, as CI does")
	}
	id := strings.ToLower(rand.Text()[:8])
	// A path with all that means something to sudoers or to a pattern.
	w := &world{id: id, user: "llu" + id, group: "ll.g-" + id, spec: `/etc/land+lord/a#b,c=d:e\f$g(h)[i]*.yaml`}
	w.makeUser(t)
	base := must(os.MkdirTemp("/opt", "landlord-test-"))(t)
	t.Cleanup(func() { os.RemoveAll(base) })
	check(t, os.Chmod(base, 0o755))
	w.landlord = install(t, filepath.Join(base, "bin"))
	w.impostor = install(t, filepath.Join(base, "home"))
	w.home = filepath.Dir(w.impostor)
	check(t, os.Chown(w.home, w.uid, -1))
	check(t, os.Chown(w.impostor, w.uid, -1))

	o := sudoers.Options{Group: w.group, Binary: w.landlord, Spec: w.spec, SudoVersion: sudoVersion(t), NoPassword: true}
	if change != nil {
		change(&o)
		w.spec = o.Spec
	}
	w.addRule(t, "rule", must(sudoers.Render(o))(t))
	return w
}

func (w *world) makeUser(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { root(t, "", "groupdel", w.group) })
	root(t, "", "groupadd", w.group)
	t.Cleanup(func() { root(t, "", "userdel", w.user) })
	root(t, "", "useradd", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/bash", "--groups", w.group, w.user)
	found := must(user.Lookup(w.user))(t)
	w.uid = must(strconv.Atoi(found.Uid))(t)
}

// addRule puts a file into /etc/sudoers.d as the documentation says.
func (w *world) addRule(t *testing.T, name, text string) {
	t.Helper()
	draft := filepath.Join(t.TempDir(), "draft")
	check(t, os.WriteFile(draft, []byte(text), 0o440))
	root(t, "", "visudo", "-cf", draft)
	file := "/etc/sudoers.d/landlord-test-" + w.id + "-" + name
	t.Cleanup(func() { os.Remove(file) })
	root(t, "", "install", "-o", "root", "-g", "root", "-m", "0440", draft, file)
	root(t, "", "visudo", "-c")
}

// install copies this binary to DIR/landlord.
func install(t *testing.T, dir string) string {
	t.Helper()
	check(t, os.Mkdir(dir, 0o755))
	file := filepath.Join(dir, "landlord")
	self := must(os.Executable())(t)
	root(t, "", "install", "-o", "root", "-g", "root", "-m", "0755", self, file)
	check(t, os.WriteFile(callsOf(file), nil, 0o666))
	check(t, os.Chmod(callsOf(file), 0o666))
	return file
}

// attempt is something that a member of the group types.
type attempt struct {
	name  string
	argv  []string
	env   []string // besides the usual
	dir   string   // empty: the member's own
	stdin string
}

// try runs an attempt as the member, and returns the calls that it led to.
func (w *world) try(t *testing.T, a attempt) ([]call, string, error) {
	t.Helper()
	dir := a.dir
	if dir == "" {
		dir = w.home
	}
	stdout, stderr, err := run.Command(t.Context(), run.Spec{
		Name:  "setpriv",
		Args:  append([]string{"--reuid", w.user, "--regid", w.user, "--init-groups", "--"}, a.argv...),
		Env:   append([]string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + w.home, "TERM=dumb", "LANG=C.UTF-8"}, a.env...),
		Dir:   dir,
		Stdin: strings.NewReader(a.stdin),
	})
	return append(w.taken(t, w.landlord), w.taken(t, w.impostor)...), string(stdout) + string(stderr), err
}

// taken returns the calls of a program since it was last asked.
func (w *world) taken(t *testing.T, exe string) []call {
	t.Helper()
	var calls []call
	text := must(os.ReadFile(callsOf(exe)))(t)
	for line := range strings.Lines(string(text)) {
		var c call
		check(t, json.Unmarshal([]byte(line), &c))
		calls = append(calls, c)
	}
	check(t, os.Truncate(callsOf(exe), 0))
	return calls
}

// root runs a program of the system.
func root(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	// Not the test's context: that is over when the test cleans up.
	stdout, stderr, err := run.Command(context.Background(), run.Spec{Name: name, Args: args, Stdin: strings.NewReader(stdin)})
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, stdout, stderr)
	}
	return string(stdout)
}

func sudoVersion(t *testing.T) string {
	t.Helper()
	return must(sudoers.Version(root(t, "", "sudo", "-V")))(t)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}
