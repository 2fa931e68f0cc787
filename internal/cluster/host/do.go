package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"landlord/internal/cluster"
	"landlord/internal/run"
)

// Do carries out one operation.
func Do(ctx context.Context, op cluster.Op) error {
	var err error
	switch {
	case op.Certificate != nil:
		err = certificate(*op.File, op.Certificate)
	case op.File != nil && op.File.Dir:
		err = makeDir(*op.File)
	case op.File != nil:
		err = writeFile(*op.File)
	default:
		_, _, err = run.Command(ctx, run.Spec{Name: op.Run[0], Args: op.Run[1:], Dir: "/"})
	}
	if err != nil {
		first, _, _ := strings.Cut(op.Shell(), "\n")
		return fmt.Errorf("%s: %w", first, err)
	}
	return nil
}

func makeDir(f cluster.File) error {
	mode, err := strconv.ParseUint(f.Mode, 8, 32)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(f.Path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(f.Path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no directory", f.Path)
	}
	return errors.Join(err, give(f), os.Chmod(f.Path, os.FileMode(mode)))
}

// writeFile writes a file beside its place and moves it there: nobody sees
// half of it, nor one with wider permissions.
func writeFile(f cluster.File) error {
	mode, err := strconv.ParseUint(f.Mode, 8, 32)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(f.Path), ".landlord-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(f.Text)
	beside := f
	beside.Path = tmp.Name()
	err = errors.Join(err, give(beside), tmp.Chmod(os.FileMode(mode)), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), f.Path)
}

// give hands a file to its owner, where that is not us.
func give(f cluster.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(f.Owner)
	if err != nil {
		return err
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	return errors.Join(errUID, errGID, syscall.Chown(f.Path, uid, gid))
}
