// Package hba reads, judges and writes pg_hba.conf, PostgreSQL's list of who
// may connect from where to which database, and by which proof of identity.
//
// It is pure: text in, values out. It opens no file, asks no clock and looks
// up no name; what it would need from the world (the text of included files,
// role memberships, host names, the server's own addresses) the caller gives
// as functions, and where one is missing the answer says so.
//
// The rules follow src/backend/libpq/hba.c of PostgreSQL 14 to 18, including
// its oddities, since a judgement that is stricter or laxer than the server is
// wrong either way. Messages of errors are the server's own where it has one.
package hba

import (
	"fmt"
	"strings"
)

// Newest is the PostgreSQL major that Options.Major = 0 stands for.
const Newest = 18

// maxDepth is how deep files may include each other (CONF_FILE_MAX_DEPTH).
const maxDepth = 10

// Options says by which server's rules a file is read.
type Options struct {
	// Major is the server's major version; 0 means Newest. It matters:
	// backslash continuation came with 14, regular expressions and include
	// directives with 16, oauth with 18.
	Major int

	// Read gives the text of the file at path: an "@file" token or an include
	// directive needs it. A missing file is an error that errors.Is
	// fs.ErrNotExist. With a nil Read, includes stay Unresolved and Decide is
	// uncertain from there on.
	Read func(path string) ([]byte, error)

	// ReadDir lists the names (not paths) of the plain files in a directory,
	// for include_dir. With a nil ReadDir, include_dir stays Unresolved.
	ReadDir func(path string) ([]string, error)
}

func (o Options) major() int {
	if o.Major == 0 {
		return Newest
	}
	return o.Major
}

// File is a parsed pg_hba.conf. Nothing of the text is lost: String returns
// it byte for byte.
type File struct {
	Name  string
	Major int
	Lines []*Line

	// Errors holds every mistake that makes the server refuse the file,
	// included files' mistakes too. One is enough for the server to keep the
	// rules it had before.
	Errors []*Error

	// Warnings holds what the server accepts but hardly anybody means.
	Warnings []*Error

	patterns patterns
}

// String returns the text that was parsed, unchanged.
func (f *File) String() string {
	var b strings.Builder
	for _, l := range f.Lines {
		b.WriteString(l.Raw)
	}
	return b.String()
}

// Rules returns the rules in the order in which the server tries them, those
// of included files in their place.
func (f *File) Rules() []*Rule {
	var rules []*Rule
	for _, e := range f.entries(nil) {
		if e.Rule != nil {
			rules = append(rules, e.Rule)
		}
	}
	return rules
}

// entries returns all lines that hold something, included files flattened. A
// line with an Include stays in the list only when something of it could not
// be read.
func (f *File) entries(to []*Line) []*Line {
	for _, l := range f.Lines {
		switch {
		case l.Include != nil:
			if l.Include.Unresolved || len(l.Errors) > 0 {
				to = append(to, l)
			}
			for _, sub := range l.Include.Files {
				to = sub.entries(to)
			}
		case len(l.Fields) > 0 || len(l.Errors) > 0:
			to = append(to, l)
		}
	}
	return to
}

// Line is one logical line: what the server reads as one entry, over several
// physical lines where backslashes continue it.
type Line struct {
	File    string
	Number  int      // of its first physical line, from 1
	Raw     string   // every byte, with line ends
	Comment string   // from its "#" on, if it has one
	Fields  []Field  // as the server splits it, "@file" tokens replaced by what is in the file
	Rule    *Rule    // set when the line is a rule without mistakes
	Include *Include // set when the line is an include directive
	Errors  []*Error // what is wrong with the line

	// Unresolved is set when a field names a file ("@file") and there was
	// nothing to read it with: the fields are then incomplete.
	Unresolved bool
}

// Field is one column: a list of tokens that commas separate.
type Field []Token

// Token is one word of a line.
type Token struct {
	Text   string // without quotes
	Quoted bool   // a quote stood before its first character: no keyword, no +, no @
	Regex  bool   // in a database or user column of 16 and newer: Text is "/" and a pattern
	File   string
	Line   int
	Column int // in bytes, from 1
}

// Is tells whether the token is the given keyword. A quoted keyword is none.
func (t Token) Is(keyword string) bool { return !t.Quoted && t.Text == keyword }

// Group returns the role whose members the token means (+role).
func (t Token) Group() (string, bool) {
	if t.Quoted || !strings.HasPrefix(t.Text, "+") {
		return "", false
	}
	return t.Text[1:], true
}

// Include is an include, include_if_exists or include_dir directive
// (PostgreSQL 16 and newer).
type Include struct {
	Directive string
	Path      string
	Files     []*File

	// Unresolved is set when there was nothing to read the file with.
	Unresolved bool
}

// ConnType is the first column of a rule.
type ConnType string

// The connection types.
const (
	Local        ConnType = "local"
	Host         ConnType = "host"
	HostSSL      ConnType = "hostssl"
	HostNoSSL    ConnType = "hostnossl"
	HostGSSEnc   ConnType = "hostgssenc"
	HostNoGSSEnc ConnType = "hostnogssenc"
)

// Method is how a rule has the client prove who it is.
type Method string

// The methods that landlord itself names.
const (
	Trust    Method = "trust"
	Reject   Method = "reject"
	SCRAM    Method = "scram-sha-256"
	MD5      Method = "md5"
	Password Method = "password"
	Peer     Method = "peer"
	Ident    Method = "ident"
	Cert     Method = "cert"

	// ImplicitReject is the method when no line matches.
	ImplicitReject Method = "implicit reject"
)

// Admits tells whether the method lets anybody in at all.
func (m Method) Admits() bool { return m != Reject && m != ImplicitReject && m != "" }

// Rule is one line that says who is let in, and how.
type Rule struct {
	File      string
	Line      int
	Text      string // as written, joined to one line
	Type      ConnType
	Databases []Token
	Users     []Token
	Address   Address // the zero value for local
	Method    Method  // "ident" on a local line is peer, as in the server
	Options   []Option
}

// Option returns the value of the named option; the last one counts.
func (r *Rule) Option(name string) (string, bool) {
	for i := len(r.Options) - 1; i >= 0; i-- {
		if r.Options[i].Name == name {
			return r.Options[i].Value, true
		}
	}
	return "", false
}

// Option is a name=value word after the method.
type Option struct {
	Name, Value string
	Token       Token
}

// Error is one mistake in a file, with its place.
type Error struct {
	File    string
	Line    int
	Column  int    // in bytes, from 1
	Text    string // the line as written
	Message string // the server's own words where it has some
	Hint    string // what to do, or what was probably meant
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}
