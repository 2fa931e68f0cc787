package prove

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
)

// door is one way in: an address of the server.
type door struct {
	name     string
	conninfo string
	// change adjusts the address or TLS of conninfo; nil: as it is.
	change func(*pgconn.Config)
	socket bool
}

// findDoors lists the ways in: the tenants' endpoint first; the socket, if
// that is how landlord itself comes; and the loopback address, if landlord is
// on the server's machine and the server listens there.
func findDoors(ctx context.Context, home *pgconn.PgConn, connection, endpoint string) ([]door, error) {
	own, err := newDoor(connection)
	if err != nil {
		return nil, err
	}
	doors := []door{own}
	if endpoint != "" {
		d, err := newDoor(endpoint)
		if err != nil {
			return nil, fmt.Errorf("the tenants' endpoint: %w", err)
		}
		doors = []door{d}
		if own.socket && !d.socket {
			doors = append(doors, own)
		}
	}
	if own.socket && doors[0].socket {
		if d, ok := loopbackDoor(ctx, home, connection); ok {
			doors = append(doors, d)
		}
	}
	return doors, nil
}

func newDoor(conninfo string) (door, error) {
	cfg, err := connect.Config(conninfo, connect.Options{})
	if err != nil {
		return door{}, err
	}
	d := door{conninfo: conninfo, socket: strings.HasPrefix(cfg.Host, "/")}
	switch {
	case d.socket:
		d.name = "socket"
	case cfg.TLSConfig != nil:
		d.name = "TCP with TLS"
	default:
		d.name = "TCP"
	}
	return d, nil
}

// loopbackDoor finds whether the server, which landlord reaches over a socket,
// also listens on this machine's loopback address. TLS is then used where the
// server has it; its certificate is not checked, since there is no network
// between.
func loopbackDoor(ctx context.Context, home *pgconn.PgConn, conninfo string) (door, bool) {
	row, err := queryRow(ctx, home, `SELECT pg_catalog.current_setting('listen_addresses'), pg_catalog.current_setting('port'), pg_catalog.current_setting('ssl')`)
	if err != nil {
		return door{}, false
	}
	host := ""
	for word := range strings.SplitSeq(row[0], ",") {
		switch word = strings.TrimSpace(word); word {
		case "*", "0.0.0.0", "localhost", "127.0.0.1":
			host = "127.0.0.1"
		case "::", "::1":
			if host == "" {
				host = "::1"
			}
		}
	}
	port, err := strconv.ParseUint(row[1], 10, 16)
	if host == "" || err != nil {
		return door{}, false
	}
	withTLS := row[2] == "on"
	d := door{name: "TCP", conninfo: conninfo, change: func(c *pgconn.Config) {
		c.Host, c.Port, c.Fallbacks, c.TLSConfig = host, uint16(port), nil, nil
		if withTLS {
			c.TLSConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // loopback
		}
	}}
	if withTLS {
		d.name = "TCP with TLS"
	}
	return d, true
}

// remote says whether a session's client address is another machine's, as the
// server sees it.
func remote(address string) bool {
	ip := net.ParseIP(address)
	return ip != nil && !ip.IsLoopback()
}
