package paste

import (
	"fmt"
	"strconv"
	"strings"
)

// row is one row of a table: its cells, with line ends where psql drew "+".
type row struct {
	n     int // the line on which it begins
	cells []string
	open  []bool // cells that go on in the next line
}

func (w *row) isOpen() bool {
	for _, o := range w.open {
		if o {
			return true
		}
	}
	return false
}

// cutter cuts the lines below a head into rows.
type cutter struct {
	*reader
	layout  layout
	table   Table
	framed  bool
	rows    []*row
	pending string // the beginning of a row that a web page has broken
	begun   int    // its line
	footer  int    // the number of rows that psql counted, or -1
}

// table reads a table, if there is one here.
func (r *reader) table() bool {
	l, columns, framed, taken := r.head()
	if taken == 0 {
		return false
	}
	c := &cutter{reader: r, layout: l, framed: framed, footer: -1}
	c.table = Table{Kind: l.kind, Line: r.lines[r.at].n, Columns: columns}
	if l.inDatabase {
		c.table.Database = r.database
	}
	r.at += taken
	c.cut()
	c.check()
	c.table.Rows = len(c.rows)
	r.Tables = append(r.Tables, c.table)
	r.facts(c.table, c.rows)
	return true
}

func (c *cutter) cut() {
	for c.at < len(c.lines) {
		l := c.lines[c.at]
		if m := footerLine.FindStringSubmatch(l.text); m != nil {
			c.footer, _ = strconv.Atoi(m[1])
			c.at++
			return
		}
		if l.text != "" && !l.isRuler() && !c.take(l) {
			return
		}
		c.at++
	}
}

// take adds a line to the table; false: it is no part of it.
func (c *cutter) take(l line) bool {
	if c.pending != "" {
		return c.complete(l)
	}
	if l.pipes() == 0 {
		return c.piece(l)
	}
	if _, _, _, taken := c.head(); taken > 0 {
		return false
	}
	cells, ok := c.cells(l.text)
	if !ok {
		c.problem(l.n, l.text, fmt.Sprintf("this line has %d columns, and the head of line %d has %d", len(cells), c.table.Line, len(c.table.Columns)))
		return true
	}
	if len(cells) < len(c.table.Columns) {
		c.pending, c.begun = l.text, l.n
		return true
	}
	c.add(l.n, cells)
	return true
}

// complete joins the pieces of a broken row.
func (c *cutter) complete(l line) bool {
	if c.foreign(l) {
		return false
	}
	joined := c.pending + " " + l.text
	cells, ok := c.cells(joined)
	switch {
	case !ok:
		return false
	case len(cells) < len(c.table.Columns):
		c.pending = joined
	default:
		c.pending = ""
		c.add(c.begun, cells)
	}
	return true
}

