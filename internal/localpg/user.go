package localpg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"landlord/internal/run"
	"landlord/internal/wholefile"
)

// account is the operating system's user that a server runs as.
type account struct {
	name string
	cred *run.Credential // nil: we ourselves
}

// ServerUser returns the name of the operating system's user that servers run
// as and whose the data directories are: ourselves, or, for root, postgres or
// else nobody.
func ServerUser() (string, error) {
	a, err := serverAccount()
	return a.name, err
}

// ServerCredential is that user for run.Spec: nil for ourselves.
func ServerCredential() (*run.Credential, error) {
	a, err := serverAccount()
	return a.cred, err
}

// serverAccount is ourselves, or, since PostgreSQL refuses to run as root,
// postgres or else nobody for root.
func serverAccount() (account, error) {
	if os.Getuid() != 0 {
		return account{name: currentUser()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(errUID, errGID); err != nil {
			return account{}, fmt.Errorf("user %s: %w", name, err)
		}
		return account{name, &run.Credential{UID: uint32(uid), GID: uint32(gid)}}, nil
	}
	return account{}, errors.New("no unprivileged user to run PostgreSQL as: neither postgres nor nobody exists")
}

func currentUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

// peers are the OS users that may connect as postgres over the socket.
func (a account) peers() []string {
	names := []string{"root", "postgres", currentUser(), a.name}
	slices.Sort(names)
	return slices.Compact(names)
}

// give hands a file or directory to the account.
func (a account) give(path string) error {
	if a.cred == nil {
		return nil
	}
	return os.Lchown(path, int(a.cred.UID), int(a.cred.GID))
}

// mkdir makes a directory that belongs to the account.
func (a account) mkdir(path string, mode fs.FileMode) error {
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask says
		return err
	}
	return a.give(path)
}

// write makes or replaces a file that belongs to the account. It does not wait
// for the disk: these servers are for a demo or a test, and go with it.
func (a account) write(path string, data []byte, mode fs.FileMode) error {
	var owner *wholefile.Owner
	if a.cred != nil {
		owner = &wholefile.Owner{UID: int(a.cred.UID), GID: int(a.cred.GID)}
	}
	return wholefile.WriteUnsynced(path, data, mode, owner)
}

// canReach reports whether the account may go through every directory down to
// dir: PostgreSQL's own message for it names neither the user nor the place.
func (a account) canReach(dir string) error {
	for ; a.cred != nil; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !a.mayEnter(info) {
			return fmt.Errorf("user %s, as whom PostgreSQL runs, may not enter %s (mode %04o): choose a place elsewhere, such as /tmp or /var/lib", a.name, dir, info.Mode().Perm())
		}
		if dir == "/" {
			break
		}
	}
	return nil
}

func (a account) mayEnter(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return true
	case owner.Uid == a.cred.UID:
		return info.Mode()&0o100 != 0
	case owner.Gid == a.cred.GID:
		return info.Mode()&0o010 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}
