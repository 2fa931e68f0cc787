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

// TestQueriesOfDatabases: a database may look passwords up by a query of its own,
// whatever the section [pgbouncer] says.
func TestQueriesOfDatabases(t *testing.T) {
	const good = "auth_user = looker\nauth_query = " + rightQuery + "\n"
	own := func(q string) string { return "auth_query='" + strings.ReplaceAll(q, "'", "''") + "'" }
	for name, c := range map[string]struct {
		databases, settings string
		want                []string // of each finding's object and text
	}{
		"as the section says":              {"a = host=/run\n", good, nil},
		"its own, as good":                 {"a = host=/run " + own(rightQuery+" AND true") + "\n", good, nil},
		"its own, careless":                {"a = host=/run\nb = host=/run " + own("SELECT usename, passwd FROM pg_shadow WHERE usename=$1") + "\n", good, []string{"auth_query of b: The query of b itself: its tables"}},
		"of two, and the section's":        {"a = host=/run " + own("select 1") + "\nb = host=/run " + own("select 1") + "\nc = host=/run\n", "auth_user = looker\n", []string{"auth_query of a: The query of a, and of 1 more", "auth_query: auth_query is not set"}},
		"a careless one that nobody uses":  {"a = host=/run " + own(rightQuery) + "\n", "auth_user = looker\n", nil},
		"one without a user to ask it":     {"a = host=/run " + own("select 1") + "\n", "", nil},
		"a user of its own, and the query": {"a = host=/run auth_user=looker " + own("select * from lookup($1)") + "\n", "", []string{"auth_query of a: The query of a itself: the function lookup is not qualified"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := clean()
			setBouncer(in, "[databases]\n"+c.databases+"[pgbouncer]\nauth_type = scram-sha-256\n"+c.settings)
			found := slices.DeleteFunc(Judge(*in).Findings, func(f Finding) bool { return f.Code != "bouncer-auth-query" })
			ok := len(found) == len(c.want)
			for _, want := range c.want {
				ok = ok && slices.ContainsFunc(found, func(f Finding) bool {
					return strings.HasPrefix(f.Object.Name+": "+f.What, want) && f.Place != nil == strings.Contains(want, " of ")
				})
			}
			if !ok {
				t.Fatalf("%+v\nwant %q", found, c.want)
			}
			for _, f := range found { // what is asked for is right, in the line of the database too
				line, _, inLine := strings.Cut(f.Fix[0].Text, " = … ")
				if !inLine {
					continue
				}
				mended := strings.Replace(f.Fix[0].Text, "…", "host=/run auth_user=looker", 1)
				setBouncer(in, "[databases]\n"+mended+"\n[pgbouncer]\nauth_type = scram-sha-256\n")
				if slices.ContainsFunc(Judge(*in).Findings, func(f Finding) bool { return f.Code == "bouncer-auth-query" }) {
					t.Errorf("%s is found again with %s", line, mended)
				}
			}
		})
	}
}

// TestPasswordsOfDatabases: a password in a line of [databases] is in no finding.
func TestPasswordsOfDatabases(t *testing.T) {
	in := clean()
	setBouncer(in, "[databases]\n* = host=/run password=topsecret\npostgres = password='top''secret'\n[pgbouncer]\n")
	n := 0
	for _, f := range Judge(*in).Findings {
		if f.Code != "bouncer-star" {
			continue
		}
		n++
		if strings.Contains(f.What+f.Fix[0].Text, "secret") {
			t.Errorf("%+v", f)
		}
	}
	if n != 2 {
		t.Errorf("%d findings", n)
	}
}
