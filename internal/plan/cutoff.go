package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// maxCutOff bounds how many pairs of login and database are looked at.
const maxCutOff = 10_000

// CutOff lists, a sentence each, the logins that are neither tenants' nor
// operators' and that a change of pg_hba.conf keeps out of databases that
// they could enter until now, and the superusers that it keeps off TCP.
func CutOff(server tenant.Server, tenants []tenant.Tenant, snap snapshot.Snapshot, c HBAChange) []string {
	ours := map[string]bool{}
	for _, name := range server.Operators {
		ours[name] = true
	}
	for _, p := range server.Pools {
		for _, name := range p.LoginRoles() {
			ours[name] = true
		}
	}
	for _, t := range tenants {
		for _, name := range t.Roles() {
			ours[name] = true
		}
	}
	before, after, env := parseHBA(snap, c.Before), parseHBA(snap, c.After), hbaEnv(withAdmins(snap, server))
	var out []string
	looked := 0
	for _, r := range snap.Roles {
		if !r.Login || ours[r.Name] || strings.HasPrefix(r.Name, tenant.ProbePrefix) {
			continue
		}
		if r.Superuser {
			if knock := overTCP(r.Name, snap.Session.Database); before.Decide(knock, env).Admits() && !after.Decide(knock, env).Admits() {
				out = append(out, fmt.Sprintf("superuser %s can connect over TCP now, and will only get in over the local socket, by peer", r.Name))
			}
			continue
		}
		var lost []string
		for _, d := range snap.Databases {
			if looked++; d.AllowConn && d.Name != "template1" && looked < maxCutOff && loses(before, after, env, r.Name, d.Name) {
				lost = append(lost, d.Name)
			}
		}
		if len(lost) > 0 {
			out = append(out, fmt.Sprintf("login %s can connect to %s now, and will not be able to", r.Name, some(lost)))
		}
	}
	return out
}

// loses says whether a login got in before, locally or from this machine, and
// gets in no way after.
func loses(before, after *hba.File, env hba.Env, user, database string) bool {
	local := hba.Attempt{User: user, Database: database}
	tcp := overTCP(user, database)
	in := func(f *hba.File) bool { return f.Decide(local, env).Admits() || f.Decide(tcp, env).Admits() }
	return in(before) && !in(after)
}

// overTCP is a login with TLS from the server's own machine.
func overTCP(user, database string) hba.Attempt {
	return hba.Attempt{User: user, Database: database, Addr: netip.MustParseAddr("127.0.0.1"), TLS: true}
}

// some names the first few of a list.
func some(names []string) string {
	slices.Sort(names)
	if len(names) <= 5 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more databases", strings.Join(names[:5], ", "), len(names)-5)
}
