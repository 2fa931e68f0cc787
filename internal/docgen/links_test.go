package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
)

// TestLinks follows every link of the pages to a file of ours, and to a
// heading in it.
func TestLinks(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../../*.md", docs + "/*.md", docs + "/reference/*.md", docs + "/reference/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if there, err := os.ReadFile(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			} else if anchor != "" && !hasAnchor(string(there), anchor) {
				t.Errorf("%s links to %s, which has no such heading", page, m[1])
			}
		}
	}
}

// hasAnchor says whether a page has a heading with the anchor that GitHub
// gives it.
func hasAnchor(page, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		var id strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ', r == '-':
				id.WriteByte('-')
			case r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z':
				id.WriteRune(r)
			}
		}
		if id.String() == anchor {
			return true
		}
	}
	return false
}
