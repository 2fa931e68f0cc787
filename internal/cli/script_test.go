package cli_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"landlord/internal/cli"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// TestMain lets the tests run landlord as a program of its own: this very
// binary, under that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"landlord": func() { os.Exit(cli.Main(os.Args[1:], cli.Process())) },
	})
}

// TestScripts runs every script in testdata/script, those that ask for a
// server on the oldest and on the newest major, or only there if they say that
// they are "The same on every version.". Beside testscript's own commands there
// are:
//
//	server [tls] [NAME=VALUE...]  a server of its own, with these settings;
//	                              sets PGHOST, PGPORT, PGUSER, CONNECTION,
//	                              HBA, SERVERLOG, CAFILE
//	server stop|crash|start       the same server
//	trust                         lets every role in without a password
//	expand FILE...                puts variables into files, as $NAME
//	status N PROGRAM ARGS...      like exec, for one exit status
//	mode FILE 0600                a file's permissions
//	private                       refuses a password in stdout, stderr
//	env-uri                       sets URI to what the file uri holds
//	router                        a place for a router; sets ROUTER, ROUTERUSER
//	router start                  starts it by the command that stdout names
//	many N FILE                   a spec with N mistakes
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var plain, served, newest []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !wantsServer.Match(text):
			plain = append(plain, f)
		case anyVersion.Match(text):
			newest = append(newest, f)
		default:
			served = append(served, f)
		}
	}
	t.Run("without-server", func(t *testing.T) { runScripts(t, 0, plain) })
	majors := ends(pgtest.Majors())
	for _, major := range majors {
		files := served
		if major == slices.Max(majors) {
			files = slices.Concat(served, newest)
		}
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) { runScripts(t, major, files) })
	}
}

// wantsServer finds the command server, and no key servers of a spec.
var wantsServer = regexp.MustCompile(`(?m)^server( |$)`)

// anyVersion is what a script says that has to do with no version in particular.
var anyVersion = regexp.MustCompile(`(?m)^# The same on every version\.$`)

func runScripts(t *testing.T, major int, files []string) {
	if len(files) > 0 {
		testscript.Run(t, params(t, major, files))
	}
}

// ends are the oldest and the newest.
func ends(majors []int) []int {
	if len(majors) > 2 {
		majors = []int{slices.Min(majors), slices.Max(majors)}
	}
	return majors
}

type serverKey struct{}

// box holds a script's server, once it has one.
type box struct{ *pgtest.Server }

func params(t *testing.T, major int, files []string) testscript.Params {
	t.Helper()
	psql, err := localpg.FindTool("psql")
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		ContinueOnError:     true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", env.Getenv("PATH")+":"+filepath.Dir(psql))
			env.Setenv("ESC", "\x1b")
			env.Setenv("MAJOR", strconv.Itoa(major))
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Values[serverKey{}] = &box{}
			return nil
		},
		Condition: func(word string) (bool, error) {
			if word == "root" {
				return os.Geteuid() == 0, nil
			}
			n, err := strconv.Atoi(strings.TrimPrefix(word, "since:"))
			return err == nil && major >= n, err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":  func(ts *testscript.TestScript, _ bool, args []string) { serverCmd(t, ts, major, args) },
			"trust":   trustCmd,
			"expand":  expandCmd,
			"status":  statusCmd,
			"mode":    modeCmd,
			"private": privateCmd,
			"many":    manyCmd,
			"env-uri": envURICmd,
			"router":  routerCmd,
		},
	}
}

// script lends a script's life to pgtest, which wants a test.
type script struct {
	testing.TB
	ts *testscript.TestScript
}

func (s script) Cleanup(f func()) { s.ts.Defer(f) }

