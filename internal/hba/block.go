package hba

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// The lines between which landlord's rules stand. What is outside of them is
// never touched.
const (
	BeginMarker = "# BEGIN landlord: rules between these two lines are landlord's; changes to them are lost"
	EndMarker   = "# END landlord"
)

// Block is what landlord wants pg_hba.conf to say.
type Block struct {
	// Superusers are let in by peer on the local socket only, for databases
	// and physical replication, and rejected from anywhere else. With Map set
	// (pg_ident.conf), that map says which OS users may be them; without, the
	// OS user of the same name.
	Superusers []string
	Map        string

	// Operators are logins that are neither tenants' nor superusers:
	// administrators, monitoring, landlord itself.
	Operators []Operator

	// AdminGroup is the role whose members may connect to every database, by
	// password: locally, and with TLS from AdminClients. Left out when empty.
	AdminGroup   string
	AdminClients []netip.Prefix

	// TenantGroup is the role of which every tenant's identity is a member.
	// They may connect to the database whose name is a role that they are
	// members of (samerole): locally, from the loopback addresses, and with
	// TLS from Clients.
	TenantGroup string
	Clients     []netip.Prefix

	// Adopted are databases whose group role has not their name.
	Adopted []Door
}

// Operator is a login, or a group of them, that works for landlord.
type Operator struct {
	Role  string // without +
	Group bool   // Role is a group: its members are meant

	// Local is the method on the local socket: Peer, SCRAM, or "" for none.
	Local Method
	Map   string // of pg_ident.conf, with Peer

	// Clients may connect over TCP, by Method: SCRAM (which "" means too), or
	// Cert. TLS is required except from a loopback address with SCRAM.
	Clients []netip.Prefix
	Method  Method
}

// Door lets the members of Group, who are tenants, into Database.
type Door struct {
	Database, Group string
}

// loopback is where tenants and admins may connect from without TLS.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}

// Render writes the block, markers included. It never writes trust, md5 or
// password. A name that pg_hba.conf cannot hold is an error, as is anything
// else that cannot be rendered: leaving a line out could let somebody in.
func Render(b Block) (string, error) {
	w := &blockWriter{}
	w.comment("Superusers: on this machine only, as the operating system's user.")
	for _, name := range b.Superusers {
		w.rule(Local, "all,replication", w.name(name), "", Peer, w.identMap(b.Map))
		w.rule(Host, "all,replication", w.name(name), "all", Reject, "")
	}
	w.operators(b.Operators)
	w.admins(b)
	w.tenants(b)
	w.comment("Nobody else. (\"all\" does not cover physical replication.)")
	w.rule(Local, "replication", "all", "", Reject, "")
	w.rule(Host, "replication", "all", "all", Reject, "")
	w.rule(Local, "all", "all", "", Reject, "")
	w.rule(Host, "all", "all", "all", Reject, "")
	if len(w.errs) > 0 {
		return "", errors.Join(w.errs...)
	}
	return BeginMarker + "\n" + w.text.String() + EndMarker + "\n", nil
}

type blockWriter struct {
	text strings.Builder
	errs []error
}

func (w *blockWriter) operators(list []Operator) {
	if len(list) > 0 {
		w.comment("Operators: logins that are no tenants'.")
	}
	for _, o := range list {
		who, method := w.role(o.Role, o.Group), o.Method
		if method == "" {
			method = SCRAM
		}
		switch o.Local {
		case Peer:
			w.rule(Local, "all", who, "", Peer, w.identMap(o.Map))
		case SCRAM:
			w.rule(Local, "all", who, "", SCRAM, "")
		case "":
		default:
			w.fail("operator %q: method %q on the local socket is neither peer nor scram-sha-256", o.Role, o.Local)
		}
		if method != SCRAM && method != Cert {
			w.fail("operator %q: method %q over TCP is neither scram-sha-256 nor cert", o.Role, method)
			continue
		}
		w.remote("all", who, o.Clients, method)
	}
}

func (w *blockWriter) admins(b Block) {
	if b.AdminGroup == "" {
		if len(b.AdminClients) > 0 {
			w.fail("addresses of admins without a group of admins")
		}
		return
	}
	w.comment("Admins: every database, by password, over TLS from elsewhere.")
	w.door("all", w.role(b.AdminGroup, true), b.AdminClients)
}

func (w *blockWriter) tenants(b Block) {
	if b.TenantGroup == "" {
		if len(b.Clients) > 0 || len(b.Adopted) > 0 {
			w.fail("addresses or databases of tenants without a group of tenants")
		}
		return
	}
	w.comment("Tenants: only the database whose name is a role that they are members of.")
	w.door("samerole", w.role(b.TenantGroup, true), b.Clients)
	if len(b.Adopted) > 0 {
		w.comment("Databases whose group of members is named otherwise.")
	}
	for _, d := range b.Adopted {
		w.door(w.name(d.Database), w.role(d.Group, true), b.Clients)
	}
}

// door lets somebody in by password: locally, from the loopback addresses, and
// from elsewhere with TLS.
func (w *blockWriter) door(database, who string, clients []netip.Prefix) {
	w.rule(Local, database, who, "", SCRAM, "")
	w.remote(database, who, append(slices.Clone(loopback), clients...), SCRAM)
}

func (w *blockWriter) remote(database, who string, clients []netip.Prefix, method Method) {
	seen := map[netip.Prefix]bool{}
	for _, p := range clients {
		if !p.IsValid() || p.Addr().Is4In6() {
			w.fail("%v is no network that a client can have", p)
			continue
		}
		if p = p.Masked(); seen[p] {
			continue
		}
		seen[p] = true
		kind := HostSSL
		if isLoopback(p) && method != Cert {
			kind = Host
		}
		w.rule(kind, database, who, p.String(), method, "")
	}
}

func isLoopback(p netip.Prefix) bool {
	return p.Addr().IsLoopback() && (p.Addr().Is4() && p.Bits() >= 8 || p.Bits() == 128)
}

func (w *blockWriter) comment(s string) { fmt.Fprintf(&w.text, "# %s\n", s) }

func (w *blockWriter) rule(kind ConnType, database, user, address string, method Method, option string) {
	line := fmt.Sprintf("%-7s %-16s %-20s %-18s %-14s %s", kind, database, user, address, method, option)
	w.text.WriteString(strings.TrimRight(line, " ") + "\n")
}

func (w *blockWriter) fail(format string, args ...any) {
	w.errs = append(w.errs, fmt.Errorf("pg_hba.conf: "+format, args...))
}

func (w *blockWriter) name(s string) string {
	q, err := quoteName(s)
	if err != nil {
		w.fail("%w", err)
	}
	return q
}

func (w *blockWriter) role(s string, group bool) string {
	if !group {
		return w.name(s)
	}
	if q := w.groupName(s); q != "" {
		return "+" + q
	}
	return ""
}

// groupName quotes a role's name behind a +. There a keyword is none, and a
// leading / or @ is only a letter.
func (w *blockWriter) groupName(s string) string {
	if err := checkName(s); err != nil {
		w.fail("%w", err)
		return ""
	}
	return quoteWord(s)
}

func (w *blockWriter) identMap(s string) string {
	if s == "" {
		return ""
	}
	if err := checkName(s); err != nil {
		w.fail("%w", err)
	}
	if q := quoteWord(s); q != s {
		return quoteWord("map=" + s)
	}
	return "map=" + s
}
