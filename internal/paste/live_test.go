package paste_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/catalog"
	"landlord/internal/localpg"
	"landlord/internal/paste"
	"landlord/internal/pgtest"
	"landlord/internal/run"
	"landlord/internal/snapshot"
)

// TestAgainstCensus: what psql on this machine prints of a real server tells
// what a census reads from its catalogs. From 17 on a psql of 15 cannot ask
// for the databases any more; scripts/capture-psql.sh has newer ones.
func TestAgainstCensus(t *testing.T) {
	psql, err := localpg.FindTool("psql")
	if err != nil {
		t.Fatal(err)
	}
	show, err := os.ReadFile("testdata/show.sql")
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		ask := func(script string, args ...string) string {
			out, _, err := run.Command(t.Context(), run.Spec{Name: psql, Args: append(args, "-X", "-q", "-a", s.ConnString("postgres", "postgres")), Stdin: strings.NewReader(script), Env: []string{"LC_ALL=C.UTF-8"}})
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
		ask("", "-v", "ON_ERROR_STOP=1", "-f", "testdata/furnish.sql")
		want, err := catalog.Census(t.Context(), catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres")})
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"", "\\x on\n", "\\pset border 0\n"} {
			r, err := paste.Parse("p", []byte(ask(format+string(show))))
			if err != nil {
				t.Fatal(err)
			}
			knows := func(db string, p snapshot.Part) bool { return r.Snapshot.KnowsIn(db, p) }
			if s.Major() < 17 && !knows("", snapshot.PartDatabases) {
				t.Error("the databases are not told")
			}
			if diff := cmp.Diff(paste.Told(want, knows), paste.Told(r.Snapshot, knows)); diff != "" {
				t.Errorf("%q: %s", format, diff)
			}
		}
	}, pgtest.WithTrust())
}
