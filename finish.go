package landlord

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// Finish says how open rotations are closed.
type Finish struct {
	// Login is the login whose rotation it is about; empty: all of the
	// tenant's that are open.
	Login string
	// After lets the old login go on for a time, and then closes it by
	// itself. 0: it is closed now, if nobody uses it.
	After time.Duration
	// Watch is how long it is watched first whether anybody does.
	Watch time.Duration
}

// Finished is a rotation that is over, or will be.
type Finished struct {
	Old, New string
	Until    string // when the old one stops by itself; empty: it is closed
	// Unused says that nobody was seen to use the new one either.
	Unused bool
}

// InUseError says that an old login is still in use: it stays open.
type InUseError struct {
	Login string
	// By says from where, with how many sessions.
	By []string
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("login %s is still in use, and stays open: %s", e.Login, strings.Join(e.By, ", "))
}

// Hint says what to do about it.
func (e *InUseError) Hint() string {
	return "give these programs the new settings and have them reconnect, then finish again"
}

// watchPause is the time between two looks at who is connected.
const watchPause = 20 * time.Millisecond

// FinishRotation closes the old logins of a tenant's open rotations: they can
// log in no more, and lose their passwords. One that is in use stays open, and
// is an *InUseError. PostgreSQL does not remember who has logged in, so that
// only sessions that last from one look to the next are sure to be seen.
func FinishRotation(ctx context.Context, e tenant.Estate, name string, f Finish, h Hooks) ([]Finished, error) {
	of, err := tenantOf(e, name)
	if err != nil {
		return nil, err
	}
	return of.finish(ctx, e, f, h)
}

func (of holder) finish(ctx context.Context, e tenant.Estate, f Finish, h Hooks) ([]Finished, error) {
	unused := map[string]bool{}
	if f.After == 0 && (e.Router != nil || f.Watch > 0) {
		if err := of.ask(ctx, e, f, unused); err != nil {
			return nil, err
		}
	}
	w, release, err := enter(ctx, e, of, h)
	if err != nil {
		return nil, err
	}
	defer release()
	var done []Finished
	for _, twin := range openTwins(w.twins(), f.Login) {
		until, err := w.after(ctx, f.After)
		if err == nil && until == "" {
			err = w.close(ctx, twin)
		} else if err == nil {
			err = w.postpone(ctx, twin, until)
		}
		if err != nil {
			return done, err
		}
		done = append(done, Finished{twin.Old, twin.Current(), until, unused[twin.Current()]})
	}
	return done, nil
}

// ask looks whether somebody uses old logins, through the router or else, and
// notes the new ones that nobody was seen to use. It takes no lock.
func (of holder) ask(ctx context.Context, e tenant.Estate, f Finish, unused map[string]bool) error {
	w, err := of.visit(ctx, e, "landlord tenant")
	if err != nil {
		return err
	}
	defer connect.Close(w.conn)
	twins := openTwins(w.twins(), f.Login)
	if len(twins) == 0 {
		return nil
	}
	if e.Router != nil {
		if err := w.releaseOld(ctx, twins); err != nil {
			return err
		}
	}
	if f.Watch > 0 {
		return w.watch(ctx, twins, f.Watch, unused)
	}
	return nil
}

// releaseOld has the router let go of its idle connections of old logins, which
// look like somebody who uses them, and names who does use them there.
func (w *work) releaseOld(ctx context.Context, twins []tenant.Twin) error {
	clients, err := releaseRouter(ctx, w.estate, w.of.name())
	if err != nil {
		return &UnreachedError{"whether programs use the old login through the router is not known", err}
	}
	for _, twin := range twins {
		if n := clients[twin.Old]; n > 0 {
			return &InUseError{twin.Old, []string{fmt.Sprintf("%d of the router's clients", n)}}
		}
	}
	for range 100 {
		if !slices.ContainsFunc(twins, func(twin tenant.Twin) bool { return inUse(ctx, w.conn, twin.Old) != nil }) {
			break
		}
		time.Sleep(watchPause)
	}
	return nil
}

// openTwins are the open rotations that a finish is about.
func openTwins(twins []tenant.Twin, login string) []tenant.Twin {
	return slices.DeleteFunc(slices.Clone(twins), func(w tenant.Twin) bool {
		return !w.Open || login != "" && login != w.Of && login != w.Name
	})
}

