package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"landlord/internal/tenant"
)

// The router as it is where the spec says nothing else. Its port and its
// directory are those of Debian's package.
const (
	routerDirectory  = "/etc/pgbouncer/landlord"
	routerUser       = "postgres"
	routerSocket     = "/var/run/postgresql"
	routerPort       = 6432
	routerPoolSize   = 5
	routerMaxClients = 1000
	routerAliases    = 1000
)

// routerConsole is the name by which PgBouncer's console is reached.
const routerConsole = "pgbouncer"

func routerKeys() []Key {
	const p = "router."
	return []Key{
		{Path: "router", Type: Mapping, Default: "no router", Example: "{listen: [127.0.0.1]}",
			Doc: "PgBouncer in front of all servers: programs know one address, and each tenant's name as the database's, wherever its house stands. See router.md."},
		{Path: p + "directory", Type: Text, Default: routerDirectory, Example: "/srv/router",
			Doc: "Where landlord writes PgBouncer's files: a directory for each process, 1 and so on."},
		{Path: p + "user", Type: Text, Default: routerUser, Example: "pgbouncer",
			Doc: "The operating system's user as which PgBouncer runs, on the machine where landlord router is run."},
		{Path: p + "listen", Type: NameList, Default: "none: only the unix socket", Example: "[127.0.0.1]",
			Doc: "The addresses that it listens on over TCP. Any but a loopback address wants tls."},
		{Path: p + "port", Type: Count, Default: strconv.Itoa(routerPort), Example: "5432",
			Doc: "The port of the first process; the second has the next, and so on."},
		{Path: p + "socket", Type: Text, Default: routerSocket, Example: "/run/router",
			Doc: "The directory of the unix sockets."},
		{Path: p + "host", Type: Text, Default: "the first of listen, or else socket", Example: "db.example",
			Doc: "The host that landlord credentials tells programs."},
		{Path: p + "clients", Type: Networks, Default: "none: only this machine", Example: "[10.0.0.0/8]",
			Doc: "The networks from which programs may come over TCP, with TLS."},
		{Path: p + "tls", Type: Mapping, Default: "no TLS: only the loopback addresses can be listened on", Example: "{cert: /etc/ssl/router.pem, key: /etc/ssl/router.key}",
			Doc: "TLS towards programs. With it, nobody comes over TCP without."},
		{Path: p + "tls.cert", Type: Text, Required: true, Example: "/etc/ssl/router.pem", Doc: "The file of the router's certificate."},
		{Path: p + "tls.key", Type: Text, Required: true, Example: "/etc/ssl/router.key", Doc: "The file of its private key, which only the router's user may read."},
		{Path: p + "tls.ca", Type: Text, Default: "none: programs do not check the certificate", Example: "/etc/ssl/ca.pem",
			Doc: "The file, on the programs' machines, of the authority that signed the certificate. landlord credentials then has programs check it, and the host's name in it."},
		{Path: p + "server_tls", Type: Mapping, Default: "{mode: require}", Example: "{mode: verify-full, ca: /etc/ssl/ca.pem}",
			Doc: "TLS towards servers that are reached over TCP; over a unix socket there is none."},
		{Path: p + "server_tls.mode", Type: Choice, Values: tenant.ServerTLSModes(), Default: "require", Example: "verify-full",
			Doc: "As libpq's sslmode."},
		{Path: p + "server_tls.ca", Type: Text, Default: "none", Example: "/etc/ssl/ca.pem",
			Doc: "The file of the authority that signed the servers' certificates; verify-ca and verify-full want it."},
		{Path: p + "server_tls.cert", Type: Text, Default: "none", Example: "/etc/ssl/lookup.pem",
			Doc: "The file of a certificate for the name " + tenant.RouterRole + ": by it the router looks up verifiers on servers that it reaches over TCP (secrets: auth_query)."},
		{Path: p + "server_tls.key", Type: Text, Default: "none", Example: "/etc/ssl/lookup.key", Doc: "The file of that certificate's private key."},
		{Path: p + "secrets", Type: Choice, Values: words(tenant.AllRouterSecrets()), Default: string(tenant.AuthQuery), Example: "userlist",
			Doc: "How the router knows whether a password is right. auth_query: it asks the tenant's database at each login, by a function of landlord's that only it may call. userlist: landlord writes the verifiers of all logins into a file, anew after each change of a password."},
		{Path: p + "pool_mode", Type: Choice, Values: tenant.PoolModes(), Default: "session", Example: "transaction",
			Doc: "When a connection to the server is free for another client of the same login: when its client goes, or after each transaction. transaction wants programs that leave nothing behind in a session."},
		{Path: p + "pool_size", Type: Count, Default: strconv.Itoa(routerPoolSize), Example: "10",
			Doc: "How many connections to its server each tenant may have through the router, all its logins together, unless limits: connections says it for the tenant."},
		{Path: p + "overcommit", Type: Bool, Default: "false", Example: "true",
			Doc: "Whether all pools together may want more connections than a server has (max_connections). Then the last ones fail when all are at work at once."},
		{Path: p + "max_clients", Type: Count, Default: strconv.Itoa(routerMaxClients), Example: "5000",
			Doc: "How many clients each process takes."},
		{Path: p + "max_clients_of_name", Type: Count, Default: "half of max_clients", Example: "200",
			Doc: "How many clients each process takes by one name, so that no tenant's shut out all others'. It wants PgBouncer 1.24."},
		{Path: p + "aliases", Type: Count, Default: strconv.Itoa(routerAliases), Example: "500",
			Doc: "How many tenants a process of PgBouncer serves at most. Where there are more, landlord spreads them over several processes, each on a port of its own; who has a place keeps it."},
		{Path: p + "include", Type: Text, Default: "none", Example: "/etc/pgbouncer/own.ini",
			Doc: "A file of your own in the form of pgbouncer.ini: further databases, other timeouts. What keeps tenants apart, it cannot change."},
		{Path: p + "hba", Type: Text, Default: "none", Example: "/etc/pgbouncer/own_hba.conf",
			Doc: "A file of your own with rules for the databases of include, in the form of pg_hba.conf. It cannot open the tenants' names or the console."},
		{Path: p + "log", Type: Text, Default: "standard error: the journal, under systemd", Example: "/var/log/postgresql/router.log",
			Doc: "PgBouncer's log; each process adds its number."},
	}
}

