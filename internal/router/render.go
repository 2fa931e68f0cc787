package router

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// console is the name of PgBouncer's own database.
const console = "pgbouncer"

// The files of one process, in its directory.
const (
	IniFile   = "pgbouncer.ini"
	HBAFile   = "hba.conf"
	UsersFile = "users.txt"
)

// Process is one PgBouncer, with the whole text of its files.
type Process struct {
	Number  int     `json:"number"`
	Port    int     `json:"port"`
	Aliases []Alias `json:"names"`
	// Closed are names that keep their place and lead nowhere: of suspended
	// tenants, and of those that are gone.
	Closed []string `json:"closed,omitempty"`
	// Dir is where its files stand.
	Dir   string            `json:"directory"`
	Files map[string]string `json:"-"`
	// OwnRules says that rules of the user's are among them.
	OwnRules bool `json:"-"`
}

// Processes renders the files of each process, for one version of PgBouncer's.
// own is what the user has written by hand, before where names were: what was
// there and is no more stays as a name that leads nowhere (closed).
func Processes(r tenant.Router, v Version, aliases []Alias, place, before map[string]int, own Own) ([]Process, error) {
	last := 1
	for _, places := range []map[string]int{place, before} {
		for _, n := range places {
			last = max(last, n)
		}
	}
	var out []Process
	for n := 1; n <= last; n++ {
		p := Process{Number: n, Port: r.Port + n - 1, Dir: path.Join(r.Directory, strconv.Itoa(n)), OwnRules: own.Rules != ""}
		for _, a := range aliases {
			switch {
			case place[a.Name] != n:
			case a.Closed:
				p.Closed = append(p.Closed, a.Name)
			default:
				p.Aliases = append(p.Aliases, a)
			}
		}
		for name, was := range before {
			if was == n && place[name] == 0 && !own.has(name) {
				p.Closed = append(p.Closed, name)
			}
		}
		slices.Sort(p.Closed)
		w := &writer{router: r, version: v, process: p, own: own, asks: asks(r, v, p.Aliases)}
		p.Files = map[string]string{IniFile: w.ini(), HBAFile: w.hba(), UsersFile: w.users()}
		if len(w.errs) > 0 {
			return nil, errors.Join(w.errs...)
		}
		out = append(out, p)
	}
	return out, nil
}

// writer renders the files of one process, and gathers what cannot be
// rendered: nothing is ever left out for it.
type writer struct {
	strings.Builder
	router  tenant.Router
	version Version
	process Process
	own     Own
	// asks are the names by which the verifiers of other names are looked up.
	asks map[house]string
	errs []error
}

func (w *writer) fail(format string, args ...any) {
	w.errs = append(w.errs, fmt.Errorf(format, args...))
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *writer) take() string {
	text := w.String()
	w.Reset()
	return text
}

// set writes a parameter. PgBouncer takes the rest of the line as the value,
// without the blanks around it.
func (w *writer) set(key, value string) {
	if strings.TrimSpace(value) != value || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		w.fail("%s: %q cannot be a value in pgbouncer.ini", key, value)
	}
	w.line("%s", strings.TrimRight(key+" = "+value, " "))
}

// maxWord is the longest name of a role or database in bytes that PgBouncer
// keeps (MAX_USERNAME, MAX_DBNAME, less the NUL).
const maxWord = 63

// name checks a name of PostgreSQL's.
func (w *writer) name(what, s string) string {
	if s == "" || len(s) > maxWord || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		w.fail("%s %q cannot be written into PgBouncer's files: a name has 1 to %d bytes and no control characters there", what, s, maxWord)
	}
	return s
}

// quoted is a name between double quotes, as hba.conf and users.txt have it.
func (w *writer) quoted(what, s string) string { return pgsql.BouncerName(w.name(what, s)) }

// word is a value of a database's line.
func (w *writer) word(what, s string) string { return pgsql.BouncerValue(w.name(what, s)) }

// Own is what the user has written by hand: settings and databases of
// pgbouncer.ini, as lines, and rules.
type Own struct {
	Settings  map[string]string
	Databases []string
	Rules     string
}

// has says whether the user has a database of this name.
func (o Own) has(name string) bool {
	return slices.ContainsFunc(o.Databases, func(line string) bool {
		key, _, _ := strings.Cut(line, "=")
		return strings.Trim(strings.TrimSpace(key), `"`) == name
	})
}

// insisted are the parameters that are landlord's: by them tenants are kept
// apart, the console is closed, and landlord finds PgBouncer.
var insisted = []string{
	"admin_users", "auth_dbname", "auth_file", "auth_hba_file", "auth_ident_file", "auth_query", "auth_type", "auth_user", "client_tls_ca_file", "client_tls_cert_file", "client_tls_key_file",
	"client_tls_sslmode", "conffile", "listen_addr", "listen_port", "logfile", "pidfile", "server_tls_ca_file", "server_tls_cert_file",
	"server_tls_key_file", "server_tls_sslmode", "stats_users", "track_extra_parameters", "unix_socket_dir", "user",
}

