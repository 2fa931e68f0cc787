package access

import (
	"net/netip"
	"slices"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// addServerProgram: the server's own user owns the data directory and every
// process of the server; there is nothing that it cannot do.
func addServerProgram(g *graph) {
	g.predefined("pg_execute_server_program", edge{to: node{what: superuser}, certainty: Certain,
		sql: []string{`COPY (SELECT 1) TO PROGRAM 'psql -d postgres -c …'`}, why: "programs run as the server's own user, who owns all of its files"})
}

func addServerFiles(g *graph) {
	g.predefined("pg_read_server_files", edge{to: node{what: everyData}, certainty: Possible,
		sql: []string{`COPY … FROM '…'`}, why: "it reads the server's files: keys, password files, archived WAL"})
	g.predefined("pg_write_server_files", edge{to: node{what: superuser}, certainty: Possible,
		sql: []string{`COPY (SELECT 'local all all trust') TO '…/pg_hba.conf'`}, why: "it writes into the data directory; somebody must reload or restart"})
}

func (g *graph) predefined(name string, e edge) {
	if g.s.roles[name] != nil {
		e.why = name + ": " + e.why
		g.add(node{what: rights, name: name}, e)
	}
}

// addSystemFunctions is about functions of which initdb takes EXECUTE away
// from PUBLIC (system_functions.sql), and which somebody has granted.
func addSystemFunctions(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		for o := range system(c) {
			if o.Kind != pgsql.Routine {
				continue
			}
			o.Database = db
			e, ok := functionEdge(o.Name)
			if !ok {
				continue
			}
			e.database = db
			for _, it := range g.s.acl(o) {
				if it.Grantee != o.Owner {
					e.mend = append(e.mend, "REVOKE EXECUTE ON FUNCTION "+o.Name+" FROM "+grantee(it.Grantee))
				}
			}
			for _, who := range g.whoever(need{o, pgsql.Execute}) {
				if !g.s.super(who.name) {
					g.add(who, e)
				}
			}
		}
	})
}

func functionEdge(signature string) (edge, bool) {
	name, _, _ := strings.Cut(strings.TrimPrefix(signature, "pg_catalog."), "(")
	switch name {
	case "pg_read_binary_file":
		return edge{to: node{what: everyData}, certainty: Certain, sql: []string{"SELECT pg_catalog." + name + "('global/pg_filenode.map')"},
			why: "EXECUTE on " + signature + " reads every file of the data directory, the tables' among them"}, true
	case "pg_read_file":
		return edge{to: node{what: everyData}, certainty: Possible, sql: []string{"SELECT pg_catalog.pg_read_file('…')"},
			why: "EXECUTE on " + signature + " reads every file of the server's that is text"}, true
	case "lo_import":
		return edge{to: node{what: everyData}, certainty: Certain, sql: []string{"SELECT pg_catalog.lo_import('global/pg_filenode.map')"},
			why: "EXECUTE on " + signature + " reads every file of the server's"}, true
	case "lo_export":
		return edge{to: node{what: superuser}, certainty: Possible, sql: []string{"SELECT pg_catalog.lo_export(…, 'pg_hba.conf')"},
			why: "EXECUTE on " + signature + " writes every file of the server's; somebody must reload or restart"}, true
	}
	return edge{}, false
}

// addVerifiers: an md5 verifier lets whoever has it log in; of the others
// weak passwords can be guessed.
func addVerifiers(g *graph) {
	e := edge{to: node{what: superuser}, certainty: Possible, sql: []string{"SELECT rolname, rolpassword FROM pg_catalog.pg_authid"},
		why: "verifiers can be attacked at leisure; an md5 verifier is as good as the password"}
	if g.s.roles[readAll] != nil {
		g.add(node{what: rights, name: readAll}, e)
	}
	g.each(func(db string, c *snapshot.Contents) {
		for o := range system(c) {
			o.Database, e.database = db, db
			if o.Kind != pgsql.Table && o.Kind != pgsql.ColumnKind || o.Name != "pg_authid" && o.Name != "pg_shadow" {
				continue
			}
			for _, who := range g.whoever(need{o, pgsql.Select}) {
				if !g.s.super(who.name) {
					g.add(who, e)
				}
			}
		}
	})
}

