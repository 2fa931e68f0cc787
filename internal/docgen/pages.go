package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"landlord/internal/cli"
	"landlord/internal/spec"
)

// page is one generated file; path is relative to docs, with slashes.
type page struct {
	path string
	text []byte
}

const (
	commandsDir = "reference/commands"
	manDir      = "man"
)

// pages makes all generated files. The same program makes the same bytes, on
// every day and every machine.
func pages() ([]page, error) {
	all, err := commandPages(root())
	if err != nil {
		return nil, err
	}
	fields, err := snapshotPage()
	if err != nil {
		return nil, err
	}
	return append(append(all, auditPages()...),
		page{"reference/snapshot.md", fields},
		page{"reference/landlord.yaml.md", spec.Reference()},
		page{"landlord.schema.json", spec.JSONSchema()},
		page{"reference/probes.md", probesPage()},
	), nil
}

// root is landlord's command with what cobra adds when it runs: shell
// completion.
func root() *cobra.Command {
	c := cli.New()
	c.DisableAutoGenTag = true
	c.InitDefaultCompletionCmd()
	return c
}

// commandPages makes the Markdown and the manual page of a command, and of
// those below it.
func commandPages(c *cobra.Command) ([]page, error) {
	c.Long = indentExamples(c.Long)
	var md, man bytes.Buffer
	if err := doc.GenMarkdown(c, &md); err != nil {
		return nil, fmt.Errorf("page of %s: %w", c.CommandPath(), err)
	}
	if err := doc.GenMan(c, &doc.GenManHeader{Section: "1", Date: &time.Time{}, Source: "landlord", Manual: "landlord"}, &man); err != nil {
		return nil, fmt.Errorf("manual page of %s: %w", c.CommandPath(), err)
	}
	all := []page{
		{commandsDir + "/" + fileName(c, "_") + ".md", tidy(md.Bytes())},
		{manDir + "/" + fileName(c, "-") + ".1", undated(man.Bytes())},
	}
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
			continue
		}
		below, err := commandPages(sub)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

func fileName(c *cobra.Command, between string) string {
	return strings.ReplaceAll(c.CommandPath(), " ", between)
}

// indentExamples turns the indented lines of a help text into what Markdown
// takes for an example: four blanks, with an empty line before and after.
func indentExamples(help string) string {
	var out []string
	inside := false
	for line := range strings.SplitSeq(help, "\n") {
		example := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
		if example != inside && line != "" && len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, "")
		}
		if example {
			line = "    " + strings.TrimLeft(line, " \t")
		}
		if line != "" {
			inside = example
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// tidy ends a page with one line end, and no line with blanks.
func tidy(text []byte) []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(text) {
		b.Write(bytes.TrimRight(line, " \t\n"))
		b.WriteByte('\n')
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

// undated takes the date out of a manual page's heading: cobra insists on one.
func undated(text []byte) []byte {
	never := (time.Time{}).Format("Jan 2006")
	return tidy(bytes.Replace(text, []byte(`"`+never+`"`), []byte(`""`), 1))
}
