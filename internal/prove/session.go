package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
)

// The bounds of every attempt.
const (
	statementTimeout = 5 * time.Second
	lockTimeout      = 500 * time.Millisecond
	connectTimeout   = 10 * time.Second
	replyTimeout     = 15 * time.Second
)

// applicationName is that of the sessions that make attempts.
const applicationName = "landlord probe"

// account is who logs in.
type account struct{ user, password string }

// session is a tenant's, as an ordinary client would have it.
type session struct {
	conn          *pgconn.PgConn
	first         string // a statement with which each transaction begins
	notices       []string
	notifications []*pgconn.Notification
}

// enter logs in through a door. extra adjusts the connection further.
func enter(ctx context.Context, d door, who account, database string, extra func(*pgconn.Config)) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	s := &session{}
	conn, err := connect.Open(ctx, d.conninfo, connect.Options{
		Database: database, User: who.user, Password: who.password, Application: applicationName, Plain: true,
		OnNotice: func(n *pgconn.Notice) { s.notices = append(s.notices, n.Message) },
		Change: func(c *pgconn.Config) {
			if d.change != nil {
				d.change(c)
			}
			c.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { s.notifications = append(s.notifications, n) }
			if extra != nil {
				extra(c)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	s.conn = conn
	return s, nil
}

func (s *session) close() {
	if s != nil && s.conn != nil {
		connect.Close(s.conn)
	}
}

// reply is the server's answer.
type reply struct {
	// rows are those of the last statement that gave any.
	rows [][]string
	// affected are the counts of each statement, BEGIN and ROLLBACK left out.
	affected []int64
	notices  []string
	err      error
}

func (r reply) state() string { return connect.State(r.err) }

// value is the first field of the first row.
func (r reply) value() string {
	if len(r.rows) == 0 {
		return ""
	}
	return r.rows[0][0]
}

// said is what the server said, in one line.
func (r reply) said() string {
	switch {
	case r.err != nil:
		return explain(r.err)
	case len(r.notices) > 0:
		return "accepted, with: " + r.notices[0]
	}
	return "accepted"
}

// explain puts an error into one line that holds nothing secret: the server's
// own message, or what became of the connection.
func explain(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		text = e.Message
	}
	return strings.Join(strings.Fields(text), " ")
}

// try runs statements in one transaction, which is rolled back.
func (s *session) try(ctx context.Context, statements ...string) reply {
	begin := []string{"BEGIN"}
	if s.first != "" {
		begin = append(begin, s.first)
	}
	r := s.after(ctx, len(begin), strings.Join(slices.Concat(begin, statements, []string{"ROLLBACK"}), ";\n"))
	if r.err != nil {
		_ = s.run(ctx, "ROLLBACK")
		return r
	}
	r.affected = r.affected[len(begin) : len(r.affected)-1]
	return r
}

// bare is the session without the statement with which its transactions begin.
func (s *session) bare() *session {
	other := *s
	other.first = ""
	return &other
}

// run sends statements as they are.
func (s *session) run(ctx context.Context, sql string) reply { return s.after(ctx, 0, sql) }

// after is run; the rows are none of the first n statements'.
func (s *session) after(ctx context.Context, n int, sql string) reply {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	s.notices = nil
	results, err := s.conn.Exec(ctx, sql).ReadAll()
	r := reply{err: err, notices: s.notices}
	for i, res := range results {
		r.affected = append(r.affected, res.CommandTag.RowsAffected())
		if len(res.FieldDescriptions) > 0 && i >= n {
			r.rows = texts(res.Rows)
		}
	}
	return r
}

// bound sets the session's timeouts, which it could set itself too.
func (s *session) bound(ctx context.Context) error {
	return s.run(ctx, fmt.Sprintf("SET statement_timeout = %d; SET lock_timeout = %d", statementTimeout.Milliseconds(), lockTimeout.Milliseconds())).err
}

func texts(rows [][][]byte) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = make([]string, len(row))
		for j, v := range row {
			out[i][j] = string(v)
		}
	}
	return out
}

// queryRow runs SQL as landlord and gives the last statement's first row.
func queryRow(ctx context.Context, conn *pgconn.PgConn, sql string) ([]string, error) {
	rows, err := queryRows(ctx, conn, sql)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no rows came back")
	}
	return rows[0], nil
}

func queryRows(ctx context.Context, conn *pgconn.PgConn, sql string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*replyTimeout)
	defer cancel()
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, r := range results {
		if len(r.FieldDescriptions) > 0 {
			rows = texts(r.Rows)
		}
	}
	return rows, nil
}
