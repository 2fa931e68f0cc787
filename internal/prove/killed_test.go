package prove_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"landlord/internal/pgtest"
	"landlord/internal/prove"
	"landlord/internal/run"
)

// killedEnv tells TestToBeKilled where its server is.
const killedEnv = "LANDLORD_PROVE_KILLED"

// TestToBeKilled proves until it is killed in the middle of it.
func TestToBeKilled(t *testing.T) {
	connection := os.Getenv(killedEnv)
	if connection == "" {
		t.Skip("it is run by TestKilledRunsAreSwept")
	}
	in := input(estateAt(connection))
	in.Parallel = 1 // so that nothing moves once it says so
	seen := 0
	in.Progress = func(prove.Outcome) {
		if seen++; seen == 300 {
			fmt.Println("\nPROVING")
			select {}
		}
	}
	_, err := prove.Run(t.Context(), in)
	t.Fatal("it was not killed", err)
}

func TestKilledRunsAreSwept(t *testing.T) {
	majors := pgtest.Majors()
	for _, major := range slices.Compact([]int{slices.Min(majors), slices.Max(majors)}) {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) {
			s := pgtest.Start(t, major)
			e := build(t, s)
			victim := startVictim(t, s)
			conn := s.Connect(t, "shared", "")
			count := func(what string) (n int) {
				if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+what).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			logins, tables := `pg_roles WHERE rolname LIKE 'landlord\_probe%'`, `pg_class WHERE relname LIKE 'landlord\_probe%' AND relkind = 'r'`
			before := count(logins)
			if before == 0 || count(tables) == 0 {
				t.Fatalf("%d logins and %d tables: nothing to sweep", before, count(tables))
			}
			in := input(e)
			in.Only, in.Probes = []string{"bolt"}, []string{"connect-b-db"}
			report, err := prove.Run(t.Context(), in)
			if err != nil || len(report.Swept) > 0 || count(logins) != before {
				t.Errorf("a run that is alive was swept: %v %v, %d logins", err, report.Swept, count(logins))
			}
			if err := victim.Stop(syscall.SIGKILL, 10*time.Second); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); count(`pg_stat_activity WHERE application_name LIKE 'landlord prove%'`) > 0; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the sessions of a run that was killed do not end")
				}
			}
			report, err = prove.Run(t.Context(), in)
			if err != nil || len(report.Swept) != before || len(report.Problems) > 0 {
				t.Errorf("swept %v of %d: %v %v", report.Swept, before, err, report.Problems)
			}
			nothingLeft(t, s, e)
		})
	}
}

// TestInterrupted is stopped as by Ctrl-C: it clears everything away itself.
func TestInterrupted(t *testing.T) {
	s := pgtest.Start(t, slices.Max(pgtest.Majors()))
	e := build(t, s)
	for _, after := range []int{1, 40, 333} {
		ctx, cancel := context.WithCancel(t.Context())
		in := input(e)
		seen := 0
		in.Progress = func(prove.Outcome) {
			if seen++; seen == after {
				cancel()
			}
		}
		report, err := prove.Run(ctx, in)
		cancel()
		if !errors.Is(err, context.Canceled) || len(report.Outcomes) < after || len(report.Problems) > 0 {
			t.Errorf("after %d: %v, %d outcomes, %v", after, err, len(report.Outcomes), report.Problems)
		}
		nothingLeft(t, s, e)
	}
}

// startVictim runs this test binary once more and waits until it proves.
func startVictim(t *testing.T, s *pgtest.Server) *run.Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	victim, err := run.Start(run.Spec{
		Name: self, Args: []string{"-test.run=^TestToBeKilled$"},
		Env: append(os.Environ(), killedEnv+"="+s.ConnString("postgres", "postgres")),
	}, w, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	var said []string
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if lines.Text() == "PROVING" {
			return victim
		}
		said = append(said, lines.Text())
	}
	t.Fatalf("the victim did not begin to prove:\n%s", strings.Join(said, "\n"))
	return nil
}
