package apply

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
)

// Blocker is a session that holds a lock which a statement of landlord's
// waits for.
type Blocker struct {
	PID         int
	User        string // "" of a prepared transaction, which has no session
	Database    string
	Application string
	Address     string // "" on the local socket
	State       string // as pg_stat_activity has it: "idle in transaction"
	// Since is how long its transaction has been open.
	Since time.Duration
}

// String says who it is, for a person.
func (b Blocker) String() string {
	if b.PID == 0 {
		return "a prepared transaction (see pg_prepared_xacts)"
	}
	who := fmt.Sprintf("session %d of %s in database %s", b.PID, b.User, b.Database)
	var more []string
	for _, word := range []string{b.Application, b.State} {
		if word != "" {
			more = append(more, word)
		}
	}
	if b.Address != "" {
		more = append(more, "from "+b.Address)
	}
	if b.Since > 0 {
		more = append(more, "in a transaction since "+b.Since.Round(time.Second).String())
	}
	if len(more) > 0 {
		who += " (" + strings.Join(more, ", ") + ")"
	}
	return who
}

// blockersSQL asks for all that a session waits for. What they are running is
// not read: it may hold secrets. A role that is not in pg_monitor sees less.
const blockersSQL = `SELECT b.pid, COALESCE(a.usename, ''), COALESCE(a.datname, ''), COALESCE(a.application_name, ''),
       COALESCE(pg_catalog.host(a.client_addr), ''), COALESCE(a.state, ''),
       COALESCE(GREATEST(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) a.xact_start), 0)::pg_catalog.int8, 0)
FROM (SELECT DISTINCT p.pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(%d)) AS p (pid)) AS b
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid OPERATOR(pg_catalog.=) b.pid
ORDER BY b.pid`

// blockers reads who holds up a session now.
func blockers(ctx context.Context, conn *pgconn.PgConn, pid uint32) ([]Blocker, error) {
	results, err := conn.Exec(ctx, fmt.Sprintf(blockersSQL, pid)).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	var out []Blocker
	for _, row := range results[0].Rows {
		id, _ := strconv.Atoi(string(row[0]))
		seconds, _ := strconv.Atoi(string(row[6]))
		out = append(out, Blocker{PID: id, User: string(row[1]), Database: string(row[2]), Application: string(row[3]),
			Address: string(row[4]), State: string(row[5]), Since: time.Duration(seconds) * time.Second})
	}
	return out, nil
}

const (
	watchAfter = time.Second // a statement that takes longer may be waiting
	watchEvery = time.Second
)

// watch looks, over a connection of its own, who holds up a session, as long
// as a statement runs. When the server gives up waiting, it is too late to ask.
// The function that it returns ends the watch and gives those who were seen
// last. told is called once, when there is somebody, and not after the end.
func watch(ctx context.Context, conninfo string, pid uint32, told func([]Blocker)) (stop func() []Blocker) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var seen []Blocker
	saw := func(now []Blocker) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		if seen == nil && told != nil {
			told(now)
		}
		seen = now
	}
	go func() {
		var conn *pgconn.PgConn
		wait := time.NewTimer(watchAfter)
		defer wait.Stop()
		for {
			select {
			case <-ctx.Done():
				if conn != nil {
					connect.Close(conn)
				}
				return
			case <-wait.C:
			}
			if conn == nil {
				conn, _ = connect.Open(ctx, conninfo, connect.Options{Application: "landlord watch", Statement: 5 * time.Second})
			}
			if conn != nil {
				if now, err := blockers(ctx, conn, pid); err == nil && len(now) > 0 {
					saw(now)
				}
			}
			wait.Reset(watchEvery)
		}
	}()
	return func() []Blocker {
		cancel()
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

// blockedHint says what to do about those who block.
func blockedHint(who []Blocker) string {
	if len(who) == 0 {
		return "another session holds a lock: end it (see pg_stat_activity for sessions idle in transaction), then run it again"
	}
	var names, ends []string
	for _, b := range who {
		names = append(names, b.String())
		if b.PID != 0 {
			ends = append(ends, fmt.Sprintf("SELECT pg_terminate_backend(%d)", b.PID))
		}
	}
	hint := strings.Join(names, " and ") + " holds a lock that this needs"
	if len(who) > 1 {
		hint = strings.Join(names, " and ") + " hold locks that this needs"
	}
	if len(ends) > 0 {
		hint += "; wait for it, or end it (" + strings.Join(ends, "; ") + ")"
	}
	return hint + ", then run it again"
}
