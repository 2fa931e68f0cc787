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
	s := pgtest.Start(t, pgtest.Majors()[len(pgtest.Majors())-1])
	r := newRouted(t, s, secrets, func(e *tenant.Estate) {
		e.Router.Aliases, e.Router.PoolMode = 2, "transaction"
		e.Secrets.File = filepath.Join(e.Router.Socket, "passwords")
		e.Tenants = e.Tenants[:2]
		e.Tenants[0].Further = []tenant.Place{{Database: "archive", Schemas: []string{"acme"}}, {Database: "attic", Schemas: []string{"acme"}}}
	})
	process := map[string]int{"acme": 1, "acme.archive": 1, "acme.attic": 2, "bolt": 2}
	r.readOnce(t)
	at := func(name string) string {
		return fmt.Sprintf("host=%s port=%d dbname=%s sslmode=disable", r.estate.Router.Socket, r.estate.Router.Port+process[name]-1, name)
	}
	house := map[string]*atomic.Pointer[[2]string]{}
	for _, name := range []string{"acme", "bolt"} {
		house[name] = &atomic.Pointer[[2]string]{}
		house[name].Store(&[2]string{name + "_app", r.passwords[name+"_app"]})
	}
	knockers := map[string]*knocker{}
	var acmes, all sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	working, leave := context.WithCancel(ctx)
	defer all.Wait()
	defer cancel()
	for name := range process {
		k := &knocker{who: house[name[:4]]}
		knockers[name] = k
		if name == "bolt" {
			all.Go(func() { k.run(ctx, at(name)) })
		} else {
			acmes.Go(func() { k.run(working, at(name)) })
		}
	}
	// round waits until each program has come and gone twice more.
	round := func(after string, only ...string) {
		t.Helper()
		for name, k := range knockers {
			if len(only) > 0 && name[:4] != only[0] {
				continue
			}
			from := k.rounds.Load()
			for deadline := time.Now().Add(60 * time.Second); k.rounds.Load() < from+2; time.Sleep(2 * time.Millisecond) {
				if err := k.refused.Load(); err != nil || time.Now().After(deadline) {
					t.Fatalf("after %s, at the name %s: %v", after, name, *k.refused.Load())
				}
			}
		}
	}
	// nobody says that a login gets in nowhere.
	nobody := func(after string, who [2]string) {
		t.Helper()
		for name := range process {
			for range 2 {
				if name != "bolt" && knock(ctx, at(name), who) == nil {
					t.Fatalf("after %s, %s is in by the name %s", after, who[0], name)
				}
			}
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	round("the start")

	old := *house["acme"].Load()
	got, err := landlord.Rotate(ctx, r.estate, "acme", "acme_app", landlord.Rotation{}, landlord.Hooks{})
	must(err)
	must(landlord.FollowRouter(ctx, r.estate))
	round("the rotation")
	house["acme"].Store(&[2]string{got.Settings.User, got.Settings.Secret.Reveal()})
	round("the new settings")
	round("the new settings")
	done, err := landlord.FinishRotation(ctx, r.estate, "acme", landlord.Finish{}, landlord.Hooks{})
	if err != nil || len(done) != 1 || done[0].Old != old[0] {
		t.Fatal(done, err)
	}
	must(landlord.FollowRouter(ctx, r.estate))
	nobody("the end of the rotation", old)
	round("the end of the rotation")

	for _, how := range []string{"suspended", "removed"} {
		// Whoever began to log in, and waits for that, ends PgBouncer for nobody.
		var halves []net.Conn
		for name := range process {
			if name != "bolt" {
				halves = append(halves, r.half(t, name, process[name], house["acme"].Load()[0]))
			}
		}
		r.estate.Tenants[0].Suspended = true
		settle(t, r.estate)
		must(landlord.ShutRouter(ctx, r.estate, "acme"))
		nobody("it was "+how, *house["acme"].Load())
		for _, half := range halves {
			const first = "n,,n=,r=rOprNGfwEbeRWgbNEkqO"
			proof := append([]byte("SCRAM-SHA-256\x00"), binary.BigEndian.AppendUint32(nil, uint32(len(first)))...)
			proof = append(proof, first...)
			_, err := half.Write(append(binary.BigEndian.AppendUint32([]byte("p"), uint32(len(proof)+4)), proof...))
			must(err)
			_, _ = half.Read(make([]byte, 64)) // a challenge, or no
			_ = half.Close()
		}
		leave() // they knock until now
		acmes.Wait()
		round("acme was "+how, "bolt")
		var n int
		must(s.Connect(t, "", "").QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'acme%'").Scan(&n))
		if n > 0 {
			t.Errorf("%s, and %d sessions are there", how, n)
		}
		if how == "suspended" {
			r.estate.Tenants[0].Suspended = false
			settle(t, r.estate)
			must(landlord.FollowRouter(ctx, r.estate))
			working, leave = context.WithCancel(ctx)
			defer leave()
			for name, k := range knockers {
				if name[:4] == "acme" {
					k.refused.Store(nil)
					acmes.Go(func() { k.run(working, at(name)) })
				}
			}
			round("acme is back")
		}
	}
	r.estate.Tenants = r.estate.Tenants[1:]
	result, err := landlord.Apply(ctx, r.estate, "main", landlord.Options{Tenants: []string{"acme"}, Prune: true}, landlord.Hooks{})
	if err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	must(landlord.FollowRouter(ctx, r.estate))
	nobody("the removal", *house["acme"].Load())
	round("the removal", "bolt")
	for path, text := range r.files(t) {
		if filepath.Base(path) != "pgbouncer.ini" && strings.Contains(text, "acme") {
			t.Errorf("acme is in %s still", path)
		}
	}
	list, err := landlord.StatusRouter(ctx, r.estate)
	if err != nil || len(list) != 1 || list[0].Name != "bolt" || !list[0].Running || list[0].Stale {
		t.Errorf("%+v, %v", list, err)
	}
	// What leads nowhere goes when the files change anyway, an hour later.
	nothing := func(want bool) {
		t.Helper()
		for _, o := range r.apply(t) {
			if !o.Running || o.Written == want {
				t.Errorf("nothing to do: %v, and %+v", want, o)
			}
		}
	}
	nothing(true)
	past := time.Now().Add(-2 * time.Hour)
	for path := range r.files(t) {
		must(os.Chtimes(path, past, past))
	}
	nothing(true)
	r.estate.Router.PoolSize++
	nothing(false)
	nothing(true)
	for path, text := range r.files(t) {
		if strings.Contains(text, "acme") {
			t.Errorf("acme is in %s still", path)
		}
	}
	round("the names are gone", "bolt")
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
		if o.Verdict != prove.Held && o.Verdict != prove.Works {
			t.Errorf("with the router's files away, %s %s: %s: %s: %s", o.Tenant, o.Login, o.Probe, o.Verdict, o.Detail)
		}
	}
}
