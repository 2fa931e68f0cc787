package cli_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// stormEnv is how long each storm lasts, such as 5m.
const stormEnv = "LANDLORD_TEST_STORM"

// storm is a server on which many landlords are at work on few tenants, while
// some are killed, and the server crashes.
type storm struct {
	*pgtest.Server
	t       *testing.T
	r       *rand.Rand
	dir     string
	bare    bool
	tenants []string

	mu    sync.Mutex
	asked []*order
}

// order is something that somebody asks of landlord.
type order struct {
	tenant string
	args   []string
	killed bool
	status int // exit status; -1: killed
	out    string
}

func (o order) String() string {
	return fmt.Sprintf("landlord %s: %d, killed %v\n%s", strings.Join(o.args, " "), o.status, o.killed, o.out)
}

// TestStorm: a hundred adds, removals, suspensions, resumptions and rotations
// at once, with landlords killed and the server crashing; then everything that
// was cut off is asked for once more, and the server is as the spec says (or,
// with none, as a spec written from it says), the walls hold, and nothing is
// left over.
func TestStorm(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("LANDLORD_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	lasts, err := time.ParseDuration(os.Getenv(stormEnv))
	if err != nil {
		lasts = 2500 * time.Millisecond
	}
	majors := ends(pgtest.Majors())
	for i, major := range majors {
		for _, bare := range []bool{false, true} {
			if len(majors) > 1 && bare != (i > 0) && os.Getenv(stormEnv) == "" {
				continue // each once, where no more is asked for
			}
			t.Run(fmt.Sprintf("postgres-%d/spec-%v", major, !bare), func(t *testing.T) {
				t.Logf("LANDLORD_TEST_SEED=%d", seed)
				newStorm(t, major, bare, seed).blow(lasts)
			})
		}
	}
}

const stormSpec = `# customers
servers:
  main:
    connection: host=%s port=%d user=postgres
    endpoint: host=localhost port=%[2]d sslmode=verify-full sslrootcert=%s
secrets: {file: %s}
tenants: {}   # none yet
`

func newStorm(t *testing.T, major int, bare bool, seed uint64) *storm {
	s := &storm{Server: pgtest.Start(t, major, pgtest.WithTLS(), pgtest.WithHBA(localpg.DefaultHBA+"hostssl all all all scram-sha-256\n")),
		t: t, r: rand.New(rand.NewPCG(seed, uint64(major))), dir: t.TempDir(), bare: bare}
	for i := range 9 {
		s.tenants = append(s.tenants, fmt.Sprintf("t%d", i))
	}
	text := fmt.Sprintf(stormSpec, s.SocketDir(), s.Port(), s.CAFile(), s.path("secrets.pgpass"))
	if err := os.WriteFile(s.path("landlord.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if bare { // or it is a server of which landlord knows nothing
		s.must(s.command("tenant", "add", "t1", "--isolation", "schema", "--database", "shared", "--rights", "ddl"))
	}
	return s
}

func (s *storm) path(name string) string { return filepath.Join(s.dir, name) }

// command is about the spec, or about the server where there is none.
func (s *storm) command(args ...string) []string {
	if s.bare {
		return append(args, "--server", s.ConnString("postgres", "postgres"))
	}
	return append(args, "-f", s.path("landlord.yaml"))
}

// order is what somebody asks for next.
func (s *storm) order() *order {
	i := s.r.IntN(len(s.tenants))
	name := s.tenants[i]
	add := []string{"tenant", "add", name}
	if i%2 == 1 {
		add = append(add, "--isolation", "schema", "--database", "shared", "--rights", "ddl")
	}
	if i%3 == 0 {
		add = append(add, "--databases", name+"_more")
	}
	remove := []string{"tenant", "remove", name, "--confirm", name, "--no-dump"}
	all := [][]string{
		add, add, add, remove, {"tenant", "suspend", name}, {"tenant", "resume", name},
		{"tenant", "rotate", name}, {"tenant", "rotate", name}, {"tenant", "rotate", name, "--finish", "--watch", "50ms"},
	}
	return &order{tenant: name, args: s.command(all[s.r.IntN(len(all))]...)}
}

// carryOut runs landlord, and kills it after a time, if one is given.
func (s *storm) carryOut(o *order, life time.Duration) {
	out, err := os.CreateTemp(s.dir, "out")
	if err != nil {
		s.t.Error(err)
		return
	}
	defer os.Remove(out.Name())
	defer out.Close()
	p, err := run.Start(run.Spec{Name: "landlord", Args: o.args, Dir: s.dir}, out, syscall.SIGKILL)
	if err != nil {
		s.t.Error(err)
		return
	}
	if life > 0 {
		timer := time.AfterFunc(life, func() { _ = p.Signal(syscall.SIGKILL) })
		defer timer.Stop()
	}
	err = p.Wait()
	text, _ := os.ReadFile(out.Name())
	o.out, o.status = string(text), 0
	if ended, ok := errors.AsType[*run.Error](err); ok {
		o.status = ended.Code
	}
	o.killed = o.status < 0
}

func (s *storm) must(args []string) string {
	s.t.Helper()
	o := &order{args: args}
	if s.carryOut(o, 0); o.status != 0 {
		s.t.Fatal(o)
	}
	return o.out
}

// blow lets the storm go on for a time, then cleans up and looks.
func (s *storm) blow(lasts time.Duration) {
	ctx, stop := context.WithTimeout(s.t.Context(), lasts)
	defer stop()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				s.mu.Lock()
				o := s.order()
				s.asked = append(s.asked, o)
				life := time.Duration(0)
				if s.r.IntN(3) == 0 {
					life = time.Duration(1+s.r.IntN(1500)) * time.Millisecond
				}
				s.mu.Unlock()
				if s.carryOut(o, life); o.status == 1 { // often the server is gone
					time.Sleep(200 * time.Millisecond)
				}
			}
		})
	}
	crashes := s.crash(ctx)
	all.Wait()
	again := s.again()
	s.t.Logf("%d orders, %d of them once more, %d crashes", len(s.asked), again, crashes)
	s.judge()
}

