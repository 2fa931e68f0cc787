package clienttest

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"landlord/internal/localpg"
	"landlord/internal/run"
)

// client is a program that people connect with. It runs each line of its
// standard input as SQL and prints the first column of the rows, then
// "= SQLSTATE".
type client struct {
	name string
	// ways are the formats of landlord credentials that it understands, the
	// usual one first.
	ways []way
}

// way is how a client is given what landlord printed in one format.
type way struct {
	format string
	give   func(t *testing.T, text string) run.Spec
}

func clients() []client {
	return []client{
		{"php", []way{
			{"cakephp", func(t *testing.T, text string) run.Spec { return php("cakephp", file(t, text)) }},
			{"env", func(t *testing.T, text string) run.Spec { return with(php("dsn", "pgsql:"), sourced(t, text)...) }},
			{"pgpass", func(t *testing.T, text string) run.Spec { return with(php("dsn", "pgsql:"), passed(t, text)...) }},
			{"pgservice", func(t *testing.T, text string) run.Spec {
				return with(php("dsn", "pgsql:service="+service(text)), "PGSERVICEFILE="+file(t, text))
			}},
		}},
		{"psql", []way{
			{"uri", func(t *testing.T, text string) run.Spec { return psql(t, strings.TrimSpace(text)) }},
			{"env", func(t *testing.T, text string) run.Spec { return with(psql(t, ""), sourced(t, text)...) }},
			{"pgpass", func(t *testing.T, text string) run.Spec { return with(psql(t, ""), passed(t, text)...) }},
			{"pgservice", func(t *testing.T, text string) run.Spec {
				return with(psql(t, "service="+service(text)), "PGSERVICEFILE="+file(t, text))
			}},
		}},
		{"go", []way{
			{"uri", func(_ *testing.T, text string) run.Spec { return golang(strings.TrimSpace(text)) }},
			{"env", func(t *testing.T, text string) run.Spec { return with(golang(""), sourced(t, text)...) }},
			{"pgpass", func(t *testing.T, text string) run.Spec { return with(golang(""), passed(t, text)...) }},
			{"pgservice", func(t *testing.T, text string) run.Spec {
				return with(golang("service="+service(text)), "PGSERVICEFILE="+file(t, text))
			}},
			{"jdbc", func(_ *testing.T, text string) run.Spec { return golang(properties(text)) }},
		}},
		{"node", []way{
			{"uri", func(t *testing.T, text string) run.Spec {
				return with(node(t, "uri"), "DATABASE_URL="+strings.TrimSpace(text))
			}},
			{"env", func(t *testing.T, text string) run.Spec { return with(node(t, "uri"), sourced(t, text)...) }},
			{"json", func(t *testing.T, text string) run.Spec { return node(t, "json", file(t, text)) }},
			{"pgpass", func(t *testing.T, text string) run.Spec { return with(node(t, "env"), passed(t, text)...) }},
		}},
	}
}

func with(spec run.Spec, env ...string) run.Spec {
	spec.Env = append(spec.Env, env...)
	return spec
}

func php(args ...string) run.Spec {
	return run.Spec{Name: "php", Args: append([]string{"testdata/client.php"}, args...)}
}

func golang(conninfo string) run.Spec { return run.Spec{Name: "go-client", Args: []string{conninfo}} }

func psql(t *testing.T, conninfo string) run.Spec {
	path, err := localpg.FindTool("psql")
	if err != nil {
		t.Fatal(err)
	}
	return run.Spec{Name: path, Args: []string{"-X", "-A", "-t", "-q", "-w", conninfo}}
}

// node is a program in Node, with the driver that scripts/fetch-node-clients.sh
// fetches.
func node(t *testing.T, args ...string) run.Spec {
	cache, err := localpg.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(cache, "node", "node_modules")
	if _, err := os.Stat(modules); err != nil {
		modules = "/var/cache/landlord/node/node_modules" // what root has fetched
	}
	return run.Spec{Name: "node", Args: append([]string{"testdata/client.js"}, args...), Env: []string{"NODE_PATH=" + modules}}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "given")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sourced lets a shell read assignments, and returns what it exports.
func sourced(t *testing.T, text string) []string {
	t.Helper()
	out, _, err := run.Command(t.Context(), run.Spec{
		Name: "sh", Args: []string{"-eu", "-c", `set -a; . "$0"; exec env -0`, file(t, text)}, Env: []string{"PATH=" + os.Getenv("PATH")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(out), "\x00"), func(v string) bool {
		return !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "DATABASE_URL=")
	})
}

// passed is what goes with a pgpass file: everything but the password. Whose
// line it is must be known to the client anyway; how to verify, too, and
// [given] puts that in.
func passed(t *testing.T, text string) []string {
	fields := strings.Split(strings.TrimSpace(text), ":")
	return []string{"PGPASSFILE=" + file(t, text), "PGHOST=" + fields[0], "PGPORT=" + fields[1], "PGDATABASE=" + fields[2], "PGUSER=" + fields[3]}
}

// service is the name of the first section of a service file.
func service(text string) string {
	_, rest, _ := strings.Cut(text, "[")
	name, _, _ := strings.Cut(rest, "]")
	return name
}

// properties makes a URI of Java's properties: the driver's own URL, with the
// user and the password that Java hands over beside it.
func properties(text string) string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = value
	}
	rest := strings.TrimPrefix(values["url"], "jdbc:postgresql://")
	return "postgresql://" + url.UserPassword(values["user"], values["password"]).String() + "@" + rest
}

// start runs a client with nothing of our own environment but where programs
// are, and returns what it says, a statement each with its state.
func start(t *testing.T, spec run.Spec, in io.Reader) (said []string, stderr string, err error) {
	t.Helper()
	spec.Stdin = in
	spec.Env = append(spec.Env, "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "PGCONNECT_TIMEOUT=20")
	out, complaints, err := run.Command(t.Context(), spec)
	text := strings.TrimSpace(string(out))
	if text == "" {
		return nil, string(complaints), err
	}
	return strings.Split(text, "\n"), string(complaints), err
}

// speak has a client run statements, and returns a line for each: the values
// that came back, and the SQLSTATE.
func speak(t *testing.T, spec run.Spec, statements ...string) (said []string, stderr string, err error) {
	t.Helper()
	lines, stderr, err := start(t, spec, strings.NewReader(script(spec, statements)))
	now := ""
	for _, line := range lines {
		if now += line; strings.HasPrefix(line, "= ") {
			said, now = append(said, now), ""
		} else {
			now += " "
		}
	}
	return said, stderr, err
}

// script is what a client reads: a statement a line. psql is told to print
// the state, as the others do by themselves.
func script(spec run.Spec, statements []string) string {
	var b strings.Builder
	for _, sql := range statements {
		if filepath.Base(spec.Name) == "psql" {
			fmt.Fprintf(&b, "%s;\n\\echo = :SQLSTATE\n", sql)
		} else {
			b.WriteString(sql + "\n")
		}
	}
	return b.String()
}
