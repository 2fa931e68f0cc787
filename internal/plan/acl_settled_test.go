package plan

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
)

// The short look at an ACL must never find it settled where the long one
// finds something to change.
func TestSettledChangesNothing(t *testing.T) {
	const v = pgsql.Version(180000)
	all := pgsql.SchemaKind.All(v)
	privs := rapid.SampledFrom([]pgsql.Privs{0, pgsql.Usage, pgsql.Create, all})
	name := rapid.SampledFrom([]string{"", "owner", "app", "ro"})
	met := 0
	rapid.Check(t, func(t *rapid.T) {
		var want []isolation.Grant
		have := pgsql.ACL{{Grantee: "owner", Grantor: "owner", Privs: all}}
		for range rapid.IntRange(0, 3).Draw(t, "wanted") {
			g := isolation.Grant{Grantee: name.Draw(t, "to"), Privs: privs.Draw(t, "privs")}
			want = append(want, g)
			have = append(have, pgsql.ACLItem{Grantee: g.Grantee, Grantor: "owner", Privs: g.Privs})
		}
		if it := &have[rapid.IntRange(0, len(have)-1).Draw(t, "spoilt")]; rapid.Bool().Draw(t, "spoil") {
			it.Grantee, it.Privs = name.Draw(t, "grantee"), privs.Draw(t, "held")
			it.Grantor = rapid.SampledFrom([]string{"owner", "app"}).Draw(t, "grantor")
			it.Grantable = rapid.SampledFrom([]pgsql.Privs{0, it.Privs}).Draw(t, "grantable")
		}
		slices.SortFunc(have, func(a, b pgsql.ACLItem) int { return strings.Compare(a.Grantee+"/"+a.Grantor, b.Grantee+"/"+b.Grantor) })
		for i := 1; i < len(have); i++ {
			if have[i].Grantee == have[i-1].Grantee && have[i].Grantor == have[i-1].Grantor {
				return // the server has one entry for each
			}
		}
		if !settled(all, "owner", have, want) {
			return
		}
		met++
		if todo := changes(pgsql.SchemaKind, v, "owner", nil, have, want); len(todo) > 0 {
			t.Fatalf("%+v is taken for %+v, but for %+v", have, want, todo)
		}
	})
	t.Logf("settled: %d", met)
}
