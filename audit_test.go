package landlord_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"landlord"
	"landlord/internal/audit"
	"landlord/internal/hba"
	"landlord/internal/paste"
	"landlord/internal/pgtest"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// TestAuditOfTheQuestion: what an expert would say of the question that
// landlord began with, the worst first.
func TestAuditOfTheQuestion(t *testing.T) {
	text, err := os.ReadFile("internal/docgen/question.txt")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := paste.Parse("seed.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	in := landlord.AuditText(parsed, 0)
	in.Now = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	r := landlord.Audit(in)
	if r.Findings[0].Code != "hba-error" {
		t.Errorf("the worst is %s", r.Findings[0].Key)
	}
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Key)
	}
	for _, want := range []string{
		"hba-error:hba host all all md5", "hba-md5:hba local all all md5", "hba-superuser-password:hba local all all md5", "hba-all-all:hba local all all md5",
		"db-public-connect:database user1", "db-public-connect:database user2", "db-public-connect:database admin",
		"db-maintenance-open:database postgres", "db-maintenance-open:database template1", "role-createrole:role admin", "role-createdb:role admin",
		"server-eol:server", "db-owned-by-login:database user1", "db-create:database user1 for \"user1\"", "member-of-all:role admin", "role-login-group:role user1",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("it does not say %s: %q", want, got)
		}
	}
	for _, d := range r.Designs {
		if d.Spec != "" {
			if _, err := spec.Parse(d.Name, []byte(d.Spec)); err != nil {
				t.Errorf("%s: %v\n%s", d.Name, err, d.Spec)
			}
		}
		if d.HBA != "" {
			if f := hba.Parse("pg_hba.conf", []byte(d.HBA), hba.Options{Major: 9}); len(f.Errors) > 0 {
				t.Errorf("%s: %v\n%s", d.Name, f.Errors, d.HBA)
			}
		}
	}
	if len(r.Designs) < 2 || len(r.NotKnown) == 0 || len(r.Good) == 0 {
		t.Errorf("%d designs, %d not known, %d good", len(r.Designs), len(r.NotKnown), len(r.Good))
	}
}

const auditedSpec = `servers:
  main:
    connection: %s
    clients: [10.0.0.0/8]
    pools: {web: {database: shared}}
admins:
  ops: {data_access: full}
  watch: {data_access: read}
defaults:
  rights: ddl
  limits: {connections: 20}
tenants:
  acme: {}
  globex: {}
  initech: {isolation: schema, database: shared}
  umbrella: {isolation: schema, database: shared}
`

// TestAuditIsSilentOnOurOwn: on a server that landlord has set up the audit
// finds nothing. Which PostgreSQL is installed is not landlord's doing.
func TestAuditIsSilentOnOurOwn(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		e := estateOn(t, s)
		apply := func() {
			t.Helper()
			result, err := landlord.Apply(t.Context(), e, "main", landlord.Options{}, landlord.Hooks{})
			if err == nil {
				err = result.Err()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		apply()
		// A migration comes, and makes what PostgreSQL leaves open by default.
		for schema, database := range map[string]string{"acme": "acme", "globex": "globex", "initech": "shared", "umbrella": "shared"} {
			s.Exec(t, database, "SET ROLE "+schema+"_owner; SET search_path = "+schema+"; CREATE TABLE t (id serial PRIMARY KEY, n int); CREATE TABLE u (id int REFERENCES t ON DELETE CASCADE) PARTITION BY LIST (id); "+
				"CREATE TABLE u1 PARTITION OF u DEFAULT; CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t; CREATE TYPE kind AS ENUM ('a'); "+
				"CREATE FUNCTION f() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM t'")
		}
		apply()
		for _, name := range []string{"acme", "acme", "initech", "initech"} { // a password, then a second login, of which the spec knows nothing
			if _, err := landlord.Rotate(t.Context(), e, name, name+"_app", landlord.Rotation{}, landlord.Hooks{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, with := range []tenant.Estate{e, {}} {
			snap, err := landlord.Snapshot(t.Context(), landlord.SnapshotOptions{Conninfo: e.Servers[0].Connection})
			if err != nil {
				t.Fatal(err)
			}
			in := landlord.AuditSnapshot("main", snap, with, "main")
			in.Now = time.Now()
			found := landlord.Audit(in).Findings
			if !slices.ContainsFunc(found, func(f audit.Finding) bool {
				return f.Key == "member-pool:role web" && strings.Contains(f.What, "initech, umbrella")
			}) {
				t.Error("it does not say what a pool may become")
			}
			for _, f := range found {
				if f.Severity < audit.Advice && f.Code != "server-eol" && f.Code != "server-minor" {
					t.Errorf("%s: %s", f.Key, f.What)
				}
			}
		}
	}, pgtest.WithTLS())
}

func estateOn(t *testing.T, s *pgtest.Server) tenant.Estate {
	t.Helper()
	e, err := spec.Parse("landlord.yaml", []byte(fmt.Sprintf(auditedSpec, strconv.Quote(s.ConnString("postgres", "postgres")))))
	if err != nil {
		t.Fatal(err)
	}
	return e
}
