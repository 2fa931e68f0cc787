// Package tenant is landlord's domain: tenants, their isolation models, their
// roles and their limits, as plain values. It knows no SQL, no YAML and no
// network; everything that decides something is built on it.
package tenant

import (
	"net/netip"
	"slices"
	"time"
)

// Model says in which house a tenant's schema stands.
type Model string

// The isolation models.
const (
	// Schema puts the tenant's schema into a database that it shares with
	// other tenants.
	Schema Model = "schema"
	// Database gives the tenant a database of its own.
	Database Model = "database"
	// Cluster gives the tenant a server of its own, which landlord makes on
	// this host (PostgreSQL's manual calls a server a database cluster).
	Cluster Model = "cluster"
)

// Models lists the isolation models, the cheapest first.
func Models() []Model { return []Model{Schema, Database, Cluster} }

// Own says that the tenant's database is its own, on whatever server.
func (t Tenant) Own() bool { return t.Isolation != Schema }

// Kind is what a login of a tenant may do.
type Kind string

// The kinds of logins.
const (
	// App may select, insert, update and delete.
	App Kind = "app"
	// Reader may select.
	Reader Kind = "ro"
	// Migrator becomes the owner at login, and may run DDL.
	Migrator Kind = "ddl"
)

// Kinds lists the kinds of logins in the order in which they are made.
func Kinds() []Kind { return []Kind{App, Reader, Migrator} }

// Rights is what a tenant as a whole may do in its house.
type Rights string

// The rights of a tenant.
const (
	// Read gives the tenant a reader only: an archive.
	Read Rights = "read"
	// CRUD gives the tenant an application login and a reader.
	CRUD Rights = "crud"
	// DDL adds a migrator that may create and alter objects.
	DDL Rights = "ddl"
)

// AllRights lists the rights, the narrowest first.
func AllRights() []Rights { return []Rights{Read, CRUD, DDL} }

// Login is one role of a tenant that may log in.
type Login struct {
	Name string
	Kind Kind
	// Connections is its own limit of concurrent connections; 0: the tenant's,
	// -1: none.
	Connections int
}

// Connections is how many concurrent connections a login of the tenant may
// have; 0: no limit.
func (t Tenant) Connections(l Login) int {
	switch {
	case l.Connections < 0:
		return 0
	case l.Connections > 0:
		return l.Connections
	}
	return t.Limits.Connections
}

// Limits are what one login of a tenant may use. A zero value means "no
// limit", as in PostgreSQL's own defaults.
type Limits struct {
	Connections      int           // concurrent connections of each login; enforced by the server
	TempFiles        int64         // bytes of temporary files per session (temp_file_limit); enforced where a superuser sets it
	StatementTimeout time.Duration // a default that the tenant can change, as are those below
	LockTimeout      time.Duration
	IdleTransaction  time.Duration // idle_in_transaction_session_timeout
	WorkMem          int64         // bytes (work_mem)
}

// Setting is one configuration parameter with its value as SHOW prints it.
type Setting struct{ Name, Value string }

// Tenant is one customer, with every default resolved.
type Tenant struct {
	Name      string
	Server    string
	Isolation Model
	// Home is where the tenant lives: its database, or the one that it shares
	// with others. There may be further databases: see [Tenant.Places].
	Home Place
	// Further are further databases, each the tenant's own, sorted by name.
	Further []Place
	// Owner is the role that owns the schemas and every object in them. It
	// cannot log in.
	Owner  string
	Rights Rights
	Logins []Login
	// Twins are the second logins that rotation has left on the server.
	Twins  []Twin
	Limits Limits
	// Temp says whether the tenant may make temporary tables.
	Temp bool
	// Extensions are those that the tenant can use, sorted. They stand in
	// [ExtensionsSchema] of its database, which others may share.
	Extensions []string
	// LargeObjects says that the tenant's database lets everybody in it make
	// large objects.
	LargeObjects bool
	// AdvisoryLocks says that the tenants of a shared database may take
	// advisory locks, whose keys they then share.
	AdvisoryLocks bool
	// Settings are further parameters of the tenant's logins, sorted by name.
	Settings []Setting
	// Adopt consents to taking over a database, schemas and roles of these
	// names that landlord did not make.
	Adopt bool
	// Suspended closes the tenant's door: its logins cannot log in, and
	// nothing is lost.
	Suspended bool
	// Resources are what the tenant's own server may use; nil in the other
	// models.
	Resources *Resources
}

