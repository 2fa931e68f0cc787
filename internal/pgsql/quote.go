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
	if len(names) == 1 {
		return Ident(names[0])
	}
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

// PsqlConnect is the argument by which psql's \connect goes to a database.
// psql takes double quotes away within single quotes too (OT_SQLIDHACK in its
// source), so that there is a pair of them around it all.
func PsqlConnect(database string) string {
	return PsqlArg(Ident("dbname=" + Conninfo(database)))
}

// SplitIdents reads a comma-separated list of identifiers, as search_path
// holds it. Unquoted ones are taken as they stand: the server has folded
// them. ok is false for anything else.
func SplitIdents(list string) (names []string, ok bool) {
	rest := strings.TrimSpace(list)
	for rest != "" {
		var name string
		if strings.HasPrefix(rest, `"`) {
			end := closingQuote(rest)
			if end < 0 {
				return nil, false
			}
			name, rest = strings.ReplaceAll(rest[1:end], `""`, `"`), rest[end+1:]
		} else {
			end := strings.IndexAny(rest+",", ", \t\n")
			name, rest = rest[:end], rest[end:]
		}
		names = append(names, name)
		rest = strings.TrimSpace(rest)
		if rest == "" {
			return names, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = strings.TrimSpace(rest[1:])
		if rest == "" {
			return nil, false
		}
	}
	return names, true
}

// closingQuote is the place of the quote that closes the one at the start.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		return i
	}
	return -1
}
