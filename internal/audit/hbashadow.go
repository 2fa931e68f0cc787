package audit

import (
	"fmt"
	"net/netip"
	"strings"

	"landlord/internal/hba"
)

// shadowed finds lines that an earlier one covers: rejects that an admitting
// line comes before, or any others.
func shadowed(rejects bool) func(*facts) []Finding {
	return func(f *facts) []Finding {
		var found []Finding
		s := newShadows(f.HBA)
		for _, r := range f.HBA.Rules() {
			by := s.covering(r)
			s.add(r)
			if by == nil {
				continue
			}
			late := r.Method == hba.Reject && by.Method.Admits()
			if late != rejects || !late && s.inBlock(by) && !s.inBlock(r) { // landlord's block decides for all below it, on purpose
				continue
			}
			x := f.ruleFinding(r, fmt.Sprintf("Line %d matches everything that this line would: %s", by.Line, by.Text))
			if late {
				x.Fix = []Fix{hbaFix(r.Text + "   # above line " + fmt.Sprint(by.Line))}
			} else {
				x.Fix = []Fix{hbaFix("# " + r.Text)}
			}
			found = append(found, x)
		}
		return found
	}
}

// live are the rules that can match, since no earlier one covers them.
func live(file *hba.File) []*hba.Rule {
	s := newShadows(file)
	var list []*hba.Rule
	for _, r := range file.Rules() {
		if s.covering(r) == nil {
			list = append(list, r)
		}
		s.add(r)
	}
	return list
}

// block is the lines of landlord's own block, first and last; 0 for none.
func block(file *hba.File) [2]int {
	var b [2]int
	for _, l := range file.Lines {
		switch text := strings.TrimSpace(l.Raw); {
		case strings.HasPrefix(text, "# BEGIN landlord"):
			b[0] = l.Number
		case text == hba.EndMarker:
			b[1] = l.Number
		}
	}
	return b
}

// shadows is an index of the rules so far, by what a rule that covers another
// must have in common with it: a hundred thousand lines are no more than some
// look-ups each.
type shadows struct {
	index map[shadowKey][]*hba.Rule
	bits  [2][129]bool // the lengths of prefixes seen, of IPv4 and IPv6
	ours  [2]int
}

type shadowKey struct {
	local          bool
	database, user string
	address        string
}

func newShadows(file *hba.File) *shadows {
	return &shadows{index: map[shadowKey][]*hba.Rule{}, ours: block(file)}
}

func (s *shadows) inBlock(r *hba.Rule) bool {
	return s.ours[0] < r.Line && r.Line < s.ours[1]
}

// word is a token as part of a key: keywords and quoted names differ.
func word(t hba.Token) string {
	if t.Quoted {
		return `"` + t.Text
	}
	return t.Text
}

func addressKey(a hba.Address) string {
	if p, ok := a.Prefix(); ok {
		return p.Masked().String()
	}
	return a.String()
}

func (s *shadows) add(r *hba.Rule) {
	if p, ok := r.Address.Prefix(); ok {
		s.bits[family(p)][p.Bits()] = true
	}
	address := addressKey(r.Address)
	for _, d := range r.Databases {
		for _, u := range r.Users {
			k := shadowKey{r.Type == hba.Local, word(d), word(u), address}
			if len(s.index[k]) < 8 { // one of a few alike is enough
				s.index[k] = append(s.index[k], r)
			}
		}
	}
}

func family(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 0
	}
	return 1
}

// covering is an earlier rule that covers a rule, or nil.
func (s *shadows) covering(r *hba.Rule) *hba.Rule {
	if len(r.Databases) == 0 || len(r.Users) == 0 {
		return nil
	}
	for _, address := range s.wider(r.Address) {
		for _, d := range alternatives(r.Databases[0]) {
			for _, u := range alternatives(r.Users[0]) {
				for _, by := range s.index[shadowKey{r.Type == hba.Local, d, u, address}] {
					if coversType(by.Type, r.Type) && coversWords(by.Databases, r.Databases, true) && coversWords(by.Users, r.Users, false) {
						return by
					}
				}
			}
		}
	}
	return nil
}

// alternatives are the words with which an earlier rule may cover this one.
func alternatives(t hba.Token) []string {
	if w := word(t); w != "all" {
		return []string{w, "all"}
	}
	return []string{"all"}
}

// wider are the addresses, as keys, that hold an address.
func (s *shadows) wider(a hba.Address) []string {
	keys := []string{"all", addressKey(a)}
	if a.Kind == hba.AddressNone {
		return []string{""}
	}
	p, ok := a.Prefix()
	if !ok {
		return keys
	}
	for bits := range p.Bits() {
		if s.bits[family(p)][bits] {
			wide, _ := p.Addr().Prefix(bits)
			keys = append(keys, wide.String())
		}
	}
	return keys
}

func coversType(by, r hba.ConnType) bool { return by == r || by == hba.Host && r != hba.Local }

// coversWords says whether each word of a column is in the earlier one too.
// all is no physical replication.
func coversWords(by, of []hba.Token, databases bool) bool {
	have := map[string]bool{}
	for _, t := range by {
		have[word(t)] = true
	}
	for _, t := range of {
		w := word(t)
		if !have[w] && (!have["all"] || databases && w == "replication") {
			return false
		}
	}
	return true
}
