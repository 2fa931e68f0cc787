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
	errs := &collector{file: name}
	if len(text) > maxText {
		errs.add(position{1, 1}, "", fmt.Sprintf("the file has %d bytes; landlord reads at most %d MiB", len(text), maxText>>20))
		return tenant.Estate{}, errs.result("")
	}
	s := strings.TrimPrefix(string(text), "\uFEFF")
	if !readable(s, errs) {
		return tenant.Estate{}, errs.result(strings.ToValidUTF8(s, "\uFFFD"))
	}
	d := newDecoder(errs)
	r := &reader{errs: errs, anchors: map[string]*node{}}
	for _, c := range split(s, errs) {
		n, ok := r.read(c)
		d.chunk(c, n, ok)
		if errs.full() {
			return tenant.Estate{}, errs.result(s)
		}
	}
	estate := d.estate()
	if err := errs.result(s); err != nil {
		return tenant.Estate{}, err
	}
	return estate, nil
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