func (d *decoder) readRouter(at position, n *node) {
	r := &tenant.Router{
		Directory: routerDirectory, User: routerUser, Port: routerPort, Socket: routerSocket, ServerTLS: "require",
		Secrets: tenant.AuthQuery, PoolMode: "session", PoolSize: routerPoolSize, MaxClients: routerMaxClients, Aliases: routerAliases,
	}
	d.router = r
	d.mapping(n, "router", "router", func(key, path string, at position, v *node) {
		switch key {
		case "listen":
			r.Listen = d.addresses(v, path)
		case "clients":
			r.Clients = d.networks(v, path)
		case "tls":
			d.mapping(v, path, "router.tls", func(key, path string, _ position, v *node) {
				d.file(v, path, map[string]*string{"cert": &r.Cert, "key": &r.Key, "ca": &r.CA}[key])
			})
			if r.Cert == "" || r.Key == "" {
				d.errs.add(at, path, "wants both cert and key")
			}
		case "server_tls":
			d.mapping(v, path, "router.server_tls", func(key, path string, _ position, v *node) {
				if key == "mode" {
					r.ServerTLS, _ = choice(d, v, path, tenant.ServerTLSModes())
					return
				}
				d.file(v, path, map[string]*string{"ca": &r.ServerCA, "cert": &r.ServerCert, "key": &r.ServerKey}[key])
			})
			if strings.HasPrefix(r.ServerTLS, "verify") && r.ServerCA == "" {
				d.errs.add(at, path, r.ServerTLS+" wants ca: the authority to check the servers' certificates by")
			}
			if (r.ServerCert == "") != (r.ServerKey == "") {
				d.errs.add(at, path, "wants cert and key together")
			}
		default:
			d.routerScalar(r, key, path, v)
		}
	})
	d.checkRouter(at, r)
}

func (d *decoder) routerScalar(r *tenant.Router, key, path string, v *node) {
	switch key {
	case "port":
		if r.Port = d.count(v, path); r.Port > 65535-100 {
			d.errs.add(v.at, path, "wants a port below 65436: each further process has the next")
		}
	case "pool_size":
		r.PoolSize = d.count(v, path)
	case "max_clients":
		r.MaxClients = d.count(v, path)
	case "max_clients_of_name":
		r.MaxClientsOfName = d.count(v, path)
	case "aliases":
		r.Aliases = d.count(v, path)
	case "overcommit":
		r.Overcommit, _ = d.bool(v, path)
	case "secrets":
		r.Secrets, _ = choice(d, v, path, tenant.AllRouterSecrets())
	case "pool_mode":
		r.PoolMode, _ = choice(d, v, path, tenant.PoolModes())
	case "user":
		r.User, _ = d.checked(v, path, notEmpty)
	case "host":
		r.Host, _ = d.checked(v, path, printable)
	default:
		d.file(v, path, map[string]*string{"directory": &r.Directory, "socket": &r.Socket, "include": &r.Include, "hba": &r.HBA, "log": &r.Log}[key])
	}
}