// Insisted says whether a parameter is landlord's, and not the user's to set.
func Insisted(parameter string) bool { return slices.Contains(insisted, strings.ToLower(parameter)) }

// ini is pgbouncer.ini. It has one section [pgbouncer]: where another begins,
// PgBouncer forgets all that the first has said (1.18). So what the user has
// written is taken in, not included by name.
func (w *writer) ini() string {
	r, p := w.router, w.process
	w.line(";; landlord writes this file anew with each landlord router apply. Your own")
	w.line(";; settings and databases belong into a file of yours: router.include in landlord.yaml.")
	w.line("[pgbouncer]")
	w.tunable()
	var addresses []string
	for _, a := range r.Listen {
		addresses = append(addresses, a.String())
	}
	w.set("listen_addr", strings.Join(addresses, ","))
	w.set("listen_port", strconv.Itoa(p.Port))
	w.set("unix_socket_dir", r.Socket)
	w.set("pidfile", path.Join(p.Dir, "pid"))
	if r.Log != "" {
		w.set("logfile", r.Log+"."+strconv.Itoa(p.Number))
	}
	w.set("auth_type", "hba")
	w.set("auth_hba_file", path.Join(p.Dir, HBAFile))
	w.set("auth_file", path.Join(p.Dir, UsersFile))
	w.line(";; The console is open to PgBouncer's own operating system's user alone.")
	w.set("admin_users", "")
	w.set("stats_users", "")
	if r.Secrets == tenant.AuthQuery {
		w.set("auth_query", isolation.LookupQuery)
	}
	w.tls()
	w.limits()
	w.line("\n[databases]")
	for _, line := range w.own.Databases {
		w.line("%s", line)
	}
	for _, name := range p.Closed {
		w.line("%s = %s", w.name("name", name), closed)
	}
	for _, a := range p.Aliases {
		w.database(a)
	}
	for _, h := range slices.SortedFunc(maps.Keys(w.asks), func(a, b house) int { return strings.Compare(w.asks[a], w.asks[b]) }) {
		w.line("%s = host=%s port=%d dbname=%s pool_size=%d max_db_connections=%[5]d", w.asks[h], w.host(h.host), h.port, w.word("database", h.database), Lookups)
	}
	return w.take()
}

// limits are those of single logins: of the one that looks up verifiers, and of
// those that may have fewer connections than their tenant. Where PgBouncer
// looks up verifiers, it took whoever stands there for somebody without a
// password (1.18).
func (w *writer) limits() {
	most := map[string]int{}
	if w.router.Secrets == tenant.AuthQuery {
		most[tenant.RouterRole] = Lookups
	}
	if w.router.Secrets != tenant.AuthQuery || !w.version.Before(clientLimits) {
		for _, a := range w.process.Aliases {
			for login, n := range a.limits {
				if simple.MatchString(login) && slices.Contains(a.Logins, login) {
					most[login] = n
				}
			}
		}
	}
	if len(most) > 0 {
		w.line("\n[users]")
	}
	for _, login := range slices.Sorted(maps.Keys(most)) {
		w.line("%s = max_user_connections=%d", login, most[login])
	}
}

// tunable are the parameters that the user may set otherwise.
func (w *writer) tunable() {
	r := w.router
	settings := map[string]string{
		"max_client_conn": strconv.Itoa(r.MaxClients), "default_pool_size": strconv.Itoa(r.PoolSize), "pool_mode": r.PoolMode,
		"ignore_startup_parameters": "extra_float_digits", "log_stats": "0",
		"server_login_retry": "1", // s; a server that comes back is found again soon
	}
	for key, value := range w.own.Settings {
		settings[strings.ToLower(key)] = value
	}
	settings[ignored] = w.ignores(settings[ignored])
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if Insisted(key) {
			w.fail("%s is landlord's to set", key)
		}
		w.set(key, settings[key])
	}
}

// ignored names the parameters of a client's startup that PgBouncer passes over.
const ignored = "ignore_startup_parameters"

// ignores adds options for the versions that anybody brings to a standstill
// otherwise (CVE-2026-107349). What a client asks for there is passed over then;
// older versions turn the client away.
func (w *writer) ignores(value string) string {
	words := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	if len(words) == 0 || slices.Contains(words, "options") || w.version.Before(Version{1, 20, 0}) || !w.version.Before(Version{1, 26, 1}) {
		return value
	}
	return value + ",options"
}

