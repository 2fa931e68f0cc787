package spec

import (
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// Of ten thousand tenants most are written alike, but for the name. An entry
// whose text behind the name was read before, and was without a mistake, says
// of its tenant what the first of its like says of its own.

// like is the first entry of its like.
type like struct {
	draft *draft
	line  int // of its chunk
}

// alike splits a tenant's entry into its name and what it shares with others;
// ok is false for one that must be read by itself.
func alike(c chunk) (name, rest string, ok bool) {
	indent := len(c.text) - len(strings.TrimLeft(c.text, " "))
	name, _, ok = strings.Cut(c.text[indent:], ":")
	if c.section != "tenants" || !ok || indent == 0 || !plainWord(name) || strings.ContainsAny(c.text, "&*") {
		return "", "", false
	}
	return name, c.text[:indent] + c.text[indent+len(name):], true
}

// plainWord says whether a name is one of a tenant's that YAML takes for text.
func plainWord(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != "" && !slices.Contains([]string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}, name)
}

// repeat takes an entry that is like one before. It must not be the one whose
// value is watched, nor have a name that was taken.
func (d *decoder) repeat(c chunk) bool {
	name, rest, ok := alike(c)
	first := d.likes[rest]
	if !ok || first == nil || name == d.watch || len(name) > tenant.MaxName || tenant.Reserved(name) {
		return false
	}
	path := "tenants." + name
	if _, taken := d.byName[path]; taken {
		return false
	}
	t := *first.draft
	t.moved = moved{line: first.draft.at.line, lines: c.line - first.line, columns: len(name) - len(t.Name)}
	t.Name, t.at.line = name, t.at.line+t.moved.lines
	d.byName[path] = t.at
	d.tenants = append(d.tenants, &t)
	return true
}

// remember keeps a tenant's entry that was just read, from this many mistakes
// and tenants on.
func (d *decoder) remember(c chunk, mistakes, tenants int) {
	_, rest, ok := alike(c)
	if !ok || len(d.errs.list) > mistakes || len(d.tenants) != tenants+1 {
		return
	}
	t := d.tenants[tenants]
	// What is shared is never appended to in place.
	t.Home.Schemas, t.Further, t.Logins = slices.Clip(t.Home.Schemas), slices.Clip(t.Further), slices.Clip(t.Logins)
	t.Extensions, t.Settings, t.given = slices.Clip(t.Extensions), slices.Clip(t.Settings), slices.Clip(t.given)
	d.likes[rest] = &like{draft: t, line: c.line}
}

// moved is how far an entry stands from the first of its like.
type moved struct {
	line           int // of the first one's name
	lines, columns int
}

func (m moved) place(at position) position {
	if at.line == m.line {
		at.column += m.columns
	}
	at.line += m.lines
	return at
}
