package spec

import (
	"cmp"
	"slices"
	"strings"
)

// patch replaces a stretch of text.
type patch struct {
	span
	text string
}

// editor gathers the patches of one change.
type editor struct {
	scanner
	patches []patch
	newline string
	step    int  // columns from a key to those below it
	json    bool // the file is JSON
}

func newEditor(text string) (*editor, layout) {
	e := &editor{scanner: scanner{text: text}, newline: "\n", step: 2}
	if i := strings.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		e.newline = "\r\n"
	}
	top := e.top()
	e.json = top.flow && len(top.fields) > 0 && top.fields[0].quoted
	e.measure(top)
	return e, top
}

// measure takes over the indentation of a mapping, as its last block shows it.
func (e *editor) measure(l layout) {
	for _, f := range slices.Backward(l.fields) {
		if f.form == blockMap && !l.flow {
			e.step = e.indentOf(f) - l.indent
			return
		}
	}
}

// indentOf is the number of columns before the keys of a block mapping.
func (e *editor) indentOf(f field) int { return f.value.start - e.lineStart(f.value.start) }

func (e *editor) patch(start, end int, text string) {
	e.patches = append(e.patches, patch{span{start, end}, text})
}

// result is the text with the patches in it, or false if the editor was lost.
func (e *editor) result() (string, bool) {
	if e.lost {
		return "", false
	}
	slices.SortStableFunc(e.patches, func(a, b patch) int { return cmp.Compare(a.start, b.start) })
	var b strings.Builder
	done := 0
	for _, p := range e.patches {
		if p.start < done {
			return "", false
		}
		b.WriteString(e.text[done:p.start])
		b.WriteString(p.text)
		done = p.end
	}
	b.WriteString(e.text[done:])
	return b.String(), true
}

// set gives the key at a path below a mapping its value.
func (e *editor) set(l layout, path []string, v *node) {
	e.measure(l)
	f, found := l.field(path[0])
	switch {
	case !found:
		e.insert(l, path[0], nest(path[1:], v))
	case f.bare:
		e.giveUp()
	case len(path) == 1:
		e.replace(l, f, v)
	default:
		e.setInside(l, f, path[1:], v)
	}
}

// setInside sets a key below a field that is there, whatever its form.
func (e *editor) setInside(l layout, f field, path []string, v *node) {
	top := !l.flow && l.indent == 0
	below := nest(path, v)
	switch f.form {
	case blockMap:
		e.set(e.inside(f), path, v)
	case flowMap:
		inner := e.inside(f)
		if len(inner.fields) > 0 {
			e.set(inner, path, v)
		} else if top && e.trimmed(inner.open+1, inner.close) == inner.open+1 {
			e.openLines(f, below)
		} else {
			e.insert(inner, path[0], nest(path[1:], v))
		}
	case alias:
		e.patch(f.value.start, f.value.end, "{<<: "+e.text[f.value.start:f.value.end]+", "+e.pairs(below, false)+"}")
	case absent, scalar: // a scalar can be null only
		if top {
			e.openLines(f, below)
		} else {
			e.replace(l, f, below)
		}
	default:
		e.giveUp()
	}
}

// openLines puts a block mapping where a top-level key had an empty one.
func (e *editor) openLines(f field, v *node) {
	if f.value.end > f.head {
		e.patch(f.head, f.value.end, "")
	}
	e.insertLines(e.owned(f, 0), e.lines(e.step, v))
}

// replace puts another value where a field has one.
func (e *editor) replace(l layout, f field, v *node) {
	json := e.json || l.flow && f.quoted
	switch f.form {
	case absent:
		e.patch(f.head, f.head, " "+e.inline(v, json))
	case blockMap, blockList:
		e.patch(f.head, f.head, " "+e.inline(v, json))
		e.patch(e.nextLine(f.head), f.end, "")
	default:
		e.patch(f.value.start, f.value.end, e.like(e.text[f.value.start], v, json))
	}
}

// insert adds a key behind the last of a mapping.
func (e *editor) insert(l layout, key string, v *node) {
	if l.flow {
		e.insertFlow(l, &node{kind: mapping, pairs: []pair{{key: &node{kind: text, text: key}, value: v}}})
		return
	}
	last := l.fields[len(l.fields)-1]
	e.insertLines(e.owned(last, l.indent), e.line(l.indent, key, v))
}

