package host

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"landlord/internal/tenant"
)

// Lock keeps other landlords from changing servers on this machine until
// release is called. wait is told if somebody else is at it.
func Lock(h tenant.Host, wait func()) (release func(), err error) {
	if err := os.MkdirAll(h.Dir(), 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(h.Dir(), ".lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		if wait != nil {
			wait()
		}
		for err = syscall.EINTR; err == syscall.EINTR; {
			err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
