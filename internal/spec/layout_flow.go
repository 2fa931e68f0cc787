package spec

import "strings"

// flow lays out the mapping whose brace stands at an offset.
func (s *scanner) flow(at int) layout {
	l := layout{flow: true, open: at}
	at = s.space(at + 1)
	for at < len(s.text) && s.text[at] != '}' {
		f := s.flowField(at)
		l.fields = append(l.fields, f)
		at = s.separator(f.end, '}')
	}
	l.close = at
	return l
}

func (s *scanner) flowField(at int) field {
	f := field{start: at, quoted: s.at(at) == '"'}
	f.key, f.end = s.key(at, true)
	colon := s.space(f.end)
	if s.at(colon) != ':' {
		f.bare, f.head, f.value = true, f.end, span{f.end, f.end}
		return f
	}
	f.head = s.anchors(colon + 1)
	at = s.space(f.head)
	if c := s.at(at); c == ',' || c == '}' {
		f.value, f.end = span{f.head, f.head}, f.head
		return f
	}
	f.form = formOf(s.at(at))
	f.end = s.flowEnd(at)
	f.value = span{at, f.end}
	return f
}

// space skips blanks, line breaks and remarks.
func (s *scanner) space(at int) int {
	for at < len(s.text) {
		switch c := s.text[at]; {
		case blank(c) || eol(c):
			at++
		case c == '#' && (at == 0 || blank(s.text[at-1]) || eol(s.text[at-1])):
			at = s.lineEnd(at)
		default:
			return at
		}
	}
	return at
}

// separator goes from the end of an item to the next one, or to the bracket
// that closes.
func (s *scanner) separator(at int, closing byte) int {
	at = s.space(at)
	switch s.at(at) {
	case closing:
		return at
	case ',':
		return s.space(at + 1)
	}
	return s.giveUp()
}

// flowEnd is the end of the value that begins at an offset, in flow form.
func (s *scanner) flowEnd(at int) int {
	at = s.space(s.anchors(at))
	switch s.at(at) {
	case '{':
		return s.closed(at, '}')
	case '[':
		return s.closed(at, ']')
	case '"', '\'':
		return s.quoted(at)
	}
	end := at
	for ; end < len(s.text) && strings.IndexByte(",{}[]", s.text[end]) < 0 && !s.colon(end, true); end++ {
		if s.text[end] == '#' && (blank(s.at(end-1)) || eol(s.at(end-1))) {
			break
		}
	}
	if end = s.trimmed(at, end); end == at && s.at(at) != ':' {
		return s.giveUp()
	}
	return end
}

// closed is the end of a flow mapping or list.
func (s *scanner) closed(at int, closing byte) int {
	at = s.space(at + 1)
	for at < len(s.text) && s.text[at] != closing {
		end := s.flowEnd(at)
		if colon := s.space(end); s.at(colon) == ':' {
			end = colon + 1
			if next := s.space(end); s.at(next) != ',' && s.at(next) != closing {
				end = s.flowEnd(next)
			}
		}
		at = s.separator(end, closing)
	}
	if at >= len(s.text) {
		return s.giveUp()
	}
	return at + 1
}
