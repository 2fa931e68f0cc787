package deptest

import (
	"go/ast"
	"slices"
	"strings"
)

// rule is something that no file may do, save those of the packages in except.
type rule struct {
	name   string
	reason string
	// only limits the rule to some packages; nil: all.
	only []string
	// except are packages that may, each with why.
	except map[string]string
	// find returns the nodes that break the rule, each with what is wrong.
	find func(*source) []finding
}

type finding struct {
	node ast.Node
	what string
}

// pure are the packages that decide. Everything that they know comes in as a
// value.
var pure = []string{
	"internal/tenant", "internal/pgsql", "internal/snapshot", "internal/spec",
	"internal/isolation", "internal/hba", "internal/plan", "internal/access", "internal/audit", "internal/paste", "internal/adopt", "internal/report", "internal/cluster", "internal/router",
}

// layers are the packages of landlord's own that each pure package may import.
var layers = map[string][]string{
	"internal/tenant":    {},
	"internal/pgsql":     {},
	"internal/hba":       {},
	"internal/snapshot":  {"internal/pgsql", "internal/tenant"},
	"internal/spec":      {"internal/tenant"},
	"internal/cluster":   {"internal/tenant"},
	"internal/isolation": {"internal/pgsql", "internal/tenant"},
	"internal/plan":      {"internal/cluster", "internal/hba", "internal/isolation", "internal/pgsql", "internal/snapshot", "internal/tenant"},
	"internal/access":    {"internal/hba", "internal/pgsql", "internal/snapshot", "internal/tenant"},
	"internal/adopt":     {"internal/access", "internal/pgsql", "internal/snapshot", "internal/tenant"},
	"internal/paste":     {"internal/hba", "internal/pgsql", "internal/snapshot"},
	"internal/router":    {"internal/isolation", "internal/pgsql", "internal/tenant"},
	"internal/report":    {"internal/access", "internal/audit", "internal/pgsql", "internal/snapshot"},
	"internal/audit":     {"internal/access", "internal/hba", "internal/isolation", "internal/pgsql", "internal/router", "internal/snapshot", "internal/tenant"},
}

// outside are the packages of other people's that pure packages may import.
var outside = map[string][]string{
	"internal/spec": {"github.com/goccy/go-yaml"}, // it knows the place of every value, for the messages
}

// worldly are the parts of the standard library through which a package
// learns, or changes, something that was not given to it.
var worldly = []string{
	"database/sql", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "os/signal", "os/user",
	"plugin", "runtime/debug", "syscall", "testing",
}

func rules() []rule {
	return []rule{
		{
			name: "a pure package asks nobody",
			reason: "A decision must be the same from a file on another machine, and a test of it must need no server. " +
				"Read what it needs in internal/catalog or internal/cli, and hand it over as a value.",
			only: pure,
			find: imports(func(from, path string) bool {
				return slices.Contains(worldly, path) || foreign(path) && !allowed(outside[from], path)
			}),
		},
		{
			name: "a pure package imports only what is below it",
			reason: "Words, then values, then what follows from them (see layers in rules_test.go). " +
				"An import against this direction means that something stands in the wrong package.",
			only: pure,
			find: imports(func(from, path string) bool { return own(path) && !slices.Contains(layers[from], dir(path)) }),
		},
		{
			name:   "a pure package does not read the clock",
			reason: "The same server and the same spec must give the same plan at any time. Take the time as an argument.",
			only:   pure,
			find:   calls("time", "Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"),
		},
		{
			name:   "only internal/run starts programs",
			reason: "One place decides what a child inherits, how it ends with its parent, and what of it may stand in an error. Use run.Command.",
			except: map[string]string{"internal/run": "it is that place"},
			find:   imports(func(_, path string) bool { return path == "os/exec" }),
		},
		{
			name:   "only internal/wholefile moves files into their place",
			reason: "One place knows how a file is written whole or not at all: its mode from birth, its owner, the disk, links, what a killed writer left. Use wholefile.Write or Replace.",
			except: map[string]string{"internal/wholefile": "it is that place", "internal/pgtest": "it moves a directory"},
			find:   calls("os", "Rename", "CreateTemp"),
		},
		{
			name: "only internal/connect opens connections",
			reason: "Every session starts with search_path=pg_catalog, role=none and its own timeouts as start-up options; without them, " +
				"what the owner of a database has set on it runs in a superuser's session. Use connect.Open.",
			except: map[string]string{
				"internal/connect": "it is that place",
				"internal/pgtest":  "tests look at a server as an ordinary client does",
				"internal/bench":   "it measures against bare programs",
			},
			find: func(s *source) []finding {
				return slices.Concat(
					calls("github.com/jackc/pgx/v5/pgconn", "Connect", "ConnectConfig", "ConnectWithOptions")(s),
					calls("github.com/jackc/pgx/v5", "Connect", "ConnectConfig", "ConnectWithOptions")(s),
					calls("database/sql", "Open", "OpenDB")(s),
				)
			},
		},
		{
			name:   "only internal/pgsql quotes for SQL",
			reason: "One forgotten case in one home-made quoting is an injection. Use pgsql.Ident, pgsql.Literal and their kin, which are fuzzed.",
			except: map[string]string{
				"internal/pgsql":   "it is that place",
				"internal/hba":     "pg_hba.conf doubles quotes too",
				"internal/localpg": "postgresql.conf and pg_ident.conf double quotes too",
				"internal/spec":    "YAML doubles quotes too",
				"internal/pgtest":  "a user list of PgBouncer doubles quotes too",
			},
			find: doublings,
		},
		{
			name:   "no init functions",
			reason: "What exists is in explicit lists (spec.Keys, prove.Probes, credentials.Formats) that a reader can find and a test can check.",
			find:   inits,
		},
		{
			name:   "the command line knows no PostgreSQL driver",
			reason: "It parses, asks and prints; what it does, it does through the root package, as any other program could.",
			only:   []string{"internal/cli", "internal/term", "cmd/landlord"},
			find:   imports(func(_, path string) bool { return strings.HasPrefix(path, "github.com/jackc/") }),
		},
		{
			name:   "nothing below the root package imports it",
			reason: "The root package is the API over internal; only programs are above it.",
			except: map[string]string{"internal/cli": "a program", "internal/demo": "a program's part", "internal/docgen": "a program", "internal/bench": "a program", "cmd/landlord": "a program"},
			find:   imports(func(_, path string) bool { return path == module || path == module+"/internal/cli" }),
		},
		{
			name:   "main is one line",
			reason: "The program is a function of arguments and streams (cli.Main), so that tests can call it.",
			only:   []string{"cmd/landlord"},
			find:   imports(func(_, path string) bool { return path != "os" && path != module+"/internal/cli" }),
		},
		{
			name:   "only programs print",
			reason: "stdout carries the answer and stderr the talk, and both are arguments. Take an io.Writer.",
			except: map[string]string{"internal/docgen": "a program", "internal/bench": "a program"},
			find: func(s *source) []finding {
				return slices.Concat(calls("fmt", "Print", "Printf", "Println")(s), builtins(s, "print", "println"))
			},
		},
	}
}

func foreign(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

func own(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

func dir(path string) string { return strings.TrimPrefix(path, module+"/") }

func allowed(prefixes []string, path string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}