// foreign says whether a line belongs to something else than this table.
func (c *cutter) foreign(l line) bool {
	_, _, typed := prompt(l.text)
	_, _, _, taken := c.head()
	return typed || taken > 0 || noise(l.text) || strings.HasPrefix(l.text, `\`)
}

// piece takes a line without any column end: what goes on in the last column,
// or the beginning of a row that a web page has broken.
func (c *cutter) piece(l line) bool {
	if c.foreign(l) {
		return false
	}
	last := c.last()
	end := len(c.table.Columns) - 1
	switch {
	case l.text == "+" && last != nil:
		last.open[end] = true
		return true
	case last != nil && (last.open[end] || c.aclColumn(end) && looksLikeACL(l.text)):
		cells := make([]string, end+1)
		cells[end] = l.text
		last.open[end] = true
		last.goOn(c.table.Columns, cells)
		return true
	case c.at+1 < len(c.lines) && strings.HasPrefix(c.lines[c.at+1].text, "|") && (last == nil || !last.isOpen()):
		c.pending, c.begun = l.text, l.n
		return true
	}
	return false
}

func (c *cutter) aclColumn(i int) bool { return c.table.Columns[i] == "access privileges" }

func (c *cutter) last() *row {
	if len(c.rows) == 0 {
		return nil
	}
	return c.rows[len(c.rows)-1]
}

// cells cuts a line; ok is false where it has more columns than the table. A
// last column may hold "|" itself (an expression of a policy).
func (c *cutter) cells(text string) (cells []string, ok bool) {
	if c.framed && len(text) > 1 && text[0] == '|' && text[len(text)-1] == '|' {
		text = text[1 : len(text)-1]
	}
	cells = split(text)
	n := len(c.table.Columns)
	if len(cells) > n && (c.table.Has("policies") || c.table.Has("description")) {
		cells = strings.SplitN(text, "|", n)
		for i, c := range cells {
			cells[i] = strings.TrimSpace(c)
		}
	}
	return cells, len(cells) <= n
}

// add takes a whole line of cells: a row, or what goes on of the last one.
func (c *cutter) add(n int, cells []string) {
	last := c.last()
	if last != nil && (last.isOpen() && cells[0] == "" || last.wraps(cells)) {
		last.goOn(c.table.Columns, cells)
		return
	}
	if last != nil {
		c.close(last)
	}
	if cells[0] == "" && !c.layout.blankFirst {
		c.problem(n, strings.Join(cells, " | "), "this line goes on from one that is missing")
		return
	}
	w := newRow(n, len(cells))
	for i, text := range cells {
		w.set(c.table.Columns, i, text)
	}
	c.rows = append(c.rows, w)
}

func newRow(n, cells int) *row {
	return &row{n: n, cells: make([]string, cells), open: make([]bool, cells)}
}

// lined are the columns whose cells may have several lines. In another a "+"
// at the end is a part of a name.
func lined(column string) bool {
	switch column {
	case "access privileges", "column privileges", "column access privileges", "policies", "attributes", "settings", "description":
		return true
	}
	return false
}

// set puts a line's part of a cell behind what is there.
func (w *row) set(columns []string, i int, text string) {
	rest, open := text, false
	if lined(columns[i]) {
		rest, open = strings.CutSuffix(text, "+")
	}
	w.cells[i] += strings.TrimRight(rest, " ")
	w.open[i] = open
}

// wraps says whether a line goes on with cells that psql has wrapped (\pset
// format wrapped): "." at the end of a part, and "." before the next.
func (w *row) wraps(cells []string) bool {
	wrapped := false
	for i, text := range cells {
		switch {
		case strings.HasPrefix(text, ".") && strings.HasSuffix(w.cells[i], "."):
			wrapped = true
		case text != "" && !w.open[i]:
			return false
		}
	}
	return wrapped
}

// goOn adds a further line to a row.
func (w *row) goOn(columns, cells []string) {
	for i, text := range cells {
		switch {
		case w.open[i]:
			w.cells[i] += "\n"
			w.set(columns, i, text)
		case strings.HasPrefix(text, ".") && strings.HasSuffix(w.cells[i], "."): // wrapped by psql
			w.cells[i] = strings.TrimSuffix(w.cells[i], ".")
			w.set(columns, i, text[1:])
		case text != "":
			w.cells[i] += " " + text
		}
	}
}

// close ends a row: in a comment a "+" is a plus, elsewhere its next line is
// missing.
func (c *cutter) close(w *row) {
	for i, open := range w.open {
		switch {
		case !open:
		case c.table.Columns[i] == "description":
			w.cells[i] += "+"
		default:
			c.problem(w.n, w.cells[i], fmt.Sprintf("half a table: the column %q of this row goes on in a line that is missing", c.table.Columns[i]))
		}
		w.open[i] = false
	}
}

// check refuses half a table: what is missing would pass for fine.
func (c *cutter) check() {
	if last := c.last(); last != nil {
		c.close(last)
	}
	if c.pending != "" {
		c.problem(c.begun, c.pending, fmt.Sprintf("half a table: this row has fewer columns than the head of line %d", c.table.Line))
	}
	switch {
	case c.footer >= 0 && c.footer != len(c.rows):
		c.problem(c.table.Line, "", fmt.Sprintf("half a table: psql counted %s, and here are %d", count(c.footer, "row"), len(c.rows)))
	case c.footer < 0 && len(c.rows) == 0 && len(c.problems) == 0:
		c.problem(c.table.Line, "", fmt.Sprintf("half a table: the head of %s is here, and no row of it", c.table.Kind))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// stray takes lines that look like a table whose head is missing or unknown.
func (r *reader) stray() bool {
	l := r.lines[r.at]
	pipes := l.pipes()
	if pipes < 1 || r.at+1 == len(r.lines) {
		return false
	}
	next := r.lines[r.at+1]
	if language := localized(split(strings.Trim(l.text, "|"))); language != "" {
		r.foreignLanguage(l, language)
		return true
	}
	if next.isRuler() { // a table, of some SELECT
		r.note(l.n, l.text, "a table that is none of those that are read here; passed over")
		for r.at++; r.at < len(r.lines) && (r.lines[r.at].pipes() > 0 || r.lines[r.at].isRuler()); r.at++ {
		}
		return true
	}
	if pipes < 2 || next.pipes() != pipes {
		return false
	}
	r.problem(l.n, l.text, "rows of a table whose head is missing or not in English: copy it from the line that names the columns (LC_MESSAGES=C psql prints it in English)")
	for r.at < len(r.lines) && r.lines[r.at].pipes() > 0 {
		r.at++
	}
	return true
}
