package clienttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/audit"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// byHand are servers as people have built them, whose application has the
// login user1 and another's user2.
func byHand() []struct {
	name string
	make func(*testing.T, *pgtest.Server)
	// databases are where user1 and user2 work.
	databases [2]string
	// table has a row that can be inserted.
	table string
} {
	const logins = "CREATE ROLE user1 LOGIN PASSWORD 'user1-password'; CREATE ROLE user2 LOGIN PASSWORD 'user2-password'; " +
		"CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD 'admin-password'; GRANT user1, user2 TO admin"
	return []struct {
		name      string
		make      func(*testing.T, *pgtest.Server)
		databases [2]string
		table     string
	}{
		{"the question's", func(t *testing.T, s *pgtest.Server) {
			s.Exec(t, "", logins, "CREATE DATABASE admin", "GRANT ALL ON DATABASE admin TO admin")
			for _, u := range []string{"user1", "user2"} {
				s.Exec(t, "", "CREATE DATABASE "+u+" OWNER admin", "GRANT ALL ON DATABASE "+u+" TO "+u)
				s.Exec(t, u, "GRANT CREATE ON SCHEMA public TO PUBLIC; SET ROLE "+u+"; CREATE SCHEMA audit; "+objects)
			}
			s.Exec(t, "user2", "SET ROLE user1; CREATE TABLE public.i_was_here (a int)")
			s.Exec(t, "", "ALTER ROLE user1 CONNECTION LIMIT 40; ALTER DATABASE user1 SET timezone = 'Asia/Tokyo'; ALTER ROLE user1 SET statement_timeout = '90s'; "+
				"ALTER ROLE user2 IN DATABASE user2 SET work_mem = '8192'")
		}, [2]string{"user1", "user2"}, "customers (id, name) VALUES (777, 'x')"},
		{"schemas in one database, and PUBLIC", func(t *testing.T, s *pgtest.Server) {
			s.Exec(t, "", logins, "CREATE DATABASE \"Big Shop\"")
			for _, u := range []string{"user1", "user2"} {
				s.Exec(t, "Big Shop", "CREATE SCHEMA "+u+" AUTHORIZATION "+u+"; SET search_path = "+u+"; SET ROLE "+u+
					"; CREATE TABLE articles (id serial PRIMARY KEY, title text); GRANT ALL ON SCHEMA "+u+" TO PUBLIC; GRANT ALL ON articles TO PUBLIC")
			}
		}, [2]string{"Big Shop", "Big Shop"}, "articles (title) VALUES ('x')"},
	}
}

// A server built by hand is imported, and taken over while an application is
// at work: it goes on by its old login and password, and no wall is missing.
func TestImport(t *testing.T) {
	t.Parallel()
	for _, major := range ends() {
		for _, c := range byHand() {
			t.Run(fmt.Sprintf("postgres-%d/%s", major, c.name), func(t *testing.T) {
				t.Parallel()
				s := pgtest.Start(t, major, pgtest.WithTCP(), pgtest.WithHBA(questionHBA))
				c.make(t, s)
				found, err := landlord.Import(t.Context(), tenant.Server{Name: "main", Connection: s.ConnString("postgres", "postgres")})
				if err != nil {
					t.Fatal(err)
				}
				e, err := spec.Parse("landlord.yaml", found.Text)
				if err != nil || len(e.Tenants) != 2 {
					t.Fatalf("%v\n%s", err, found.Text)
				}
				before := [2]string{}
				for i, u := range []string{"user1", "user2"} {
					before[i] = shown(t, s.ConnString(c.databases[i], u)+" password="+u+"-password")
				}
				var clients *crowd
				if c.databases[0] == "user1" {
					clients = gather(t, 4, 60*time.Millisecond, s.ConnString("user1", "user1")+" password=user1-password")
					defer clients.home()
				}
				takeOver(t, e)
				settled(t, e)
				if clients != nil { // what comes now locks whole tables, in an order of its own
					clients.everybody(2)
					clients.home()
				}
				for i, u := range []string{"user1", "user2"} {
					login := " password=" + u + "-password"
					doesRows(t, s.ConnString(c.databases[i], u)+login, c.table)
					if other := c.databases[1-i]; other != c.databases[i] {
						if conn, err := pgx.Connect(t.Context(), s.ConnString(other, u)+login); err == nil {
							_ = conn.Close(t.Context())
							t.Errorf("%s is in database %s", u, other)
						}
					}
				}
				auditIsClean(t, e)
				for i, u := range []string{"user1", "user2"} {
					if now := shown(t, s.ConnString(c.databases[i], u)+" password="+u+"-password"); now != before[i] {
						t.Errorf("sessions of %s began with %s, and now with %s", u, before[i], now)
					}
				}
				r, err := landlord.Prove(t.Context(), e, "main", landlord.Options{}, landlord.ProveHooks{})
				if err != nil || r.Escaped() || r.Broken() {
					t.Errorf("prove: %v: %v", err, r.Counts)
					for _, o := range r.Outcomes {
						if o.Verdict == prove.Escaped || o.Verdict == prove.Failed {
							t.Errorf("%s %s: %s", o.Login, o.Probe, o.Detail)
						}
					}
				}
			})
		}
	}
}