// addParameters is about parameters whose values the server loads or runs.
func addParameters(g *graph) {
	for o := range g.s.Shared() {
		if o.Kind != pgsql.Parameter {
			continue
		}
		name := strings.ToLower(o.Name)
		if !strings.HasSuffix(name, "_command") && !strings.HasSuffix(name, "_libraries") && !strings.HasSuffix(name, "_path") && !strings.HasSuffix(name, "_library") {
			continue
		}
		for _, who := range g.whoever(need{o, pgsql.AlterSystem}) {
			g.add(who, edge{to: node{what: superuser}, certainty: Possible, sql: []string{"ALTER SYSTEM SET " + o.Name + " = …"},
				why: "ALTER SYSTEM on " + o.Name + " chooses what the server runs, once somebody reloads or restarts it"})
		}
	}
}

// addDecoding: a slot decodes what everybody changes in the database that it
// is made in, whatever the ACLs.
func addDecoding(g *graph) {
	certainty, why := Certain, ""
	if level := g.s.snap.Parameters["wal_level"]; level != "logical" {
		certainty, why = Blocked, "; but wal_level is "+level
	}
	for _, name := range g.s.names {
		r := g.s.roles[name]
		if !r.Replicate || r.Superuser {
			continue
		}
		for _, c := range g.s.snap.Contents {
			for _, to := range dataIn(c) {
				g.add(node{what: being, name: name}, edge{to: to, certainty: certainty, mend: []string{"ALTER ROLE " + pgsql.Ident(name) + " NOREPLICATION"}, database: c.Database,
					sql: []string{"SELECT pg_catalog.pg_create_logical_replication_slot('landlord_path', 'test_decoding')",
						"SELECT data FROM pg_catalog.pg_logical_slot_peek_changes('landlord_path', NULL, NULL)"},
					why: name + " has REPLICATION, and decodes all changes in database " + c.Database + why})
			}
		}
	}
}

