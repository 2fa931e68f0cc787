package landlord

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"landlord/internal/connect"
	"landlord/internal/journal"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// Quiet ends the sessions of a tenant's logins until there is none left: a
// closed door says nothing about who is inside. It returns how many it ended,
// which the estate's journal keeps.
func Quiet(ctx context.Context, e tenant.Estate, s tenant.Server, t tenant.Tenant) (ended int, err error) {
	if ended, err = quiet(ctx, s, t); ended == 0 {
		return ended, err
	}
	entry := journal.Entry{Action: "sessions", Server: s.Name, Tenant: t.Name, Group: fmt.Sprintf("%d ended", ended)}
	if err != nil {
		entry.Error = err.Error()
	}
	return ended, errors.Join(err, record(e, entry))
}

func quiet(ctx context.Context, s tenant.Server, t tenant.Tenant) (ended int, err error) {
	logins := t.LoginRoles()
	if len(logins) == 0 || s.Own != nil && s.Own.Stopped {
		return 0, nil
	}
	conn, err := connect.Open(ctx, s.Connection, connect.Options{Application: "landlord tenant"})
	if err != nil {
		return 0, err
	}
	defer connect.Close(conn)
	superuser := conn.ParameterStatus("is_superuser") == "on"
	count := "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.usename IN (" + pgsql.Literals(logins...) + ")"
	for range 100 {
		results, err := conn.Exec(ctx, count).ReadAll()
		if err != nil {
			return ended, fmt.Errorf("counting the sessions of tenant %s: %w", t.Name, err)
		}
		n, err := strconv.Atoi(string(results[0].Rows[0][0]))
		if n == 0 || err != nil {
			return ended, err
		}
		ended = max(ended, n)
		for _, login := range logins {
			if _, err := conn.Exec(ctx, endSessions(login, superuser)).ReadAll(); err != nil {
				return ended, fmt.Errorf("ending the sessions of %s (SQLSTATE %s): %w", login, connect.State(err), err)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return ended, fmt.Errorf("sessions of %s go on after being ended; only the server's administrator can stop them", strings.Join(logins, ", "))
}

// endSessions ends a login's sessions: as the login itself, as which everybody
// may, where landlord is no superuser.
func endSessions(login string, superuser bool) string {
	if superuser {
		return plan.EndSessions(login)
	}
	return plan.SetRole(login) + ";" + plan.EndSessions(login) + ";" + plan.SetRole("")
}
