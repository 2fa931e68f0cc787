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
	model *tenant.Tenant
}

// entry is a tenant where it stands in the file.
type entry struct {
	name  string
	at    position // of its name
	draft *draft   // as it is written, or as another of its like is
	moved moved    // where that was read
}

// place is where the entry sets a key, or else where its name stands.
func (e *entry) place(key string) position {
	t := draft{at: e.at, given: e.draft.given, moved: e.moved}
	return t.place(key)
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
	t := first.draft
	e := entry{name: name, at: t.at, draft: t, moved: moved{line: t.at.line, lines: c.line - first.line, columns: len(name) - len(t.Name)}}
	e.at.line += e.moved.lines
	d.tenantAt[name] = e.at
	d.tenants = append(d.tenants, e)
	return true
}

// remember keeps a tenant's entry that was just read, from this many mistakes
// and tenants on.
func (d *decoder) remember(c chunk, mistakes, tenants int) {
	_, share, ok := alike(c)
	if !ok || len(d.errs.list) > mistakes || len(d.tenants) != tenants+1 {
		return
	}
	t := d.tenants[tenants].draft
	// What is shared is never appended to in place.
	t.Home.Schemas, t.Further, t.Logins = slices.Clip(t.Home.Schemas), slices.Clip(t.Further), slices.Clip(t.Logins)
	t.Extensions, t.Settings, t.given = slices.Clip(t.Extensions), slices.Clip(t.Settings), slices.Clip(t.given)
	t.like = &like{draft: t, line: c.line}
	d.likes[share] = t.like
}

// settle makes the tenant of an entry, with all that it does not say itself.
func (d *decoder) settle(e *entry, as *tenant.Tenant) {
	if t := e.draft; t.like != nil && t.like.model != nil {
		*as = *t.like.model
		as.Name = e.name
		t.follow(as)
		return
	}
	t := *e.draft
	t.Name, t.at, t.moved = e.name, e.at, e.moved
	before := len(d.errs.list)
	d.resolve(&t)
	if len(d.errs.list) == before {
		t.beModel()
	}
	*as = t.Tenant
}

// beModel makes a tenant that was resolved without a mistake the model of its
// like, where no more follows from its name than what follow gives.
func (t *draft) beModel() {
	if t.like != nil && t.Isolation != tenant.Cluster && !t.has("logins") && !t.has("databases") {
		t.like.model = &t.Tenant
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
