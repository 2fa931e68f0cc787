package cli_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// exhaustiveEnv makes TestKilled end landlord at every single query.
const exhaustiveEnv = "LANDLORD_TEST_EXHAUSTIVE"

// fiftyTenants is a spec of 50 tenants, half of them in each model.
func fiftyTenants(connection string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "servers: {main: {connection: %s, clients: [10.0.0.0/8]}}\n", connection)
	b.WriteString("defaults: {limits: {connections: 20, temp_files: 1GiB, statement_timeout: 30s}}\ntenants:\n")
	for i := range 25 {
		fmt.Fprintf(&b, "  d%02d: {rights: %s}\n", i, [...]string{"crud", "ddl"}[i%2])
		fmt.Fprintf(&b, "  s%02d: {isolation: schema, database: shared%d, rights: %s}\n", i, i%2, [...]string{"ddl", "crud"}[i%2])
	}
	return b.String()
}

// killing is a server, a relay before it, and a spec that leads landlord
// through it.
type killing struct {
	*pgtest.Server
	t      *testing.T
	relay  *relay
	estate tenant.Estate
	file   string
}

// openHBA asks everybody for a password everywhere: what is turned away
// without being asked for one is turned away by landlord's rules.
const openHBA = localpg.DefaultHBA + "local all all scram-sha-256\n"

func newKilling(t *testing.T, major int) *killing {
	t.Helper()
	k := &killing{Server: pgtest.Start(t, major, pgtest.WithHBA(openHBA)), t: t}
	k.relay = newRelay(t, k.SocketDir(), k.Port())
	text := fiftyTenants(k.relay.connection())
	k.file = filepath.Join(t.TempDir(), "landlord.yaml")
	if err := os.WriteFile(k.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if k.estate, err = spec.Parse(k.file, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return k
}

// landlord starts the real program.
func (k *killing) landlord(args ...string) (*run.Process, *os.File) {
	k.t.Helper()
	out, err := os.CreateTemp(k.t.TempDir(), "out")
	if err != nil {
		k.t.Fatal(err)
	}
	p, err := run.Start(run.Spec{Name: "landlord", Args: append(args, "-f", k.file)}, out, syscall.SIGKILL)
	if err != nil {
		k.t.Fatal(err)
	}
	return p, out
}

// must runs landlord to a good end.
func (k *killing) must(args ...string) {
	k.t.Helper()
	p, out := k.landlord(args...)
	if err := p.Wait(); err != nil {
		text, _ := os.ReadFile(out.Name())
		k.t.Fatalf("landlord %s: %v\n%s", strings.Join(args, " "), err, text)
	}
}

// The ways in which an apply is cut off at a query.
const (
	killBefore = iota // landlord dies before the server gets the query
	killAfter         // landlord dies with the query on its way
	crash             // the server dies too, in the middle of the query
	crashAlone        // the server dies, and landlord sees it go
	ways
)

// cut runs an apply that is cut off at the n-th query that changes something,
// and says whether it came so far.
func (k *killing) cut(n, way int, pause time.Duration) bool {
	k.t.Helper()
	victims := make(chan *run.Process, 1)
	reached := make(chan struct{})
	k.relay.start(func(i int) fate {
		if i != n {
			if i > n {
				return fate{drop: true, then: func() {}} // the others fall with it
			}
			return fate{}
		}
		return fate{drop: way == killBefore, then: func() {
			close(reached)
			if way != crashAlone {
				_ = (<-victims).Signal(syscall.SIGKILL)
			}
		}}
	})
	victim, out := k.landlord("apply", "--yes", "-q")
	victims <- victim
	select {
	case <-reached:
	case <-victim.Done():
		select {
		case <-reached:
		default:
			if err := victim.Wait(); err != nil {
				text, _ := os.ReadFile(out.Name())
				k.t.Fatalf("landlord: %v\n%s", err, text)
			}
			return false
		}
	}
	if way == crash || way == crashAlone {
		time.Sleep(pause)
		if err := k.Kill9(); err != nil {
			k.t.Fatal(err)
		}
		if err := k.Start(k.t.Context()); err != nil {
			k.t.Fatal(err)
		}
	}
	<-victim.Done()
	if way == crashAlone && victim.Wait() == nil {
		k.t.Errorf("the server died at query %d, and landlord saw nothing", n)
	}
	return true
}

// TestKilled cuts an apply of 50 tenants off, again and again, each time a few
// queries further, until one comes to its end. Each time the server itself
// is asked: no tenant whose walls are not up has a login. Which queries, and
// how, is random; $LANDLORD_TEST_EXHAUSTIVE=1 cuts at every one, in each way,
// and $LANDLORD_TEST_SEED repeats a run.
func TestKilled(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("LANDLORD_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	exhaustive := os.Getenv(exhaustiveEnv) != ""
	for _, major := range ends(pgtest.Majors()) {
		if !exhaustive {
			t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, uint64(major)))
				t.Logf("LANDLORD_TEST_SEED=%d", seed)
				untilDone(t, major, func(bool) (int, int, time.Duration) {
					return 1 + r.IntN(20), r.IntN(ways), time.Duration(r.IntN(20)) * time.Millisecond
				})
			})
			continue
		}
		for way := range ways {
			t.Run(fmt.Sprintf("postgres-%d/way-%d", major, way), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, uint64(major)))
				n := 2
				untilDone(t, major, func(changed bool) (int, int, time.Duration) {
					if n++; changed {
						n = 2
					}
					// Long enough for a database to be made, now and then.
					return n, way, time.Duration(r.IntN(200)) * time.Millisecond
				})
			})
		}
	}
}

