package apply_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"landlord/internal/apply"
	"landlord/internal/connect"
	"landlord/internal/pgtest"
)

// A hundred landlords at once, on a server that has not sessions for them all:
// each gets the lock in its turn, and nobody else has it meanwhile.
func TestLockOfAHundred(t *testing.T) {
	s := pgtest.Start(t, slices.Max(pgtest.Majors()), pgtest.WithSettings(map[string]string{"max_connections": "60", "max_wal_senders": "0"}))
	var inside, waited atomic.Int32
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			lock, err := apply.Lock(t.Context(), s.ConnString("postgres", "postgres"), func() { waited.Add(1) })
			if err != nil {
				t.Error(err)
				return
			}
			if n := inside.Add(1); n != 1 {
				t.Errorf("%d have the lock", n)
			}
			// There is room for whoever is at work, and few wait in sessions: a few
			// more than may, since several have looked at the same time.
			conn, err := connect.Open(t.Context(), s.ConnString("postgres", "postgres"), connect.Options{})
			if err != nil {
				t.Error(err)
			} else {
				got, err := conn.Exec(t.Context(), "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").ReadAll()
				if err != nil {
					t.Error(err)
				} else if n := len(got[0].Rows); n > 16 {
					t.Errorf("%d wait in sessions", n)
				}
				connect.Close(conn)
			}
			inside.Add(-1)
			lock.Release()
		})
	}
	all.Wait()
	if waited.Load() == 0 {
		t.Error("nobody waited")
	}
}

// Who comes after somebody who has given the lock back waits for nobody.
func TestReleasedLockIsFree(t *testing.T) {
	s := pgtest.Start(t, slices.Max(pgtest.Majors()))
	for range 50 {
		lock, err := apply.Lock(t.Context(), s.ConnString("postgres", "postgres"), func() { t.Error("somebody has the lock, who gave it back") })
		if err != nil {
			t.Fatal(err)
		}
		lock.Release()
	}
}
