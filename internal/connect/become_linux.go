package connect

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// become makes cfg come over the local socket as the user of the operating
// system that has the login's name, as sudo -u would; it is nil where that
// cannot be: only root can, and there must be such a user. Root makes tenants'
// own servers, and the server beside them lets in nobody but its own user
// (pg_hba.conf, peer).
func become(cfg *pgconn.Config) *Account {
	if network, _ := pgconn.NetworkAddress(cfg.Host, cfg.Port); network != "unix" || os.Geteuid() != 0 {
		return nil
	}
	named, err := user.Lookup(cfg.User)
	if err != nil {
		return nil
	}
	uid, err := strconv.Atoi(named.Uid)
	gid, err2 := strconv.Atoi(named.Gid)
	if err != nil || err2 != nil || uid == 0 {
		return nil
	}
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialAs(ctx, uid, network, address)
	}
	return &Account{uid, gid}
}

// dialAs connects as another user: the server asks for the effective one at
// the time of connect (unix(7), SO_PEERCRED). It is set for one thread, which
// ends with the goroutine that keeps it.
func dialAs(ctx context.Context, uid int, network, address string) (net.Conn, error) {
	type dialed struct {
		conn net.Conn
		err  error
	}
	done := make(chan dialed)
	go func() {
		runtime.LockOSThread()
		const keep = ^uintptr(0)
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, keep, uintptr(uid), keep); errno != 0 {
			done <- dialed{err: fmt.Errorf("becoming user %d of the system: %w", uid, errno)}
			return
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		done <- dialed{conn, err}
	}()
	d := <-done
	return d.conn, d.err
}
