package plan

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// TestNobodyWhoMustGetInIsLockedOut: the first block in an md5 file must not
// shut out those who administer the server.
func TestNobodyWhoMustGetInIsLockedOut(t *testing.T) {
	const before = "local all postgres peer\nlocal all all md5\n"
	for _, c := range []struct {
		name      string
		operators []string
		verifier  string
		refused   string // part of the message; empty: the file changes
	}{
		{"an administrator that the spec does not name", nil, "scram-sha-256", "administrator admin"},
		{"an operator", []string{"admin"}, "scram-sha-256", ""},
		{"an operator whose verifier cannot be read", []string{"admin"}, "", ""},
		{"an operator whose password is an md5 hash", []string{"admin"}, "md5", `\password admin`},
	} {
		t.Run(c.name, func(t *testing.T) {
			snap := snapshot.Snapshot{
				Version: 180000,
				Session: snapshot.Session{User: "postgres", Superuser: true, Database: "postgres", Local: true},
				Roles: []snapshot.Role{
					{Name: "postgres", Superuser: true, Login: true},
					{Name: "admin", CreateRole: true, Login: true, Verifier: c.verifier},
				},
				HBA: &snapshot.HBA{Path: "pg_hba.conf", Text: before},
			}
			change, err := HBA(tenant.Server{Name: "main", Operators: c.operators}, nil, snap)
			var lockout *LockoutError
			switch {
			case c.refused == "" && (err != nil || change == nil):
				t.Errorf("got %v and %v, want a change", change, err)
			case c.refused != "" && (!errors.As(err, &lockout) || !strings.Contains(err.Error(), c.refused)):
				t.Errorf("got error %v, want a lockout with %q", err, c.refused)
			}
			if change == nil {
				return
			}
			snap.HBA.Text = change.After
			if again, err := HBA(tenant.Server{Name: "main", Operators: c.operators}, nil, snap); again != nil || err != nil {
				t.Errorf("the second time: got %v and %v, want nothing to do", again, err)
			}
		})
	}
}

// TestRulesAboveLandlordsAreNoted: what decides first is not landlord's to
// change, and it does not say that all is well.
func TestRulesAboveLandlordsAreNoted(t *testing.T) {
	house := tenant.Tenant{Name: "acme", Server: "main", Isolation: tenant.Database, Home: tenant.Place{Database: "acme", Schemas: []string{"acme"}},
		Owner: "acme_owner", Logins: []tenant.Login{{Name: "acme_app", Kind: tenant.App}}}
	server := tenant.Server{Name: "main"}
	snap := snapshot.Snapshot{
		Version: pgsql.Version(180000),
		Session: snapshot.Session{User: "postgres", Superuser: true, Database: "postgres", Local: true},
		Roles:   []snapshot.Role{{Name: "postgres", Superuser: true, Login: true}},
		HBA:     &snapshot.HBA{Path: "pg_hba.conf", Text: "local all postgres peer\n"},
	}
	change, err := HBA(server, []tenant.Tenant{house}, snap)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		above string
		want  int
	}{
		{"", 0},
		{"host all all 10.0.0.0/8 trust\n", 1},
		{"hostssl acme acme_app 10.0.0.0/8 md5\n", 1},
		{"hostssl all report 10.0.0.0/8 scram-sha-256\n", 0},
		{"host all all 10.0.0.0/8 reject\n", 0},
	} {
		snap.HBA = &snapshot.HBA{Path: "pg_hba.conf", Text: c.above + change.After}
		p, err := Make(Input{Server: server, Tenants: []tenant.Tenant{house}, Snapshot: snap})
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, n := range p.Notes {
			if n.Cannot && strings.Contains(n.What, "decides before landlord's rules") {
				got++
			}
		}
		if got != c.want || p.HBA != nil {
			t.Errorf("above: %q: %d notes, want %d; change %v: %+v", c.above, got, c.want, p.HBA, p.Notes)
		}
	}
}

// TestHashesAreNoted: an adopted login with an md5 hash is shut out by
// landlord's own rules, and the plan says so.
func TestHashesAreNoted(t *testing.T) {
	house := tenant.Tenant{Name: "customer", Server: "main", Isolation: tenant.Database, Home: tenant.Place{Database: "customer", Schemas: []string{"public"}},
		Owner: "customer_owner", Logins: []tenant.Login{{Name: "web", Kind: tenant.App}}, Adopt: true}
	for _, c := range []struct {
		verifier string
		hba      *snapshot.HBA
		want     int
	}{
		{"md5", &snapshot.HBA{Text: "local all postgres peer\n"}, 1},
		{"scram-sha-256", &snapshot.HBA{Text: "local all postgres peer\n"}, 0},
		{"none", &snapshot.HBA{Text: "local all postgres peer\n"}, 0},
		{"md5", &snapshot.HBA{Error: "permission denied"}, 0},
		{"md5", nil, 0},
	} {
		snap := snapshot.Snapshot{
			Version:   pgsql.Version(180000),
			Session:   snapshot.Session{User: "postgres", Superuser: true, Database: "postgres", Local: true},
			Roles:     []snapshot.Role{{Name: "postgres", Superuser: true, Login: true}, {Name: "web", Login: true, Verifier: c.verifier}},
			Databases: []snapshot.Database{{Name: "customer", Owner: "postgres", AllowConn: true}},
			HBA:       c.hba,
		}
		p, err := Make(Input{Server: tenant.Server{Name: "main"}, Tenants: []tenant.Tenant{house}, Snapshot: snap})
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, n := range p.Notes {
			if n.Cannot && strings.Contains(n.What, "md5 hash") && strings.Contains(n.Next, "--rotate") {
				got++
			}
		}
		if got != c.want {
			t.Errorf("verifier %q, pg_hba.conf %v: %d notes, want %d: %+v", c.verifier, c.hba, got, c.want, p.Notes)
		}
	}
}

// TestTheSuperusersMapStays: also where landlord itself comes over TCP, the rule
// for the socket keeps the map by which the operating system's users get in.
func TestTheSuperusersMapStays(t *testing.T) {
	for _, local := range []bool{true, false} {
		snap := snapshot.Snapshot{
			Version: pgsql.Version(180000),
			Session: snapshot.Session{User: "postgres", Superuser: true, Database: "postgres", Local: local},
			Roles:   []snapshot.Role{{Name: "postgres", Superuser: true, Login: true}},
			HBA:     &snapshot.HBA{Path: "pg_hba.conf", Text: "hostssl all postgres 10.0.0.5/32 cert\nlocal all postgres peer map=operators\n"},
		}
		if !local {
			snap.Session.Address, snap.Session.TLS = "10.0.0.5", true
			snap.HBA.Text = strings.Replace(snap.HBA.Text, "\nlocal", "\n"+hba.BeginMarker+"\n"+hba.EndMarker+"\nlocal", 1)
		}
		change, err := HBA(tenant.Server{Name: "main"}, nil, snap)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`local +all,replication +postgres +peer +map=operators`).MatchString(change.After) {
			t.Errorf("local %v: %s", local, change.After)
		}
		snap.HBA.Text = change.After
		if again, err := HBA(tenant.Server{Name: "main"}, nil, snap); again != nil || err != nil {
			t.Errorf("local %v, the second time: %v %v", local, again, err)
		}
	}
}
