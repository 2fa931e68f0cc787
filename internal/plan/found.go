package plan

import (
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Found lists the tenants that the catalog knows, with whatever settings and
// limits they have there: the roles that landlord has marked. It is what
// export writes.
func Found(server string, snap snapshot.Snapshot) []tenant.Tenant {
	byName := map[string]*tenant.Tenant{}
	marks := make([]isolation.Mark, len(snap.Roles)) // the zero mark is nobody's
	for i, r := range snap.Roles {
		m, ok := isolation.ParseMark(r.Comment)
		if marks[i] = m; ok && m.Role == "identity" && m.Tenant == r.Name {
			byName[m.Tenant] = foundIdentity(server, m)
		}
	}
	for _, m := range marks {
		if t := byName[m.Tenant]; t != nil {
			for _, p := range furtherIn(m) {
				*t = t.WithPlace(p)
			}
		}
	}
	for i, m := range marks {
		if byName[m.Tenant] != nil && m.Of == "" {
			foundRole(byName[m.Tenant], m, snap.Roles[i])
		}
	}
	foundTwins(byName, marks, snap)
	settings := loginSettings(snap.Settings)
	temp := tempHolders(snap)
	var out []tenant.Tenant
	for _, t := range byName {
		if t.Owner == "" {
			t.Owner = tenant.DefaultOwner(t.Name)
		}
		foundConnections(t)
		foundSettings(t, settings)
		if len(t.Logins) > 0 && len(t.LoginsOf(tenant.Reader)) == len(t.Logins) {
			t.Rights = tenant.Read
		}
		t.Temp = temp[t.Name] || unborn(snap, *t)
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b tenant.Tenant) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func foundIdentity(server string, m isolation.Mark) *tenant.Tenant {
	return &tenant.Tenant{Name: m.Tenant, Server: server, Isolation: m.Isolation, Home: m.Places()[0], Rights: tenant.CRUD, Suspended: m.Suspended, Extensions: m.Extensions, LargeObjects: m.LargeObjects, AdvisoryLocks: m.AdvisoryLocks}
}

// foundRole takes a marked owner or login into its tenant.
func foundRole(t *tenant.Tenant, m isolation.Mark, r snapshot.Role) {
	kind := tenant.Kind(m.Role)
	switch {
	case m.Role == "owner":
		t.Owner = r.Name
	case !slices.Contains(tenant.Kinds(), kind):
		return
	default:
		t.Logins = append(t.Logins, tenant.Login{Name: r.Name, Kind: kind, Connections: max(r.ConnLimit, -1)})
		if kind == tenant.Migrator {
			t.Rights = tenant.DDL
		}
		slices.SortFunc(t.Logins, compareLogins)
	}
}

// foundConnections makes of the limits that logins have the tenant's own, and
// what is otherwise in some of them.
func foundConnections(t *tenant.Tenant) {
	for _, l := range t.Logins {
		t.Limits.Connections = max(t.Limits.Connections, l.Connections)
	}
	for i, l := range t.Logins {
		if l.Connections == t.Limits.Connections || t.Limits.Connections == 0 {
			t.Logins[i].Connections = 0
		} else if l.Connections == 0 {
			t.Logins[i].Connections = -1 // by hand: nobody gets in
		}
	}
}

func compareLogins(a, b tenant.Login) int {
	order := tenant.Kinds()
	if c := slices.Index(order, a.Kind) - slices.Index(order, b.Kind); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// loginSettings gathers the settings that hold in every database, by role.
func loginSettings(all []snapshot.Setting) map[string][]tenant.Setting {
	out := map[string][]tenant.Setting{}
	for _, s := range all {
		if s.Role != "" && s.Database == "" {
			out[s.Role] = append(out[s.Role], tenant.Setting{Name: s.Name, Value: s.Value})
		}
	}
	return out
}

// tempHolders says which tenants' identities may make temporary tables.
func tempHolders(snap snapshot.Snapshot) map[string]bool {
	out := map[string]bool{}
	for _, m := range snap.Memberships {
		if m.Role == tenant.TempRole {
			out[m.Member] = true
		}
	}
	for _, d := range snap.Databases {
		for _, it := range d.ACL {
			if it.Privs&pgsql.Temporary != 0 && it.Grantee != tenant.TempRole {
				out[it.Grantee] = true
			}
		}
	}
	return out
}

// unborn says that a tenant's own database is not there yet, or not open: who
// made it was interrupted, and what it would have given is not to be seen.
func unborn(snap snapshot.Snapshot, t tenant.Tenant) bool {
	return t.Own() && !t.Suspended &&
		!slices.ContainsFunc(snap.Databases, func(d snapshot.Database) bool { return d.Name == t.Home.Database && d.AllowConn })
}

// foundSettings takes limits and settings from the first login, which all
// logins of a tenant have alike.
func foundSettings(t *tenant.Tenant, settings map[string][]tenant.Setting) {
	if len(t.Logins) == 0 {
		return
	}
	for _, s := range settings[t.Logins[0].Name] {
		if !foundLimit(&t.Limits, s) && s.Name != "search_path" && s.Name != "role" {
			t.Settings = append(t.Settings, s)
		}
	}
	slices.SortFunc(t.Settings, func(a, b tenant.Setting) int { return strings.Compare(a.Name, b.Name) })
}

// foundLimit takes a setting that is one of the limits and says whether it
// was one. A value that landlord would write otherwise stays a setting.
func foundLimit(l *tenant.Limits, s tenant.Setting) bool {
	switch s.Name {
	case "statement_timeout":
		return pgsql.ParseDuration(s.Value, &l.StatementTimeout)
	case "lock_timeout":
		return pgsql.ParseDuration(s.Value, &l.LockTimeout)
	case "idle_in_transaction_session_timeout":
		return pgsql.ParseDuration(s.Value, &l.IdleTransaction)
	case "temp_file_limit":
		return pgsql.ParseSize(s.Value, &l.TempFiles)
	case "work_mem":
		return pgsql.ParseSize(s.Value, &l.WorkMem)
	}
	return false
}
