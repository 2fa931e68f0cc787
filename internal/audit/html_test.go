package audit

import (
	"bytes"
	"strings"
	"testing"
)

// TestHTML: what findings have in common is said once, names stay text, and the
// page asks for nothing; the dark colours are for screens alone.
func TestHTML(t *testing.T) {
	in := clean()
	in.db("acme").ACL, in.db("bolt").ACL = nil, nil
	in.Name = "<img src=x>"
	var b bytes.Buffer
	if err := HTML(&b, Judge(*in)); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	rule, _ := RuleOf("db-public-connect")
	if n := strings.Count(text, "× 2"); n < 1 || strings.Count(text, strings.Split(rule.Why, ",")[0]) != 1 {
		t.Errorf("%d groups of two; the reason stands %d times", n, strings.Count(text, strings.Split(rule.Why, ",")[0]))
	}
	for _, bad := range []string{"<img", "<script", "src=\"", "@import", "url("} {
		if strings.Contains(text, bad) {
			t.Errorf("it has %s", bad)
		}
	}
	if strings.Count(text, "prefers-color-scheme: dark") != strings.Count(text, "@media screen and (prefers-color-scheme: dark)") {
		t.Error("paper may be dark")
	}
}
