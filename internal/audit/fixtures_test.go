package audit

import (
	"slices"
	"testing"
	"time"

	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func mustACL(text string) pgsql.ACL {
	acl, err := pgsql.ParseACL(text)
	if err != nil {
		panic(err)
	}
	return acl
}

// clean is a server of two customers on which no rule finds anything.
func clean() *Input {
	in := &Input{Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	s := &in.Snapshot
	s.Version = 180006
	role := func(name string, login bool) {
		s.Roles = append(s.Roles, snapshot.Role{OID: uint32(20 + len(s.Roles)), Name: name, Login: login, Inherit: true, ConnLimit: 5, Verifier: "scram-sha-256", Iterations: 4096})
	}
	s.Roles = []snapshot.Role{{OID: 10, Name: "postgres", Superuser: true, Login: true, ConnLimit: -1, Verifier: "none"}}
	for _, t := range []string{"acme", "bolt"} {
		role(t, true)
		role(t+"_owner", false)
		s.Databases = append(s.Databases, snapshot.Database{Name: t, Owner: t + "_owner", AllowConn: true, ConnLimit: -1, ACL: mustACL("{" + t + "_owner=CTc/" + t + "_owner," + t + "=c/" + t + "_owner}")})
	}
	for _, t := range []string{"postgres", "template1"} {
		s.Databases = append(s.Databases, snapshot.Database{Name: t, Owner: "postgres", AllowConn: true, ConnLimit: -1, ACL: mustACL("{postgres=CTc/postgres}")})
		s.Contents = append(s.Contents, snapshot.Contents{Database: t})
	}
	s.Parameters = map[string]string{"password_encryption": "scram-sha-256", "ssl": "on", "listen_addresses": "*", "max_connections": "100", "max_prepared_transactions": "0",
		"log_connections": "on", "data_checksums": "on", "archive_mode": "on", "lo_compat_privileges": "off"}
	s.Contents = append(s.Contents, snapshot.Contents{
		Database: "acme",
		Schemas:  []snapshot.Schema{{Name: "app", Owner: "acme_owner", ACL: mustACL("{acme_owner=UC/acme_owner,acme=U/acme_owner}")}},
		Relations: []snapshot.Relation{
			{Schema: "app", Name: "t", Kind: 'r', Owner: "acme_owner", ACL: mustACL("{acme_owner=arwdDxtm/acme_owner,acme=arwd/acme_owner}")},
			{Schema: "app", Name: "v", Kind: 'v', Owner: "acme_owner", ACL: mustACL("{acme_owner=arwdDxtm/acme_owner,acme=r/acme_owner}"), Invoker: true},
			{Schema: "app", Name: "m", Kind: 'm', Owner: "acme_owner", ACL: mustACL("{acme_owner=arwdDxtm/acme_owner,acme=r/acme_owner}")},
			{Schema: "app", Name: "s", Kind: 'S', Owner: "acme_owner", ACL: mustACL("{acme_owner=rwU/acme_owner,acme=U/acme_owner}"), OwnedBy: true},
			{Schema: "app", Name: "p", Kind: 'r', Partition: true, Owner: "acme_owner", ACL: mustACL("{acme_owner=arwdDxtm/acme_owner}")},
		},
	}, snapshot.Contents{Database: "bolt"})
	setHBA(in, "local all,replication postgres peer\nhost all,replication postgres all reject\nlocal sameuser all scram-sha-256\nhostssl sameuser all 10.0.0.0/8 scram-sha-256\n")
	setBouncer(in, "[databases]\nacme = host=/run dbname=acme\n[pgbouncer]\nauth_type = scram-sha-256\nadmin_users = ops\nmax_db_connections = 20\n")
	return in
}

func setHBA(in *Input, text string) {
	in.HBA = hba.Parse("pg_hba.conf", []byte(text), hba.Options{Major: 18})
}

func setBouncer(in *Input, text string) {
	b, err := ParseBouncer("pgbouncer.ini", []byte(text), nil)
	if err != nil {
		panic(err)
	}
	in.Bouncer = b
}

func (in *Input) role(name string) *snapshot.Role {
	i := slices.IndexFunc(in.Snapshot.Roles, func(r snapshot.Role) bool { return r.Name == name })
	return &in.Snapshot.Roles[i]
}

func (in *Input) db(name string) *snapshot.Database {
	i := slices.IndexFunc(in.Snapshot.Databases, func(d snapshot.Database) bool { return d.Name == name })
	return &in.Snapshot.Databases[i]
}

func (in *Input) acme() *snapshot.Contents { return &in.Snapshot.Contents[2] }

func (in *Input) rel(i int) *snapshot.Relation { return &in.acme().Relations[i] }

func (in *Input) member(m snapshot.Membership) {
	in.Snapshot.Memberships = append(in.Snapshot.Memberships, m)
}

func (in *Input) also(line string) { setHBA(in, in.HBA.String()+line+"\n") }

// mapped has everybody come by peer through a map m, which a pg_ident.conf has.
func (in *Input) mapped(text string) {
	setHBA(in, "local all all peer map=m\n")
	in.Ident = hba.ParseIdent("pg_ident.conf", []byte(text), hba.Options{Major: 18})
}

func (in *Input) routine(r snapshot.Routine) {
	r.Schema, r.Signature, r.Language = "app", "app.f()", "plpgsql"
	if r.Owner == "" {
		r.Owner = "acme_owner"
	}
	in.acme().Routines = append(in.acme().Routines, r)
}

func (in *Input) defaults(d snapshot.DefaultACL) {
	in.acme().DefaultACLs = append(in.acme().DefaultACLs, d)
}

func (in *Input) param(name, value string) { in.Snapshot.Parameters[name] = value }

func (in *Input) bouncer(lines string) {
	setBouncer(in, "[databases]\nacme = host=/run dbname=acme\n[pgbouncer]\n"+lines)
}

// fires says by which change of a clean server each rule finds something.
var fires = map[string]func(in *Input){
	"hba-error":              func(in *Input) { in.also("host all all md5") },
	"hba-stale":              func(in *Input) { in.Snapshot.HBA = &snapshot.HBA{Stale: true} },
	"hba-trust":              func(in *Input) { in.also("host acme acme 10.0.0.1/32 trust") },
	"hba-password":           func(in *Input) { in.also("host acme acme 10.0.0.1/32 password") },
	"hba-ident":              func(in *Input) { in.also("host acme acme 10.0.0.1/32 ident") },
	"hba-md5":                func(in *Input) { in.also("host acme acme 10.0.0.1/32 md5") },
	"hba-superuser-network":  func(in *Input) { setHBA(in, "hostssl acme postgres 10.0.0.1/32 scram-sha-256\n") },
	"hba-superuser-password": func(in *Input) { setHBA(in, "local acme postgres scram-sha-256\n") },
	"hba-all-all":            func(in *Input) { in.also("hostssl all all 10.0.0.1/32 scram-sha-256") },
	"hba-tenant-elsewhere":   func(in *Input) { in.also("hostssl bolt acme 10.0.0.1/32 scram-sha-256") },
	"hba-wide":               func(in *Input) { in.also("hostssl acme acme 0.0.0.0/0 scram-sha-256") },
	"hba-plain":              func(in *Input) { in.also("host acme acme 10.0.0.1/32 scram-sha-256") },
	"hba-replication":        func(in *Input) { in.also("hostssl replication all 10.0.0.1/32 scram-sha-256") },
	"hba-shadowed-reject":    func(in *Input) { in.also("hostssl sameuser acme 10.0.0.1/32 reject") },
	"hba-never-matches":      func(in *Input) { in.also("hostssl sameuser acme 10.0.0.1/32 scram-sha-256") },
	"hba-odd":                func(in *Input) { in.also("hostssl ALL acme 10.0.0.1/32 scram-sha-256") },

	"hba-clear":  func(in *Input) { in.also("host acme acme 10.0.0.1/32 pam") },
	"hba-ldap":   func(in *Input) { in.also("hostssl acme acme 10.0.0.1/32 ldap ldapserver=x ldapprefix=cn=") },
	"hba-radius": func(in *Input) { in.also("hostssl acme acme 10.0.0.1/32 radius radiusservers=x radiussecrets=y") },

	"ident-error":     func(in *Input) { in.mapped("m www acme\nm www") },
	"ident-superuser": func(in *Input) { in.mapped("m ops postgres") },
	"ident-crosses":   func(in *Input) { in.mapped("m www acme\nm www bolt") },
	"ident-open":      func(in *Input) { in.mapped(`m /www acme`) },
	"ident-missing":   func(in *Input) { in.mapped("other www acme") },

	"db-public-connect":    func(in *Input) { in.db("acme").ACL = nil },
	"db-public-temp":       func(in *Input) { in.db("acme").ACL = mustACL("{=T/acme_owner}") },
	"db-maintenance-open":  func(in *Input) { in.db("postgres").ACL = nil },
	"db-tenant-elsewhere":  func(in *Input) { in.db("postgres").ACL = mustACL("{acme=c/postgres}") },
	"db-owned-by-login":    func(in *Input) { in.db("acme").Owner = "acme" },
	"db-create":            func(in *Input) { in.db("acme").ACL = mustACL("{acme=Cc/acme_owner}") },
	"schema-public-create": func(in *Input) { in.acme().Schemas[0].ACL = mustACL("{=C/acme_owner}") },
	"schema-create":        func(in *Input) { in.acme().Schemas[0].ACL = mustACL("{acme=UC/acme_owner}") },
	"schema-public-usage":  func(in *Input) { in.acme().Schemas[0].ACL = mustACL("{=U/acme_owner}") },
	"ext-in-public": func(in *Input) {
		in.acme().Schemas[0].ACL = mustACL("{=C/acme_owner}")
		in.acme().Extensions = []snapshot.Extension{{Name: "x", Version: "1", Schema: "app"}}
	},
	"ext-outdated": func(in *Input) {
		in.acme().Extensions = []snapshot.Extension{{Name: "x", Version: "1", Schema: "x"}}
		in.Snapshot.Available = []snapshot.Available{{Name: "x", Default: "2"}}
	},

	"role-superusers":  func(in *Input) { in.role("acme_owner").Superuser = true },
	"role-createrole":  func(in *Input) { in.role("acme").CreateRole = true },
	"role-createdb":    func(in *Input) { in.role("acme").CreateDB = true },
	"role-replication": func(in *Input) { in.role("acme").Replicate = true },
	"role-bypassrls":   func(in *Input) { in.role("acme").BypassRLS = true },
	"role-login-group": func(in *Input) {
		in.member(snapshot.Membership{Role: "acme", Member: "acme_owner", Grantor: "postgres", Inherit: true})
	},
	"role-connection-limit": func(in *Input) { in.role("acme").ConnLimit = -1 },
	"role-expired": func(in *Input) {
		in.role("acme").ValidUntil = "2026-01-01 00:00:00+00"
		in.Snapshot.Sessions = []snapshot.Sessions{{Role: "acme", Database: "acme", Count: 1}}
	},
	"role-no-expiry":      func(in *Input) { in.Policy.Expiry = true },
	"password-is-name":    func(in *Input) { in.role("acme").PasswordIsName = true },
	"password-clear":      func(in *Input) { in.role("acme").Verifier = "plain" },
	"password-md5":        func(in *Input) { in.role("acme").Verifier = "md5" },
	"password-iterations": func(in *Input) { in.role("acme").Iterations = 10 },
	"password-superuser":  func(in *Input) { in.role("postgres").Verifier = "scram-sha-256" },
	"password-none":       func(in *Input) { in.role("acme").Verifier = "none" },

	"member-superuser": func(in *Input) {
		in.member(snapshot.Membership{Role: "postgres", Member: "acme", Grantor: "postgres", Set: true})
	},
	"member-crosses": func(in *Input) {
		in.member(snapshot.Membership{Role: "bolt", Member: "acme", Grantor: "postgres", Inherit: true})
	},
	"member-of-all": func(in *Input) {
		in.Snapshot.Roles = append(in.Snapshot.Roles, snapshot.Role{Name: "ops", Login: true, ConnLimit: 1, Verifier: "scram-sha-256"})
		in.member(snapshot.Membership{Role: "acme", Member: "ops", Grantor: "postgres", Inherit: true})
		in.member(snapshot.Membership{Role: "bolt", Member: "ops", Grantor: "postgres", Inherit: true})
	},
	"member-admin": func(in *Input) {
		in.member(snapshot.Membership{Role: "acme_owner", Member: "acme", Grantor: "postgres", Admin: true})
	},
	"member-pool": func(in *Input) {
		in.Snapshot.Roles = append(in.Snapshot.Roles, snapshot.Role{Name: "web", Login: true, ConnLimit: 5, Verifier: "scram-sha-256", Iterations: 4096, Comment: `landlord {"role":"pool","database":"shared"}`})
		for _, t := range []string{"acme", "bolt"} {
			in.role(t).Comment = `landlord {"tenant":"` + t + `","role":"app"}`
			in.member(snapshot.Membership{Role: t, Member: "web", Set: true, Grantor: "postgres"})
		}
	},
	"member-owner": func(in *Input) {
		in.member(snapshot.Membership{Role: "acme_owner", Member: "acme", Grantor: "postgres", Set: true})
	},
	"member-predefined": func(in *Input) {
		in.member(snapshot.Membership{Role: "pg_read_all_data", Member: "acme", Grantor: "postgres", Inherit: true})
	},
	"member-grantor": func(in *Input) {
		in.member(snapshot.Membership{Role: "acme_owner", Member: "bolt_owner", Grantor: "gone"})
	},
	"path-certain": func(in *Input) {
		in.db("acme").ACL = mustACL("{acme=c/acme_owner,bolt=c/acme_owner}")
		in.acme().Schemas[0].ACL = mustACL("{acme_owner=UC/acme_owner,bolt=U/acme_owner}")
		in.rel(0).ACL = mustACL("{bolt=r/acme_owner}")
	},
	"path-possible": func(in *Input) { in.role("acme").PasswordIsName = true },
	"setting-dangerous": func(in *Input) {
		in.Snapshot.Settings = []snapshot.Setting{{Database: "acme", Name: "role", Value: "acme"}}
	},

	"obj-app-owns":       func(in *Input) { in.rel(0).Owner = "acme" },
	"obj-more-than-crud": func(in *Input) { in.rel(0).ACL = mustACL("{acme=arwdD/acme_owner}") },
	"obj-grant-option":   func(in *Input) { in.rel(0).ACL = mustACL("{acme=r*/acme_owner}") },
	"obj-public":         func(in *Input) { in.rel(0).ACL = mustACL("{=r/acme_owner}") },
	"obj-other-tenant": func(in *Input) {
		in.rel(0).Owner = "acme"
		in.rel(0).ACL = mustACL("{bolt=r/acme}")
	},
	"obj-no-sequence": func(in *Input) {
		in.rel(3).ACL = mustACL("{acme_owner=rwU/acme_owner}")
		in.acme().SequenceOf = []snapshot.SequenceOf{{Schema: "app", Sequence: "s", Table: "t", Column: "id"}}
	},
	"obj-partition-grants": func(in *Input) {
		in.acme().Inherits = []snapshot.Inherit{{Schema: "app", Table: "p", ParentSchema: "app", Parent: "t"}}
		in.rel(4).ACL = mustACL("{bolt=r/acme_owner}")
	},
	"obj-column-grants": func(in *Input) {
		in.rel(0).RLS = true
		in.acme().Columns = []snapshot.Column{{Schema: "app", Relation: "t", Name: "c", Owner: "acme_owner", ACL: mustACL("{bolt=r/acme_owner}")}}
	},
	"obj-wide-acl": func(in *Input) {
		for range 300 {
			in.db("acme").ACL = append(in.db("acme").ACL, pgsql.ACLItem{Grantee: "acme", Grantor: "acme_owner", Privs: pgsql.Connect})
		}
	},
	"obj-foreign-owner": func(in *Input) { in.rel(0).Owner = "bolt" },

	"func-definer-public": func(in *Input) {
		in.routine(snapshot.Routine{Definer: true, Config: []string{"search_path=app, pg_temp"}})
	},
	"func-definer-path": func(in *Input) {
		in.routine(snapshot.Routine{Definer: true, ACL: mustACL("{acme_owner=X/acme_owner}")})
	},
	"lang-untrusted": func(in *Input) { in.acme().Languages = []snapshot.Language{{Name: "plpython3u"}} },
	"view-owner-rights": func(in *Input) {
		in.rel(0).RLS, in.rel(1).Invoker = true, false
		in.acme().Reads = []snapshot.Read{{Schema: "app", View: "v", FromSchema: "app", From: "t"}}
	},
	"matview-readable": func(in *Input) {
		in.rel(0).RLS = true
		in.acme().Reads = []snapshot.Read{{Schema: "app", View: "m", FromSchema: "app", From: "t"}}
	},
	"fdw-no-password": func(in *Input) {
		in.acme().Mappings = []snapshot.UserMapping{{Server: "x", Role: "acme", Optional: true}}
	},
	"fdw-password": func(in *Input) { in.acme().Mappings = []snapshot.UserMapping{{Server: "x", Password: true}} },
	"fdw-server-public": func(in *Input) {
		in.acme().Servers = []snapshot.ForeignServer{{Name: "x", ACL: mustACL("{=U/acme_owner}")}}
	},
	"fdw-table-readable": func(in *Input) {
		in.acme().ForeignTables = []snapshot.ForeignTable{{Schema: "app", Table: "t", Server: "x"}}
		in.rel(0).ACL = mustACL("{=r/acme_owner}")
	},

	"default-missing": func(in *Input) {
		more := *in.rel(0)
		more.Name = "t2"
		in.acme().Relations = append(in.acme().Relations, more)
	},
	"default-wrong-creator": func(in *Input) {
		in.defaults(snapshot.DefaultACL{Creator: "bolt_owner", Schema: "app", Kind: 'r', ACL: mustACL("{acme=r/bolt_owner}")})
	},
	"default-other-tenant": func(in *Input) {
		in.defaults(snapshot.DefaultACL{Creator: "acme", Kind: 'r', ACL: mustACL("{bolt=r/acme}")})
	},
	"default-public": func(in *Input) {
		in.defaults(snapshot.DefaultACL{Creator: "acme_owner", Kind: 'r', ACL: mustACL("{=r/acme_owner}")})
	},
	"default-execute": func(in *Input) { in.routine(snapshot.Routine{}) },
	"default-schema-revoke": func(in *Input) {
		in.defaults(snapshot.DefaultACL{Creator: "acme_owner", Schema: "app", Kind: 'f', ACL: mustACL("{acme=X/acme_owner}")})
	},

	"rls-off": func(in *Input) {
		in.acme().Policies = []snapshot.Policy{{Schema: "app", Table: "t", Name: "p", Using: "a", Roles: []string{""}}}
	},
	"rls-no-policy": func(in *Input) { in.rel(0).RLS = true },
	"rls-true": func(in *Input) {
		in.acme().Policies = []snapshot.Policy{{Schema: "app", Table: "t", Name: "p", Using: "true", Permissive: true, Roles: []string{""}}}
	},
	"rls-settable": func(in *Input) {
		in.acme().Policies = []snapshot.Policy{{Schema: "app", Table: "t", Name: "p", Permissive: true, Roles: []string{""}, Using: "(owner = current_setting('app.tenant'::text))"}}
	},
	"rls-not-forced": func(in *Input) { in.rel(0).RLS, in.rel(0).Owner = true, "acme" },

	"server-eol":                 func(in *Input) { in.Snapshot.Version = 90224 },
	"server-minor":               func(in *Input) { in.Snapshot.Version = 180004 },
	"server-password-encryption": func(in *Input) { in.param("password_encryption", "md5") },
	"server-ssl":                 func(in *Input) { in.param("ssl", "off") },
	"server-lo-compat":           func(in *Input) { in.param("lo_compat_privileges", "on") },
	"server-prepared":            func(in *Input) { in.param("max_prepared_transactions", "5") },
	"server-log-connections":     func(in *Input) { in.param("log_connections", "off") },
	"server-checksums":           func(in *Input) { in.param("data_checksums", "off") },
	"server-archiving":           func(in *Input) { in.param("archive_mode", "off") },

	"bouncer-auth-type":  func(in *Input) { in.bouncer("auth_type = trust\n") },
	"bouncer-star":       func(in *Input) { setBouncer(in, "[databases]\n* = host=/run\n") },
	"bouncer-auth-user":  func(in *Input) { in.bouncer("auth_user = postgres\n") },
	"bouncer-auth-query": func(in *Input) { in.bouncer("auth_user = looker\n") },
	"bouncer-admins":     func(in *Input) { in.bouncer("admin_users = acme\n") },
	"bouncer-tls":        func(in *Input) { in.bouncer("listen_addr = *\n") },
	"bouncer-pool-sum":   func(in *Input) { in.bouncer("default_pool_size = 500\n") },
	"bouncer-limits":     func(in *Input) { in.bouncer("auth_type = scram-sha-256\n") },
	"bouncer-version":    func(in *Input) { in.Bouncer.Version = "1.18.0" },
	"bouncer-userlist":   func(in *Input) { _ = in.Bouncer.ParseUsers("userlist.txt", []byte(`"a" "secret"`)) },
}

// TestEveryRuleFires: each rule has a server on which it finds something, and
// finds nothing on the clean one.
func TestEveryRuleFires(t *testing.T) {
	for _, f := range Judge(*clean()).Findings {
		t.Errorf("on the clean server: %s: %s", f.Key, f.What)
	}
	for _, r := range Rules() {
		change := fires[r.Code]
		if change == nil {
			t.Errorf("%s has no fixture", r.Code)
			continue
		}
		in := clean()
		change(in)
		if !slices.ContainsFunc(Judge(*in).Findings, func(f Finding) bool { return f.Code == r.Code }) {
			t.Errorf("%s does not fire", r.Code)
		}
	}
}

// TestWhatIsNotReadIsNotPassed: each rule whose fixture fires is called not
// known once any part that it needs was not read, and on a server of which
// nothing was read none passes in silence.
func TestWhatIsNotReadIsNotPassed(t *testing.T) {
	asked := func(in *Input, code string) bool {
		r := Judge(*in)
		return slices.ContainsFunc(r.NotKnown, func(n NotKnown) bool { return slices.Contains(n.Rules, code) }) ||
			slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code })
	}
	none := clean()
	none.HBA, none.Snapshot.Version = nil, 0
	for _, p := range slices.Concat(snapshot.ServerParts(), snapshot.DatabaseParts()) {
		none.Snapshot.Unread = append(none.Snapshot.Unread, snapshot.Unread{Part: p, Reason: "x"})
	}
	var unknown []string
	for _, n := range Judge(*none).NotKnown {
		unknown = append(unknown, n.Rules...)
	}
	for _, r := range Rules() {
		if r.NeedsBouncer {
			continue
		}
		for _, p := range slices.Concat(r.Needs, r.Partly) {
			in := clean()
			fires[r.Code](in)
			in.Snapshot.Unread = append(in.Snapshot.Unread, snapshot.Unread{Part: p, Reason: "x"})
			if p == snapshot.PartHBA {
				in.HBA = nil
			}
			if p == snapshot.PartIdent {
				in.Ident = nil
			}
			if !asked(in, r.Code) {
				t.Errorf("%s is silent without %s", r.Code, p)
			}
		}
		if !slices.Contains(unknown, r.Code) {
			t.Errorf("%s passes though nothing was read", r.Code)
		}
	}
}
