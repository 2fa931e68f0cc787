package clienttest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// house is a server with two tenants, one of each model, whose clients come
// over TLS and verify all of it.
type house struct {
	s    *pgtest.Server
	spec string
	// ca is the authority's file that is given to clients, other than the
	// server's own if it is set.
	ca string
}

func newHouse(t *testing.T, s *pgtest.Server) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{s: s, spec: filepath.Join(dir, "landlord.yaml")}
	text := fmt.Sprintf(`servers:
  main:
    connection: host=%s port=%d user=postgres
    endpoint: host=localhost port=%d sslmode=verify-full sslrootcert=%s
secrets: {file: %s}
tenants:
  acme: {rights: ddl, databases: {acme_archive: {}}}
  globex: {rights: ddl, isolation: schema, database: shared}
`, s.SocketDir(), s.Port(), s.Port(), s.CAFile(), filepath.Join(dir, "passwords"))
	if err := os.WriteFile(h.spec, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h.landlord(t, "apply", "--yes")
	return h
}

func (h *house) landlord(t *testing.T, args ...string) string {
	t.Helper()
	out, _, err := run.Command(t.Context(), run.Spec{Name: "landlord", Args: append(args, "-f", h.spec)})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// given is a client with what landlord prints for a login.
func (h *house) given(t *testing.T, w way, tenant, login string, more ...string) run.Spec {
	t.Helper()
	text, ca := h.landlord(t, append([]string{"credentials", tenant, "--login", login, "--format", w.format, "--show"}, more...)...), h.s.CAFile()
	if h.ca != "" {
		text, ca = strings.ReplaceAll(text, ca, h.ca), h.ca
	}
	spec := w.give(t, text)
	if w.format == "pgpass" {
		spec = with(spec, "PGSSLMODE=verify-full", "PGSSLROOTCERT="+ca)
	}
	return spec
}

// each runs a test on a fresh server of each of some majors, several at once.
func each(t *testing.T, majors []int, test func(t *testing.T, s *pgtest.Server), opts ...pgtest.Option) {
	for _, major := range majors {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			t.Parallel()
			test(t, pgtest.Start(t, major, opts...))
		})
	}
}

const tls = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"

// work is what a login does, each with what must come of it.
type work []struct{ sql, want string }

// works are what the three kinds of login may and may not do, with a table of
// the client's own. The migrator comes first, since it makes the table.
func works(table string) map[string]work {
	return map[string]work{
		"ddl": {
			{"SET ROLE none", "= 00000"}, // the owner may not see the session of who becomes it
			{tls, "true = 00000"},
			{"RESET ROLE", "= 00000"},
			{"CREATE TABLE " + table + " (id serial PRIMARY KEY, note text NOT NULL)", "= 00000"},
			{"SELECT session_user || ' makes what is ' || tableowner || '''s' FROM pg_tables WHERE tablename = '" + table + "'", "TENANT_ddl makes what is TENANT_owner's = 00000"},
			{"ALTER TABLE " + table + " ADD COLUMN more int", "= 00000"},
			{"CREATE VIEW " + table + "_view AS SELECT note FROM " + table, "= 00000"},
			{"CREATE FUNCTION " + table + "_count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM " + table + "'", "= 00000"},
			{"INSERT INTO " + table + " (note) VALUES ('the first') RETURNING id", "1 = 00000"},
			{"CREATE ROLE somebody", "= 42501"},
		},
		"app": {
			{tls, "true = 00000"},
			{"INSERT INTO " + table + " (note) VALUES ('the second') RETURNING id", "2 = 00000"},
			{"SELECT note FROM " + table + " ORDER BY id", "the first the second = 00000"},
			{"SELECT note FROM " + table + "_view ORDER BY note DESC LIMIT 1", "the second = 00000"},
			{"SELECT " + table + "_count()::text", "2 = 00000"},
			{"UPDATE " + table + " SET note = 'changed' WHERE id = 2 RETURNING note", "changed = 00000"},
			{"DELETE FROM " + table + " WHERE id = 2 RETURNING id", "2 = 00000"},
			{"CREATE TABLE more_" + table + " (id int)", "= 42501"},
			{"ALTER TABLE " + table + " ADD COLUMN evil int", "= 42501"},
			{"DROP TABLE " + table, "= 42501"},
			{"TRUNCATE " + table, "= 42501"},
			{"CREATE INDEX ON " + table + " (note)", "= 42501"},
			{"SET ROLE TENANT_owner", "= 42501"},
		},
		"ro": {
			{tls, "true = 00000"},
			{"SELECT note FROM " + table, "the first = 00000"},
			{"SELECT note FROM " + table + "_view", "the first = 00000"},
			{"INSERT INTO " + table + " (note) VALUES ('no')", "= 42501"},
			{"UPDATE " + table + " SET note = 'no'", "= 42501"},
			{"DELETE FROM " + table, "= 42501"},
			{"CREATE TABLE more_" + table + " (id int)", "= 42501"},
		},
	}
}