// insertLines inserts whole lines; at the end of a file without a line break,
// they leave it without one.
func (e *editor) insertLines(at int, lines string) {
	if at > 0 && e.text[at-1] != '\n' {
		lines = e.newline + strings.TrimSuffix(lines, e.newline)
	}
	e.patch(at, at, lines)
}

// owned is the end of a field in block form with the remarks below it that
// stand further to the right than its key.
func (e *editor) owned(f field, indent int) int {
	end := f.end
	for line := f.end; line < len(e.text); line = e.nextLine(line) {
		at, void := e.content(line)
		remark := e.at(at) == '#'
		if !void || remark && at-line <= indent {
			break
		}
		if remark {
			end = e.nextLine(at)
		}
	}
	return end
}

func (e *editor) insertFlow(l layout, v *node) {
	json := e.json || len(l.fields) > 0 && l.fields[0].quoted
	pairs := e.pairs(v, json)
	if len(l.fields) == 0 {
		e.patch(l.open+1, l.open+1, pairs)
		return
	}
	last := l.fields[len(l.fields)-1]
	at, before, after := last.end, ", ", ""
	if comma := e.space(last.end); e.at(comma) == ',' {
		at, before, after = comma+1, " ", ","
	}
	indent, alone := e.alone(last.start)
	if !alone {
		e.patch(at, at, before+pairs+after)
		return
	}
	if after == "" {
		e.patch(at, at, ",")
	}
	if end := e.lineEnd(at); end < l.close {
		at = end
	}
	e.patch(at, at, e.newline+indent+pairs+after)
}

// alone says whether nothing but blanks stands before a place on its line,
// and returns them.
func (e *editor) alone(at int) (indent string, alone bool) {
	indent = e.text[e.lineStart(at):at]
	return indent, strings.Trim(indent, " \t") == ""
}

// unset removes the key at a path, with the remarks right above it if asked.
func (e *editor) unset(l layout, path []string, remarks bool) {
	i := slices.IndexFunc(l.fields, func(f field) bool { return f.key == path[0] })
	switch {
	case i < 0:
		e.giveUp()
	case len(path) > 1 && (l.fields[i].form == blockMap || l.fields[i].form == flowMap):
		inner := e.inside(l.fields[i])
		if head := l.fields[i].head; len(path) == 2 && len(inner.fields) == 1 && !inner.flow && e.at(head-1) != ':' {
			e.patch(head, head, " {}") // goccy/go-yaml wants a value behind an anchor
		}
		e.unset(inner, path[1:], remarks)
	case len(path) > 1:
		e.giveUp()
	case l.flow:
		e.removeFlow(l, i, remarks)
	default:
		f := l.fields[i]
		if _, alone := e.alone(f.start); !alone {
			e.giveUp()
			return
		}
		e.patch(e.above(f.start, remarks), e.owned(f, l.indent), "")
	}
}

// above is the start of a place's line, or of the remarks right above it.
func (e *editor) above(at int, remarks bool) int {
	start := e.lineStart(at)
	indent := at - start
	for remarks && start > 0 {
		line := e.lineStart(start - 1)
		if c, _ := e.content(line); e.at(c) != '#' || c-line != indent {
			break
		}
		start = line
	}
	return start
}

func (e *editor) removeFlow(l layout, i int, remarks bool) {
	f := l.fields[i]
	end, comma := f.end, e.space(f.end)
	if e.at(comma) == ',' {
		end = comma + 1
	} else if i > 0 {
		comma = e.space(l.fields[i-1].end)
		if gap := e.text[l.fields[i-1].end:f.start]; !strings.ContainsAny(gap, "\n#") {
			e.patch(l.fields[i-1].end, f.end, "")
			return
		}
		e.patch(comma, comma+1, "")
	}
	_, alone := e.alone(f.start)
	if _, void := e.content(end); alone && void && e.lineEnd(end) < l.close {
		e.patch(e.above(f.start, remarks), e.nextLine(end), "")
		return
	}
	e.patch(f.start, e.blanks(end), "")
}
