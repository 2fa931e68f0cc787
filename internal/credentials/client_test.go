package credentials

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/run"
)

// hostile are values that break quoting.
var hostile = []string{
	"plain", `a'b`, `a"b`, `a\b`, `a\\b`, `\`, `'`, `''`, `"`, "a:b", `a\:b`, "a b", " a", "a ", "a@b", "a/b", "a?b=c&d", "a%20b", "a%b", "a+b",
	"a#b", "#a", "a;b", "$HOME", "`id`", "$(id)", "a\nb", "a\r\nb", "a\tb", "é日本🐘", "*", "-c", "a=b", "[a]", "a,b", "{$x}", "!a", "~", "<?php", "?>",
	strings.Repeat("x", 63),
}

// cannot lists the hostile values that a format refuses; all others it must hold.
var cannot = map[string]func(value string) bool{
	"pgpass":    func(v string) bool { return strings.ContainsAny(v, "\r\n") },
	"pgservice": func(v string) bool { return strings.ContainsAny(v, "\r\n") || strings.TrimSpace(v) != v },
	// as a database's name
	"cakephp": func(v string) bool { return strings.ContainsAny(v, " \t\r\n'\\;") },
}

// render renders settings whose database is hostile, or skips the test where
// the format rightly says that it cannot hold the value.
func render(t *testing.T, format string, s Settings) string {
	t.Helper()
	refuses := cannot[format] != nil && cannot[format](s.Database)
	out, err := Render(format, []Settings{s})
	if refuses != (err != nil) {
		t.Fatalf("format %s and %q: %v", format, s.Database, err)
	}
	if err != nil {
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows the password: %v", err)
		}
		t.SkipNow()
	}
	return string(out)
}

// forms are the libpq-like formats with the way in which a psql is given them.
var forms = map[string]func(t *testing.T, s Settings, out string) (env, args []string){
	"uri": func(_ *testing.T, _ Settings, out string) (env, args []string) {
		return nil, []string{strings.TrimSuffix(out, "\n")}
	},
	"env": func(t *testing.T, _ Settings, out string) (env, args []string) { return sourced(t, out), nil },
	"pgservice": func(t *testing.T, s Settings, out string) (env, args []string) {
		return []string{"PGSERVICEFILE=" + file(t, out), "PGSERVICE=" + s.name()}, nil
	},
	"pgpass": func(t *testing.T, s Settings, out string) (env, args []string) {
		return []string{"PGPASSFILE=" + file(t, out), "PGHOST=" + s.Host, "PGPORT=" + s.port(), "PGDATABASE=" + s.Database, "PGUSER=" + s.User}, nil
	},
}

func file(t *testing.T, content string) string {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sourced lets sh read assignments and returns the variables that it exports.
func sourced(t *testing.T, out string) []string {
	t.Helper()
	spec := run.Spec{Name: "sh", Args: []string{"-eu", "-c", `set -a; . "$0"; exec env -0`, file(t, out)}, Env: []string{"PATH=" + os.Getenv("PATH")}}
	stdout, _, err := run.Command(t.Context(), spec)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return slices.DeleteFunc(strings.Split(strings.TrimSuffix(string(stdout), "\x00"), "\x00"), func(v string) bool {
		return !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "DATABASE_URL=")
	})
}

// TestLibpqReadsThemBack connects with psql, which is to say libpq.
func TestLibpqReadsThemBack(t *testing.T) {
	psql := program(t, "psql")
	d := newDoor(t)
	for _, format := range FormatNames() {
		given, ok := forms[format]
		if !ok {
			continue
		}
		for i, value := range hostile {
			host := []string{"127.0.0.1", d.dir}[i%2]
			s := Settings{Host: host, Port: d.port, Database: value, User: value, Secret: NewSecret(value), Name: "s"}
			t.Run(fmt.Sprintf("%s/%q", format, value), func(t *testing.T) {
				out := render(t, format, s)
				env, args := given(t, s, out)
				want := login{s.Database, s.User, s.Secret.Reveal()}
				if diff := cmp.Diff(want, d.connect(t, env, psql, append(args, "-X", "-w")...)); diff != "" {
					t.Errorf("%s\n%s", diff, out)
				}
			})
		}
	}
}

// cakeDriver does what CakePHP's driver does: src/Database/Driver/Postgres.php
// puts three values into PDO's connection string as they stand.
const cakeDriver = `
$c = (require $argv[1])['Datasources']['default'];
new PDO("pgsql:host={$c['host']};port={$c['port']};dbname={$c['database']}", $c['username'] ?: null, $c['password'] ?: null);
`