// do has a client do its login's work.
func (w work) do(t *testing.T, tenant string, spec run.Spec) {
	t.Helper()
	var statements, want []string
	for _, x := range w {
		statements = append(statements, strings.ReplaceAll(x.sql, "TENANT", tenant))
		want = append(want, strings.ReplaceAll(x.want, "TENANT", tenant))
	}
	got, stderr, err := speak(t, spec, statements...)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s\n%s", err, diff, stderr)
	}
}

// Real clients, with exactly what landlord prints for them, do their work and
// no more: in every format, as each kind of login, in both models.
func TestClients(t *testing.T) {
	t.Parallel()
	each(t, ends(), func(t *testing.T, s *pgtest.Server) {
		h := newHouse(t, s)
		for _, c := range clients() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel() // each with a table of its own
				for _, tenant := range []string{"acme", "globex"} {
					h.house(t, c, tenant)
				}
				h.further(t, c)
			})
		}
	}, pgtest.WithTLS())
}

// house has a client do everything in a tenant's house: in its usual format as
// each kind of login, and in all others as the application.
func (h *house) house(t *testing.T, c client, tenant string) {
	t.Helper()
	for i, w := range c.ways {
		kinds := []string{"ddl", "app", "ro"}
		if i > 0 && tenant != "acme" {
			return
		}
		for _, kind := range kinds {
			if i > 0 && kind != "app" {
				continue
			}
			t.Run(tenant+"/"+w.format+"/"+kind, func(t *testing.T) {
				todo := works("t_" + c.name)[kind]
				if i > 0 {
					todo = again("t_" + c.name)
				}
				todo.do(t, tenant, h.given(t, w, tenant, kind))
			})
		}
	}
}

// further has a client do everything in a tenant's second database, by the very
// passwords of the first: what it does there is seen there alone.
func (h *house) further(t *testing.T, c client) {
	t.Helper()
	there := work{{"SELECT current_database()", "acme_archive = 00000"}}
	for _, kind := range []string{"ddl", "app", "ro"} {
		t.Run("acme_archive/"+kind, func(t *testing.T) {
			slices.Concat(there, works("a_" + c.name)[kind]).do(t, "acme", h.given(t, c.ways[0], "acme", kind, "--database", "acme_archive"))
		})
	}
	t.Run("acme_archive/not in acme", func(t *testing.T) {
		work{{"SELECT note FROM a_" + c.name, "= 42P01"}}.do(t, "acme", h.given(t, c.ways[0], "acme", "app"))
	})
	for _, w := range c.ways[1:] {
		t.Run("acme_archive/"+w.format, func(t *testing.T) {
			slices.Concat(there, again("a_"+c.name)).do(t, "acme", h.given(t, w, "acme", "app", "--database", "acme_archive"))
		})
	}
}

// again is the application's work in short.
func again(table string) work {
	return work{
		{tls, "true = 00000"},
		{"SELECT current_user || '.' || current_schema", "TENANT_app.TENANT = 00000"},
		{"SELECT note FROM " + table, "the first = 00000"},
		{"DROP TABLE " + table, "= 42501"},
	}
}

// The client itself refuses a server that another authority vouches for, and
// one that is not the host it was told of. It is the client: the server hears
// of no login.
func TestClientsVerify(t *testing.T) {
	t.Parallel()
	each(t, ends()[len(ends())-1:], func(t *testing.T, s *pgtest.Server) {
		h := newHouse(t, s)
		h.ca = newAuthority(t).file
		t.Run("another authority", func(t *testing.T) { h.refused(t) })
		mine := newAuthority(t)
		h.ca = mine.file
		mine.certify(t, s, "localhost")
		t.Run("the authority that it was given", func(t *testing.T) { h.welcome(t) })
		mine.certify(t, s, "elsewhere.example")
		t.Run("another host", func(t *testing.T) { h.refused(t) })
	}, pgtest.WithTLS(), pgtest.WithSettings(map[string]string{"log_connections": "on"}))
}

func (h *house) refused(t *testing.T) {
	t.Helper()
	before := logins(h.s.Log(t))
	for _, c := range clients() {
		for _, w := range c.ways {
			got, stderr, err := speak(t, h.given(t, w, "acme", "app"), "SELECT 1")
			if err == nil || len(got) > 0 || !strings.Contains(stderr, "certificate") {
				t.Errorf("%s, format %s: it says %q, %v\n%s", c.name, w.format, got, err, stderr)
			}
		}
	}
	if after := logins(h.s.Log(t)); after != before {
		t.Errorf("%d clients have logged in", after-before)
	}
}

func (h *house) welcome(t *testing.T) {
	t.Helper()
	for _, c := range clients() {
		got, stderr, err := speak(t, h.given(t, c.ways[0], "acme", "app"), tls)
		if diff := cmp.Diff([]string{"true = 00000"}, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s\n%s", c.name, err, diff, stderr)
		}
	}
}

// logins counts in a server's log those of the application.
func logins(log string) int { return strings.Count(log, "connection authorized: user=acme_app") }
