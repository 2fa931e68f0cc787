package main

import (
	"bytes"
	"fmt"
	"slices"

	"landlord/internal/pgsql"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

const probesIntro = "# Probes\n\n" +
	"`landlord prove` logs in as each tenant and tries each of these %d attempts, most of\n" +
	"them once for each kind of neighbour. This page is made from the program.\n\n" +
	"What comes of an attempt is one of these:\n\n" +
	"| verdict | means |\n|---|---|\n" +
	"| `held` | it was tried, and refused |\n" +
	"| `ESCAPED` | it was tried, and worked: a wall is missing |\n" +
	"| `exposed` | it cannot be refused in this model, however well it is set up |\n" +
	"| `not tried` | nothing was learned; the report says why |\n" +
	"| `works` | the tenant can do what it must be able to do |\n" +
	"| `FAILED` | it cannot |\n\n" +
	"In the tables, *expected* is the verdict where everything is as it should be. Where\n" +
	"no model is named, an attempt is made in all of them (%s). What is\n" +
	"*closed by* a model is no exposure there; `cluster` is a server of the tenant's own.\n"

// probesPage describes every probe, by what it is about.
func probesPage() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, probesIntro, len(prove.Probes()), models(tenant.Models()))
	for _, g := range prove.Groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| probe | what is tried | expected | closed by |\n|---|---|---|---|\n", g.Title)
		for _, p := range g.Probes {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Name, tried(p), p.Expect, closedBy(p.Closes))
		}
		consequences(&b, g.Probes)
	}
	return b.Bytes()
}

// tried says what a probe attempts, and where.
func tried(p prove.Probe) string {
	text := p.What
	if m := p.Models(); p.Scope != prove.Pooled && p.Scope != prove.PooledHousemates && !slices.Equal(m, tenant.Models()) {
		text += "; " + models(m) + " model only"
	}
	if p.Scope == prove.Pooled || p.Scope == prove.PooledHousemates {
		text += "; pools only"
	}
	if p.Access != nil {
		text += "; admins with data_access " + words(p.Access) + " only"
	}
	if p.Kinds != nil {
		text += "; " + words(p.Kinds) + " logins only"
	}
	if p.Since > pgsql.OldestMajor {
		text += fmt.Sprintf("; since PostgreSQL %d", p.Since)
	}
	return text
}

func closedBy(c prove.Closes) string {
	switch c {
	case prove.ByDatabase, prove.ByCluster:
		return "`" + string(c) + "`"
	case prove.ByResources:
		return "`resources` of a server of its own"
	case prove.ByDirect:
		return "the server's own address"
	case prove.ByNothing:
		return "no model"
	}
	return ""
}

// consequences says what a person should know about the exposures.
func consequences(b *bytes.Buffer, probes []prove.Probe) {
	first := true
	for _, p := range probes {
		if p.Consequence == "" {
			continue
		}
		if first {
			b.WriteByte('\n')
			first = false
		}
		fmt.Fprintf(b, "- `%s`: %s.\n", p.Name, p.Consequence)
	}
}

func models(list []tenant.Model) string { return words(list) }

func words[T ~string](list []T) string {
	text := ""
	for i, w := range list {
		if i > 0 {
			text += ", "
		}
		text += "`" + string(w) + "`"
	}
	return text
}
