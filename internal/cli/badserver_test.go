package cli_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"landlord/internal/pgtest"
	"landlord/internal/run"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// catalogs are what an apply can change, as one text, out of all databases.
func catalogs(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	var b strings.Builder
	read := func(db string, queries ...string) (out []string) {
		conn := s.Connect(t, db, "")
		defer conn.Close(t.Context())
		for _, q := range queries {
			out = append(out, strings1(t, conn, q)...)
		}
		return out
	}
	databases := read("", "SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1")
	shared := read("", "SELECT a::text FROM pg_authid AS a ORDER BY 1", "SELECT m::text FROM pg_auth_members AS m ORDER BY 1",
		"SELECT (datname, datdba, datacl, datallowconn, datconnlimit)::text FROM pg_database ORDER BY 1", "SELECT s::text FROM pg_db_role_setting AS s ORDER BY 1",
		"SELECT s::text FROM pg_shdescription AS s ORDER BY 1", "SELECT d::text FROM pg_shdepend AS d ORDER BY 1")
	b.WriteString(strings.Join(shared, "\n"))
	for _, db := range databases {
		state := refusal(t.Context(), s, "postgres", db)
		for ; state == "53300"; state = refusal(t.Context(), s, "postgres", db) { // until what was closed has ended
			time.Sleep(5 * time.Millisecond)
		}
		if state != "00000" { // nobody looks into it, and nobody changes it
			b.WriteString("\n" + db + " refuses")
			continue
		}
		b.WriteString("\n" + db + "\n" + strings.Join(read(db, "SELECT n::text FROM pg_namespace AS n WHERE nspname !~ '^pg_t' ORDER BY 1",
			"SELECT (oid, relname, relowner, relacl)::text FROM pg_class WHERE oid >= 16384 ORDER BY 1", "SELECT d::text FROM pg_default_acl AS d ORDER BY 1"), "\n"))
	}
	text, err := os.ReadFile(s.HBAFile())
	if err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n" + string(text)
}

// try is landlord with one spec.
type try struct {
	t    *testing.T
	file string
}

func newTry(t *testing.T, connection, tenants string) try {
	t.Helper()
	file := filepath.Join(t.TempDir(), "landlord.yaml")
	text := fmt.Sprintf("servers: {main: {connection: %s}}\ntenants:\n%s", connection, tenants)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return try{t, file}
}

func (y try) estate() tenant.Estate {
	y.t.Helper()
	text, err := os.ReadFile(y.file)
	if err != nil {
		y.t.Fatal(err)
	}
	e, err := spec.Parse(y.file, text)
	if err != nil {
		y.t.Fatal(err)
	}
	return e
}

// run wants an exit status, and words on standard error.
func (y try) run(status int, words []string, args ...string) {
	y.t.Helper()
	_, stderr, err := run.Command(context.Background(), run.Spec{Name: "landlord", Args: append(args, "-f", y.file)})
	got := 0
	if e, ok := err.(*run.Error); ok {
		got = e.Code
	} else if err != nil {
		y.t.Fatal(err)
	}
	if got != status {
		y.t.Errorf("landlord %s: exit status %d, not %d:\n%s", strings.Join(args, " "), got, status, stderr)
	}
	for _, w := range words {
		if !strings.Contains(string(stderr), w) {
			y.t.Errorf("landlord %s does not say %q:\n%s", strings.Join(args, " "), w, stderr)
		}
	}
}

func someTenants(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  t%d: {limits: {connections: 20, temp_files: 1GiB}}\n", i)
	}
	return b.String()
}

