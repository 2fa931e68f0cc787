package hba

import (
	"fmt"
	"strings"
)

// maxName is the longest name of a role or database in bytes (NAMEDATALEN-1).
const maxName = 63

// quoteName writes a name so that the server reads it as nothing but that
// name, in every major. What cannot be written so is an error: an empty name,
// line ends, NUL (the server reads line by line), and a leading slash, which
// is a regular expression since 16 even between quotes.
func quoteName(s string) (string, error) {
	if err := checkName(s); err != nil {
		return "", err
	}
	if s[0] == '/' {
		return "", fmt.Errorf("name %q begins with a slash: the server would take it for a regular expression", s)
	}
	return quoteWord(s), nil
}

func checkName(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("a name is empty")
	case strings.ContainsAny(s, "\n\r\x00"):
		return fmt.Errorf("name %q holds a line end or NUL, which pg_hba.conf cannot express", s)
	case len(s) > maxName:
		return fmt.Errorf("name %q is longer than %d bytes", s, maxName)
	}
	return nil
}

// quoteWord puts a word between double quotes unless it is plain.
func quoteWord(s string) string {
	if isPlain(s) {
		return s
	}
	return inQuotes(s)
}

func inQuotes(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// isPlain tells whether a word needs no quotes: small letters, digits and
// underscores, and no keyword of any column.
func isPlain(s string) bool {
	switch s {
	case "all", "sameuser", "samerole", "samegroup", "replication":
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Written is a word as it is written in a file.
func (t Token) Written() string {
	if t.Quoted {
		return inQuotes(t.Text)
	}
	return t.Text
}
