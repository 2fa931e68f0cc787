package backup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"landlord/internal/localpg"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// TestDump: what pg_dump of this machine can dump comes back whole, from a
// file that only its owner reads; a newer server is refused with what to
// install, and leaves no file.
func TestDump(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "", `CREATE SCHEMA "we""ird *"`, `CREATE TABLE "we""ird *".t AS SELECT 42 AS a`, `CREATE TABLE other AS SELECT 1 AS b`)
		d := Dump{Conninfo: s.ConnString("postgres", "postgres"), Database: "postgres", Schemas: []string{`we"ird *`},
			Path: filepath.Join(t.TempDir(), "t.dump"), Version: pgsql.Version(s.Major() * 10000)}
		n, err := Write(t.Context(), d)
		if unable := Able(t.Context(), d.Version); unable != nil {
			var refused *Error
			if !errors.As(err, &refused) || !strings.Contains(refused.Hint(), "--no-dump") {
				t.Fatalf("a server that cannot be dumped: %v", err)
			}
			if _, err := os.Stat(d.Path); err == nil {
				t.Error("a file was left")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(d.Path)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() != n {
			t.Errorf("%v, %v, %d bytes said", info, err, n)
		}
		restore, err := localpg.FindTool("pg_restore")
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := run.Command(t.Context(), run.Spec{Name: restore, Args: []string{"--file=-", d.Path}})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\n42\n") || strings.Contains(string(text), "other") {
			t.Errorf("the dump is not of the one schema:\n%s", text)
		}
		if _, err := Write(t.Context(), d); err == nil {
			t.Error("an older dump was written over")
		}
		d.Path, d.Database = filepath.Join(t.TempDir(), "none.dump"), "nowhere"
		if _, err := Write(t.Context(), d); err == nil {
			t.Error("a database that there is not was dumped")
		}
		if _, err := os.Stat(d.Path); err == nil {
			t.Error("a dump that failed left a file")
		}
		if user, err := localpg.ServerUser(); err != nil || user != "postgres" || os.Geteuid() != 0 {
			return
		}
		// Root dumps what lets in nobody but the server's own user, into a file of root's.
		s.SetHBA(t, "local all all peer\n")
		d.Database = "postgres"
		if n, err := Write(t.Context(), d); err != nil || n == 0 {
			t.Errorf("as root: %d bytes, %v", n, err)
		}
	})
}
