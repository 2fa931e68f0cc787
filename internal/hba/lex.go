package hba

import (
	"bytes"
	"sort"
	"strings"
)

// logical is one line as the server assembles it before splitting it.
type logical struct {
	number int
	raw    string
	text   string // without line ends and continuation backslashes
	starts []int  // where in text each physical line begins
}

// at returns the physical line and the column of an offset in text.
func (l *logical) at(offset int) (line, column int) {
	i := sort.SearchInts(l.starts, offset+1) - 1
	return l.number + i, offset - l.starts[i] + 1
}

// splitLines cuts text into logical lines as tokenize_auth_file does: a line
// that ends in a backslash goes on in the next one, unless that backslash is
// itself what the line before left over. The raws joined are the text.
func splitLines(text string, continuation bool) []*logical {
	var lines []*logical
	number := 1
	for len(text) > 0 {
		l, taken := nextLogical(text, number, continuation)
		lines = append(lines, l)
		number += len(l.starts)
		text = text[taken:]
	}
	return lines
}

func nextLogical(text string, number int, continuation bool) (l *logical, taken int) {
	l = &logical{number: number}
	var buf []byte
	last := 0
	for taken < len(text) {
		end := len(text)
		if i := strings.IndexByte(text[taken:], '\n'); i >= 0 {
			end = taken + i + 1
		}
		l.starts = append(l.starts, len(buf))
		buf = append(buf, text[taken:end]...)
		taken = end
		buf = bytes.TrimRight(buf, "\r\n")
		if !continuation || len(buf) <= last || buf[len(buf)-1] != '\\' {
			break
		}
		buf = buf[:len(buf)-1]
		last = len(buf)
	}
	l.raw, l.text = text[:taken], string(buf)
	return l, taken
}

// lexer splits a logical line into tokens. It mirrors next_token() of hba.c.
type lexer struct {
	text    string
	pos     int
	comment int // where the comment begins, or -1
}

type lexeme struct {
	text       string
	start      int
	quoted     bool // a quote before the first character
	comma      bool // a comma ends it: the field goes on
	unfinished bool // its last quote is never closed
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// done tells whether nothing is left on the line.
func (x *lexer) done() bool { return x.pos >= len(x.text) }

func (x *lexer) next() (lexeme, bool) {
	for !x.done() && (isBlank(x.text[x.pos]) || x.text[x.pos] == ',') {
		x.pos++
	}
	t := lexeme{start: x.pos}
	var buf []byte
	var inQuote, wasQuote, sawQuote bool
	for ; !x.done(); x.pos++ {
		c := x.text[x.pos]
		if !inQuote {
			if isBlank(c) {
				break
			}
			if c == '#' {
				x.comment, x.pos = x.pos, len(x.text)
				break
			}
			if c == ',' {
				t.comma = true
				break
			}
		}
		if c != '"' || wasQuote {
			buf = append(buf, c)
		}
		wasQuote = inQuote && c == '"' && !wasQuote
		if c == '"' {
			inQuote, sawQuote = !inQuote, true
			t.quoted = t.quoted || len(buf) == 0
		}
	}
	t.text, t.unfinished = string(buf), inQuote
	return t, sawQuote || len(buf) > 0
}
