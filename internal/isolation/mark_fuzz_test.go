package isolation

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The short way of reading a mark must say what the decoder says.
func FuzzParseMark(f *testing.F) {
	for _, m := range []Mark{
		{Tenant: "acme", Role: "app"},
		{Tenant: "acme", Role: "identity", Isolation: "schema", Database: "shared"},
		{Tenant: "acme", Role: "group", Database: "acme_archive", Schemas: []string{"public"}},
		{Tenant: "acme", Role: "identity", Isolation: "database", Database: "acme", Further: []MarkedPlace{{"web", nil}, {"old", []string{"public"}}}},
		{Tenant: "acme", Role: "identity", Isolation: "database", Database: `a"b\<é`, Schemas: []string{"public"}, Suspended: true, Extensions: []string{"citext"}},
		{Role: "marker"},
		{Tenant: "acme", Role: "app", Of: "acme_app", Old: "acme_app_b", State: "open", Until: "2026-11-24T10:00:00Z"},
		{Role: "admin", Access: "read"},
	} {
		f.Add(m.Comment())
	}
	for _, text := range []string{`{}`, `{"role":""}`, `{"role":"app",}`, `{"role":"app"}}`, `{"role":"a","role":"b"}`, `{"ROLE":"a"}`, `{"role":"a"`, "{\"role\":\"a\n\"}", "{\"role\":\"\xff\"}"} {
		f.Add(markPrefix + text)
	}
	f.Fuzz(func(t *testing.T, comment string) {
		got, ok := ParseMark(comment)
		var want Mark
		text, wantOK := strings.CutPrefix(comment, markPrefix)
		if !wantOK || json.Unmarshal([]byte(text), &want) != nil || want.Role == "" {
			want, wantOK = Mark{}, false
		}
		if diff := cmp.Diff(want, got); ok != wantOK || diff != "" {
			t.Errorf("%q: %v, want %v\n%s", comment, ok, wantOK, diff)
		}
	})
}
