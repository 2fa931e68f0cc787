// Package specfile changes a file as one step: nobody ever sees half of it,
// and of many changes at once none is lost.
package specfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrChanged says that somebody who does not take the lock, such as an editor,
// wrote the file while it was being changed.
var ErrChanged = errors.New("the file was changed by somebody else meanwhile; run it again")

// Update replaces what stands in a file by what change makes of it. Until it is
// done it holds a lock on the sidecar .NAME.lock, which stays, so that
// updates by other processes wait.
//
// A symbolic link is followed. The file keeps its mode and owner; if it cannot
// (another user's file), nothing is changed. An error of change leaves the
// file as it was and is returned as it is; the same bytes leave it untouched.
// The text is on the disk when Update returns. A process that is killed leaves
// either the old file or the new one; besides it, at most .NAME.new, which the
// next update takes away.
func Update(path string, change func([]byte) ([]byte, error)) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	unlock, err := lock(target)
	if err != nil {
		return err
	}
	defer unlock()
	// The link may point elsewhere by now.
	if now, err := filepath.EvalSymlinks(path); err != nil || now != target {
		return errors.Join(fmt.Errorf("%s: %w", path, ErrChanged), err)
	}
	old, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	text, err := change(bytes.Clone(old))
	if err != nil || bytes.Equal(text, old) {
		return err
	}
	return replace(target, old, text)
}

// sidecar is a hidden file beside another.
func sidecar(path, suffix string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+suffix)
}

// lock waits for the file's lock and takes it.
func lock(target string) (unlock func(), err error) {
	info, err := os.Stat(target)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", target)
	}
	f, err := openLock(sidecar(target, ".lock"), info)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", target, err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", target, err)
	}
	return func() { f.Close() }, nil
}

// openLock opens the sidecar, or makes it with the mode and owner of the file.
// Reading is enough to lock, so whoever may read the file may wait. A link is
// not followed: it may be somebody's trap.
func openLock(name string, like fs.FileInfo) (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	f, err := os.OpenFile(name, flags|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.OpenFile(name, flags, 0)
	}
	if err != nil {
		return nil, err
	}
	return f, takeAfter(f, like)
}

// replace writes the text beside the file and moves it into its place.
func replace(target string, old, text []byte) error {
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	name := sidecar(target, ".new")
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := write(name, text, info); err != nil {
		return errors.Join(fmt.Errorf("write %s anew: %w", target, err), remove(name))
	}
	if now, err := os.ReadFile(target); err != nil || !bytes.Equal(now, old) {
		return errors.Join(fmt.Errorf("%s: %w", target, ErrChanged), err, remove(name))
	}
	if err := os.Rename(name, target); err != nil {
		return errors.Join(err, remove(name))
	}
	return syncDir(filepath.Dir(target))
}

func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// write makes a file with the mode and owner of another. Until it has both,
// only its maker can read it.
func write(name string, text []byte, like fs.FileInfo) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, takeAfter(f, like), f.Sync())
	return errors.Join(err, f.Close())
}

// takeAfter gives a file the owner and mode of another.
func takeAfter(f *os.File, like fs.FileInfo) error {
	made, err := f.Stat()
	if err != nil {
		return err
	}
	want, is := like.Sys().(*syscall.Stat_t), made.Sys().(*syscall.Stat_t)
	if want.Uid != is.Uid || want.Gid != is.Gid {
		if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
			return fmt.Errorf("keep the owner: %w", err)
		}
	}
	return f.Chmod(like.Mode().Perm()) // after chown, which can clear bits
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
