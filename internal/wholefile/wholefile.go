// Package wholefile writes files whole or not at all: each is written beside
// its place, for whoever runs this alone, gets its owner and its mode there, and
// is moved in. Whoever reads it sees the old text or the new one, and a process
// that is killed leaves one of the two; besides, at most .NAME.landlord-*, which
// the next change of the same file takes away.
package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrOwner says that a file is another user's, and could not stay theirs.
var ErrOwner = errors.New("keep the owner")

// Owner is whom a file is to belong to.
type Owner struct{ UID, GID int }

// Write puts a file at a path, whatever is there, with a mode that does not
// depend on the umask. A nil owner is whoever runs this. A symbolic link at the
// path is replaced, and what it leads to stays as it is. The text is on the
// disk when Write returns.
func Write(path string, text []byte, mode fs.FileMode, owner *Owner) error {
	return put(path, text, true, given(mode, owner), nil)
}

// WriteUnsynced is Write for what need not outlive a power cut, such as a trial's
// files: waiting for the disk is nearly all that a small file costs.
func WriteUnsynced(path string, text []byte, mode fs.FileMode, owner *Owner) error {
	return put(path, text, false, given(mode, owner), nil)
}

// Replace gives a file that is there another text. It keeps its owner and
// mode; where it cannot (another user's file), nothing is changed. A symbolic
// link is followed, and stays. At the very last still is asked, if it is not
// nil: its error leaves the file as it was, and is returned as it is. The
// text is on the disk when Replace returns.
func Replace(path string, text []byte, still func() error) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	like, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !like.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	return put(path, text, true, func(f *os.File) error { return Like(f, like) }, still)
}

// Like gives a file that we made the owner and mode of another.
func Like(f *os.File, like fs.FileInfo) error {
	made, err := f.Stat()
	if err != nil {
		return err
	}
	want, is := like.Sys().(*syscall.Stat_t), made.Sys().(*syscall.Stat_t)
	if want.Uid != is.Uid || want.Gid != is.Gid {
		if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
			return fmt.Errorf("%w: %w", ErrOwner, err)
		}
	}
	return f.Chmod(like.Mode().Perm()) // after chown, which can clear bits
}

func given(mode fs.FileMode, owner *Owner) func(*os.File) error {
	return func(f *os.File) error {
		if owner != nil {
			if err := f.Chown(owner.UID, owner.GID); err != nil {
				return err
			}
		}
		return f.Chmod(mode)
	}
}

// put writes a text beside a path and moves it there.
func put(path string, text []byte, sync bool, give func(*os.File) error, still func() error) error {
	leftovers(path)
	f, err := beside(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(text)
	if err == nil {
		err = give(f)
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if err == nil && still != nil {
		err = still()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if !sync {
		return nil
	}
	return syncDirectory(filepath.Dir(path))
}

func pattern(path string) string { return "." + filepath.Base(path) + ".landlord-*" }

// beside makes the new file, 0600 from birth, and locks it for as long as it is
// open: so others know that it is no leftover.
func beside(path string) (*os.File, error) {
	for {
		f, err := os.CreateTemp(filepath.Dir(path), pattern(path))
		if err != nil {
			return nil, err
		}
		err = lock(f, syscall.LOCK_EX)
		if err != nil {
			_ = os.Remove(f.Name())
			return nil, errors.Join(err, f.Close())
		}
		made, err := f.Stat()
		if now, gone := os.Lstat(f.Name()); err == nil && gone == nil && os.SameFile(made, now) {
			return f, nil
		}
		f.Close() // somebody took it away between its birth and its lock
	}
}

// leftovers takes away what writers left that were killed. What somebody
// writes just now is locked, and what is no regular file is not ours.
func leftovers(path string) {
	left, _ := filepath.Glob(filepath.Join(literal(filepath.Dir(path)), literal("."+filepath.Base(path))+".landlord-*"))
	for _, name := range left {
		f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		info, err := f.Stat()
		if err == nil && info.Mode().IsRegular() && lock(f, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.Remove(name)
		}
		f.Close()
	}
}

// literal is a name in which filepath.Match finds nothing to expand.
func literal(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

func lock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// syncDirectory makes a rename last through a power cut.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
