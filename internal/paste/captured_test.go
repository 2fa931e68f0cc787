package paste

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/snapshot"
)

// TestCaptured reads what real psqls have printed of one and the same state,
// in every format (scripts/capture-psql.sh): all tell the same.
func TestCaptured(t *testing.T) {
	files, err := filepath.Glob("testdata/psql-*/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatal(err, len(files))
	}
	plain := map[string]string{} // what the plainest format tells, by directory
	for _, file := range files {
		if dir, name := filepath.Split(file); name == "default.txt" {
			plain[dir] = readTold(t, file)
			golden(t, dir+"told", plain[dir])
		}
	}
	for _, file := range files {
		dir, name := filepath.Split(file)
		switch name {
		case "default.txt":
		case "german.txt":
			germanIsSaid(t, file)
		default:
			if diff := cmp.Diff(strings.Split(plain[dir], "\n"), strings.Split(readTold(t, file), "\n")); diff != "" {
				t.Errorf("%s: %s", file, diff)
			}
		}
	}
}

func readTold(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(file, text)
	if err != nil {
		t.Errorf("%v", err)
		return ""
	}
	for _, n := range r.Notes {
		t.Errorf("%s: %s", file, n)
	}
	return strings.Join(Told(r.Snapshot, func(db string, p snapshot.Part) bool { return r.Snapshot.KnowsIn(db, p) }), "\n") + "\n"
}

// germanIsSaid: a language that is not read is named, and nothing is judged.
func germanIsSaid(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("german", text)
	if err == nil || !strings.Contains(err.Error(), "head is in German") || strings.Count(err.Error(), "\n") > 12 {
		t.Errorf("%v", err)
	}
}

var update = flag.Bool("update", false, "write what the plainest format tells, to be looked at")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if diff := cmp.Diff(string(want), got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
