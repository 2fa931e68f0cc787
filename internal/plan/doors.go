package plan

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/isolation"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// doors plans pg_hba.conf, where it can be read.
func (b *builder) doors() {
	file := b.snap.HBA
	if file == nil {
		return
	}
	if file.Error != "" {
		b.cannot("", "pg_hba.conf is not landlord's to change here: "+file.Error,
			"the database's ACL is the only wall between tenants; landlord hba show prints the rules to be set by hand")
		return
	}
	residents := b.in.residents()
	change, err := HBA(b.in.Server, residents, b.snap)
	var lockout *LockoutError
	switch {
	case errors.As(err, &lockout):
		b.clash("", lockout.Hint(), "%s: %v", file.Path, err)
		return
	case err != nil:
		b.clash("", "see landlord hba check", "%s: %v", file.Path, err)
		return
	}
	b.plan.HBA = change
	if change == nil {
		b.overruled(file.Text)
		b.unloaded(file.Text)
		return
	}
	b.overruled(change.After)
	for _, what := range CutOff(b.in.Server, residents, b.snap, *change) {
		b.note("", what, "name it in the server's operators, in a tenant's logins, or put a rule of its own above landlord's block")
	}
}

// overruled notes the rules of somebody else's that stand above landlord's, and
// so decide before them, to let tenants in where these would not.
func (b *builder) overruled(text string) {
	for _, d := range parseHBA(b.snap, text).Before(tenant.TenantsRole, b.isTenants) {
		b.cannot("", fmt.Sprintf("%s line %d decides before landlord's rules: %s (%s)", d.File, d.Line, d.Text, strings.Join(d.Why, "; ")),
			"move it below landlord's block, or take it out, and reload the server")
	}
}

// unloaded notes that the server goes by other rules than those in its file.
func (b *builder) unloaded(text string) {
	if errs := parseHBA(b.snap, text).Errors; len(errs) > 0 {
		b.cannot("", fmt.Sprintf("pg_hba.conf has %s, so that the server goes by the rules that it loaded before: %v", mistakes(len(errs)), errs[0]),
			"put it right (landlord hba check), then reload the server")
	}
}

func mistakes(n int) string {
	if n == 1 {
		return "a mistake"
	}
	return fmt.Sprintf("%d mistakes", n)
}

// Block is landlord's part of pg_hba.conf for a server.
func Block(server tenant.Server, tenants []tenant.Tenant, snap snapshot.Snapshot) hba.Block {
	block := hba.Block{TenantGroup: tenant.TenantsRole, Clients: server.Clients, Map: superuserMap(snap)}
	for _, r := range snap.Roles {
		if r.Superuser && r.Login {
			block.Superusers = append(block.Superusers, r.Name)
		}
	}
	block.Superusers = withoutOurs(block.Superusers, server, tenants)
	for _, name := range server.Operators {
		block.Operators = append(block.Operators, hba.Operator{Role: name, Local: hba.SCRAM, Clients: operatorClients(server)})
	}
	if hasAdmins(server, snap) {
		block.AdminGroup, block.AdminClients = tenant.AdminsRole, server.Clients
	}
	if d := server.Router; d.Lookup {
		block.Operators = append(block.Operators, hba.Operator{Role: tenant.RouterRole, Local: hba.Peer, Map: hba.IdentMap, Clients: d.Clients, Method: hba.Cert})
	}
	for i := range tenants {
		for p := range tenants[i].EachPlace {
			if group := tenants[i].Group(p); group != p.Database {
				block.Adopted = append(block.Adopted, hba.Door{Database: p.Database, Group: group})
			}
		}
	}
	slices.SortFunc(block.Adopted, func(a, b hba.Door) int { return strings.Compare(a.Database, b.Database) })
	return block
}

