package spec

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/tenant"
)

// Write is the inverse of [Parse]: it prints an estate as a landlord.yaml that
// leaves out what the defaults say, in a stable order. What a tenant had from
// defaults or from a profile stands at the tenant. Names are quoted where YAML
// would take them for something else.
func Write(e tenant.Estate) []byte {
	var w writer
	named := e.Named()
	if len(named) > 0 {
		w.key(0, "servers")
	}
	for _, s := range named {
		w.server(s)
	}
	w.host(e.Host, len(named) == 0)
	w.router(e.Router)
	w.admins(named, e.Host)
	w.secrets(e.Secrets)
	w.journal(e.Journal)
	w.audit(e.Audit)
	if len(e.Tenants) > 0 {
		w.key(0, "tenants")
	}
	for _, t := range e.Tenants {
		w.tenant(t, len(named) > 1)
	}
	return w.Bytes()
}

// writer prints block mappings, two columns to a level.
type writer struct{ bytes.Buffer }

func (w *writer) key(level int, key string) {
	fmt.Fprintf(w, "%*s%s:\n", 2*level, "", quote(key))
}

// value prints a key with a value that is YAML already.
func (w *writer) value(level int, key, value string) {
	fmt.Fprintf(w, "%*s%s: %s\n", 2*level, "", quote(key), value)
}

// given prints a key unless its value is the default.
func (w *writer) given(level int, key, value, byDefault string) {
	if value != byDefault {
		w.value(level, key, quote(value))
	}
}

func (w *writer) server(s tenant.Server) {
	w.key(1, s.Name)
	w.value(2, "connection", quote(s.Connection))
	w.given(2, "endpoint", s.Endpoint, "")
	if len(s.Clients) > 0 {
		w.value(2, "clients", flow(s.Clients, netip.Prefix.String))
	}
	if len(s.Operators) > 0 {
		w.value(2, "operators", names(s.Operators))
	}
	w.pools(s.Pools)
}

func (w *writer) secrets(s tenant.Secrets) {
	if s.File == "" && s.Command == nil {
		return
	}
	w.key(0, "secrets")
	w.given(1, "file", s.File, "")
	if s.Command != nil {
		w.value(1, "command", names(s.Command))
	}
	if s.Lookup != nil {
		w.value(1, "lookup", names(s.Lookup))
	}
}

func (w *writer) journal(j tenant.Journal) {
	if j == (tenant.Journal{}) {
		return
	}
	w.key(0, "journal")
	w.given(1, "file", j.File, "")
	if j.Syslog {
		w.value(1, "syslog", "true")
	}
}

func (w *writer) tenant(t tenant.Tenant, several bool) {
	var body writer
	if several && t.Isolation != tenant.Cluster {
		body.value(2, "server", quote(t.Server))
	}
	body.given(2, "isolation", string(t.Isolation), string(tenant.Database))
	database := t.Name
	if !t.Own() {
		database = sharedDatabase
	}
	body.given(2, "database", t.Home.Database, database)
	body.schemas(2, t, t.Home)
	body.databases(t)
	body.given(2, "owner", t.Owner, tenant.DefaultOwner(t.Name))
	body.given(2, "rights", string(t.Rights), string(tenant.CRUD))
	body.logins(t)
	body.limits(2, t.Limits)
	if !t.Temp {
		body.value(2, "temp", "false")
	}
	if len(t.Extensions) > 0 {
		body.value(2, "extensions", names(t.Extensions))
	}
	if t.LargeObjects {
		body.value(2, "large_objects", "true")
	}
	if t.AdvisoryLocks {
		body.value(2, "advisory_locks", "true")
	}
	body.settings(2, t.Settings)
	body.resources(t)
	if t.Adopt {
		body.value(2, "adopt", "true")
	}
	if t.Suspended {
		body.value(2, "suspended", "true")
	}
	if body.Len() == 0 {
		w.value(1, t.Name, "{}")
		return
	}
	w.key(1, t.Name)
	w.Write(body.Bytes())
}

