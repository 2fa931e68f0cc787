package cli_test

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"landlord/internal/cli"
	"landlord/internal/sudoers"
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

// Whatever commands and options landlord has or will have: the rule lets in
// the five verbs with their three options, and none of the others in any
// spelling. (That sudo goes by the patterns is tried with a real one.)
func TestTheRuleKnowsNoOtherOption(t *testing.T) {
	const file = "--file=/etc/landlord.yaml"
	text, err := sudoers.Render(sudoers.Options{Group: "admins", Binary: "/usr/local/bin/landlord", Spec: "/etc/landlord.yaml", SudoVersion: "1.9.13"})
	if err != nil {
		t.Fatal(err)
	}
	var patterns []*regexp.Regexp
	for _, m := range regexp.MustCompile(`(?m)^Cmnd_Alias \w+ = \S+ (\^.*\$)$`).FindAllStringSubmatch(text, -1) {
		patterns = append(patterns, regexp.MustCompile(m[1]))
	}
	lets := func(args string) bool {
		for _, p := range patterns {
			if p.MatchString(args) {
				return true
			}
		}
		return false
	}
	named := map[string]bool{"add isolation": true, "add profile": true, "list output": true}
	allowed, tried := 0, 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		words := strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), "landlord"), " ")
		for _, rest := range []string{"", " acme"} {
			if lets(strings.TrimSpace(words + " " + file + rest)) {
				allowed++
			}
			flags := func(f *pflag.Flag) {
				spellings := []string{"--" + f.Name, "--" + f.Name + "=json", "--" + f.Name + " json", "--" + f.Name + "=schema", "--" + f.Name + "=true", "--no-" + f.Name}
				if f.Shorthand != "" {
					spellings = append(spellings, "-"+f.Shorthand, "-"+f.Shorthand+"x", "-"+f.Shorthand+" x", "-"+f.Shorthand+"=x")
				}
				for _, s := range spellings {
					for _, args := range []string{words + " " + file + rest + " " + s, words + " " + s + " " + file + rest, s + " " + words + " " + file + rest, words + " " + file + " " + s + rest} {
						tried++
						if lets(args) && !named[c.Name()+" "+f.Name] {
							t.Errorf("the rule lets in: landlord %s", args)
						}
					}
				}
			}
			c.Flags().VisitAll(flags)
			c.InheritedFlags().VisitAll(flags)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(cli.New())
	if len(patterns) != 5 || allowed != 5 || tried < 1000 {
		t.Errorf("%d patterns let %d commands in; %d spellings tried", len(patterns), allowed, tried)
	}
}
