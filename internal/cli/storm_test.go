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

// stormEnv is how long each storm lasts, such as 5m, one hundred after another;
// without it, it is one hundred. stormConnections is the server's
// max_connections then.
const (
	stormEnv         = "LANDLORD_TEST_STORM"
	stormConnections = "LANDLORD_TEST_STORM_CONNECTIONS"
)

// storm is a server on which a hundred landlords are at work at once on a dozen
// tenants, while some are killed, and the server crashes.
type storm struct {
	*pgtest.Server
	t       *testing.T
	r       *rand.Rand
	dir     string
	tenants []string

	mu      sync.Mutex
	asked   []*order
	alive   map[*order]*run.Process
	kills   int
	started sync.WaitGroup // of the orders that are asked for the first time
	down    chan struct{}  // is full while the server is down
}

// order is something that somebody asks of landlord.
type order struct {
	tenant string
	args   []string
	status int // exit status; -1: killed
	times  int // that it was asked
	first  bool
	out    string
}

func (o order) String() string {
	return fmt.Sprintf("landlord %s: %d, asked %d times\n%s", strings.Join(o.args, " "), o.status, o.times, o.out)
}

// cutOff says that an order was not done for no reason of its own: it was
// killed, or the server was gone.
func (o order) cutOff() bool { return o.status < 0 || o.status > 0 && !refused.MatchString(o.out) }

// TestStorm: a hundred adds, removals, suspensions, resumptions and rotations,
// started at once, by the spec and past it, with landlords killed and the server
// crashing; who was cut off asks again. Then the server is as the spec says, and
// as a spec written from it says, the walls hold, and nothing is left over.
func TestStorm(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("LANDLORD_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	lasts, _ := time.ParseDuration(os.Getenv(stormEnv))
	majors := ends(pgtest.Majors())
	for i, major := range majors {
		n := 100
		if lasts == 0 && i < len(majors)-1 {
			n = 16 // a hundred once is enough where no more is asked for
		}
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			t.Logf("LANDLORD_TEST_SEED=%d", seed)
			s := newStorm(t, major, seed)
			for start := time.Now(); ; {
				s.blow(n)
				if t.Failed() || time.Since(start) > lasts {
					break
				}
			}
		})
	}
}

const stormSpec = `# customers
servers:
  main:
    connection: host=%s port=%d user=postgres
    endpoint: host=localhost port=%[2]d sslmode=verify-full sslrootcert=%s
secrets: {file: %s}
journal: {file: %s}
tenants: {}   # none yet
`

