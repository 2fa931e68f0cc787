package pgtest_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"landlord/internal/localpg"
	"landlord/internal/pgtest"
)

// A bouncer hands clients' statements to its server, transaction by
// transaction, and lets nobody in with a wrong password.
func TestBouncer(t *testing.T) {
	majors := pgtest.Majors()
	if len(majors) == 0 {
		t.Skip("no PostgreSQL is installed")
	}
	s := pgtest.Start(t, majors[len(majors)-1], pgtest.WithHBA(localpg.DefaultHBA+"local all all scram-sha-256\n"))
	s.Exec(t, "postgres", `CREATE ROLE app LOGIN PASSWORD 'right'`)
	for _, tcp := range []bool{false, true} {
		b := pgtest.StartBouncer(t, s, pgtest.BouncerOptions{Users: map[string]string{"app": "right"}, TCP: tcp, Settings: map[string]string{"default_pool_size": "1"}})
		pids := map[int]bool{}
		for range 2 {
			conn, err := pgx.Connect(t.Context(), b.ConnString("postgres", "app")+" password=right default_query_exec_mode=exec")
			if err != nil {
				t.Fatal(err, b.Log(t))
			}
			defer conn.Close(t.Context())
			var pid int
			if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
				t.Fatal(err)
			}
			pids[pid] = true
		}
		if len(pids) != 1 {
			t.Errorf("two clients have %d server connections, not the one of the pool", len(pids))
		}
		_, err := pgx.Connect(t.Context(), b.ConnString("postgres", "app")+" password=wrong")
		if err == nil || !strings.Contains(err.Error(), "SASL authentication failed") {
			t.Errorf("a wrong password: %v", err)
		}
	}
}