func TestPDOReadsThemBack(t *testing.T) {
	php := program(t, "php")
	if out, _, err := run.Command(t.Context(), run.Spec{Name: php, Args: []string{"-m"}}); err != nil || !strings.Contains(string(out), "pdo_pgsql") {
		t.Skip("php has no pdo_pgsql")
	}
	d := newDoor(t)
	for _, value := range hostile {
		for _, s := range []Settings{
			{Host: "127.0.0.1", Database: "acme", User: value, Secret: NewSecret(value)},
			{Host: d.dir, Database: value, User: "acme_app", Secret: NewSecret(value)},
		} {
			s.Port, s.SSLMode, s.SSLRootCert = d.port, "prefer", "/etc/a b's.crt"
			t.Run(fmt.Sprintf("%q/%q", s.User, s.Database), func(t *testing.T) {
				out := render(t, "cakephp", s)
				want := login{s.Database, s.User, s.Secret.Reveal()}
				if diff := cmp.Diff(want, d.connect(t, nil, php, "-r", cakeDriver, file(t, out))); diff != "" {
					t.Errorf("%s\n%s", diff, out)
				}
			})
		}
	}
}

// TestCakePHPRequiresTLS asks a server without TLS: with require, the driver
// must go away before it says its password.
func TestCakePHPRequiresTLS(t *testing.T) {
	php := program(t, "php")
	d := newDoor(t)
	out, err := Render("cakephp", []Settings{{Host: "127.0.0.1", Port: d.port, Database: "acme", User: "u", Secret: NewSecret("p"), SSLMode: "require"}})
	if err != nil {
		t.Fatal(err)
	}
	_, stderr, err := run.Command(t.Context(), run.Spec{Name: php, Args: []string{"-d", "display_errors=stderr", "-r", cakeDriver, file(t, string(out))}})
	if err == nil || !strings.Contains(string(stderr), "SSL") || len(d.in) > 0 {
		t.Errorf("the driver did not insist on TLS: %v\n%s", err, stderr)
	}
}

// TestPHPReadsThemBack needs no database driver.
func TestPHPReadsThemBack(t *testing.T) {
	php := program(t, "php")
	for _, value := range hostile {
		s := Settings{Host: "h", Database: "d", User: value, Schema: value, Secret: NewSecret(value)}
		out, err := Render("cakephp", []Settings{s, {Name: value, Host: "h", Database: "d", User: "ro", Secret: NewSecret("x")}})
		if err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		script := `$d = (require $argv[1])['Datasources']; $c = $d['default'];
			foreach ([$c['username'], $c['password'], $c['schema'], array_keys($d)[1]] as $v) { echo $v, "\0"; }`
		got, _, err := run.Command(t.Context(), run.Spec{Name: php, Args: []string{"-r", script, file(t, string(out))}})
		if want := strings.Repeat(value+"\x00", 4); err != nil || string(got) != want {
			t.Errorf("%q became %q: %v", value, got, err)
		}
	}
}

// javaReader prints what java.util.Properties and java.net.URLDecoder, which
// the driver uses, make of the file.
const javaReader = `
import java.io.*; import java.net.*; import java.util.*;
public class R { public static void main(String[] a) throws Exception {
  PrintStream out = new PrintStream(System.out, true, "UTF-8");
  for (String f : a) { Properties p = new Properties(); p.load(new FileInputStream(f));
    String url = p.getProperty("url"); String db = url.substring(url.indexOf('/', 18) + 1);
    out.print(URLDecoder.decode(db, "UTF-8") + "\0" + p.getProperty("user") + "\0" + p.getProperty("password") + "\0"); } } }
`

func TestJavaReadsThemBack(t *testing.T) {
	java := program(t, "java")
	source := filepath.Join(t.TempDir(), "R.java")
	if err := os.WriteFile(source, []byte(javaReader), 0o600); err != nil {
		t.Fatal(err)
	}
	args, want := []string{source}, ""
	for _, value := range hostile {
		s := Settings{Host: "db.example.com", Database: value, User: value, Secret: NewSecret(value)}
		out, err := Render("jdbc", []Settings{s})
		if err != nil {
			t.Fatal(err)
		}
		args, want = append(args, file(t, string(out))), want+strings.Repeat(value+"\x00", 3)
	}
	got, stderr, err := run.Command(t.Context(), run.Spec{Name: java, Args: args})
	if err != nil {
		t.Skipf("java cannot run a source file: %v\n%s", err, stderr)
	}
	if diff := cmp.Diff(strings.Split(want, "\x00"), strings.Split(string(got), "\x00")); diff != "" {
		t.Error(diff)
	}
}
