//go:build !linux

package connect

import "github.com/jackc/pgx/v5/pgconn"

// ServerUser is not known here.
func ServerUser(*pgconn.PgConn) string { return "" }
