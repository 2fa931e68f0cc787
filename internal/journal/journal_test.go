package journal

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

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
