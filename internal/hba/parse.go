package hba

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxToken is the longest word that servers before 17 take.
const maxToken = 10239

// Limits on what a file may draw in. The server has only the depth; a file
// that includes itself ten times at each depth would keep it busy for ever.
const (
	maxFiles = 2000
	maxBytes = 64 << 20
)

// Parse reads the text of a pg_hba.conf. It always returns a File: what is
// wrong with the text is in its Errors, and a wrong line is never taken for a
// comment.
func Parse(name string, text []byte, opts Options) *File {
	p := &parser{opts: opts, major: opts.major(), patterns: patterns{}}
	f := p.tokenize(name, string(text), 0)
	f.patterns = p.patterns
	p.parseRules(f)
	p.collect(f, f)
	if len(f.Errors) == 0 && len(f.entries(nil)) == 0 {
		f.Errors = append(f.Errors, &Error{File: name, Line: 1, Column: 1,
			Message: fmt.Sprintf("configuration file %s contains no entries", quoted(name)),
			Hint:    "the server refuses a file without any rule"})
	}
	return f
}

type parser struct {
	opts     Options
	major    int
	files    int
	bytes    int
	warnings []*Error
	patterns patterns
}

// tokenize splits a file into lines and fields and follows its includes.
func (p *parser) tokenize(name, text string, depth int) *File {
	f := &File{Name: name, Major: p.major}
	for _, l := range splitLines(text, p.major >= 14) {
		line := &Line{File: name, Number: l.number, Raw: l.raw}
		f.Lines = append(f.Lines, line)
		s := &splitter{parser: p, line: line, logical: l, depth: depth}
		s.split()
		if len(line.Errors) == 0 && p.major >= 16 && len(line.Fields) == 2 {
			p.include(line, depth)
		}
	}
	return f
}

// parseRules turns the lines that hold fields into rules.
func (p *parser) parseRules(f *File) {
	for _, l := range f.Lines {
		switch {
		case l.Include != nil:
			for _, sub := range l.Include.Files {
				p.parseRules(sub)
			}
		case len(l.Fields) > 0 && len(l.Errors) == 0 && !l.Unresolved:
			p.parseRule(l)
		}
	}
}

// collect gathers the mistakes of a file and of what it includes.
func (p *parser) collect(to, f *File) {
	for _, l := range f.Lines {
		to.Errors = append(to.Errors, l.Errors...)
		if l.Include == nil {
			continue
		}
		for _, sub := range l.Include.Files {
			p.collect(to, sub)
		}
	}
	if to == f {
		to.Warnings = p.warnings
	}
}

// splitter splits one line into fields.
type splitter struct {
	*parser
	line    *Line
	logical *logical
	depth   int
}

func (s *splitter) split() {
	if i := strings.IndexByte(s.logical.raw, 0); i >= 0 {
		s.fail(min(i, len(s.logical.text)), "the line holds a NUL byte",
			"the server loses what follows it, and reads the next line as part of this one; remove the byte")
		return
	}
	x := &lexer{text: s.logical.text, comment: -1}
	for !x.done() && len(s.line.Errors) == 0 {
		if field := s.field(x); len(field) > 0 {
			s.line.Fields = append(s.line.Fields, field)
		}
	}
	if x.comment >= 0 {
		s.line.Comment = s.logical.text[x.comment:]
	}
}

// field reads one field, "@file" tokens expanded (next_field_expand).
func (s *splitter) field(x *lexer) Field {
	var field Field
	for more := true; more && len(s.line.Errors) == 0; {
		t, ok := x.next()
		if !ok {
			break
		}
		more = t.comma
		s.check(t)
		if !t.quoted && len(t.text) > 1 && t.text[0] == '@' {
			field = append(field, s.expand(t)...)
			continue
		}
		line, column := s.logical.at(t.start)
		field = append(field, Token{Text: t.text, Quoted: t.quoted, File: s.line.File, Line: line, Column: column})
	}
	return field
}

func (s *splitter) check(t lexeme) {
	if t.unfinished {
		s.warn(t.start, "quote is never closed", "everything to the end of the line, comments too, is read as one word")
	}
	if len(t.text) > maxToken && s.major < 17 {
		s.fail(t.start, "authentication file token too long", "PostgreSQL before 17 takes at most 10239 bytes")
	}
}

