package connect

import (
	"os/user"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// ServerUser is the user of the operating system that the server of a session
// runs as, as the kernel has it of the socket that it listens on (unix(7),
// SO_PEERCRED); empty: the session came another way, or nobody has that number.
func ServerUser(conn *pgconn.PgConn) string {
	c, ok := conn.Conn().(syscall.Conn)
	if !ok || conn.Conn().RemoteAddr().Network() != "unix" {
		return ""
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return ""
	}
	var cred *syscall.Ucred
	var errno error
	if err := raw.Control(func(fd uintptr) {
		cred, errno = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil || errno != nil {
		return ""
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(cred.Uid), 10))
	if err != nil {
		return ""
	}
	return u.Username
}
