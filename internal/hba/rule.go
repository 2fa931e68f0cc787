package hba

import (
	"fmt"
	"strings"
)

// parseRule makes a rule of a line's fields (parse_hba_line). The server stops
// at a line's first mistake; this goes on wherever what follows can still be
// told apart, so that all of them show at once.
func (p *parser) parseRule(l *Line) {
	r := &ruleParser{parser: p, line: l, rule: &Rule{File: l.File, Line: l.Number, Text: strings.TrimSpace(oneLine(l.Raw))}}
	if r.parse(); len(l.Errors) == 0 {
		l.Rule = r.rule
	}
}

type ruleParser struct {
	*parser
	line *Line
	rule *Rule
	used int // fields read so far
}

func (r *ruleParser) parse() {
	if !r.connType() || !r.databases() || !r.users() {
		return
	}
	if r.rule.Type != Local && !r.address() {
		return
	}
	if r.method() {
		r.options()
	}
}

func (r *ruleParser) fail(at Token, hint, format string, args ...any) {
	r.line.fail(at, fmt.Sprintf(format, args...), hint)
}

func (r *ruleParser) warn(at Token, hint, format string, args ...any) {
	r.warnings = append(r.warnings, r.line.problem(at, fmt.Sprintf(format, args...), hint))
}

// next returns the next field, or complains that the line ends before what.
func (r *ruleParser) next(what string) (Field, bool) {
	if r.used == len(r.line.Fields) {
		r.fail(r.last(), r.missingHint(), "end-of-line before %s", what)
		return nil, false
	}
	r.used++
	return r.line.Fields[r.used-1], true
}

// one returns the next field's only word.
func (r *ruleParser) one(missing, several, hint string) (Token, bool) {
	field, ok := r.next(missing)
	if !ok {
		return Token{}, false
	}
	if len(field) > 1 {
		r.fail(field[1], hint, "multiple values specified for %s", several)
	}
	return field[0], true
}

func (r *ruleParser) last() Token {
	field := r.line.Fields[max(r.used-1, 0)]
	return field[len(field)-1]
}

// missingHint guesses why a line is too short: mostly the address is missing,
// and the method stands in its place.
func (r *ruleParser) missingHint() string {
	if word := r.last().Text; r.rule.Type != Local && r.used >= 4 && isMethod(word, r.major) {
		return fmt.Sprintf("%q stands where the address belongs", word)
	}
	if r.rule.Type == Local {
		return "a local line is: local DATABASE USER METHOD"
	}
	return fmt.Sprintf("a %s line is: %[1]s DATABASE USER ADDRESS METHOD", r.rule.Type)
}

