package hba

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// regex is a pattern of a database or user column. The server has POSIX
// advanced regular expressions, unanchored; Go's are close, but not the same.
// What they share is translated; for the rest the answer is "unknown", with
// the reason, and never a guess.
type regex struct {
	re      *regexp.Regexp
	invalid string // the server refuses it, with this message
	unknown string // why Go cannot judge it
}

// match tells whether a name matches. The server compares bytes here: it
// reads pg_hba.conf, and names before login, without any encoding.
func (r regex) match(name string) bool { return r.re.MatchString(latin1(name)) }

// latin1 makes each byte a character of its own.
func latin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// patterns are the compiled regular expressions of a file, by their text.
type patterns map[string]regex

// compile returns a compiled pattern. It only reads the map, so that one File
// may be asked by many at once.
func (p patterns) compile(pattern string) regex {
	if re, ok := p[pattern]; ok {
		return re
	}
	return compileRegex(pattern)
}

func compileRegex(pattern string) regex {
	t := &areTranslator{in: pattern}
	t.translate()
	if t.invalid == "" && t.unknown == "" {
		re, err := regexp.Compile("(?s)" + t.out.String())
		if err == nil {
			return regex{re: re}
		}
		t.unknown = fmt.Sprintf("Go's regexp package: %v", err)
	}
	return regex{invalid: t.invalid, unknown: t.unknown}
}

// areTranslator turns a POSIX ARE into Go's syntax, as far as both have it.
type areTranslator struct {
	in      string
	pos     int
	out     strings.Builder
	depth   int
	operand bool // a quantifier may follow
	invalid string
	unknown string
}

func (t *areTranslator) translate() {
	if strings.HasPrefix(t.in, "***") {
		t.unknown = "it begins with a *** director"
		return
	}
	if strings.HasPrefix(t.in, "(?") && len(t.in) > 2 && t.in[2] >= 'a' && t.in[2] <= 'z' {
		t.unknown = "it begins with embedded options"
		return
	}
	for t.pos < len(t.in) && t.invalid == "" && t.unknown == "" {
		t.step()
	}
	if t.depth > 0 && t.invalid == "" && t.unknown == "" {
		t.invalid = "parentheses () not balanced"
	}
}

func (t *areTranslator) step() {
	c := t.in[t.pos]
	switch c {
	case '\\':
		t.escape()
	case '[':
		t.bracket()
	case '(':
		t.open()
	case ')':
		if t.depth == 0 {
			t.invalid = "parentheses () not balanced"
		}
		t.depth--
		t.emit(")", true)
	case '*', '+', '?':
		t.quantifier(string(c))
	case '{':
		t.bound()
	case '|', '^':
		t.emit(string(c), false)
	case '$':
		t.emit(`$`, false)
	case '.':
		t.emit(".", true)
	default:
		t.emit(regexp.QuoteMeta(latin1(t.in[t.pos:t.pos+1])), true)
	}
}

// emit writes what one byte of the pattern means, and steps over it.
func (t *areTranslator) emit(s string, operand bool) {
	t.out.WriteString(s)
	t.operand = operand
	t.pos++
}

func (t *areTranslator) open() {
	rest := t.in[t.pos:]
	if strings.HasPrefix(rest, "(?:") {
		t.pos += 2
		t.depth++
		t.emit("(?:", false)
		return
	}
	if strings.HasPrefix(rest, "(?") {
		t.unknown = "it looks ahead or behind"
		return
	}
	t.depth++
	t.emit("(", false)
}

func (t *areTranslator) quantifier(s string) {
	if !t.operand {
		t.invalid = "quantifier operand invalid"
		return
	}
	t.emit(s, false)
	if t.pos < len(t.in) && t.in[t.pos] == '?' { // non-greedy: the same names match
		t.pos++
	}
}

// bound reads {m}, {m,} and {m,n}; a { before anything but a digit is itself.
func (t *areTranslator) bound() {
	rest := t.in[t.pos+1:]
	if rest == "" || rest[0] < '0' || rest[0] > '9' {
		t.emit(`\{`, true)
		return
	}
	inside, _, closed := strings.Cut(rest, "}")
	low, high, comma := strings.Cut(inside, ",")
	m, err := strconv.Atoi(low)
	n := m
	if comma && high != "" && err == nil {
		n, err = strconv.Atoi(high)
	}
	if !closed || err != nil || m > 255 || n > 255 || n < m {
		t.unknown = "its {bound} is no plain one"
		return
	}
	t.pos += len(inside) + 1
	t.quantifier("{" + inside + "}")
}

// escape translates the backslash sequences that mean the same in both.
func (t *areTranslator) escape() {
	if t.pos+1 == len(t.in) {
		t.invalid = "invalid escape \\ sequence"
		return
	}
	c := t.in[t.pos+1]
	t.pos++
	switch {
	case strings.IndexByte("dwsDWS", c) >= 0:
		class := map[byte]string{'s': `[\t-\r ]`, 'S': `[^\t-\r ]`}[c] // Go's \s lacks \v
		if class == "" {
			class = `\` + string(c)
		}
		t.emit(class, true)
	case c == 'A':
		t.emit(`\A`, false)
	case c == 'Z':
		t.emit(`\z`, false)
	case c == 'y':
		t.emit(`\b`, false)
	case c == 'Y':
		t.emit(`\B`, false)
	case isAlnum(c):
		t.unknown = fmt.Sprintf(`it has the escape \%c, which Go's regexp package has not, or otherwise`, c)
	default:
		t.emit(regexp.QuoteMeta(latin1(string([]byte{c}))), true)
	}
}

// bracket translates a plain bracket expression. Collating elements,
// equivalence classes, word-boundary brackets and escapes are left unknown.
func (t *areTranslator) bracket() {
	i := t.pos + 1
	if i < len(t.in) && t.in[i] == '^' {
		i++
	}
	for first := true; ; first = false {
		if i >= len(t.in) {
			t.invalid = "brackets [] not balanced"
			return
		}
		if t.in[i] == ']' && !first {
			break
		}
		if strings.HasPrefix(t.in[i:], "[:") {
			end := strings.Index(t.in[i+2:], ":]")
			if end < 0 || !posixClass(t.in[i+2:i+2+end]) {
				t.unknown = "it has a character class that Go has not"
				return
			}
			i += end + 4
			continue
		}
		n := bracketItem(t.in[i:])
		if n == 0 {
			t.unknown = "it has an unusual bracket expression"
			return
		}
		i += n
	}
	t.out.WriteString(t.in[t.pos:i])
	t.pos = i
	t.emit("]", true)
}

// bracketItem is the length of the plain character or range at the start of s,
// or 0 when it is something else.
func bracketItem(s string) int {
	switch c := s[0]; {
	case c == '[' || c == '\\' || c >= 0x80:
		return 0
	case c == '-' && !strings.HasPrefix(s, "-]"):
		return 0
	case len(s) < 3 || s[1] != '-' || s[2] == ']':
		return 1
	case isAlnum(c) && isAlnum(s[2]) && c <= s[2]:
		return 3
	}
	return 0
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func posixClass(name string) bool {
	switch name {
	case "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit":
		return true
	}
	return false
}
