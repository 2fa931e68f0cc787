package catalog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"landlord/internal/catalog"
	"landlord/internal/hba"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/snapshot"
)

// contentsOf finds one database in a snapshot.
func contentsOf(t *testing.T, s snapshot.Snapshot, name string) snapshot.Contents {
	t.Helper()
	i := slices.IndexFunc(s.Contents, func(c snapshot.Contents) bool { return c.Database == name })
	if i < 0 {
		t.Fatalf("database %s is not in the snapshot: %v", name, s.Unread)
	}
	return s.Contents[i]
}

func census(t *testing.T, o catalog.CensusOptions) snapshot.Snapshot {
	t.Helper()
	s, err := catalog.Census(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// furnish makes one of everything in a database.
func furnish(t *testing.T, s *pgtest.Server) {
	t.Helper()
	s.Exec(t, "", `CREATE ROLE acme NOLOGIN; CREATE ROLE acme_owner NOLOGIN; CREATE ROLE acme_app LOGIN PASSWORD 'acme_app' IN ROLE acme;
		SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'old'; CREATE ROLE other LOGIN PASSWORD 'long and different'`,
		`CREATE DATABASE acme`, `REVOKE CONNECT ON DATABASE acme FROM PUBLIC`)
	s.Exec(t, "acme", `CREATE SCHEMA a AUTHORIZATION acme_owner;
		CREATE TABLE a.t (id serial PRIMARY KEY, who text, n int GENERATED ALWAYS AS IDENTITY);
		ALTER TABLE a.t OWNER TO acme_owner;
		ALTER TABLE a.t ENABLE ROW LEVEL SECURITY; ALTER TABLE a.t FORCE ROW LEVEL SECURITY;
		CREATE POLICY p ON a.t AS RESTRICTIVE FOR UPDATE TO acme_app, old USING (who = 'x') WITH CHECK (true);
		GRANT SELECT (who) ON a.t TO acme_app;
		CREATE VIEW a.v AS SELECT who FROM a.t;
		CREATE TABLE a.k (n int, who text, CHECK (n > 0), UNIQUE (who, n)); CREATE UNIQUE INDEX ON a.k (who) WHERE n > 1; GRANT REFERENCES ON a.k TO acme_app;
		CREATE TABLE a.calls (n int); ALTER TABLE a.calls OWNER TO acme_owner;
		CREATE FUNCTION a.even(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'; ALTER FUNCTION a.even(int) OWNER TO old;
		CREATE DOMAIN a.positive AS int CHECK (a.even(VALUE)); ALTER TABLE a.calls ADD m a.positive, ADD CHECK (a.even(n)), ADD o bool DEFAULT a.even(1);
		CREATE INDEX ON a.calls (a.even(n)); CREATE POLICY q ON a.calls USING (a.even(n)); CREATE VIEW a.called AS SELECT a.even(1);
		CREATE VIEW a.own AS SELECT a.even(2); ALTER VIEW a.own OWNER TO old;
		CREATE TABLE a.parts (n int) PARTITION BY RANGE (n);
		CREATE TABLE a.part PARTITION OF a.parts FOR VALUES FROM (1) TO (2);
		CREATE FUNCTION a.tick() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = a, pg_temp AS 'BEGIN RETURN NEW; END';
		CREATE TRIGGER tick BEFORE INSERT ON a.t FOR EACH ROW EXECUTE PROCEDURE a.tick();
		CREATE FUNCTION a.ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
		CREATE EVENT TRIGGER ddl ON ddl_command_end EXECUTE PROCEDURE a.ddl();
		CREATE RULE r AS ON DELETE TO a.t DO ALSO NOTHING;
		CREATE EXTENSION postgres_fdw;
		CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h', dbname 'd', port '1');
		GRANT USAGE ON FOREIGN SERVER far TO acme;
		CREATE USER MAPPING FOR acme SERVER far OPTIONS (user 'u', password 'hidden-secret');
		CREATE USER MAPPING FOR PUBLIC SERVER far;
		CREATE FOREIGN TABLE a.f (n int) SERVER far;
		CREATE PUBLICATION pub FOR ALL TABLES;
		SELECT lo_create(0), lo_create(0);
		GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO acme;
		REVOKE SELECT ON pg_catalog.pg_views FROM PUBLIC; GRANT SELECT ON pg_catalog.pg_views TO PUBLIC;
		CREATE AGGREGATE a.total (int) (sfunc = int4pl, stype = int);
		ALTER DEFAULT PRIVILEGES FOR ROLE acme_owner IN SCHEMA a GRANT SELECT ON TABLES TO acme_app`)
}

// calls are those of function even by a relation.
func calls(relation string, in ...string) []snapshot.Call {
	var list []snapshot.Call
	for _, kind := range in {
		list = append(list, snapshot.Call{Schema: "a", Relation: relation, In: kind, Function: "a.even(integer)"})
	}
	return list
}

func TestCensusSeesEverything(t *testing.T) {
	pgtest.Each(t, seesEverything)
}

// TestCensusOfOldServers is about majors that landlord judges and does not
// change. They are installed with the others.
func TestCensusOfOldServers(t *testing.T) {
	for _, major := range []int{10, 12} {
		t.Run(fmt.Sprintf("postgres-%d", major), func(t *testing.T) { seesEverything(t, pgtest.Start(t, major)) })
	}
}

func seesEverything(t *testing.T, s *pgtest.Server) {
	furnish(t, s)
	if s.Major() > 10 { // what is included in an index is no part of its key
		s.Exec(t, "acme", `CREATE UNIQUE INDEX ON a.k (n) INCLUDE (who)`)
	} else {
		s.Exec(t, "acme", `CREATE UNIQUE INDEX ON a.k (n)`)
	}
	got := census(t, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres")})
	if s.Major() == 10 { // the archive that it is fetched from has newer extensions, which it cannot read
		got.Unread = slices.DeleteFunc(got.Unread, func(u snapshot.Unread) bool { return u.Part == snapshot.PartAvailable })
	}
	wantUnread := []snapshot.Unread{{Part: snapshot.PartContents, Database: "template0", Reason: "the database takes no connections"}}
	if diff := cmp.Diff(wantUnread, got.Unread); diff != "" {
		t.Error(diff)
	}
	c := contentsOf(t, got, "acme")
	if c.Error != "" {
		t.Fatal(c.Error)
	}
	want := snapshot.Inside{
		Wrappers:      []snapshot.Wrapper{{Name: "postgres_fdw", Owner: "postgres"}},
		Servers:       []snapshot.ForeignServer{{Name: "far", Wrapper: "postgres_fdw", Owner: "postgres", Host: "h", Port: "1", Database: "d"}},
		Mappings:      []snapshot.UserMapping{{Server: "far", Hidden: true}, {Server: "far", Role: "acme", User: "u", Password: true}},
		ForeignTables: []snapshot.ForeignTable{{Schema: "a", Table: "f", Server: "far"}},
		Policies:      []snapshot.Policy{{Schema: "a", Table: "t", Name: "p", Command: "UPDATE", Roles: []string{"acme_app", "old"}, Using: "(who = 'x'::text)", Check: "true"}},
		Triggers:      []snapshot.Trigger{{Schema: "a", Table: "t", Name: "tick", Function: "a.tick()"}},
		EventTriggers: []snapshot.EventTrigger{{Name: "ddl", Event: "ddl_command_end", Owner: "postgres", Function: "a.ddl()"}},
		Rules:         []snapshot.Rule{{Schema: "a", Relation: "t", Name: "r", Event: "DELETE"}},
		Publications:  []snapshot.Publication{{Name: "pub", Owner: "postgres", AllTables: true}},
		Inherits:      []snapshot.Inherit{{Schema: "a", Table: "part", ParentSchema: "a", Parent: "parts"}},
		Reads:         []snapshot.Read{{Schema: "a", View: "v", FromSchema: "a", From: "t"}},
		Keys: []snapshot.Key{{Schema: "a", Table: "k", Columns: []string{"n", "who"}, Types: []string{"integer", "text"}},
			{Schema: "a", Table: "k", Columns: []string{"n"}, Types: []string{"integer"}}},
		Calls: calls("calls", "check", "default", "domain", "index", "policy"),
		SequenceOf: []snapshot.SequenceOf{{Schema: "a", Sequence: "t_id_seq", Table: "t", Column: "id"},
			{Schema: "a", Sequence: "t_n_seq", Table: "t", Column: "n", Identity: true}},
		LargeACLs: []snapshot.LargeObjectACL{{Owner: "postgres", Count: 2}},
	}
	want.Calls = append(want.Calls, calls("called", "query")...)
	want.Policies = append([]snapshot.Policy{{Schema: "a", Table: "calls", Name: "q", Command: "ALL", Permissive: true, Roles: []string{""}, Using: "a.even(n)"}}, want.Policies...)
	sorted := cmpopts.SortSlices(func(a, b snapshot.SequenceOf) bool { return a.Sequence < b.Sequence })
	sortedCalls := cmpopts.SortSlices(func(a, b snapshot.Call) bool { return a.Relation+a.In < b.Relation+b.In })
	ignored := cmpopts.IgnoreFields(snapshot.Inside{}, "Languages", "Extensions", "SystemACLs")
	if diff := cmp.Diff(want, c.Inside, cmpopts.IgnoreFields(snapshot.ForeignServer{}, "ACL"), ignored, sorted, sortedCalls); diff != "" {
		t.Error(diff)
	}
	if len(c.Languages) != 1 || len(c.Extensions) != 2 {
		t.Errorf("languages %v, extensions %v", c.Languages, c.Extensions)
	}
	if len(c.SystemACLs) != 1 || c.SystemACLs[0].Identity != "pg_ls_dir(text)" {
		t.Errorf("of the system's objects: %+v", c.SystemACLs)
	}
	checkFlags(t, c)
	checkRoles(t, got)
	checkSystem(t, s)
	checkReads(t, s)
	checkSignatures(t, s)
}

// checkReads: of the system's own, information_schema counts, and rules read as
// views do.
func checkReads(t *testing.T, s *pgtest.Server) {
	t.Helper()
	s.Exec(t, "postgres", `CREATE SCHEMA b; CREATE VIEW b.v AS SELECT t.table_name, u.relname FROM information_schema.tables AS t, pg_stat_user_tables AS u;
		CREATE TABLE b.t (n int); CREATE TABLE b.log (n int); CREATE RULE r AS ON INSERT TO b.t DO ALSO DELETE FROM b.log`)
	c := contentsOf(t, census(t, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres"), Databases: []string{"postgres"}}), "postgres")
	want := []snapshot.Read{{Schema: "b", View: "t", FromSchema: "b", From: "log"}, {Schema: "b", View: "v", FromSchema: "information_schema", From: "tables"}}
	if diff := cmp.Diff(want, c.Reads, cmpopts.SortSlices(func(a, b snapshot.Read) bool { return a.View < b.View })); diff != "" {
		t.Error(diff)
	}
}

// checkSignatures: what the program puts together is what the server says.
func checkSignatures(t *testing.T, s *pgtest.Server) {
	t.Helper()
	rows, err := s.Connect(t, "postgres", "").Query(t.Context(), `SELECT proname::text, proargtypes::text, oid::regprocedure::text FROM pg_proc WHERE pronamespace = 11`)
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for rows.Next() {
		var name, types, want string
		if err := rows.Scan(&name, &types, &want); err != nil {
			t.Fatal(err)
		}
		if got := catalog.Signature(name, types); got == want {
			known++
		} else if got != "" {
			t.Errorf("%s(%s) is %q, and not %q", name, types, want, got)
		}
	}
	if err := rows.Err(); err != nil || known < 100 {
		t.Errorf("%d are known, %v", known, err)
	}
}

// checkSystem changes one thing of the system's at a time: each is a sign of
// its own that there is something to read.
func checkSystem(t *testing.T, s *pgtest.Server) {
	for _, c := range [][3]string{
		{"information_schema", "REVOKE USAGE ON SCHEMA information_schema FROM PUBLIC", "GRANT USAGE ON SCHEMA information_schema TO PUBLIC"},
		{"pg_sleep(double precision)", "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep FROM PUBLIC", "GRANT EXECUTE ON FUNCTION pg_catalog.pg_sleep TO PUBLIC"},
		{"inet", "REVOKE USAGE ON TYPE pg_catalog.inet FROM PUBLIC", "GRANT USAGE ON TYPE pg_catalog.inet TO PUBLIC"},
		{"pg_authid", "GRANT SELECT (rolname) ON pg_catalog.pg_authid TO PUBLIC", "REVOKE SELECT (rolname) ON pg_catalog.pg_authid FROM PUBLIC"},
		{"columns", "GRANT INSERT ON information_schema.columns TO acme", "REVOKE INSERT ON information_schema.columns FROM acme"},
		{}, // nothing is changed any more
	} {
		if c[1] != "" {
			s.Exec(t, "postgres", c[1])
		}
		got := contentsOf(t, census(t, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres"), Databases: []string{"postgres"}}), "postgres").SystemACLs
		if c[1] == "" {
			if len(got) > 0 {
				t.Errorf("all is as it was, and there is %+v", got)
			}
			continue
		}
		if len(got) != 1 || got[0].Identity != c[0] {
			t.Errorf("after %s: %+v", c[1], got)
		}
		s.Exec(t, "postgres", c[2])
	}
}

func checkFlags(t *testing.T, c snapshot.Contents) {
	t.Helper()
	for _, r := range c.Relations {
		table := r.Name == "t"
		if r.RLS != table || r.Forced != table || r.Partition != (r.Name == "part") || r.Invoker {
			t.Errorf("%+v", r)
		}
	}
	for _, r := range c.Routines {
		want := snapshot.Routine{Schema: "a", Signature: r.Signature, Owner: "postgres"}
		switch r.Signature {
		case "a.tick()":
			want.Language, want.Definer, want.Config, want.Returns = "plpgsql", true, []string{"search_path=a, pg_temp"}, "trigger"
		case "a.ddl()":
			want.Language, want.Returns, want.EventTrigger = "plpgsql", "event_trigger", true
		case "a.total(integer)":
			want.Language, want.Aggregate = "internal", true
		default:
			continue // postgres_fdw's own
		}
		if diff := cmp.Diff(want, r); diff != "" {
			t.Error(diff)
		}
	}
}

func checkRoles(t *testing.T, s snapshot.Snapshot) {
	t.Helper()
	got := map[string][]any{}
	for _, r := range s.Roles {
		if !strings.HasPrefix(r.Name, "pg_") {
			got[r.Name] = []any{r.Verifier, r.Iterations > 0, r.PasswordIsName}
		}
	}
	want := map[string][]any{
		"postgres": {"none", false, false}, "acme": {"none", false, false}, "acme_owner": {"none", false, false},
		"old": {"md5", false, true}, "other": {"md5", false, false},
		"acme_app": {"scram-sha-256", true, true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCensusAsAnybody(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		furnish(t, s)
		got := census(t, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "other")})
		for _, part := range []snapshot.Part{snapshot.PartVerifiers, snapshot.PartWeakness, snapshot.PartHBA, snapshot.PartHBAErrors, snapshot.PartIdent} {
			if got.Knows(part) {
				t.Errorf("%s is said to be known", part)
			}
		}
		for _, part := range []snapshot.Part{snapshot.PartRoles, snapshot.PartMemberships, snapshot.PartSlots, snapshot.PartSubscriptions, snapshot.PartParameterACLs} {
			if why := got.WhyUnread("", part); why != "" {
				t.Errorf("%s: %s", part, why)
			}
		}
		if why := got.WhyUnread("acme", snapshot.PartRelations); !strings.Contains(why, "permission denied for database") {
			t.Errorf("acme: %q", why)
		}
		s.Exec(t, "", "GRANT CONNECT ON DATABASE acme TO other")
		s.Exec(t, "acme", "REVOKE SELECT ON pg_policy FROM PUBLIC")
		got = census(t, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "other"), Databases: []string{"acme"}})
		if why := got.WhyUnread("acme", snapshot.PartPolicies); !strings.Contains(why, "permission denied for") {
			t.Errorf("policies: %q", why)
		}
		if why := got.WhyUnread("postgres", snapshot.PartRelations); why != "nobody asked for it" {
			t.Errorf("postgres: %q", why)
		}
		c := contentsOf(t, got, "acme")
		if len(c.Triggers) != 1 || len(c.Relations) == 0 || len(c.Mappings) != 2 || !c.Mappings[1].Hidden {
			t.Errorf("%+v", c.Inside)
		}
	}, pgtest.WithTrust())
}

// TestCensusIsSafe: it leaks no secret, waits for no lock for long, writes
// nothing, and no owner of a database turns it.
func TestCensusIsSafe(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		furnish(t, s)
		s.Exec(t, "acme", `CREATE FUNCTION public.mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'`,
			`CREATE FUNCTION public.trap() RETURNS oid LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$turned$$; END'`,
			`CREATE VIEW public.pg_class AS SELECT public.trap() AS oid`, `CREATE VIEW public.pg_roles AS SELECT public.trap() AS oid`,
			`CREATE VIEW public.pg_namespace AS SELECT public.trap() AS oid`, `CREATE VIEW public.pg_depend AS SELECT public.trap() AS oid`,
			`CREATE FUNCTION public.pg_get_userbyid(oid) RETURNS name LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$turned$$; END'`,
			`CREATE FUNCTION public.same(name, name) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$turned$$; END'`,
			`CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = name, PROCEDURE = public.same)`)
		if s.Major() >= 17 {
			s.Exec(t, "acme", `CREATE FUNCTION a.login() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$turned$$; END'`,
				`ALTER DATABASE acme SET transaction_timeout = 1`, `CREATE EVENT TRIGGER login ON login EXECUTE FUNCTION a.login()`)
		}
		s.Exec(t, "", `ALTER DATABASE acme SET search_path = public, pg_catalog`, `ALTER DATABASE acme SET quote_all_identifiers = on`,
			`ALTER DATABASE acme SET statement_timeout = 1`, `ALTER DATABASE acme SET lock_timeout = 1`, `ALTER DATABASE acme SET datestyle = 'German'`,
			`ALTER DATABASE acme SET role = 'other'`, `ALTER DATABASE acme SET default_transaction_read_only = on`,
			// Whoever connects without care is turned away: there are no such libraries.
			`ALTER DATABASE acme SET local_preload_libraries = 'trap'`, `ALTER DATABASE acme SET session_preload_libraries = 'trap'`)
		if s.Major() >= 14 {
			s.Exec(t, "", `ALTER DATABASE acme SET idle_session_timeout = 1`)
		}
		before := s.Log(t)
		got := census(t, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres")})
		c := contentsOf(t, got, "acme")
		if c.Error != "" || len(got.Unread) != 1 || c.Triggers[0].Function != "a.tick()" {
			t.Errorf("%s %v %v", c.Error, got.Unread, c.Triggers)
		}
		var b bytes.Buffer
		if err := snapshot.Encode(&b, got); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"hidden-secret", "SCRAM-SHA-256$", "long and different"} {
			if strings.Contains(b.String(), secret) {
				t.Errorf("%q is in the snapshot", secret)
			}
		}
		if log := strings.TrimPrefix(s.Log(t), before); strings.Contains(log, "ERROR") {
			t.Errorf("the server complains:\n%s", log)
		}
		var back map[string]any
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || back["format"] != 1.0 {
			t.Errorf("%v, format %v", err, back["format"])
		}
	})
}

func TestCensusWaitsForNoLockForEver(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		furnish(t, s)
		locker := s.Connect(t, "acme", "")
		if _, err := locker.Exec(t.Context(), "BEGIN; LOCK TABLE a.t; LOCK TABLE a.v"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // CensusLock and the work, even on a machine that has much to do
		defer cancel()
		got, err := catalog.Census(ctx, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres")})
		if err != nil {
			t.Fatal(err)
		}
		c := contentsOf(t, got, "acme")
		if c.Error != "" || len(c.Triggers) != 1 {
			t.Errorf("%q %v", c.Error, c.Triggers)
		}
	})
}

func TestCensusReadsIncludedFiles(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		if err := os.WriteFile(filepath.Join(s.DataDir(), "list"), []byte("acme, globex\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		text := localpg.DefaultHBA + "local @list all reject\nhost all all 127.0.0.2/32 radius radiusservers=127.0.0.1 radiussecrets=hidden-secret\n"
		if s.Major() >= 16 {
			if err := os.WriteFile(filepath.Join(s.DataDir(), "more.conf"), []byte("local all all reject\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			text += "include more.conf\ninclude_if_exists none.conf\n"
		}
		s.SetHBA(t, text)
		if err := s.WriteHBA(text + "local all all nonsense\n"); err != nil {
			t.Fatal(err)
		}
		got := census(t, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres")}).HBA
		if got == nil || !strings.HasPrefix(got.Text, localpg.DefaultHBA) || got.Ident == nil || got.Ident.Text == "" {
			t.Fatalf("%+v", got)
		}
		if strings.Contains(got.Text, "hidden-secret") || !strings.Contains(got.Text, "radiussecrets=***") {
			t.Errorf("a secret is in the snapshot: %s", got.Text)
		}
		if list, err := got.Read(filepath.Join(s.DataDir(), "list")); err != nil || string(list) != "acme, globex\n" {
			t.Errorf("list: %q, %v", list, err)
		}
		if s.Major() >= 16 && len(got.Included) != 3 {
			t.Errorf("included: %+v", got.Included)
		}
		if len(got.Errors) != 1 || !strings.Contains(got.Errors[0].Message, "nonsense") || got.Errors[0].File != got.Path {
			t.Errorf("errors: %+v", got.Errors)
		}
	})
}

// TestCensusOfRulesThatAreShown: a role that may look at pg_hba_file_rules and
// not at the file learns the rules from there.
func TestCensusOfRulesThatAreShown(t *testing.T) {
	for _, major := range ends(pgtest.Majors()) {
		s := pgtest.Start(t, major)
		s.Exec(t, "", `CREATE ROLE looker LOGIN`, `GRANT SELECT ON pg_hba_file_rules TO looker; GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO looker`)
		if major >= 15 {
			s.Exec(t, "", `GRANT SELECT ON pg_ident_file_mappings TO looker; GRANT EXECUTE ON FUNCTION pg_ident_file_mappings() TO looker`)
			if err := os.WriteFile(filepath.Join(s.DataDir(), "pg_ident.conf"), []byte("# x\nm \"a b\" looker\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s.SetHBA(t, localpg.DefaultHBA+"local all looker trust\n# why\nhost \"a b\",c +d 10.0.0.0/8 radius radiusservers=127.0.0.1 radiussecrets=hidden-secret\nlocal all other peer map=m\n")
		got := census(t, catalog.CensusOptions{Conninfo: s.ConnString("postgres", "looker")}).HBA
		if got == nil || !got.Rebuilt || strings.Contains(got.Text, "hidden-secret") {
			t.Fatalf("%+v", got)
		}
		f := hba.Parse("f", []byte(got.Text), hba.Options{Major: major})
		rules := f.Rules()
		last := rules[len(rules)-1]
		if len(f.Errors) > 0 || len(rules) < 4 || last.Line != 2+strings.Count(localpg.DefaultHBA, "\n")+2 || rules[len(rules)-2].Databases[0].Text != "a b" {
			t.Errorf("%v, line %d of\n%s", f.Errors, last.Line, got.Text)
		}
		if major >= 15 && (got.Ident == nil || got.Ident.Text != "\nm \"a b\" looker\n") {
			t.Errorf("%+v", got.Ident)
		}
	}
}

// ends are the oldest and the newest.
func ends(majors []int) []int {
	return slices.Compact([]int{slices.Min(majors), slices.Max(majors)})
}

func TestCensusOfADatabaseThatIsNotThere(t *testing.T) {
	majors := pgtest.Majors()
	s := pgtest.Start(t, majors[len(majors)-1])
	_, err := catalog.Census(t.Context(), catalog.CensusOptions{Conninfo: s.ConnString("postgres", "postgres"), Databases: []string{"nowhere"}})
	if err == nil || err.Error() != `there is no database "nowhere" on the server` {
		t.Error(err)
	}
}

// TestADatabaseMadeAnew: its number was another one when the server was asked
// which there are.
func TestADatabaseMadeAnew(t *testing.T) {
	majors := pgtest.Majors()
	s := pgtest.Start(t, majors[len(majors)-1])
	s.Exec(t, "", "CREATE DATABASE acme")
	anew := func(snap snapshot.Snapshot) []string {
		s.Exec(t, "", "DROP DATABASE acme", "CREATE DATABASE acme")
		return []string{"acme"}
	}
	got, err := catalog.Read(t.Context(), catalog.Options{Conninfo: s.ConnString("postgres", "postgres"), Want: anew})
	if err != nil || !strings.Contains(got.Contents[0].Error, "made anew") {
		t.Errorf("%v, %q", err, got.Contents[0].Error)
	}
}
