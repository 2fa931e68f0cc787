package catalog_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/catalog"
	"landlord/internal/pgtest"
	"landlord/internal/wiretap"
)

// TestCensusOnlyReads listens to what a census says: every message is a
// transaction that may only read, with timeouts, over few connections.
func TestCensusOnlyReads(t *testing.T) {
	majors := pgtest.Majors()
	s := pgtest.Start(t, majors[len(majors)-1])
	furnish(t, s)
	for _, db := range []string{"b", "c", "d", "e"} {
		s.Exec(t, "", "CREATE DATABASE "+db)
	}
	var mu sync.Mutex
	var said []string
	atWork, most := 0, 0
	tap, err := wiretap.Open(t.TempDir(), s.SocketDir(), s.Port(), func(startup map[string]string) wiretap.Ear {
		mu.Lock()
		defer mu.Unlock()
		if startup["statement_timeout"] != "60000" || startup["lock_timeout"] != "3000" || startup["search_path"] != "pg_catalog" {
			t.Errorf("a session begins with %v", startup)
		}
		asked := false
		return wiretap.Ear{Sent: func(kind byte, body []byte) wiretap.Verdict {
			mu.Lock()
			defer mu.Unlock()
			switch kind {
			case 'X':
			case 'Q':
				said = append(said, string(body))
				asked = true
				atWork++
				most = max(most, atWork)
			default:
				t.Errorf("a message of kind %q", kind)
			}
			return wiretap.Pass
		}, Answered: func(kind byte, _ []byte) {
			mu.Lock()
			defer mu.Unlock()
			if kind == 'Z' && asked { // ready for the next query
				asked = false
				atWork--
			}
		}}
	})
	if err != nil {
		t.Fatal(err)
	}
	got := census(t, catalog.CensusOptions{Conninfo: tap.Conninfo(), Parallel: 2, Timeout: time.Minute})
	if err := tap.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got.Contents) != 7 || most > 3 {
		t.Errorf("%d databases, up to %d queries at once", len(got.Contents), most)
	}
	if i := slices.IndexFunc(said, func(sql string) bool {
		return !strings.HasPrefix(sql, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;")
	}); i >= 0 {
		t.Errorf("this may write: %q", said[i])
	}
}

// TestCensusAsksForNoStrongLock: somebody else holds a lock on every table
// there is, the system's own with them, that lets nothing pass but ACCESS
// SHARE. The census is not kept waiting.
func TestCensusAsksForNoStrongLock(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		furnish(t, s)
		lockAll(t, s.Connect(t, "acme", "").PgConn())
		got := census(t, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres"), Databases: []string{"acme"}})
		c := contentsOf(t, got, "acme")
		for _, u := range got.Unread {
			if strings.Contains(u.Reason, "lock") {
				t.Errorf("%+v", u)
			}
		}
		if c.Error != "" || len(c.Policies) != 2 || len(c.Reads) != 1 {
			t.Errorf("%q %+v", c.Error, c.Inside)
		}
	})
}

// lockAll takes the lock, and keeps it until the test ends.
func lockAll(t *testing.T, conn *pgconn.PgConn) {
	t.Helper()
	for _, sql := range []string{"SET lock_timeout = '10s'", "BEGIN", `DO $$ DECLARE r regclass; BEGIN
		FOR r IN SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') LOOP EXECUTE format('LOCK TABLE ONLY %s IN EXCLUSIVE MODE', r); END LOOP; END $$`} {
		if _, err := conn.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
}
