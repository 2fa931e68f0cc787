package hba_test

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/hba"
	"landlord/internal/pgtest"
)

func TestParseIdent(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		major int
		lines int
		wrong string
	}{
		"comments":         {"# MAP SYS ROLE\n\nm a b # why\n", 18, 1, ""},
		"quotes":           {`m "a b" "c d"`, 18, 1, ""},
		"too short":        {"m a\n", 18, 0, "missing entry at end of line"},
		"a list":           {"m a b,c\n", 18, 0, "multiple values in ident field"},
		"a bad expression": {"m /( a\n", 18, 0, `invalid regular expression "(": parentheses () not balanced`},
		"as a name":        {"m a /(\n", 15, 1, ""},
		"as an expression": {"m a /(\n", 16, 0, `invalid regular expression "(": parentheses () not balanced`},
	} {
		t.Run(name, func(t *testing.T) {
			f := hba.ParseIdent("pg_ident.conf", []byte(c.text), hba.Options{Major: c.major})
			wrong := ""
			if len(f.Errors) > 0 {
				wrong = f.Errors[0].Message
			}
			if len(f.Lines) != c.lines || wrong != c.wrong {
				t.Errorf("%d lines, %q", len(f.Lines), wrong)
			}
		})
	}
}

// letsIn says whether a server lets this program in as a role.
func letsIn(t *testing.T, s *pgtest.Server, database, role string) bool {
	t.Helper()
	config, err := pgconn.ParseConfig(s.ConnString(database, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	config.User = role
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	switch { // who is let in is asked before whether there is such a database
	case err == nil:
		_ = conn.Close(t.Context())
	case !strings.Contains(err.Error(), "28000") && !strings.Contains(err.Error(), "3D000"):
		t.Fatal(err)
	}
	return err == nil || strings.Contains(err.Error(), "3D000")
}

// TestMapsAgreeWithServers logs in by peer through maps, as several roles, and
// compares with what the parsed file says.
func TestMapsAgreeWithServers(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	u := me.Username
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "", `CREATE ROLE acme_app LOGIN; CREATE ROLE bolt LOGIN; CREATE ROLE "all" LOGIN; CREATE ROLE grp; CREATE ROLE "+grp" LOGIN; CREATE ROLE inside LOGIN IN ROLE grp; CREATE ROLE "`+u+`_app" LOGIN`)
		lines := []string{u + " acme_app", "other acme_app", "/^" + u + "$ bolt", "/" + u[1:] + ` bolt`, `/^(.*)$ \1_app`, `/^(.)\w*$ \1`, u + " all", u + ` "all"`,
			u + " +grp", u + ` "+grp"`, u + " /^acme", "/^x(.*)$ all", "/(o) b\\1lt", `/^([a-z]+)$ \1_app`}
		text := ""
		rules := "local all postgres trust\n"
		for i, l := range lines {
			text += fmt.Sprintf("m%d %s\n", i, l)
			rules += fmt.Sprintf("local d%d all peer map=m%[1]d\n", i)
		}
		if err := os.WriteFile(filepath.Join(s.DataDir(), "pg_ident.conf"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s.SetHBA(t, rules)
		f := hba.ParseIdent("pg_ident.conf", []byte(text), hba.Options{Major: s.Major()})
		if len(f.Errors) > 0 || len(f.Lines) != len(lines) {
			t.Fatalf("%v", f.Errors)
		}
		env := hba.Env{IsMember: func(user, role string) bool { return user == "inside" && role == "grp" }}
		for i, l := range f.Lines {
			for _, role := range []string{"acme_app", "bolt", "all", "+grp", "inside", u + "_app"} {
				got, certain := l.Admits(u, role, env)
				if want := letsIn(t, s, fmt.Sprintf("d%d", i), role); got != want || !certain {
					t.Errorf("%s as %s: got %t (%t), the server says %t", lines[i], role, got, certain, want)
				}
				if may, certain := l.May(role, env); got && !(may && certain) {
					t.Errorf("%s as %s: nobody may, and %s does", lines[i], role, u)
				}
			}
		}
	})
}
