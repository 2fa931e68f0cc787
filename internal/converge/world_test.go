package converge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

// world is one server with one spec, and the people around it.
type world struct {
	*gen
	t         *testing.T
	s         *pgtest.Server
	e         tenant.Estate
	me        string   // who landlord connects as
	baseline  []string // what landlord cannot do here from the start
	strangers []string // roles that are no tenants' and no superusers
	conns     map[string]*pgx.Conn
	diary     []string // what was done by hand
	refused   []string // what the server did not let be done
}

func newWorld(t *testing.T, s *pgtest.Server, seed uint64) *world {
	w := &world{gen: newGen(seed), t: t, s: s, me: "postgres", conns: map[string]*pgx.Conn{}}
	w.e = w.estate(s.ConnString("postgres", "postgres"))
	t.Cleanup(w.disconnect)
	return w
}

func (w *world) ctx() context.Context { return w.t.Context() }

// superuser is a connection to a database that stays open until disconnect.
func (w *world) superuser(db string) *pgx.Conn {
	w.t.Helper()
	if c := w.conns[db]; c != nil && !c.IsClosed() {
		return c
	}
	c, err := pgx.Connect(w.ctx(), w.s.ConnString(db, "postgres"))
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == "55000" {
		return nil // it takes no connections
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := c.Exec(w.ctx(), "SET search_path = pg_catalog; SET lock_timeout = '10s'; SET client_min_messages = error"); err != nil {
		w.t.Fatal(err)
	}
	w.conns[db] = c
	return c
}

func (w *world) disconnect() {
	for _, c := range w.conns {
		_ = c.Close(context.Background())
	}
	clear(w.conns)
}

// hand does something by hand, as a role ("" is the superuser). What the
// server refuses is noted: many random deeds make no sense.
func (w *world) hand(db, as, sql string) bool {
	w.t.Helper()
	c := w.superuser(db)
	if c == nil {
		return false
	}
	text := sql
	if as != "" {
		text = "SET ROLE " + pgsql.Ident(as) + "; " + sql
	}
	_, err := c.Exec(w.ctx(), text)
	if as != "" {
		if _, err := c.Exec(w.ctx(), "RESET ROLE"); err != nil {
			w.t.Fatal(err)
		}
	}
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		w.refused = append(w.refused, fmt.Sprintf("%s: %s", pg.Message, text))
		return false
	}
	if err != nil {
		w.t.Fatalf("%v\nin: %s", err, text)
	}
	w.diary = append(w.diary, fmt.Sprintf("%q: %s", db, text))
	return true
}

// must does something that has to work.
func (w *world) must(db, as, sql string) {
	w.t.Helper()
	if !w.hand(db, as, sql) {
		w.t.Fatal(w.refused)
	}
}

// rows returns a query's rows as text.
func (w *world) rows(db, sql string, args ...any) [][]string {
	w.t.Helper()
	c := w.superuser(db)
	if c == nil {
		return nil
	}
	rows, err := c.Query(w.ctx(), sql, args...)
	if err != nil {
		w.t.Fatalf("%v\nin: %s", err, sql)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]string, error) {
		values, err := row.Values()
		out := make([]string, len(values))
		for i, v := range values {
			if v != nil {
				out[i] = fmt.Sprint(v)
			}
		}
		return out, err
	})
	if err != nil {
		w.t.Fatalf("%v\nin: %s", err, sql)
	}
	return all
}

// column returns the first column of a query.
func (w *world) column(db, sql string, args ...any) []string {
	w.t.Helper()
	var out []string
	for _, row := range w.rows(db, sql, args...) {
		out = append(out, row[0])
	}
	return out
}

// databases are the tenants' databases, each once.
func (w *world) databases() []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range w.e.Tenants {
		for _, p := range t.Places() {
			if !seen[p.Database] {
				seen[p.Database] = true
				out = append(out, p.Database)
			}
		}
	}
	return out
}

// open are the databases that take connections.
func (w *world) open() []string {
	return w.column("postgres", "SELECT datname::text FROM pg_database WHERE datallowconn ORDER BY datname")
}

// roles are all tenants' roles, and the pools'.
func (w *world) roles() []string {
	out := w.pools()
	for _, t := range w.e.Tenants {
		out = append(out, t.Roles()...)
	}
	return out
}

func (w *world) major() int { return w.s.Major() }

// indent lists lines for people, the first forty.
func indent(lines []string) string {
	if len(lines) > 40 {
		lines = append(lines[:40:40], fmt.Sprintf("and %d more", len(lines)-40))
	}
	return "\n  " + strings.Join(lines, "\n  ")
}
