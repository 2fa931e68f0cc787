package credentials

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
)

var acme = Settings{
	Server: "main", Tenant: "acme", Kind: "app", Host: "db.example.com", Database: "acme", User: "acme_app",
	Secret: NewSecret("pa:ss"), SSLMode: "verify-full", SSLRootCert: "/etc/ssl/ca.crt", Schema: "acme",
}

func with(change func(*Settings)) Settings {
	s := acme
	change(&s)
	return s
}

var socket = with(func(s *Settings) {
	s.Host, s.Port, s.SSLMode, s.SSLRootCert = "/var/run/postgresql", 5433, "", ""
})

func TestRender(t *testing.T) {
	ro := with(func(s *Settings) { s.User, s.Kind, s.Secret = "acme_ro", "ro", NewSecret("other") })
	for _, c := range []struct {
		name, format string
		settings     []Settings
		want         string
	}{
		{"uri", "uri", []Settings{acme}, "postgresql://acme_app:pa%3Ass@db.example.com:5432/acme?sslmode=verify-full&sslrootcert=/etc/ssl/ca.crt\n"},
		{"uri, socket", "uri", []Settings{socket}, "postgresql://acme_app:pa%3Ass@/acme?host=/var/run/postgresql&port=5433\n"},
		{"uri, IPv6", "uri", []Settings{with(func(s *Settings) { s.Host, s.SSLMode, s.SSLRootCert = "2001:db8::1", "", "" })}, "postgresql://acme_app:pa%3Ass@[2001:db8::1]:5432/acme\n"},
		{"uri, several hosts", "uri", []Settings{with(func(s *Settings) { s.Host, s.SSLRootCert = "a,b", "" })}, "postgresql://acme_app:pa%3Ass@/acme?host=a,b&port=5432&sslmode=verify-full\n"},
		{"uri, password not known", "uri", []Settings{with(func(s *Settings) { s.Secret, s.SSLRootCert = Secret{}, "system" })}, "postgresql://acme_app@db.example.com:5432/acme?sslmode=verify-full&sslrootcert=system\n"},
		{"uri, two logins", "uri", []Settings{socket, socket}, strings.Repeat("postgresql://acme_app:pa%3Ass@/acme?host=/var/run/postgresql&port=5433\n", 2)},
		{"env", "env", []Settings{acme}, `PGHOST=db.example.com
PGPORT=5432
PGDATABASE=acme
PGUSER=acme_app
PGPASSWORD=pa:ss
PGSSLMODE=verify-full
PGSSLROOTCERT=/etc/ssl/ca.crt
DATABASE_URL='postgresql://acme_app:pa%3Ass@db.example.com:5432/acme?sslmode=verify-full&sslrootcert=/etc/ssl/ca.crt'
`},
		{"pgpass", "pgpass", []Settings{acme, ro}, "db.example.com:5432:acme:acme_app:pa\\:ss\ndb.example.com:5432:acme:acme_ro:other\n"},
		{"pgpass, socket", "pgpass", []Settings{socket}, "/var/run/postgresql:5433:acme:acme_app:pa\\:ss\nlocalhost:5433:acme:acme_app:pa\\:ss\n"},
		{"pgpass, hosts", "pgpass", []Settings{with(func(s *Settings) { s.Host, s.Database = "a,2001:db8::1", "*" })}, "a:5432:\\*:acme_app:pa\\:ss\n2001\\:db8\\:\\:1:5432:\\*:acme_app:pa\\:ss\n"},
		{"pgservice", "pgservice", []Settings{acme}, "[acme_app]\nhost=db.example.com\nport=5432\ndbname=acme\nuser=acme_app\npassword=pa:ss\nsslmode=verify-full\nsslrootcert=/etc/ssl/ca.crt\n"},
		{"pgservice, socket", "pgservice", []Settings{with(func(s *Settings) { *s = socket; s.Name = "house" })}, "[house]\nhost=/var/run/postgresql\nport=5433\ndbname=acme\nuser=acme_app\npassword=pa:ss\n"},
		{"jdbc", "jdbc", []Settings{acme}, "url=jdbc:postgresql://db.example.com:5432/acme?sslmode=verify-full&sslrootcert=/etc/ssl/ca.crt\nuser=acme_app\npassword=pa:ss\n"},
		{"jdbc, hosts", "jdbc", []Settings{with(func(s *Settings) { s.Host, s.SSLRootCert = "a,2001:db8::1", "system" })}, "url=jdbc:postgresql://a:5432,[2001:db8::1]:5432/acme?sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory\nuser=acme_app\npassword=pa:ss\n"},
		{"cakephp", "cakephp", []Settings{acme, with(func(s *Settings) { *s = socket; s.User = "acme_ro" })}, `<?php
// Merge this into config/app_local.php.
// CakePHP hands host to PDO as it stands, so sslmode can follow it there. This
// works in every version; older ones silently ignore the keys ssl, ssl_mode and ssl_ca.
return [
    'Datasources' => [
        'default' => [
            'className' => \Cake\Database\Connection::class,
            'driver' => \Cake\Database\Driver\Postgres::class,
            'persistent' => false,
            'host' => 'db.example.com;sslmode=verify-full;sslrootcert=/etc/ssl/ca.crt',
            'port' => 5432,
            'username' => 'acme_app',
            'password' => 'pa:ss',
            'database' => 'acme',
            'schema' => 'acme',
            'encoding' => 'utf8',
        ],
        'acme_ro' => [
            'className' => \Cake\Database\Connection::class,
            'driver' => \Cake\Database\Driver\Postgres::class,
            'persistent' => false,
            'host' => '/var/run/postgresql',
            'port' => 5433,
            'username' => 'acme_ro',
            'password' => 'pa:ss',
            'database' => 'acme',
            'schema' => 'acme',
            'encoding' => 'utf8',
        ],
    ],
];
`},
		{"json", "json", []Settings{acme}, `[
  {
    "name": "acme_app",
    "server": "main",
    "tenant": "acme",
    "kind": "app",
    "host": "db.example.com",
    "port": 5432,
    "database": "acme",
    "user": "acme_app",
    "password": "pa:ss",
    "sslmode": "verify-full",
    "sslrootcert": "/etc/ssl/ca.crt",
    "schema": "acme",
    "uri": "postgresql://acme_app:pa%3Ass@db.example.com:5432/acme?sslmode=verify-full&sslrootcert=/etc/ssl/ca.crt"
  }
]
`},
		{"json of nothing", "json", nil, "[]\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Render(c.format, c.settings)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	for _, c := range []struct {
		format   string
		settings []Settings
		want     string // part of the error
	}{
		{"yaml", []Settings{acme}, `there is no format "yaml"; there are uri, env, pgpass, pgservice, jdbc, cakephp, json`},
		{"env", []Settings{acme, acme}, "format env holds one login, not 2"},
		{"jdbc", []Settings{acme, acme}, "format jdbc holds one login, not 2"},
		{"jdbc", []Settings{socket}, `cannot use the Unix socket in "/var/run/postgresql": set servers.main.endpoint to a host name or address`},
		{"jdbc", []Settings{with(func(s *Settings) { s.Host = "a/b?c" })}, `cannot hold the host "a/b?c"`},
		{"pgpass", []Settings{with(func(s *Settings) { s.Secret = Secret{} })}, "the password is not known"},
		{"pgpass", []Settings{with(func(s *Settings) { s.Secret = NewSecret("s3cret\n") })}, "cannot hold a password with a line break"},
		{"pgservice", []Settings{with(func(s *Settings) { s.Secret = NewSecret("s3cret\nuser=root") })}, "cannot hold a password with a line break"},
		{"pgservice", []Settings{with(func(s *Settings) { s.Secret = NewSecret(" s3cret") })}, "password that begins or ends with a space"},
		{"pgservice", []Settings{with(func(s *Settings) { s.Secret = NewSecret(strings.Repeat("s3cret", 200)) })}, "more than 1022 bytes"},
		{"pgservice", []Settings{with(func(s *Settings) { s.Name = "a]b" })}, `a service named "a]b"`},
		{"cakephp", []Settings{with(func(s *Settings) { s.Database = "a b" })}, `CakePHP cannot connect to a database named "a b"`},
		{"cakephp", []Settings{with(func(s *Settings) { s.SSLRootCert = "/a;b" })}, `the semicolon in "/a;b"`},
		{"uri", []Settings{with(func(s *Settings) { s.Host = "" })}, "the host is missing"},
		{"uri", []Settings{with(func(s *Settings) { s.User = "a\x00b" })}, "the user holds a NUL"},
		{"json", []Settings{with(func(s *Settings) { s.Secret = NewSecret("s3cret\xff") })}, "the password holds a NUL or is not UTF-8"},
		{"uri", []Settings{with(func(s *Settings) { s.Port = 70000 })}, "port 70000"},
		{"uri", []Settings{with(func(s *Settings) { s.SSLMode = "on" })}, `sslmode "on" is none of disable, allow`},
	} {
		_, err := Render(c.format, c.settings)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("format %s: got %v, want %q", c.format, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("format %s: the error shows the password: %v", c.format, err)
		}
	}
}

// TestPgconnReadsThemBack parses with pgx's own parsers, which do not share a
// line with libpq's.
func TestPgconnReadsThemBack(t *testing.T) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "PG") {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	for _, host := range []string{"db.example.com", "2001:db8::1", "/var/run/postgresql"} {
		for _, value := range hostile {
			s := Settings{Host: host, Port: 5433, Database: value, User: value, Secret: NewSecret(value), Name: "s", SSLMode: "disable"}
			for format, given := range forms {
				t.Run(format+"/"+host+"/"+value, func(t *testing.T) {
					if format == "pgpass" && (value == "*" || strings.HasSuffix(value, " ")) {
						t.Skip("pgpassfile knows no escaped star and trims lines; libpq's reading is tested with psql")
					}
					env, args := given(t, s, render(t, format, s))
					for _, v := range env {
						name, value, _ := strings.Cut(v, "=")
						t.Setenv(name, value)
					}
					got, err := pgconn.ParseConfig(strings.Join(args, ""))
					if err != nil {
						t.Fatal(err)
					}
					want := []any{host, uint16(5433), value, value, value}
					if diff := cmp.Diff(want, []any{got.Host, got.Port, got.Database, got.User, got.Password}); diff != "" {
						t.Error(diff)
					}
				})
			}
		}
	}
}

func TestJSONReadsThemBack(t *testing.T) {
	for _, value := range hostile {
		out, err := Render("json", []Settings{{Host: "h", Database: value, User: value, Secret: NewSecret(value)}})
		var got []struct{ Database, User, Password string }
		if err != nil || json.Unmarshal(out, &got) != nil || len(got) != 1 || got[0].User != value || got[0].Database != value || got[0].Password != value {
			t.Errorf("%q became %+v: %v", value, got, err)
		}
	}
}

func TestFormatsAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Formats() {
		if f.Doc == "" || seen[f.Name] {
			t.Errorf("format %q has no doc, or comes twice", f.Name)
		}
		seen[f.Name] = true
	}
}
