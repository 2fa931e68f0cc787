package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"landlord/internal/credentials"
	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// said is what one run of landlord wrote.
type said struct{ args, out, err string }

// secretive runs landlord's whole day with a server that logs all it can.
type secretive struct {
	t    *testing.T
	dir  string
	runs []said
}

func (s *secretive) landlord(args ...string) (stdout string, err error) {
	s.t.Helper()
	out, errOut, err := run.Command(s.t.Context(), run.Spec{Name: "landlord", Args: append(args, "-v"), Dir: s.dir})
	s.runs = append(s.runs, said{strings.Join(args, " "), string(out), string(errOut)})
	return string(out), err
}

func (s *secretive) must(args ...string) string {
	s.t.Helper()
	out, err := s.landlord(args...)
	if err != nil {
		s.t.Fatalf("landlord %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func (s *secretive) write(name, text string, mode fs.FileMode) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

// TestSecretsStaySecret: with a server that logs every statement and how long
// it took, no password that landlord makes is in that log, in anybody's
// arguments or environment, in what landlord says at its most talkative, or in
// an error, the one answer apart that is the password; and every file that
// holds one is closed to others.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	for _, major := range ends(pgtest.Majors()) {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			t.Parallel()
			server := pgtest.Start(t, major, pgtest.WithTLS(), pgtest.WithSettings(map[string]string{
				"log_statement": "all", "log_min_duration_statement": "0", "log_min_messages": "debug1", "log_min_error_statement": "debug1",
				"log_parameter_max_length": "-1", "log_parameter_max_length_on_error": "-1", "debug_print_parse": "off",
				"log_connections": "on",
			}))
			before := len(server.Log(t))
			s := &secretive{t: t, dir: t.TempDir()}
			processes := watchProcesses(t)
			passwords := s.day(server)
			seen := processes()
			if len(passwords) < 10 {
				t.Fatalf("only %d passwords", len(passwords))
			}
			s.check(passwords, server.Log(t), seen)
			s.named(server.Log(t)[before:])
		})
	}
}

// day does everything that has to do with passwords, and returns them all.
func (s *secretive) day(server *pgtest.Server) []string {
	const text = `servers:
  main:
    connection: host=%s port=%d user=postgres
    endpoint: host=localhost port=%d sslmode=verify-full sslrootcert=%s
journal: {file: journal.jsonl}
%stenants:
  acme: {rights: ddl}
  bolt: {isolation: schema}
`
	for name, secrets := range map[string]string{
		"plain.yaml":   "",
		"file.yaml":    "secrets: {file: kept.pgpass}\n",
		"command.yaml": "secrets: {command: [sh, vault.sh], lookup: [sh, lookup.sh]}\n",
		"failing.yaml": "secrets: {command: [sh, failing.sh], lookup: [sh, failing.sh]}\n",
	} {
		s.write(name, fmt.Sprintf(text, server.SocketDir(), server.Port(), server.Port(), server.CAFile(), secrets), 0o644)
	}
	s.write("vault.sh", "umask 077; cat >> vault.json; sleep 0.05\n", 0o644)
	s.write("lookup.sh", `cat > /dev/null; tail -n1 vault.json | sed 's/.*"password":"\([^"]*\)".*/\1/'`+"\n", 0o644)
	s.write("failing.sh", "umask 077; tee -a failed.json; tail -n1 failed.json >&2; exit 3\n", 0o644)

	s.must("apply", "-f", "plain.yaml", "--yes")
	var passwords []string
	for _, login := range []string{"app", "ro", "ddl"} {
		passwords = append(passwords, s.shown("credentials", "acme", "-f", "plain.yaml", "--login", login))
		passwords = append(passwords, s.shown("credentials", "acme", "-f", "plain.yaml", "--login", login, "--rotate"))
	}
	for _, format := range credentials.FormatNames() {
		file := "out." + format
		s.must("credentials", "acme", "-f", "plain.yaml", "--rotate", "--format", format, "--out", file)
		s.must("credentials", "bolt", "-f", "file.yaml", "--rotate", "--format", format, "--out", "kept."+format)
	}
	s.must("credentials", "acme", "-f", "command.yaml", "--rotate")
	s.must("credentials", "acme", "-f", "command.yaml")
	if _, err := s.landlord("credentials", "acme", "-f", "failing.yaml", "--rotate"); err == nil {
		s.t.Error("a command that fails is no error")
	}
	if _, err := s.landlord("credentials", "acme", "-f", "failing.yaml"); err == nil {
		s.t.Error("a lookup that fails is no error")
	}
	if _, err := s.landlord("prove", "-f", "file.yaml"); err != nil {
		s.t.Errorf("prove: %v\n%s", err, s.runs[len(s.runs)-1].out)
	}
	_, _ = s.landlord("plan", "-f", "file.yaml", "--output", "sql")
	_, _ = s.landlord("plan", "-f", "command.yaml", "--output", "json")
	s.must("export", "-f", "file.yaml")
	passwords = append(passwords, s.life(server.ConnString("postgres", "postgres"))...)
	return append(passwords, s.kept()...)
}

