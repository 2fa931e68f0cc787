package spec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// KeyValue is one key of a tenant with its value as a flag gives it.
type KeyValue struct {
	// Key stands below the tenant: isolation, limits.connections,
	// logins.app, settings.timezone.
	Key string
	// Values is one value, or any number of them for a key that is a list; of
	// databases, their names.
	Values []string
}

// TenantEntry is a tenant to be added, with its keys in the order in which
// they are to stand.
type TenantEntry struct {
	Name string
	Keys []KeyValue
}

// Change is one change of one tenant in a landlord.yaml. It is made by [Add],
// [Remove], [Set] or [Unset], and carried out by [Edit].
type Change struct {
	verb   verb
	tenant string
	keys   []KeyValue
}

type verb string

const (
	adding    verb = "add"
	removing  verb = "remove"
	setting   verb = "set"
	unsetting verb = "unset"
)

// Add appends a tenant. One that is there already is left as it is if it has
// what the entry asks for, and else an [ErrConflict].
func Add(t TenantEntry) Change { return Change{adding, t.Name, t.Keys} }

// Remove takes a tenant out, with the remarks right above its entry.
func Remove(tenant string) Change { return Change{verb: removing, tenant: tenant} }

// Set gives one key of a tenant a value.
func Set(tenant, key string, values ...string) Change {
	return Change{setting, tenant, []KeyValue{{key, values}}}
}

// Unset takes one key of a tenant out, so that its default holds again.
func Unset(tenant, key string) Change { return Change{unsetting, tenant, []KeyValue{{Key: key}}} }

// Tenant is whom the change is about.
func (c Change) Tenant() string { return c.tenant }

// String is the change in a few words, such as: add tenant acme.
func (c Change) String() string {
	if c.verb == setting || c.verb == unsetting {
		return fmt.Sprintf("%s %s of tenant %s", c.verb, c.keys[0].Key, c.tenant)
	}
	return fmt.Sprintf("%s tenant %s", c.verb, c.tenant)
}

// Edited is a landlord.yaml after a change.
type Edited struct {
	// Text is the very slice that was given if nothing had to change.
	Text          []byte
	Before, After tenant.Estate
}

// Edit carries out a change: comments, order, indentation, quotes and line
// breaks of everything else stay as they are, byte for byte. The new text is
// read again, and counts only if it says exactly what the old one said with
// this change; otherwise nothing is changed and the error says why. The error
// is an [*Errors] if the file has mistakes to begin with, else an
// [*EditError]. The name of the file is only for the errors.
func Edit(name string, text []byte, c Change) (Edited, error) {
	return editBy(name, text, c, (*edit).short)
}

// editBy is Edit with a way to see without reading all of a changed text that it
// says what it should.
func editBy(name string, text []byte, c Change, short func(e *edit, text []byte, after tenant.Estate) bool) (Edited, error) {
	r := &reader{seen: map[string]*node{}}
	d, before, err := parse(name, text, r, c.tenant)
	if err != nil {
		return Edited{}, err
	}
	e := &edit{Change: c, file: name, decoder: d, before: before}
	after, same, err := e.expected()
	if err != nil {
		return Edited{}, err
	}
	if same {
		return Edited{text, before, before}, nil
	}
	changed, err := e.write(text)
	if err != nil {
		return Edited{}, err
	}
	if short(e, changed, after) {
		return Edited{changed, before, after}, nil
	}
	_, got, err := parse(name, changed, r, "")
	if err != nil {
		return Edited{}, e.refuse(nil, mistakesOf(err)...)
	}
	if !reflect.DeepEqual(after, got) {
		return Edited{}, e.refuse(nil, e.strayed(after, got))
	}
	return Edited{changed, before, got}, nil
}

// What an [*EditError] can be, besides a mistake in what was asked for.
var (
	// ErrUnknownTenant says that the file has no such tenant.
	ErrUnknownTenant = errors.New("no such tenant in this file")
	// ErrConflict says that a tenant is there already, and otherwise than
	// asked for.
	ErrConflict = errors.New("the tenant is there already, and differs")
)

// EditError says why a change was refused. The file is as it was.
type EditError struct {
	File  string
	Doing string   // such as: add tenant acme
	Why   []string // at least one
	Err   error    // ErrUnknownTenant, ErrConflict or nil
}

func (e *EditError) Error() string {
	return fmt.Sprintf("%s: cannot %s: %s", e.File, e.Doing, strings.Join(e.Why, "; "))
}

func (e *EditError) Unwrap() error { return e.Err }

// edit is a change of a file that has been read.
type edit struct {
	Change
	file    string
	decoder *decoder
	before  tenant.Estate
}

func (e *edit) refuse(err error, why ...string) error {
	return &EditError{e.file, e.String(), why, err}
}