func newStorm(t *testing.T, major int, seed uint64) *storm {
	settings := map[string]string{}
	if n := os.Getenv(stormConnections); n != "" {
		settings["max_connections"], settings["max_wal_senders"] = n, "0"
	}
	s := &storm{Server: pgtest.Start(t, major, pgtest.WithTLS(), pgtest.WithSettings(settings), pgtest.WithHBA(localpg.DefaultHBA+"hostssl all all all scram-sha-256\n")),
		t: t, r: rand.New(rand.NewPCG(seed, uint64(major))), dir: t.TempDir(), alive: map[*order]*run.Process{}, down: make(chan struct{}, 1)}
	for i := range 12 {
		s.tenants = append(s.tenants, fmt.Sprintf("t%d", i))
	}
	text := fmt.Sprintf(stormSpec, s.SocketDir(), s.Port(), s.CAFile(), s.path("secrets.pgpass"), s.path("journal"))
	if err := os.WriteFile(s.path("landlord.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *storm) path(name string) string { return filepath.Join(s.dir, name) }

// bare says that a tenant is in no spec: the server alone knows of it.
func bare(tenant int) bool { return tenant%3 == 2 }

// command is about the spec, or about the server alone.
func (s *storm) command(tenant int, args ...string) []string {
	if bare(tenant) {
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
	if i%4 == 0 {
		add = append(add, "--databases", name+"_more")
	}
	remove := []string{"tenant", "remove", name, "--confirm", name, "--no-dump"}
	all := [][]string{
		add, add, add, remove, {"tenant", "suspend", name}, {"tenant", "resume", name},
		{"tenant", "rotate", name}, {"tenant", "rotate", name}, {"tenant", "rotate", name, "--finish", "--watch", "50ms"},
	}
	return &order{tenant: name, args: s.command(i, all[s.r.IntN(len(all))]...)}
}

// carryOut runs landlord.
func (s *storm) carryOut(o *order) {
	out, err := os.CreateTemp(s.dir, "out")
	if err != nil {
		s.t.Error(err)
		return
	}
	defer os.Remove(out.Name())
	defer out.Close()
	p, err := run.Start(run.Spec{Name: "landlord", Args: o.args, Dir: s.dir}, out, syscall.SIGKILL)
	if o.first {
		o.first = false
		s.started.Done()
	}
	if err != nil {
		s.t.Error(err)
		return
	}
	s.mu.Lock()
	s.alive[o] = p
	s.mu.Unlock()
	err = p.Wait()
	s.mu.Lock()
	delete(s.alive, o)
	s.mu.Unlock()
	text, _ := os.ReadFile(out.Name())
	o.out, o.status = string(text), 0
	o.times++
	if ended, ok := errors.AsType[*run.Error](err); ok {
		o.status = ended.Code
	}
	if strings.Contains(o.out, "panic:") || strings.Contains(o.out, "XX0") {
		s.t.Errorf("in the storm: %v", o)
	}
}

func (s *storm) must(args []string) string {
	s.t.Helper()
	o := &order{args: args}
	if s.carryOut(o); o.status != 0 {
		s.t.Fatal(o)
	}
	return o.out
}

// blow lets n landlords loose at once, lets the storm go on until each has
// been heard, and looks. While it rages, who was cut off asks again.
func (s *storm) blow(n int) {
	s.asked, s.kills = nil, 0
	for range n {
		o := s.order()
		o.first = true
		s.asked = append(s.asked, o)
	}
	s.started.Add(n)
	ctx, calm := context.WithCancel(s.t.Context())
	var all, weather sync.WaitGroup
	crashes := 0
	weather.Go(func() { s.started.Wait(); crashes = s.crash(ctx, 2) })
	weather.Go(func() { s.started.Wait(); s.kill(ctx, n/4) })
	for _, o := range s.asked {
		all.Go(func() {
			for range 100 {
				if s.carryOut(o); !o.cutOff() || s.t.Failed() {
					return
				}
				time.Sleep(200 * time.Millisecond)
				s.down <- struct{}{} // often the server is gone, and who knows for how long
				<-s.down
			}
		})
	}
	all.Wait()
	calm()
	weather.Wait()
	again := 0
	for _, o := range s.asked {
		again += o.times - 1
		if o.cutOff() {
			s.t.Errorf("not done: %v", o)
		}
	}
	s.t.Logf("%d at once, asked again %d times, %d killed, %d crashes", n, again, s.kills, crashes)
	s.judge()
}

// pause waits for a time between least and most; false: the storm is over.
func (s *storm) pause(ctx context.Context, least, most time.Duration) bool {
	s.mu.Lock()
	wait := least + time.Duration(s.r.Int64N(int64(most-least)))
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	}
}

// crash stops the server in the midst of things some times, as a crash or as an
// immediate shutdown does, and starts it again.
func (s *storm) crash(ctx context.Context, times int) (crashes int) {
	for crashes < times && s.pause(ctx, 600*time.Millisecond, 2500*time.Millisecond) {
		stop := s.StopImmediate
		if crashes%2 == 0 {
			stop = s.Kill9
		}
		s.down <- struct{}{}
		err := stop()
		if err == nil {
			err = s.Start(s.t.Context())
		}
		<-s.down
		if err != nil {
			s.t.Error(err)
			return crashes
		}
		crashes++
	}
	return crashes
}

// atWork finds who wrote into the journal last, among them who is at work.
var atWork = regexp.MustCompile(`"pid":(\d+)`)

// kill kills some of those that are alive: any, or one that is at work, if that
// is to be seen.
func (s *storm) kill(ctx context.Context, times int) {
	for s.kills < times && s.pause(ctx, 10*time.Millisecond, 300*time.Millisecond) {
		text, _ := os.ReadFile(s.path("journal"))
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		last := atWork.FindStringSubmatch(lines[len(lines)-1])
		s.mu.Lock()
		any := s.r.IntN(2) == 0
		for _, p := range s.alive { // in no order
			if any || last != nil && last[1] == strconv.Itoa(p.Pid()) {
				if p.Signal(syscall.SIGKILL) == nil {
					s.kills++
				}
				break
			}
		}
		s.mu.Unlock()
	}
}

// refused are the answers that say that what is asked for cannot be had as
// things are, and that nothing was changed.
var refused = regexp.MustCompile(`(?i)has no tenant|no server has tenant|no tenant "|there already .*, and not with this|a rotation is open|still in use|has no such role`)

// judge looks whether the server is as it should be.
func (s *storm) judge() {
	found := s.path("found.yaml")
	out := s.must([]string{"export", "--connection", s.ConnString("postgres", "postgres"), "-q"})
	if err := os.WriteFile(found, []byte(out), 0o600); err != nil {
		s.t.Fatal(err)
	}
	for _, args := range [][]string{{"plan", "-f", s.path("landlord.yaml")}, {"plan", "-f", found, "--prune"}} {
		if out := s.must(args); !strings.Contains(out, "nothing to do") {
			s.t.Error(out)
		}
	}
	s.must([]string{"prove", "-f", found, "-q"})
	s.orphans()
	s.passwords(found)
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
	inSpec := try{s.t, s.path("landlord.yaml")}.estate()
	for i, name := range s.tenants {
		if _, ok := inSpec.Tenant(name); ok != (slices.Contains(tenants, name) && !bare(i)) {
			s.t.Errorf("tenant %s: in the spec %v, on the server %v", name, ok, slices.Contains(tenants, name))
		}
	}
	s.t.Logf("%d tenants are left: %v", len(tenants), tenants)
}

// passwords logs in with what landlord gives for each tenant: it gets in, or, if
// it is suspended, does not.
func (s *storm) passwords(found string) {
	conn := s.Connect(s.t, "", "")
	suspended := strings1(s.t, conn, `SELECT r.rolname FROM pg_roles r JOIN pg_shdescription d ON d.objoid = r.oid WHERE d.description ~ '"suspended":true'`)
	for i, name := range s.tenants {
		if len(strings1(s.t, conn, "SELECT rolname FROM pg_roles WHERE rolname = '"+name+"'")) == 0 {
			continue
		}
		args := []string{"credentials", name, "-f", s.path("landlord.yaml"), "-q", "--show"}
		if bare(i) { // nobody has kept them
			args = []string{"credentials", name, "-f", found, "-q", "--rotate"}
		}
		in, err := pgx.Connect(s.t.Context(), strings.TrimSpace(s.must(args)))
		if (err == nil) == slices.Contains(suspended, name) {
			s.t.Errorf("the credentials of %s, suspended %v: %v", name, err != nil, err)
		}
		if err == nil {
			_ = in.Close(s.t.Context())
		}
	}
}
