package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/tenant"
)

// decoder turns nodes into drafts of servers and tenants, and reports what
// does not fit the table of keys.
type decoder struct {
	errs     *collector
	servers  []tenant.Server
	tenants  []entry
	byName   map[string]position // of servers, their pools, and admins, by path
	tenantAt map[string]position
	admins   []adminDraft
	host     tenant.Host
	secrets  tenant.Secrets
	journal  tenant.Journal
	audit    tenant.Audit
	router   *tenant.Router
	defaults draft
	profiles map[string]*draft
	sections map[string]position // top-level keys
	broken   bool                // a chunk could not be read: what is missing may stand there
	watch    string              // the tenant whose value is kept
	watched  *node
	likes    map[share]*like // tenants' entries
	whole    string          // the file
	chunks   []chunk         // of it
}

// newDecoder makes a decoder for a file that is cut into chunks.
func newDecoder(errs *collector, chunks []chunk) *decoder {
	return &decoder{errs: errs, chunks: chunks, byName: map[string]position{}, tenantAt: make(map[string]position, len(chunks)), tenants: make([]entry, 0, len(chunks)),
		sections: map[string]position{}, profiles: map[string]*draft{}, likes: map[share]*like{}}
}

// tenantsSection is the top-level key whose entries are tenants.
const tenantsSection = "tenants"

// chunk decodes a chunk; n is nil when it was empty or, unless ok, broken.
func (d *decoder) chunk(c chunk, n *node, ok bool) {
	switch {
	case !ok:
		d.broken = d.broken || c.section != tenantsSection
	case n == nil:
	case n.kind != mapping:
		d.errs.add(n.at, c.section, fmt.Sprintf("wants a key with a colon behind it, found %s", n.kind))
		d.broken = d.broken || c.section != tenantsSection
	case c.section == "":
		d.mapping(n, "", "", d.section)
	default:
		d.entries(c.section, n)
	}
}

func (d *decoder) section(key, _ string, at position, v *node) {
	if first, twice := d.sections[key]; twice {
		d.errs.add(at, key, fmt.Sprintf("given twice: first on line %d", first.line))
	}
	d.sections[key] = at
	switch key {
	case "servers", tenantsSection:
		if d.is(v, mapping, key) {
			d.entries(key, v)
		}
	case "admins":
		d.mapping(v, key, key, d.admin)
	case "host":
		d.readHost(v)
	case "secrets":
		d.readSecrets(at, v)
	case "journal":
		d.readJournal(v)
	case "audit":
		d.readAudit(v)
	case "router":
		d.readRouter(at, v)
	case "profiles":
		d.mapping(v, key, key, d.profileNamed)
	case "defaults":
		d.defaults = draft{at: at}
		d.mapping(v, key, key, func(k, path string, at position, v *node) { d.house(&d.defaults, k, path, at, v) })
	}
}

// entries decodes the entries of servers or tenants.
func (d *decoder) entries(section string, n *node) {
	for _, p := range n.pairs {
		name, path := p.key.text, join(section, p.key.text)
		if p.key.kind != text {
			d.errs.add(p.key.at, path, fmt.Sprintf("the name is %s to YAML: write it in quotes", p.key.kind))
			continue
		}
		known, by := d.byName, path
		if section == tenantsSection {
			known, by = d.tenantAt, name
		}
		first := p.first
		if at, seen := known[by]; seen {
			first = at.line
		}
		if first > 0 {
			d.errs.add(p.key.at, path, fmt.Sprintf("given twice: first on line %d", first))
		}
		switch section {
		case "servers":
			s := d.server(name, path, p.key.at, p.value)
			if first == 0 {
				d.servers = append(d.servers, s)
			}
		case tenantsSection:
			if name == d.watch {
				d.watched = p.value
			}
			t := d.tenant(name, path, p.key.at, p.value)
			if first == 0 {
				d.tenants = append(d.tenants, entry{name: name, at: p.key.at, draft: t})
			}
		}
		if first == 0 {
			known[by] = p.key.at
		}
	}
}

// visit is called for each known key of a mapping.
type visit func(key, path string, at position, v *node)