// file reads the path of a file, as PgBouncer's configuration can hold it.
func (d *decoder) file(n *node, path string, to *string) {
	*to, _ = d.checked(n, path, func(s string) error {
		if err := printable(s); err != nil {
			return err
		}
		if !filepath.IsAbs(s) || filepath.Clean(s) != s {
			return fmt.Errorf("%q is no path from the root: it begins with / and has no . or .. in it", s)
		}
		return nil
	})
}

// printable is text that can stand as a value in pgbouncer.ini: one line, no
// blank at either end.
func printable(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	if strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("begins or ends with a blank, or holds a control character, which PgBouncer's configuration cannot")
	}
	return nil
}

func (d *decoder) addresses(n *node, path string) []netip.Addr {
	var all []netip.Addr
	for _, s := range d.list(n, path, func(s string) error {
		if a, err := netip.ParseAddr(s); err != nil || a.Zone() != "" {
			return fmt.Errorf("%q is no IP address", s)
		}
		return nil
	}) {
		all = append(all, netip.MustParseAddr(s))
	}
	return all
}

// checkRouter reports what does not fit together.
func (d *decoder) checkRouter(at position, r *tenant.Router) {
	open := false
	for _, a := range r.Listen {
		open = open || !a.IsLoopback()
	}
	switch {
	case r.Cert == "" && open:
		d.errs.add(at, "router", "listens beyond this machine, and has no tls: give it a certificate (tls: {cert, key})")
	case r.Cert == "" && len(r.Clients) > 0:
		d.errs.add(at, "router.clients", "programs from other machines come with TLS alone: give the router a certificate (tls: {cert, key})")
	}
}

// resolveRouter tells each server of the router, and refuses names that
// PgBouncer keeps for itself.
func (d *decoder) resolveRouter(e *tenant.Estate) {
	r := d.router
	if e.Router = r; r == nil {
		return
	}
	if at, taken := d.tenantAt[routerConsole]; taken {
		d.errs.add(at, tenantsSection+"."+routerConsole, "behind a router no tenant can have this name: it is that of PgBouncer's console")
	}
	*e = tenant.WithDoors(*e)
}

func (w *writer) router(r *tenant.Router) {
	if r == nil {
		return
	}
	var body writer
	body.given(1, "directory", r.Directory, routerDirectory)
	body.given(1, "user", r.User, routerUser)
	if len(r.Listen) > 0 {
		body.value(1, "listen", flow(r.Listen, netip.Addr.String))
	}
	body.number("port", r.Port, routerPort)
	body.given(1, "socket", r.Socket, routerSocket)
	body.given(1, "host", r.Host, "")
	if len(r.Clients) > 0 {
		body.value(1, "clients", flow(r.Clients, netip.Prefix.String))
	}
	if r.Cert != "" {
		body.key(1, "tls")
		body.given(2, "cert", r.Cert, "")
		body.given(2, "key", r.Key, "")
		body.given(2, "ca", r.CA, "")
	}
	if r.ServerTLS != "require" || r.ServerCA != "" || r.ServerCert != "" {
		body.key(1, "server_tls")
		body.value(2, "mode", quote(r.ServerTLS))
		body.given(2, "ca", r.ServerCA, "")
		body.given(2, "cert", r.ServerCert, "")
		body.given(2, "key", r.ServerKey, "")
	}
	body.given(1, "secrets", string(r.Secrets), string(tenant.AuthQuery))
	body.given(1, "pool_mode", r.PoolMode, "session")
	body.number("pool_size", r.PoolSize, routerPoolSize)
	if r.Overcommit {
		body.value(1, "overcommit", "true")
	}
	body.number("max_clients", r.MaxClients, routerMaxClients)
	body.number("max_clients_of_name", r.MaxClientsOfName, 0)
	body.number("aliases", r.Aliases, routerAliases)
	body.given(1, "include", r.Include, "")
	body.given(1, "hba", r.HBA, "")
	body.given(1, "log", r.Log, "")
	if body.Len() == 0 {
		w.value(0, "router", "{}")
		return
	}
	w.key(0, "router")
	w.Write(body.Bytes())
}

func (w *writer) number(key string, n, byDefault int) {
	if n != byDefault {
		w.value(1, key, strconv.Itoa(n))
	}
}
