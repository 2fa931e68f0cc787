// Package term is the look of landlord's output on a terminal: colours,
// tables, progress, questions and errors. What renders is pure: it is told
// the width and whether there are colours ([Look]), and returns a string.
package term

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	"golang.org/x/term"
)

// Look is what rendering depends on. Its zero value is plain ASCII of any
// width, without colours.
type Look struct {
	Terminal bool // somebody is watching
	Color    bool
	Unicode  bool // lines and bars may be drawn with more than ASCII
	Width    int  // in columns; 0 is unlimited
}

// DefaultWidth is the width of a terminal that does not tell.
const DefaultWidth = 80

// LookOf says what the writer is: colours and a limited width only on a
// terminal, no colours where NO_COLOR is set (no-color.org) or TERM is dumb,
// box drawing where the locale is UTF-8.
func LookOf(w io.Writer, getenv func(string) string) Look {
	l := Look{Unicode: unicodeLocale(getenv)}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return l
	}
	l.Terminal = getenv("TERM") != "dumb"
	l.Color = l.Terminal && getenv("NO_COLOR") == ""
	l.Width = DefaultWidth
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		l.Width = width
	} else if width, err := strconv.Atoi(getenv("COLUMNS")); err == nil && width > 0 {
		l.Width = width
	}
	return l
}

// unicodeLocale reads the locale's character set as POSIX has it: the first
// variable that is set decides.
func unicodeLocale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToUpper(getenv(name)); v != "" {
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}

// Tone is what a piece of text means to the reader.
type Tone int

// The tones. Every tone is told by words too: colour only repeats them.
const (
	Plain  Tone = iota
	Good        // held, applied
	Bad         // ESCAPED, failed
	Warn        // exposed, not tried
	Dim         // less important
	Strong      // headings, names
)

// renderer never looks at the real standard output: what is known of it
// stands in the Look.
func (l Look) renderer() *lipgloss.Renderer {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.Ascii)
	if l.Color {
		r.SetColorProfile(termenv.ANSI)
	}
	return r
}

// style uses the terminal's own sixteen colours, which its owner has chosen
// to be readable on its background.
func style(r *lipgloss.Renderer, t Tone) lipgloss.Style {
	s := r.NewStyle()
	switch t {
	case Good:
		return s.Foreground(lipgloss.Color("2"))
	case Bad:
		return s.Foreground(lipgloss.Color("1")).Bold(true)
	case Warn:
		return s.Foreground(lipgloss.Color("3"))
	case Dim:
		return s.Faint(true)
	case Strong:
		return s.Bold(true)
	}
	return s
}

// Paint gives a text its tone's colour, line by line. The text is cleaned.
func (l Look) Paint(t Tone, text string) string {
	s := style(l.renderer(), t)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = s.Render(Clean(line))
		}
	}
	return strings.Join(lines, "\n")
}

// Clean writes control characters, bidirectional overrides and the like as
// escapes: names on a foreign server may hold any, and a terminal would obey.
func Clean(s string) string {
	ok := func(r rune) bool { return r == ' ' || r != unicode.ReplacementChar && unicode.IsPrint(r) }
	if strings.IndexFunc(s, func(r rune) bool { return !ok(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case ok(r):
			b.WriteRune(r)
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], "\uFFFD"):
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i]), 16))
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}