// mistakesOf are the mistakes of a text that nobody has seen, so without the
// places.
func mistakesOf(err error) []string {
	list, ok := errors.AsType[*Errors](err)
	if !ok {
		return []string{err.Error()}
	}
	var all []string
	for _, m := range list.List {
		m.File, m.Snippet = "", ""
		_, message, _ := strings.Cut(m.Error(), ": ")
		all = append(all, message)
	}
	return all
}

// write patches the text.
func (e *edit) write(text []byte) ([]byte, error) {
	s, bom := strings.CutPrefix(string(text), "\uFEFF")
	ed, top := newEditor(s)
	path := []string{tenantsSection, e.tenant}
	switch e.verb {
	case adding:
		ed.set(top, path, e.node())
	case removing:
		ed.unset(top, path, true)
	case setting:
		ed.set(top, append(path, keyPath(e.keys[0].Key)...), e.keys[0].node())
	case unsetting:
		ed.unset(top, append(path, keyPath(e.keys[0].Key)...), false)
	}
	changed, ok := ed.result()
	if !ok {
		return nil, e.refuse(nil, "its entry is written in a way that landlord cannot change in place (an alias, a merge key or rare YAML): change it by hand")
	}
	if bom {
		changed = "\uFEFF" + changed
	}
	return []byte(changed), nil
}

// strayed says what else the written change would have changed.
func (e *edit) strayed(want, got tenant.Estate) string {
	var others []string
	for _, t := range want.Tenants {
		if is, there := got.Tenant(t.Name); t.Name != e.tenant && (!there || !reflect.DeepEqual(is, t)) {
			others = append(others, t.Name)
		}
	}
	if len(others) == 0 {
		return "its entry is written in a way that landlord cannot change in place: change it by hand"
	}
	return "it would change " + strings.Join(others, ", ") + " as well, by an anchor that they share: change it by hand"
}

// expected is the estate as it must be after the change; same says that it is
// so already.
func (e *edit) expected() (after tenant.Estate, same bool, err error) {
	old, there := e.before.Tenant(e.tenant)
	if there != (e.verb == adding) {
		return e.change(there)
	}
	if !there {
		names := make([]string, len(e.before.Tenants))
		for i, t := range e.before.Tenants {
			names[i] = t.Name
		}
		return after, false, e.refuse(ErrUnknownTenant, strings.TrimSuffix("the file has no tenant of that name; "+didYouMean(e.tenant, names), "; "))
	}
	if now, err := e.resolved(e.with(e.keys)); err == nil && reflect.DeepEqual(now, old) {
		return e.before, true, nil
	}
	return after, false, e.conflict(old)
}

// change is the estate with the changed tenant in it.
func (e *edit) change(there bool) (after tenant.Estate, same bool, err error) {
	after = e.before
	if e.verb == removing {
		after.Tenants = slices.DeleteFunc(slices.Clone(after.Tenants), func(t tenant.Tenant) bool { return t.Name == e.tenant })
		if len(after.Tenants) == 0 {
			after.Tenants = nil
		}
		return tenant.Expand(after), false, nil
	}
	n := e.with(e.keys)
	if e.verb == unsetting {
		n = without(e.decoder.watched, keyPath(e.keys[0].Key))
	}
	if there && n == e.decoder.watched {
		return after, true, nil
	}
	now, err := e.resolved(n)
	if err != nil {
		return after, false, err
	}
	i, _ := slices.BinarySearchFunc(after.Tenants, now.Name, func(t tenant.Tenant, name string) int { return strings.Compare(t.Name, name) })
	rest := after.Tenants[i:]
	if there {
		rest = rest[1:]
	}
	after.Tenants = slices.Concat(after.Tenants[:i], []tenant.Tenant{now}, rest)
	return tenant.Expand(after), false, nil
}

// conflict names the keys of an entry that its tenant has otherwise.
func (e *edit) conflict(old tenant.Tenant) error {
	var differ []string
	for _, k := range e.keys {
		if now, err := e.resolved(e.with([]KeyValue{k})); err != nil || !reflect.DeepEqual(now, old) {
			differ = append(differ, k.Key)
		}
	}
	return e.refuse(ErrConflict, fmt.Sprintf("it is there already (line %d), and not with this %s",
		e.decoder.tenantAt[e.tenant].line, strings.Join(differ, ", ")))
}

// resolved is the tenant that an entry stands for in this file.
func (e *edit) resolved(n *node) (tenant.Tenant, error) {
	d := *e.decoder
	d.errs = &collector{file: e.file}
	t := d.tenant(e.tenant, join(tenantsSection, e.tenant), position{1, 1}, n)
	d.resolve(t)
	if err := d.errs.result(""); err != nil {
		return tenant.Tenant{}, e.refuse(nil, mistakesOf(err)...)
	}
	return t.Tenant, nil
}
