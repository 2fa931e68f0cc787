// Package paste reads what psql prints about access (\du, \drg, \l, \dn+, \dp,
// \ddp and their kin, of psql 9.2 to 18) out of a text that somebody pasted:
// several tables in any order, indented, wrapped, without rulers and blank
// lines, with prompts and prose between them.
//
// The layouts are those of src/bin/psql/describe.c of each major; tables are
// cut as print.c draws them, and a cell's "+" at the right margin is its mark
// for "goes on in the next line". The package is pure: text in, values out.
package paste

import (
	"fmt"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// Unknown is the name of a database that a table is of and that the text does
// not tell.
const Unknown = "?"

// Kind is what a table in the text is.
type Kind string

// The tables that can be read, by the command that prints them.
const (
	Roles      Kind = `\du`
	Grants     Kind = `\drg`
	Databases  Kind = `\l`
	Schemas    Kind = `\dn+`
	Privileges Kind = `\dp`
	Defaults   Kind = `\ddp`
	Settings   Kind = `\drds`
	Relations  Kind = `\d`
	Extensions Kind = `\dx`
	Parameters Kind = `SHOW`
	Verifiers  Kind = `verifiers`
)

// Table says which lines were read as what.
type Table struct {
	Kind     Kind
	Line     int    // of its head, from 1
	Database string // for what one database holds; Unknown where the text does not say
	Columns  []string
	Rows     int
}

// Has says whether the table has a column, by its English head in small letters.
func (t Table) Has(column string) bool {
	for _, c := range t.Columns {
		if c == column {
			return true
		}
	}
	return false
}

// Note is something in the text that was not understood, or only in part.
type Note struct {
	Line   int
	Text   string // the line, or its beginning
	Reason string
}

func (n Note) String() string { return fmt.Sprintf("line %d: %s: %q", n.Line, n.Reason, n.Text) }

// Result is what a text tells.
type Result struct {
	Name string // of the file
	// Snapshot holds the facts. What the text does not tell is empty there;
	// Tables says what was told.
	Snapshot snapshot.Snapshot
	Tables   []Table
	// Lines are the lines that told of each object.
	Lines map[snapshot.Object]int
	// MinorKnown says that the version's last number was told too.
	MinorKnown bool
	// VersionLine is where the version stands; 0 where it does not.
	VersionLine int
	// HBA are the lines that look like rules of pg_hba.conf, every other line
	// blank, so that line numbers stay; empty where there are none.
	HBA string
	// Notes say what could not be read.
	Notes []Note
}

// Error says that a text is no psql output, or that a part of a table is
// missing: judging the rest would call fine what is only absent.
type Error struct {
	Name     string
	Problems []Note
}

func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d: %s", e.Name, p.Line, p.Reason)
		if p.Text != "" {
			fmt.Fprintf(&b, ": %q", p.Text)
		}
	}
	return b.String()
}

// maxText is how much text is read, in bytes.
const maxText = 64 << 20

// Parse reads a pasted text. The error is an *[Error].
func Parse(name string, text []byte) (Result, error) {
	if len(text) > maxText {
		return Result{}, &Error{name, []Note{{1, "", "the text is larger than 64 MiB"}}}
	}
	r := &reader{lines: borderless(cutLines(string(text))), database: Unknown}
	r.Name, r.Lines = name, map[snapshot.Object]int{}
	r.read()
	r.rules()
	r.unread()
	if len(r.problems) == 0 && len(r.Tables) == 0 && r.HBA == "" {
		r.problem(1, r.first(), `this is no output of psql: paste what \du, \l and the like print, with the lines above the tables that name their columns`)
	}
	if len(r.problems) > 0 {
		return Result{}, &Error{name, r.problems}
	}
	return r.Result, nil
}

// reader goes through the lines once.
type reader struct {
	Result
	lines    []line
	at       int
	database string // that the last prompt or \connect named
	version  int    // how good the source of the version is; 0: none
	problems []Note
}

func (r *reader) problem(n int, text, reason string) {
	r.problems = append(r.problems, Note{n, shorten(text), reason})
}

func (r *reader) note(n int, text, reason string) {
	r.Notes = append(r.Notes, Note{n, shorten(text), reason})
}

// first is the first line that holds anything.
func (r *reader) first() string {
	for _, l := range r.lines {
		if l.text != "" {
			return l.text
		}
	}
	return ""
}

func (r *reader) read() {
	for r.at < len(r.lines) {
		l := r.lines[r.at]
		switch {
		case l.text == "", l.isRuler(), r.context(l), noise(l.text):
			r.at++
		case r.parameter():
		case r.records():
		case r.table():
		case r.stray():
		default:
			r.prose(l)
			r.at++
		}
	}
}

// context takes what says where the next tables come from.
func (r *reader) context(l line) bool {
	if db, command, ok := prompt(l.text); ok {
		r.database = db
		r.connect(command)
		return true
	}
	if db, ok := connected(l.text); ok {
		r.database = db
		return true
	}
	if strings.HasPrefix(l.text, `\`) {
		r.connect(l.text)
		return true
	}
	return r.banner(l)
}

// connect follows a \connect that was typed: psql's answer may be missing.
func (r *reader) connect(command string) {
	words := strings.Fields(command)
	if len(words) > 1 && (words[0] == `\c` || words[0] == `\connect`) && words[1] != "-" {
		r.database = strings.Trim(words[1], `"`)
	}
}

// prose looks for a version in a line that is nothing else.
func (r *reader) prose(l line) {
	if v, minor, ok := versionIn(l.text); ok {
		r.setVersion(l.n, v, minor, fromProse)
	}
}

// How good a source of the server's version is.
const (
	fromProse = iota + 1
	fromBanner
	fromServer
)

func (r *reader) setVersion(n int, v pgsql.Version, minor bool, source int) {
	if source > r.version {
		r.version, r.VersionLine = source, n
		r.Snapshot.Version, r.MinorKnown = v, minor
	}
}
