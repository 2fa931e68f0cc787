// Package adopt infers, from a snapshot of a server that somebody built by
// hand, which tenants it has: the landlord.yaml that would take them over.
// What it cannot tell it asks; it never decides in silence.
package adopt

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/access"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Proposal is a spec that adopts what a server has.
type Proposal struct {
	Estate tenant.Estate
	// Remarks say, for each tenant, administrator and server by its name, why
	// it is proposed so.
	Remarks map[string][]string
	// Asks are what somebody has to decide, each a sentence.
	Asks []string
}

// builder gathers a proposal.
type builder struct {
	state  *access.State
	snap   snapshot.Snapshot
	server tenant.Server
	out    Proposal
	// homes are the candidates of each login that works anywhere.
	homes map[string][]*candidate
	// candidates are houses that may be a tenant's.
	candidates []*candidate
	// spread is in how many databases, or schemas of a shared one, each login
	// works.
	spread map[string]int
}

// candidate is a house that somebody works in.
type candidate struct {
	database string
	schemas  []string
	shared   bool
	claims   []claim
	// further are other databases of the same customer, and why says so.
	further []*candidate
	why     string
	// works, if known, is who does an application's work in it.
	works map[string]tenant.Kind
}

// Propose infers the tenants of a server.
func Propose(server tenant.Server, snap snapshot.Snapshot) Proposal {
	b := &builder{state: access.Prepare(snap), snap: snap, server: server, homes: map[string][]*candidate{}}
	b.out.Remarks = map[string][]string{}
	for _, d := range snap.Databases {
		if !d.Template && d.AllowConn && tenant.CheckDatabase(d.Name) == nil {
			b.database(d)
		}
	}
	b.merge()
	for _, r := range snap.Roles {
		b.place(r)
	}
	taken := map[string]bool{}
	for _, c := range b.candidates {
		b.tenant(c, taken)
	}
	b.out.Estate.Servers = []tenant.Server{b.server}
	slices.SortFunc(b.out.Estate.Tenants, func(x, y tenant.Tenant) int { return strings.Compare(x.Name, y.Name) })
	return b.out
}

func (b *builder) ask(format string, args ...any) {
	b.out.Asks = append(b.out.Asks, fmt.Sprintf(format, args...))
}

// powerful says whether a role administers, rather than serves a tenant.
func powerful(r snapshot.Role) bool { return r.Superuser || r.CreateRole || r.CreateDB || r.Replicate }

// bootstrap is the number of the superuser that initdb makes.
const bootstrap = 10

// place decides what a login is. One that works for nobody, or for several,
// is said.
func (b *builder) place(r snapshot.Role) {
	homes := b.homes[r.Name]
	switch {
	case !r.Login || r.OID == bootstrap || r.Name == b.snap.Session.User:
		return
	case powerful(r) && (len(homes) != 1 || b.spread[r.Name] > 1):
		b.leave(r.Name, nil)
		b.administrator(r)
	case len(homes) > 1:
		if home := best(homes, r.Name); home != nil {
			b.leave(r.Name, home)
			return
		}
		b.leave(r.Name, nil)
		b.operator(r.Name, "it works in several houses")
		b.ask("login %s works in %s: whose is it? As an operator it may enter every database, and may lose what it was granted on tables. (If all of it is one customer's, make it one tenant in the spec, with the other databases under databases, and this login)", r.Name, list(homes))
	case powerful(r):
		b.ask("login %s administers the server (%s) and works in %s: it is taken for that tenant's application, and loses the rest", r.Name, strings.Join(access.Attributes(r), ", "), homes[0])
	case len(homes) == 0:
		b.ask("login %s works nowhere that I can see; as it stands in no tenant and is no operator, it will be turned away", r.Name)
	}
}

// administrator decides what becomes of a login that administers. One that
// makes roles is an administrator with full access: before 16 it can become
// every tenant, and since then its memberships show that it was meant to. Who
// has less stays what it is, an operator.
func (b *builder) administrator(r snapshot.Role) {
	attributes := strings.Join(access.Attributes(r), ", ")
	switch {
	case r.Superuser:
		b.operator(r.Name, attributes)
		b.ask("login %s is a superuser beside the first: does it have to be? If not: ALTER ROLE %s NOSUPERUSER, then name it under admins or as a tenant's login", r.Name, pgsql.Ident(r.Name))
	case !r.CreateRole || r.Replicate || tenant.CheckRole(r.Name) != nil:
		b.operator(r.Name, attributes)
	default:
		b.server.Admins = append(b.server.Admins, tenant.Admin{Name: r.Name, DataAccess: tenant.FullAccess, Adopt: true})
		b.remark(r.Name, "it administers (%s), and so can get at every customer's data: full is the honest word; it becomes the owner of a house by SET ROLE", attributes)
		b.remark(r.Name, "for none who can read everything: data_access: read, or none and landlord sudoers (docs/admins.md)")
	}
}

func (b *builder) operator(name, why string) {
	b.server.Operators = append(b.server.Operators, name)
	b.remark(b.server.Name, "%s is an operator: %s", name, why)
}

func (b *builder) remark(about, format string, args ...any) {
	b.out.Remarks[about] = append(b.out.Remarks[about], fmt.Sprintf(format, args...))
}

// best is the one house among several whose database names the login; nil
// where that is none or several.
func best(homes []*candidate, login string) *candidate {
	var named []*candidate
	for _, c := range homes {
		if c.claim(login).named {
			named = append(named, c)
		}
	}
	if len(named) != 1 {
		return nil
	}
	return named[0]
}

// leave takes a login out of every house but one, and says so.
func (b *builder) leave(login string, home *candidate) {
	for _, c := range b.homes[login] {
		if c == home {
			continue
		}
		c.claims = slices.DeleteFunc(c.claims, func(cl claim) bool { return cl.login == login })
		if home != nil {
			b.ask("login %s belongs to %s, and has rights in %s too: it loses those", login, home, c)
		}
	}
}

func (c *candidate) String() string {
	if c.shared {
		return "schema " + c.schemas[0] + " of database " + c.database
	}
	text := "database " + c.database
	for _, f := range c.further {
		text += ", " + f.database
	}
	return text
}

func list(all []*candidate) string {
	var words []string
	for _, c := range all {
		words = append(words, c.String())
	}
	return strings.Join(words, " and in ")
}