func (w *writer) tls() {
	r := w.router
	if r.Cert != "" {
		w.set("client_tls_sslmode", "require")
		w.set("client_tls_cert_file", r.Cert)
		w.set("client_tls_key_file", r.Key)
	} else {
		w.set("client_tls_sslmode", "disable")
	}
	// Where it is on, PgBouncer opens all connections to all servers anew each
	// time it loads its files (1.18). Sockets do without it anyway.
	if slices.ContainsFunc(w.process.Aliases, func(a Alias) bool { return !strings.HasPrefix(a.Host, "/") }) || len(w.own.Databases) > 0 {
		w.set("server_tls_sslmode", r.ServerTLS)
	} else {
		w.set("server_tls_sslmode", "disable")
	}
	for _, f := range [][2]string{{"server_tls_ca_file", r.ServerCA}, {"server_tls_cert_file", r.ServerCert}, {"server_tls_key_file", r.ServerKey}} {
		if f[1] != "" {
			w.set(f[0], f[1])
		}
	}
}

func (w *writer) database(a Alias) {
	most, who := a.Size, ""
	if w.router.Secrets == tenant.AuthQuery {
		most++ // to look up a verifier while all others are at work
		// Said for all databases at once, PgBouncer 1.18 would look up verifiers
		// for its console too, and come to a standstill by anybody's knock there.
		who = " auth_user=" + tenant.RouterRole
		if by := w.asks[a.house()]; by != "" {
			most, who = a.Size, who+" auth_dbname="+by
		}
	}
	if !w.version.Before(clientLimits) {
		who += fmt.Sprintf(" max_db_client_connections=%d", w.router.ClientsOfName())
	}
	w.line("%s = host=%s port=%d dbname=%s pool_size=%d max_db_connections=%d pool_mode=%s%s",
		a.Name, w.host(a.Host), a.Port, w.word("database", a.Database), a.Size, most, a.Mode, who)
}

func (w *writer) host(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == ',' }) {
		w.fail("%q cannot be the host of a server behind the router: it is one name, address or socket's directory", s)
	}
	return pgsql.BouncerValue(s)
}

// loopback is this machine.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}

// hba is PgBouncer's own pg_hba.conf: for each name its own logins, and nobody
// else. A line that PgBouncer cannot read it leaves out, which lets nobody in.
func (w *writer) hba() string {
	w.line("# landlord writes this file anew with each landlord router apply. Your own rules")
	w.line("# belong into a file of yours: router.hba in landlord.yaml.")
	w.line("# The console: PgBouncer's own user gets in before any rule is asked.")
	w.nobody(w.quoted("database", console))
	for _, a := range w.process.Aliases {
		w.alias(a)
	}
	if w.own.Rules != "" {
		w.line("# The names above are closed to all rules below.")
		for _, a := range w.process.Aliases {
			w.nobody(w.quoted("database", a.Name))
		}
		for _, name := range slices.Sorted(maps.Values(w.asks)) {
			w.nobody(w.quoted("database", name))
		}
		w.line("# From router.hba:")
		w.line("%s", strings.TrimRight(w.own.Rules, "\n"))
	}
	w.line("# Nobody else.")
	w.nobody("all")
	return w.take()
}

func (w *writer) alias(a Alias) {
	if len(a.Logins) == 0 {
		return
	}
	names := make([]string, len(a.Logins))
	for i, login := range a.Logins {
		names[i] = w.quoted("login", login)
	}
	database, logins := w.quoted("database", a.Name), strings.Join(names, ",")
	w.line("local %s %s scram-sha-256", database, logins)
	kind := "host"
	if w.router.Cert != "" {
		kind = "hostssl"
	}
	networks := slices.Concat(loopback, w.router.Clients)
	for i, p := range networks {
		if !slices.Contains(networks[:i], p) {
			w.line("%s %s %s %s scram-sha-256", kind, database, logins, p.Masked())
		}
	}
}

func (w *writer) nobody(database string) {
	w.line("local %s all reject", database)
	w.line("host %s all 0.0.0.0/0 reject", database)
	w.line("host %s all ::/0 reject", database)
}

// users is the list of users: empty, where their verifiers are looked up.
func (w *writer) users() string {
	if w.router.Secrets != tenant.UserList {
		return ""
	}
	seen := map[string]bool{}
	for _, a := range w.process.Aliases {
		for _, login := range a.Logins {
			v := a.verifiers[login]
			switch {
			case v == "":
			case pgsql.ParseVerifier(v).Kind != "scram-sha-256":
				w.fail("login %s has no SCRAM verifier, and only such a one stands in the router's list of users", login)
			case !seen[login]:
				w.line("%s %s", w.quoted("login", login), pgsql.BouncerName(v))
			}
			seen[login] = true
		}
	}
	return w.take()
}
