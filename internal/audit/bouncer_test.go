package audit

import (
	"slices"
	"strings"
	"testing"

	"landlord/internal/snapshot"
)

// TestLookupFunctionOfPgBouncer: a function that auth_query calls is judged by
// what the server says of it.
func TestLookupFunctionOfPgBouncer(t *testing.T) {
	for name, c := range map[string]struct {
		routine snapshot.Routine
		want    string
	}{
		"closed and pinned": {snapshot.Routine{ACL: mustACL("{postgres=X/postgres,looker=X/postgres}"), Config: []string{"search_path=pg_catalog, pg_temp"}}, ""},
		"everybody's":       {snapshot.Routine{Config: []string{"search_path=pg_catalog, pg_temp"}}, "PUBLIC may run"},
		"not pinned":        {snapshot.Routine{ACL: mustACL("{postgres=X/postgres}")}, "sets no search_path"},
	} {
		t.Run(name, func(t *testing.T) {
			in := clean()
			in.bouncer("auth_user = looker\nauth_query = SELECT * FROM pgbouncer.user_lookup($1)\n")
			c.routine.Schema, c.routine.Signature, c.routine.Owner, c.routine.Definer, c.routine.Language = "pgbouncer", "pgbouncer.user_lookup(text)", "postgres", true, "sql"
			in.acme().Routines = append(in.acme().Routines, c.routine)
			found := Judge(*in).Findings
			i := slices.IndexFunc(found, func(f Finding) bool { return f.Code == "bouncer-auth-query" })
			if c.want == "" && i >= 0 || c.want != "" && (i < 0 || !strings.Contains(found[i].What, c.want) || len(found[i].Fix) == 0) {
				t.Errorf("%d: %+v", i, found)
			}
		})
	}
}

// TestWhatTheRuleAsksForIsRight: the query that the rule writes is one at which
// it is silent.
func TestWhatTheRuleAsksForIsRight(t *testing.T) {
	in := clean()
	in.bouncer("auth_user = looker\n")
	for i, want := range []int{1, 0} {
		found := slices.DeleteFunc(Judge(*in).Findings, func(f Finding) bool { return f.Code != "bouncer-auth-query" })
		if len(found) != want {
			t.Fatalf("round %d: %+v", i, found)
		}
		if want == 1 {
			in.bouncer("auth_user = looker\n" + found[0].Fix[0].Text + "\n")
		}
	}
}
