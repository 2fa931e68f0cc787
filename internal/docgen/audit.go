package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"

	"landlord/internal/audit"
	"landlord/internal/cli"
)

const rulesDir = "reference/audit"

// question is the text of the question that landlord began with.
//
//go:embed question.txt
var question string

// auditPages are a page for each rule of audit, a list of them, and the
// verdict on the question.
func auditPages() []page {
	var list bytes.Buffer
	fmt.Fprintf(&list, "# Rules of audit\n\n`landlord audit` judges a server by these %d rules. This page is made from the program.\n", len(audit.Rules()))
	var all []page
	for _, s := range audit.Subjects() {
		fmt.Fprintf(&list, "\n## %s\n\n| rule | finds | severity | CIS |\n|---|---|---|---|\n", s)
		for _, r := range audit.Rules() {
			if r.Subject != s {
				continue
			}
			fmt.Fprintf(&list, "| [%s](audit/%s.md) | %s | %s | %s |\n", r.Code, r.Code, r.Title, r.Severity, r.CIS)
			all = append(all, page{rulesDir + "/" + r.Code + ".md", rulePage(r)})
		}
	}
	return append(all, page{"reference/audit.md", list.Bytes()}, page{"verdict.md", verdictPage()})
}

func rulePage(r audit.Rule) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s: %s\n\n%s, mostly %s.\n\n## Why\n\n%s\n\n## What mends it\n\n%s\n\n## What that may break\n\n%s\n\n## Source\n\n%s", r.Code, r.Title, r.Subject, r.Severity, r.Why, r.Fix, r.Breaks, r.Source)
	if r.CIS != "" {
		fmt.Fprintf(&b, "; CIS PostgreSQL 17 Benchmark %s", r.CIS)
	}
	b.WriteString("\n\n[All rules](../audit.md)\n")
	return b.Bytes()
}

// verdictPage shows the question and what landlord audit says of it.
func verdictPage() []byte {
	var out, talk bytes.Buffer
	cli.Main([]string{"audit", "--psql", "-"}, cli.Streams{In: strings.NewReader(question), Out: &out, Err: &talk, Getenv: func(string) string { return "" }})
	if talk.Len() > 0 {
		fmt.Fprintf(&out, "\n%s", talk.String())
	}
	shown, _, _ := strings.Cut(question, "  • 1\n")
	return fmt.Appendf(nil, "# The verdict\n\nSomebody who is \"not a DB admin\" asked whether their server is set up well. This is\nthe question, and below it what `landlord audit` says of it. The page is made from\nthe program.\n\n```\n%s\n```\n\n```\n$ landlord audit --psql question.txt\n%s```\n", strings.TrimSpace(shown), out.String())
}