// crash stops the server in the midst of things, as a crash or as an immediate
// shutdown does, and starts it again.
func (s *storm) crash(ctx context.Context) (crashes int) {
	for {
		s.mu.Lock()
		pause, kill := time.Duration(500+s.r.IntN(800))*time.Millisecond, s.r.IntN(2) == 0
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return crashes
		case <-time.After(pause):
		}
		stop := s.StopImmediate
		if kill {
			stop = s.Kill9
		}
		if err := stop(); err != nil {
			s.t.Error(err)
		}
		if err := s.Start(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		crashes++
	}
}

// refused are the answers that say that what is asked for cannot be had as
// things are, and that nothing was changed.
var refused = regexp.MustCompile(`(?i)has no tenant|no server has tenant|no tenant "|there already .*, and not with this|a rotation is open|still in use|has no such role`)

// again asks once more, one after the other, for all that was not done: it was
// killed, or the server was gone.
func (s *storm) again() (n int) {
	for _, o := range s.asked {
		if strings.Contains(o.out, "panic:") || strings.Contains(o.out, "XX0") {
			s.t.Errorf("in the storm: %v", o)
		}
		if o.status == 0 || o.status > 0 && refused.MatchString(o.out) {
			continue
		}
		n++
		if s.carryOut(o, 0); o.status != 0 && !refused.MatchString(o.out) {
			s.t.Errorf("asked for again: %v", o)
		}
	}
	return n
}

// judge looks whether the server is as it should be.
func (s *storm) judge() {
	spec := s.path("landlord.yaml")
	if s.bare {
		spec = s.path("found.yaml")
		out := s.must([]string{"export", "--connection", s.ConnString("postgres", "postgres"), "-q"})
		if err := os.WriteFile(spec, []byte(out), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	if out := s.must([]string{"plan", "-f", spec, "--prune"}); !strings.Contains(out, "nothing to do") {
		s.t.Error(out)
	}
	s.must([]string{"prove", "-f", spec, "-q"})
	s.orphans()
	s.passwords(spec)
}

// orphans finds what no tenant's mark accounts for.
func (s *storm) orphans() {
	conn := s.Connect(s.t, "", "")
	names := func(sql string) []string {
		s.t.Helper()
		return strings1(s.t, conn, sql)
	}
	tenants := names(`SELECT r.rolname FROM pg_roles r JOIN pg_auth_members m ON m.member = r.oid WHERE m.roleid = 'landlord_tenants'::regrole ORDER BY 1`)
	known := `^(postgres|landlord_(tenants|temp|lost)|shared|(` + strings.Join(tenants, "|") + `)(_owner|_more|_(app|ro|ddl)(_b)?)?)$`
	for _, role := range names(`SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'`) {
		if !regexp.MustCompile(known).MatchString(role) {
			s.t.Errorf("role %s is nobody's", role)
		}
	}
	for _, database := range names(`SELECT datname || CASE WHEN datconnlimit = -2 THEN ' (invalid)' ELSE '' END FROM pg_database`) {
		of := strings.TrimSuffix(database, "_more")
		if !slices.Contains(append(slices.Clone(tenants), "postgres", "template0", "template1", "shared"), of) || of != database && !slices.Contains(names("SELECT rolname FROM pg_roles"), database) {
			s.t.Errorf("database %s is nobody's", database)
		}
	}
	if slices.Contains(names("SELECT datname FROM pg_database"), "shared") {
		shared := s.Connect(s.t, "shared", "")
		for _, schema := range strings1(s.t, shared, `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'`) {
			if !slices.Contains(tenants, schema) {
				s.t.Errorf("schema %s is nobody's", schema)
			}
		}
	}
	for _, login := range names(`SELECT rolname FROM pg_authid WHERE rolname ~ '_b$' AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = pg_authid.oid)`) {
		s.t.Errorf("login %s has no first", login)
	}
	s.t.Logf("%d tenants are left: %v", len(tenants), tenants)
}

// passwords logs in with what landlord gives for each tenant that is open.
func (s *storm) passwords(spec string) {
	conn := s.Connect(s.t, "", "")
	for _, name := range strings1(s.t, conn, `SELECT r.rolname FROM pg_roles r JOIN pg_auth_members m ON m.member = r.oid
		JOIN pg_shdescription d ON d.objoid = r.oid WHERE m.roleid = 'landlord_tenants'::regrole AND d.description !~ 'suspended' ORDER BY 1`) {
		args := []string{"credentials", name, "-f", spec, "-q", "--show"}
		if s.bare { // nobody has kept them
			args = append(args[:4], "-q", "--rotate")
		}
		o := &order{args: args}
		if s.carryOut(o, 0); o.status != 0 {
			s.t.Error(o)
			continue
		}
		in, err := pgx.Connect(s.t.Context(), strings.TrimSpace(o.out))
		if err != nil {
			s.t.Errorf("the credentials of %s: %v", name, err)
			continue
		}
		_ = in.Close(s.t.Context())
	}
}
