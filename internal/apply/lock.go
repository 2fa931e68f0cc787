package apply

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
)

// lockKey is landlord's advisory lock: its name, as eight bytes.
const lockKey = 0x6c616e646c6f7264

// Lock keeps other landlords from changing the same server until release is
// called. wait is told once if somebody else holds it.
//
// The lock falls with the session of a landlord that was killed, but what its
// other sessions were just doing goes on to its end: so it also waits until
// these are gone.
func Lock(ctx context.Context, conninfo string, wait func()) (release func(), err error) {
	conn, err := openLock(ctx, conninfo)
	if err != nil {
		return nil, err
	}
	release = func() { connect.Close(conn) }
	got, err := scalar(ctx, conn, fmt.Sprintf("SELECT pg_catalog.pg_try_advisory_lock(%d)", lockKey))
	if err == nil && got != "t" {
		if wait != nil {
			wait()
		}
		_, err = scalar(ctx, conn, fmt.Sprintf("SELECT pg_catalog.pg_advisory_lock(%d)", lockKey))
	}
	if err == nil {
		err = quiet(ctx, conn)
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("taking landlord's lock: %w", err)
	}
	return release, nil
}

// openLock connects to database postgres where that can be, whichever one the
// conninfo names: an advisory lock is only seen within its database.
func openLock(ctx context.Context, conninfo string) (*pgconn.PgConn, error) {
	o := connect.Options{Database: "postgres", Application: "landlord lock", Lock: 24 * time.Hour}
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
