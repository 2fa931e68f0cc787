package cli_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"landlord/internal/cli"
)

// sudo matches a command line after joining its words by blanks, so whoever
// has the rule of landlord sudoers may glue neighbouring words into one. Each
// such command line is a mistake to landlord, before it does anything.
func TestGluedWordsAreRefused(t *testing.T) {
	spec := filepath.Join(t.TempDir(), "landlord.yaml")
	text := "servers:\n  main:\n    connection: host=/nonexistent\nprofiles:\n  small: {}\ntenants:\n  acme: {}\n"
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]string{
		{"tenant", "add", "--file=" + spec, "bolt", "--isolation", "database", "--profile", "small"},
		{"tenant", "add", "--file=" + spec, "bolt", "--isolation=database"},
		{"tenant", "list", "--file=" + spec, "--output", "json"},
		{"tenant", "show", "--file=" + spec, "acme"},
		{"tenant", "suspend", "--file=" + spec, "acme"},
		{"tenant", "resume", "--file=" + spec, "acme"},
	} {
		// Whole, it is none: landlord gets as far as the server.
		if status, said := landlord(list); status != 1 || !strings.Contains(said, "/nonexistent") {
			t.Errorf("%q: exit status %d: %s", list, status, said)
		}
		for cuts := range 1<<(len(list)-1) - 1 {
			args := glue(list, cuts)
			if status, said := landlord(args); status != 2 {
				t.Errorf("%q: exit status %d: %s", args, status, said)
			}
		}
	}
}

// glue joins neighbours where cuts has no bit.
func glue(list []string, cuts int) []string {
	words := []string{list[0]}
	for i, word := range list[1:] {
		if cuts>>i&1 == 1 {
			words = append(words, word)
		} else {
			words[len(words)-1] += " " + word
		}
	}
	return words
}

func landlord(args []string) (status int, said string) {
	var out strings.Builder
	status = cli.Main(args, cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: &out, Getenv: func(string) string { return "" }})
	return status, out.String()
}
