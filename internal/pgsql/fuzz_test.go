package pgsql

import (
	"slices"
	"strings"
	"testing"
)

// FuzzLiteral: a literal ends where it ends, and is read back as it was.
func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"", "'", `\`, `\'`, "a'b\\c\n$$", `E'\\'`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsRune(text, 0) {
			return
		}
		got, rest := readLiteral(Literal(text))
		if got != text || rest != "" {
			t.Errorf("%q became %s: read as %q, rest %q", text, Literal(text), got, rest)
		}
	})
}

// readLiteral reads a string constant as PostgreSQL's lexer does: plain, or
// with backslash escapes after E.
func readLiteral(sql string) (text, rest string) {
	escapes := strings.HasPrefix(sql, "E")
	sql = strings.TrimPrefix(sql, "E")
	var b strings.Builder
	for i := 1; i < len(sql); i++ {
		switch {
		case escapes && sql[i] == '\\':
			i++
		case sql[i] == '\'' && i+1 < len(sql) && sql[i+1] == '\'':
			i++
		case sql[i] == '\'':
			return b.String(), sql[i+1:]
		}
		b.WriteByte(sql[i])
	}
	return b.String(), "no end"
}

// FuzzIdents: a list of identifiers is read back as it was.
func FuzzIdents(f *testing.F) {
	f.Add("acme", `we"ird, name`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == "" || b == "" || strings.ContainsRune(a+b, 0) {
			return
		}
		got, ok := SplitIdents(Idents(a, b))
		if !ok || !slices.Equal(got, []string{a, b}) {
			t.Errorf("%q, %q became %s: read as %q", a, b, Idents(a, b), got)
		}
	})
}