// dataIn is all data that tables in a database hold.
func dataIn(c snapshot.Contents) []node {
	var out []node
	seen := map[node]bool{}
	for _, r := range c.Relations {
		n := node{what: data, name: r.Owner, at: place{c.Database, r.Schema}}
		if (r.Kind == 'r' || r.Kind == 'p') && !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
}

// addPhysical asks pg_hba.conf whether a role may stream.
func addPhysical(g *graph) {
	rules := g.s.rules()
	for _, name := range g.s.names {
		r := g.s.roles[name]
		if !r.Replicate || !r.Login || r.Superuser {
			continue
		}
		e := edge{to: node{what: everyData}, certainty: Possible, sql: []string{"-- pg_basebackup --username=" + name}, mend: []string{"ALTER ROLE " + pgsql.Ident(name) + " NOREPLICATION"},
			why: name + " has REPLICATION, and copies the whole server from wherever pg_hba.conf lets it"}
		if rules != nil && !g.s.mayStream(rules, name) {
			e.certainty, e.why = Blocked, "pg_hba.conf lets "+name+" stream from nowhere"
		}
		g.add(node{what: being, name: name}, e)
	}
}

func (s *State) mayStream(f *hba.File, name string) bool {
	return slices.ContainsFunc(f.Rules(), func(r *hba.Rule) bool {
		replication := slices.ContainsFunc(r.Databases, func(t hba.Token) bool { return t.Is("replication") })
		user := slices.ContainsFunc(r.Users, func(t hba.Token) bool {
			group, ok := t.Group()
			return t.Is("all") || t.Text == name || t.Regex || ok && s.Chain(name, group, Member) != nil
		})
		return replication && user && r.Method.Admits()
	})
}

// rules is pg_hba.conf, parsed; nil where it is not known.
func (s *State) rules() *hba.File {
	h := s.snap.HBA
	if h == nil || h.Error != "" || h.Text == "" {
		return nil
	}
	if s.hba == nil {
		s.hba = hba.Parse(h.Path, []byte(h.Text), hba.Options{Major: s.snap.Version.Major(), Read: h.Read, ReadDir: h.ReadDir})
	}
	return s.hba
}

// trusts says whether pg_hba.conf lets a role in on the server's own machine
// without any proof, over the socket or the loopback.
func (s *State) trusts(user, database string) bool {
	f := s.rules()
	if f == nil {
		return false
	}
	env := hba.Env{IsMember: func(user, role string) bool { return s.Chain(user, role, Member) != nil }}
	for _, from := range []netip.Addr{{}, netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()} {
		d := f.Decide(hba.Attempt{User: user, Database: database, Addr: from}, env)
		if d.Certain && d.Method == hba.Trust {
			return true
		}
	}
	return false
}

// addTrust: whoever can run a program on the machine can be anybody.
func addTrust(g *graph) {
	for _, name := range g.s.names {
		r := g.s.roles[name]
		if r.Login && !g.s.trusts(name, "postgres") && g.s.trusting(name, "postgres") {
			g.add(node{what: anybody}, edge{to: g.owner(name), certainty: Possible, sql: []string{"-- psql --username=" + name + " postgres"},
				why: "pg_hba.conf trusts " + name + " from a network: it takes only a machine there"})
		}
		if r.Login && g.s.trusts(name, "postgres") {
			g.add(node{what: anybody}, edge{to: node{what: being, name: name}, certainty: Possible, sql: []string{"-- psql --username=" + name + " postgres"},
				why: "pg_hba.conf trusts " + name + " on the server's own machine: it takes only a program there"})
		}
	}
}

// addDblink: dblink_connect_u does not ask for a password, and the server
// connects to itself as its own user.
func addDblink(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		for i := range c.Routines {
			r := &c.Routines[i]
			if !r.Extension || !strings.Contains(r.Signature, "dblink_connect_u(text)") {
				continue
			}
			o := Object{Kind: pgsql.Routine, Database: db, Schema: r.Schema, Name: r.Signature, Owner: r.Owner, ACL: r.ACL}
			for _, name := range g.s.names {
				if to := g.s.roles[name]; !to.Login || !g.s.trusts(name, db) {
					continue
				}
				for _, who := range g.whoever(g.inSchema(o, pgsql.Execute)...) {
					schema := pgsql.Ident(r.Schema)
					g.add(who, edge{to: node{what: being, name: name}, certainty: Certain, database: db, mend: []string{"REVOKE EXECUTE ON FUNCTION " + r.Signature + " FROM " + grantee(who.name)}, why: "dblink_connect_u leads back to this server, whose pg_hba.conf trusts " + name,
						sql: []string{"SELECT " + schema + ".dblink_connect_u(" + pgsql.Literal("user="+pgsql.Conninfo(name)+" dbname="+pgsql.Conninfo(db)) + ")",
							"SELECT " + schema + ".dblink_exec('…')"}})
				}
			}
		}
	})
}

// addForeign: a mapping with another's password, to a server that is this
// one, is a way to be that other.
func addForeign(g *graph) {
	g.each(func(db string, c *snapshot.Contents) {
		for _, f := range c.Servers {
			if f.Host != "" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, f.Host) && !strings.HasPrefix(f.Host, "/") ||
				f.Port != "" && f.Port != g.s.snap.Parameters["port"] {
				continue
			}
			for _, m := range c.Mappings {
				if m.Server == f.Name {
					g.addMapping(db, f, m)
				}
			}
		}
	})
}

func (g *graph) addMapping(db string, f snapshot.ForeignServer, m snapshot.UserMapping) {
	if m.User == m.Role || g.s.roles[m.User] == nil || !m.Password && !m.Optional {
		return
	}
	o := Object{Kind: pgsql.ServerKind, Database: db, Name: f.Name, Owner: f.Owner, ACL: f.ACL}
	for _, who := range g.whoever(need{o, pgsql.Usage}) {
		if m.Role != "" {
			if p, _ := g.s.Privileges(m.Role, o); p&pgsql.Usage == 0 {
				return
			}
			who = node{what: being, name: m.Role}
		}
		g.add(who, edge{to: node{what: rights, name: m.User}, certainty: Possible, database: db,
			sql: []string{"CREATE FOREIGN TABLE … SERVER " + pgsql.Ident(f.Name)},
			why: "server " + f.Name + " leads back to this server, and its user mapping makes " + m.User + " of whoever uses it"})
	}
}
