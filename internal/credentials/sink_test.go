package credentials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestUpsertPass(t *testing.T) {
	e := entry{"h", "5432", "d", "u", "new"}
	for _, c := range []struct{ name, before, after string }{
		{"empty", "", "h:5432:d:u:new\n"},
		{"append", "a:1:b:c:d\n", "a:1:b:c:d\nh:5432:d:u:new\n"},
		{"no newline at the end", "a:1:b:c:d", "a:1:b:c:d\nh:5432:d:u:new\n"},
		{"in place", "# mine\n\na:1:b:c:d\nh:5432:d:u:old\nz:1:b:c:d\n", "# mine\n\na:1:b:c:d\nh:5432:d:u:new\nz:1:b:c:d\n"},
		{"twice", "h:5432:d:u:old\nz:1:b:c:d\nh:5432:d:u:older\n", "h:5432:d:u:new\nz:1:b:c:d\n"},
		{"before the wildcard that would win", "a:1:b:c:d\n*:*:*:u:wild\nh:5432:d:u:old\n", "a:1:b:c:d\nh:5432:d:u:new\n*:*:*:u:wild\n"},
		{"others in DOS manner and odd", "a:1:b:c:d\r\nnonsense\n::::\n", "a:1:b:c:d\r\nnonsense\n::::\nh:5432:d:u:new\n"},
		{"escaped", `h:5432:d:\u:old` + "\n", "h:5432:d:u:new\n"},
		{"a comment that looks the same", "#h:5432:d:u:old\n", "#h:5432:d:u:old\nh:5432:d:u:new\n"},
		{"a star that is no wildcard", "h:5432:\\*:u:old\n", "h:5432:\\*:u:old\nh:5432:d:u:new\n"},
	} {
		if diff := cmp.Diff(c.after, upsertPass(c.before, e)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// Whatever stands in the file: what was put in is found, the lines of others
// stay in their order, and doing it again changes nothing.
func TestUpsertPassProperties(t *testing.T) {
	text := rapid.StringOf(rapid.SampledFrom([]rune(`:\*#a b`)))
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.StringOf(rapid.SampledFrom([]rune(":\\*#ab\n"))).Draw(t, "before")
		e := entry{text.Draw(t, "host"), "1", text.Draw(t, "database"), text.Draw(t, "user"), text.Draw(t, "password")}
		after := upsertPass(before, e)
		if got, ok := lookupPass(after, e); !ok || got != e[passField] {
			t.Fatalf("found %q, %v in %q", got, ok, after)
		}
		if again := upsertPass(after, e); again != after {
			t.Fatalf("%q became %q", after, again)
		}
		rest := after
		for line := range strings.Lines(before) {
			l, ok := parsePassLine(line)
			if _, exact := l.matches(e); ok && exact {
				continue
			}
			_, found, ok := strings.Cut(rest, strings.TrimSuffix(line, "\n")+"\n")
			if !ok {
				t.Fatalf("%q is lost from %q: %q", line, before, after)
			}
			rest = found
		}
	})
}

func FuzzParsePassLine(f *testing.F) {
	f.Add(`a\:b:1:\\:u:p`)
	f.Add("h:5432:d:u:p:q\r\n")
	f.Fuzz(func(t *testing.T, line string) {
		l, ok := parsePassLine(line)
		if !ok || strings.ContainsAny(line, "\r\n") {
			return
		}
		again, ok := parsePassLine(l.text.String())
		if !ok || again.text != l.text {
			t.Errorf("%q: %q, then %q", line, l.text, again.text)
		}
	})
}

func TestPassFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pgpass")
	p := PassFile{path}
	if _, ok, err := p.Lookup(t.Context(), acme); ok || err != nil {
		t.Errorf("a missing file: %v, %v", ok, err)
	}
	for _, s := range []Settings{acme, socket} {
		if err := p.Store(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		got, ok, err := p.Lookup(t.Context(), s)
		if err != nil || !ok || !got.Equal(s.Secret) {
			t.Errorf("%s: %v, %v", s.Host, ok, err)
		}
	}
	if _, ok, err := p.Lookup(t.Context(), with(func(s *Settings) { s.User = "bolt_app" })); ok || err != nil {
		t.Errorf("another login: %v, %v", ok, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != private {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := p.Store(t.Context(), with(func(s *Settings) { s.Secret = NewSecret("s3cret\n") })); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a line break: %v", err)
	}
}

// Many landlords that store at once lose nobody's entry.
func TestPassFileTogether(t *testing.T) {
	p := PassFile{filepath.Join(t.TempDir(), "pgpass")}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			s := with(func(s *Settings) { s.User = fmt.Sprintf("u%d", i) })
			if err := p.Store(t.Context(), s); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	content, err := os.ReadFile(p.Path)
	if n := strings.Count(string(content), "\n"); n != 40 || err != nil {
		t.Errorf("%d entries of 40: %v", n, err)
	}
	unlock, err := lock(t.Context(), p.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Store(ctx, acme); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another landlord") {
		t.Errorf("locked: %v", err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, content := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, _ := os.Stat(path)
		if err != nil || string(got) != content || info.Mode() != private {
			t.Errorf("%q, %v, %v", got, info.Mode(), err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left beside it: %v", entries)
	}
}

func TestWriteFileRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(path("target"), []byte("old"), 0o600))
	must(os.Symlink(path("target"), path("link")))
	must(os.Symlink(path("nowhere"), path("dangling")))
	must(os.Mkdir(path("dir"), 0o700))
	must(os.WriteFile(path("wide"), []byte("old"), 0o640))
	must(os.Mkdir(path("open"), 0o700))
	must(os.Chmod(path("open"), 0o777))
	cases := map[string]string{
		"link": "symbolic link", "dangling": "symbolic link", "dir": "no regular file", "wide": "open to others (mode 0640)",
		"open/f": "everybody may replace files", "missing/f": "no such file or directory",
	}
	if os.Geteuid() == 0 {
		must(os.WriteFile(path("theirs"), []byte("old"), 0o600))
		must(os.Chown(path("theirs"), 12345, -1))
		cases["theirs"] = "belongs to another user (uid 12345)"
	}
	for name, want := range cases {
		if err := WriteFile(path(name), []byte("s3cret")); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := WriteFile("/dev/null", []byte("s3cret")); err == nil {
		t.Error("/dev/null was replaced")
	}
	for _, name := range []string{"target", "wide"} {
		if got, err := os.ReadFile(path(name)); string(got) != "old" {
			t.Errorf("%s was changed: %q, %v", name, got, err)
		}
	}
	if _, err := os.Lstat(path("nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was made through a dangling link")
	}
}

func sh(script string, args ...string) Command {
	return append(Command{"sh", "-c", script}, args...)
}

func TestCommandStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "got")
	if err := sh(`cat > "$0"`, path).Store(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	want := `{"action":"store","server":"main","tenant":"acme","login":"acme_app","database":"acme","host":"db.example.com","port":5432,"password":"pa:ss"}` + "\n"
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if err := sh("exit 0").Store(t.Context(), Settings{User: "u"}); err == nil {
		t.Error("no password was stored")
	}
}

func TestCommandLookup(t *testing.T) {
	for _, c := range []struct {
		script, want string
		ok           bool
		err          string
	}{
		{`grep -q '"action":"lookup"' && echo 'pa ss'`, "pa ss", true, ""},
		{`grep -q password || printf 'x\r\n'`, "x", true, ""},
		{"true", "", false, ""},
		{"echo", "", false, ""},
		{`printf 's3cret\nmore\n'`, "", false, "printed more than one line"},
		{`echo s3cret; echo "found s3cret" >&2; exit 4`, "", false, `lookup the password of "acme_app": sh: exit status 4: found [secret]`},
	} {
		got, ok, err := sh(c.script).Lookup(t.Context(), acme)
		if got.Reveal() != c.want || ok != c.ok || (err == nil) != (c.err == "") {
			t.Errorf("%s: %q, %v, %v", c.script, got.Reveal(), ok, err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%s: %v", c.script, err)
		}
	}
}

// A command that prints what it was given must not put it into our error.
func TestCommandErrorsHideTheSecret(t *testing.T) {
	s := with(func(s *Settings) { s.Secret = NewSecret(`s3cret"<x>\ &é`) })
	for name, script := range map[string]string{
		"as JSON":     `cat >&2; exit 1`,
		"in the end":  `i=$(cat); for n in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0; do printf '%s' "$i" >&2; done; exit 1`,
		"as itself":   `cat >/dev/null; printf '%s\n' 's3cret"<x>\ &é' >&2; exit 1`,
		"in a URL":    `cat >/dev/null; printf '%s\n' 's3cret%22%3Cx%3E%5C%20%26%C3%A9' >&2; exit 1`,
		"in a form":   `cat >/dev/null; printf '%s\n' 's3cret%22%3Cx%3E%5C+%26%C3%A9' >&2; exit 1`,
		"HTML's JSON": `cat >/dev/null; printf '%s\n' 's3cret\"\u003cx\u003e\\ \u0026é' >&2; exit 1`,
	} {
		err := sh(script).Store(t.Context(), s)
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Command{"/nowhere/at/all"}).Store(t.Context(), s); err == nil || !strings.Contains(err.Error(), "/nowhere/at/all: no such file") {
		t.Errorf("%v", err)
	}
	if err := (Command{}).Store(t.Context(), s); err == nil {
		t.Error("an empty command ran")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := sh("exec sleep 60").Store(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command that hangs: %v", err)
	}
}