// life adds a tenant, rotates logins in every way, and takes the tenant away.
func (s *secretive) life(connection string) (passwords []string) {
	shown := func(args ...string) { passwords = append(passwords, s.shown(args...)) }
	s.must("tenant", "add", "cora", "-f", "file.yaml")
	shown("credentials", "cora", "--server", connection, "--rotate")
	s.must("tenant", "rotate", "cora", "-f", "file.yaml", "--format", "env", "--out", "cora.env")
	s.must("tenant", "rotate", "cora", "-f", "file.yaml", "--finish", "--watch", "0s")
	shown("tenant", "rotate", "cora", "--server", connection, "--after", "24h")
	s.must("tenant", "rotate", "cora", "--server", connection, "--finish", "--watch", "0s")
	shown("tenant", "rotate", "cora", "--server", connection, "--in-place")
	s.must("tenant", "rotate", "acme", "-f", "command.yaml")
	s.must("tenant", "rotate", "acme", "-f", "command.yaml", "--finish", "--watch", "0s")
	if _, err := s.landlord("tenant", "rotate", "acme", "-f", "failing.yaml"); err == nil {
		s.t.Error("a rotation whose command fails is no error")
	}
	for _, verb := range []string{"suspend", "resume", "show"} {
		s.must("tenant", verb, "cora", "--server", connection)
	}
	s.must("tenant", "add", "dora", "--server", connection)
	shown("credentials", "dora", "--server", connection)
	s.must("tenant", "list", "--server", connection, "--output", "json")
	_, _ = s.landlord("tenant", "rotate", "nobody", "-f", "file.yaml")
	for _, args := range [][]string{{"audit"}, {"snapshot"}, {"import", "--out", "found.yaml"}} {
		_, _ = s.landlord(append(args, "--server", connection)...)
	}
	_, _ = s.landlord("hba", "check", "-f", "file.yaml")
	// Where there is a pg_dump that is new enough.
	_, _ = s.landlord("tenant", "remove", "dora", "--server", connection, "--confirm", "dora")
	_, _ = s.landlord("tenant", "remove", "cora", "-f", "file.yaml", "--no-dump", "--yes")
	return passwords
}

// shown runs the one command whose answer is a password, and forgets that it
// said it.
func (s *secretive) shown(args ...string) string {
	s.t.Helper()
	var answer []struct {
		Password string `json:"password"`
	}
	out := s.must(append(args, "--format", "json")...)
	if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer) == 0 || answer[0].Password == "" {
		s.t.Fatalf("%v in %s", err, out)
	}
	s.runs[len(s.runs)-1].out = ""
	return answer[0].Password
}

var inFile = regexp.MustCompile(`(?m)"password": ?"([^"]+)"|^[^:\n]+:\d+:[^:\n]+:[^:\n]+:(\S+)$`)

// kept finds the passwords in the files that landlord and the user's own
// commands wrote.
func (s *secretive) kept() (passwords []string) {
	for _, name := range []string{"vault.json", "failed.json", "kept.pgpass", "out.pgpass", "out.json"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			s.t.Fatal(err)
		}
		found := inFile.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			s.t.Errorf("%s holds no password", name)
		}
		for _, m := range found {
			passwords = append(passwords, m[1]+m[2])
		}
	}
	return passwords
}

