package localpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"landlord/internal/run"
)

// Install is a PostgreSQL server's programs on this machine.
type Install struct {
	Major   int    // 15
	Version string // "15.18"; whole, as the server says it
	BinDir  string // holds postgres and initdb, at least
	LibDir  string // for LD_LIBRARY_PATH; empty for the system's own
}

// ErrNotFound says that no server of the wanted major is installed.
var ErrNotFound = errors.New("no PostgreSQL server programs found")

// Find returns the installed server of a major version, or, for 0, of the
// newest. It looks among Debian's packages, in what scripts/fetch-postgres.sh
// fetched, and in PATH, in this order. The error is [ErrNotFound] if there is
// none.
func Find(ctx context.Context, major int) (Install, error) {
	for _, in := range Installed(ctx) {
		if major == 0 || in.Major == major {
			return in, nil
		}
	}
	if major == 0 {
		return Install{}, fmt.Errorf("%w: install Debian's package postgresql", ErrNotFound)
	}
	return Install{}, fmt.Errorf("PostgreSQL %d: %w: install Debian's package postgresql-%[1]d, or run scripts/fetch-postgres.sh %[1]d", major, ErrNotFound)
}

// Installed returns the servers found on this machine, one of each major,
// newest first. What does not run is left out. Each is asked for its version, which
// takes some hundredths of a second: see [Remember].
func Installed(ctx context.Context) []Install {
	m, ok := ctx.Value(memoryKey{}).(*memory)
	if !ok {
		return installed(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.found == nil && ctx.Err() == nil {
		m.found = installed(ctx)
	}
	return slices.Clone(m.found)
}

// memory is what one run of landlord has found to be installed.
type memory struct {
	mu    sync.Mutex
	found []Install
}

type memoryKey struct{}

// Remember lets all who ask under a context what is installed go by the first
// answer.
func Remember(ctx context.Context) context.Context {
	if _, ok := ctx.Value(memoryKey{}).(*memory); ok {
		return ctx
	}
	return context.WithValue(ctx, memoryKey{}, &memory{})
}

func installed(ctx context.Context) []Install {
	var found []Install
	for _, bin := range binDirs() {
		in, err := inspect(ctx, bin)
		if err != nil || slices.ContainsFunc(found, func(f Install) bool { return f.Major == in.Major }) {
			continue
		}
		found = append(found, in)
	}
	slices.SortFunc(found, func(a, b Install) int { return cmp.Compare(b.Major, a.Major) })
	return found
}

// FindTool returns the path of a client program (psql, pg_dump, pgbench …):
// of the newest Debian package if there is one, else from PATH. Debian's
// /usr/bin/psql is a wrapper that chooses a version by the local clusters,
// which is not what a private server wants.
func FindTool(name string) (string, error) {
	dirs, _ := filepath.Glob(debianBin)
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(debianMajor(b), debianMajor(a)) })
	for _, dir := range append(dirs, filepath.SplitList(os.Getenv("PATH"))...) {
		if path := filepath.Join(dir, name); isProgram(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: install Debian's package postgresql-client", name)
}

// CacheDir is where landlord keeps what can be fetched or made again:
// $LANDLORD_CACHE, else /var/cache/landlord for root (whose home is closed to
// the user that a server runs as), else landlord in the user's cache directory.
func CacheDir() (string, error) {
	if dir := os.Getenv("LANDLORD_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	if os.Getuid() == 0 {
		return systemCache, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory: %w: set LANDLORD_CACHE", err)
	}
	return filepath.Join(dir, "landlord"), nil
}

const (
	debianBin   = "/usr/lib/postgresql/*/bin"
	systemCache = "/var/cache/landlord"
)

func debianMajor(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

func binDirs() []string {
	dirs, _ := filepath.Glob(debianBin)
	caches := []string{systemCache}
	if own, err := CacheDir(); err == nil && own != systemCache {
		caches = []string{own, systemCache}
	}
	for _, cache := range caches {
		fetched, _ := filepath.Glob(filepath.Join(cache, "postgres", "*", "bin"))
		dirs = append(dirs, fetched...)
	}
	return append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
}

var versionRE = regexp.MustCompile(`^postgres \(PostgreSQL\) ((\d+)\S*)`)

func inspect(ctx context.Context, bin string) (Install, error) {
	if !isProgram(filepath.Join(bin, "postgres")) || !isProgram(filepath.Join(bin, "initdb")) {
		return Install{}, fs.ErrNotExist
	}
	in := Install{BinDir: bin}
	// The fetched servers bring their own libraries, and these need each other.
	if lib := filepath.Join(filepath.Dir(bin), "lib"); isFile(filepath.Join(filepath.Dir(bin), "pg-symlinks.json")) {
		in.LibDir = lib
	}
	out, _, err := run.Command(ctx, run.Spec{Name: filepath.Join(bin, "postgres"), Args: []string{"--version"}, Env: in.env(), Dir: "/"})
	if err != nil {
		return Install{}, err
	}
	m := versionRE.FindSubmatch(out)
	if m == nil {
		return Install{}, fmt.Errorf("%s: unknown version %q", bin, out)
	}
	in.Version = string(m[1])
	in.Major, err = strconv.Atoi(string(m[2]))
	return in, err
}

// env is the environment of a server's programs: nothing of ours, where PGDATA
// or a locale could change what they do.
func (in Install) env() []string {
	env := []string{"PATH=" + in.BinDir + ":/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	if in.LibDir != "" {
		env = append(env, "LD_LIBRARY_PATH="+in.LibDir)
	}
	return env
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
