package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/prove"
)

// docs is the directory of the pages, seen from this package.
const docs = "../../docs"

// TestPagesAreFresh fails where the pages in docs are not what the program
// says now.
func TestPagesAreFresh(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		have, err := os.ReadFile(filepath.Join(docs, p.path))
		if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("docs/%s is missing: run make docs", p.path)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(have), string(p.text)); diff != "" {
			t.Errorf("docs/%s is stale: run make docs\n%s", p.path, diff)
		}
	}
	stale, err := leftovers(docs, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stale {
		t.Errorf("docs/%s belongs to no command: run make docs", path)
	}
}

// TestWriteRemovesStalePages runs the program as make docs does.
func TestWriteRemovesStalePages(t *testing.T) {
	dir := t.TempDir()
	gone := filepath.Join(dir, commandsDir, "landlord_gone.md")
	kept := filepath.Join(dir, "tutorial.md")
	for _, path := range []string{gone, kept} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the page of a command that is gone is still there (%v)", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a page that docgen does not write is gone: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, commandsDir, "landlord_plan.md")); err != nil {
		t.Error(err)
	}
}

// TestEveryCommandSaysHowItEnds: the help of each command of landlord's own
// gives its exit statuses and, where it takes anything, an example.
func TestEveryCommandSaysHowItEnds(t *testing.T) {
	for _, c := range root().Commands() {
		if c.Name() == "completion" || c.Name() == "help" {
			continue
		}
		if c.Short == "" || !strings.Contains(c.Long, "Exit status") {
			t.Errorf("landlord %s: its help lacks a summary or its exit statuses", c.Name())
		}
		if c.Example == "" && !c.HasSubCommands() && c.HasLocalFlags() {
			t.Errorf("landlord %s: its help lacks an example", c.Name())
		}
	}
}

func TestIndentExamples(t *testing.T) {
	got := indentExamples("Formats:\n  uri   one\n  env   two\nAfter.\n\n  $ x\n\n  $ y\n\nEnd.")
	want := "Formats:\n\n    uri   one\n    env   two\n\nAfter.\n\n    $ x\n\n    $ y\n\nEnd."
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestEveryProbeIsExplained: the page of probes says what each tries, and
// what follows where it is expected to get through.
func TestEveryProbeIsExplained(t *testing.T) {
	page := string(probesPage())
	for _, p := range prove.Probes() {
		if n := strings.Count(page, "| `"+p.Name+"` |"); n != 1 {
			t.Errorf("probe %s stands %d times on the page", p.Name, n)
		}
		if p.What == "" || strings.Contains(p.What+p.Consequence, "|") {
			t.Errorf("probe %s does not say what it tries, or breaks its table", p.Name)
		}
		if p.Expect == prove.Exposed && (p.Consequence == "" || p.Closes == "") {
			t.Errorf("probe %s is an exposure without a consequence, or without what closes it", p.Name)
		}
	}
}
