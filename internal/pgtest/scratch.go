package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"landlord/internal/localpg"
)

// scratchPattern names the directories of test servers. t.TempDir would be too
// long a name for a socket, and closed to the user that the server runs as.
const scratchPattern = "landlord-test-"

// scratch returns a name for a server's directory in a directory that is
// locked as long as this process lives.
func scratch(t testing.TB) string {
	t.Helper()
	sweep()
	dir, err := os.MkdirTemp(scratchBase(), scratchPattern)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
	return filepath.Join(dir, "pg")
}

const (
	memoryDir = "/dev/shm"
	memoryMin = 4 << 30 // bytes free; a container often has 64 MiB, a database takes 8
)

// scratchBase is where the servers' directories are: in memory where there is
// plenty, since making the thousand files of a data directory takes ten times
// as long on a disk. $TMPDIR chooses another place.
var scratchBase = sync.OnceValue(func() string {
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(memoryDir, &fs) == nil && uint64(fs.Bavail)*uint64(fs.Bsize) >= memoryMin {
		return memoryDir
	}
	return os.TempDir()
})

// sweepAge keeps sweep from a directory that is not locked yet.
const sweepAge = 5 * time.Minute

// sweep does it once per process.
var sweep = sync.OnceFunc(sweepNow)

// sweepNow removes the directories that test processes left when they were
// killed: those that nobody holds the lock of. Their servers died with them.
func sweepNow() {
	locks, _ := filepath.Glob(filepath.Join(scratchBase(), scratchPattern+"*", "lock"))
	for _, path := range locks {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < sweepAge {
			continue
		}
		lock, err := lockFile(path, syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			continue // somebody's, or another user's
		}
		_ = os.RemoveAll(filepath.Dir(path)) // whatever stays is swept the next time
		lock.Close()
	}
}

// lockFile opens a file, made if need be, and locks it. The lock goes with
// the file's closing, at the latest with the process; children do not get it.
func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// templateForm changes with the arguments of initdb in [localpg.Initdb].
const templateForm = "1"

// template returns a data directory of this version to copy, which takes a
// tenth of the time of initdb. It is made once for the machine.
func template(t testing.TB, in localpg.Install) string {
	t.Helper()
	dir, err := makeTemplate(t, in)
	if err != nil {
		t.Fatalf("make a template of a PostgreSQL %s data directory: %v", in.Version, err)
	}
	return dir
}

func makeTemplate(t testing.TB, in localpg.Install) (string, error) {
	cache, err := localpg.CacheDir()
	if err != nil {
		return "", err
	}
	owner, err := localpg.ServerUser()
	if err != nil {
		return "", err
	}
	place := filepath.Join(cache, "templates", in.Version+"-"+owner+"-"+templateForm)
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		return "", err
	}
	lock, err := lockFile(place+".lock", syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if _, err := os.Stat(place); err == nil {
		return place, nil
	}
	half := place + ".part" // a killed process may have left one
	if err := os.RemoveAll(half); err != nil {
		return "", err
	}
	if err := localpg.Initdb(t.Context(), in, half, true); err != nil {
		return "", err
	}
	return place, os.Rename(half, place)
}
