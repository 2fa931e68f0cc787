package apply_test

import (
	"os"
	"strings"
	"testing"

	"landlord/internal/apply"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
)

// A pg_hba.conf that would not do goes back to every byte that it had, and the
// server goes by what it had: rules that lock landlord out, rules that the
// server does not understand, a file that somebody else has changed.
func TestBadRulesGoBack(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		const before = "# kept \xff\r\n" + localpg.DefaultHBA + "local all all trust"
		s.SetHBA(t, before)
		s.Exec(t, "", "CREATE ROLE clerk LOGIN")
		for _, c := range []struct{ name, before, after, want string }{
			{"locks landlord out", before, "local all all reject\n", "landlord would be locked out"},
			{"wrong", before, localpg.DefaultHBA + "local all all nonsense\n", `the server does not understand it: line 2: invalid authentication method "nonsense"`},
			{"changed meanwhile", before + "\n", localpg.DefaultHBA, "is not what the server read a moment ago"},
		} {
			t.Run(c.name, func(t *testing.T) {
				err := apply.WriteHBA(t.Context(), s.ConnString("postgres", "postgres"), plan.HBAChange{Path: s.HBAFile(), Before: c.before, After: c.after})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
				got, err := os.ReadFile(s.HBAFile())
				if err != nil || string(got) != before {
					t.Errorf("the file is now %q, %v", got, err)
				}
				s.Connect(t, "", "")
				s.Connect(t, "", "clerk")
			})
		}
		left, err := os.ReadDir(s.DataDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range left {
			if strings.HasPrefix(f.Name(), ".pg_hba") {
				t.Errorf("left behind: %s", f.Name())
			}
		}
	})
}

// What a landlord that was killed left beside the file goes with the next
// change.
func TestLeftoversGo(t *testing.T) {
	majors := pgtest.Majors()
	s := pgtest.Start(t, majors[len(majors)-1])
	stale := s.HBAFile()[:len(s.HBAFile())-len("pg_hba.conf")] + ".pg_hba.conf.landlord-123"
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := apply.WriteHBA(t.Context(), s.ConnString("postgres", "postgres"), plan.HBAChange{Path: s.HBAFile(), Before: localpg.DefaultHBA, After: localpg.DefaultHBA + "# more\n"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", stale, err)
	}
}
