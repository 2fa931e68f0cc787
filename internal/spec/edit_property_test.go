package spec

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// piece is one entry of a drawn file: what stands above it and stays, its own
// remarks, and itself with the remarks inside.
type piece struct{ gap, remarks, entry string }

// drawn is a landlord.yaml in pieces.
type drawn struct {
	before, after string
	pieces        []piece
}

// text puts the pieces together, without the nth entry (-1: with all).
func (d drawn) text(without int) string {
	var b strings.Builder
	b.WriteString(d.before)
	for i, p := range d.pieces {
		b.WriteString(p.gap)
		if i != without {
			b.WriteString(p.remarks + p.entry)
		}
	}
	return b.String() + d.after
}

// entries are values in many forms; a tab stands for the entry's indentation.
var entries = []string{
	" {}\n", "\n", " null # x\n", " ~\n", "   {  } # {}\n",
	" {temp: true, limits: {connections: 3}} # é # x\n",
	" {rights: ddl, 'logins': {\"app\": [é%, 'it''s # }%']}}\n",
	" {\n\t  temp: false, # {\n\t  limits: {work_mem: 1MB}\n\t}\n",
	" &anchor\n\t  temp: false # x\n",
	"\n\t  temp: false\n\t  # rights: ddl\n\n\t   # deep\n",
	" # what: {is: this}\n\t # x\n\t isolation: schema\n\n\t settings: # 3\n\t    app.x: '#'\n\t    app.y: \"a # b\\\"\"\n\t    app.z: a b#c\n",
	"\n\t    logins:\n\t      app:\n\t      - a_%\n\t      # x\n\t      - b_%\n\t    adopt: true\n",
	"\n\t  limits:\n\t        connections: 3\n\t        # none yet\n\t  owner: >-\n\t    o\n\t    %\n",
	"\n\t  {temp: true}\n",
	"\n\t  schemas: [a,\n\t    # x\n\t    b, ]\n\t  owner: \"o\n\t    %\"\n",
}

func drawText(t *rapid.T) drawn {
	indent := rapid.SampledFrom([]string{" ", "  ", "    "}).Draw(t, "indent")
	var d drawn
	header := "tenants:" + rapid.SampledFrom([]string{"", " # {", " &t"}).Draw(t, "header") + "\n"
	servers := "servers: # {\n  main: {connection: host=/run} # x\n"
	if d.before = servers + header; rapid.Bool().Draw(t, "tenants first") {
		d.before, d.after = header, servers
	}
	d.after = rapid.SampledFrom([]string{"", "\n", "# end\n", "\n" + indent + "# more\n"}).Draw(t, "tail") + d.after
	for i := range rapid.IntRange(1, 5).Draw(t, "tenants") {
		name := fmt.Sprintf("t%d", i)
		key := rapid.SampledFrom([]string{"%s:", "'%s':", `"%s" :`}).Draw(t, "key")
		entry := strings.ReplaceAll(rapid.SampledFrom(entries).Draw(t, "entry"), "\t", indent)
		d.pieces = append(d.pieces, piece{
			gap:     rapid.SampledFrom([]string{"", "\n", "# left\n", "\n" + indent + "# apart\n\n"}).Draw(t, "gap"),
			remarks: rapid.SampledFrom([]string{"", indent + "# about\n", indent + "# a\n" + indent + "#b\n"}).Draw(t, "remarks"),
			entry:   indent + fmt.Sprintf(key, name) + strings.ReplaceAll(entry, "%", name),
		})
	}
	if rapid.Bool().Draw(t, "CRLF") {
		crlf := func(s *string) { *s = strings.ReplaceAll(*s, "\n", "\r\n") }
		crlf(&d.before)
		crlf(&d.after)
		for i := range d.pieces {
			crlf(&d.pieces[i].gap)
			crlf(&d.pieces[i].remarks)
			crlf(&d.pieces[i].entry)
		}
	}
	return d
}

// change must succeed.
func change(t *rapid.T, text string, c Change) string {
	e, err := Edit("f", []byte(text), c)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return string(e.Text)
}

func TestRemoveKeepsEveryOtherByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawText(t)
		i := rapid.IntRange(0, len(d.pieces)-1).Draw(t, "removed")
		want := d.text(i)
		if len(d.pieces) == 1 { // nothing must not stand behind an anchor
			want = strings.Replace(want, "tenants: &t", "tenants: &t {}", 1)
		}
		if got := change(t, d.text(-1), Remove(fmt.Sprintf("t%d", i))); got != want {
			t.Fatalf("got\n%q\nwant\n%q", got, want)
		}
	})
}

