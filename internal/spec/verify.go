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
	if len(text) > maxText {
		return false
	}
	was, is := e.apart(strings.TrimPrefix(string(text), "\uFEFF"))
	old, ok := e.alone(was)
	if !ok {
		return false
	}
	now, ok := e.alone(is)
	return ok && e.changedAlone(old, now, after) && !tenant.MayCollide(after)
}

// apart finds the tenants' entries between which a changed text differs from the
// file, as they were and as they are; none, where it is not told so easily. The
// first of them begins as it did, and so does what stands behind the last: so the
// rest of the text falls into the same pieces as before.
func (e *edit) apart(s string) (was, is []chunk) {
	file, chunks := e.decoder.whole, e.decoder.chunks
	begin := commonPrefix(file, s)
	end := len(file) - commonSuffix(file[begin:], s[begin:]) // of what differs, in the file
	first, from, last, to := -1, 0, len(chunks), len(file)
	at := len(file)
	for i := len(chunks) - 1; i >= 0 && first < 0; i-- {
		if at >= end {
			last, to = i+1, at
		}
		at -= len(chunks[i].text)
		if head := strings.IndexByte(chunks[i].text, '\n') + 1; head > 0 && at+head <= begin {
			first, from = i, at
		}
	}
	if first < 0 || chunks[first].section != tenantsSection {
		return nil, nil
	}
	errs := &collector{file: e.file}
	middle := s[from : len(s)-(len(file)-to)]
	if !readable(middle, errs) || to < len(file) && !strings.HasSuffix(middle, "\n") {
		return nil, nil
	}
	if is = splitEntries(tenantsSection, middle, errs); len(errs.list) > 0 {
		return nil, nil
	}
	return chunks[first:last], is
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// alone reads tenants' entries among what the rest of the file says. It is not ok
// where they have a mistake, or could mean something to other entries, or others
// to them.
func (e *edit) alone(chunks []chunk) (map[string]tenant.Tenant, bool) {
	if len(chunks) == 0 {
		return nil, false
	}
	d, errs := *e.decoder, &collector{file: e.file}
	d.errs, d.tenants, d.tenantAt, d.watch = errs, nil, map[string]position{}, ""
	r := reader{errs: errs, anchors: map[string]*node{}}
	for _, c := range chunks {
		if c.section != tenantsSection || c.refers() {
			return nil, false
		}
		n, ok := r.read(c)
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
