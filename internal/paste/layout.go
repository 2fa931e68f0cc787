package paste

import "strings"

// layout is one kind of table: the columns that it begins with, and those
// that may follow, in small letters.
type layout struct {
	kind  Kind
	first []string
	more  []string
	// inDatabase: the table is of one database.
	inDatabase bool
	// blankFirst: the first column may be empty in a row of its own.
	blankFirst bool
}

// layouts lists what can be read. Of psql 9.2 to 18 (heads_test.go has all heads): "Member of" left \du in
// 16, when \drg came; \l got "ICU Locale" and "Locale Provider" in 15, "ICU
// Rules" and another order in 16, "Locale" in 17; \dp said "Column access
// privileges" before 9.5, when it got "Policies".
var layouts = []layout{
	{kind: Grants, first: []string{"role name", "member of", "options"}, more: []string{"grantor"}},
	{kind: Roles, first: []string{"role name", "attributes"}, more: []string{"member of", "description"}},
	{kind: Databases, first: []string{"name", "owner", "encoding"}, more: []string{"collate", "ctype", "collation", "locale provider", "icu locale", "locale",
		"icu rules", "access privileges", "size", "tablespace", "description"}},
	{kind: Schemas, first: []string{"name", "owner"}, more: []string{"access privileges", "description"}, inDatabase: true},
	{kind: Privileges, first: []string{"schema", "name", "type", "access privileges"}, more: []string{"column privileges", "column access privileges", "policies"}, inDatabase: true},
	{kind: Defaults, first: []string{"owner", "schema", "type", "access privileges"}, inDatabase: true},
	{kind: Settings, first: []string{"role", "database", "settings"}, blankFirst: true},
	{kind: Relations, first: []string{"schema", "name", "type", "owner"}, more: []string{"table", "persistence", "access method", "size", "description"}, inDatabase: true},
	{kind: Extensions, first: []string{"name", "version"}, more: []string{"default version", "schema", "description"}, inDatabase: true},
	{kind: Parameters, first: []string{"name", "setting"}, more: []string{"unit", "description"}},
	{kind: Verifiers, first: []string{"rolname", "verifier"}},
}

// fits returns the layout whose head these cells are.
func fits(cells []string) (layout, bool) {
	for _, l := range layouts {
		if l.is(cells) {
			return l, true
		}
	}
	return layout{}, false
}

func (l layout) is(cells []string) bool {
	if len(cells) < len(l.first) {
		return false
	}
	for i, c := range cells {
		if i < len(l.first) {
			if c != l.first[i] {
				return false
			}
		} else if !contains(l.more, c) {
			return false
		}
	}
	return true
}

func contains(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

// maxHead is over how many lines a web page may have broken a head.
const maxHead = 4

// head reads a head at the present line: its columns, whether the table has a
// frame (border 2), and how many lines the head takes.
func (r *reader) head() (l layout, columns []string, framed bool, taken int) {
	text := ""
	for i := range maxHead {
		if r.at+i == len(r.lines) || r.lines[r.at+i].isRuler() {
			break
		}
		text = strings.TrimSpace(text + " " + r.lines[r.at+i].text)
		if !strings.Contains(text, "|") {
			break
		}
		cells := split(text)
		frame := len(cells) > 2 && cells[0] == "" && cells[len(cells)-1] == ""
		if frame {
			cells = cells[1 : len(cells)-1]
		}
		cells = heads(cells)
		if found, ok := fits(cells); ok {
			l, columns, framed, taken = found, cells, frame, i+1
		}
	}
	return l, columns, framed, taken
}

// split cuts a line at its column ends, blanks at both ends of cells removed.
func split(text string) []string {
	cells := strings.Split(text, "|")
	for i, c := range cells {
		cells[i] = strings.TrimSpace(c)
	}
	return cells
}
