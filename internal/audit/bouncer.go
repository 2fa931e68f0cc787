package audit

import (
	"errors"
	"fmt"
	"strings"
)

// Bouncer is PgBouncer's configuration: pgbouncer.ini with what it includes,
// and userlist.txt.
type Bouncer struct {
	File      string
	Databases []BouncerDatabase
	Settings  map[string]BouncerSetting
	Users     []BouncerUser
	// UsersFile is where the users stand; empty where it was not read.
	UsersFile string
	// Version is PgBouncer's own; empty where nobody told.
	Version string
}

// BouncerDatabase is a line of [databases].
type BouncerDatabase struct {
	Name  string
	Words map[string]string
	Place Place
	Text  string
}

// shown is the line as a report may show it: a password in it is left out.
func (d BouncerDatabase) shown() string {
	if d.Words["password"] == "" {
		return d.Text
	}
	return d.Name + " = … (it holds a password)"
}

// BouncerSetting is a line of [pgbouncer].
type BouncerSetting struct {
	Value string
	Place Place
}

// BouncerUser is a line of userlist.txt, with the kind of its secret only.
type BouncerUser struct {
	Name, Kind string // none, plain, md5, scram-sha-256
	Place      Place
}

// maxBouncerDepth is how deep %include may go, and maxBouncerFiles how many
// files there may be.
const (
	maxBouncerDepth = 10
	maxBouncerFiles = 1000
)

// ParseBouncer reads a pgbouncer.ini. Its errors name the line.
func ParseBouncer(name string, text []byte, read func(string) ([]byte, error)) (*Bouncer, error) {
	p := &bouncerParser{Bouncer: &Bouncer{File: name, Settings: map[string]BouncerSetting{}}, read: read}
	if err := p.file(name, string(text), 0); err != nil {
		return nil, err
	}
	if len(p.Databases) == 0 && len(p.Settings) == 0 {
		return nil, fmt.Errorf("%s:1: this is no pgbouncer.ini: it has neither a [databases] nor a [pgbouncer] section", name)
	}
	return p.Bouncer, nil
}

type bouncerParser struct {
	*Bouncer
	read    func(string) ([]byte, error)
	section string
	files   int
}

func (p *bouncerParser) file(name, text string, depth int) error {
	if p.files++; depth > maxBouncerDepth || p.files > maxBouncerFiles {
		return fmt.Errorf("%s:1: too many files include each other, perhaps in a circle", name)
	}
	n := 0
	for raw := range strings.Lines(text) {
		n++
		if err := p.line(Place{name, n}, strings.TrimSpace(raw), depth); err != nil {
			return err
		}
	}
	return nil
}

func (p *bouncerParser) line(at Place, line string, depth int) error {
	switch {
	case line == "", line[0] == ';', line[0] == '#':
		return nil
	case line[0] == '[' && strings.HasSuffix(line, "]"):
		p.section = strings.ToLower(line[1 : len(line)-1])
		return nil
	case strings.HasPrefix(line, "%include"):
		return p.include(at, strings.TrimSpace(strings.TrimPrefix(line, "%include")), depth)
	}
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		return fmt.Errorf("%s: this is no line of a pgbouncer.ini, such as key = value: %q", at, line)
	}
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	switch p.section {
	case "databases":
		words, err := bouncerWords(value)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		p.Databases = append(p.Databases, BouncerDatabase{strings.Trim(key, `"`), words, at, line})
	case "pgbouncer":
		p.Settings[strings.ToLower(key)] = BouncerSetting{value, at}
	case "users", "peers":
	default:
		return fmt.Errorf("%s: this line stands in no section: [databases] or [pgbouncer] is missing above it", at)
	}
	return nil
}

func (p *bouncerParser) include(at Place, name string, depth int) error {
	if p.read == nil {
		return fmt.Errorf("%s: it includes %s, which was not read", at, name)
	}
	text, err := p.read(name)
	if err != nil {
		return fmt.Errorf("%s: reading what it includes: %w", at, err)
	}
	return p.file(name, string(text), depth+1)
}

// bouncerWords reads key=value words, values quoted with ' where needed.
func bouncerWords(s string) (map[string]string, error) {
	words := map[string]string{}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		key, rest, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("%q is no key=value", s)
		}
		rest = strings.TrimLeft(rest, " \t")
		value, after := "", ""
		if strings.HasPrefix(rest, "'") {
			var b strings.Builder
			i := 1
			for ; i < len(rest); i++ {
				if rest[i] != '\'' {
					b.WriteByte(rest[i])
					continue
				}
				if i+1 < len(rest) && rest[i+1] == '\'' {
					b.WriteByte('\'')
					i++
					continue
				}
				break
			}
			if i >= len(rest) {
				return nil, errors.New("a quote is never closed")
			}
			value, after = b.String(), rest[i+1:]
		} else if i := strings.IndexAny(rest, " \t"); i >= 0 {
			value, after = rest[:i], rest[i:]
		} else {
			value = rest
		}
		words[strings.ToLower(strings.TrimSpace(key))], s = value, after
	}
	return words, nil
}

// ParseUsers reads a userlist.txt. Of the secrets it keeps the kind alone.
func (b *Bouncer) ParseUsers(name string, text []byte) error {
	b.UsersFile = name
	n := 0
	for raw := range strings.Lines(string(text)) {
		n++
		line := strings.TrimSpace(raw)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		user, rest, ok := bouncerQuoted(line)
		secret, _, ok2 := bouncerQuoted(strings.TrimSpace(rest))
		if !ok || !ok2 {
			return fmt.Errorf("%s:%d: this is no line of a userlist.txt, such as \"user\" \"secret\"", name, n)
		}
		kind := "plain"
		switch {
		case secret == "":
			kind = "none"
		case strings.HasPrefix(secret, "md5") && len(secret) == 35:
			kind = "md5"
		case strings.HasPrefix(secret, "SCRAM-SHA-256$"):
			kind = "scram-sha-256"
		}
		b.Users = append(b.Users, BouncerUser{user, kind, Place{name, n}})
	}
	return nil
}

func bouncerQuoted(s string) (word, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, `"`)
	if !ok {
		return "", "", false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", "", false
}
