package credentials

import (
	"errors"
	"slices"
	"strings"
)

// A pgpass file (manual, 34.16) has lines host:port:database:user:password.
// Colons and backslashes are escaped with a backslash; a field that is "*"
// matches everything; the first line that matches counts.

// entry is a line of a pgpass file: host, port, database, user, password.
type entry [5]string

const passField = 4

// pgpass renders the settings' lines.
func pgpass(s Settings) (string, error) {
	entries, err := passEntries(s)
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(e.String() + "\n")
	}
	return b.String(), err
}

// passEntries returns a line for each database, and for each name under which
// clients look for the host. libpq looks for a socket's directory under its path, but for its
// built-in one under "localhost", and which one that is differs from build to
// build (/tmp as PostgreSQL ships it, /run/postgresql as distributions do).
func passEntries(s Settings) ([]entry, error) {
	if s.Secret.IsZero() {
		return nil, errors.New("the password is not known, and a pgpass line is nothing without it")
	}
	for _, f := range s.fields() {
		if strings.ContainsAny(f.value, "\r\n") {
			return nil, errors.New("a pgpass file cannot hold a " + f.name + " with a line break")
		}
	}
	var entries []entry
	for _, database := range append([]string{s.Database}, s.Also...) {
		for _, host := range s.hosts() {
			entries = append(entries, entry{host, s.port(), database, s.User, s.Secret.Reveal()})
			if slices.Contains([]string{"/tmp", "/run/postgresql", "/var/run/postgresql"}, host) {
				entries = append(entries, entry{"localhost", s.port(), database, s.User, s.Secret.Reveal()})
			}
		}
	}
	return entries, nil
}

// String renders the line without its end.
func (e entry) String() string {
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`)
	var fields []string
	for i, f := range e {
		f = escape.Replace(f)
		if i != passField && f == "*" || i == 0 && strings.HasPrefix(f, "#") {
			f = `\` + f // neither a wildcard nor a comment
		}
		fields = append(fields, f)
	}
	return strings.Join(fields, ":")
}

// passLine is a line of a pgpass file, parsed; raw keeps the escapes, which
// tell a wildcard from a star.
type passLine struct{ raw, text entry }

// parsePassLine reads a line as libpq does (fe-connect.c,
// passwordFromFile); ok is false for a comment or anything else that libpq
// passes over.
func parsePassLine(line string) (l passLine, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	if strings.HasPrefix(line, "#") {
		return l, false
	}
	n, start, escaped := 0, 0, false
	for i := 0; i <= len(line) && n < len(l.raw); i++ {
		switch {
		case escaped:
			escaped = false
		case i == len(line) || line[i] == ':':
			l.raw[n] = line[start:i]
			l.text[n] = unescapePass(l.raw[n])
			n, start = n+1, i+1
		case line[i] == '\\' && i+1 < len(line):
			escaped = true
		}
	}
	return l, n == len(l.raw)
}

func unescapePass(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// matches says whether libpq would take the line for a connection; exact,
// whether it does so without a wildcard.
func (l passLine) matches(e entry) (matches, exact bool) {
	exact = true
	for i := range passField {
		switch {
		case l.raw[i] == "*":
			exact = false
		case l.text[i] != e[i]:
			return false, false
		}
	}
	return true, exact
}

// lookupPass finds the password that libpq would use.
func lookupPass(content string, e entry) (password string, ok bool) {
	for line := range strings.Lines(content) {
		if l, ok := parsePassLine(line); ok {
			if matches, _ := l.matches(e); matches {
				return l.text[passField], true
			}
		}
	}
	return "", false
}

// upsertPass puts an entry into a pgpass file: in place of the line for
// exactly this connection, but never after a line with wildcards that would
// be found first. All other lines stay as they are.
func upsertPass(content string, e entry) string {
	var kept []string
	at := -1
	for line := range strings.Lines(content) {
		l, ok := parsePassLine(line)
		matches, exact := l.matches(e)
		if ok && matches && at < 0 {
			at = len(kept)
		}
		if !ok || !exact {
			kept = append(kept, line)
		}
	}
	if at < 0 {
		at = len(kept)
	}
	if at == len(kept) && at > 0 && !strings.HasSuffix(kept[at-1], "\n") {
		kept[at-1] += "\n"
	}
	return strings.Join(slices.Insert(kept, at, e.String()+"\n"), "")
}
