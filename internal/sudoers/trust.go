package sudoers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Trusted says why somebody other than the owners could change what the path
// names, or nil: each directory from the root down and the file itself belong
// to one of the owners (root always is one), no group and nobody else may
// write to them, and no symbolic link is on the way.
//
// The sticky bit of /tmp does not help: it keeps files from being replaced,
// not new ones from being put beside them.
func Trusted(path string, owners ...uint32) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%s: not an absolute path", path)
	}
	direct, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if direct != filepath.Clean(path) {
		return fmt.Errorf("%s: a symbolic link is on the way, which may be turned elsewhere later; name %s", path, direct)
	}
	owners = append(owners, 0)
	for at := direct; ; at = filepath.Dir(at) {
		if err := trustedEntry(at, at == direct, owners); err != nil {
			return err
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

func trustedEntry(path string, last bool, owners []uint32) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if last && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", path)
	}
	return trustedInfo(path, info, owners)
}

func trustedInfo(path string, info fs.FileInfo, owners []uint32) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: this system does not say who owns it", path)
	}
	if !slices.Contains(owners, stat.Uid) {
		return fmt.Errorf("%s belongs to user %d, who could change it: chown root %s", path, stat.Uid, path)
	}
	switch mode := info.Mode(); {
	case mode&0o022 == 0:
		return nil
	case mode&fs.ModeSticky != 0:
		return fmt.Errorf("%s is where everybody may put files: choose a place that is root's alone, such as /usr/local/bin or /etc/landlord", path)
	default:
		return fmt.Errorf("%s has mode %04o, so that others could change it: chmod go-w %s", path, mode.Perm(), path)
	}
}

// Digest is the SHA-256 of a file in hexadecimal.
func Digest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
