// Package bouncer deals with PgBouncer on this machine: its console, its files,
// and whether it would take a configuration.
package bouncer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/run"
)

// Console is a session with PgBouncer's console.
type Console struct{ conn *pgconn.PgConn }

// ErrNotRunning says that no PgBouncer listens on the socket.
var ErrNotRunning = errors.New("PgBouncer is not running")

// Open connects to the console over the unix socket, as the operating system's
// user as which PgBouncer runs (nil: ourselves): whom it lets in without
// asking for more. The error is [ErrNotRunning] where nobody listens.
func Open(ctx context.Context, dir string, port int, user *run.Credential) (*Console, error) {
	socket := filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(port))
	conn, err := connect.Open(ctx, fmt.Sprintf("host=%s port=%d user=pgbouncer dbname=pgbouncer sslmode=disable", connect.Word(dir), port), connect.Options{
		Plain: true, Application: "landlord router",
		Change: func(c *pgconn.Config) {
			c.Password, c.ConnectTimeout = "", 10*time.Second
			c.DialFunc = func(context.Context, string, string) (net.Conn, error) { return dial(socket, user) }
		},
	})
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w: nobody listens on %s", ErrNotRunning, socket)
	case connect.State(err) != "" && os.Getuid() != 0:
		return nil, fmt.Errorf("PgBouncer's console on %s: %w; it is open to PgBouncer's own user alone: run landlord as that user, or as root", socket, err)
	case err != nil:
		return nil, fmt.Errorf("PgBouncer's console on %s: %w", socket, err)
	}
	return &Console{conn}, nil
}

// dial connects to a socket as another user. The kernel tells the other side
// the effective user of the thread that connects, so that it is changed for
// this thread alone, and only for this call.
func dial(socket string, user *run.Credential) (net.Conn, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	err = as(user, func() error { return syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}) })
	if err != nil {
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(fd), socket)
	defer f.Close()
	return net.FileConn(f)
}

// as does something with another effective user on this thread.
func as(user *run.Credential, do func() error) error {
	if user == nil || int(user.UID) == os.Geteuid() {
		return do()
	}
	if os.Getuid() != 0 {
		return fmt.Errorf("only root can come as user %d", user.UID)
	}
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(user.UID), ^uintptr(0)); errno != 0 {
		runtime.UnlockOSThread()
		return os.NewSyscallError("setresuid", errno)
	}
	err := do()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), 0, ^uintptr(0)); errno != 0 {
		// The thread stays locked, and ends with its goroutine.
		return errors.Join(err, os.NewSyscallError("setresuid", errno))
	}
	runtime.UnlockOSThread()
	return err
}

// Close ends the session.
func (c *Console) Close() { connect.Close(c.conn) }

// Row is a row of an answer, by the names of its columns.
type Row map[string]string

// Int is a column as a number; 0 where it is none.
func (r Row) Int(column string) int {
	n, _ := strconv.Atoi(r[column])
	return n
}

// Run gives a command and returns its rows. The console knows only its own
// commands, and no escapes: a name in it must be checked before.
func (c *Console) Run(ctx context.Context, command string) ([]Row, error) {
	results, err := c.conn.Exec(ctx, command).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("PgBouncer's console: %s: %w", command, err)
	}
	var rows []Row
	for _, r := range results {
		for _, values := range r.Rows {
			row := Row{}
			for i, f := range r.FieldDescriptions {
				row[f.Name] = string(values[i])
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}
