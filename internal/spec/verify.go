package spec

import (
	"reflect"
	"strings"

	"landlord/internal/tenant"
)

// A change of one tenant leaves nearly all of a file as it was. What stands in
// the same order, byte for byte, says the same again, whatever line it is on: so
// a changed text need not be read whole to see that it says what it should.

// short says whether a changed text surely says what it must. Where it does not
// say so, the text may be right or wrong: then it is read whole.
func (e *edit) short(text []byte, after tenant.Estate) bool {
	errs := &collector{file: e.file}
	s := strings.TrimPrefix(string(text), "\uFEFF")
	if len(text) > maxText || !readable(s, errs) {
		return false
	}
	was, is := apart(e.decoder.chunks, split(s, errs))
	if len(errs.list) > 0 {
		return false
	}
	old, ok := e.alone(was)
	if !ok {
		return false
	}
	now, ok := e.alone(is)
	return ok && e.changedAlone(old, now, after) && !tenant.MayCollide(after)
}

// apart cuts off what two texts begin and end with alike.
func apart(a, b []chunk) ([]chunk, []chunk) {
	same := func(x, y chunk) bool { return x.section == y.section && x.text == y.text }
	for len(a) > 0 && len(b) > 0 && same(a[0], b[0]) {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && same(a[len(a)-1], b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

// alone reads tenants' entries among what the rest of the file says. It is not ok
// where they have a mistake, or could mean something to other entries, or others
// to them.
func (e *edit) alone(chunks []chunk) (map[string]tenant.Tenant, bool) {
	d, errs := *e.decoder, &collector{file: e.file}
	d.errs, d.tenants, d.tenantAt, d.watch = errs, nil, map[string]position{}, ""
	e.reader.errs = errs
	for _, c := range chunks {
		if c.section != tenantsSection || c.refers() {
			return nil, false
		}
		n, ok := e.reader.read(c)
		d.chunk(c, n, ok)
	}
	all := make(map[string]tenant.Tenant, len(d.tenants))
	for i := range d.tenants {
		var t tenant.Tenant
		if d.settle(&d.tenants[i], &t); t.Isolation == tenant.Cluster || d.router != nil && t.Name == routerConsole {
			return nil, false
		}
		all[t.Name] = t
	}
	return all, len(errs.list) == 0
}

// changedAlone says whether, of entries that were otherwise before, the changed
// tenant's alone says something else, and that is what it should. The others of
// the estate are as they were.
func (e *edit) changedAlone(old, now map[string]tenant.Tenant, after tenant.Estate) bool {
	want, wanted := after.Tenant(e.tenant)
	got, there := now[e.tenant]
	if wanted != there || !reflect.DeepEqual(got, want) {
		return false
	}
	_, was := old[e.tenant]
	if _, known := e.decoder.tenantAt[e.tenant]; known != was {
		return false
	}
	delete(old, e.tenant)
	delete(now, e.tenant)
	return reflect.DeepEqual(old, now)
}
