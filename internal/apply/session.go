package apply

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/plan"
)

// Application is the application_name of the sessions that change things.
const Application = "landlord apply"

// sessions are one worker's connections: one to landlord's own database, and
// one to whichever other it works in.
type sessions struct {
	conninfo string
	lock     time.Duration // how long a statement waits for a lock
	blocked  func([]Blocker)
	home     *pgconn.PgConn
	other    *pgconn.PgConn
	database string // that other is connected to
}

func (s *sessions) to(ctx context.Context, database string) (*pgconn.PgConn, error) {
	if database == "" {
		return s.open(ctx, &s.home, "")
	}
	if s.other != nil && s.database != database {
		connect.Close(s.other)
		s.other = nil
	}
	s.database = database
	return s.open(ctx, &s.other, database)
}

func (s *sessions) open(ctx context.Context, conn **pgconn.PgConn, database string) (*pgconn.PgConn, error) {
	if *conn != nil && !(*conn).IsClosed() {
		return *conn, nil
	}
	fresh, err := connect.Open(ctx, s.conninfo, connect.Options{Database: database, Application: Application, Lock: s.lock})
	if err != nil {
		return nil, err
	}
	*conn = fresh
	return fresh, nil
}

func (s *sessions) close() {
	for _, c := range []*pgconn.PgConn{s.home, s.other} {
		if c != nil {
			connect.Close(c)
		}
	}
}

// line is one statement, with the step that it belongs to.
type line struct {
	step int
	sql  string
}

// run runs steps that go together, in one round trip.
func (s *sessions) run(ctx context.Context, steps []plan.Step) error {
	conn, err := s.to(ctx, steps[0].Database)
	if err != nil {
		return &StepError{Step: steps[0], SQL: "connecting", State: connect.State(err), Err: err}
	}
	if !steps[0].Alone {
		return s.exec(ctx, conn, steps, lines(steps))
	}
	// A statement that cannot be in a transaction goes alone, since several
	// in one message are one.
	for i, step := range steps {
		for _, sql := range alone(step) {
			if err := s.exec(ctx, conn, steps, []line{{i, sql}}); err != nil {
				connect.Close(conn) // it may still have the step's role
				return err
			}
		}
	}
	return nil
}

// alone are the messages of a step that cannot be in a transaction.
func alone(step plan.Step) []string {
	if step.As == "" {
		return step.SQL
	}
	return slices.Concat([]string{plan.SetRole(step.As)}, step.SQL, []string{plan.SetRole("")})
}

// lines are the statements of one transaction.
func lines(steps []plan.Step) []line {
	out := []line{{0, "BEGIN"}}
	as := ""
	for i, step := range steps {
		if step.As != as {
			out = append(out, line{i, plan.SetRole(step.As)})
			as = step.As
		}
		for _, sql := range step.SQL {
			out = append(out, line{i, sql})
		}
	}
	if as != "" {
		out = append(out, line{len(steps) - 1, plan.SetRole("")})
	}
	return append(out, line{len(steps) - 1, "COMMIT"})
}

func (s *sessions) exec(ctx context.Context, conn *pgconn.PgConn, steps []plan.Step, all []line) error {
	var text strings.Builder
	for _, l := range all {
		text.WriteString(l.sql)
		text.WriteString(";\n")
	}
	blockers := watch(ctx, s.conninfo, conn.PID(), s.blocked)
	reply := conn.Exec(ctx, text.String())
	done := 0
	for reply.NextResult() {
		if _, err := reply.ResultReader().Close(); err != nil {
			break
		}
		done++
	}
	err := reply.Close()
	who := blockers()
	if err == nil {
		return nil
	}
	failed := all[min(done, len(all)-1)]
	if len(all) > 1 && !conn.IsClosed() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "ROLLBACK").ReadAll()
	}
	return &StepError{Step: steps[failed.step], SQL: failed.sql, State: connect.State(err), Err: err, Blockers: who}
}