var connTypes = []string{"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}

func (r *ruleParser) connType() bool {
	t, ok := r.one("connection type", "connection type", "Specify exactly one connection type per line.")
	if !ok {
		return false
	}
	for _, c := range connTypes {
		if t.Text == c {
			r.rule.Type = ConnType(c)
			return true
		}
	}
	meant := nearest(t.Text, connTypes)
	r.fail(t, r.connTypeHint(t, meant), "invalid connection type %s", quoted(t.Text))
	r.rule.Type = ConnType(meant)
	return meant != "" // go on as if it had been written right
}

func (r *ruleParser) connTypeHint(t Token, meant string) string {
	switch {
	case strings.HasPrefix(t.Text, "\ufeff"):
		return "the file begins with a byte-order mark; save it as UTF-8 without one"
	case strings.HasPrefix(t.Text, "include") && r.major < 16:
		return "PostgreSQL knows include directives from 16 on"
	case strings.HasPrefix(t.Text, "include"):
		return "an include directive is followed by exactly one file name"
	case strings.HasPrefix(t.Text, "//") || strings.HasPrefix(t.Text, "--") || strings.HasPrefix(t.Text, ";"):
		return "a comment begins with #"
	}
	return didYouMean(meant)
}

func (r *ruleParser) databases() bool {
	field, ok := r.next("database specification")
	if !ok {
		return false
	}
	r.rule.Databases = field
	r.names(field, "database", "all", "sameuser", "samerole", "samegroup", "replication")
	for _, t := range field {
		if group, ok := t.Group(); ok {
			r.warn(t, "", "matches only a database named %q: + means members of a role only in the user column", "+"+group)
		}
	}
	return true
}

func (r *ruleParser) users() bool {
	field, ok := r.next("role specification")
	if !ok {
		return false
	}
	r.rule.Users = field
	r.names(field, "role", "all")
	for _, t := range field {
		if t.Is("sameuser") || t.Is("samerole") || t.Is("samegroup") || t.Is("replication") {
			r.warn(t, "it is a keyword in the database column only", "matches only a role named %q", t.Text)
		}
	}
	return true
}

// names checks what names of databases and roles have in common.
func (r *ruleParser) names(field Field, what string, keywords ...string) {
	for i, t := range field {
		lower := strings.ToLower(t.Text)
		for _, k := range keywords {
			if !t.Quoted && lower == k && t.Text != k {
				r.warn(t, "keywords are written in small letters", "matches only a %s named %q", what, t.Text)
			}
		}
		if !strings.HasPrefix(t.Text, "/") {
			continue
		}
		if r.major < 16 {
			r.warn(t, "PostgreSQL knows regular expressions here from 16 on", "matches only a %s named %q", what, t.Text)
			continue
		}
		field[i].Regex = true
		re := r.patterns.compile(t.Text[1:])
		r.patterns[t.Text[1:]] = re
		if re.invalid != "" {
			r.fail(t, "", "invalid regular expression %s: %s", quoted(t.Text[1:]), re.invalid)
		}
	}
}

func (r *ruleParser) method() bool {
	t, ok := r.one("authentication method", "authentication type", "Specify exactly one authentication type per line.")
	if !ok {
		return false
	}
	r.rule.Method = Method(t.Text)
	switch {
	case !isMethod(t.Text, r.major):
		r.fail(t, r.methodHint(t), "invalid authentication method %s", quoted(t.Text))
		return false
	case t.Text == "sspi" || t.Text == "bsd":
		r.fail(t, "", "invalid authentication method %s: not supported by this build", quoted(t.Text))
	case r.rule.Type == Local && t.Text == "ident":
		r.rule.Method = Peer
	case r.rule.Type == Local && t.Text == "gss":
		r.fail(t, "", "gssapi authentication is not supported on local sockets")
	case r.rule.Type != Local && t.Text == "peer":
		r.fail(t, "over TCP the server cannot ask the kernel who the client is; use scram-sha-256", "peer authentication is only supported on local sockets")
	case r.rule.Type != HostSSL && t.Text == "cert":
		r.fail(t, "write hostssl in the first column", "cert authentication is only supported on hostssl connections")
	case t.Text == "md5" && r.major >= 18:
		r.warn(t, "use scram-sha-256", "md5 is deprecated since PostgreSQL 18")
	}
	return true
}

func (r *ruleParser) methodHint(t Token) string {
	if t.Text == "oauth" {
		return "PostgreSQL knows oauth from 18 on"
	}
	if _, ok := numericHost(t.Text); ok {
		if r.rule.Type == Local {
			return "a local line has no address; did you mean host?"
		}
		return "a netmask follows only an address without /bits"
	}
	return didYouMean(nearest(t.Text, methods(r.major)))
}

func methods(major int) []string {
	m := []string{"trust", "reject", "scram-sha-256", "md5", "password", "peer", "ident", "cert", "gss", "ldap", "radius", "pam", "sspi", "bsd"}
	if major >= 18 {
		m = append(m, "oauth")
	}
	return m
}

func isMethod(word string, major int) bool {
	for _, m := range methods(major) {
		if m == word {
			return true
		}
	}
	return false
}
