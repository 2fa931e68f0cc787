package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// A run's newcomers are taken back as far as they are of the run, empty, and shut.
func TestTakeBack(t *testing.T) {
	newcomer := func(name string, m tenant.Model, database string) tenant.Tenant {
		return tenant.Tenant{Name: name, Server: "main", Isolation: m, Owner: tenant.DefaultOwner(name),
			Home:   tenant.Place{Database: database, Schemas: []string{name}},
			Logins: []tenant.Login{{Name: name + "_app", Kind: tenant.App}}}
	}
	acme, bolt := newcomer("acme", tenant.Database, "acme"), newcomer("bolt", tenant.Schema, "shared")
	before := snapshot.Snapshot{Version: pgsql.Version(180000), Session: snapshot.Session{User: "postgres", Database: "postgres", Superuser: true},
		Roles: []snapshot.Role{{Name: "postgres", Superuser: true, Login: true}}}
	after := func(add ...func(*snapshot.Snapshot)) snapshot.Snapshot {
		s := before
		for _, h := range []isolation.House{isolation.Build(acme), isolation.Build(bolt)} {
			for _, r := range h.Roles {
				s.Roles = append(s.Roles, snapshot.Role{Name: r.Name, Comment: r.Mark.Comment()})
			}
		}
		s.Roles = append(s.Roles, snapshot.Role{Name: "shared", Comment: isolation.Mark{Role: "group", Database: "shared"}.Comment()})
		s.Databases = []snapshot.Database{{Name: "acme", AllowConn: true, Owner: "postgres", ConnLimit: -1}, {Name: "shared", AllowConn: true, Owner: "postgres", ConnLimit: -1}}
		s.Contents = []snapshot.Contents{{Database: "acme"}, {Database: "shared", Schemas: []snapshot.Schema{{Name: "bolt", Owner: "bolt_owner"}}}}
		for _, a := range add {
			a(&s)
		}
		return s
	}
	dropAcme := []string{`DROP DATABASE "acme" WITH (FORCE)`, `DROP ROLE "acme_app"`, `DROP ROLE "acme_owner"`, `DROP ROLE "acme"`}
	dropBolt := []string{`DROP ROLE "bolt_app"`, `DROP ROLE "bolt_owner"`, `DROP ROLE "bolt"`}
	all := append(append(append([]string{}, dropAcme...), append([]string{`DROP DATABASE "shared" WITH (FORCE)`}, dropBolt...)...), `DROP ROLE "shared"`)
	leaveShared := append([]string{`DROP SCHEMA "bolt"`, `DROP OWNED BY "bolt", "bolt_owner", "bolt_app"`}, dropBolt...)
	for _, c := range []struct {
		name   string
		before func(*snapshot.Snapshot)
		after  snapshot.Snapshot
		names  []string
		want   []string
		stays  map[string]string
	}{
		{"everything", nil, after(), []string{"acme", "bolt"}, all, nil},
		{"the other was built", nil, after(), []string{"acme"}, dropAcme, nil},
		{"nothing was made", nil, before, []string{"acme", "bolt"}, nil, nil},
		{"the shared database was there", func(s *snapshot.Snapshot) { s.Databases = []snapshot.Database{{Name: "shared"}} }, after(), []string{"bolt"}, leaveShared, nil},
		{"its door is open", nil, after(func(s *snapshot.Snapshot) { s.Roles[3].Login = true }), []string{"acme"}, nil,
			map[string]string{"acme": "its door is open, so that somebody may be in it"}},
		{"somebody has put something in", nil, after(func(s *snapshot.Snapshot) {
			s.Contents[0].Relations = []snapshot.Relation{{Schema: "public", Name: "t", Owner: "postgres"}}
		}), []string{"acme"}, nil, map[string]string{"acme": `database acme holds relation "public"."t"`}},
		{"an extension's are nobody's", nil, after(func(s *snapshot.Snapshot) {
			s.Contents[0].Relations = []snapshot.Relation{{Schema: "public", Name: "t", Owner: "postgres", Extension: true}}
		}), []string{"acme"}, dropAcme, nil},
		{"it could not be read", nil, after(func(s *snapshot.Snapshot) { s.Contents[0].Error = "no" }), []string{"acme"}, nil,
			map[string]string{"acme": "whether database acme is empty could not be looked at"}},
		{"somebody else made the role meanwhile", nil, after(func(s *snapshot.Snapshot) { s.Roles[3].Comment = "mine" }), []string{"acme"},
			[]string{dropAcme[0], dropAcme[2], dropAcme[3]}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := Input{Server: tenant.Server{Name: "main"}, Tenants: []tenant.Tenant{acme, bolt}, Snapshot: before}
			if c.before != nil {
				c.before(&first.Snapshot)
			}
			now := first
			now.Snapshot = c.after
			got := TakeBack(first, now, c.names)
			var sql []string
			for _, s := range got.Plan.Steps {
				sql = append(sql, s.SQL...)
			}
			if diff := cmp.Diff(c.want, sql); diff != "" {
				t.Error(diff)
			}
			if len(c.stays) > 0 || len(got.Stays) > 0 {
				if diff := cmp.Diff(c.stays, got.Stays); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	in := Input{Tenants: []tenant.Tenant{acme, bolt}, Snapshot: before}
	in.Snapshot.Databases = []snapshot.Database{{Name: "acme"}, {Name: "shared"}}
	if diff := cmp.Diff("bolt", strings.Join(Newcomers(in), " ")); diff != "" {
		t.Error(diff)
	}
}
