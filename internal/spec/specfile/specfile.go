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

	"landlord/internal/wholefile"
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
// either the old file or the new one (see wholefile).
func Update(path string, change func([]byte) ([]byte, error)) error {
	return locked(path, func(target string, old []byte) error {
		text, err := change(bytes.Clone(old))
		if err != nil || bytes.Equal(text, old) {
			return err
		}
		return replace(target, old, text)
	})
}

// errTried ends a change that was only tried.
var errTried = errors.New("tried")

// CanUpdate says why Update could not change a file, as far as that can be told
// by going all the way but for the last step; nothing is changed.
func CanUpdate(path string) error {
	return locked(path, func(target string, old []byte) error {
		err := wholefile.Replace(target, old, func() error { return errTried })
		if errors.Is(err, errTried) {
			return nil
		}
		return err
	})
}

// locked does something with a file, and what stands in it, while nobody else
// updates it.
func locked(path string, do func(target string, old []byte) error) error {
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
	return do(target, old)
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
	return f, wholefile.Like(f, like)
}

// replace gives the file another text, unless it has another than old by then.
func replace(target string, old, text []byte) error {
	return wholefile.Replace(target, text, func() error {
		if now, err := os.ReadFile(target); err != nil || !bytes.Equal(now, old) {
			return errors.Join(fmt.Errorf("%s: %w", target, ErrChanged), err)
		}
		return nil
	})
}
