package converge_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
)

// standby starts a stopped server again as one that only recovers.
func standby(t *testing.T, s *pgtest.Server) {
	t.Helper()
	info, err := os.Stat(s.HBAFile())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.DataDir(), "standby.signal")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := chownLike(path, info); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What landlord does not know, it does not change.
func TestRefuses(t *testing.T) {
	may := snapshot.Session{User: "postgres", Superuser: true}
	for _, c := range []struct {
		name    string
		version pgsql.Version
		session snapshot.Session
		refused bool
	}{
		{"too old", 120022, may, true},
		{"oldest", 130001, may, false},
		{"newest", 180004, may, false},
		{"too new", 190000, may, true},
		{"a standby", 180000, snapshot.Session{User: "postgres", Superuser: true, Standby: true}, true},
		{"no rights", 180000, snapshot.Session{User: "joe", CreateDB: true}, true},
		{"a master user", 180000, snapshot.Session{User: "joe", CreateDB: true, CreateRole: true}, false},
	} {
		_, err := plan.Make(plan.Input{Snapshot: snapshot.Snapshot{Version: c.version, Session: c.session}})
		var refusal *plan.RefusalError
		if errors.As(err, &refusal) != c.refused || !c.refused && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