// untilDone cuts applies off until one is not. next says where and how, and
// is told whether the one before changed anything.
func untilDone(t *testing.T, major int, next func(changed bool) (n, way int, pause time.Duration)) {
	k := newKilling(t, major)
	cuts, open, queries, last := 0, 0, 0, ""
	for {
		now := k.written()
		n, way, pause := next(now != last)
		last = now
		if n == 1 && way == killBefore {
			n++ // or it would never get anywhere
		}
		if !k.cut(n, way, pause) {
			break
		}
		cuts, queries = cuts+1, queries+n
		if cuts > 1000 {
			t.Fatal("it does not get on")
		}
		still, wrong := openHouses(t, k.Server, k.estate)
		if still < open {
			wrong = append(wrong, fmt.Sprintf("%d logins were open, now %d", open, still))
		}
		if open = still; len(wrong) > 0 {
			t.Fatalf("after cut %d, at query %d in way %d:\n%s", cuts, n, way, strings.Join(wrong, "\n"))
		}
	}
	k.relay.start(nil)
	k.must("plan")
	if got, wrong := openHouses(t, k.Server, k.estate); got != 125 || len(wrong) > 0 {
		t.Errorf("%d logins are open at the end, not 125; %v", got, wrong)
	}
	t.Logf("cut off %d times, in %d queries", cuts, queries+k.relay.queries())
}

// written changes with whatever an apply leaves behind in the catalogs.
func (k *killing) written() string {
	conn := k.Connect(k.t, "", "")
	defer conn.Close(k.t.Context())
	return strings1(k.t, conn, `SELECT concat_ws(' ', (SELECT count(*) FROM pg_authid), (SELECT sum(rolcanlogin::int) FROM pg_authid), (SELECT count(*) FROM pg_auth_members),
		(SELECT string_agg(d::text, ' ') FROM pg_database AS d), (SELECT count(*) FROM pg_shdepend), (SELECT count(*) FROM pg_db_role_setting))`)[0]
}

// TestTwoAtOnce: of several landlords on one server one waits for the other,
// also where one is killed, and all who live come to a good end.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	for _, major := range ends(pgtest.Majors()) {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			k := newKilling(t, major)
			killed := make(chan *run.Process, 1)
			k.relay.start(func(n int) fate {
				if n != 30 {
					return fate{}
				}
				return fate{then: func() { _ = (<-killed).Signal(syscall.SIGKILL) }}
			})
			first, _ := k.landlord("apply", "--yes", "-q")
			killed <- first
			for k.relay.queries() == 0 {
				time.Sleep(time.Millisecond)
			}
			second, out2 := k.landlord("apply", "--yes", "-q")
			third, out3 := k.landlord("apply", "--yes", "-q")
			if first.Wait() == nil {
				t.Error("the first was to be killed")
			}
			if _, wrong := openHouses(t, k.Server, k.estate); len(wrong) > 0 {
				t.Error(wrong)
			}
			for _, w := range []struct {
				p   *run.Process
				out *os.File
			}{{second, out2}, {third, out3}} {
				if err := w.p.Wait(); err != nil {
					text, _ := os.ReadFile(w.out.Name())
					t.Errorf("%v\n%s", err, text)
				}
			}
			k.must("plan")
			if open, wrong := openHouses(t, k.Server, k.estate); open != 125 || len(wrong) > 0 {
				t.Error(open, wrong)
			}
		})
	}
}
