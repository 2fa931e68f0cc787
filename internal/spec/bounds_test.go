package spec

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// estateText is a valid file of n tenants, half of them in each model.
func estateText(n int) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	for i := range n {
		if i%2 == 0 {
			fmt.Fprintf(&b, "  t%06d:\n    isolation: schema\n    rights: ddl\n", i)
		} else {
			fmt.Fprintf(&b, "  t%06d: {limits: {connections: 20, statement_timeout: 30s}, temp: false}\n", i)
		}
	}
	return b.Bytes()
}

func TestTooLarge(t *testing.T) {
	got := mistakes(t, head+strings.Repeat("#\n", 8<<20))
	if len(got) != 1 || got[0].Message != "the file has 16777268 bytes; landlord reads at most 16 MiB" {
		t.Errorf("%+v", got)
	}
	got = mistakes(t, head+"  acme: {schemas: ["+strings.Repeat("a, ", 1<<20)+"]}\n")
	if len(got) != 1 || got[0].Line != 5 || !strings.HasPrefix(got[0].Message, "one entry of more than 2 MiB") {
		t.Errorf("%+v", got)
	}
}

func TestAliases(t *testing.T) {
	const text = head + `  acme: &a
    limits: &l {connections: 3, work_mem: 1MB}
  bolt: *a
  cora:
    <<: *a
    limits: {<<: [*l], connections: 4}
`
	e, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{3, 3, 4} {
		if got := e.Tenants[i].Limits; got.Connections != want || got.WorkMem != 1<<20 {
			t.Errorf("%s: %+v", e.Tenants[i].Name, got)
		}
	}
}

func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + "  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "  a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10))
	}
	start := worked(t)
	got := mistakes(t, b.String())
	if last, took := got[len(got)-1].Message, worked(t)-start; !strings.Contains(b.String(), "a11") || len(got) > 200 || took > 5*time.Second {
		t.Errorf("%d mistakes in %v, the last: %s", len(got), took, last)
	}
	refused := false
	for _, m := range got {
		refused = refused || m.Message == "the aliases up to here stand for more than 2000000 values"
	}
	if !refused {
		t.Errorf("not refused: %+v", got)
	}
}

// hostileFiles are cheap to write and dear to read, if one is careless.
func hostileFiles() map[string]string {
	wide := func(s string) string { return strings.Repeat(s, maxChunk/4/len(s)) }
	return map[string]string{
		"open brackets":     "x: " + wide("["),
		"open braces":       "x: " + wide("{a: "),
		"dashes":            "x:\n  " + wide("- "),
		"question marks":    wide("? "),
		"anchors":           "x: " + wide("&a "),
		"tags":              "x: " + wide("!a "),
		"colons":            wide("a: "),
		"a long quote":      "x: \"" + wide("a\n  "),
		"a long plain text": "x: " + wide("a\n  "),
		"a long block text": "x: |\n" + wide("  a\n"),
		"blank lines":       wide("\n"),
		"comments":          wide("#\n"),
		"a deep stairway":   stairway(1500),
		"many typos":        head + strings.Repeat("  a:\n", 1<<18),
		"many unnamed":      "? a\n" + wide(": b\n"),
		"asterisks":         wide("*"),
		"escapes":           `x: "` + wide(`\x41`) + `"`,
	}
}

func stairway(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestHostileFilesEndSoon(t *testing.T) {
	for name, text := range hostileFiles() {
		t.Run(name, func(t *testing.T) {
			start := worked(t)
			_, err := Parse("f", []byte(text))
			if took := worked(t) - start; took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			checkPlaces(t, text, err)
		})
	}
}

// worked is how long processors have worked for this program, however long it has
// waited for them.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// checkPlaces fails unless every mistake has a place in the text and they are
// in order.
func checkPlaces(t *testing.T, text string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	list, ok := errors.AsType[*Errors](err)
	if !ok || len(list.List) == 0 {
		t.Fatalf("not a list of mistakes: %v", err)
	}
	lines := strings.Split(text, "\n")
	before := Error{}
	for _, e := range list.List {
		if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > utf8.RuneCountInString(lines[e.Line-1])+2 || e.Message == "" {
			t.Fatalf("place: %+v", e)
		}
		if e.Line < before.Line || e.Line == before.Line && e.Column < before.Column {
			t.Fatalf("order: %+v before %+v", before, e)
		}
		before = e
	}
}

// TestMemoryIsBounded watches the heap while Parse works. It is collected often,
// so that what is seen is what Parse needs, and not how late a busy machine
// collects its garbage.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 40 << 20 // for 10,000 tenants: their plan is to stay under 200 MiB
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	for _, n := range []int{1_000, 10_000} {
		text := estateText(n)
		debug.FreeOSMemory() // a whole collection, swept: what other tests left must not count
		before := heap()
		stop, peak := make(chan bool), make(chan uint64)
		go watchHeap(stop, peak)
		e, err := Parse("f", text)
		stop <- true
		grown := max(<-peak, before) - before
		if err != nil || len(e.Tenants) != n {
			t.Fatal(err, len(e.Tenants))
		}
		t.Logf("%d tenants, %d kB of text: heap grew from %d by at most %d MiB", n, len(text)>>10, before>>20, grown>>20)
		if grown > limit {
			t.Errorf("%d tenants: the heap grew by %d MiB, more than %d", n, grown>>20, limit>>20)
		}
	}
}

func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func watchHeap(stop chan bool, peak chan uint64) {
	var highest uint64
	for {
		select {
		case <-stop:
			peak <- highest
			return
		case <-time.After(time.Millisecond):
			highest = max(highest, heap())
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000, 100_000} {
		text := estateText(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Parse("f", text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(Template()))
	f.Add(head + "  acme: &a {limits: {connections: 3}}\n  bolt: *a\n  <<: {x: }\n")
	f.Add(head + "  a: {logins: {app: [a, b], ro: c}, settings: {a.b: 1}}\n  a:\n- x\n}\n")
	f.Add("{servers: {\"a\": {connection: 'host=x'}}, tenants: {x: null, x: }}")
	f.Add("? a\n: b\n---\n...\n%X\n\t- |2-\n  x\n>\n")
	f.Fuzz(func(t *testing.T, text string) {
		// The fuzzer itself waits forever for a parser that does not end.
		defer time.AfterFunc(10*time.Second, func() { panic("does not end: " + strconv.Quote(text)) }).Stop()
		e, err := Parse("f", []byte(text))
		checkPlaces(t, strings.ToValidUTF8(text, "\uFFFD"), err)
		if err != nil {
			return
		}
		written := Write(e)
		again, err := Parse("again", written)
		if err != nil {
			t.Fatalf("written: %v\n%s", err, written)
		}
		if got := Write(again); !bytes.Equal(got, written) {
			t.Fatalf("written twice:\n%s\n%s", written, got)
		}
	})
}
