package spec

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Entries that are alike say what they say one by one, and their mistakes have
// the same places.
func TestRepeatedEntriesAreRead(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	forms := []string{
		"  %s: {}", "  %s:", "  %s: {schemas: ~}", "  %s: {isolation: schema}", "  %s:\n    isolation: schema\n    limits:\n      connections: 5\n      work_mem: 4MiB",
		"  %s:   {rights: ddl, logins: {app: [x_%[1]s]}}", "  %s: {settings: {timezone: UTC, datestyle: ISO}, isolation: schema}",
		"  %s: {owner: same}", "  %s: {isolation: schema, schema: both}", "  %s:\n    logins: {app: taken}", "  %s: {nonsense: 1}", "  %s: {profile: small}", "  %s: 5",
		"  %s:\n    # a remark\n    temp: false\n",
	}
	for range 400 {
		good := rng.IntN(2) == 0
		head := "servers: {main: {connection: host=/tmp}}\nprofiles: {small: {temp: false, settings: {app.x: y}}}\ntenants:\n"
		plain, unlike := head, head
		for i := range 3 + rng.IntN(12) {
			name := []string{"a", "bolt", "t%d", "true", "on", "customer_%d", "pg_x"}[rng.IntN(7)]
			if strings.Contains(name, "%") || good {
				name = fmt.Sprintf("t%s%d", strings.Repeat("x", rng.IntN(9)), i)
			}
			form := forms[rng.IntN(len(forms))]
			if good {
				form = forms[rng.IntN(7)]
			}
			entry := strings.TrimSuffix(fmt.Sprintf(form, name), "%!(EXTRA string="+name+")")
			plain += entry + "\n"
			unlike += entry + fmt.Sprintf(" # %d\n", i)
		}
		got, err := Parse("f", []byte(plain))
		want, wantErr := Parse("f", []byte(unlike))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s\n%s", plain, diff)
		}
		if places(err) != places(wantErr) {
			t.Fatalf("%s\n%v\nwant %v", plain, err, wantErr)
		}
		if good && err != nil {
			t.Fatalf("%s\n%v", plain, err)
		}
	}
}

// places are an error's mistakes without the lines that they quote.
func places(err error) string {
	list, _ := err.(*Errors)
	if list == nil {
		return ""
	}
	var out []string
	for _, m := range list.List {
		out = append(out, fmt.Sprintf("%d:%d %s %s %s", m.Line, m.Column, m.Path, m.Message, m.Suggestion))
	}
	return strings.Join(out, "\n")
}
