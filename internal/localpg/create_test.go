package localpg_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/localpg"
)

// place returns a directory that every user may enter, with a short name.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ll-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// anyInstall returns the newest server installed.
func anyInstall(t *testing.T) localpg.Install {
	t.Helper()
	in, err := localpg.Find(t.Context(), 0)
	if err != nil {
		t.Skipf("NOT TESTED: %v", err)
	}
	return in
}

// TestWholeLife goes without a template, and through initdb, as the demo does.
func TestWholeLife(t *testing.T) {
	dir := filepath.Join(place(t), "a place's", "pg")
	s, err := localpg.Create(t.Context(), localpg.Options{Install: anyInstall(t), Dir: dir, TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.ConnString("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"fsync", "ssl", "server_encoding", "password_encryption", "hba_file"} {
		var value string
		if err := conn.QueryRow(t.Context(), "SHOW "+name).Scan(&value); err != nil {
			t.Fatal(err)
		}
		got[name] = value
	}
	want := map[string]string{"fsync": "on", "ssl": "on", "server_encoding": "UTF8", "password_encryption": "scram-sha-256", "hba_file": s.HBAFile()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	full := place(t)
	if err := os.WriteFile(filepath.Join(full, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ dir, want string }{
		"a directory with something in it": {full, "it is not empty (there is precious)"},
		"a name too long for a socket":     {filepath.Join(place(t), strings.Repeat("x", 100)), "107 are the most that a socket can have"},
		"a place under a file":             {filepath.Join(full, "precious", "pg"), "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := localpg.Create(t.Context(), localpg.Options{Install: anyInstall(t), Dir: tc.dir})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(full, "precious")); err != nil {
		t.Error(err)
	}
}

func TestCreateRefusesAPlaceClosedToTheServersUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a server runs as somebody else only under root")
	}
	closed := place(t)
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := localpg.Create(t.Context(), localpg.Options{Install: anyInstall(t), Dir: filepath.Join(closed, "pg")})
	if err == nil || !strings.Contains(err.Error(), "may not enter "+closed+" (mode 0700)") {
		t.Errorf("got %v", err)
	}
}

func TestCreateLeavesNothingWhenItFails(t *testing.T) {
	dir := filepath.Join(place(t), "pg")
	ctx, cancel := context.WithCancel(t.Context())
	in := anyInstall(t)
	cancel()
	if _, err := localpg.Create(ctx, localpg.Options{Install: in, Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

func TestFind(t *testing.T) {
	_, err := localpg.Find(t.Context(), 7)
	if !errors.Is(err, localpg.ErrNotFound) || !strings.Contains(err.Error(), "postgresql-7, or run scripts/fetch-postgres.sh 7") {
		t.Errorf("got %v", err)
	}
	installed := localpg.Installed(t.Context())
	for i, in := range installed {
		if i > 0 && in.Major >= installed[i-1].Major {
			t.Errorf("%v after %v", in, installed[i-1])
		}
		found, err := localpg.Find(t.Context(), in.Major)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(in, found); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFindTool(t *testing.T) {
	if path, err := localpg.FindTool("sh"); err != nil || filepath.Base(path) != "sh" {
		t.Errorf("got %q, %v", path, err)
	}
	if _, err := localpg.FindTool("landlord-no-such-tool"); err == nil {
		t.Error("found")
	}
}

func TestConnStringQuotes(t *testing.T) {
	s, err := localpg.Create(t.Context(), localpg.Options{Install: anyInstall(t), Dir: filepath.Join(place(t), "pg"), Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Remove()
	for _, name := range []string{"acme", "", "a b", `it's`, `back\slash`, "new\nline", "größe", "a=b"} {
		config, err := pgconn.ParseConfig(s.ConnString(name+"x", name+"y"))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if config.Database != name+"x" || config.User != name+"y" || config.Host != s.SocketDir() {
			t.Errorf("%q: got %q, %q, %q", name, config.Database, config.User, config.Host)
		}
	}
}
