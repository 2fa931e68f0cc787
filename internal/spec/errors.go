package spec

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxErrors bounds the list for files that are nothing but mistakes.
const maxErrors = 10_000

// maxSnippet is the longest part of a line that an error quotes, in characters.
const maxSnippet = 200

// Error is one mistake in a file.
type Error struct {
	File       string `json:"file"`
	Line       int    `json:"line"`                 // from 1
	Column     int    `json:"column"`               // from 1, in characters
	Path       string `json:"path,omitempty"`       // such as tenants.acme.limits.connections; empty for the file as a whole
	Message    string `json:"message"`              // what is wrong, and what to write instead
	Suggestion string `json:"suggestion,omitempty"` // such as: did you mean "limits"?
	Snippet    string `json:"snippet,omitempty"`    // the line, with passwords masked
}

// Error gives place, path and message, and below them the line with a mark
// under the column.
func (e Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Column)
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Message)
	if e.Suggestion != "" {
		b.WriteString("; " + e.Suggestion)
	}
	if e.Snippet == "" {
		return b.String()
	}
	number := fmt.Sprintf("%5d", e.Line)
	fmt.Fprintf(&b, "\n%s | %s", number, e.Snippet)
	if e.Column <= utf8.RuneCountInString(e.Snippet)+1 {
		fmt.Fprintf(&b, "\n%s | %s^", strings.Repeat(" ", len(number)), strings.Repeat(" ", e.Column-1))
	}
	return b.String()
}

// Errors are all mistakes of one file, in the order of their places.
type Errors struct{ List []Error }

// Error lists the mistakes, each with its line.
func (e *Errors) Error() string {
	lines := make([]string, len(e.List))
	for i, one := range e.List {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// position is a place in the file, both numbers from 1.
type position struct{ line, column int }

// collector gathers the mistakes of one file.
type collector struct {
	file string
	list []Error
}

func (c *collector) add(at position, path, message string) {
	c.suggest(at, path, message, "")
}

func (c *collector) suggest(at position, path, message, suggestion string) {
	if c.full() {
		return
	}
	c.list = append(c.list, Error{File: c.file, Line: at.line, Column: at.column,
		Path: path, Message: message, Suggestion: suggestion})
}

// full says that the list holds no more.
func (c *collector) full() bool { return len(c.list) >= maxErrors }

// result sorts the mistakes by place, moves each into the text (a parser may
// point behind the last character) and quotes its line. It is nil when there
// are none.
func (c *collector) result(text string) error {
	if len(c.list) == 0 {
		return nil
	}
	last := strings.Count(text, "\n") + 1
	for i := range c.list {
		c.list[i].Line = min(max(c.list[i].Line, 1), last)
	}
	slices.SortStableFunc(c.list, func(a, b Error) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Path, b.Path), strings.Compare(a.Message, b.Message))
	})
	line, rest, _ := strings.Cut(text, "\n")
	at := 1
	for i := range c.list {
		e := &c.list[i]
		for ; at < e.Line; at++ {
			line, rest, _ = strings.Cut(rest, "\n")
		}
		line := strings.TrimSuffix(line, "\r")
		e.Column = min(max(e.Column, 1), utf8.RuneCountInString(line)+1)
		e.Snippet = snippet(line)
	}
	return &Errors{List: slices.Compact(c.list)}
}

// What may be a password in a line: behind a word for it, behind a URI's
// parameter whose name is encoded, or behind a URI's user.
var (
	secretWord = regexp.MustCompile(`(?i)((?:pass(?:word|wd)?|pwd|secret)["']?\s*(?:=|:|%3d)\s*)('(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|[^\s,}&]+)`)
	secretCode = regexp.MustCompile(`([?&][^=&\s]*%[^=&\s]*=)[^&\s]*`)
	secretURI  = regexp.MustCompile(`(://[^/@:\s]*:)[^\s]*@`)
)

// mask hides passwords: an error must not be the place where one leaks.
func mask(s string) string {
	s = secretWord.ReplaceAllString(s, "${1}***")
	s = secretCode.ReplaceAllString(s, "${1}***")
	return secretURI.ReplaceAllString(s, "${1}***@")
}

// snippet makes a line fit to be shown on a terminal.
func snippet(line string) string {
	clean := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) && r != ' ' {
			return '?'
		}
		return r
	}, strings.ReplaceAll(mask(line), "\t", " "))
	if runes := []rune(clean); len(runes) > maxSnippet {
		clean = string(runes[:maxSnippet]) + "…"
	}
	return clean
}
