// Package connect is the one place that opens connections to PostgreSQL.
//
// Every session starts with search_path=pg_catalog, role=none and its own
// timeouts as start-up options: these win over what the owner of a database
// has set on it, which otherwise runs code of that owner's choice in a
// superuser's session.
package connect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Options are what one session differs in.
type Options struct {
	// Database to connect to; empty: the conninfo's own, or "postgres".
	Database string
	// User and Password to log in as; empty: the conninfo's own.
	User, Password string
	// Application is the session's application_name; empty: "landlord".
	Application string
	// Statement and Lock are the session's timeouts; 0: none for statements,
	// 10 s for locks.
	Statement, Lock time.Duration
	// Plain leaves out landlord's start-up options: the session is then what
	// an ordinary client gets. For probes, which must not be safer than the
	// clients they stand for.
	Plain bool
	// Known is what is known of the server already. Some parameters that the
	// owner of a database can set against a session are known to newer servers
	// only, and unknown ones are refused.
	Known
	// UTC makes the session print times as UTC.
	UTC bool
	// OnNotice gets the server's notices.
	OnNotice func(*pgconn.Notice)
	// Change, if not nil, has the last word on the configuration: for probes,
	// which knock without TLS, at another address, or for replication.
	Change func(*pgconn.Config)
}

// DefaultLock is how long landlord's statements wait for a lock.
const DefaultLock = 10 * time.Second

// Config parses a conninfo (libpq keywords and values, or a URI; passwords
// come from PGPASSFILE and its kin) and adds what Options say.
func Config(conninfo string, o Options) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig(conninfo)
	if err != nil {
		return nil, fmt.Errorf("reading the connection string: %w", err)
	}
	switch {
	case o.Database != "":
		cfg.Database = o.Database
	case cfg.Database == "":
		cfg.Database = "postgres"
	}
	if o.User != "" {
		cfg.User, cfg.Password = o.User, o.Password
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if o.OnNotice != nil {
			o.OnNotice(n)
		}
	}
	params := startup(o)
	if cfg.RuntimeParams == nil {
		cfg.RuntimeParams = map[string]string{}
	}
	maps.Copy(cfg.RuntimeParams, params)
	if o.Change != nil {
		o.Change(cfg)
	}
	return cfg, nil
}

func startup(o Options) map[string]string {
	name := o.Application
	if name == "" {
		name = "landlord"
	}
	if o.Plain {
		return map[string]string{"application_name": name}
	}
	lock := o.Lock
	if lock == 0 {
		lock = DefaultLock
	}
	params := map[string]string{
		"application_name":                    name,
		"search_path":                         "pg_catalog",
		"role":                                "none",
		"local_preload_libraries":             "",
		"client_encoding":                     "UTF8",
		"client_min_messages":                 "warning",
		"default_transaction_read_only":       "off",
		"default_transaction_isolation":       "read committed",
		"standard_conforming_strings":         "on",
		"quote_all_identifiers":               "off",
		"datestyle":                           "ISO",
		"idle_in_transaction_session_timeout": "60000",
		"statement_timeout":                   millis(o.Statement),
		"lock_timeout":                        millis(lock),
	}
	if o.UTC {
		params["timezone"] = "UTC"
	}
	if o.Superuser { // the owner of a database may have been given this parameter (since 15)
		params["session_preload_libraries"] = ""
	}
	if o.Major >= 14 {
		params["idle_session_timeout"] = "0"
	}
	if o.Major >= withLoginTriggers {
		params["transaction_timeout"] = "0"
		if o.Superuser {
			params["event_triggers"] = "off"
		}
	}
	return params
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// patience is how often a server is tried that is out of connections: it may have
// one again in a moment, since where many landlords come at once, most of them
// have little to ask. All of it takes about a second.
const patience = 7

// Full says that a server has no connection left, or that too many knock at its
// local socket at once (EAGAIN).
func Full(err error) bool { return State(err) == "53300" || errors.Is(err, syscall.EAGAIN) }

// wait waits before another try, and says whether there is one.
func wait(ctx context.Context, err error, try *int) bool {
	if !Full(err) || *try >= patience {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(*try)*40*time.Millisecond + rand.N(20*time.Millisecond)):
		*try++
		return true
	}
}

// Open connects. The caller closes the connection.
func Open(ctx context.Context, conninfo string, o Options) (*pgconn.PgConn, error) {
	if o.Plain {
		_, conn, err := dial(ctx, conninfo, o)
		return conn, err
	}
	m, _ := ctx.Value(memoryKey{}).(*memory)
	if o.Major == 0 {
		cfg, err := Config(conninfo, o)
		if err != nil {
			return nil, err
		}
		o.Known = m.recall(place(cfg))
	}
	if o.Major == 0 {
		o.Known = Known{Major: withLoginTriggers, Superuser: true, Become: o.Become}
	}
	cfg, conn, err := dial(ctx, conninfo, o)
	for try := 1; err != nil && (o.lessAfter(err) || wait(ctx, err, &try)); {
		cfg, conn, err = dial(ctx, conninfo, o)
	}
	if err == nil {
		k := Of(conn)
		k.Become = o.Become
		m.note(place(cfg), k)
	}
	return conn, err
}

// lessAfter makes a session ask for less if the server has refused it for what
// it asked, or come as somebody else if it has refused who came.
func (o *Options) lessAfter(err error) bool {
	switch state := State(err); {
	case state == "42501" && o.Superuser && o.Major >= withLoginTriggers:
		o.Superuser = false
	case state == "42704" && o.Major >= withLoginTriggers:
		o.Known = Known{Become: o.Become}
	case refusedByPeer(err) && !o.Become && os.Geteuid() == 0:
		o.Become = true
	default:
		return false
	}
	return true
}

func dial(ctx context.Context, conninfo string, o Options) (*pgconn.Config, *pgconn.PgConn, error) {
	cfg, err := Config(conninfo, o)
	if err != nil {
		return nil, nil, err
	}
	if o.Become {
		become(cfg)
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return cfg, nil, failed(cfg, err)
	}
	return cfg, conn, nil
}

// Close ends a connection, at most a second long, whatever has become of the
// context that opened it.
func Close(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// State returns the SQLSTATE of an error from the server, or "".
func State(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}
