package cli_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

// openHouses asks the server itself, with no help from landlord's planner,
// what stands half open, and how many logins are open. Logins are read first:
// what is built meanwhile only adds walls.
func openHouses(t *testing.T, s *pgtest.Server, e tenant.Estate) (open int, wrong []string) {
	t.Helper()
	wrongf := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, s.ConnString("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	logins := strings1(t, conn, `SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname <> 'postgres'`)
	// What takes connections lets only those in who were given CONNECT. The
	// server's own databases may stay open until the first login.
	for _, db := range strings1(t, conn, `SELECT datname FROM pg_database WHERE datallowconn AND datname NOT IN ('postgres', 'template1') AND EXISTS
		(SELECT FROM aclexplode(COALESCE(datacl, acldefault('d', datdba))) WHERE grantee = 0)`) {
		wrongf("database %s takes connections, and PUBLIC holds something on it", db)
	}
	if len(logins) == 0 {
		return 0, wrong
	}
	for _, db := range strings1(t, conn, `SELECT datname FROM pg_database WHERE datallowconn AND EXISTS
		(SELECT FROM aclexplode(COALESCE(datacl, acldefault('d', datdba))) WHERE grantee = 0)`) {
		wrongf("there are logins, and PUBLIC holds something on database %s", db)
	}
	isOpen := map[string]bool{}
	for _, l := range logins {
		isOpen[l] = true
	}
	inside := map[string]*pgx.Conn{}
	defer func() {
		for _, c := range inside {
			c.Close(ctx)
		}
	}()
	for _, h := range e.Tenants {
		for _, l := range h.Logins {
			if !isOpen[l.Name] {
				continue
			}
			open++
			delete(isOpen, l.Name)
			if inside[h.Home.Database] == nil {
				c, err := pgx.Connect(ctx, s.ConnString(h.Home.Database, "postgres"))
				if err != nil {
					wrongf("%s may log in: %v", l.Name, err)
					continue
				}
				inside[h.Home.Database] = c
			}
			for _, missing := range strings1(t, inside[h.Home.Database], walls(h, l)) {
				wrongf("%s may log in, but %s", l.Name, missing)
			}
		}
	}
	for l := range isOpen {
		wrongf("%s may log in, and is nobody's", l)
	}
	return open, append(wrong, knock(t, s, e, logins)...)
}

// walls is a query for what is missing of a tenant's walls, one row each.
func walls(h tenant.Tenant, l tenant.Login) string {
	group := h.Group(h.Home)
	crud := map[tenant.Kind]string{tenant.App: "arwd", tenant.Reader: "r"}[l.Kind]
	checks := []struct{ missing, holds string }{
		{"its container's group has no CONNECT", fmt.Sprintf(`EXISTS (SELECT FROM pg_database, aclexplode(datacl) AS a
			WHERE datname = current_database() AND a.grantee = '%s'::regrole AND a.privilege_type = 'CONNECT')`, group)},
		{"schema public is there", `NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public')`},
		{"the schema is not its owner's, or not for its identity, or open to others", fmt.Sprintf(`EXISTS (SELECT FROM pg_namespace
			WHERE nspname = '%[1]s' AND nspowner = '%[2]s'::regrole AND EXISTS (SELECT FROM aclexplode(nspacl) AS a WHERE a.grantee = '%[3]s'::regrole AND a.privilege_type = 'USAGE')
			AND NOT EXISTS (SELECT FROM aclexplode(nspacl) AS a WHERE a.grantee NOT IN ('%[2]s'::regrole, '%[3]s'::regrole)))`, h.Home.Schemas[0], h.Owner, h.Identity())},
		{"PUBLIC may run what its owner makes", fmt.Sprintf(`EXISTS (SELECT FROM pg_default_acl WHERE defaclrole = '%s'::regrole AND defaclnamespace = 0 AND defaclobjtype = 'f'
			AND NOT EXISTS (SELECT FROM aclexplode(defaclacl) AS a WHERE a.grantee = 0))`, h.Owner)},
		{"its identity is not in landlord_tenants", fmt.Sprintf(`EXISTS (SELECT FROM pg_auth_members WHERE roleid = 'landlord_tenants'::regrole AND member = '%s'::regrole)`, h.Identity())},
		{"it is not in its identity", fmt.Sprintf(`EXISTS (SELECT FROM pg_auth_members WHERE roleid = '%s'::regrole AND member = '%s'::regrole)`, h.Identity(), l.Name)},
		{"it has no limit of connections", fmt.Sprintf(`EXISTS (SELECT FROM pg_roles WHERE rolname = '%s' AND rolconnlimit = 20)`, l.Name)},
		{"it has no search_path or temp_file_limit", fmt.Sprintf(`EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = 0 AND setrole = '%s'::regrole
			AND setconfig @> ARRAY['temp_file_limit=1GB'] AND array_to_string(setconfig, ' ') ~ 'search_path=')`, l.Name)},
	}
	if crud != "" {
		checks = append(checks, struct{ missing, holds string }{"default privileges are not its", fmt.Sprintf(`EXISTS (SELECT FROM pg_default_acl, unnest(defaclacl) AS a
			WHERE defaclrole = '%s'::regrole AND defaclnamespace = '%s'::regnamespace AND defaclobjtype = 'r' AND a::text LIKE '%s=%s/%%')`, h.Owner, h.Home.Schemas[0], l.Name, crud)})
	}
	if l.Kind == tenant.Migrator {
		checks = append(checks, struct{ missing, holds string }{"it does not become the owner", fmt.Sprintf(`EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = 0 AND setrole = '%s'::regrole
			AND setconfig @> ARRAY['role=%s'])`, l.Name, h.Owner)})
	}
	parts := make([]string, len(checks))
	for i, c := range checks {
		parts[i] = fmt.Sprintf("SELECT $$%s$$ WHERE NOT %s", c.missing, c.holds)
	}
	return strings.Join(parts, "\nUNION ALL ")
}

// knock tries pg_hba.conf as the server goes by it now: a login that may log
// in is turned away at a stranger's database, before it is asked for a
// password.
func knock(t *testing.T, s *pgtest.Server, e tenant.Estate, logins []string) (wrong []string) {
	t.Helper()
	for _, h := range e.Tenants {
		for _, l := range h.Logins {
			if l.Name != logins[0] {
				continue
			}
			if got := refusal(t.Context(), s, l.Name, "postgres"); got != "28000" {
				wrong = append(wrong, fmt.Sprintf("%s at the door of postgres: SQLSTATE %s, so pg_hba.conf is not in force", l.Name, got))
			}
			if got := refusal(t.Context(), s, l.Name, h.Home.Database); got != "28P01" {
				wrong = append(wrong, fmt.Sprintf("%s at its own door: SQLSTATE %s, not asked for a password", l.Name, got))
			}
		}
	}
	return wrong
}

// refusal is the SQLSTATE with which somebody with a wrong password is turned
// away.
func refusal(ctx context.Context, s *pgtest.Server, user, database string) string {
	cfg, err := pgx.ParseConfig(s.ConnString(database, user))
	if err != nil {
		return err.Error()
	}
	cfg.Password = "wrong"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err == nil {
		conn.Close(ctx)
		return "00000"
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return err.Error()
}

// strings1 runs a query that gives one text column.
func strings1(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%v\nin: %s", err, sql)
	}
	return out
}

// TestWallsAreSeen: what TestKilled relies on finds each thing that is wrong.
func TestWallsAreSeen(t *testing.T) {
	t.Parallel()
	majors := ends(pgtest.Majors())
	k := newKilling(t, majors[len(majors)-1])
	k.must("apply", "--yes", "-q", "--tenant", "d01", "--tenant", "s00")
	if open, wrong := openHouses(t, k.Server, k.estate); len(wrong) > 0 || open != 6 {
		t.Fatalf("%d logins are open, and %v", open, wrong)
	}
	for _, c := range []struct{ database, do, undo string }{
		{"", "GRANT CONNECT ON DATABASE d01 TO PUBLIC", "REVOKE ALL ON DATABASE d01 FROM PUBLIC"},
		{"", "GRANT TEMP ON DATABASE postgres TO PUBLIC", "REVOKE ALL ON DATABASE postgres FROM PUBLIC"},
		{"", "CREATE DATABASE other TEMPLATE template0", "DROP DATABASE other"},
		{"", "CREATE ROLE d00_app LOGIN", "DROP ROLE d00_app"},
		{"", "CREATE ROLE stranger LOGIN", "DROP ROLE stranger"},
		{"", "REVOKE CONNECT ON DATABASE d01 FROM d01", "GRANT CONNECT ON DATABASE d01 TO d01"},
		{"d01", "CREATE SCHEMA public", "DROP SCHEMA public"},
		{"d01", "GRANT USAGE ON SCHEMA d01 TO s00", "REVOKE ALL ON SCHEMA d01 FROM s00"},
		{"d01", "ALTER SCHEMA d01 OWNER TO postgres", "ALTER SCHEMA d01 OWNER TO d01_owner"},
		{"shared0", "REVOKE ALL ON SCHEMA s00 FROM s00", "GRANT USAGE ON SCHEMA s00 TO s00"},
		{"shared0", "ALTER DEFAULT PRIVILEGES FOR ROLE s00_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC", "ALTER DEFAULT PRIVILEGES FOR ROLE s00_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"},
		{"shared0", "ALTER DEFAULT PRIVILEGES FOR ROLE s00_owner IN SCHEMA s00 REVOKE DELETE ON TABLES FROM s00_app", "ALTER DEFAULT PRIVILEGES FOR ROLE s00_owner IN SCHEMA s00 GRANT DELETE ON TABLES TO s00_app"},
		{"", "REVOKE s00 FROM s00_ro", "GRANT s00 TO s00_ro"},
		{"", "REVOKE landlord_tenants FROM s00", "GRANT landlord_tenants TO s00"},
		{"", "ALTER ROLE s00_app CONNECTION LIMIT -1", "ALTER ROLE s00_app CONNECTION LIMIT 20"},
		{"", "ALTER ROLE s00_app RESET temp_file_limit", "ALTER ROLE s00_app SET temp_file_limit = '1GB'"},
		{"", "ALTER ROLE d01_ddl RESET role", "ALTER ROLE d01_ddl SET role = d01_owner"},
	} {
		k.Exec(t, c.database, c.do)
		if _, wrong := openHouses(t, k.Server, k.estate); len(wrong) == 0 {
			t.Errorf("not seen: %s", c.do)
		}
		k.Exec(t, c.database, c.undo)
		if _, wrong := openHouses(t, k.Server, k.estate); len(wrong) > 0 {
			t.Fatalf("after %s: %v", c.undo, wrong)
		}
	}
	k.SetHBA(t, openHBA)
	if _, wrong := openHouses(t, k.Server, k.estate); len(wrong) == 0 {
		t.Error("not seen: a pg_hba.conf without landlord's rules")
	}
}
