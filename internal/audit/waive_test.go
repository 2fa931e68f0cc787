package audit

import "testing"

func TestWaiverFits(t *testing.T) {
	for _, c := range []struct {
		pattern, key string
		want         bool
	}{
		{"hba-md5:*", "hba-md5:hba host all all ::1/128 md5", true},
		{"hba-md5:*10.0.0.0/8*", "hba-md5:hba host all all 10.0.0.0/8 md5", true},
		{"*:database acme", "db-public-connect:database acme", true},
		{"*", "anything/at all", true},
		{"hba-*:hba *", "hba-md5:hba host", true},
		{"a:[x]", "a:[x]", true},
		{"a:[x]", "a:x", false},
		{"a?", "ab", false},
		{"ab*ba", "aba", false},
		{"a*b*c", "a-c-b", false},
		{"hba-md5", "hba-md5:hba", false},
	} {
		if got := (Waiver{Finding: c.pattern}).fits(c.key); got != c.want {
			t.Errorf("%q of %q: %t", c.pattern, c.key, got)
		}
	}
}