// watch looks for sessions of old logins, again and again for a while, and notes
// the new ones that nobody was seen to use.
func (w *work) watch(ctx context.Context, twins []tenant.Twin, long time.Duration, unused map[string]bool) error {
	for _, twin := range twins {
		unused[twin.Current()] = true
	}
	for until := time.Now().Add(long); time.Now().Before(until); {
		for _, twin := range twins {
			if err := inUse(ctx, w.conn, twin.Old); err != nil {
				return err
			}
			if unused[twin.Current()] {
				by, err := sessionsOf(ctx, w.conn, twin.Current())
				if err != nil {
					return err
				}
				unused[twin.Current()] = len(by) == 0
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchPause):
		}
	}
	return nil
}

// close closes an old login. Its door is shut first, and looked at again: who
// slipped in meanwhile has it opened again.
func (w *work) close(ctx context.Context, twin tenant.Twin) error {
	old := pgsql.Ident(twin.Old)
	if err := inUse(ctx, w.conn, twin.Old); err != nil {
		return err
	}
	done := twin.Finish()
	sql := []string{"ALTER ROLE " + old + " NOLOGIN PASSWORD NULL VALID UNTIL 'infinity'", w.comment(done)}
	// Not committed, the door looks open to those who come, and nobody is
	// turned away should it stay so.
	_, err := w.conn.Exec(ctx, "BEGIN;\n"+strings.Join(sql, ";\n")).ReadAll()
	if err == nil {
		if err = inUse(ctx, w.conn, twin.Old); err != nil {
			_, _ = w.conn.Exec(ctx, "ROLLBACK").ReadAll()
			return err
		}
		_, err = w.conn.Exec(ctx, "COMMIT").ReadAll()
	}
	if err != nil {
		return fmt.Errorf("closing %s (SQLSTATE %s): %w", twin.Old, connect.State(err), err)
	}
	return w.record("apply", twin.Old, sql)
}

// postpone lets an old login's password hold until a time.
func (w *work) postpone(ctx context.Context, twin tenant.Twin, until string) error {
	twin.Until = until
	sql := []string{w.validity(twin), w.comment(twin)}
	if err := w.run(ctx, sql...); err != nil {
		return fmt.Errorf("setting when %s stops (SQLSTATE %s): %w", twin.Old, connect.State(err), err)
	}
	return w.record("apply", twin.Old, sql)
}

// inUse is an *InUseError if a login has sessions.
func inUse(ctx context.Context, conn *pgconn.PgConn, login string) error {
	by, err := sessionsOf(ctx, conn, login)
	if err != nil || len(by) == 0 {
		return err
	}
	var parts []string
	for _, from := range slices.Sorted(maps.Keys(by)) {
		noun := "sessions"
		if by[from] == 1 {
			noun = "session"
		}
		parts = append(parts, fmt.Sprintf("%d %s %s", by[from], noun, from))
	}
	return &InUseError{login, parts}
}

// sessionsOf counts a login's sessions by where they come from. Who is no
// superuser sees of others' sessions neither address nor state.
func sessionsOf(ctx context.Context, conn *pgconn.PgConn, login string) (map[string]int, error) {
	results, err := conn.Exec(ctx, `SELECT CASE WHEN a.client_addr IS NOT NULL THEN 'from ' || pg_catalog.host(a.client_addr)
			WHEN a.client_port = -1 THEN 'from the local socket' ELSE 'from an address that landlord may not see' END,
		a.application_name, pg_catalog.count(*)
		FROM pg_catalog.pg_stat_activity AS a WHERE a.usename = `+pgsql.Literal(login)+` GROUP BY 1, 2`).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("looking for sessions of %s (SQLSTATE %s): %w", login, connect.State(err), err)
	}
	by := map[string]int{}
	for _, row := range results[0].Rows {
		from, n := string(row[0]), 0
		if program := clean(string(row[1])); program != "" {
			from += " (" + program + ")"
		}
		_, _ = fmt.Sscan(string(row[2]), &n)
		by[from] += n
	}
	return by, nil
}

// clean keeps what a client calls itself on one line.
func clean(s string) string { return strings.Join(strings.Fields(s), " ") }
