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
	// model is a tenant of this kind whose defaults are resolved, without a
	// mistake; nil before there is one, or where each must be resolved by itself.
	model *draft
}

// share is what an entry has in common with others: all but its name.
type share struct {
	indent int // blanks before the name
	rest   string
}

// alike splits a tenant's entry into its name and what it shares with others;
// ok is false for one that must be read by itself.
func alike(c chunk) (name string, s share, ok bool) {
	indent := len(c.text) - len(strings.TrimLeft(c.text, " "))
	name, _, ok = strings.Cut(c.text[indent:], ":")
	if c.section != tenantsSection || !ok || indent == 0 || !plainWord(name) || c.refers() {
		return "", share{}, false
	}
	return name, share{indent, c.text[indent+len(name):]}, true
}

// refers says whether a chunk may have an anchor or an alias in it.
func (c chunk) refers() bool { return strings.ContainsAny(c.text, "&*") }

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
	name, share, ok := alike(c)
	if !ok || name == d.watch {
		return false
	}
	first := d.likes[share]
	if first == nil || len(name) > tenant.MaxName || tenant.Reserved(name) {
		return false
	}
	if _, taken := d.tenantAt[name]; taken {
		return false
	}
	t := *first.draft
	t.moved = moved{line: first.draft.at.line, lines: c.line - first.line, columns: len(name) - len(t.Name)}
	t.Name, t.at.line = name, t.at.line+t.moved.lines
	d.tenantAt[name] = t.at
	d.tenants = append(d.tenants, &t)
	return true
}

// remember keeps a tenant's entry that was just read, from this many mistakes
// and tenants on.
func (d *decoder) remember(c chunk, mistakes, tenants int) {
	_, share, ok := alike(c)
	if !ok || len(d.errs.list) > mistakes || len(d.tenants) != tenants+1 {
		return
	}
	t := d.tenants[tenants]
	// What is shared is never appended to in place.
	t.Home.Schemas, t.Further, t.Logins = slices.Clip(t.Home.Schemas), slices.Clip(t.Further), slices.Clip(t.Logins)
	t.Extensions, t.Settings, t.given = slices.Clip(t.Extensions), slices.Clip(t.Settings), slices.Clip(t.given)
	t.like = &like{draft: t, line: c.line}
	d.likes[share] = t.like
}

// asModel resolves a tenant as the model of its like is, if there is one.
func (t *draft) asModel() bool {
	if t.like == nil || t.like.model == nil {
		return false
	}
	name := t.Name
	t.Tenant = t.like.model.Tenant
	t.Name = name
	if !t.has("database") && t.Own() {
		t.Home.Database = name
	}
	if !t.has("schema") && !t.has("schemas") {
		t.Home.Schemas = []string{name}
	}
	if !t.has("owner") {
		t.Owner = tenant.DefaultOwner(name)
	}
	t.Logins = tenant.DefaultLogins(name, t.Rights)
	return true
}

// beModel makes a tenant that was resolved without a mistake the model of its
// like, where nothing follows from its name but what asModel puts in.
func (t *draft) beModel() {
	if t.like != nil && t.Isolation != tenant.Cluster && !t.has("logins") && !t.has("databases") {
		t.like.model = t
	}
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
