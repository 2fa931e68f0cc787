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
	step *plan.Step
	sql  string
}

// run runs the steps of groups that go together, in one round trip.
func (s *sessions) run(ctx context.Context, groups ...group) error {
	first := &groups[0][0]
	conn, err := s.to(ctx, first.Database)
	if err != nil {
		return &StepError{Step: *first, SQL: "connecting", State: connect.State(err), Err: err}
	}
	if !first.Alone {
		return s.exec(ctx, conn, transaction(groups))
	}
	// A statement that cannot be in a transaction goes alone, since several
	// in one message are one.
	for i := range groups[0] {
		step := &groups[0][i]
		for _, sql := range alone(step) {
			if err := s.exec(ctx, conn, []line{{step, sql}}); err != nil {
				connect.Close(conn) // it may still have the step's role
				return err
			}
		}
	}
	return nil
}

// alone are the messages of a step that cannot be in a transaction.
func alone(step *plan.Step) []string {
	if step.As == "" {
		return step.SQL
	}
	return slices.Concat([]string{plan.SetRole(step.As)}, step.SQL, []string{plan.SetRole("")})
}

// transaction is the statements of groups as one transaction. What locks a
// role that all tenants share comes last, so that no neighbour waits for the
// rest: since 16, GRANT locks the role that it grants until the end.
func transaction(groups []group) []line {
	steps := make([]*plan.Step, 0, 32)
	for _, late := range []bool{false, true} {
		for _, g := range groups {
			for i := range g {
				if g[i].Late == late {
					steps = append(steps, &g[i])
				}
			}
		}
	}
	out := make([]line, 0, maxBatch+2)
	out = append(out, line{steps[0], "BEGIN"})
	if steps[0].Apart {
		out = append(out, line{steps[0], brief}, line{steps[0], lookFirst})
	}
	as := ""
	for _, step := range steps {
		if step.As != as {
			out = append(out, line{step, plan.SetRole(step.As)})
			as = step.As
		}
		for _, sql := range step.SQL {
			out = append(out, line{step, sql})
			if step.Apart && strings.HasPrefix(sql, plan.LockTable) {
				out = append(out, line{step, briefer})
			}
		}
	}
	last := steps[len(steps)-1]
	if as != "" {
		out = append(out, line{last, plan.SetRole("")})
	}
	return append(out, line{last, "COMMIT"})
}

// message is the text that the server gets.
func message(all []line) string {
	const end = ";\n"
	size := 0
	for _, l := range all {
		size += len(l.sql) + len(end)
	}
	var text strings.Builder
	text.Grow(size)
	for _, l := range all {
		text.WriteString(l.sql)
		text.WriteString(end)
	}
	return text.String()
}

func (s *sessions) exec(ctx context.Context, conn *pgconn.PgConn, all []line) error {
	blockers := watch(ctx, s.conninfo, conn.PID(), s.blocked)
	reply := conn.Exec(ctx, message(all))
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
	return &StepError{Step: *failed.step, SQL: failed.sql, State: connect.State(err), Err: err, Blockers: who}
}
