package spec

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"landlord/internal/tenant"
)

// Parse reads a landlord.yaml and resolves every default. The name is only
// for the errors. An error is always an [*Errors] with every mistake of the
// file (the first 10,000), in order; the estate is then empty.
func Parse(name string, text []byte) (tenant.Estate, error) {
	_, e, err := parse(name, text, &reader{}, "")
	return e, err
}

// parse is Parse that also gives the decoder, which has kept the value of the
// watched tenant's entry.
func parse(name string, text []byte, r *reader, watch string) (*decoder, tenant.Estate, error) {
	errs := &collector{file: name}
	if len(text) > maxText {
		errs.add(position{1, 1}, "", fmt.Sprintf("the file has %d bytes; landlord reads at most %d MiB", len(text), maxText>>20))
		return nil, tenant.Estate{}, errs.result("")
	}
	s := strings.TrimPrefix(string(text), "\uFEFF")
	if !readable(s, errs) {
		return nil, tenant.Estate{}, errs.result(strings.ToValidUTF8(s, "\uFFFD"))
	}
	chunks := split(s, errs)
	d := newDecoder(errs, chunks)
	d.whole, d.watch = s, watch
	r.errs, r.anchors, r.expanded = errs, map[string]*node{}, 0
	for _, c := range chunks {
		if !d.repeat(c) {
			n, ok := r.read(c)
			mistakes, tenants := len(errs.list), len(d.tenants)
			d.chunk(c, n, ok)
			d.remember(c, mistakes, tenants)
		}
		if errs.full() {
			return nil, tenant.Estate{}, errs.result(s)
		}
	}
	estate := d.estate()
	if err := errs.result(s); err != nil {
		return nil, tenant.Estate{}, err
	}
	return d, estate, nil
}

// readable refuses what is no text file.
func readable(s string, errs *collector) bool {
	line, start := 1, 0
	for i, r := range s {
		at := func() position { return position{line, utf8.RuneCountInString(s[start:i]) + 1} }
		switch {
		case r == '\n':
			line, start = line+1, i+1
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			errs.add(at(), "", "the file is not UTF-8 from here on: save it as UTF-8")
			return false
		case r == '\r' && !strings.HasPrefix(s[i:], "\r\n"),
			r < ' ' && r != '\t' && r != '\r', r == 0x7f:
			errs.add(at(), "", fmt.Sprintf("the control character %U cannot stand in this file; write it as an escape in double quotes", r))
			return false
		}
	}
	return true
}
