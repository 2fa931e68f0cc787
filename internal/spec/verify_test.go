package spec

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"landlord/internal/tenant"

	"pgregory.net/rapid"
)

// drawChange draws a change of one of a drawn file's tenants, or of a new one.
func drawChange(t *rapid.T, d drawn) Change {
	name := rapid.SampledFrom([]string{"new", "t0_app", "t0", "t1"}).Draw(t, "changed")
	keys := drawKeys(t)
	if len(keys) > 0 && rapid.Bool().Draw(t, "one key") {
		if rapid.Bool().Draw(t, "out") {
			return Unset(name, keys[0].Key)
		}
		return Set(name, keys[0].Key, keys[0].Values...)
	}
	if rapid.IntRange(0, 3).Draw(t, "verb") == 0 {
		return Remove(name)
	}
	return Add(TenantEntry{name, keys})
}

// What is seen without reading all of a changed text is what reading all of it
// says: the same text, the same estate, the same refusal.
func TestShortAndWholeAgree(t *testing.T) {
	seen := 0
	rapid.Check(t, func(t *rapid.T) {
		d := drawText(t)
		c, text := drawChange(t, d), []byte(d.text(-1))
		short, shortErr := editBy("f", text, c, func(e *edit, text []byte, after tenant.Estate) bool {
			ok := e.short(text, after)
			if ok {
				seen++
			}
			return ok
		})
		whole, wholeErr := editBy("f", text, c, func(*edit, []byte, tenant.Estate) bool { return false })
		if !reflect.DeepEqual(short, whole) || fmt.Sprint(shortErr) != fmt.Sprint(wholeErr) {
			t.Fatalf("%v of\n%s\nshort %v %v\nwhole %v %v", c, text, short, shortErr, whole, wholeErr)
		}
	})
	if seen == 0 {
		t.Error("every text was read whole")
	}
}

// spoilt are ways in which a changed text may say something else.
var spoilt = []func(string) string{
	func(s string) string { return strings.Replace(s, "temp: true", "temp: false", 1) },
	func(s string) string { return strings.Replace(s, "t1:", "t2:", 1) },
	func(s string) string { return strings.Replace(s, "t0", "t0x", 1) },
	func(s string) string { return strings.Replace(s, "new:", "new: {temp: false, suspended: true} # ", 1) },
	func(s string) string { return strings.Replace(s, "new:", "new: {owner: t0_app} # ", 1) },
	func(s string) string { return strings.Replace(s, "new:", "new: {isolation: cluster} # ", 1) },
	func(s string) string { return strings.Replace(s, "new: {}", "new: {}\n  new: {}", 1) },
	func(s string) string { return strings.Replace(s, "new: {}", "t0: {}", 1) },
	func(s string) string { return strings.Replace(s, "new: {}", "new: {}\n  more: {}", 1) },
	func(s string) string { return strings.Replace(s, "{connections: 3}", "{connections: 4}", 1) },
	func(s string) string { return strings.Replace(s, "{}", "{tempp: true}", 1) },
	func(s string) string { return strings.Replace(s, "# end", "---", 1) },
	func(s string) string { return strings.Replace(s, "tenants:", "tenants: # \x01", 1) },
	func(s string) string { return strings.Replace(s, "host=/run", "host=/elsewhere", 1) },
	func(s string) string { return s + "defaults: {temp: false}\n" },
	func(s string) string { return s },
}

// A changed text that says anything else than it should is never taken for right.
func TestShortIsNotFooled(t *testing.T) {
	yes, no := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		d := drawText(t)
		spoil := rapid.SampledFrom(spoilt).Draw(t, "spoilt")
		_, _ = editBy("f", []byte(d.text(-1)), drawChange(t, d), func(e *edit, text []byte, after tenant.Estate) bool {
			text = []byte(spoil(string(text)))
			if !e.short(text, after) {
				no++
				return false
			}
			yes++
			if got, err := Parse("f", text); err != nil || !reflect.DeepEqual(got, after) {
				t.Fatalf("%v of\n%s\ntook\n%s\nwhich says %v %v", e.Change, d.text(-1), text, got, err)
			}
			return true
		})
	})
	if yes == 0 || no == 0 {
		t.Errorf("taken %d times, and not %d times", yes, no)
	}
}
