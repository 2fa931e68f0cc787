package catalog

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"landlord/internal/connect"
	"landlord/internal/snapshot"
)

//go:embed sql/census
var censusFiles embed.FS

// censusSQL is the text of one file of sql/census, with words put in.
func censusSQL(name string, words ...string) string {
	text, err := censusFiles.ReadFile("sql/census/" + name + ".sql")
	if err != nil {
		panic(err) // it is embedded
	}
	return strings.NewReplacer(words...).Replace(string(text))
}

// OldestMajor is the oldest server whose catalogs Census knows.
const OldestMajor = 10

// CensusLock is how long a census waits for somebody's lock.
const CensusLock = 3 * time.Second

// CensusOptions say how a census is taken.
type CensusOptions struct {
	// Conninfo is where landlord connects: libpq keywords and values or a URI.
	Conninfo string
	// Databases to look into; empty: all that take connections.
	Databases []string
	// Parallel is how many databases are read at once; 0 means 4.
	Parallel int
	// Timeout is the longest that one statement may run; 0 means two minutes.
	Timeout time.Duration
	// Done is called with the name of each database that has been read, from
	// several goroutines, and with how many there are. May be nil.
	Done func(database string, total int)
}

// UnknownDatabaseError says that somebody asked for a database that there is
// not.
type UnknownDatabaseError struct{ Database string }

func (e *UnknownDatabaseError) Error() string {
	return fmt.Sprintf("there is no database %q on the server", e.Database)
}

// Census reads everything that bears on access, as whatever role one has.
// What that role cannot read is in the snapshot's Unread. It writes nothing,
// and takes no lock above ACCESS SHARE.
func Census(ctx context.Context, o CensusOptions) (snapshot.Snapshot, error) {
	o.Timeout, o.Parallel = cmp.Or(o.Timeout, 2*time.Minute), cmp.Or(max(o.Parallel, 0), 4)
	ctx = connect.Remember(ctx)
	conn, err := connect.Open(ctx, o.Conninfo, connect.Options{Statement: o.Timeout, Lock: CensusLock, UTC: true})
	if err != nil {
		return snapshot.Snapshot{}, err
	}
	defer connect.Close(conn)
	if m := major(conn); m < OldestMajor {
		return snapshot.Snapshot{}, fmt.Errorf("the server is PostgreSQL %s: landlord reads %d and newer", conn.ParameterStatus("server_version"), OldestMajor)
	}
	snap, err := Session(ctx, conn)
	if err != nil {
		return snap, err
	}
	wanted, err := choose(&snap, o.Databases)
	if err != nil {
		return snap, err
	}
	var inside []inventory
	session, databases := snap.Session, named(snap.Databases, wanted)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		inside, err = inventories(ctx, o, session, major(conn), databases)
		return err
	})
	group.Go(func() error { return censusServer(ctx, conn, &snap) })
	if err := group.Wait(); err != nil {
		return snap, err
	}
	for _, i := range inside {
		snap.Contents = append(snap.Contents, i.contents)
		snap.Unread = append(snap.Unread, i.unread...)
	}
	return snap, nil
}

// choose says which databases are looked into; of the others it notes why
// not.
func choose(s *snapshot.Snapshot, asked []string) ([]string, error) {
	for _, name := range asked {
		if !slices.ContainsFunc(s.Databases, func(d snapshot.Database) bool { return d.Name == name }) {
			return nil, &UnknownDatabaseError{name}
		}
	}
	var wanted []string
	for _, d := range s.Databases {
		reason := ""
		switch {
		case !d.AllowConn:
			reason = "the database takes no connections"
		case len(asked) > 0 && !slices.Contains(asked, d.Name):
			reason = "nobody asked for it"
		default:
			wanted = append(wanted, d.Name)
			continue
		}
		s.Unread = append(s.Unread, snapshot.Unread{Part: snapshot.PartContents, Database: d.Name, Reason: reason})
	}
	return wanted, nil
}

// major is the server's major version; 0 where it does not say.
func major(conn *pgconn.PgConn) int { return connect.Of(conn).Major }

// piece is a part of a snapshot with its query.
type piece struct {
	part snapshot.Part
	name string // of its query
	sql  string
	rows []rowFunc // one for each statement
}

// readPieces reads all pieces in one round trip, or, where that fails, each
// for itself: then it returns what could not be read. Again is called before
// the second try, to forget what the first has brought.
func readPieces(ctx context.Context, conn *pgconn.PgConn, r *reader, database string, pieces []piece, again func()) ([]snapshot.Unread, error) {
	var sql strings.Builder
	var rows []rowFunc
	for _, p := range pieces {
		sql.WriteString(p.sql)
		rows = append(rows, p.rows...)
	}
	if err := query(ctx, conn, r, sql.String(), rows...); err == nil {
		return nil, nil
	} else if conn.IsClosed() || connect.State(err) == "" {
		return nil, err
	}
	again()
	var unread []snapshot.Unread
	for _, p := range pieces {
		err := query(ctx, conn, r, p.sql, p.rows...)
		if err == nil {
			continue
		}
		if conn.IsClosed() || connect.State(err) == "" {
			return nil, err
		}
		unread = append(unread, snapshot.Unread{Part: p.part, Database: database, Reason: reason(err)})
	}
	return unread, nil
}

// reason is the server's own, on one line.
func reason(err error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, "): ERROR: "); ok {
		text = after
	}
	return strings.Join(strings.Fields(text), " ")
}
