package adopt

import (
	"bytes"
	"strings"
)

// Remark puts the remarks into the text of the proposal's estate (spec.Write),
// each above what it is about, and what is to ask at the top.
func (p Proposal) Remark(text []byte) []byte {
	var out bytes.Buffer
	for _, ask := range p.Asks {
		comment(&out, "", "ask: "+ask)
	}
	for line := range strings.Lines(string(text)) {
		name, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "  ")
		if name, ends := strings.CutSuffix(name, ":"); ok && ends {
			for _, remark := range p.Remarks[name] {
				comment(&out, "  ", remark)
			}
		}
		out.WriteString(line)
	}
	return out.Bytes()
}

// comment writes one line; a name may hold anything.
func comment(out *bytes.Buffer, indent, text string) {
	out.WriteString(indent + "# " + strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff {
			return '?'
		}
		return r
	}, text) + "\n")
}
