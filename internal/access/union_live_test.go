package access_test

import (
	"fmt"
	"slices"
	"testing"

	"landlord/internal/pgtest"
)

// armed is three roles, each of which may grant the next one, the first for
// acme_app to grant. Of what reads globex's table the first has the one right and
// the last the other; between them is one that has none.
func armed(attribute, options string) []string {
	var out []string
	for i, member := range []string{"acme_app", "arm1", "arm2"} {
		out = append(out, fmt.Sprintf("CREATE ROLE arm%d %s; GRANT arm%[1]d TO %[3]s %s", i+1, attribute, member, options))
	}
	return append(out, `GRANT USAGE ON SCHEMA globex TO arm1; GRANT SELECT ON globex.bills TO arm3`)
}

// TestGrantsThatDoNotUnite: where one link is missing there is no path, and no
// grant in any order leads there.
func TestGrantsThatDoNotUnite(t *testing.T) {
	for _, major := range pgtest.Majors() {
		if major < 16 {
			continue
		}
		s := pgtest.Start(t, major, pgtest.WithTrust())
		s.Exec(t, "", estate...)
		s.Exec(t, "", armed("", `WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`)...)
		for _, c := range []struct{ name, cut, mended string }{
			{"the last may not be granted", `REVOKE ADMIN OPTION FOR arm3 FROM arm2`, `GRANT arm3 TO arm2 WITH ADMIN TRUE`},
			{"the right is a stranger's", `REVOKE USAGE ON SCHEMA globex FROM arm1`, `GRANT USAGE ON SCHEMA globex TO arm1`},
		} {
			t.Run(fmt.Sprintf("postgres-%d/%s", major, c.name), func(t *testing.T) {
				if len(certainPaths(t, s, "globex")) == 0 {
					t.Fatal("no path before it is cut")
				}
				s.Exec(t, "", c.cut)
				if paths := certainPaths(t, s, "globex"); len(paths) > 0 {
					t.Errorf("%s", said(paths))
				}
				conn := s.Connect(t, "postgres", "acme_app")
				for _, roles := range [][]int{{1, 2, 3}, {3, 2, 1}, {2, 1, 3}} {
					if try(t, conn, "BEGIN") != nil {
						t.Fatal("no transaction")
					}
					for _, i := range roles {
						for _, sql := range []string{"GRANT arm%d TO CURRENT_USER WITH INHERIT TRUE", "GRANT arm%d TO SESSION_USER WITH INHERIT TRUE, SET TRUE", "SET ROLE arm%d"} {
							if try(t, conn, "SAVEPOINT one") != nil || try(t, conn, fmt.Sprintf(sql, i)) != nil {
								_ = try(t, conn, "ROLLBACK TO one")
							}
						}
					}
					if try(t, conn, seeBills) == nil {
						t.Errorf("grants in the order %v lead there", roles)
					}
					_ = try(t, conn, "ROLLBACK")
				}
				s.Exec(t, "", c.mended)
			})
		}
	}
}

// TestStepsOfUnion: each grant is a step of its own, in an order in which it works.
func TestStepsOfUnion(t *testing.T) {
	majors := pgtest.Majors()
	major := majors[len(majors)-1]
	if major < 16 {
		t.Skip("wants PostgreSQL 16 or newer")
	}
	s := pgtest.Start(t, major, pgtest.WithTrust())
	s.Exec(t, "", estate...)
	s.Exec(t, "", armed("", `WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`)...)
	paths := certainPaths(t, s, "globex")
	if len(paths) != 1 {
		t.Fatalf("%s", said(paths))
	}
	want := []string{`GRANT "arm1" TO CURRENT_USER WITH INHERIT TRUE`, `GRANT "arm2" TO CURRENT_USER WITH INHERIT TRUE`, `GRANT "arm3" TO CURRENT_USER WITH INHERIT TRUE`}
	got := sqlOf(paths[0])
	if len(got) != 4 || !slices.Equal(got[:3], want) {
		t.Errorf("%q", got)
	}
	for i, mend := range []string{`REVOKE ADMIN OPTION FOR "arm1" FROM "acme_app" GRANTED BY "postgres"`, `REVOKE ADMIN OPTION FOR "arm2" FROM "arm1" GRANTED BY "postgres"`} {
		if !slices.Equal(paths[0].Steps[i].Mend, []string{mend}) {
			t.Errorf("step %d is mended by %q", i, paths[0].Steps[i].Mend)
		}
	}
}
