package specfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"landlord/internal/spec"
)

const empty = "servers: {main: {connection: host=/run}} # one\ntenants:\n  first: {} # stays\n# end\n"

func put(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "landlord.yaml")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func add(path, name string) error {
	return Update(path, func(text []byte) ([]byte, error) {
		e, err := spec.Edit(path, text, spec.Add(spec.TenantEntry{Name: name}))
		return e.Text, err
	})
}

// TestMain is the other processes of the tests as well.
func TestMain(m *testing.M) {
	path, name := os.Getenv("SPECFILE_PATH"), os.Getenv("SPECFILE_NAME")
	switch {
	case path == "":
		os.Exit(m.Run())
	case name == "full":
		os.Exit(fillDisk(path))
	}
	for i := range 10 {
		if err := add(path, fmt.Sprintf("%s_%d", name, i)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// start runs TestMain in a process of its own.
func start(t *testing.T, env ...string) *os.Process {
	t.Helper()
	p, err := os.StartProcess(os.Args[0], os.Args[:1], &os.ProcAttr{
		Env: append(os.Environ(), env...), Files: []*os.File{nil, nil, os.Stderr}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHundredUpdatesAtOnce(t *testing.T) {
	path := put(t, empty)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			if err := add(path, "t"+strconv.Itoa(i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	checkTenants(t, path, 101)
}

func checkTenants(t *testing.T, path string, want int) {
	t.Helper()
	text := content(t, path)
	e, err := spec.Parse(path, []byte(text))
	if err != nil || len(e.Tenants) != want {
		t.Errorf("%d tenants, %v", len(e.Tenants), err)
	}
	if !strings.HasPrefix(text, strings.TrimSuffix(empty, "# end\n")) || !strings.HasSuffix(text, "\n# end\n") {
		t.Errorf("the rest is gone:\n%s", text)
	}
}

func TestManyProcesses(t *testing.T) {
	path := put(t, empty)
	var children []*os.Process
	for i := range 10 {
		children = append(children, start(t, "SPECFILE_PATH="+path, "SPECFILE_NAME=p"+strconv.Itoa(i)))
	}
	for _, p := range children {
		if state, err := p.Wait(); err != nil || !state.Success() {
			t.Errorf("%v %v", state, err)
		}
	}
	checkTenants(t, path, 101)
}

// TestKilled kills writers wherever they are: the file is always whole.
func TestKilled(t *testing.T) {
	path := put(t, empty)
	for i := range 20 {
		p := start(t, "SPECFILE_PATH="+path, "SPECFILE_NAME=k"+strconv.Itoa(i))
		for before := content(t, path); content(t, path) == before; { // until it is at work
			time.Sleep(time.Millisecond)
		}
		if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		if _, err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := spec.Parse(path, []byte(content(t, path))); err != nil {
			t.Fatal(err)
		}
	}
	if err := add(path, "after"); err != nil {
		t.Error(err)
	}
	nothingElse(t, path)
}

// nothingElse: beside the file there is its lock.
func nothingElse(t *testing.T, path string) {
	t.Helper()
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestKeepsModeOwnerAndLink(t *testing.T) {
	path := put(t, empty)
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	owner := os.Getuid()
	if owner == 0 {
		owner = 4711
		if err := os.Chown(path, owner, 4712); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for i, link := range []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")} {
		if err := os.Symlink([]string{path, "a"}[i], link); err != nil {
			t.Fatal(err)
		}
	}
	if err := add(filepath.Join(dir, "b"), "new"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := int(info.Sys().(*syscall.Stat_t).Uid); info.Mode() != 0o604 || got != owner {
		t.Errorf("mode %v, owner %d", info.Mode(), got)
	}
	for _, link := range []string{"a", "b"} {
		if info, err := os.Lstat(filepath.Join(dir, link)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s: %v, %v", link, info.Mode(), err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("beside the links: %v, %v", entries, err)
	}
	checkTenants(t, path, 2)
}

func TestUnchanged(t *testing.T) {
	path := put(t, empty)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no")
	for _, change := range []func([]byte) ([]byte, error){
		func(text []byte) ([]byte, error) { return text, nil },
		func(text []byte) ([]byte, error) { clear(text); return nil, refused },
	} {
		if err := Update(path, change); err != nil && err != refused {
			t.Error(err)
		}
		if now, err := os.Stat(path); err != nil || !os.SameFile(before, now) || content(t, path) != empty {
			t.Error("the file was written", err)
		}
	}
}

func TestSomebodyElseWrites(t *testing.T) {
	path := put(t, empty)
	const theirs = "servers: {other: {connection: host=x}}\n"
	err := Update(path, func(text []byte) ([]byte, error) {
		return append(text, "# mine\n"...), os.WriteFile(path, []byte(theirs), 0o600)
	})
	if !errors.Is(err, ErrChanged) || content(t, path) != theirs {
		t.Errorf("%v\n%s", err, content(t, path))
	}
	nothingElse(t, path)
}

func TestStrangers(t *testing.T) {
	path := put(t, empty)
	keep := func(text []byte) ([]byte, error) { return append(text, '\n'), nil }
	if err := Update(path+".not", keep); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if err := Update(filepath.Dir(path), keep); err == nil {
		t.Error("a directory is updated")
	}
	victim := put(t, "victim")
	for _, suffix := range []string{".lock", ".landlord-1"} { // links laid by somebody who may write here
		if err := os.Symlink(victim, sidecar(path, suffix)); err != nil {
			t.Fatal(err)
		}
		before := content(t, path)
		can := CanUpdate(path)
		if content(t, path) != before {
			t.Errorf("%s: it was tried, and is changed", suffix)
		}
		err := Update(path, keep)
		if (err == nil) != (suffix == ".landlord-1") || (can == nil) != (err == nil) || content(t, victim) != "victim" {
			t.Errorf("%s: %v, and before: %v", suffix, err, can)
		}
		_ = os.Remove(sidecar(path, suffix))
	}
}

// TestFullDisk lets the kernel refuse to write more than a few bytes to a file.
func TestFullDisk(t *testing.T) {
	path := put(t, empty)
	p := start(t, "SPECFILE_PATH="+path, "SPECFILE_NAME=full")
	if state, err := p.Wait(); err != nil || state.ExitCode() != exitFull || content(t, path) != empty {
		t.Errorf("%v, %v", state, err)
	}
	nothingElse(t, path)
}

const exitFull = 7

// fillDisk writes more than it may.
func fillDisk(path string) int {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 16, Max: 1 << 16}); err != nil {
		return 1
	}
	err := Update(path, func(text []byte) ([]byte, error) { return append(text, bytes.Repeat([]byte("#\n"), 1<<16)...), nil })
	if errors.Is(err, syscall.EFBIG) {
		return exitFull
	}
	return 1
}
