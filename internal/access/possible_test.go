package access_test

import (
	"slices"
	"strings"
	"testing"

	"landlord/internal/access"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// inside is what the database of the first tenant of a town holds.
func inside(s *snapshot.Snapshot) *snapshot.Contents { return &s.Contents[0] }

func item(grantee string, privs pgsql.Privs) pgsql.ACLItem {
	return pgsql.ACLItem{Grantee: grantee, Grantor: "t00000_owner", Privs: privs}
}

// invite lets the second tenant into the first one's house, and no further.
func invite(s *snapshot.Snapshot) {
	s.Databases[0].ACL = append(s.Databases[0].ACL, item("t00001_app", pgsql.Connect))
	inside(s).Schemas[0].ACL = append(inside(s).Schemas[0].ACL, item("t00001_app", pgsql.Usage))
}

// lures are holes that wait for somebody, each by the kind of step that it is.
var lures = map[string]func(s *snapshot.Snapshot){
	"definer": func(s *snapshot.Snapshot) {
		inside(s).Routines = append(inside(s).Routines, snapshot.Routine{Schema: "t00000", Signature: "t00000.g()", Owner: "t00000_owner", Definer: true, Language: "sql"})
	},
	"search-path": func(s *snapshot.Snapshot) {
		inside(s).Schemas[0].ACL = append(inside(s).Schemas[0].ACL, item("t00001_app", pgsql.Create))
		s.Settings = append(s.Settings, snapshot.Setting{Role: "t00000_app", Name: "search_path", Value: "t00000"})
	},
	"trigger": func(s *snapshot.Snapshot) {
		inside(s).Relations[0].ACL = append(inside(s).Relations[0].ACL, item("t00001_app", pgsql.Trigger))
	},
	"event-trigger": func(s *snapshot.Snapshot) {
		inside(s).Routines = append(inside(s).Routines, snapshot.Routine{Schema: "t00000", Signature: "t00000.e()", Owner: "t00001_app", Language: "plpgsql", Returns: "event_trigger"})
		inside(s).EventTriggers = []snapshot.EventTrigger{{Name: "e", Function: "t00000.e()", Owner: "postgres"}}
	},
	"untrusted-language": func(s *snapshot.Snapshot) {
		inside(s).Languages = []snapshot.Language{{Name: "plpython3u", Owner: "postgres"}}
		inside(s).Routines = append(inside(s).Routines, snapshot.Routine{Schema: "t00000", Signature: "t00000.p()", Owner: "postgres", Language: "plpython3u"})
	},
	"foreign-server": func(s *snapshot.Snapshot) {
		s.Parameters = map[string]string{"port": "5432"}
		inside(s).Servers = []snapshot.ForeignServer{{Name: "x", Owner: "postgres", Host: "localhost", Port: "5432", ACL: pgsql.ACL{item("t00001_app", pgsql.Usage)}}}
		inside(s).Mappings = []snapshot.UserMapping{{Server: "x", User: "t00000_app", Password: true}}
	},
	"future": func(s *snapshot.Snapshot) {
		inside(s).DefaultACLs = []snapshot.DefaultACL{{Creator: "t00000_owner", Kind: pgsql.Table, ACL: pgsql.ACL{item("t00001_app", pgsql.Select)}}}
	},
	"trust": func(s *snapshot.Snapshot) {
		s.HBA = &snapshot.HBA{Path: "pg_hba.conf", Text: "host all t00000_app 10.0.0.0/8 trust\n"}
	},
	"password": func(s *snapshot.Snapshot) {
		i := slices.IndexFunc(s.Roles, func(r snapshot.Role) bool { return r.Name == "t00000_app" })
		s.Roles[i].PasswordIsName = true
	},
	"foreign-key": func(s *snapshot.Snapshot) {
		inside(s).Relations[0].ACL = append(inside(s).Relations[0].ACL, item("t00001_app", pgsql.References))
		inside(s).Schemas[0].ACL = append(inside(s).Schemas[0].ACL, item("t00001_app", pgsql.Create|pgsql.Usage))
	},
	"row-security": func(s *snapshot.Snapshot) {
		inside(s).Relations[0].RLS = true
		inside(s).Relations[0].ACL = append(inside(s).Relations[0].ACL, item("t00001_app", pgsql.Select))
		inside(s).Policies = []snapshot.Policy{{Schema: "t00000", Table: "x", Name: "p", Command: "ALL", Permissive: true, Roles: []string{""}, Using: "((who = current_setting('app.who'::text)) AND (n > 1))"}}
	},
	"rule": func(s *snapshot.Snapshot) {
		inside(s).Relations = append(inside(s).Relations, snapshot.Relation{Schema: "t00000", Name: "v", Kind: 'v', Owner: "postgres", ACL: pgsql.ACL{item("t00001_app", pgsql.Insert)}})
		inside(s).Reads = []snapshot.Read{{Schema: "t00000", View: "v", FromSchema: "t00000", From: "x"}}
	},
	"drop": func(s *snapshot.Snapshot) {
		inside(s).Extensions = []snapshot.Extension{{Name: "e", Owner: "t00001_app"}}
	},
	"database-settings": func(s *snapshot.Snapshot) { s.Databases[1].Owner = "t00001_app" },
	"view-code": func(s *snapshot.Snapshot) {
		inside(s).Relations = append(inside(s).Relations, snapshot.Relation{Schema: "t00000", Name: "v", Kind: 'v', Owner: "t00001_app", ACL: pgsql.ACL{item("t00000_app", pgsql.Select)}})
	},
	"function-code": func(s *snapshot.Snapshot) {
		inside(s).Routines = append(inside(s).Routines, snapshot.Routine{Schema: "t00000", Signature: "t00000.h()", Owner: "t00001_app", Language: "sql", ACL: pgsql.ACL{item("t00000_app", pgsql.Execute)}})
	},
	"function-code to everybody": func(s *snapshot.Snapshot) {
		inside(s).Schemas[0].ACL = append(inside(s).Schemas[0].ACL, item("t00000_app", pgsql.Usage))
		inside(s).Routines = append(inside(s).Routines, snapshot.Routine{Schema: "t00000", Signature: "t00000.h()", Owner: "t00001_app", Language: "sql"})
	},
	"expression-code": func(s *snapshot.Snapshot) {
		inside(s).Routines = append(inside(s).Routines, snapshot.Routine{Schema: "t00000", Signature: "t00000.h()", Owner: "t00001_app", Language: "sql", ACL: pgsql.ACL{item("", 0)}})
		inside(s).Calls = []snapshot.Call{{Schema: "t00000", Relation: "x", In: "check", Function: "t00000.h()"}}
	},
	"subscription": func(s *snapshot.Snapshot) {
		s.Version = 150000
		s.Subscriptions = []snapshot.Subscription{{Database: "t00001", Name: "s", Owner: "postgres"}}
		s.Memberships = append(s.Memberships, snapshot.Membership{Role: "t00001_owner", Member: "t00001_app", Inherit: true, Set: true})
	},
	"server-files": func(s *snapshot.Snapshot) { member(s, "pg_write_server_files") },
	"verifiers": func(s *snapshot.Snapshot) {
		inside(s).SystemACLs = []snapshot.SystemACL{{Kind: pgsql.Table, Schema: "pg_catalog", Identity: "pg_authid", Owner: "postgres", ACL: pgsql.ACL{item("t00001_app", pgsql.Select)}}}
	},
	"parameter": func(s *snapshot.Snapshot) {
		s.ParameterACLs = []snapshot.ParameterACL{{Name: "archive_command", ACL: pgsql.ACL{item("t00001_app", pgsql.AlterSystem)}}}
	},
	"physical-replication": func(s *snapshot.Snapshot) {
		i := slices.IndexFunc(s.Roles, func(r snapshot.Role) bool { return r.Name == "t00001_app" })
		s.Roles[i].Replicate = true
	},
}

func member(s *snapshot.Snapshot, role string) {
	s.Roles = append(s.Roles, snapshot.Role{Name: role})
	s.Memberships = append(s.Memberships, snapshot.Membership{Role: role, Member: "t00001_app", Inherit: true})
}

// TestPossibleSteps: each kind of step that waits for somebody is found where
// its hole is, as possible and no more, and nowhere without it.
func TestPossibleSteps(t *testing.T) {
	for _, kind := range neverCertain {
		if lures[kind] == nil {
			t.Errorf("%s has no hole here", kind)
		}
	}
	for kind, dig := range lures {
		t.Run(kind, func(t *testing.T) {
			kind, _, _ := strings.Cut(kind, " ")
			s, tenants := town(2)
			invite(&s)
			if got := access.Prepare(s).Breaches(tenants, access.Possible); len(got) > 0 {
				t.Fatalf("without a hole: %+v", got[0])
			}
			dig(&s)
			found := false
			for _, c := range access.Prepare(s).Breaches(tenants, access.Possible) {
				for _, step := range c.Path.Steps {
					found = found || step.Kind == kind && step.Certainty == access.Possible
				}
				if c.Path.Certainty != access.Possible {
					t.Errorf("%s: %+v", c.Path.Certainty, c.Path.Steps)
				}
			}
			if !found {
				t.Errorf("no step of this kind: %+v", access.Prepare(s).Breaches(tenants, access.Possible))
			}
		})
	}
}

// TestPoliciesForTwoRoles: who reads a table with the rights of two roles, one of
// which it grants to itself, reads what the policies for both let it.
func TestPoliciesForTwoRoles(t *testing.T) {
	always := func(name, role string) snapshot.Policy {
		return snapshot.Policy{Schema: "t00000", Table: "x", Name: name, Command: "ALL", Permissive: true, Roles: []string{role}, Using: "true"}
	}
	for name, c := range map[string]struct {
		dig  func(s *snapshot.Snapshot)
		want string
	}{
		"none": {func(*snapshot.Snapshot) {}, "possible admin-option grant"},
		"for the one that is granted": {func(s *snapshot.Snapshot) {
			inside(s).Policies = []snapshot.Policy{always("p", "readers")}
		}, "certain admin-option row-security"},
		"for who grants it": {func(s *snapshot.Snapshot) {
			inside(s).Policies = []snapshot.Policy{always("p", "t00001_app")}
		}, "certain admin-option row-security"},
		"narrowed for who grants it": {func(s *snapshot.Snapshot) {
			narrow := always("q", "t00001_app")
			narrow.Permissive, narrow.Using = false, "(n > 1)"
			inside(s).Policies = []snapshot.Policy{always("p", "readers"), narrow}
		}, "possible admin-option grant"},
		"one that passes by them has not got both": {func(s *snapshot.Snapshot) {
			s.Roles = append(s.Roles, snapshot.Role{Name: "audit", Inherit: true, BypassRLS: true})
			s.Memberships = append(s.Memberships, snapshot.Membership{Role: "readers", Member: "audit", Inherit: true}, snapshot.Membership{Role: "audit", Member: "t00001_app", Set: true})
		}, "possible admin-option grant"},
		"who grants it passes by them": {func(s *snapshot.Snapshot) {
			i := slices.IndexFunc(s.Roles, func(r snapshot.Role) bool { return r.Name == "t00001_app" })
			s.Roles[i].BypassRLS = true
		}, "certain row-security"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := town(2)
			invite(&s)
			s.Roles = append(s.Roles, snapshot.Role{Name: "readers", Inherit: true})
			s.Memberships = append(s.Memberships, snapshot.Membership{Role: "readers", Member: "t00001_app", Admin: true})
			inside(&s).Relations[0].RLS = true
			inside(&s).Relations[0].ACL = append(inside(&s).Relations[0].ACL, item("readers", pgsql.Select))
			c.dig(&s)
			paths, err := access.Prepare(s).Paths("t00001_app", "t00000")
			if err != nil {
				t.Fatal(err)
			}
			if got := said(paths); got != c.want {
				t.Errorf("got %q, want %q: %+v", got, c.want, paths)
			}
		})
	}
}
