package credentials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"landlord/internal/wholefile"
)

// private is the mode of every file that holds a password.
const private fs.FileMode = 0o600

// WriteFile writes a file that holds a password, whole or not at all, mode 0600
// from birth.
//
// It refuses a path that is already a symbolic link (the link would be
// replaced, and its target keep the old password), no regular file (a rename
// would replace a device), somebody else's (they could no longer read it, or
// have prepared it), or open to others (its readers would be cut off without
// a word, and what it holds must be taken for seen).
func WriteFile(path string, content []byte) error {
	if err := CheckFile(path); err != nil {
		return err
	}
	if err := wholefile.Write(path, content, private, nil); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// CheckFile says why [WriteFile] would refuse a path, before there is a
// password to lose.
func CheckFile(path string) error {
	if err := checkPrivate(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := checkDirectory(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// checkPrivate says why a file is not a regular file of ours that nobody else
// may open. A missing file is [fs.ErrNotExist].
func checkPrivate(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	mode := info.Mode()
	switch {
	case mode.Type() == fs.ModeSymlink:
		return fmt.Errorf("%s is a symbolic link: name the file itself", path)
	case !mode.IsRegular():
		return fmt.Errorf("%s is no regular file", path)
	case mode.Perm()&^private != 0:
		return fmt.Errorf("%s is open to others (mode %04o): chmod 600 it, and take the passwords in it for seen", path, mode.Perm())
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user (uid %d): run as that user, or name another file", path, stat.Uid)
	}
	return nil
}

// checkDirectory refuses a directory in which anybody may replace our file.
func checkDirectory(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("everybody may replace files in %s", dir)
	}
	return nil
}

// lockWait is the pause between two tries for a lock.
const lockWait = 20 * time.Millisecond

// lock waits until no other landlord changes the file. The lock is a file
// beside it, since the file itself is replaced; it stays, since removing it
// would let two others in at once.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, private)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("%s is being changed by another landlord (it holds %s): %w", path, name, context.Cause(ctx))
		case <-time.After(lockWait):
		}
	}
}
