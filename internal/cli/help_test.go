package cli_test

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"landlord/internal/cli"
)

// walk calls visit for every command of landlord's own, cobra's apart.
func walk(c *cobra.Command, visit func(*cobra.Command)) {
	if c.Name() == "completion" || c.Name() == "help" {
		return
	}
	visit(c)
	for _, sub := range c.Commands() {
		walk(sub, visit)
	}
}

// Whoever asks for help learns how the command ends and sees a call of it.
func TestEveryCommandHasHelp(t *testing.T) {
	walk(cli.New(), func(c *cobra.Command) {
		if c.HasSubCommands() {
			return
		}
		if !strings.Contains(strings.Join(strings.Fields(c.Long), " "), "Exit status: 0") {
			t.Errorf("%s: its help says nothing about exit statuses:\n%s", c.CommandPath(), c.Long)
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its short help is %q", c.CommandPath(), c.Short)
		}
		if !strings.Contains(c.Example, "  "+c.CommandPath()) {
			t.Errorf("%s: no example calls it:\n%s", c.CommandPath(), c.Example)
		}
		for line := range strings.SplitSeq(c.Long, "\n") {
			if len(line) > 80 && !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: a line of its help is wider than a terminal: %s", c.CommandPath(), line)
			}
		}
	})
}

// An example that landlord itself would refuse teaches a mistake.
func TestEveryExampleParses(t *testing.T) {
	walk(cli.New(), func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " >")
			words := shellWords(line)
			if len(words) == 0 || words[0] != "landlord" {
				continue
			}
			found, rest, err := cli.New().Find(words[1:])
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if err := found.ValidateRequiredFlags(); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	})
}

// shellWords splits at blanks, but not between single quotes.
func shellWords(line string) []string {
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}
