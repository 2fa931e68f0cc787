package spec

import (
	"regexp"
	"strings"
)

// chunk is a piece of the file that parses on its own: a top-level key with
// all below it, or one entry of servers or tenants.
//
// Splitting first keeps time and memory linear (goccy/go-yaml's parser copies
// its token list again and again in a long block mapping: 40 s for 12 MB), and
// lets one broken entry not hide the mistakes of the others. It is sound
// because YAML wants everything inside an entry to stand further to the right
// than the entry's key, save a list's "- ".
type chunk struct {
	section string // of an entry: servers or tenants; else ""
	line    int    // of its first line, from 1
	text    string
}

// splittable is a line that opens a section whose entries are chunks.
var splittable = regexp.MustCompile(`^(servers|tenants):[ \t]*(#.*)?$`)

// splitter cuts a file at the lines where an entry begins.
type splitter struct {
	text    string
	errs    *collector
	chunks  []chunk
	start   int // offset of the chunk being read, -1 before the first
	line    int // its first line
	section string
	pending bool // a section's header is read, its first entry is not
	indent  int  // columns before the section's entries; 0: no section is open
	whole   bool // the file is one flow mapping (JSON): nothing to split
	ended   bool // a second document began: nothing more is read
}

// split cuts a file into chunks, and reports what no chunk may hold: a second
// document, a directive, an entry out of line.
func split(text string, errs *collector) []chunk {
	return (&splitter{text: text, errs: errs, start: -1}).split()
}

// splitEntries is split of a stretch of a section that begins with an entry.
func splitEntries(section, text string, errs *collector) []chunk {
	indent := len(text) - len(strings.TrimLeft(text, " "))
	return (&splitter{text: text, errs: errs, start: -1, section: section, indent: indent}).split()
}

// room is for how many things, none of which is shorter than a line, memory is
// asked for at once.
func room(text string) int { return min(1+strings.Count(text, "\n"), 1<<16) }

func (s *splitter) split() []chunk {
	text := s.text
	s.chunks = make([]chunk, 0, room(text))
	for offset, number := 0, 1; offset < len(text); number++ {
		end := len(text)
		if i := strings.IndexByte(text[offset:], '\n'); i >= 0 {
			end = offset + i + 1
		}
		s.next(offset, number, strings.TrimRight(text[offset:end], "\r\n"))
		offset = end
	}
	if !s.ended {
		s.cut(len(text), 0)
	}
	return s.chunks
}

// next looks at one line: does something new begin there?
func (s *splitter) next(offset, number int, line string) {
	content := strings.TrimLeft(line, " ")
	indent := len(line) - len(content)
	switch {
	case s.ended || content == "" || content[0] == '#':
	case indent == 0 && s.marker(offset, number, line):
	case s.whole || indent == 0 && s.start >= 0 && continues(content):
	case s.start < 0 && indent > 0:
		s.cut(offset, number)
	case indent == 0:
		s.top(offset, number, line)
	case s.pending:
		s.first(offset, number, indent, content)
	case s.indent > 0 && indent <= s.indent && !continues(content):
		if indent < s.indent {
			s.errs.add(position{number, indent + 1}, s.section, "this entry stands further to the left than those above it")
		}
		s.cut(offset, number)
	}
}

// top begins a top-level key.
func (s *splitter) top(offset, number int, line string) {
	s.cut(offset, number)
	s.section, s.indent = "", 0
	s.pending = splittable.MatchString(line)
	s.whole = line[0] == '{' || line[0] == '['
}

// first looks at the first line inside a section: the section is split only
// if that is a plain entry.
func (s *splitter) first(offset, number, indent int, content string) {
	s.pending = false
	if continues(content) || strings.IndexByte("{[&*!|>?%@`\t", content[0]) >= 0 {
		return
	}
	header := s.text[s.start:offset]
	s.cut(offset, number)
	s.section, s.indent = header[:strings.IndexByte(header, ':')], indent
}

// cut ends the chunk being read and begins the next at offset.
func (s *splitter) cut(offset, number int) {
	if s.start >= 0 {
		s.chunks = append(s.chunks, chunk{s.section, s.line, s.text[s.start:offset]})
	}
	s.start, s.line = offset, number
}

// continues says whether a line as far to the left as an entry belongs to the
// entry before: a list's item, or what closes a bracket.
func continues(content string) bool {
	return content == "-" || strings.HasPrefix(content, "- ") || strings.IndexByte("}],:?", content[0]) >= 0
}

// marker handles the lines that separate YAML documents. One "---" before
// everything else is allowed.
func (s *splitter) marker(offset, number int, line string) bool {
	isMarker := func(m string) bool {
		return line == m || strings.HasPrefix(line, m+" ") || strings.HasPrefix(line, m+"\t")
	}
	switch {
	case isMarker("---") && s.start < 0 && strings.TrimSpace(line[3:]) == "":
		return true
	case isMarker("---"), isMarker("..."):
		s.errs.add(position{number, 1}, "", "a YAML document ends here: landlord reads one document per file")
		s.cut(offset, number)
		s.ended = true
		return true
	case line[0] == '%':
		s.errs.add(position{number, 1}, "", "YAML directives are not supported")
		return true
	}
	return false
}
