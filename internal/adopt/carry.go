package adopt

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// An application lives on what is set on its login and its database too: its
// time zone, its timeouts, its limit of connections. apply resets what the spec
// does not say, so the spec says it.

// carry writes the limits and settings of a tenant's logins into its spec:
// those of the first application, since a tenant's logins have the same.
func (b *builder) carry(t *tenant.Tenant) {
	first := first(*t)
	set := b.settings(first, t.Home.Database)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		b.setting(t, name, set[name])
	}
	for _, p := range t.Further {
		if there := b.settings(first, p.Database); !alikeBut(set, there, "search_path") {
			b.ask("sessions of %s begin with other settings in database %s than in %s: all databases of a tenant have the same, and it will have those of %[3]s", first, p.Database, t.Home.Database)
		}
	}
	for _, l := range t.Logins {
		r, _ := b.state.Role(l.Name)
		if r.ValidUntil != "" {
			b.ask("the password of %s holds until %s; a tenant's password has no such day in landlord, and apply takes it away (landlord credentials %s --login %s --rotate makes a new password)", l.Name, r.ValidUntil, t.Name, l.Name)
		}
		if l.Name != first && !maps.Equal(set, b.settings(l.Name, t.Home.Database)) {
			b.ask("login %s has other settings than %s: all logins of a tenant have the same, and it will have those of %s", l.Name, first, first)
		}
		t.Limits.Connections = max(t.Limits.Connections, r.ConnLimit)
	}
	for i, l := range t.Logins {
		if r, _ := b.state.Role(l.Name); r.ConnLimit != t.Limits.Connections && (r.ConnLimit > 0 || r.ConnLimit < 0 && t.Limits.Connections > 0) {
			t.Logins[i].Connections = r.ConnLimit
		}
	}
}

// alikeBut compares settings, all but one.
func alikeBut(x, y map[string]string, name string) bool {
	x, y = maps.Clone(x), maps.Clone(y)
	delete(x, name)
	delete(y, name)
	return maps.Equal(x, y)
}

// first is the login that says what a tenant's logins are set to.
func first(t tenant.Tenant) string {
	if apps := t.LoginsOf(tenant.App); len(apps) > 0 {
		return apps[0]
	}
	return t.Logins[0].Name
}

// settings are the parameters with which a login's sessions in a database
// begin, as far as anybody has set them (the manual, ALTER ROLE: the role's in
// the database wins, then the role's, the database's, everybody's).
func (b *builder) settings(login, database string) map[string]string {
	out, strength := map[string]string{}, map[string]int{}
	for _, s := range b.snap.Settings {
		if s.Role != "" && s.Role != login || s.Database != "" && s.Database != database || s.Role == "" && s.Database == "" {
			continue
		}
		name, own := strings.ToLower(s.Name), 1
		if s.Role != "" {
			own = 2
		}
		if s.Role != "" && s.Database != "" {
			own = 3
		}
		if own > strength[name] {
			out[name], strength[name] = s.Value, own
		}
	}
	return out
}

// doors are settings that turn whose code runs, as whom, and what holds for
// it. They are not carried over unasked.
var doors = []string{"role", "session_authorization", "session_preload_libraries", "local_preload_libraries", "session_replication_role",
	"row_security", "lo_compat_privileges", "password_encryption", "allow_system_table_mods", "ignore_system_indexes", "zero_damaged_pages"}

// setting carries one parameter over. search_path is what the tenant's
// schemas say.
func (b *builder) setting(t *tenant.Tenant, name, value string) {
	switch name {
	case "search_path":
	case "statement_timeout":
		t.Limits.StatementTimeout = b.span(t, name, value)
	case "lock_timeout":
		t.Limits.LockTimeout = b.span(t, name, value)
	case "idle_in_transaction_session_timeout":
		t.Limits.IdleTransaction = b.span(t, name, value)
	case "work_mem":
		t.Limits.WorkMem = b.size(t, name, value)
	case "temp_file_limit":
		t.Limits.TempFiles = b.size(t, name, value)
	default:
		if slices.Contains(doors, name) {
			b.ask("%s is set to %s for %s: it opens a door, and apply resets it", name, value, t.Name)
			return
		}
		t.Settings = append(t.Settings, tenant.Setting{Name: name, Value: value})
	}
}

func (b *builder) span(t *tenant.Tenant, name, value string) time.Duration {
	n, unit, ok := measure(value, "ms")
	ms := map[string]time.Duration{"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]
	if !ok || ms == 0 && n != 0 {
		b.unclear(t, name, value)
		return 0
	}
	return time.Duration(n) * ms * time.Millisecond
}

func (b *builder) size(t *tenant.Tenant, name, value string) int64 {
	n, unit, ok := measure(value, "kB")
	factor := map[string]int64{"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}[unit]
	switch {
	case value == "-1": // no limit, of temp_file_limit
		return 0
	case !ok || factor == 0 && n != 0:
		b.unclear(t, name, value)
		return 0
	}
	return n * factor
}

func (b *builder) unclear(t *tenant.Tenant, name, value string) {
	b.ask("%s is set to %s for %s, which I cannot write as a limit: apply resets it", name, value, t.Name)
}

// measure cuts a number from its unit; without one it is the parameter's own.
func measure(text, unit string) (n int64, of string, ok bool) {
	text = strings.TrimSpace(text)
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseInt(text[:digits], 10, 32)
	if rest := strings.TrimSpace(text[digits:]); rest != "" {
		unit = rest
	}
	return n, unit, err == nil
}

// path is where a login looks for names in a database.
func (b *builder) path(login, database string) []string {
	if value, ok := b.settings(login, database)["search_path"]; ok {
		if names, ok := pgsql.SplitIdents(value); ok {
			return names
		}
	}
	return []string{"$user", "public"}
}
