package pgtest

import "testing"

// TryConnect tries to connect and returns the error.
func TryConnect(t testing.TB, s *Server, db, user string) error {
	conn, err := s.connect(t.Context(), db, user)
	if err == nil {
		closeConn(conn)
	}
	return err
}

// TrySetHBA is SetHBA with the error returned.
func TrySetHBA(t testing.TB, s *Server, text string) error { return s.setHBA(t.Context(), text) }

// Sweep is the sweeping that Start does once per process.
var Sweep = sweepNow