// A standby takes no changes: landlord says so, and where to go instead.
func TestStandby(t *testing.T) {
	t.Parallel()
	for _, major := range ends(pgtest.Majors()) {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			t.Parallel()
			s := pgtest.Start(t, major)
			y := newTry(t, s.ConnString("postgres", "postgres"), someTenants(2))
			y.run(0, nil, "apply", "--yes")
			s.Exec(t, "", "GRANT CONNECT ON DATABASE t0 TO PUBLIC")
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			signal := filepath.Join(s.DataDir(), "standby.signal")
			if err := os.WriteFile(signal, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := catalogs(t, s)
			for _, args := range [][]string{{"plan"}, {"apply", "--yes"}} {
				y.run(1, []string{"the server is a standby and takes no changes", "next: connect to the primary"}, args...)
			}
			y.run(1, []string{"next: connect to the primary"}, "credentials", "t0", "--rotate")
			y.run(1, []string{"next: connect to the primary"}, "hba", "apply", "--yes")
			if diff := cmp.Diff(before, catalogs(t, s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A server that is out of connections, from the beginning or from some point
// on: an error with what to do, and nothing is changed, or what was is whole.
func TestOutOfConnections(t *testing.T) {
	t.Parallel()
	for _, major := range ends(pgtest.Majors()) {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			t.Parallel()
			s := pgtest.Start(t, major, pgtest.WithSettings(map[string]string{
				"max_connections": "16", "superuser_reserved_connections": "1", "max_wal_senders": "0", "autovacuum": "off"}))
			y := newTry(t, s.ConnString("postgres", "postgres"), someTenants(6))
			before := catalogs(t, s)
			var held []*pgx.Conn
			for range 16 {
				held = append(held, s.Connect(t, "", ""))
			}
			y.run(1, []string{"53300", "out of connections"}, "plan")
			y.run(1, []string{"53300", "out of connections"}, "apply", "--yes")
			y.run(1, []string{"53300", "out of connections"}, "credentials", "t0")
			release := func(n int) {
				for _, c := range held[:n] {
					c.Close(t.Context())
				}
				held = held[n:]
				waitAlone(t, s, len(held))
			}
			release(3)
			if diff := cmp.Diff(before, catalogs(t, s)); diff != "" {
				t.Error(diff)
			}
			// One worker gets a session, the other may not.
			for range 2 {
				_, _, _ = run.Command(t.Context(), run.Spec{Name: "landlord", Args: []string{"apply", "--yes", "-f", y.file}})
			}
			release(len(held))
			if _, wrong := openHouses(t, s, y.estate()); len(wrong) > 0 {
				t.Error(wrong)
			}
			y.run(0, nil, "apply", "--yes")
			// What is there cannot be read: that is an error, and no plan that
			// leaves it out.
			for range 15 {
				held = append(held, s.Connect(t, "", ""))
			}
			s2 := newTry(t, s.ConnString("postgres", "postgres"), someTenants(6))
			stop := hog(t, s)
			_, stderr, err := run.Command(t.Context(), run.Spec{Name: "landlord", Args: []string{"plan", "-f", s2.file}})
			stop()
			if err == nil {
				t.Logf("plan got through: %s", stderr)
			} else if !strings.Contains(string(stderr), "next: the server is out of connections") {
				t.Errorf("plan: %v\n%s", err, stderr)
			}
			release(len(held))
			y.run(0, nil, "plan")
		})
	}
}

// waitAlone waits until a server has no more than so many sessions.
func waitAlone(t *testing.T, s *pgtest.Server, n int) {
	t.Helper()
	for range 6000 {
		conn, err := pgx.Connect(t.Context(), s.ConnString("postgres", "postgres"))
		if err == nil {
			var sessions int
			err = conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()").Scan(&sessions)
			conn.Close(t.Context())
			if err == nil && sessions <= n {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the sessions do not end")
}

// hog takes each free connection that it can get, until it is stopped.
func hog(t *testing.T, s *pgtest.Server) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if conn, err := pgx.Connect(ctx, s.ConnString("postgres", "postgres")); err == nil {
				_, _ = conn.Exec(ctx, "SELECT pg_sleep(0.05)")
				_ = conn.Close(context.Background())
			}
		}
	}()
	return func() { cancel(); <-done }
}

// smallDisk puts a directory on a disk of its own, which fill leaves so many
// bytes free of.
func smallDisk(t *testing.T, dir, size string) (fill func(free int64)) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	aside := dir + ".aside"
	if err := os.Rename(dir, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("%s,mode=0700,uid=%d,gid=%d", size, owner.Uid, owner.Gid)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("NOT TESTED: a small disk takes the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if _, _, err := run.Command(t.Context(), run.Spec{Name: "cp", Args: []string{"-a", aside + "/.", dir}}); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	return func(free int64) {
		_ = os.Remove(filler)
		var disk syscall.Statfs_t
		if err := syscall.Statfs(dir, &disk); err != nil {
			t.Fatal(err)
		}
		if all := int64(disk.Bavail) * disk.Bsize; all > free {
			if err := os.WriteFile(filler, make([]byte, all-free), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
