package apply

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
)

// lockKey is landlord's advisory lock: its name, as eight bytes.
const lockKey = 0x6c616e646c6f7264

// maxQueue is how many landlords may wait in sessions. The others knock again
// now and then: were all of a hundred to sit and wait, the one at work might get
// no session any more.
const maxQueue = 8

// Held is landlord's lock, which nobody else holds meanwhile.
type Held struct{ conn *pgconn.PgConn }

// Release gives the lock back: who asks for it next gets it, and is not told of
// somebody at work whose session only has not ended yet.
func (h *Held) Release() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = scalar(ctx, h.conn, fmt.Sprintf("SELECT pg_catalog.pg_advisory_unlock(%d)", lockKey)) // it falls with the session at the latest
	connect.Close(h.conn)
}

// Still says whether the lock is still held: it falls with its session, and then
// somebody else may be at work.
func (h *Held) Still(ctx context.Context) bool {
	_, err := scalar(ctx, h.conn, "SELECT 1")
	return err == nil
}

// Lock keeps other landlords from changing the same server until it is released.
// wait is told once if somebody else holds it.
//
// The lock falls with the session of a landlord that was killed, but what its
// other sessions were just doing goes on to its end: so it also waits until
// these are gone.
func Lock(ctx context.Context, conninfo string, wait func()) (*Held, error) {
	waiting := false
	held := func() {
		if !waiting && wait != nil {
			wait()
		}
		waiting = true
	}
	for {
		conn, err := openLock(ctx, conninfo)
		switch {
		case err == nil:
			got, err := take(ctx, conn, held)
			if got {
				return &Held{conn}, nil
			}
			if connect.Close(conn); err != nil {
				return nil, fmt.Errorf("taking landlord's lock: %w", err)
			}
		case !waiting || !connect.Full(err): // so many wait
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for landlord's lock: %w", ctx.Err())
		case <-time.After(100*time.Millisecond + rand.N(300*time.Millisecond)):
		}
	}
}

// take takes the lock. Where somebody else holds it, it says so, and waits for it
// if few others do; else it is not got.
func take(ctx context.Context, conn *pgconn.PgConn, held func()) (got bool, err error) {
	now, err := scalar(ctx, conn, fmt.Sprintf("SELECT pg_catalog.pg_try_advisory_lock(%d)", lockKey))
	if err == nil && now != "t" {
		held()
		few, err := scalar(ctx, conn, fmt.Sprintf(`SELECT pg_catalog.count(*) <= %d FROM pg_catalog.pg_stat_activity AS a
			WHERE a.application_name = '`+lockApplication+`' AND a.usename = session_user`, maxQueue+2)) // with the holder, and this one
		if err != nil || few != "t" {
			return false, err
		}
		if _, err := scalar(ctx, conn, fmt.Sprintf("SELECT pg_catalog.pg_advisory_lock(%d)", lockKey)); err != nil {
			return false, err
		}
	}
	if err == nil {
		err = quiet(ctx, conn)
	}
	return err == nil, err
}

const lockApplication = "landlord lock"

// openLock connects to database postgres where that can be, whichever one the
// conninfo names: an advisory lock is only seen within its database.
func openLock(ctx context.Context, conninfo string) (*pgconn.PgConn, error) {
	o := connect.Options{Database: "postgres", Application: lockApplication, Lock: 24 * time.Hour}
	conn, err := connect.Open(ctx, conninfo, o)
	if err == nil {
		return conn, nil
	}
	o.Database = ""
	return connect.Open(ctx, conninfo, o)
}

// quiet waits for the sessions that a killed landlord has left.
func quiet(ctx context.Context, conn *pgconn.PgConn) error {
	for {
		n, err := scalar(ctx, conn, `SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a
			WHERE a.application_name = '`+Application+`' AND a.usename = session_user`)
		if err != nil || n == "0" {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// scalar runs a query that gives one value.
func scalar(ctx context.Context, conn *pgconn.PgConn, sql string) (string, error) {
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return "", err
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return "", nil
	}
	return string(last.Rows[0][0]), nil
}
