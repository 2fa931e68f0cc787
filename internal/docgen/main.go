// Docgen writes the reference pages in docs out of the definitions in the
// program: commands, man pages, keys of landlord.yaml, its JSON Schema, and
// the probes. `make docs` runs it; a test fails where the pages are stale.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := write("docs"); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

// write puts every page where it belongs under a directory, and removes pages
// of commands that are gone.
func write(dir string) error {
	all, err := pages()
	if err != nil {
		return err
	}
	stale, err := leftovers(dir, all)
	if err != nil {
		return err
	}
	for _, path := range stale {
		if err := os.Remove(filepath.Join(dir, path)); err != nil {
			return err
		}
	}
	for _, p := range all {
		path := filepath.Join(dir, p.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, p.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// leftovers lists the files, relative to dir, that stand where only docgen
// writes and that are none of its pages.
func leftovers(dir string, all []page) ([]string, error) {
	known := map[string]bool{}
	for _, p := range all {
		known[p.path] = true
	}
	var stale []string
	for _, pattern := range []string{commandsDir + "/*.md", manDir + "/*.1", rulesDir + "/*.md"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if path, err = filepath.Rel(dir, path); err != nil {
				return nil, err
			}
			if !known[filepath.ToSlash(path)] {
				stale = append(stale, path)
			}
		}
	}
	return stale, nil
}
