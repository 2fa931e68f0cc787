package audit

import (
	"slices"
	"strings"
	"testing"
)

// TestRulesAreWhole: each rule says all that its page needs, under a code of
// its own.
func TestRulesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.Code] {
			t.Errorf("%s stands twice", r.Code)
		}
		seen[r.Code] = true
		if r.Code == "" || r.Title == "" || r.Why == "" || r.Fix == "" || r.Breaks == "" || r.Source == "" || r.Severity < Critical || r.Severity > Advice {
			t.Errorf("%s: something is missing: %+v", r.Code, r)
		}
		if !slices.Contains(Subjects(), r.Subject) {
			t.Errorf("%s: no subject is called %q", r.Code, r.Subject)
		}
		if (r.check == nil) == (r.inside == nil) {
			t.Errorf("%s: it has one check, of the server or of each database", r.Code)
		}
		if n := strings.Count(r.Why, ". ") + 1; n < 1 || n > 3 {
			t.Errorf("%s: why it matters has %d sentences", r.Code, n)
		}
	}
}