// withoutOurs leaves out the roles of tenants, administrators, pools and the
// router: none of these is to be a superuser.
func withoutOurs(names []string, server tenant.Server, tenants []tenant.Tenant) []string {
	ours := map[string]bool{}
	for _, name := range names {
		router := name == tenant.RouterRole
		if !router && tenant.CheckRole(name) != nil {
			continue // it can be none of them, as postgres
		}
		pool := slices.ContainsFunc(server.Pools, func(p tenant.Pool) bool { return slices.Contains(p.LoginRoles(), name) })
		ours[name] = router || pool || slices.ContainsFunc(server.Admins, func(a tenant.Admin) bool { return a.Name == name })
	}
	for i := range tenants {
		if len(ours) == 0 {
			break
		}
		for name := range tenants[i].EachRole {
			if _, asked := ours[name]; asked {
				ours[name] = true
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return ours[name] })
}

func operatorClients(server tenant.Server) []netip.Prefix {
	return append([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}, server.Clients...)
}

// superuserMap is the pg_ident.conf map by which landlord's own superuser
// gets in now; a new rule keeps it.
func superuserMap(snap snapshot.Snapshot) string {
	if snap.HBA == nil || !snap.Session.Superuser {
		return ""
	}
	d := parseHBA(snap, snap.HBA.Text).Decide(hba.Attempt{User: snap.Session.User, Database: snap.Session.Database}, hbaEnv(snap))
	if d.Method != hba.Peer {
		return ""
	}
	name, _ := d.Rule.Option("map")
	return name
}

// HBA says what becomes of pg_hba.conf, or nil if it stays. A file that is
// right, but that the server has not loaded (somebody was interrupted), is a
// change from itself to itself. The errors are those of the file's markers and
// *LockoutError.
func HBA(server tenant.Server, tenants []tenant.Tenant, snap snapshot.Snapshot) (*HBAChange, error) {
	text, err := hba.Render(Block(server, tenants, snap))
	if err != nil {
		return nil, err
	}
	after, changed, err := hba.Splice(snap.HBA.Text, text)
	if err != nil {
		return nil, err
	}
	ident, err := identChange(server, snap)
	if err != nil || !changed && !snap.HBA.Stale && ident == nil {
		return nil, err
	}
	parsed := parseHBA(snap, after)
	if errs := parsed.Errors; len(errs) > 0 {
		return nil, fmt.Errorf("the file has %s, and the server would go on with the old rules: %w", mistakes(len(errs)), errs[0])
	}
	lockouts := hba.CheckChange(parseHBA(snap, snap.HBA.Text), parsed, keepers(server, tenants, snap), hbaEnv(withAdmins(snap, server)))
	if len(lockouts) > 0 {
		return nil, &LockoutError{lockouts}
	}
	return &HBAChange{Path: snap.HBA.Path, Before: snap.HBA.Text, After: after, Ident: ident}, nil
}

func parseHBA(snap snapshot.Snapshot, text string) *hba.File {
	return hba.Parse(snap.HBA.Path, []byte(text), hba.Options{Major: snap.Version.Major()})
}

// keepers are those who must not be locked out: landlord itself, and every
// administrator that gets in now. A tenant's login is none, whatever rights it
// still has.
func keepers(server tenant.Server, tenants []tenant.Tenant, snap snapshot.Snapshot) []hba.Keep {
	self := hba.Attempt{User: snap.Session.User, Database: snap.Session.Database, TLS: snap.Session.TLS}
	if addr, err := netip.ParseAddr(snap.Session.Address); err == nil {
		self.Addr = addr
	}
	keep := []hba.Keep{{Label: "landlord itself", Attempt: self, Must: true}}
	logins := loginsOf(tenants)
	for _, r := range snap.Roles {
		knock := hba.Attempt{User: r.Name, Database: snap.Session.Database}
		_, ours := isolation.ParseMark(r.Comment)
		ours = ours || logins[r.Name]
		switch operator := slices.Contains(server.Operators, r.Name); {
		case !r.Login || ours:
		case operator && r.Verifier == md5:
			keep = append(keep, hba.Keep{Label: fmt.Sprintf(`operator %s, whose password is stored as an md5 hash until \password %[1]s sets it anew`, r.Name),
				Attempt: knock, Methods: []hba.Method{hba.MD5, hba.Password, hba.Peer, hba.Ident, hba.Trust, hba.Cert}})
		case !operator && (r.Superuser || r.CreateRole):
			keep = append(keep, hba.Keep{Label: "administrator " + r.Name, Attempt: knock})
		}
	}
	return append(keep, distant(server, logins, snap)...)
}

func loginsOf(tenants []tenant.Tenant) map[string]bool {
	out := map[string]bool{}
	for _, t := range tenants {
		for _, l := range t.Logins {
			out[l.Name] = true
		}
	}
	return out
}

// md5 is the form of a stored password that scram-sha-256 refuses.
const md5 = "md5"

// hashes notes the logins that landlord's rules refuse, since their password
// is stored in a form that nobody can turn into a SCRAM verifier.
func (b *builder) hashes(h isolation.House) {
	for _, l := range h.Tenant.Logins {
		b.hash(h.Tenant.Name, l.Name, fmt.Sprintf(`landlord credentials %s --login %s --rotate; or, so that its application goes on as it is, set the same password again before you apply: \password %[2]s in psql`, h.Tenant.Name, l.Name))
	}
}

func (b *builder) hash(tenant, login, next string) {
	if r := b.roles[login]; b.snap.HBA != nil && b.snap.HBA.Error == "" && r != nil && r.Verifier == md5 {
		b.cannot(tenant, fmt.Sprintf("the password of %s is stored as an md5 hash, which the rules of pg_hba.conf do not accept: it cannot log in until it has a new one", login), next)
	}
}

// hbaEnv answers what the file cannot, out of the snapshot.
func hbaEnv(snap snapshot.Snapshot) hba.Env {
	up := map[string][]string{}
	for _, m := range snap.Memberships {
		up[m.Member] = append(up[m.Member], m.Role)
	}
	var member func(user, role string, seen map[string]bool) bool
	member = func(user, role string, seen map[string]bool) bool {
		if user == role {
			return true
		}
		if seen[user] {
			return false
		}
		seen[user] = true
		return slices.ContainsFunc(up[user], func(r string) bool { return member(r, role, seen) })
	}
	return hba.Env{IsMember: func(user, role string) bool { return member(user, role, map[string]bool{}) }}
}

// Decide says which rule of the server's pg_hba.conf decides an attempt.
func Decide(snap snapshot.Snapshot, a hba.Attempt) hba.Decision {
	return parseHBA(snap, snap.HBA.Text).Decide(a, hbaEnv(snap))
}
