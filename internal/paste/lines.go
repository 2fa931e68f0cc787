package paste

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"landlord/internal/pgsql"
)

// line is one line of the text with its number. Its text has no blanks at
// either end, and only ASCII's lines and blanks; raw has the blanks.
type line struct {
	n    int
	text string
	raw  string
}

// drawn turns what other line styles and web pages write into what psql's
// default style writes.
var drawn = strings.NewReplacer(
	"│", "|", "║", "|", "┃", "|", "─", "-", "═", "-", "━", "-", "┼", "+", "╬", "+", "╪", "+", "├", "+", "┤", "+", "┬", "+", "┴", "+",
	"┌", "+", "┐", "+", "└", "+", "┘", "+", "╔", "+", "╗", "+", "╚", "+", "╝", "+", "╠", "+", "╣", "+", "╦", "+", "╩", "+",
	"↵", "+", "…", ".", "\u200b", "", "\ufeff", "", "\u00ad", "", "\r", "", "\x00", "",
)

func cutLines(text string) []line {
	var lines []line
	n := 0
	for raw := range strings.Lines(text) {
		n++
		drawn := strings.Map(blank, drawn.Replace(raw))
		s := strings.TrimSpace(drawn)
		for s == ">" || strings.HasPrefix(s, "> ") { // quoted in a mail
			drawn = strings.TrimPrefix(s[1:], " ")
			s = strings.TrimSpace(drawn)
		}
		lines = append(lines, line{n, s, strings.TrimRight(drawn, " ")})
	}
	return lines
}

// blank makes every kind of space a plain one.
func blank(r rune) rune {
	if unicode.IsSpace(r) {
		return ' '
	}
	return r
}

// isRuler says whether the line is the one under a head, or a frame.
func (l line) isRuler() bool {
	return strings.Contains(l.text, "--") && strings.Trim(l.text, "-+| ") == ""
}

// pipes is how many columns' ends the line shows.
func (l line) pipes() int { return strings.Count(l.text, "|") }

var (
	// The default prompt is "%/%R%x%# ".
	promptLine    = regexp.MustCompile(`^([^\s|]+?)[=^!@*'"$(-][*!?]?[#>](?:\s+(.*))?$`)
	connectedLine = regexp.MustCompile(`^You are (?:now )?connected to database "([^"]+)"`)
	footerLine    = regexp.MustCompile(`^\(([0-9]+) rows?\)$`)
	commandError  = regexp.MustCompile(`^(?:\\?invalid command|ERROR: |LINE \d+: |HINT: |\^$)`)
	psqlBanner    = regexp.MustCompile(`^psql \((?:PostgreSQL\) )?([0-9][0-9.]*)[^,)]*(?:, server ([0-9][0-9.]*)[^)]*)?\)?`)
	serverBanner  = regexp.MustCompile(`^PostgreSQL ([0-9][0-9.]*)\S* .*on \S+, compiled by`)
	proseVersion  = regexp.MustCompile(`(?i)\bpostgres(?:ql)?(?: server)?(?:,? version)? ?v?\.? ?([1-9][0-9]?(?:\.[0-9]+){0,2})\b`)
)

// noiseStarts are lines of psql, or of a terminal, that tell nothing here.
var noiseStarts = []string{
	"Password:", "Password for user ", `Type "help" for help`, "Time: ", "SSL connection (", "Null display is ", "WARNING: ", "         ",
	"Expanded display is off", "Border style is ", "Output format is aligned", "Pager usage is off", "Line style is ", "--More--", "(END)", "logout",
	"List of ", "Access privileges", "Default access privileges", "Tuples only is off", "lines ",
}

func noise(text string) bool {
	for _, start := range noiseStarts {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return footerLine.MatchString(text) || commandError.MatchString(text)
}

// prompt cuts a line such as "acme=# \l" into the database and what was typed.
func prompt(text string) (database, command string, ok bool) {
	m := promptLine.FindStringSubmatch(text)
	if m == nil || strings.Contains(m[1], "=") {
		return "", "", false
	}
	return m[1], m[2], true
}

func connected(text string) (database string, ok bool) {
	m := connectedLine.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// banner takes the version out of psql's greeting and of SELECT version().
func (r *reader) banner(l line) bool {
	if m := psqlBanner.FindStringSubmatch(l.text); m != nil {
		text := m[1]
		if m[2] != "" {
			text = m[2]
		}
		if v, minor, ok := parseVersion(text); ok {
			r.setVersion(l.n, v, minor, fromBanner)
		}
		return true
	}
	if m := serverBanner.FindStringSubmatch(l.text); m != nil {
		if v, minor, ok := parseVersion(m[1]); ok {
			r.setVersion(l.n, v, minor, fromServer)
		}
		return true
	}
	return false
}

func versionIn(text string) (v pgsql.Version, minor, ok bool) {
	m := proseVersion.FindStringSubmatch(text)
	if m == nil {
		return 0, false, false
	}
	return parseVersion(m[1])
}

// parseVersion reads "9.2", "9.2.24", "15" or "15.3" as server_version_num.
// Before 10, the first two numbers were the major version.
func parseVersion(text string) (v pgsql.Version, minor, ok bool) {
	parts := strings.Split(strings.Trim(text, "."), ".")
	var n [3]int
	for i, p := range parts {
		x, err := strconv.Atoi(p)
		if err != nil || i > 2 || x > 99 {
			return 0, false, false
		}
		n[i] = x
	}
	switch {
	case n[0] >= 10 && len(parts) <= 2:
		return pgsql.Version(n[0]*10000 + n[1]), len(parts) == 2, true
	case n[0] >= 7 && n[0] < 10 && len(parts) >= 2:
		return pgsql.Version(n[0]*10000 + n[1]*100 + n[2]), len(parts) == 3, true
	}
	return 0, false, false
}

// shorten keeps messages on one line.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:77]) + "..."
	}
	return text
}
