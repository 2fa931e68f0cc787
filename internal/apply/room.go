package apply

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/localpg"
)

// RoomError says that a disk has not the room that new databases take. A server
// whose disk fills up while it makes one is worse off than one that makes none:
// from 15 on it may leave pages in its memory that it can write nowhere, and then
// neither checkpoints nor connections succeed.
type RoomError struct {
	Databases  int
	Need, Free int64 // bytes
	Dir        string
}

func (e *RoomError) Error() string {
	return fmt.Sprintf("%d new %s about %d MB with what is logged of them, and the disk of %s has %d MB left (SQLSTATE 53100); nothing was changed",
		e.Databases, plural(e.Databases, "database takes", "databases take"), megabytes(e.Need), e.Dir, e.Free>>20)
}

// Hint says what to do about it.
func (e *RoomError) Hint() string { return diskFull }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func megabytes(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// roomSQL asks where the server's data stand, which a superuser may know, since
// when it runs, and how large a new database is.
const roomSQL = `SELECT pg_catalog.current_setting('data_directory'), pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::pg_catalog.int8,
	pg_catalog.pg_database_size('template0')
WHERE (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user)`

// room is a [*RoomError] where the server is on this machine and its disk has
// no room for n more databases, and what is written into the log of them. Elsewhere
// nobody can look, and the server itself says so in its time.
func room(ctx context.Context, conn *pgconn.PgConn, n int) error {
	results, err := conn.Exec(ctx, roomSQL).ReadAll()
	if err != nil {
		return fmt.Errorf("asking how large a database is: %w", err)
	}
	if len(results[0].Rows) == 0 {
		return nil
	}
	row := results[0].Rows[0]
	data := string(row[0])
	since, err := strconv.ParseInt(string(row[1]), 10, 64)
	if err != nil || !runsHere(data, since) {
		return nil
	}
	size, err := strconv.ParseInt(string(row[2]), 10, 64)
	if err != nil {
		return err
	}
	// A database is copied by way of the log, from 15 on.
	need := map[syscall.Fsid]int64{}
	for _, part := range []string{"base", "pg_wal"} {
		dir := filepath.Join(data, part)
		var disk syscall.Statfs_t
		if syscall.Statfs(dir, &disk) != nil {
			continue
		}
		need[disk.Fsid] += int64(n) * size
		if free := int64(disk.Bavail) * int64(disk.Bsize); free < need[disk.Fsid] {
			return &RoomError{Databases: n, Need: need[disk.Fsid], Free: free, Dir: dir}
		}
	}
	return nil
}

// runsHere says whether a data directory on this machine is that of a server:
// its process has written down when it was started.
func runsHere(data string, since int64) bool {
	lines := localpg.PidFile(data)
	if len(lines) < 3 {
		return false
	}
	began, err := strconv.ParseInt(strings.TrimSpace(lines[2]), 10, 64)
	return err == nil && since >= began-1 && since-began <= 60 // the server is ready a while after it began
}
