package prove_test

import (
	"slices"
	"testing"

	"landlord"
	"landlord/internal/pgtest"
	"landlord/internal/prove"
)

// A tenant finds its extensions, and it is seen when it does not.
func TestExtensions(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := estate(s)
		e.Tenants[0].Extensions, e.Tenants[1].Extensions = []string{"citext"}, []string{"pg_trgm"}
		result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
		if err != nil || result.Err() != nil {
			t.Fatal(err, result.Err())
		}
		in := input(e)
		in.Probes = []string{"own-extensions", "own-search-path", "drop-extension"}
		verdicts := func() []prove.Verdict {
			report, err := prove.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			var out []prove.Verdict
			for _, o := range report.Outcomes {
				if !slices.Contains(out, o.Verdict) {
					out = append(out, o.Verdict)
				}
			}
			slices.Sort(out)
			return out
		}
		if got := verdicts(); !slices.Equal(got, []prove.Verdict{prove.Held, prove.Works}) {
			t.Errorf("verdicts %v", got)
		}
		s.Exec(t, "acme", "DROP EXTENSION citext")
		s.Exec(t, "shared", "REVOKE USAGE ON SCHEMA landlord_extensions FROM PUBLIC")
		if got := verdicts(); !slices.Contains(got, prove.Failed) {
			t.Errorf("after they are gone: verdicts %v", got)
		}
	})
}
