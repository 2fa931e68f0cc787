package paste

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// printed is a table before psql prints it.
type printed struct {
	command string // by which it is asked for
	title   string
	columns []string
	rows    [][]string
	footer  bool // (n rows)
}

// style is how it is printed: \pset border, \pset linestyle, \x.
type style struct {
	border   int
	unicode  bool
	expanded bool
}

// print draws a table as print_aligned_text and print_aligned_vertical of
// psql's src/fe_utils/print.c do.
func (s style) print(p printed) string {
	if s.expanded && len(p.rows) > 0 {
		return s.records(p)
	}
	widths := make([]int, len(p.columns))
	for i, c := range p.columns {
		widths[i] = utf8.RuneCountInString(c)
		for _, r := range p.rows {
			for _, l := range strings.Split(r[i], "\n") {
				widths[i] = max(widths[i], utf8.RuneCountInString(l))
			}
		}
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", 7) + p.title + "\n")
	if s.border == 2 {
		s.ruler(&b, widths)
	}
	centred := make([]string, len(p.columns))
	for i, c := range p.columns {
		free := widths[i] - utf8.RuneCountInString(c)
		centred[i] = strings.Repeat(" ", free/2) + c
	}
	s.line(&b, widths, centred, nil)
	s.ruler(&b, widths)
	for _, r := range p.rows {
		s.row(&b, widths, r)
	}
	if s.border == 2 {
		s.ruler(&b, widths)
	}
	if p.footer {
		fmt.Fprintf(&b, "(%s)\n", count(len(p.rows), "row"))
	}
	return b.String() + "\n"
}

func (s style) row(b *strings.Builder, widths []int, cells []string) {
	lines := make([][]string, len(cells))
	most := 0
	for i, c := range cells {
		lines[i] = strings.Split(c, "\n")
		most = max(most, len(lines[i]))
	}
	for n := range most {
		part, more := make([]string, len(cells)), make([]bool, len(cells))
		for i := range cells {
			if n < len(lines[i]) {
				part[i] = lines[i][n]
			}
			more[i] = n+1 < len(lines[i])
		}
		s.line(b, widths, part, more)
	}
}

func (s style) line(b *strings.Builder, widths []int, cells []string, more []bool) {
	bar, mark := "|", "+"
	if s.unicode {
		bar, mark = "│", "↵"
	}
	if s.border == 2 {
		b.WriteString(bar)
	}
	for i, c := range cells {
		if s.border > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c + strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(c))))
		if more != nil && more[i] {
			b.WriteString(mark)
		} else {
			b.WriteByte(' ')
		}
		if s.border == 2 || s.border == 1 && i < len(cells)-1 {
			b.WriteString(bar)
		}
	}
	b.WriteByte('\n')
}

func (s style) ruler(b *strings.Builder, widths []int) {
	dash, cross := "-", "+"
	if s.unicode {
		dash, cross = "─", "┼"
	}
	if s.border == 0 {
		cross = " "
	}
	if s.border == 2 {
		b.WriteString(cross)
	}
	for i, w := range widths {
		if s.border > 0 {
			w += 2
		}
		b.WriteString(strings.Repeat(dash, w))
		if s.border == 2 || i < len(widths)-1 {
			b.WriteString(cross)
		}
	}
	b.WriteByte('\n')
}

func (s style) records(p printed) string {
	bar, mark, dash := "|", "+", "-"
	if s.unicode {
		bar, mark, dash = "│", "↵", "─"
	}
	label, value := 0, 0
	for i, c := range p.columns {
		label = max(label, utf8.RuneCountInString(c))
		for _, r := range p.rows {
			for _, l := range strings.Split(r[i], "\n") {
				value = max(value, utf8.RuneCountInString(l))
			}
		}
	}
	var b strings.Builder
	b.WriteString(p.title + "\n")
	for n, r := range p.rows {
		switch s.border {
		case 0:
			fmt.Fprintf(&b, "* Record %-*d\n", label+value, n+1)
		case 1:
			fmt.Fprintf(&b, "%s[ RECORD %d ]%s\n", dash, n+1, strings.Repeat(dash, value))
		case 2:
			fmt.Fprintf(&b, "+%s[ RECORD %d ]%s+%s+\n", dash, n+1, dash, strings.Repeat(dash, value))
		}
		for i, c := range p.columns {
			lines := strings.Split(r[i], "\n")
			for j, l := range lines {
				name := c
				if j > 0 {
					name = ""
				}
				end := " "
				if j+1 < len(lines) {
					end = mark
				}
				pad := strings.Repeat(" ", max(0, value-utf8.RuneCountInString(l)))
				switch s.border {
				case 0:
					fmt.Fprintf(&b, "%-*s %s%s%s\n", label, name, l, pad, end)
				case 1:
					fmt.Fprintf(&b, "%-*s %s %s%s%s\n", label, name, bar, l, pad, end)
				case 2:
					fmt.Fprintf(&b, "%s %-*s %s %s%s%s%s\n", bar, label, name, bar, l, pad, end, bar)
				}
			}
		}
	}
	if s.border == 2 {
		b.WriteString("+--+--+\n")
	}
	return b.String() + "\n"
}