// mapping calls each for the keys of n that the table knows below def, and
// reports the others. Nothing ("limits:") is an empty mapping.
func (d *decoder) mapping(n *node, path, def string, each visit) {
	if !d.is(n, mapping, path) {
		return
	}
	known := children[def]
	free := slices.Contains(known, "NAME")
	if free && len(known) > 1 { // a key that is not known is a name if it is a mapping's
		known = slices.DeleteFunc(slices.Clone(known), func(key string) bool { return key == "NAME" })
	}
	for _, p := range n.pairs {
		at := join(path, p.key.text)
		switch {
		case p.first > 0:
			d.errs.add(p.key.at, at, fmt.Sprintf("given twice: first on line %d", p.first))
		case slices.Equal(known, anyName):
			each(p.key.text, at, p.key.at, p.value)
		case !slices.Contains(known, p.key.text) && !(free && p.value.kind == mapping):
			d.unknown(p.key, at, known)
		default:
			each(p.key.text, at, p.key.at, p.value)
		}
	}
}

// anyName are the children of a mapping whose keys are free.
var anyName = []string{"NAME"}

func (d *decoder) unknown(key *node, path string, known []string) {
	suggestion := didYouMean(key.text, known)
	message := "unknown key"
	if suggestion == "" {
		message += ": known are " + strings.Join(known, ", ")
	}
	d.errs.suggest(key.at, path, message, suggestion)
}

// is says whether n is of the kind; anything else but nothing is reported.
func (d *decoder) is(n *node, k kind, path string) bool {
	if n.kind != k && n.kind != null {
		d.errs.add(n.at, path, fmt.Sprintf("wants %s, found %s", k, n.kind))
	}
	return n.kind == k
}

var simple = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// join adds a key to a path, quoted where it would be taken for something else.
func join(path, key string) string {
	if !plainWord(key) && !simple.MatchString(key) && !dotted.MatchString(key) {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// text reads a scalar that must be text, not a number or a truth value.
func (d *decoder) text(n *node, path string) (string, bool) {
	switch n.kind {
	case text:
		return n.text, true
	case number, boolean:
		d.errs.suggest(n.at, path, fmt.Sprintf("wants text, found %s", n.kind), fmt.Sprintf("did you mean %q, in quotes?", n.text))
	default:
		d.errs.add(n.at, path, fmt.Sprintf("wants text, found %s", n.kind))
	}
	return "", false
}

// checked reads text that a rule allows.
func (d *decoder) checked(n *node, path string, rule func(string) error) (string, bool) {
	s, ok := d.text(n, path)
	if !ok {
		return "", false
	}
	if err := rule(s); err != nil {
		d.wrong(n, path, err)
		return "", false
	}
	return s, true
}

// wrong reports an error of a rule, with the suggestion that it may carry.
func (d *decoder) wrong(n *node, path string, err error) {
	suggestion := ""
	if e, ok := errors.AsType[*unitError](err); ok {
		suggestion = e.suggestion
	}
	if e, ok := errors.AsType[*wordError](err); ok {
		suggestion = didYouMean(e.word, connectionWords)
	}
	d.errs.suggest(n.at, path, err.Error(), suggestion)
}

// list reads a list of texts that a rule allows; what is wrong is left out.
func (d *decoder) list(n *node, path string, rule func(string) error) []string {
	if !d.is(n, sequence, path) {
		return nil
	}
	var all []string
	for i, item := range n.items {
		if s, ok := d.checked(item, path+"["+strconv.Itoa(i)+"]", rule); ok {
			all = append(all, s)
		}
	}
	return all
}

// oneOrList reads a text or a list of texts.
func (d *decoder) oneOrList(n *node, path string, rule func(string) error) []string {
	if n.kind == sequence {
		return d.list(n, path, rule)
	}
	if s, ok := d.checked(n, path, rule); ok {
		return []string{s}
	}
	return nil
}

func (d *decoder) bool(n *node, path string) (value, ok bool) {
	if n.kind == boolean {
		return strings.EqualFold(n.text, "true"), true
	}
	suggestion := ""
	switch strings.ToLower(n.text) {
	case "yes", "on", "y", "1":
		suggestion = `did you mean "true"?`
	case "no", "off", "n", "0":
		suggestion = `did you mean "false"?`
	}
	d.errs.suggest(n.at, path, fmt.Sprintf("wants true or false, found %s", n.kind), suggestion)
	return false, false
}

// choice reads one of a few words.
func choice[T ~string](d *decoder, n *node, path string, values []T) (T, bool) {
	s, ok := d.text(n, path)
	if !ok {
		return "", false
	}
	if !slices.Contains(values, T(s)) {
		d.errs.suggest(n.at, path, fmt.Sprintf("%q is none of %s", s, strings.Join(words(values), ", ")), didYouMean(s, words(values)))
		return "", false
	}
	return T(s), true
}
