package wholefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// entries are the names in a directory.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// TestWrite: the mode and owner are those asked for, whatever the umask and
// whatever was there; what a link led to is let be.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	other, path := filepath.Join(dir, "other"), filepath.Join(dir, "a[b]*")
	if err := os.WriteFile(other, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, path); err != nil {
		t.Fatal(err)
	}
	owner := &Owner{os.Getuid(), os.Getgid()}
	if os.Getuid() == 0 {
		owner = &Owner{4711, 4712}
	}
	for i, write := range []func(string, []byte, fs.FileMode, *Owner) error{Write, WriteUnsynced} {
		mode := []fs.FileMode{0o666, 0o600}[i]
		if err := write(path, []byte("text"), mode, owner); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		if info.Mode() != mode || int(st.Uid) != owner.UID || int(st.Gid) != owner.GID || content(t, path) != "text" || content(t, other) != "theirs" {
			t.Errorf("%v, %d:%d", info.Mode(), st.Uid, st.Gid)
		}
	}
	if all := entries(t, dir); len(all) != 2 {
		t.Errorf("left behind: %v", all)
	}
}

// TestReplace: owner, mode and link stay, and an objection in the last moment
// leaves the file as it was.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte("old"), 0o604); err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(path, 0o604)
	owner := os.Getuid()
	if owner == 0 {
		owner = 4711
		if err := os.Chown(path, owner, 4712); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	if err := Replace(link, []byte("new"), func() error { return no }); err != no || content(t, path) != "old" {
		t.Errorf("%v, %s", err, content(t, path))
	}
	if err := Replace(link, []byte("new"), func() error { return nil }); err != nil || content(t, path) != "new" {
		t.Errorf("%v, %s", err, content(t, path))
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o604 || int(info.Sys().(*syscall.Stat_t).Uid) != owner {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if got, err := os.Readlink(link); err != nil || got != "file" {
		t.Errorf("%s %v", got, err)
	}
	if err := Replace(filepath.Join(dir, "none"), nil, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := Replace(dir, nil, nil); err == nil {
		t.Error("a directory is replaced")
	}
	if all := entries(t, dir); len(all) != 2 {
		t.Errorf("left behind: %v", all)
	}
}

// TestLeftovers: what was left by who was killed goes; what somebody writes just
// now stays, and so does what is like it in name only.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	at, err := beside(path)
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	if err := os.Symlink("nowhere", filepath.Join(dir, ".file.landlord-2")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".file.landlord-1", ".other.landlord-1", "file.landlord-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(path, nil, 0o600, nil); err != nil {
		t.Fatal(err)
	}
	for name, stays := range map[string]bool{".file.landlord-1": false, ".file.landlord-2": true, filepath.Base(at.Name()): true, ".other.landlord-1": true, "file.landlord-1": true} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAtOnce: of many who write the same file at once each succeeds.
func TestAtOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 30 {
				if err := WriteUnsynced(path, []byte("text"), 0o600, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if all := entries(t, dir); len(all) != 1 || content(t, path) != "text" {
		t.Errorf("left behind: %v", all)
	}
}

// TestRefused: what cannot be put in its place leaves nothing beside it.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, nil, 0o600, nil); err == nil {
		t.Error("a directory is replaced")
	}
	if all := entries(t, dir); len(all) != 1 {
		t.Errorf("left behind: %v", all)
	}
}