// A customer with two databases is imported as one tenant, and taken over: its
// application goes on in both, by its old login and password, and nobody else
// gets into either.
func TestImportSeveralDatabases(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, ends()[len(ends())-1], pgtest.WithTCP(), pgtest.WithHBA(questionHBA))
	s.Exec(t, "", "CREATE ROLE shop LOGIN PASSWORD 'shop-password'; CREATE ROLE other LOGIN PASSWORD 'other-password'; CREATE ROLE till LOGIN PASSWORD 'till-password'",
		"CREATE DATABASE shop OWNER shop", "CREATE DATABASE shop_log OWNER shop", "CREATE DATABASE other OWNER other")
	for _, db := range []string{"shop", "shop_log", "other"} {
		owner, _, _ := strings.Cut(db, "_")
		s.Exec(t, db, "GRANT CREATE ON SCHEMA public TO PUBLIC; SET ROLE "+owner+"; CREATE SCHEMA audit; "+objects)
	}
	s.Exec(t, "shop_log", "GRANT SELECT ON customers TO till; CREATE SCHEMA first; ALTER SCHEMA first OWNER TO shop; SET ROLE shop; CREATE TABLE first.t (id int PRIMARY KEY)")
	s.Exec(t, "", "ALTER ROLE shop IN DATABASE shop_log SET search_path = public, first, audit; ALTER ROLE shop SET timezone = 'Asia/Tokyo'; ALTER ROLE till SET timezone = 'Asia/Tokyo'")
	found, err := landlord.Import(t.Context(), tenant.Server{Name: "main", Connection: s.ConnString("postgres", "postgres")})
	if err != nil || len(found.Asks) > 0 {
		t.Fatalf("%v\n%s", err, found.Text)
	}
	e, err := spec.Parse("landlord.yaml", found.Text)
	if err != nil || len(e.Tenants) != 2 {
		t.Fatalf("%v\n%s", err, found.Text)
	}
	if got, _ := e.Tenant("tenant_shop"); len(got.Places()) != 2 || len(got.LoginsOf(tenant.Reader)) != 1 {
		t.Fatalf("%s", found.Text)
	}
	login := func(db, user string) string { return s.ConnString(db, user) + " password=" + user + "-password" }
	before := []string{shown(t, login("shop", "shop")), shown(t, login("shop_log", "shop"))}
	clients := gather(t, 4, 60*time.Millisecond, login("shop", "shop"), login("shop_log", "shop"))
	defer clients.home()
	takeOver(t, e)
	clients.everybody(2)
	clients.home()
	settled(t, e)
	for i, db := range []string{"shop", "shop_log"} {
		doesRows(t, login(db, "shop"), "customers (id, name) VALUES (777, 'x')")
		if now := shown(t, login(db, "shop")); now != before[i] {
			t.Errorf("in %s sessions began with %s, and now with %s", db, before[i], now)
		}
		if conn, err := pgx.Connect(t.Context(), login(db, "other")); err == nil {
			_ = conn.Close(t.Context())
			t.Errorf("other is in %s", db)
		}
	}
	auditIsClean(t, e)
	r, err := landlord.Prove(t.Context(), e, "main", landlord.Options{}, landlord.ProveHooks{})
	if err != nil || r.Escaped() || r.Broken() {
		t.Errorf("prove: %v: %v", err, r.Counts)
	}
}

// shown is what is set for a login's sessions.
func shown(t *testing.T, conninfo string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), conninfo)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var text string
	if err := conn.QueryRow(t.Context(), "SELECT concat_ws(' ', current_setting('timezone'), current_setting('statement_timeout'), current_setting('work_mem'), rolconnlimit) "+
		"FROM pg_roles WHERE rolname = session_user").Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// auditIsClean wants an audit without findings, with the spec and without.
// What remains is no matter of access that import or apply could settle: which
// PostgreSQL is installed (server-minor, server-eol), and advice: how the
// server logs, archives and checks its pages, limits of connections, which
// import does not invent, that before 16 who makes roles is everybody, and that
// before 15 everybody may create in schema public of a database into which none
// but the administrator gets.
func auditIsClean(t *testing.T, e tenant.Estate) {
	t.Helper()
	advice := []string{"role-connection-limit", "role-createrole", "schema-public-create", "server-log-connections", "server-checksums", "server-archiving"}
	snap, err := landlord.Snapshot(t.Context(), landlord.SnapshotOptions{Conninfo: e.Servers[0].Connection})
	if err != nil {
		t.Fatal(err)
	}
	for _, with := range []tenant.Estate{e, {}} {
		in := landlord.AuditSnapshot("main", snap, with, "main")
		in.Now = time.Now()
		for _, f := range landlord.Audit(in).Findings {
			ofTheServer := f.Code == "server-minor" || f.Code == "server-eol"
			if !ofTheServer && !(f.Severity == audit.Advice && slices.Contains(advice, f.Code)) {
				t.Errorf("%v %s: %s", f.Severity, f.Key, f.What)
			}
		}
	}
}

// doesRows does the work of an application.
func doesRows(t *testing.T, conninfo, row string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), conninfo)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(t.Context())
	table, _, _ := strings.Cut(row, " ")
	for _, sql := range []string{"INSERT INTO " + row, "UPDATE " + table + " SET id = id", "SELECT * FROM " + table, "DELETE FROM " + table} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
