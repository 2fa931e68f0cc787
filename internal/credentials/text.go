package credentials

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// javaEscape writes a character as Java's \uXXXX, one for each UTF-16 unit.
func javaEscape(r rune) string {
	var b strings.Builder
	for _, unit := range utf16.AppendRune(nil, r) {
		fmt.Fprintf(&b, `\u%04X`, unit)
	}
	return b.String()
}

// env renders assignments for a POSIX shell. Without "export", so that other
// readers of such files (systemd, docker --env-file) understand plain values.
func env(s Settings) (string, error) {
	var b strings.Builder
	for _, v := range []struct{ name, value string }{
		{"PGHOST", s.Host}, {"PGPORT", s.port()}, {"PGDATABASE", s.Database}, {"PGUSER", s.User},
		{"PGPASSWORD", s.Secret.Reveal()}, {"PGSSLMODE", s.SSLMode}, {"PGSSLROOTCERT", s.SSLRootCert},
		{"DATABASE_URL", uriText(s)},
	} {
		if v.value != "" {
			b.WriteString(v.name + "=" + shellQuote(v.value) + "\n")
		}
	}
	return b.String(), nil
}

// shellQuote quotes a word for sh, where it needs quotes.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_./:@%+,-", r)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// maxServiceLine is one less than what libpq reads of a line before it says
// "line too long in service file" (fe-connect.c, parseServiceFileInfo).
const maxServiceLine = 1022

// service renders a section of pg_service.conf (manual, 34.17), which knows
// no quoting at all.
func service(s Settings) (string, error) {
	if strings.Contains(s.name(), "]") {
		return "", fmt.Errorf("pg_service.conf cannot hold a service named %q", s.name())
	}
	lines := []field{{"name", "[" + s.name() + "]"}}
	for _, f := range []field{
		{"host", s.Host}, {"port", s.port()}, {"dbname", s.Database}, {"user", s.User},
		{"password", s.Secret.Reveal()}, {"sslmode", s.SSLMode}, {"sslrootcert", s.SSLRootCert},
	} {
		if f.value == "" {
			continue
		}
		if strings.TrimFunc(f.value, unicode.IsSpace) != f.value {
			return "", fmt.Errorf("pg_service.conf cannot hold a %s that begins or ends with a space", f.name)
		}
		lines = append(lines, field{f.name, f.name + "=" + f.value})
	}
	var b strings.Builder
	for _, l := range lines {
		if strings.ContainsAny(l.value, "\r\n") || len(l.value) > maxServiceLine {
			return "", fmt.Errorf("pg_service.conf cannot hold a %s with a line break or of more than %d bytes", l.name, maxServiceLine)
		}
		b.WriteString(l.value + "\n")
	}
	return b.String(), nil
}
