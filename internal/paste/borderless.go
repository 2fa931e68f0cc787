package paste

import (
	"regexp"
	"strings"
)

// Without a border (\\pset border 0) nothing but blanks stands between
// columns, and only the ruler tells where they are.

var bareRuler = regexp.MustCompile(`^ *-+(?: -+)+$`)

// borderless draws the borders into tables that have none, so that the rest
// need not know.
func borderless(lines []line) []line {
	for i := 1; i < len(lines); i++ {
		if !bareRuler.MatchString(lines[i].raw) || strings.Contains(lines[i-1].text, "|") || lines[i-1].text == "" {
			continue
		}
		spans := spansOf(lines[i].raw)
		head := bordered(lines[i-1].raw, spans)
		if _, ok := fits(heads(split(head))); !ok && localized(split(head)) == "" {
			continue
		}
		lines[i-1].text = head
		for i++; i < len(lines) && lines[i].text != "" && !footerLine.MatchString(lines[i].text); i++ {
			lines[i].text = bordered(lines[i].raw, spans)
		}
	}
	return lines
}

// spansOf are where a ruler's columns begin and end, in characters.
func spansOf(ruler string) [][2]int {
	var spans [][2]int
	for i := 0; i < len(ruler); {
		if ruler[i] == ' ' {
			i++
			continue
		}
		end := i
		for end < len(ruler) && ruler[end] == '-' {
			end++
		}
		spans = append(spans, [2]int{i, end})
		i = end
	}
	return spans
}

// bordered cuts a line at the ruler's columns. The character behind a column
// is its mark for "goes on"; the last column may be as long as it likes.
func bordered(raw string, spans [][2]int) string {
	text := []rune(raw)
	part := func(from, to int) string {
		from, to = min(from, len(text)), min(to, len(text))
		return string(text[from:to])
	}
	cells := make([]string, len(spans))
	for i, s := range spans {
		end := s[1] + 1
		if i == len(spans)-1 {
			end = len(text)
		}
		cells[i] = strings.TrimSpace(part(s[0], max(end, s[0])))
	}
	return strings.Join(cells, " | ")
}

// heads are the names of columns as layouts have them.
func heads(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = strings.ToLower(strings.Join(strings.Fields(c), " "))
	}
	return out
}
