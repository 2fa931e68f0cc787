package journal

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/tenant"
)

// TestLinesStayWhole: several landlords write to one file, and each entry is
// one line of JSON with who and when.
func TestLinesStayWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			j, err := Open(tenant.Journal{File: path})
			if err != nil {
				t.Error(err)
				return
			}
			for range 50 {
				if err := j.Write(Entry{Action: "apply", Server: "main", Statements: []Statement{{SQL: "CREATE ROLE \"a\nb\""}}}); err != nil {
					t.Error(err)
				}
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, _ := f.Stat(); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); n++ {
		var e Entry
		if err := json.Unmarshal(s.Bytes(), &e); err != nil || e.Time.IsZero() || e.PID == 0 {
			t.Fatalf("%q: %v", s.Text(), err)
		}
	}
	if n != 1000 {
		t.Errorf("%d lines, want 1000", n)
	}
}

// TestNone: without a journal in the spec, nothing is opened.
func TestNone(t *testing.T) {
	j, err := Open(tenant.Journal{})
	if j != nil || err != nil {
		t.Error(j, err)
	}
	if err := j.Write(Entry{}); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// What is too long for the system's log is several entries, each whole, of
// which the statements are to be read as they were.
func TestSplit(t *testing.T) {
	const max = 600
	long := strings.Repeat("\u00e9\"'\n\\", 900)
	for name, statements := range map[string][]Statement{
		"short":          {{SQL: "SELECT 1"}},
		"many":           slices.Repeat([]Statement{{Database: "acme", As: "acme_owner", SQL: "GRANT SELECT ON a TO b"}}, 200),
		"one long":       {{Database: "acme", SQL: long}},
		"between others": {{SQL: "BEGIN"}, {SQL: long}, {SQL: "COMMIT"}, {SQL: long}},
	} {
		e := Entry{Action: "apply", Server: "main", Group: "tenant acme", PID: 4711, Statements: statements}
		parts := split(e, max)
		var got []Statement
		text := ""
		for i, p := range parts {
			if length(p) > max || len(parts) > 1 && (p.Part != i+1 || p.Parts != len(parts)) || p.Group != e.Group {
				t.Errorf("%s: part %d of %d has %d bytes: %d of %d", name, i+1, len(parts), length(p), p.Part, p.Parts)
			}
			for _, s := range p.Statements {
				if text += s.SQL; s.Continues {
					continue
				}
				s.SQL, text = text, ""
				got = append(got, s)
			}
		}
		if diff := cmp.Diff(statements, got); diff != "" || (len(parts) == 1) != (name == "short") {
			t.Errorf("%s: %d parts: %s", name, len(parts), diff)
		}
	}
}
