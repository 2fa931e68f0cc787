package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/isolation"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// LockoutError says that a change of pg_hba.conf was not made, since somebody
// who must get in could not any more.
type LockoutError struct{ Lockouts []hba.Lockout }

func (e *LockoutError) Error() string {
	lines := make([]string, len(e.Lockouts))
	for i, l := range e.Lockouts {
		lines[i] = l.String()
	}
	return "pg_hba.conf stays as it is: " + strings.Join(lines, "; ")
}

// Hint says what to do about it.
func (e *LockoutError) Hint() string {
	var names []string
	for _, l := range e.Lockouts {
		if l.Keep.Must {
			return "connect in a way that landlord's rules keep open (landlord hba show): as a superuser over the local socket, or as one of the server's operators"
		}
		if name := l.Keep.Attempt.User; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return fmt.Sprintf("write operators: [%s] below the server in the spec, and the networks that they come from below clients; "+
		"or, for whoever need not get in any more, take the old rule out of pg_hba.conf first", strings.Join(names, ", "))
}

// distant are the administrators who get in over the network, by each rule of
// pg_hba.conf that is for them. Superusers are left out: that they come in
// over the local socket only is what landlord is for. So are those whose
// password nobody can know.
func distant(server tenant.Server, tenants map[string]bool, snap snapshot.Snapshot) []hba.Keep {
	file, env := parseHBA(snap, snap.HBA.Text), hbaEnv(snap)
	var keep []hba.Keep
	for _, r := range snap.Roles {
		_, ours := isolation.ParseMark(r.Comment)
		if !r.Login || !r.CreateRole || r.Superuser || ours || tenants[r.Name] || r.Verifier == "none" {
			continue
		}
		for _, addr := range origins(server, file) {
			a := hba.Attempt{User: r.Name, Database: snap.Session.Database, Addr: addr, TLS: snap.Parameters["ssl"] != "off"}
			if d := file.Decide(a, env); d.Admits() && d.Method != hba.Trust {
				keep = append(keep, hba.Keep{Label: "administrator " + r.Name, Attempt: a})
				break // one way out of the house is enough to say so
			}
		}
	}
	return keep
}

// origins are addresses from which the rules of a file let somebody in: the
// first of each network, or, for the whole internet, of each that the spec
// names.
func origins(server tenant.Server, file *hba.File) []netip.Addr {
	var out []netip.Addr
	add := func(a netip.Addr) {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, r := range file.Rules() {
		p, ok := r.Address.Prefix()
		switch {
		case r.Type == hba.Local || !r.Method.Admits():
		case ok && p.Bits() > 0:
			add(p.Masked().Addr())
		default:
			for _, c := range operatorClients(server) {
				add(c.Masked().Addr())
			}
		}
	}
	return out
}
