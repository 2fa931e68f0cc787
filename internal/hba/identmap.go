package hba

import (
	"fmt"
	"strings"
)

// IdentFile is a parsed pg_ident.conf: which name from outside of the server (an
// operating system's user, a certificate's common name, a principal) may log in
// as which role.
type IdentFile struct {
	Name  string
	Major int
	Lines []*IdentLine
	// Errors are the mistakes for which the server refuses the file, and keeps
	// the maps that it had before.
	Errors []*Error
	// Unresolved says that it includes a file that was not read.
	Unresolved bool

	patterns patterns
	maps     map[string][]*IdentLine
}

// IdentLine is one line of a map.
type IdentLine struct {
	File string
	Line int
	Text string // as written, joined to one line
	Map  string
	// System is who comes: a name, or with a slash before it a regular
	// expression.
	System Token
	// Role is whom it may be: a name, in which \1 stands for the first
	// parentheses of the expression; since 16 also all, +group, or a regular
	// expression.
	Role Token

	patterns patterns
	major    int
}

// ParseIdent reads the text of a pg_ident.conf, by the rules of parse_ident_line
// in hba.c. What is wrong with it is in its Errors.
func ParseIdent(name string, text []byte, opts Options) *IdentFile {
	p := &parser{opts: opts, major: opts.major(), patterns: patterns{}}
	f := &IdentFile{Name: name, Major: p.major, patterns: p.patterns, maps: map[string][]*IdentLine{}}
	for _, l := range p.tokenize(name, string(text), 0).entries(nil) {
		f.Unresolved = f.Unresolved || l.Unresolved || l.Include != nil && l.Include.Unresolved
		if l.Include == nil && len(l.Errors) == 0 && !l.Unresolved {
			p.identLine(f, l)
		}
		f.Errors = append(f.Errors, l.Errors...)
	}
	return f
}

func (p *parser) identLine(f *IdentFile, l *Line) {
	var words [3]Token
	for i := range words {
		switch {
		case i >= len(l.Fields):
			last := l.Fields[len(l.Fields)-1]
			l.fail(last[len(last)-1], "missing entry at end of line", "a line is: MAP SYSTEM-USER ROLE")
			return
		case len(l.Fields[i]) > 1:
			l.fail(l.Fields[i][1], "multiple values in ident field", "")
			return
		}
		words[i] = l.Fields[i][0]
	}
	for i, t := range words {
		if i == 0 || !strings.HasPrefix(t.Text, "/") || i == 2 && p.major < 16 {
			continue
		}
		words[i].Regex = true
		re := p.patterns.compile(t.Text[1:])
		p.patterns[t.Text[1:]] = re
		if re.invalid != "" {
			l.fail(t, fmt.Sprintf("invalid regular expression %s: %s", quoted(t.Text[1:]), re.invalid), "")
			return
		}
	}
	line := &IdentLine{File: l.File, Line: l.Number, Text: strings.TrimSpace(oneLine(l.Raw)),
		Map: words[0].Text, System: words[1], Role: words[2], patterns: p.patterns, major: p.major}
	f.Lines, f.maps[line.Map] = append(f.Lines, line), append(f.maps[line.Map], line)
}

// Of are the lines of one map.
func (f *IdentFile) Of(name string) []*IdentLine { return f.maps[name] }

// May says whether somebody whom the line is for may log in as a role, and
// whether that can be told at all: of some regular expressions it cannot.
func (l *IdentLine) May(role string, env Env) (may, certain bool) {
	t := l.Role
	switch group, ok := t.Group(); {
	case t.Regex:
		re := l.patterns.compile(t.Text[1:])
		return re.unknown == "" && re.match(role), re.unknown == ""
	case l.major >= 16 && ok && !l.Captures():
		v := env.member(role, group, "role")
		return v.answer == yes, v.answer != unknown
	case l.major >= 16 && t.Is("all"):
		return true, true
	case l.Captures():
		return l.captures(role)
	}
	return t.Text == role, true
}

// Admits says whether a name from outside may log in as a role by the line.
func (l *IdentLine) Admits(system, role string, env Env) (admits, certain bool) {
	if !l.System.Regex {
		may, certain := l.May(role, env)
		return may && system == l.System.Text, certain
	}
	re := l.patterns.compile(l.System.Text[1:])
	if re.unknown != "" {
		return false, false
	}
	m := re.re.FindStringSubmatch(latin1(system))
	if m == nil {
		return false, true
	}
	if l.Captures() {
		return len(m) > 1 && strings.Replace(latin1(l.Role.Text), `\1`, m[1], 1) == latin1(role), true
	}
	return l.May(role, env)
}

// Captures says whether the role is made of what the expression found.
func (l *IdentLine) Captures() bool {
	return l.System.Regex && !l.Role.Regex && strings.Contains(l.Role.Text, `\1`)
}

// captures says whether the first parentheses of the expression can find what
// makes the role's name.
func (l *IdentLine) captures(role string) (may, certain bool) {
	before, after, _ := strings.Cut(l.Role.Text, `\1`)
	rest, begins := strings.CutPrefix(role, before)
	found, ends := strings.CutSuffix(rest, after)
	if !begins || !ends {
		return false, true
	}
	group, ok := firstGroup(l.System.Text[1:])
	if !ok {
		return false, false
	}
	re := compileRegex("^(" + group + ")$")
	if re.unknown != "" || re.invalid != "" {
		return false, false
	}
	return re.match(found), true
}

// firstGroup is what stands in the first parentheses of an expression.
func firstGroup(pattern string) (string, bool) {
	start, depth := -1, 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '[': // what stands in brackets may be parentheses
			if i = bracketEnd(pattern, i); i < 0 {
				return "", false
			}
		case c == '(' && start < 0:
			if strings.HasPrefix(pattern[i:], "(?") {
				return "", false
			}
			start, depth = i+1, 1
		case c == '(' && start >= 0:
			depth++
		case c == ')' && start >= 0:
			if depth--; depth == 0 {
				return pattern[start:i], true
			}
		}
	}
	return "", false
}

// bracketEnd is where a bracket expression ends that begins at i; -1 where it
// does not.
func bracketEnd(pattern string, i int) int {
	i++
	if i < len(pattern) && pattern[i] == '^' {
		i++
	}
	for first := i; i < len(pattern); i++ {
		switch {
		case pattern[i] == ']' && i > first:
			return i
		case pattern[i] == '[' && i+1 < len(pattern) && strings.IndexByte(":.=", pattern[i+1]) >= 0:
			end := strings.Index(pattern[i+2:], pattern[i+1:i+2]+"]")
			if end < 0 {
				return -1
			}
			i += end + 3
		}
	}
	return -1
}

// Anchored says whether a regular expression is for whole names: it begins with
// ^ and ends with $. Otherwise it is for every name with such a part in it.
func (l *IdentLine) Anchored() bool {
	text := l.System.Text[1:]
	return strings.HasPrefix(text, "^") && strings.HasSuffix(text, "$") && !strings.HasSuffix(text, `\$`) && !strings.Contains(text, "|")
}
