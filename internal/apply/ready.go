package apply

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"landlord/internal/connect"
	"landlord/internal/plan"
)

// InUseError says that somebody uses the template of which databases are made.
// PostgreSQL copies no database with a session in it but the copier's own.
type InUseError struct{ Who []Blocker }

func (e *InUseError) Error() string {
	who := make([]string, len(e.Who))
	for i, b := range e.Who {
		who[i] = b.String()
	}
	return "a database is to be made, and template0, of which it is made, is in use by " + strings.Join(who, ", ") + " (SQLSTATE 55006); nothing was changed"
}

// Hint says what to do about it.
func (e *InUseError) Hint() string {
	ends := make([]string, len(e.Who))
	for i, b := range e.Who {
		ends[i] = fmt.Sprintf("pg_terminate_backend(%d)", b.PID)
	}
	return "nobody has anything to do in template0: ALTER DATABASE template0 ALLOW_CONNECTIONS false; SELECT " + strings.Join(ends, ", ") + "; then run it again"
}

// inUseSQL leaves out the server's own processes, which make way.
const inUseSQL = `SELECT a.pid, COALESCE(a.usename, ''), COALESCE(a.application_name, ''), COALESCE(pg_catalog.host(a.client_addr), '')
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname OPERATOR(pg_catalog.=) 'template0' AND a.usesysid IS NOT NULL ORDER BY a.pid`

// Ready says what would stop a plan half-way, as far as that is to be seen
// before anything is changed: an [*InUseError], a [*RoomError], or the server's
// own error.
func Ready(ctx context.Context, p plan.Plan, conninfo string) error {
	n := p.NewDatabases()
	if n == 0 {
		return nil
	}
	conn, err := connect.Open(ctx, conninfo, connect.Options{Application: Application})
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	results, err := conn.Exec(ctx, inUseSQL).ReadAll()
	if err != nil {
		return fmt.Errorf("looking who uses template0: %w", err)
	}
	var e InUseError
	for _, row := range results[0].Rows {
		pid, err := strconv.Atoi(string(row[0]))
		if err != nil {
			return err
		}
		e.Who = append(e.Who, Blocker{PID: pid, User: string(row[1]), Database: "template0", Application: string(row[2]), Address: string(row[3])})
	}
	if len(e.Who) > 0 {
		return &e
	}
	return room(ctx, conn, n)
}
