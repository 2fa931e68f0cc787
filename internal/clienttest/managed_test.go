package clienttest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"landlord"
	"landlord/internal/apply"
	"landlord/internal/pgtest"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// managedMajors are those that a managed service's master user is tried on:
// before 15 schema public is a superuser's.
func managedMajors() []int {
	majors := slices.DeleteFunc(pgtest.Majors(), func(major int) bool { return major < 15 })
	if all() || len(majors) < 2 {
		return majors
	}
	return []int{majors[0], majors[len(majors)-1]}
}

// ofMasters says whether somebody without SUPERUSER could have made a mess.
func (m mess) ofMasters() bool {
	return !strings.Contains(m.server, "SUPERUSER") && m.maker != "postgres" && m.first == ""
}

// makeAsMaster makes the mess as a managed service's master user, who has made
// all roles and databases there.
func (m mess) makeAsMaster(t *testing.T, s *pgtest.Server) {
	t.Helper()
	const me = "SET SESSION AUTHORIZATION master"
	s.Exec(t, "", "CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'sesame'", me,
		"CREATE ROLE user1 LOGIN PASSWORD 'user1-password'; CREATE ROLE dev; CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD 'admin-password'",
		"CREATE DATABASE user1", me+"; "+orNothing(strings.Replace(m.server, "ALTER DATABASE", "RESET SESSION AUTHORIZATION; ALTER DATABASE", 1)))
	s.Exec(t, "user1", "GRANT CREATE ON DATABASE user1 TO "+m.maker+"; GRANT ALL ON SCHEMA public TO PUBLIC; SET ROLE "+m.maker+
		"; CREATE SCHEMA IF NOT EXISTS "+m.schemas[0]+"; CREATE SCHEMA audit; SET search_path = "+m.schemas[0]+"; "+objects, orNothing(m.after))
}

// managed is the estate as the master user takes it over.
func (m mess) managed(t *testing.T, s *pgtest.Server) tenant.Estate {
	t.Helper()
	passfile := t.TempDir() + "/pgpass"
	if err := os.WriteFile(passfile, []byte("*:*:*:master:sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := m.estate(t, s)
	e.Servers[0].Connection = s.TCPConnString("postgres", "master") + " passfile=" + passfile
	return e
}

// A master user takes a database over in the same order as a superuser: after
// each of its transactions every client does its work anew. On the newest major
// other clients are at work all the while.
func TestManagedAdoption(t *testing.T) {
	t.Parallel()
	majors := managedMajors()
	for _, major := range majors {
		for i, m := range messes() {
			if !m.ofMasters() || i > 0 && major != majors[len(majors)-1] { // what versions differ in, the first shows
				continue
			}
			t.Run(fmt.Sprintf("postgres-%d/%s", major, m.name), func(t *testing.T) {
				t.Parallel()
				s := pgtest.Start(t, major, pgtest.WithTCP(), pgtest.WithHBA(questionHBA))
				m.makeAsMaster(t, s)
				e := m.managed(t, s)
				clients := onCall(t, 2, ways(s)...)
				defer clients.home()
				if major == majors[len(majors)-1] {
					busy := gather(t, 2, 60*time.Millisecond, s.ConnString("user1", "user1")+" password=user1-password")
					defer busy.home()
				}
				stepByStep(t, e, clients)
				rest, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range rest.Steps {
					t.Errorf("still to do: %s: %q", s.Why, s.SQL)
				}
				for _, n := range rest.Notes {
					if n.Cannot && strings.Contains(n.What, "belongs to") && !strings.Contains(n.What, "database postgres") && !strings.Contains(n.What, "database template1") {
						t.Errorf("cannot: %s", n.What)
					}
				}
			})
		}
	}
}

// stepByStep runs a plan's transactions one after the other, and lets all
// clients work after each.
func stepByStep(t *testing.T, e tenant.Estate, clients *crowd) {
	t.Helper()
	p, err := landlord.Plan(t.Context(), e, "main", landlord.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := apply.Options{Conninfo: e.Servers[0].Connection}
	after := func(what string) {
		t.Helper()
		if clients.call(); clients.failed() {
			t.Fatalf("after %s", what)
		}
	}
	for run := range plan.Runs(p.Steps) {
		if run[0].Phase >= plan.Houses && p.HBA != nil {
			if err := apply.WriteHBA(t.Context(), o.Conninfo, *p.HBA); err != nil {
				t.Fatal(err)
			}
			p.HBA = nil
			after("pg_hba.conf")
		}
		result, err := patiently(t, func() (apply.Result, error) {
			return apply.Run(context.WithoutCancel(t.Context()), plan.Plan{Steps: run}, o)
		})
		if err != nil || result.Err() != nil {
			t.Fatalf("%v; %v", err, result.Err())
		}
		after(fmt.Sprintf("%q: %q", run[len(run)-1].Why, run[len(run)-1].SQL))
	}
}