func (w *writer) schemas(depth int, t tenant.Tenant, p tenant.Place) {
	if len(p.Schemas) > 1 {
		w.value(depth, "schemas", names(p.Schemas))
		return
	}
	for _, s := range p.Schemas {
		w.given(depth, "schema", s, t.Name)
	}
}

func (w *writer) databases(t tenant.Tenant) {
	if len(t.Further) > 0 {
		w.key(2, "databases")
	}
	for _, p := range t.Further {
		if slices.Equal(p.Schemas, []string{t.Name}) {
			w.value(3, p.Database, "{}")
			continue
		}
		w.key(3, p.Database)
		w.schemas(4, t, p)
	}
}

func (w *writer) logins(t tenant.Tenant) {
	if slices.Equal(t.Logins, tenant.DefaultLogins(t.Name, t.Rights)) {
		return
	}
	if len(t.Logins) == 0 {
		w.value(2, "logins", "{}")
		return
	}
	w.key(2, "logins")
	if slices.ContainsFunc(t.Logins, func(l tenant.Login) bool { return l.Connections != 0 }) {
		w.loginsByName(t)
		return
	}
	for _, k := range tenant.Kinds() {
		switch logins := t.LoginsOf(k); len(logins) {
		case 0:
		case 1:
			w.value(3, string(k), quote(logins[0]))
		default:
			w.value(3, string(k), names(logins))
		}
	}
}

// loginsByName writes what some of them have of their own.
func (w *writer) loginsByName(t tenant.Tenant) {
	for _, l := range t.Logins {
		text := "{rights: " + map[tenant.Kind]string{tenant.App: "crud", tenant.Reader: "read", tenant.Migrator: "ddl"}[l.Kind]
		switch {
		case l.Connections < 0:
			text += ", connections: " + noLimit
		case l.Connections > 0:
			text += ", connections: " + strconv.Itoa(l.Connections)
		}
		w.value(3, l.Name, text+"}")
	}
}

func (w *writer) limits(level int, l tenant.Limits) {
	if l == (tenant.Limits{}) {
		return
	}
	w.key(level, "limits")
	if l.Connections > 0 {
		w.value(level+1, "connections", strconv.Itoa(l.Connections))
	}
	if l.TempFiles > 0 {
		w.value(level+1, "temp_files", formatSize(l.TempFiles))
	}
	if l.StatementTimeout > 0 {
		w.value(level+1, "statement_timeout", formatDuration(l.StatementTimeout))
	}
	if l.LockTimeout > 0 {
		w.value(level+1, "lock_timeout", formatDuration(l.LockTimeout))
	}
	if l.IdleTransaction > 0 {
		w.value(level+1, "idle_transaction", formatDuration(l.IdleTransaction))
	}
	if l.WorkMem > 0 {
		w.value(level+1, "work_mem", formatSize(l.WorkMem))
	}
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})$`)

func (w *writer) settings(level int, settings []tenant.Setting) {
	if len(settings) > 0 {
		w.key(level, "settings")
	}
	for _, s := range settings {
		if decimal.MatchString(s.Value) {
			w.value(level+1, s.Name, s.Value)
			continue
		}
		w.value(level+1, s.Name, quote(s.Value))
	}
}

// names is a list of texts in flow form.
func names(all []string) string { return flow(all, func(s string) string { return s }) }

func flow[T any](all []T, text func(T) string) string {
	parts := make([]string, len(all))
	for i, one := range all {
		parts[i] = quote(text(one))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

var (
	// plain needs no quotes: words of harmless signs with single blanks between.
	plain = regexp.MustCompile(`^([A-Za-z_/][A-Za-z0-9_./=@+-]*( [A-Za-z0-9_./=@+-]+)*|[0-9.]+/[0-9]+)$`)
	// taken words mean something else, to YAML 1.1 or 1.2.
	taken = regexp.MustCompile(`^(?i:null|true|false|yes|no|on|off|y|n)$`)
)

// quote is a text as a YAML scalar: plain if it may be, else in double quotes.
func quote(s string) string {
	if plain.MatchString(s) && !taken.MatchString(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
