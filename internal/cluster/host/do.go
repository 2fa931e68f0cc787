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
	"landlord/internal/wholefile"
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

// writeFile writes a file whole or not at all.
func writeFile(f cluster.File) error {
	mode, err := strconv.ParseUint(f.Mode, 8, 32)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	owner, err := ownerOf(f)
	if err != nil {
		return err
	}
	return wholefile.Write(f.Path, []byte(f.Text), os.FileMode(mode), owner)
}

// ownerOf is a file's owner, where we can give it to one; nil: it is ours.
func ownerOf(f cluster.File) (*wholefile.Owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(f.Owner)
	if err != nil {
		return nil, err
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	return &wholefile.Owner{UID: uid, GID: gid}, errors.Join(errUID, errGID)
}

// give hands a directory to its owner.
func give(f cluster.File) error {
	o, err := ownerOf(f)
	if err != nil || o == nil {
		return err
	}
	return syscall.Chown(f.Path, o.UID, o.GID)
}
