package hba

import "strings"

// secretOptions are the options of pg_hba.conf whose values are secrets.
var secretOptions = []string{"ldapbindpasswd=", "radiussecrets="}

// Redact puts *** in the place of every secret in the text of a pg_hba.conf, or
// of a part of it. Everything else, and what the lines mean, stays as it is.
func Redact(text string) string {
	var b strings.Builder
	quote := false
	for i := 0; i < len(text); {
		name := secretAt(text[i:])
		if name == "" {
			switch text[i] {
			case '"':
				quote = !quote
			case '\n':
				quote = false
			}
			b.WriteByte(text[i])
			i++
			continue
		}
		b.WriteString(name)
		i += len(name)
		if value := secretEnd(text[i:], quote); value > 0 {
			b.WriteString("***")
			i += value
		}
	}
	return b.String()
}

func secretAt(text string) string {
	for _, o := range secretOptions {
		if strings.HasPrefix(text, o) {
			return o
		}
	}
	return ""
}

// secretEnd is how long a value is that a quote may have begun before: to the
// end of the word, or to the quote that ends it.
func secretEnd(text string, quote bool) int {
	began := quote
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n' || c == '\r':
			return i
		case c == '"' && strings.HasPrefix(text[i:], `""`) && quote:
			i++
		case c == '"' && quote && began:
			return i
		case c == '"':
			quote = !quote
		case !quote && (c == ' ' || c == '\t' || c == ',' || c == '#'):
			return i
		}
	}
	return len(text)
}
