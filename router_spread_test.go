package landlord_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// knocker is a program that comes through one name of the router's again and
// again, works a little, and goes.
type knocker struct {
	who     *atomic.Pointer[[2]string] // login and password
	rounds  atomic.Int64
	refused atomic.Pointer[error] // the first, if any
}

func (k *knocker) run(ctx context.Context, conninfo string) {
	for ctx.Err() == nil {
		err := knock(ctx, conninfo, *k.who.Load())
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			k.refused.CompareAndSwap(nil, &err)
			time.Sleep(5 * time.Millisecond)
			continue
		}
		k.rounds.Add(1)
	}
}

func knock(ctx context.Context, conninfo string, who [2]string) error {
	bounded, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	conn, err := pgx.Connect(bounded, conninfo+" user="+who[0]+" password="+who[1])
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for range 2 {
		if _, err := conn.Exec(bounded, "SELECT pg_sleep(0.002)", pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return nil
}

// TestSpreadUnderLoad: a tenant whose databases are behind two processes of the
// router is rotated, suspended and removed while it and a neighbour are at work.
// No program with the right password sees an error, and once landlord has done
// its part neither process lets anybody in who must not come, by whatever
// connection to the server it held.
func TestSpreadUnderLoad(t *testing.T) {
	t.Run("auth_query", func(t *testing.T) { spreadUnderLoad(t, tenant.AuthQuery) })
	t.Run("userlist, newer", func(t *testing.T) { // which ended where a name went from its files
		withNewerBouncer(t)
		spreadUnderLoad(t, tenant.UserList)
	})
}

func spreadUnderLoad(t *testing.T, secrets tenant.RouterSecrets) {
	s := newSpread(t, secrets)
	s.round("the start")
	s.rotated()
	s.shut("suspended")
	s.back()
	s.shut("removed")
	s.removed()
	s.forgotten()
}

// spread is a tenant at work by names in two processes, beside a neighbour.
type spread struct {
	*routed
	t        *testing.T
	ctx      context.Context
	process  map[string]int // by name of the router's
	house    map[string]*atomic.Pointer[[2]string]
	knockers map[string]*knocker
	// acmes come until they leave, the neighbour until the end.
	acmes, neighbour sync.WaitGroup
	leave            func()
}

func newSpread(t *testing.T, secrets tenant.RouterSecrets) *spread {
	s := &spread{t: t, process: map[string]int{"acme": 1, "acme.archive": 1, "acme.attic": 2, "bolt": 2}, house: map[string]*atomic.Pointer[[2]string]{}, knockers: map[string]*knocker{}}
	s.routed = newRouted(t, pgtest.Start(t, pgtest.Majors()[len(pgtest.Majors())-1]), secrets, func(e *tenant.Estate) {
		e.Router.Aliases, e.Router.PoolMode = 2, "transaction"
		e.Secrets.File = filepath.Join(e.Router.Socket, "passwords")
		e.Tenants = e.Tenants[:2]
		e.Tenants[0].Further = []tenant.Place{{Database: "archive", Schemas: []string{"acme"}}, {Database: "attic", Schemas: []string{"acme"}}}
	})
	s.readOnce(t)
	var cancel func()
	s.ctx, cancel = context.WithCancel(t.Context())
	t.Cleanup(func() {
		cancel()
		s.acmes.Wait()
		s.neighbour.Wait()
	})
	for _, name := range []string{"acme", "bolt"} {
		s.house[name] = &atomic.Pointer[[2]string]{}
		s.house[name].Store(&[2]string{name + "_app", s.passwords[name+"_app"]})
	}
	for name := range s.process {
		s.knockers[name] = &knocker{who: s.house[name[:4]]}
	}
	s.come()
	s.neighbour.Go(func() { s.knockers["bolt"].run(s.ctx, s.at("bolt")) })
	return s
}

// come has acme's programs work until they are told to leave.
func (s *spread) come() {
	working, leave := context.WithCancel(s.ctx)
	s.leave = leave
	for name, k := range s.knockers {
		if name != "bolt" {
			k.refused.Store(nil)
			s.acmes.Go(func() { k.run(working, s.at(name)) })
		}
	}
}

func (s *spread) at(name string) string {
	return fmt.Sprintf("host=%s port=%d dbname=%s sslmode=disable", s.estate.Router.Socket, s.estate.Router.Port+s.process[name]-1, name)
}

// round waits until each program has come and gone twice more.
func (s *spread) round(after string, only ...string) {
	s.t.Helper()
	for name, k := range s.knockers {
		if len(only) > 0 && name[:4] != only[0] {
			continue
		}
		from := k.rounds.Load()
		for deadline := time.Now().Add(60 * time.Second); k.rounds.Load() < from+2; time.Sleep(2 * time.Millisecond) {
			if err := k.refused.Load(); err != nil {
				s.t.Fatalf("after %s, at the name %s: %v", after, name, *err)
			}
			if time.Now().After(deadline) {
				s.t.Fatalf("after %s, nobody comes by the name %s", after, name)
			}
		}
	}
}

// nobody says that a login gets in nowhere.
func (s *spread) nobody(after string, who [2]string) {
	s.t.Helper()
	for name := range s.process {
		for range 2 {
			if name != "bolt" && knock(s.ctx, s.at(name), who) == nil {
				s.t.Fatalf("after %s, %s is in by the name %s", after, who[0], name)
			}
		}
	}
}

func (s *spread) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// rotated gives acme's programs a new login while they work.
func (s *spread) rotated() {
	old := *s.house["acme"].Load()
	got, err := landlord.Rotate(s.ctx, s.estate, "acme", "acme_app", landlord.Rotation{}, landlord.Hooks{})
	s.must(err)
	s.must(landlord.FollowRouter(s.ctx, s.estate))
	s.round("the rotation")
	s.house["acme"].Store(&[2]string{got.Settings.User, got.Settings.Secret.Reveal()})
	s.round("the new settings")
	s.round("the new settings")
	done, err := landlord.FinishRotation(s.ctx, s.estate, "acme", landlord.Finish{}, landlord.Hooks{})
	if err != nil || len(done) != 1 || done[0].Old != old[0] {
		s.t.Fatal(done, err)
	}
	s.must(landlord.FollowRouter(s.ctx, s.estate))
	s.nobody("the end of the rotation", old)
	s.round("the end of the rotation")
}

// shut closes acme's door while its programs knock, and while somebody waits who
// has begun to log in: that ends PgBouncer for nobody.
func (s *spread) shut(how string) {
	var halves []net.Conn
	for name := range s.process {
		if name != "bolt" {
			halves = append(halves, s.half(s.t, name, s.process[name], s.house["acme"].Load()[0]))
		}
	}
	s.estate.Tenants[0].Suspended = true
	settle(s.t, s.estate)
	s.must(landlord.ShutRouter(s.ctx, s.estate, "acme"))
	s.nobody("it was "+how, *s.house["acme"].Load())
	for _, half := range halves {
		const first = "n,,n=,r=rOprNGfwEbeRWgbNEkqO"
		proof := append([]byte("SCRAM-SHA-256\x00"), binary.BigEndian.AppendUint32(nil, uint32(len(first)))...)
		proof = append(proof, first...)
		_, err := half.Write(append(binary.BigEndian.AppendUint32([]byte("p"), uint32(len(proof)+4)), proof...))
		s.must(err)
		_, _ = half.Read(make([]byte, 64)) // a challenge, or no
		_ = half.Close()
	}
	s.leave() // they knock until now
	s.acmes.Wait()
	s.round("acme was "+how, "bolt")
	nobodyIn(s.t, s.server, "acme")
}

// back opens acme's door again.
func (s *spread) back() {
	s.estate.Tenants[0].Suspended = false
	settle(s.t, s.estate)
	s.must(landlord.FollowRouter(s.ctx, s.estate))
	s.come()
	s.round("acme is back")
}

// removed takes acme away: its names lead nowhere.
func (s *spread) removed() {
	s.estate.Tenants = s.estate.Tenants[1:]
	result, err := landlord.Apply(s.ctx, s.estate, "main", landlord.Options{Tenants: []string{"acme"}, Prune: true}, landlord.Hooks{})
	if err != nil || result.Err() != nil {
		s.t.Fatal(err, result.Err())
	}
	s.must(landlord.FollowRouter(s.ctx, s.estate))
	s.nobody("the removal", *s.house["acme"].Load())
	s.round("the removal", "bolt")
	for path, text := range s.files(s.t) {
		if filepath.Base(path) != "pgbouncer.ini" && strings.Contains(text, "acme") {
			s.t.Errorf("acme is in %s still", path)
		}
	}
	list, err := landlord.StatusRouter(s.ctx, s.estate)
	if err != nil || len(list) != 1 || list[0].Name != "bolt" || !list[0].Running || list[0].Stale {
		s.t.Errorf("%+v, %v", list, err)
	}
}

// forgotten: names that lead nowhere go when the files change anyway, an hour later.
func (s *spread) forgotten() {
	nothing := func(want bool) {
		s.t.Helper()
		for _, o := range s.apply(s.t) {
			if !o.Running || o.Written == want {
				s.t.Errorf("nothing to do: %v, and %+v", want, o)
			}
		}
	}
	nothing(true)
	past := time.Now().Add(-2 * time.Hour)
	for path := range s.files(s.t) {
		s.must(os.Chtimes(path, past, past))
	}
	nothing(true)
	s.estate.Router.PoolSize++
	nothing(false)
	nothing(true)
	for path, text := range s.files(s.t) {
		if strings.Contains(text, "acme") {
			s.t.Errorf("acme is in %s still", path)
		}
	}
	s.round("the names are gone", "bolt")
}

// half begins to log in, and goes on no further than where it is asked for the
// proof of its password.
func (r *routed) half(t *testing.T, name string, process int, login string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", fmt.Sprintf("%s/.s.PGSQL.%d", r.estate.Router.Socket, r.estate.Router.Port+process-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	words := "\x00\x03\x00\x00user\x00" + login + "\x00database\x00" + name + "\x00\x00"
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(words)+4)), words...)); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 64)
	if n, err := conn.Read(said); err != nil || said[0] != 'R' {
		t.Fatalf("not asked for a proof: %q, %v", said[:n], err)
	}
	if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// readOnce proves logins of both processes while the router's files are away:
// what is to be known of them is read as prove begins.
func (r *routed) readOnce(t *testing.T) {
	t.Helper()
	files := r.estate.Router.Directory
	var away sync.Once
	report, err := landlord.Prove(t.Context(), r.estate, "main", landlord.Options{Probes: routerProbes()}, landlord.ProveHooks{Outcome: func(prove.Outcome) {
		away.Do(func() {
			if err := os.Rename(files, files+".away"); err != nil {
				t.Error(err)
			}
		})
	}})
	if err := os.Rename(files+".away", files); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range report.Outcomes {
		if o.Verdict != prove.Held && o.Verdict != prove.Works && o.Closes != prove.ByDirect {
			t.Errorf("with the router's files away, %s %s: %s: %s: %s", o.Tenant, o.Login, o.Probe, o.Verdict, o.Detail)
		}
	}
}
