package spec

import (
	"testing"
	"time"
)

func TestDidYouMean(t *testing.T) {
	known := []string{"connections", "temp", "temp_files", "work_mem", "ro", "app"}
	tests := map[string]string{
		"conections": "connections", "connection": "connections", "Connections": "connections", "tmep": "temp", "tempfiles": "temp_files",
		"workmem": "work_mem", "or": "ro", "ap": "app", "x": "", "memory": "", "": "", "conectionsconections": "",
	}
	for word, meant := range tests {
		want := ""
		if meant != "" {
			want = `did you mean "` + meant + `"?`
		}
		if got := didYouMean(word, known); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "ABC", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := edits(tt.a, tt.b); got != tt.want {
			t.Errorf("%q, %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := edits(tt.b, tt.a); got != tt.want {
			t.Errorf("%q, %q: %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"1kB": 1024, "1KiB": 1024, "64kB": 64 << 10, "500MB": 500 << 20, "1GiB": 1 << 30, "1 GB": 1 << 30,
		"1TB": 1 << 40, "2048B": 2048, "2147483647kB": maxSize} {
		got, err := ParseSize(text)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		if again, err := ParseSize(formatSize(want)); err != nil || again != want {
			t.Errorf("%s: written %s", text, formatSize(want))
		}
	}
	for _, text := range []string{"", "kB", "1", "0kB", "-1kB", "1.5GB", "1gb", "1000B", "2147483648kB", "99999999999999999999kB", "9223372036854775807TB", "1 kB x"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "5min": 5 * time.Minute,
		"1h": time.Hour, "1 d": 24 * time.Hour, "2147483647ms": maxDuration} {
		got, err := parseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if again, err := parseDuration(formatDuration(want)); err != nil || again != want {
			t.Errorf("%s: written %s", text, formatDuration(want))
		}
	}
	for _, text := range []string{"", "30", "0s", "5m", "1h30min", "1.5h", "-1s", "25d", "1us"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestConnections(t *testing.T) {
	for _, good := range []string{
		"host=/var/run/postgresql user=postgres", "host = a\tport= 5432", `host='a b\'c' dbname=x\ y`, "host=a passfile=/x", "service=main", "host=",
		"postgres://", "postgresql://me@[::1]:5432,b/db?sslmode=verify-full&ssl=true", "postgres:///db?host=/run",
	} {
		if err := checkConnection(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", " ", "x", "host", "host=a b", "=a", "host='a", "hots=a", "password=", "host=a password='x'", "sslpassword=x",
		"postgres://a:b@c", "postgres://:@c", "postgres://c?password=x", "postgres://c?%70assword=x", "postgres://c?x=%zz", "postgres://c?x=1", "http://c",
	} {
		if err := checkConnection(bad); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}

func TestArgv(t *testing.T) {
	const text = head + "secrets: {command: vault kv put, lookup: [a b, \"$x\"]}\n"
	e, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Secrets; len(got.Command) != 3 || len(got.Lookup) != 2 || got.Lookup[1] != "$x" {
		t.Errorf("%q", got)
	}
}

func TestDefaultsAreMerged(t *testing.T) {
	const text = `
tenants:
  acme: {limits: {connections: 5, lock_timeout: none}, settings: {TimeZone: CET}}
  bolt: {server: b, temp: true, isolation: database, rights: crud}
  cora: {logins: {}}
defaults:
  server: a
  isolation: schema
  database: pool
  rights: ddl
  temp: false
  limits: {connections: 20, lock_timeout: 1s, statement_timeout: 30s}
  settings: {timezone: UTC, app.x: true}
servers:
  b: {connection: host=b}
  a: {connection: host=a}
`
	const want = `servers:
  a:
    connection: host=a
  b:
    connection: host=b
tenants:
  acme:
    server: a
    isolation: schema
    database: pool
    rights: ddl
    limits:
      connections: 5
      statement_timeout: 30s
    temp: false
    settings:
      TimeZone: CET
      app.x: "on"
  bolt:
    server: b
    limits:
      connections: 20
      statement_timeout: 30s
      lock_timeout: 1s
    settings:
      app.x: "on"
      timezone: UTC
  cora:
    server: a
    isolation: schema
    database: pool
    rights: ddl
    logins:
      ddl: cora_ddl
    limits:
      connections: 20
      statement_timeout: 30s
      lock_timeout: 1s
    temp: false
    settings:
      app.x: "on"
      timezone: UTC
`
	e, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(Write(e)); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestProfilesStandBetweenDefaultsAndTenant(t *testing.T) {
	const text = head + `  acme: {}
  bolt: {profile: large}
  cora: {profile: large, rights: crud, temp: true, limits: {connections: 7, lock_timeout: 2s}, settings: {timezone: CET}}
  dora: {profile: none}
defaults:
  profile: small
  rights: crud
  limits: {connections: 20, lock_timeout: 1s, statement_timeout: 30s}
  settings: {timezone: UTC, app.x: d}
profiles:
  small: {limits: {connections: 2}, settings: {app.x: s}}
  large: {rights: ddl, temp: false, limits: {connections: 50, lock_timeout: none}, settings: {TimeZone: EST}}
  unused:
`
	const want = head + `  acme:
    limits:
      connections: 2
      statement_timeout: 30s
      lock_timeout: 1s
    settings:
      app.x: s
      timezone: UTC
  bolt:
    rights: ddl
    limits:
      connections: 50
      statement_timeout: 30s
    temp: false
    settings:
      TimeZone: EST
      app.x: d
  cora:
    limits:
      connections: 7
      statement_timeout: 30s
      lock_timeout: 2s
    settings:
      app.x: d
      timezone: CET
  dora:
    limits:
      connections: 20
      statement_timeout: 30s
      lock_timeout: 1s
    settings:
      app.x: d
      timezone: UTC
`
	e, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(Write(e)); got != want {
		t.Errorf("got\n%s", got)
	}
}
