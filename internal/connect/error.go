package connect

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Error is a connection that could not be opened.
type Error struct {
	Database, User string
	Err            error
}

func (e *Error) Error() string {
	return fmt.Sprintf("connecting to database %q as %q: %v", e.Database, e.User, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *Error) Hint() string {
	switch state := State(e.Err); {
	case state == "28P01":
		return "put the right password into a pgpass file (PGPASSFILE), mode 0600"
	case refusedByPeer(e.Err):
		return "peer lets in the system user of the same name only: run landlord as that user (sudo -u " + e.User + ")"
	case state == "28000":
		return "the server lets this login in from nowhere here: see its pg_hba.conf, and whether the role may log in"
	case state == "3D000":
		return "name a database that exists in the connection (dbname=…)"
	case errors.Is(e.Err, syscall.EAGAIN):
		return "too many programs connect at once: run it again, or raise max_connections"
	case errors.Is(e.Err, syscall.ECONNREFUSED), errors.Is(e.Err, fs.ErrNotExist):
		return "start the server, or put its address right (servers: connection)"
	case errors.Is(e.Err, fs.ErrPermission):
		return "run landlord as a user who may open the socket (sudo -u postgres)"
	}
	return "see whether psql can connect with the same settings (servers: connection)"
}

// refusedByPeer says that the server let nobody in but the user of the system
// that has the login's name.
func refusedByPeer(err error) bool {
	return err != nil && State(err) == "28000" && strings.Contains(err.Error(), "eer authentication")
}

// failed makes an Error without the settings that pgconn repeats before its
// reason.
func failed(cfg *pgconn.Config, err error) error {
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok && e.Unwrap() != nil {
		err = e.Unwrap()
	}
	return &Error{Database: cfg.Database, User: cfg.User, Err: err}
}
