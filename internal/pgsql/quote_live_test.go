package pgsql_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"landlord/internal/pgsql"
	"landlord/internal/pgtest"
)

// TestQuotesMeanThemselves: real servers read back every literal and every
// identifier as it was, whatever standard_conforming_strings says.
func TestQuotesMeanThemselves(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		conn := s.Connect(t, "", "").PgConn()
		rapid.Check(t, func(t *rapid.T) {
			text := hostile.Draw(t, "text")
			name := identifier(hostile.Draw(t, "name"))
			for _, conforming := range []string{"on", "off"} {
				sql := "SET standard_conforming_strings = " + conforming + "; SET escape_string_warning = off; SELECT " + pgsql.Literal(text) + " AS " + pgsql.Ident(name)
				results, err := conn.Exec(t.Context(), sql).ReadAll()
				if err != nil {
					t.Fatalf("%q as %q: %v", text, name, err)
				}
				last := results[len(results)-1]
				if got := string(last.Rows[0][0]); got != text {
					t.Errorf("conforming %s: %q was read as %q", conforming, text, got)
				}
				if got := last.FieldDescriptions[0].Name; got != name {
					t.Errorf("conforming %s: name %q was read as %q", conforming, name, got)
				}
			}
		})
	})
}

// hostile draws texts of what breaks quoting.
var hostile = rapid.Custom(func(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{`'`, `"`, `\`, "$$", "$a$", "\n", "\r", "\t", ";", "--", "/*", `''`, `\'`, `E'`, "é", "日", "\u2028", " ", "{", ",", "NULL", "\x01", "%", "\x7f"}),
		rapid.StringMatching(`[a-zA-Z0-9_ ]{0,5}`)), 0, 12).Draw(t, "parts")
	return strings.Join(parts, "")
})

// identifier makes a text one that the server keeps: not empty, at most 63
// bytes, whole characters.
func identifier(s string) string {
	if s == "" {
		return "x"
	}
	for len(s) > 63 {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
