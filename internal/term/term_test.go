package term

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var results = Table{
	Head:  []string{"tenant", "probe", "result", "n"},
	Right: []int{3},
	Rows: [][]Cell{
		{Text("acme"), Text("connect to globex's database"), Toned(Good, "held"), Text("12")},
		{Text("日本\x1b[31m"), Text("read"), Toned(Bad, "ESCAPED"), Text("1")},
		{Text("short")},
	},
}

func TestTable(t *testing.T) {
	for _, c := range []struct {
		name string
		look Look
		want string
	}{
		{"ASCII", Look{}, `
+--------------+------------------------------+---------+----+
| tenant       | probe                        | result  |  n |
+--------------+------------------------------+---------+----+
| acme         | connect to globex's database | held    | 12 |
| 日本\x1b[31m | read                         | ESCAPED |  1 |
| short        |                              |         |    |
+--------------+------------------------------+---------+----+
`},
		{"Unicode, wide enough", Look{Unicode: true, Width: 80}, `
╭──────────────┬──────────────────────────────┬─────────┬────╮
│ tenant       │ probe                        │ result  │  n │
├──────────────┼──────────────────────────────┼─────────┼────┤
│ acme         │ connect to globex's database │ held    │ 12 │
│ 日本\x1b[31m │ read                         │ ESCAPED │  1 │
│ short        │                              │         │    │
╰──────────────┴──────────────────────────────┴─────────┴────╯
`},
		{"Unicode, narrow", Look{Unicode: true, Width: 50}, `
╭──────────────┬────────────┬─────────┬────╮
│ tenant       │ probe      │ result  │  n │
├──────────────┼────────────┼─────────┼────┤
│ acme         │ connect to │ held    │ 12 │
│              │ globex's   │         │    │
│              │ database   │         │    │
│ 日本\x1b[31m │ read       │ ESCAPED │  1 │
│ short        │            │         │    │
╰──────────────┴────────────┴─────────┴────╯
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.look.Table(results)
			if diff := cmp.Diff(strings.Split(c.want, "\n")[1:], strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s\n%s", diff, got)
			}
		})
	}
}

func TestTableColours(t *testing.T) {
	got := Look{Color: true}.Table(results)
	for _, want := range []string{"\x1b[32mheld\x1b[0m", "\x1b[1;31mESCAPED\x1b[0m", "\x1b[1mtenant\x1b[0m", `日本\x1b[31m`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing from %q", want, got)
		}
	}
}

// A table never is wider than the look, and its right edge is straight.
func TestTableFits(t *testing.T) {
	text := rapid.StringMatching(`([a-z]{0,12}|日本語|é|🐘| |\n|\x1b){0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		l := Look{Unicode: rapid.Bool().Draw(t, "unicode"), Width: rapid.IntRange(40, 100).Draw(t, "width")}
		table := Table{Head: []string{"a", "b", "c"}}
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			table.Rows = append(table.Rows, []Cell{Text(text.Draw(t, "a")), Text(text.Draw(t, "b")), Text(text.Draw(t, "c"))})
		}
		got := l.Table(table)
		width := 0
		for line := range strings.Lines(got) {
			w := lipgloss.Width(strings.TrimSuffix(line, "\n"))
			if width == 0 {
				width = w
			}
			if w != width || w > l.Width {
				t.Fatalf("a line of %d columns, the first has %d, the look %d:\n%s", w, width, l.Width, got)
			}
		}
	})
}

func TestLookOfNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	getenv := func(name string) string { return map[string]string{"LC_CTYPE": "de_DE.utf8", "TERM": "xterm"}[name] }
	for _, w := range []io.Writer{f, &bytes.Buffer{}} {
		if got := LookOf(w, getenv); got != (Look{Unicode: true}) {
			t.Errorf("%T: %+v", w, got)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 日本 🐘":   "plain é 日本 🐘",
		"\x1b]0;x\x07":   `\x1b]0;x\a`,
		"a\nb\tc\r":      `a\nb\tc\r`,
		"safe\u202egpj":  `safe\u202egpj`,
		"bad\xff":        `bad\xff`,
		"real \uFFFD":    `real �`,
		"zero\u200bwide": `zero\u200bwide`,
		`it's a "back\`:  `it's a "back\`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestPaint(t *testing.T) {
	if got := (Look{Color: true}).Paint(Warn, "one\n\ntwo\x1b"); got != "\x1b[33mone\x1b[0m\n\n\x1b[33mtwo\\x1b\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := (Look{}).Paint(Bad, "one"); got != "one" {
		t.Errorf("%q", got)
	}
}

type pgError struct{ text string }

func (e pgError) Error() string    { return e.text }
func (e pgError) SQLState() string { return "42501" }

type hinted struct{ error }

func (hinted) Hint() string { return "ask the owner" }

func TestError(t *testing.T) {
	for _, c := range []struct {
		err  error
		hint string
		want string
	}{
		{errors.New("read landlord.yaml: no such file"), "", "landlord: read landlord.yaml: no such file\n"},
		{
			fmt.Errorf("create role %q: %w", "acme", pgError{"permission denied"}), "run as a superuser",
			"landlord: create role \"acme\": permission denied (SQLSTATE 42501)\n  next: run as a superuser\n",
		},
		{pgError{"ERROR: no (SQLSTATE 42501)"}, "", "landlord: ERROR: no (SQLSTATE 42501)\n"},
		{fmt.Errorf("x: %w", hinted{errors.New("y")}), "", "landlord: x: y\n  next: ask the owner\n"},
		{errors.Join(errors.New("one\x1b[2J"), errors.New("two")), "a\nb", "landlord: one\\x1b[2J\n  two\n  next: a\n        b\n"},
	} {
		var b strings.Builder
		Error(&b, Look{}, c.err, c.hint)
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 30: "1.0 GiB",
		5 << 40: "5.0 TiB", -2048: "-2.0 KiB", math.MaxInt64: "8.0 EiB", math.MinInt64: "-8.0 EiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 340 * time.Millisecond: "340 ms", 999600 * time.Microsecond: "1.0 s", 4230 * time.Millisecond: "4.2 s",
		59980 * time.Millisecond: "1 min 0 s", 185 * time.Second: "3 min 5 s", 2*time.Hour + 10*time.Minute: "2 h 10 min",
		time.Hour - time.Millisecond: "1 h 0 min", -time.Second: "-1.0 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	if got := Count(1, "tenant") + Count(0, "tenant") + Count(2, "tenant") + Count(3, "entry", "entries") + Count(1, "entry", "entries"); got != "1 tenant0 tenants2 tenants3 entries1 entry" {
		t.Error(got)
	}
}

func TestConfirm(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"acme\nrest", ""},
		{" acme \r\n", ""},
		{"yes\n", `the answer was "yes", not "acme"; nothing was done`},
		{"\n", `the answer was "", not "acme"`},
		{"ACME\n", "the answer was"},
		{"", "the input ended before an answer"},
		{"acme", "the input ended before an answer"},
		{strings.Repeat("x", 10000), "the answer is too long"},
	} {
		in, out := strings.NewReader(c.in), &strings.Builder{}
		err := Confirm(t.Context(), in, out, "This drops tenant acme (1.2 GiB).", "acme")
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, ErrNotConfirmed) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.20q: %v", c.in, err)
		}
		if out.String() != "This drops tenant acme (1.2 GiB).\nType acme to go on: " {
			t.Errorf("%q", out.String())
		}
		if rest, _ := io.ReadAll(in); strings.HasSuffix(c.in, "rest") && string(rest) != "rest" {
			t.Errorf("it read on: %q is left", rest)
		}
	}
}

