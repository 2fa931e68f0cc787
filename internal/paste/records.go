package paste

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Expanded (\\x), each row is a record, and each of its lines one column.

var (
	recordHead = regexp.MustCompile(`^[+|]?-*\[ RECORD ([0-9]+) \][-+|]*$`)
	bareRecord = regexp.MustCompile(`^\* Record ([0-9]+)$`) // without a border
)

// record is one of them.
type record struct {
	labels []string
	row    *row
}

func (l line) record() (number int, bare, ok bool) {
	m := recordHead.FindStringSubmatch(l.text)
	if m == nil {
		m = bareRecord.FindStringSubmatch(l.text)
		bare = true
	}
	if m == nil {
		return 0, false, false
	}
	number, err := strconv.Atoi(m[1])
	return number, bare, err == nil
}

// records reads a table that is printed expanded, if there is one here.
func (r *reader) records() bool {
	l := r.lines[r.at]
	if _, _, ok := l.record(); !ok {
		return false
	}
	c := &cutter{reader: r, footer: -1}
	c.table.Line = l.n
	for want := 1; r.at < len(r.lines); want++ {
		head := r.lines[r.at]
		number, bare, ok := head.record()
		if !ok || want > 1 && number == 1 {
			break
		}
		if number != want {
			r.problem(head.n, head.text, fmt.Sprintf("record %d is missing", want))
			want = number
		}
		r.at++
		one := r.record(head.n, bare)
		if want == 1 || c.table.Columns == nil {
			c.table.Columns = one.labels
		}
		if !slices.Equal(one.labels, c.table.Columns) {
			r.problem(head.n, head.text, fmt.Sprintf("half a record: its columns are %s, and those of line %d are %s", strings.Join(one.labels, ", "), l.n, strings.Join(c.table.Columns, ", ")))
			continue
		}
		c.rows = append(c.rows, one.row)
		c.close(one.row)
	}
	r.known(c, l)
	return true
}

// known keeps a table if it is one of those that are read.
func (r *reader) known(c *cutter, l line) {
	layout, ok := fits(c.table.Columns)
	if !ok {
		if language := localized(c.table.Columns); language != "" {
			r.foreignLanguage(l, language)
			return
		}
		r.note(l.n, l.text, "records that are none of those that are read here; passed over")
		return
	}
	c.layout, c.table.Kind, c.table.Rows = layout, layout.kind, len(c.rows)
	if layout.inDatabase {
		c.table.Database = r.database
	}
	r.Tables = append(r.Tables, c.table)
	r.facts(c.table, c.rows)
}

// record reads the lines of one record.
func (r *reader) record(n int, bare bool) record {
	one := record{row: newRow(n, 0)}
	for ; r.at < len(r.lines); r.at++ {
		l := r.lines[r.at]
		_, _, another := l.record()
		if another || l.text == "" || l.isRuler() || footerLine.MatchString(l.text) {
			break
		}
		label, value, ok := labelled(l.text, bare, one.goesOn())
		if !ok {
			break
		}
		last := len(one.labels) - 1
		switch {
		case label != "":
			one.labels = append(one.labels, label)
			one.row.cells, one.row.open = append(one.row.cells, ""), append(one.row.open, false)
			one.row.set(one.labels, last+1, value)
		case last >= 0:
			cells := make([]string, last+1)
			cells[last] = value
			one.row.goOn(one.labels, cells)
		}
	}
	for r.at < len(r.lines) && r.lines[r.at].isRuler() {
		r.at++
	}
	return one
}

// goesOn says whether the last line's cell goes on in the next.
func (o record) goesOn() bool {
	last := len(o.labels) - 1
	return last >= 0 && (o.row.open[last] || strings.HasSuffix(o.row.cells[last], "."))
}

// labelled cuts a line of a record into the column's name and its value; the
// name is empty where the line goes on with the one before.
func labelled(text string, bare, goesOn bool) (label, value string, ok bool) {
	if bare {
		for _, name := range labels() {
			if len(text) >= len(name) && strings.EqualFold(text[:len(name)], name) && (len(text) == len(name) || text[len(name)] == ' ') {
				return name, strings.TrimSpace(text[len(name):]), true
			}
		}
		return "", text, goesOn
	}
	if strings.HasPrefix(text, "|") && strings.HasSuffix(text, "|") && strings.Count(text, "|") > 2 || strings.HasPrefix(text, "| |") {
		text = strings.TrimSpace(strings.TrimSuffix(text[1:], "|"))
	}
	before, after, found := strings.Cut(text, "|")
	return heads([]string{before})[0], strings.TrimSpace(after), found
}

// labels are all columns' names, the longest first: of "name" and "name of"
// the second is meant where it fits.
func labels() []string {
	var list []string
	for _, l := range layouts {
		list = append(append(list, l.first...), l.more...)
	}
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(list)
}
