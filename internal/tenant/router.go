package tenant

import (
	"net/netip"
	"slices"
)

// RouterRole is the login by which the router looks up verifiers, and by which
// nothing else can be done.
const RouterRole = "landlord_router"

// RouterSecrets says how the router gets to know whether a client's password
// is right.
type RouterSecrets string

// The ways of telling the router the secrets.
const (
	// AuthQuery has the router ask the tenant's own database at each login.
	AuthQuery RouterSecrets = "auth_query"
	// UserList gives the router a file with the verifiers of all logins.
	UserList RouterSecrets = "userlist"
)

// AllRouterSecrets lists the ways, the safer first.
func AllRouterSecrets() []RouterSecrets { return []RouterSecrets{AuthQuery, UserList} }

// PoolModes lists PgBouncer's pool modes that a tenant can have.
func PoolModes() []string { return []string{"session", "transaction"} }

// ServerTLSModes lists how the router speaks TLS to servers over TCP (libpq's
// sslmode). Anything less than require is none.
func ServerTLSModes() []string { return []string{"require", "verify-ca", "verify-full"} }

// Router is PgBouncer in front of all servers: one address and one name for
// each tenant, wherever its house stands.
type Router struct {
	// Directory holds the files that landlord writes for each process, in a
	// directory of the process's number.
	Directory string
	// User is the operating system's user as which PgBouncer runs.
	User string
	// Listen are the addresses that it listens on over TCP; none: the socket
	// alone. The first process listens on Port, each further one on the next.
	Listen []netip.Addr
	Port   int
	// Socket is the directory of its unix sockets.
	Socket string
	// Host is what programs are told to connect to. Empty: the first address
	// of Listen, or else Socket.
	Host string
	// Clients are the networks from which programs may come over TCP, with
	// TLS. The loopback addresses may always.
	Clients []netip.Prefix
	// Cert and Key are the files of the certificate that clients see, CA the
	// file of the authority that they may check it by.
	Cert, Key, CA string
	// ServerTLS is how the router reaches servers over TCP, ServerCA the file of
	// the authority that signed their certificates, ServerCert and ServerKey those of
	// the certificate by which it looks up secrets there.
	ServerTLS, ServerCA, ServerCert, ServerKey string
	Secrets                                    RouterSecrets
	PoolMode                                   string
	// PoolSize is how many connections to its server a tenant may have that
	// has no limit of its own.
	PoolSize int
	// Overcommit allows all pools together to want more connections than a
	// server has.
	Overcommit bool
	// MaxClients is how many clients a process takes, MaxClientsOfName how many of
	// them by one name; 0: half of them.
	MaxClients, MaxClientsOfName int
	// Aliases is how many names a process has at most; for more there are
	// more processes.
	Aliases int
	// Include is a file of the user's own in the form of pgbouncer.ini, HBA
	// one in the form of its auth_hba_file. Empty: none.
	Include, HBA string
	// Log is a file, for each process with its number behind. Empty: standard
	// error.
	Log string
}

// ClientsOfName is how many clients a process takes by one name: one tenant's
// clients must not shut out all others'.
func (r Router) ClientsOfName() int {
	if r.MaxClientsOfName > 0 {
		return r.MaxClientsOfName
	}
	return max(r.MaxClients/2, 1)
}

// RouterDoor is what a server must know of the router.
type RouterDoor struct {
	// Lookup says that the router asks it for verifiers.
	Lookup bool
	// User is the operating system's user that comes over the socket.
	User string
	// Clients are the addresses from which it comes over TCP, with a
	// certificate.
	Clients []netip.Prefix
}

// door is what a server must know of the estate's router.
func (e Estate) door(s Server) RouterDoor {
	r := e.Router
	if r == nil || r.Secrets != AuthQuery {
		return RouterDoor{}
	}
	d := RouterDoor{Lookup: true, User: r.User}
	if r.ServerCert != "" {
		// Often it runs on the server's own machine.
		d.Clients = append([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}, s.Clients...)
	}
	return d
}

// WithDoors tells each server of the estate's router.
func WithDoors(e Estate) Estate {
	if e.Router == nil {
		return e
	}
	e.Servers = append([]Server(nil), e.Servers...)
	for i, s := range e.Servers {
		s.Clients = s.atItsOwnAddress()
		s.Router = e.door(s)
		e.Servers[i] = s
	}
	return e
}

// atItsOwnAddress are the networks of a server's clients, with the address of a
// tenant's own server: that is what the router has that comes to it from the
// same machine.
func (s Server) atItsOwnAddress() []netip.Prefix {
	if s.Own == nil {
		return s.Clients
	}
	a, err := netip.ParseAddr(s.Own.Resources.Address)
	if err != nil || slices.ContainsFunc(s.Clients, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return s.Clients
	}
	return append(slices.Clone(s.Clients), netip.PrefixFrom(a, a.BitLen()))
}