// Identity is the name of the role that stands for the tenant: NOLOGIN, and
// every login of the tenant is a member of it.
func (t Tenant) Identity() string { return t.Name }

// Roles lists the names of all the tenant's roles: identity, owner, the groups
// of its further databases, logins, their twins.
func (t Tenant) Roles() []string {
	return slices.Concat([]string{t.Identity(), t.Owner}, t.Groups(), t.LoginRoles())
}

// EachRole yields what Roles lists, in the same order, and makes no list.
func (t *Tenant) EachRole(yield func(string) bool) {
	if !yield(t.Identity()) || !yield(t.Owner) {
		return
	}
	if len(t.Further) > 0 {
		for _, name := range t.Groups() {
			if !yield(name) {
				return
			}
		}
	}
	for _, l := range t.Logins {
		if !yield(l.Name) {
			return
		}
	}
	for _, w := range t.Twins {
		if !yield(w.Name) {
			return
		}
	}
}

// LoginsOf lists the names of the tenant's logins of one kind.
func (t Tenant) LoginsOf(k Kind) []string {
	var names []string
	for _, l := range t.Logins {
		if l.Kind == k {
			names = append(names, l.Name)
		}
	}
	return names
}

// Server is one running PostgreSQL instance.
type Server struct {
	Name string
	// Connection is how landlord itself connects: libpq keywords and values,
	// or a URI. It never holds a password (see PGPASSFILE).
	Connection string
	// Endpoint is where the tenants connect, in the same form. Empty: as
	// Connection, without its user and database.
	Endpoint string
	// Clients are the networks from which tenants and operators may connect
	// over TCP, with TLS.
	Clients []netip.Prefix
	// Operators are logins that are no tenants' and that pg_hba.conf lets
	// into every database: administrators, monitoring, backup.
	Operators []string
	// Admins are the administrators that landlord makes, sorted by name.
	Admins []Admin
	// Pools are the logins that may become any tenant of a shared database,
	// sorted by name.
	Pools []Pool
	// Own is what landlord makes this server of, a tenant's own; nil for a
	// server that is there already, and that tenants share.
	Own *OwnServer
	// Router is what the server must know of the router.
	Router RouterDoor
}

// Secrets says what becomes of the passwords that landlord makes. At most one
// of Command and File is set; neither means "shown once".
type Secrets struct {
	// Command gets each new password on its standard input.
	Command []string
	// Lookup prints a stored password; prove logs in with it.
	Lookup []string
	// File is a pgpass file, mode 0600.
	File string
}

// Journal says where the changes that landlord makes are written down. The
// zero value means nowhere.
type Journal struct {
	// File gets one JSON object a line, appended.
	File string
	// Syslog sends the same to the system's log.
	Syslog bool
}

// Audit is what landlord audit goes by.
type Audit struct {
	// RequireExpiry says that every login must have VALID UNTIL.
	RequireExpiry bool
	Waivers       []Waiver
}

// Waiver says that findings are known, and lived with for a while.
type Waiver struct {
	// Finding is a finding's key, in which * stands for any part of it.
	Finding string
	Reason  string
	Until   time.Time // the last day on which it counts
}

// Estate is everything that one landlord.yaml describes.
type Estate struct {
	Servers []Server // sorted by name
	Tenants []Tenant // sorted by name
	Host    Host
	Secrets Secrets
	Journal Journal
	Audit   Audit
	// Router is nil where there is none.
	Router *Router
}

// Tenant returns the tenant of that name.
func (e Estate) Tenant(name string) (Tenant, bool) {
	for i := range e.Tenants {
		if e.Tenants[i].Name == name {
			return e.Tenants[i], true
		}
	}
	return Tenant{}, false
}

// Server returns the server of that name.
func (e Estate) Server(name string) (Server, bool) {
	i := slices.IndexFunc(e.Servers, func(s Server) bool { return s.Name == name })
	if i < 0 {
		return Server{}, false
	}
	return e.Servers[i], true
}

// On returns the tenants that live on one server, which may be the estate's own
// list.
func (e Estate) On(server string) []Tenant {
	n := 0
	for i := range e.Tenants {
		if e.Tenants[i].Server == server {
			n++
		}
	}
	if n == len(e.Tenants) {
		return slices.Clip(e.Tenants)
	}
	var ts []Tenant
	for i := range e.Tenants {
		if e.Tenants[i].Server == server {
			ts = append(ts, e.Tenants[i])
		}
	}
	return ts
}