func TestConfirmNeedsAPerson(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	var out strings.Builder
	if err := Confirm(t.Context(), r, &out, "?", "acme"); !errors.Is(err, ErrNotConfirmed) || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := Confirm(ctx, io.MultiReader(r), &out, "?", "acme"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrNotConfirmed) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestProgressInALog(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, Look{}, "applying", 50, false)
	p.Done("tenant acme", "applied")
	p.Say("a note")
	p.Done("tenant bolt\n", "failed")
	p.Close()
	if want := "tenant acme: applied (1/50)\na note\ntenant bolt\\n: failed (2/50)\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
}

func TestProgressTogether(t *testing.T) {
	for _, l := range []Look{{}, {Terminal: true, Unicode: true, Width: 80}} {
		var b bytes.Buffer
		p := NewProgress(&b, l, "applying", 100, false)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() { p.Done(fmt.Sprint("tenant ", i), "applied") })
		}
		wg.Wait()
		p.Close()
		if n := strings.Count(b.String(), "applied"); !l.Terminal && n != 100 {
			t.Errorf("%d lines", n)
		}
	}
}

func TestQuietProgress(t *testing.T) {
	var b bytes.Buffer
	for _, l := range []Look{{}, {Terminal: true, Width: 80}} {
		p := NewProgress(&b, l, "applying", 1, true)
		p.Done("x", "y")
		p.Say("z")
		p.Close()
	}
	new(Progress).Done("x", "y")
	if b.Len() > 0 {
		t.Errorf("%q", b.String())
	}
}

func BenchmarkTable(b *testing.B) {
	t := Table{Head: []string{"tenant", "isolation", "result"}}
	for i := range 10_000 {
		t.Rows = append(t.Rows, []Cell{Text(fmt.Sprint("tenant", i)), Text("schema"), Toned(Good, "held")})
	}
	for b.Loop() {
		Look{Color: true, Unicode: true, Width: 80}.Table(t)
	}
}