func serverCmd(t *testing.T, ts *testscript.TestScript, major int, args []string) {
	server := ts.Value(serverKey{}).(*box)
	if len(args) == 1 && server.Server != nil {
		switch args[0] {
		case "stop":
			ts.Check(server.Stop())
		case "crash":
			ts.Check(server.Kill9())
		case "start":
			ts.Check(server.Start(t.Context()))
		}
		return
	}
	settings := map[string]string{}
	var options []pgtest.Option
	for _, a := range args {
		if name, value, ok := strings.Cut(a, "="); ok {
			settings[name] = value
		} else if a == "tls" {
			options = append(options, pgtest.WithTLS())
		} else {
			ts.Fatalf("server: what is %q?", a)
		}
	}
	s := pgtest.Start(script{t, ts}, major, append(options, pgtest.WithSettings(settings))...)
	server.Server = s
	env := map[string]string{
		"PGHOST": s.SocketDir(), "PGPORT": strconv.Itoa(s.Port()), "PGUSER": "postgres", "PGDATABASE": "postgres",
		"CONNECTION": fmt.Sprintf("host=%s port=%d user=postgres", s.SocketDir(), s.Port()),
		"HBA":        s.HBAFile(), "SERVERLOG": s.LogFile(), "CAFILE": s.CAFile(), "DATADIR": s.DataDir(),
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		ts.Setenv(name, env[name])
	}
}

func trustCmd(ts *testscript.TestScript, _ bool, _ []string) {
	server := ts.Value(serverKey{}).(*box)
	ts.Check(server.WriteHBA(localpg.DefaultHBA + "local all all trust\n"))
}

func expandCmd(ts *testscript.TestScript, _ bool, files []string) {
	for _, f := range files {
		text := os.Expand(ts.ReadFile(f), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(f), []byte(text), 0o644))
	}
}

// statusCmd runs a program that must end with one exit status.
func statusCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended interface{ ExitCode() int }
		if !errors.As(err, &ended) {
			ts.Fatalf("%v", err)
		}
		got = ended.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, not %d", got, want)
	}
}

func modeCmd(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, not %s", args[0], got, args[1])
	}
}

// privateCmd takes the password out of a file's last pgpass line, and refuses
// it in every other file given, "stdout" and "stderr" among them.
func privateCmd(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	for _, line := range lines {
		password := line[strings.LastIndexByte(line, ':')+1:]
		if len(password) < 16 {
			ts.Fatalf("%q is no password", password)
		}
		for _, f := range args[1:] {
			if strings.Contains(ts.ReadFile(f), password) {
				ts.Fatalf("%s holds the password %s", f, password)
			}
		}
	}
}

// routerCmd makes a place where PgBouncer's user may write, or starts PgBouncer
// as that user, by the command that landlord router apply has printed.
func routerCmd(ts *testscript.TestScript, _ bool, args []string) {
	user, err := localpg.ServerCredential()
	ts.Check(err)
	if len(args) == 0 {
		name, err := localpg.ServerUser()
		ts.Check(err)
		dir, err := os.MkdirTemp("", "landlord-router-")
		ts.Check(err)
		ts.Defer(func() { _ = os.RemoveAll(dir) })
		if user != nil {
			ts.Check(errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, int(user.UID), int(user.GID))))
		}
		ts.Setenv("ROUTER", dir)
		ts.Setenv("ROUTERUSER", name)
		return
	}
	_, command, ok := strings.Cut(ts.ReadFile("stdout"), "start it by ")
	if words := strings.Fields(command); ok && len(words) == 2 {
		process, err := run.Start(run.Spec{Name: words[0], Args: words[1:], Dir: "/", User: user}, nil, syscall.SIGKILL)
		ts.Check(err)
		ts.Defer(func() { _ = process.Stop(syscall.SIGTERM, 10*time.Second) })
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			c, err := net.Dial("unix", filepath.Join(ts.Getenv("ROUTER"), ".s.PGSQL.6432"))
			if err == nil {
				ts.Check(c.Close())
				return
			}
			if time.Now().After(deadline) {
				ts.Fatalf("the router does not listen: %v", err)
			}
		}
	}
	ts.Fatalf("stdout names no command that starts the router")
}

func envURICmd(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Setenv("URI", strings.TrimSpace(ts.ReadFile("uri")))
}

// manyCmd writes a spec with a number of mistakes, one in each tenant.
func manyCmd(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var b strings.Builder
	b.WriteString("servers:\n  main:\n    connection: host=/nowhere\ntenants:\n")
	for i := range n {
		fmt.Fprintf(&b, "  t%d: {isolatoin: schema}\n", i)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o644))
}
