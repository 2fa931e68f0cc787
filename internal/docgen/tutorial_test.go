package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"landlord/internal/cli"
	"landlord/internal/localpg"
	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
	"landlord/internal/run"
)

// TestMain puts a landlord into PATH: this test program, which is landlord
// when called by that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"landlord": func() { os.Exit(cli.Main(os.Args[1:], cli.Process())) },
	})
}

// questionHBA is what pg_hba.conf says in the question that the tutorial
// starts from, with the host line's address put in.
const questionHBA = localpg.DefaultHBA + `local   all             all                                     md5
host    all             all             127.0.0.1/32            md5
host    all             all             ::1/128                 md5
`

var update = flag.Bool("update", false, "write what commands print into docs/tutorial.md, where it says otherwise")

// TestTutorial does what docs/tutorial.md says, on a private server, and
// compares what comes with what the page shows. With -update it corrects the
// page; look at the difference, and put "…" and "..." back where what comes
// is never the same.
func TestTutorial(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a server")
	}
	text, err := os.ReadFile(filepath.Join(docs, "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(pgtest.Majors(), pgsql.NewestMajor) {
		t.Skipf("NOT TESTED: the page shows PostgreSQL %d", pgsql.NewestMajor)
	}
	s := pgtest.Start(t, pgsql.NewestMajor, pgtest.WithHBA(questionHBA), pgtest.WithTLS())
	r := newReader(t, s)
	page := strings.Split(string(text), "\n")
	for _, b := range slices.Backward(r.read(t, blocks(string(text)))) {
		page = slices.Replace(page, b.line-1, b.line-1+b.length, b.text...)
	}
	if *update {
		if err := os.WriteFile(filepath.Join(docs, "tutorial.md"), []byte(strings.Join(page, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// block is a fenced part of a page. After the word that says what it is, it
// may have the name of a file that the reader is to write.
type block struct {
	line, length int // of its text
	kind, name   string
	text         []string
}

func blocks(page string) []block {
	var all []block
	var now *block
	for i, line := range strings.Split(page, "\n") {
		fence, ok := strings.CutPrefix(line, "```")
		switch {
		case ok && now != nil:
			now.length = len(now.text)
			all, now = append(all, *now), nil
		case ok:
			kind, name, _ := strings.Cut(fence, " ")
			now = &block{line: i + 2, kind: kind, name: name}
		case now != nil:
			now.text = append(now.text, line)
		}
	}
	return all
}

// reader is somebody who follows a page, on a server that is not quite where
// the page says.
type reader struct {
	dir          string
	env          []string
	there, here  *strings.Replacer // what the page says, and what is so
	status       int               // of the last command
	peculiarites *regexp.Regexp
}

func newReader(t *testing.T, s *pgtest.Server) *reader {
	t.Helper()
	psql, err := localpg.FindTool("psql")
	if err != nil {
		t.Skip("NOT TESTED: ", err)
	}
	port := strconv.Itoa(s.Port())
	r := &reader{dir: t.TempDir(), peculiarites: regexp.MustCompile(` +map=landlord\b`)}
	places := []string{
		"/etc/postgresql/18/main/pg_hba.conf", s.HBAFile(),
		"/var/run/postgresql", s.SocketDir(),
		"/home/postgres", r.dir,
		"5432", port,
	}
	r.there = strings.NewReplacer(places...)
	slices.Reverse(places)
	r.here = strings.NewReplacer(places...)
	r.env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":"+filepath.Dir(psql), "PGHOST="+s.SocketDir(), "PGPORT="+port,
		"PGUSER=postgres", "LC_ALL=C.UTF-8", "HOME="+r.dir, "PAGER=cat", "NO_COLOR=1")
	return r
}

// file writes a file as the page shows it.
func (r *reader) file(t *testing.T, b block) {
	t.Helper()
	text := r.there.Replace(strings.Join(b.text, "\n") + "\n")
	if err := os.WriteFile(filepath.Join(r.dir, b.name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read follows the blocks in their order, and returns them with what commands
// have really printed.
func (r *reader) read(t *testing.T, all []block) []block {
	t.Helper()
	for i, b := range all {
		switch {
		case b.kind == "console":
			all[i].text = r.console(t, b)
		case b.name != "":
			r.file(t, b)
		}
	}
	return all
}

// console types each command of a block, and compares what it prints. It
// returns the block as it should be.
func (r *reader) console(t *testing.T, b block) []string {
	t.Helper()
	var now []string
	for i := 0; i < len(b.text); {
		if !strings.HasPrefix(b.text[i], "$ ") {
			t.Fatalf("tutorial.md:%d: %q follows no command", b.line+i, b.text[i])
		}
		at, command := i, b.text[i]
		for i++; strings.HasSuffix(command, `\`) && i < len(b.text); i++ {
			command += "\n" + b.text[i]
		}
		now = append(now, b.text[at:i]...)
		end := i
		for end < len(b.text) && !strings.HasPrefix(b.text[end], "$ ") {
			end++
		}
		want, got := b.text[i:end], r.run(t, command[2:])
		i = end
		if matches(want, got) {
			now = append(now, want...)
			continue
		}
		now = append(now, got...)
		if !*update {
			t.Errorf("tutorial.md:%d: %s\nprints:\n%s\n\nand the page says:\n%s", b.line+at, command, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	return now
}

// run runs a command as a shell does that has just run the last one, and
// returns what a terminal would show.
func (r *reader) run(t *testing.T, command string) []string {
	t.Helper()
	script := fmt.Sprintf("exec 2>&1\n(exit %d)\n%s\n", r.status, r.there.Replace(command))
	out, _, err := run.Command(t.Context(), run.Spec{Name: "bash", Args: []string{"-c", script}, Env: r.env, Dir: r.dir})
	r.status = 0
	if failed, ok := errors.AsType[*run.Error](err); ok {
		r.status = failed.Code
	}
	text := r.here.Replace(r.peculiarites.ReplaceAllString(string(out), ""))
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return trimEmpty(lines)
}

func trimEmpty(lines []string) []string {
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	return lines
}

// matches compares lines with what the page says, where "..." alone stands
// for any lines, and "…" for any part of one. Numbers of one digit count;
// others, and all in tables, differ from server to server and from one
// landlord to the next, as does the width of a table.
func matches(want, got []string) bool {
	var pattern strings.Builder
	pattern.WriteString(`^`)
	for _, line := range trimEmpty(want) {
		if strings.TrimSpace(line) == "..." {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		pattern.WriteString(linePattern(strings.TrimRight(line, " ")) + `\n`)
	}
	pattern.WriteString(`$`)
	text := ""
	if len(got) > 0 {
		text = strings.Join(got, "\n") + "\n"
	}
	return regexp.MustCompile(pattern.String()).MatchString(text)
}

var (
	numbers = regexp.MustCompile(`[0-9]+\.[0-9]+|[0-9]{2,}`)
	inTable = regexp.MustCompile(` *[0-9]+ *|─+| {2,}`)
)

func linePattern(line string) string {
	line = regexp.QuoteMeta(line)
	line = strings.ReplaceAll(line, "…", `.*`)
	if strings.ContainsAny(line, "│─") {
		return inTable.ReplaceAllStringFunc(line, func(part string) string {
			if strings.Contains(part, "─") {
				return `─+`
			}
			return ` *[0-9]* *`
		})
	}
	return numbers.ReplaceAllString(strings.ReplaceAll(line, `\.`, "."), `[0-9.]+`)
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		want, got string
		match     bool
	}{
		{"a\nb", "a\nb", true},
		{"a\nb", "a\nc", false},
		{"a\n...\nd", "a\nb\nc\nd", true},
		{"a\n...\nd", "a\nd", true},
		{"...\nd", "a\nb", false},
		{"password: … end", "password: xyz end", true},
		{"password: … end", "password: xyz", false},
		{"a", "a\nb", false},
		{"(a", "(a", true},
		{"12 steps, 1.5 MiB", "9 steps, 10.25 MiB", true},
		{"3", "2", false},
		{"│ acme │  45 │", "│ acme │   1,0 │", false},
		{"│ acme │  45 │", "│ acme │   5 │", true},
		{"├────┤", "├─┤", true},
	} {
		if matches(strings.Split(c.want, "\n"), strings.Split(c.got, "\n")) != c.match {
			t.Errorf("%q and %q: match is not %v", c.want, c.got, c.match)
		}
	}
}
