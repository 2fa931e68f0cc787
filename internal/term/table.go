package term

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
	"github.com/charmbracelet/x/ansi"
)

// Cell is a text with its tone.
type Cell struct {
	Text string
	Tone Tone
}

// Text makes a plain cell.
func Text(s string) Cell { return Cell{Text: s} }

// Toned makes a cell with a tone.
func Toned(t Tone, s string) Cell { return Cell{s, t} }

// Table is a table with a heading. Rows may be shorter than the heading.
type Table struct {
	Head []string
	Rows [][]Cell
	// Right lists the columns, from 0, that stand on the right: numbers.
	Right []int
}

// Table draws a table, each line with its end. Where it is wider than the
// look, the widest columns are wrapped.
func (l Look) Table(t Table) string {
	r := l.renderer()
	body := make([][]string, len(t.Rows))
	for i, row := range t.Rows {
		body[i] = make([]string, len(t.Head))
		for j := range min(len(t.Head), len(row)) {
			body[i][j] = Clean(row[j].Text)
		}
	}
	l.wrap(t.Head, body)
	return table.New().
		Headers(t.Head...).
		Rows(body...).
		Border(l.border()).
		BorderStyle(style(r, Dim)).
		StyleFunc(t.styles(r)).
		String() + "\n"
}

// Columns do not shrink below this width, in columns of the terminal.
const narrowest = 8

// wrap breaks the cells of a table that is too wide. (lipgloss and ansi.Wrap
// can do it, but miscount lines of wide characters.)
func (l Look) wrap(head []string, body [][]string) {
	widths := make([]int, len(head))
	total := 1
	for j, h := range head {
		widths[j] = lipgloss.Width(h)
		for _, row := range body {
			widths[j] = max(widths[j], lipgloss.Width(row[j]))
		}
		total += widths[j] + len(" ") + len(" |")
	}
	if l.Width <= 0 || total <= l.Width {
		return
	}
	shrink(widths, total-l.Width)
	for _, row := range body {
		for j, cell := range row {
			row[j] = wrapText(cell, widths[j])
		}
	}
}

// wrapText breaks a text at spaces, and a word that is too long anywhere.
func wrapText(text string, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && lipgloss.Width(line+" "+word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		pieces := strings.Split(ansi.Hardwrap(word, width, true), "\n")
		lines = append(lines, pieces[:len(pieces)-1]...)
		line = pieces[len(pieces)-1]
	}
	return strings.Join(append(lines, line), "\n")
}

// shrink takes an excess from the widest columns.
func shrink(widths []int, excess int) {
	for ; excess > 0; excess-- {
		widest := 0
		for j, w := range widths {
			if w > widths[widest] {
				widest = j
			}
		}
		if widths[widest] <= narrowest {
			return
		}
		widths[widest]--
	}
}

// styles makes each style once: a table may have ten thousand rows.
func (t Table) styles(r *lipgloss.Renderer) table.StyleFunc {
	right := map[int]bool{}
	for _, column := range t.Right {
		right[column] = true
	}
	made := map[Tone][2]lipgloss.Style{}
	for _, tone := range []Tone{Plain, Good, Bad, Warn, Dim, Strong} {
		left := style(r, tone).Padding(0, 1)
		made[tone] = [2]lipgloss.Style{left, left.Align(lipgloss.Right)}
	}
	return func(row, column int) lipgloss.Style {
		tone := Strong
		if row != table.HeaderRow {
			tone = Plain
			if cells := t.Rows[row]; column < len(cells) {
				tone = cells[column].Tone
			}
		}
		if right[column] {
			return made[tone][1]
		}
		return made[tone][0]
	}
}

func (l Look) border() lipgloss.Border {
	if l.Unicode {
		return lipgloss.RoundedBorder()
	}
	return lipgloss.ASCIIBorder()
}