var clearPassword = regexp.MustCompile(`(?i)PASSWORD\s+'+([^S'][^']*)`)

// tenantPassword is a verifier that outlives landlord, unlike a probe's.
var tenantPassword = regexp.MustCompile(`(?i)ALTER ROLE .*PASSWORD '.*`)

func (s *secretive) check(passwords []string, log, processes string) {
	t := s.t
	for _, place := range []struct{ name, text string }{{"the server's log", log}, {"the processes", processes}} {
		for _, p := range passwords {
			if strings.Contains(place.text, p) {
				t.Errorf("%s has password %s", place.name, p)
			}
		}
	}
	journal, err := os.ReadFile(filepath.Join(s.dir, "journal.jsonl"))
	if err != nil || !strings.Contains(string(journal), "cora_app_b") || strings.Contains(string(journal), "SCRAM-SHA-256$") {
		t.Errorf("the journal says nothing of a rotation, or has a verifier: %v\n%s", err, journal)
	}
	for _, p := range passwords {
		if strings.Contains(string(journal), p) {
			t.Errorf("the journal has password %s", p)
		}
	}
	if !strings.Contains(log, "CREATE ROLE") || !strings.Contains(processes, "credentials") {
		t.Error("neither log nor processes were seen")
	}
	// Those that prove made for itself are not known here.
	for _, m := range clearPassword.FindAllString(log, -1) {
		t.Errorf("the server's log has %s", m)
	}
	for _, m := range tenantPassword.FindAllString(log, -1) {
		t.Errorf("the server's log has a tenant's verifier: %s", m)
	}
	for _, run := range s.runs {
		for _, p := range passwords {
			if strings.Contains(run.out, p) || strings.Contains(run.err, p) {
				t.Errorf("landlord %s said password %s:\n%s\n%s", run.args, p, run.out, run.err)
			}
		}
	}
	files, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, _ := os.ReadFile(filepath.Join(s.dir, f.Name()))
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range passwords {
			if strings.Contains(string(text), p) && info.Mode().Perm() != 0o600 {
				t.Errorf("%s holds a password and has mode %04o", f.Name(), info.Mode().Perm())
				break
			}
		}
	}
}

// named wants every session of the day to say that it is landlord's, so that the
// server's log tells its work from everybody else's. Nobody else was there.
func (s *secretive) named(log string) {
	t, seen := s.t, map[string]bool{}
	for line := range strings.Lines(log) {
		_, who, ok := strings.Cut(line, "connection authorized: ")
		if !ok {
			continue
		}
		_, name, _ := strings.Cut(strings.TrimSpace(who), "application_name=landlord")
		if !strings.Contains(who, "application_name=landlord") {
			t.Errorf("a session without landlord's name: %s", who)
		}
		seen[strings.Join(strings.Fields(name), " ")] = true
	}
	for _, want := range []string{"", "apply", "credentials"} {
		if !seen[want] {
			t.Errorf("no session named landlord %s among %v", want, seen)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(s.dir, "dora-*.dump")); len(files) > 0 && !seen["dump"] {
		t.Errorf("no session of pg_dump's is named landlord dump: %v", seen)
	}
	t.Logf("sessions: %v", seen)
}

// watchProcesses collects the arguments and environments of all processes of
// the machine, as ps shows them, until the function that it returns is called.
func watchProcesses(t *testing.T) (stop func() string) {
	t.Helper()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		return func() string { return "credentials" }
	}
	ctx, cancel := context.WithCancel(t.Context())
	all := make(chan string, 1)
	go func() {
		seen := map[string]bool{}
		for ctx.Err() == nil {
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, f := range files {
				for _, name := range []string{f, filepath.Join(filepath.Dir(f), "environ")} {
					if text, err := os.ReadFile(name); err == nil {
						seen[string(text)] = true
					}
				}
			}
			time.Sleep(2 * time.Millisecond)
		}
		var b strings.Builder
		for text := range seen {
			b.WriteString(text + "\n")
		}
		all <- b.String()
	}()
	return func() string { cancel(); return <-all }
}
