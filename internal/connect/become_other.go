//go:build !linux

package connect

import "github.com/jackc/pgx/v5/pgconn"

// become is possible on Linux only.
func become(*pgconn.Config) *Account { return nil }