// expand returns the words of the file that an "@file" token names.
func (s *splitter) expand(t lexeme) []Token {
	if s.opts.Read == nil {
		s.line.Unresolved = true
		return nil
	}
	full := resolve(s.line.File, t.text[1:])
	text, err := s.read(full, s.depth+1)
	if err != nil {
		message := err.Error()
		if s.major < 16 {
			message = strings.Replace(message, "could not open file", fmt.Sprintf("could not open secondary authentication file %s as", quoted(t.text)), 1)
		}
		s.fail(t.start, message, "")
		return nil
	}
	sub := s.tokenize(full, string(text), s.depth+1)
	var tokens []Token
	for _, l := range sub.entries(nil) {
		if len(l.Errors) > 0 {
			s.fail(t.start, l.Errors[0].Message, fmt.Sprintf("in %s, line %d", l.File, l.Errors[0].Line))
			return nil
		}
		s.line.Unresolved = s.line.Unresolved || l.Unresolved || l.Include != nil
		for _, field := range l.Fields {
			tokens = append(tokens, field...)
		}
	}
	return tokens
}

func (s *splitter) fail(offset int, message, hint string) {
	s.line.Errors = append(s.line.Errors, s.problem(offset, message, hint))
}

func (s *splitter) warn(offset int, message, hint string) {
	s.warnings = append(s.warnings, s.problem(offset, message, hint))
}

func (s *splitter) problem(offset int, message, hint string) *Error {
	line, column := s.logical.at(offset)
	return &Error{File: s.line.File, Line: line, Column: column, Text: oneLine(s.line.Raw), Message: message, Hint: hint}
}

// What is said of files that include each other without end: the server's own
// words, and ours for what it would not end with either.
const (
	tooDeep = "maximum nesting depth exceeded"
	tooMany = "too many included files"
)

// Endless says that files include each other, or themselves, without end.
func (e *Error) Endless() bool {
	return strings.Contains(e.Message, tooDeep) || strings.Contains(e.Message, tooMany)
}

// read gets the text of an included file, within the limits.
func (p *parser) read(full string, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("could not open file %s: %s", quoted(full), tooDeep)
	}
	if p.files++; p.files > maxFiles || p.bytes > maxBytes {
		return nil, fmt.Errorf("could not open file %s: %s", quoted(full), tooMany)
	}
	text, err := p.opts.Read(full)
	if err != nil {
		return nil, fmt.Errorf("could not open file %s: %w", quoted(full), plain(err))
	}
	p.bytes += len(text)
	return text, nil
}

// plain takes the path out of a file error, which the message has already.
func plain(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// include follows the line if it is an include directive.
func (p *parser) include(l *Line, depth int) {
	directive, name := l.Fields[0][0].Text, l.Fields[1][0].Text
	if directive != "include" && directive != "include_if_exists" && directive != "include_dir" {
		return
	}
	in := &Include{Directive: directive, Path: resolve(l.File, name)}
	l.Include = in
	if name == "" {
		l.fail(l.Fields[1][0], "empty file name in "+directive+" directive", "")
		return
	}
	if p.opts.Read == nil || directive == "include_dir" && p.opts.ReadDir == nil {
		in.Unresolved = true
		return
	}
	paths, err := p.includePaths(in)
	if err != nil {
		l.fail(l.Fields[1][0], err.Error(), "")
	}
	for _, full := range paths {
		text, err := p.read(full, depth+1)
		if errors.Is(err, fs.ErrNotExist) && directive == "include_if_exists" {
			continue
		}
		if err != nil {
			l.fail(l.Fields[1][0], err.Error(), "")
			continue
		}
		in.Files = append(in.Files, p.tokenize(full, string(text), depth+1))
	}
}

// includePaths lists the files that a directive means: for a directory those
// that end in .conf and do not begin with a dot, in the order of their bytes.
func (p *parser) includePaths(in *Include) ([]string, error) {
	if in.Directive != "include_dir" {
		return []string{in.Path}, nil
	}
	names, err := p.opts.ReadDir(in.Path)
	if err != nil {
		return nil, fmt.Errorf("could not open directory %s: %w", quoted(in.Path), plain(err))
	}
	var paths []string
	for _, n := range slices.Sorted(slices.Values(names)) {
		if len(n) >= len("x.conf") && n[0] != '.' && strings.HasSuffix(n, ".conf") {
			paths = append(paths, path.Join(in.Path, n))
		}
	}
	return paths, nil
}

// resolve makes a name absolute, relative to the directory of the file in
// which it stands.
func resolve(from, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(path.Dir(from), name)
}

func (l *Line) fail(at Token, message, hint string) {
	l.Errors = append(l.Errors, l.problem(at, message, hint))
}

func (l *Line) problem(at Token, message, hint string) *Error {
	e := &Error{File: l.File, Line: at.Line, Column: at.Column, Text: oneLine(l.Raw), Message: message, Hint: hint}
	if at.File != l.File { // a word of an "@file": its place there helps nobody who looks at this line
		e.Line, e.Column = l.Number, 1
	}
	return e
}

// oneLine shows a raw line on one line, without its end.
func oneLine(raw string) string {
	raw = strings.TrimRight(raw, "\r\n")
	raw = strings.ReplaceAll(raw, "\\\r\n", " ")
	return strings.ReplaceAll(raw, "\\\n", " ")
}
