// Package pgsql holds what landlord knows of PostgreSQL's language as pure
// functions: the one place that quotes identifiers and literals, access
// control lists as values, password verifiers and server versions.
package pgsql

import (
	"fmt"
	"strings"
)

// Ident quotes a name as an SQL identifier. It always quotes: a list of key
// words would be right for one major version only. A name that PostgreSQL
// cannot hold (empty, or with a NUL) panics, since it must have been refused
// where it came in.
func Ident(name string) string {
	if name == "" || strings.ContainsRune(name, 0) {
		panic(fmt.Sprintf("pgsql: %q cannot be an identifier", name))
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Qualified quotes a name within a schema.
func Qualified(schema, name string) string { return Ident(schema) + "." + Ident(name) }

// Idents quotes several names as a comma-separated list.
func Idents(names ...string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = Ident(n)
	}
	return strings.Join(quoted, ", ")
}

// Literal quotes a text as an SQL string constant that reads the same
// whatever standard_conforming_strings says.
func Literal(text string) string {
	if strings.ContainsRune(text, 0) {
		panic("pgsql: a text with a NUL cannot be a literal")
	}
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if !strings.Contains(text, `\`) {
		return quoted
	}
	return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
}

// Literals quotes several texts as a comma-separated list.
func Literals(texts ...string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = Literal(t)
	}
	return strings.Join(quoted, ", ")
}

// Comment makes a text safe behind "-- ": one line, no control characters.
func Comment(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}

// Conninfo quotes a value for a libpq keyword=value string.
func Conninfo(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// PsqlArg quotes a text as one argument of a psql meta-command, in the single
// quotes within which psql knows C-like escapes.
func PsqlArg(text string) string {
	r := strings.NewReplacer(`\`, `\\`, `'`, `''`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return "'" + r.Replace(text) + "'"
}
