package spec

import (
	"strconv"
	"strings"
)

// span is a stretch of text, in bytes.
type span struct{ start, end int }

// form is how a value is written.
type form int

const (
	absent    form = iota // "acme:"
	scalar                // plain, quoted or a block of text
	alias                 // "*a"
	flowMap               // "{...}"
	flowList              // "[...]"
	blockMap              // keys on lines of their own
	blockList             // "- " on lines of its own
)

// field is one key of a mapping where it stands in the text.
type field struct {
	key    string
	quoted bool // in double quotes, as in JSON
	bare   bool // in flow form, without a colon: {acme}
	start  int  // of the key
	head   int  // behind the colon and the anchor
	form   form
	value  span // empty, at head, when absent
	end    int  // in block form: of its last line, the line break included; in flow form: of the value
}

// layout is a mapping where it stands in the text.
type layout struct {
	flow        bool
	open, close int // of the braces, in flow form
	indent      int // columns before the keys, in block form
	fields      []field
}

func (l layout) field(key string) (field, bool) {
	for _, f := range l.fields {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

// scanner finds where things stand in a text that Parse has read without a
// mistake. goccy/go-yaml tells where values begin, and not where they end.
// Where the text is beyond the scanner, it is lost, and nothing is changed.
type scanner struct {
	text string
	lost bool
}

// at is the byte at an offset, or a line break behind the text.
func (s *scanner) at(i int) byte {
	if i < 0 || i >= len(s.text) {
		return '\n'
	}
	return s.text[i]
}

// give up, and go to the end of the text so that every loop ends.
func (s *scanner) giveUp() int {
	s.lost = true
	return len(s.text)
}

func blank(c byte) bool { return c == ' ' || c == '\t' }
func eol(c byte) bool   { return c == '\n' || c == '\r' }

// lineStart is the offset of the first byte of the line.
func (s *scanner) lineStart(i int) int { return strings.LastIndexByte(s.text[:i], '\n') + 1 }

// lineEnd is the offset of the line's break.
func (s *scanner) lineEnd(i int) int {
	end := len(s.text)
	if n := strings.IndexByte(s.text[i:], '\n'); n >= 0 {
		end = i + n
	}
	if end > i && s.text[end-1] == '\r' {
		end--
	}
	return end
}

// nextLine is the offset behind the line's break.
func (s *scanner) nextLine(i int) int {
	if n := strings.IndexByte(s.text[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(s.text)
}

// blanks skips blanks and tabs.
func (s *scanner) blanks(i int) int {
	for blank(s.at(i)) {
		i++
	}
	return i
}

// content is the first byte of a line that is no blank; void says that the
// line holds nothing but a remark, if that.
func (s *scanner) content(line int) (at int, void bool) {
	at = s.blanks(line)
	return at, eol(s.at(at)) || s.at(at) == '#'
}

// top is the layout of the whole file.
func (s *scanner) top() layout {
	for line := 0; line < len(s.text); line = s.nextLine(line) {
		at, void := s.content(line)
		switch {
		case void || at == 0 && strings.TrimSpace(s.text[:s.lineEnd(0)]) == "---",
			at == line && strings.TrimSpace(s.text[line:s.lineEnd(line)]) == "---":
		case s.at(at) == '{':
			return s.flow(at)
		default:
			return s.block(line, len(s.text))
		}
	}
	s.giveUp()
	return layout{}
}

// inside is the layout of a field's value, which is a mapping.
func (s *scanner) inside(f field) layout {
	if f.form == flowMap {
		return s.flow(f.value.start)
	}
	return s.block(s.lineStart(f.value.start), f.end)
}

// block lays out the mapping on the lines between two offsets.
func (s *scanner) block(line, end int) layout {
	l := layout{indent: -1, fields: make([]field, 0, room(s.text[min(line, end):end]))}
	for line < end && !s.lost {
		at, void := s.content(line)
		switch {
		case void:
			line = s.nextLine(line)
			continue
		case l.indent < 0:
			l.indent = at - line
		case l.indent != at-line:
			s.giveUp()
		}
		f := s.blockField(at, l.indent)
		l.fields = append(l.fields, f)
		line = f.end
	}
	return l
}

func (s *scanner) blockField(at, indent int) field {
	f := field{start: at, quoted: s.at(at) == '"'}
	var end int
	f.key, end = s.key(at, false)
	colon := s.blanks(end)
	if s.at(colon) != ':' {
		f.end = s.giveUp()
		return f
	}
	at = s.anchors(colon + 1)
	f.head = at
	if at = s.blanks(at); !eol(s.at(at)) && s.at(at) != '#' {
		s.blockValue(&f, at, indent)
		return f
	}
	first, end := s.deeper(s.nextLine(at), indent)
	switch {
	case first < 0:
		f.value, f.end = span{f.head, f.head}, s.nextLine(at)
	case s.dash(first):
		f.form, f.value, f.end = blockList, span{first, s.trimmed(first, end)}, end
	case s.keyed(first):
		f.form, f.value, f.end = blockMap, span{first, s.trimmed(first, end)}, end
	default:
		s.blockValue(&f, first, indent)
	}
	return f
}

// blockValue finds the end of a value that begins at an offset, in block form.
func (s *scanner) blockValue(f *field, at, indent int) {
	f.form = formOf(s.at(at))
	end := at
	switch c := s.at(at); c {
	case '{', '[', '"', '\'':
		end = s.flowEnd(at)
	case '*':
		for !blank(s.at(end)) && !eol(s.at(end)) {
			end++
		}
	case '|', '>':
		_, last := s.deeper(s.nextLine(at), indent)
		end = s.trimmed(at, max(last, s.nextLine(at)))
	default:
		end = s.plainEnd(at, indent)
	}
	f.value = span{at, end}
	f.end = s.nextLine(max(end-1, at))
}

func formOf(c byte) form {
	switch c {
	case '{':
		return flowMap
	case '[':
		return flowList
	case '*':
		return alias
	}
	return scalar
}

// plainEnd is the end of a plain text of one line or more.
func (s *scanner) plainEnd(at, indent int) int {
	for {
		end := s.lineEnd(at)
		if i := strings.Index(s.text[at:end], " #"); i >= 0 {
			return s.trimmed(at, at+i)
		}
		next := s.nextLine(end)
		start, void := s.content(next)
		if next >= len(s.text) || void || start-next <= indent {
			return s.trimmed(at, end)
		}
		at = start
	}
}

// trimmed is the end of a stretch without the blanks and breaks at its end.
func (s *scanner) trimmed(start, end int) int {
	return start + len(strings.TrimRight(s.text[start:end], " \t\r\n"))
}

// deeper finds the lines that belong to a key with so many columns before it:
// the first content (or -1), and the end of the last line with any.
func (s *scanner) deeper(line, indent int) (first, end int) {
	first, end = -1, line
	for ; line < len(s.text); line = s.nextLine(line) {
		at, void := s.content(line)
		if void {
			continue
		}
		if at-line < indent || at-line == indent && !s.dash(at) {
			break
		}
		if first < 0 {
			first = at
		}
		end = s.nextLine(at)
	}
	return first, end
}

// dash says whether an item of a list begins here.
func (s *scanner) dash(at int) bool {
	return s.at(at) == '-' && (blank(s.at(at+1)) || eol(s.at(at+1)))
}

// keyed says whether a key of a mapping begins here.
func (s *scanner) keyed(at int) bool {
	if c := s.at(at); c == '{' || c == '[' || c == '*' || c == '&' {
		return false
	}
	try := scanner{text: s.text[:s.lineEnd(at)]}
	_, end := try.key(at, false)
	return !try.lost && try.at(try.blanks(end)) == ':'
}

// anchors skips blanks and anchors, and gives the end of the last anchor.
func (s *scanner) anchors(at int) int {
	for {
		next := s.blanks(at)
		if s.at(next) != '&' {
			return at
		}
		for at = next; !blank(s.at(at)) && !eol(s.at(at)); at++ {
		}
	}
}

// key reads a key, and gives the offset behind it.
func (s *scanner) key(at int, inFlow bool) (string, int) {
	if c := s.at(at); c == '"' || c == '\'' {
		end := s.quoted(at)
		return s.unquote(s.text[at:end]), end
	}
	end := at
	for ; !eol(s.at(end)) && !s.colon(end, inFlow) && (!inFlow || strings.IndexByte(",{}[]", s.at(end)) < 0); end++ {
		if s.at(end) == '#' && blank(s.at(end-1)) {
			break
		}
	}
	end = s.trimmed(at, end)
	if end == at {
		return "", s.giveUp()
	}
	return s.text[at:end], end
}

// colon says whether the colon of a key stands here.
func (s *scanner) colon(at int, inFlow bool) bool {
	next := s.at(at + 1)
	return s.at(at) == ':' && (blank(next) || eol(next) || inFlow && strings.IndexByte(",{}[]", next) >= 0)
}

// quoted is the end of a text in quotes.
func (s *scanner) quoted(at int) int {
	for i := at + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '\\' && s.text[at] == '"', c == '\'' && s.text[at] == '\'' && s.at(i+1) == '\'':
			i++
		case c == s.text[at]:
			return i + 1
		}
	}
	return s.giveUp()
}

// unquote reads a quoted key. Escapes that Go does not know lose the scanner.
func (s *scanner) unquote(raw string) string {
	if len(raw) < 2 {
		s.lost = true
		return ""
	}
	if raw[0] == '\'' {
		return strings.ReplaceAll(raw[1:len(raw)-1], "''", "'")
	}
	text, err := strconv.Unquote(raw)
	s.lost = s.lost || err != nil
	return text
}
