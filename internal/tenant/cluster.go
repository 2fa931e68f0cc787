package tenant

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Resources are what a tenant's own server may use, and where it stands.
type Resources struct {
	// CPU is in thousandths of a processor; 0: no limit.
	CPU int
	// Memory is the limit of all the server's processes together, in bytes.
	Memory int64
	// IOWeight is the server's share of the disk, from 1 to 10000, where 100 is
	// everybody's; 0: not set.
	IOWeight int
	// Volume is the mount point of the tenant's own volume; empty: the data
	// stands with everybody's.
	Volume string
	// Address is the only one that the server listens on, as netip.Addr prints
	// it; empty: none of its own.
	Address string
	// Interface is what the address is added to.
	Interface string
	// Port is 0 for 5432. Without an address it makes the server listen on
	// localhost; without either, it listens on its socket alone.
	Port int
	// Major is the major version; 0: the newest that is installed.
	Major int
	// OSUser says as whom the server runs.
	OSUser OSUser
	// Settings are parameters of the server, sorted by name.
	Settings []Setting
}

// OSUser says as which user of the operating system a server runs.
type OSUser string

// The users of the operating system.
const (
	// SharedUser is postgres, for all servers: a superuser of one of them can
	// read the files of all.
	SharedUser OSUser = "shared"
	// OwnUser is a user of the server's own.
	OwnUser OSUser = "own"
)

// OSUsers lists them, the laxest first.
func OSUsers() []OSUser { return []OSUser{SharedUser, OwnUser} }

// DefaultMemory is the memory of a server whose tenant names none, in bytes.
const DefaultMemory = 1 << 30

// DefaultPort is PostgreSQL's.
const DefaultPort = 5432

// Manager is what makes servers on a host.
type Manager string

// The managers.
const (
	// Debian is postgresql-common with systemd: pg_createcluster,
	// pg_ctlcluster, pg_lsclusters, postgresql@MAJOR-NAME.service.
	Debian Manager = "debian"
	// Plain is initdb and pg_ctl alone.
	Plain Manager = "plain"
)

// Managers lists the managers, the usual one first.
func Managers() []Manager { return []Manager{Debian, Plain} }

// Host is this machine, as far as tenants' own servers are about it.
type Host struct {
	// Manager is empty for Debian.
	Manager Manager
	// Directory holds what landlord keeps of each server, and with the manager
	// Plain the servers themselves; empty: [DefaultDirectory].
	Directory string
	// Memory (bytes) and CPU (thousandths of a processor) are what all tenants'
	// servers may have together; 0: what the machine has, less a share for
	// itself.
	Memory int64
	CPU    int
	// Interface is what addresses are added to unless a tenant names another.
	Interface string
	// Clients and Operators are those of each tenant's server; see [Server].
	Clients   []netip.Prefix
	Operators []string
	// Admins are the administrators who are on all servers, sorted by name.
	Admins []Admin
}

// DefaultDirectory is the host's directory where the spec names none.
const DefaultDirectory = "/var/lib/landlord"

// socketRoot holds the socket directories with the manager Debian.
const socketRoot = "/run/landlord"

// OwnServer is what landlord makes a tenant's own server of.
type OwnServer struct {
	Tenant    string
	Resources Resources
	Manager   Manager
	// Home is landlord's directory for this server, SocketDir that of its
	// socket, OSUser the user that it runs as.
	Home, SocketDir, OSUser string
	// Stopped says that the tenant is suspended: the server is not to run.
	Stopped bool
}

// Port is the port of its socket, and of its address if it has one.
func (o OwnServer) Port() int {
	if o.Resources.Port == 0 {
		return DefaultPort
	}
	return o.Resources.Port
}

// Listen is what it listens on over TCP; empty: nothing.
func (o OwnServer) Listen() string {
	switch {
	case o.Resources.Address != "":
		return o.Resources.Address
	case o.Resources.Port != 0:
		return "localhost"
	}
	return ""
}

// Certificate is the path of its certificate, which signs itself: clients that
// have it can verify the server.
func (o OwnServer) Certificate() string { return filepath.Join(o.Home, "server.crt") }

// MaxOwnUser is the longest name of a tenant whose server has a user of its
// own, in bytes: Linux keeps 32 of a user's name.
const MaxOwnUser = 32 - len(ownUserPrefix)

const ownUserPrefix = "ll_"

// Expand gives each tenant of the model [Cluster] its server, and takes away
// those of tenants that are gone. All else stays.
func Expand(e Estate) Estate {
	isOwn := func(s Server) bool { return s.Own != nil }
	isCluster := func(t Tenant) bool { return t.Isolation == Cluster }
	if !slices.ContainsFunc(e.Servers, isOwn) && !slices.ContainsFunc(e.Tenants, isCluster) {
		return e
	}
	servers := slices.DeleteFunc(slices.Clone(e.Servers), isOwn)
	for _, t := range e.Tenants {
		if isCluster(t) {
			servers = append(servers, ownServer(t, e.Host))
		}
	}
	slices.SortStableFunc(servers, func(a, b Server) int { return strings.Compare(a.Name, b.Name) })
	if e.Servers = servers; len(servers) == 0 {
		e.Servers = nil // as in a file that names none
	}
	return WithDoors(e)
}

// ownServer is the server of one tenant, on a host.
func ownServer(t Tenant, h Host) Server {
	home := filepath.Join(h.Dir(), t.Name)
	r := Resources{Memory: DefaultMemory, OSUser: SharedUser}
	if t.Resources != nil {
		r = *t.Resources
	}
	o := OwnServer{Tenant: t.Name, Resources: r, Manager: h.Kind(), Home: home, SocketDir: filepath.Join(socketRoot, t.Name), OSUser: "postgres", Stopped: t.Suspended}
	if o.Manager == Plain {
		o.SocketDir = filepath.Join(home, "run")
	}
	if r.OSUser == OwnUser {
		o.OSUser = ownUserPrefix + t.Name
	}
	if o.Resources.Interface == "" && o.Resources.Address != "" {
		o.Resources.Interface = h.Interface
	}
	s := Server{Name: t.Name, Connection: "host=" + word(o.SocketDir) + " port=" + strconv.Itoa(o.Port()) + " user=postgres",
		Clients: h.Clients, Operators: h.Operators, Admins: h.Admins, Own: &o}
	if listen := o.Listen(); listen != "" {
		s.Endpoint = fmt.Sprintf("host=%s port=%d sslmode=verify-full sslrootcert=%s", listen, o.Port(), word(o.Certificate()))
	}
	return s
}

// word is a value in libpq's form.
func word(s string) string {
	if !strings.ContainsAny(s, ` '\`) {
		return s
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// Kind is the host's manager.
func (h Host) Kind() Manager {
	if h.Manager == "" {
		return Debian
	}
	return h.Manager
}

// Dir is the host's directory.
func (h Host) Dir() string {
	if h.Directory == "" {
		return DefaultDirectory
	}
	return h.Directory
}

// Named lists the servers that the spec itself names.
func (e Estate) Named() []Server {
	return slices.DeleteFunc(slices.Clone(e.Servers), func(s Server) bool { return s.Own != nil })
}