// drawKeys draws flags.
func drawKeys(t *rapid.T) []KeyValue {
	all := []KeyValue{{"suspended", []string{"true"}}, {"temp", []string{"false"}}, {"rights", []string{"ddl"}}, {"limits.connections", []string{"7"}},
		{"limits.work_mem", []string{"64 kB"}}, {"owner", []string{"o # '\"\\é"}}, {"settings.app.q", []string{"1e3"}}, {"limits.lock_timeout", []string{"none"}}, {"schemas", []string{"null", "- x"}}}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 4, func(k KeyValue) string { return k.Key }).Draw(t, "keys")
}

func TestAddKeepsEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawText(t)
		if rapid.Bool().Draw(t, "no newline at the end") && d.after == "" {
			last := &d.pieces[len(d.pieces)-1].entry
			*last = strings.TrimRight(*last, "\r\n")
		}
		text := d.text(-1)
		add := Add(TenantEntry{"new", drawKeys(t)})
		got := change(t, text, add)
		at := len(text) - len(d.after)
		if !strings.HasPrefix(got, text[:at]) || !strings.HasSuffix(got, d.after) {
			t.Fatalf("got\n%q\nfrom\n%q", got, text)
		}
		if again := change(t, got, add); again != got {
			t.Fatalf("added twice:\n%q\n%q", again, got)
		}
		if back := change(t, got, Remove("new")); strings.TrimRight(back, "\r\n") != strings.TrimRight(text, "\r\n") {
			t.Fatalf("removed again:\n%q\n%q", back, text)
		}
	})
}

func TestSetKeepsEveryOtherByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawText(t)
		i := rapid.IntRange(0, len(d.pieces)-1).Draw(t, "tenant")
		text, name := d.text(-1), fmt.Sprintf("t%d", i)
		for _, k := range drawKeys(t) {
			e, err := Edit("f", []byte(text), Set(name, k.Key, k.Values...))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			p := d.pieces[i]
			head, tail, _ := strings.Cut(d.text(-1), p.gap+p.remarks+p.entry)
			got := string(e.Text)
			if !strings.HasPrefix(got, head+p.gap+p.remarks) || !strings.HasSuffix(got, tail) {
				t.Fatalf("got\n%q\nfrom\n%q", got, text)
			}
			back, err := Edit("f", e.Text, Unset(name, k.Key))
			if err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
			leaf := k.Key[strings.LastIndexByte(k.Key, '.')+1:]
			if had := strings.Contains(text, leaf+":"); !had && !reflect.DeepEqual(back.After, e.Before) {
				t.Fatalf("set and unset:\n%q\n%q", back.Text, text)
			}
			text = got
		}
	})
}

// FuzzEdit: whatever the file, an edit is refused, or says exactly what it
// should (Edit checks that itself), is idempotent, and adding can be undone.
func FuzzEdit(f *testing.F) {
	f.Add(string(Template()), "new", "isolation", "schema")
	f.Add(head+"  acme: &a {temp: true}\n  bolt: *a\n", "acme", "suspended", "true")
	f.Add(where+"tenants: {a: {}, # x\n 'b': [],\n}", "b", "limits.connections", "5")
	f.Add("{\"servers\": {\"m\": {\"connection\": \"host=x\"}}}", "y", "settings.a.b", "#")
	for _, e := range entries {
		f.Add(head+"  t:"+strings.NewReplacer("\t", "  ", "%", "t").Replace(e), "t", "owner", "'")
	}
	f.Fuzz(func(t *testing.T, text, name, key, value string) {
		defer time.AfterFunc(10*time.Second, func() { panic("does not end: " + strconv.Quote(text)) }).Stop()
		for _, c := range []Change{Add(TenantEntry{name, []KeyValue{{key, []string{value}}}}), Set(name, key, value), Unset(name, key), Remove(name)} {
			given := []byte(text)
			e, err := Edit("f", given, c)
			if string(given) != text {
				t.Fatal("the given text was changed")
			}
			if err != nil {
				continue
			}
			after, err := Parse("f", e.Text)
			if err != nil || !reflect.DeepEqual(after, e.After) {
				t.Fatalf("%v: %v\n%s", c, err, e.Text)
			}
			again, err := Edit("f", e.Text, c)
			if c.verb == removing && !errors.Is(err, ErrUnknownTenant) || c.verb != removing && (err != nil || !bytes.Equal(again.Text, e.Text)) {
				t.Fatalf("%v twice: %v\n%s\n%s", c, err, e.Text, again.Text)
			}
			if _, there := e.Before.Tenant(name); c.verb == adding && !there {
				if back, err := Edit("f", e.Text, Remove(name)); err != nil || !reflect.DeepEqual(back.After, e.Before) {
					t.Fatalf("added and removed: %v\n%s", err, back.Text)
				}
			}
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		text := estateText(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Edit("f", text, Add(TenantEntry{Name: "new"})); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
