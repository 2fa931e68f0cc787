package apply_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"landlord/internal/apply"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
)

// A statement that waits for somebody's lock says whose, while it waits and
// when it has given up; once the lock is gone, the same plan goes through.
func TestSaysWhoBlocks(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		s.Exec(t, "", "CREATE TABLE shop (n int)", "CREATE ROLE clerk LOGIN", "GRANT ALL ON shop TO clerk")
		p := plan.Plan{Steps: []plan.Step{{Phase: plan.Houses, Group: "tenant a", Why: "a column is missing", SQL: []string{"ALTER TABLE public.shop ADD m int"}}}}
		clerk := s.Connect(t, "", "clerk")
		if _, err := clerk.Exec(t.Context(), "BEGIN; SET application_name = 'till'; SELECT 'my secret' FROM shop"); err != nil {
			t.Fatal(err)
		}
		var told atomic.Int32
		o := apply.Options{Conninfo: s.ConnString("postgres", "postgres"), Lock: 4 * time.Second, Blocked: func(b []apply.Blocker) { told.Add(int32(len(b))) }}
		result, err := apply.Run(t.Context(), p, o)
		if err != nil || len(result.Failed) != 1 {
			t.Fatal(result, err)
		}
		e, ok := result.Failed[0].Err.(*apply.StepError)
		if !ok || e.State != "55P03" {
			t.Fatal(result.Failed[0].Err)
		}
		pid := clerk.PgConn().PID()
		for _, want := range []string{
			fmt.Sprintf("session %d of clerk in database postgres (till, idle in transaction, in a transaction since ", pid),
			fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid), "run it again",
		} {
			if !strings.Contains(e.Hint(), want) {
				t.Errorf("the hint lacks %q: %s", want, e.Hint())
			}
		}
		if strings.Contains(e.Hint(), "secret") || told.Load() != 1 {
			t.Errorf("told %d times: %s", told.Load(), e.Hint())
		}
		if _, err := clerk.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		if result, err := apply.Run(t.Context(), p, o); err != nil || result.Err() != nil || told.Load() != 1 {
			t.Error(result, err, told.Load())
		}
	}, pgtest.WithTrust())
}

// A statement that fails outside of a transaction takes the role that it ran
// as along: the next one, over the same worker, is landlord itself again.
func TestFailedStepLeavesNoRole(t *testing.T) {
	majors := pgtest.Majors()
	s := pgtest.Start(t, majors[len(majors)-1])
	s.Exec(t, "", "CREATE ROLE weak")
	p := plan.Plan{Steps: []plan.Step{
		{Phase: plan.Houses, Group: "a", Why: "fails", As: "weak", Alone: true, SQL: []string{"CREATE DATABASE nope"}},
		{Phase: plan.Houses, Group: "b", Why: "goes on", SQL: []string{"CREATE ROLE made"}},
	}}
	result, err := apply.Run(t.Context(), p, apply.Options{Conninfo: s.ConnString("postgres", "postgres"), Parallel: 1})
	if err != nil || len(result.Failed) != 1 || result.Applied != 1 || result.Failed[0].Group != "a" {
		t.Error(result.Applied, result.Err(), err)
	}
}
