package pgtest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// SetHBA replaces pg_hba.conf and makes the server use it. It fails the test
// if the server finds an error in it. The text may shut the test itself out;
// it can still be replaced by one that lets it in.
func (s *Server) SetHBA(t testing.TB, text string) {
	t.Helper()
	if err := s.setHBA(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) setHBA(ctx context.Context, text string) error {
	// The old rules may let us in, or the new ones, or both.
	before, _ := s.connect(ctx, "", "")
	if err := s.WriteHBA(text); err != nil {
		return err
	}
	if before != nil {
		defer closeConn(before)
		if err := checkHBA(ctx, before); err != nil {
			return err
		}
		return s.Reload(ctx)
	}
	if err := s.Reload(ctx); err != nil {
		return err
	}
	after, err := s.connect(ctx, "", "")
	if err != nil {
		return fmt.Errorf("check the new pg_hba.conf: %w", err)
	}
	defer closeConn(after)
	return checkHBA(ctx, after)
}

// checkHBA asks the server to parse the file on disk.
func checkHBA(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT format('line %s: %s', line_number, error)
		FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL`)
	if err != nil {
		return err
	}
	wrong, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("pg_hba.conf has errors:\n%s", strings.Join(wrong, "\n"))
	}
	return nil
}
