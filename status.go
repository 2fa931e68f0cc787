package landlord

import (
	"context"
	"fmt"
	"slices"

	"landlord/internal/catalog"
	"landlord/internal/cluster"
	"landlord/internal/cluster/host"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Status is what a tenant has on a server, and what of it is in use.
type Status struct {
	Name   string `json:"name"`
	Server string `json:"server"`
	// Version is the server's, such as 17.10; empty: it does not run.
	Version   string       `json:"version"`
	Isolation tenant.Model `json:"isolation"`
	Database  string       `json:"database"`
	Schemas   []string     `json:"schemas"`
	// Further are the tenant's further databases, sorted by name.
	Further   []PlaceStatus `json:"further,omitempty"`
	Suspended bool          `json:"suspended"`
	// Missing are those of its databases that are not there: its house is not
	// built, or somebody has dropped them.
	Missing []string `json:"missing,omitempty"`
	// Bytes is the size of the databases, or of the schemas' tables where the
	// database is shared, all together; -1 where one cannot be read.
	Bytes int64 `json:"bytes"`
	// Sessions are the tenant's connections now, MaxSessions as many as its
	// logins may open together; 0: no limit.
	Sessions    int          `json:"sessions"`
	MaxSessions int          `json:"maxSessions"`
	Roles       []RoleStatus `json:"roles"`
	Limits      []Limit      `json:"limits"`
}

// Down says that the server does not run, though the tenant is not suspended.
func (s Status) Down() bool { return s.Version == "" && !s.Suspended }

// Unlimited says that the tenant may open any number of connections.
func (s Status) Unlimited() bool { return s.MaxSessions == 0 && !s.Suspended && !s.Down() }

// Rotating says whether a rotation of a password is not finished.
func (s Status) Rotating() bool {
	return slices.ContainsFunc(s.Roles, func(r RoleStatus) bool { return r.Rotation == "old" })
}

// PlaceStatus is a further database of a tenant.
type PlaceStatus struct {
	Database string   `json:"database"`
	Schemas  []string `json:"schemas"`
	Bytes    int64    `json:"bytes"` // -1: not readable
}

// In says whether the tenant has something in a database.
func (s Status) In(database string) bool {
	return s.Database == database || slices.ContainsFunc(s.Further, func(p PlaceStatus) bool { return p.Database == database })
}

// Unbuilt says that no database of the tenant is there, and so no data.
func (s Status) Unbuilt() bool {
	return s.Isolation != tenant.Cluster && len(s.Missing) > len(s.Further)
}

// RoleStatus is one of a tenant's roles.
type RoleStatus struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"` // identity, owner, group, app, ro, ddl
	Login    bool   `json:"login"`
	Verifier string `json:"verifier,omitempty"` // none, md5, scram-sha-256; empty: not readable
	Sessions int    `json:"sessions"`
	// TwinOf is the login whose second one this is, where passwords have been
	// rotated. Rotation says of both what became of them: current, old (until
	// the rotation is finished, or Until), closed.
	TwinOf   string `json:"twinOf,omitempty"`
	Rotation string `json:"rotation,omitempty"`
	Until    string `json:"until,omitempty"` // RFC 3339
	// Members are the roles in it that are not the tenant's own.
	Members []string `json:"members,omitempty"`
}

// Limit is one of a tenant's limits. One that is not Enforced is only a
// default, which the tenant can change.
type Limit struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Enforced bool   `json:"enforced"`
}

// List says what every tenant on a server has and uses, sorted by name. Only
// those named, if any are.
func List(ctx context.Context, s tenant.Server, only ...string) ([]Status, error) {
	if s.Own == nil {
		return list(ctx, s, only)
	}
	if len(only) > 0 && !slices.Contains(only, s.Own.Tenant) {
		return nil, nil
	}
	if asleep, err := asleep(s); asleep != nil || err != nil {
		return asleep, err
	}
	all, err := list(ctx, s, only)
	for i := range all {
		if all[i].Name == s.Own.Tenant {
			all[i].Isolation = tenant.Cluster
		}
	}
	return all, err
}

// asleep is the status of a tenant whose own server is not there yet, which is
// none, or does not run; nil: it does.
func asleep(s tenant.Server) ([]Status, error) {
	m, err := host.ReadMark(s.Own.Home)
	switch {
	case err != nil:
		return nil, err
	case m == nil || m.State == cluster.Making:
		return []Status{}, nil
	case host.Runs(*m):
		return nil, nil
	}
	return []Status{{Name: s.Own.Tenant, Server: s.Name, Isolation: tenant.Cluster, Database: s.Own.Tenant, Suspended: s.Own.Stopped, Bytes: -1}}, nil
}

func list(ctx context.Context, s tenant.Server, only []string) ([]Status, error) {
	snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection, Focus: of(only)})
	if err != nil {
		return nil, fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	var found []tenant.Tenant
	sizes := catalog.UsageOf{Schemas: map[string][]string{}}
	for _, t := range plan.Found(s.Name, snap) {
		if len(only) > 0 && !slices.Contains(only, t.Name) {
			continue
		}
		found = append(found, t)
		if shared := !t.Alone(t.Home) && accepts(snap, t.Home.Database); shared && len(only) == 0 {
			sizes.Schemas[t.Home.Database] = nil
		} else if shared {
			sizes.Schemas[t.Home.Database] = append(sizes.Schemas[t.Home.Database], t.Home.Schemas...)
		}
		if len(only) > 0 {
			for p := range t.EachPlace {
				sizes.Databases = append(sizes.Databases, p.Database)
			}
		}
	}
	if len(found) == 0 {
		return []Status{}, nil
	}
	use, err := catalog.ReadUsage(ctx, catalog.Options{Conninfo: s.Connection}, sizes)
	if err != nil {
		return nil, fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	facts := newFacts(snap, use)
	out := make([]Status, len(found))
	for i, t := range found {
		out[i] = facts.status(t)
		out[i].Version = snap.Version.String()
	}
	return out, nil
}

// of is the focus on what the server knows of some tenants; of none: on everything.
func of(names []string) *snapshot.Focus {
	if len(names) == 0 {
		return nil
	}
	return &snapshot.Focus{Tenants: names}
}

// Find reads a tenant as a server has it, with no more of the others than its
// name takes.
func Find(ctx context.Context, s tenant.Server, name string) (t tenant.Tenant, ok bool, err error) {
	snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection, Focus: of([]string{name})})
	if err != nil {
		return t, false, fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	t, ok = tenant.Estate{Tenants: plan.Found(s.Name, snap)}.Tenant(name)
	return t, ok, nil
}

func accepts(snap snapshot.Snapshot, database string) bool {
	open, _ := doorOf(snap, database)
	return open
}

// doorOf says whether a database takes connections, and whether it is there.
func doorOf(snap snapshot.Snapshot, database string) (open, there bool) {
	for _, d := range snap.Databases {
		if d.Name == database {
			return d.AllowConn, true
		}
	}
	return false, false
}

// facts is a snapshot arranged by role.
type facts struct {
	roles   map[string]snapshot.Role
	members map[string][]string // by role
	use     catalog.Usage
	// databases are those that are there.
	databases map[string]bool
}

func newFacts(snap snapshot.Snapshot, use catalog.Usage) facts {
	f := facts{roles: map[string]snapshot.Role{}, members: map[string][]string{}, use: use, databases: map[string]bool{}}
	for _, d := range snap.Databases {
		f.databases[d.Name] = true
	}
	for _, r := range snap.Roles {
		f.roles[r.Name] = r
	}
	for _, m := range snap.Memberships {
		f.members[m.Role] = append(f.members[m.Role], m.Member)
	}
	return f
}

func (f facts) status(t tenant.Tenant) Status {
	s := Status{
		Name: t.Name, Server: t.Server, Isolation: t.Isolation, Database: t.Home.Database, Schemas: t.Home.Schemas,
		Bytes: f.bytes(t, t.Home), Limits: append(limits(t.Limits), loginLimits(t)...), Suspended: true,
	}
	for _, p := range t.Further {
		n := f.bytes(t, p)
		s.Further = append(s.Further, PlaceStatus{p.Database, p.Schemas, n})
		if s.Bytes < 0 || n < 0 {
			s.Bytes = -1
		} else {
			s.Bytes += n
		}
	}
	s.Roles = append(s.Roles, f.role(t, t.Identity(), "identity"), f.role(t, t.Owner, "owner"))
	for _, g := range t.Groups() {
		s.Roles = append(s.Roles, f.role(t, g, "group"))
	}
	for _, p := range t.Places() {
		if !f.databases[p.Database] {
			s.Missing = append(s.Missing, p.Database)
		}
	}
	unlimited := false
	for _, name := range t.LoginRoles() {
		l, _ := t.LoginOf(name)
		r := f.role(t, name, string(l.Kind))
		r.rotation(t)
		s.Roles = append(s.Roles, r)
		s.Sessions += r.Sessions
		if !r.Login {
			continue
		}
		s.Suspended = false
		if limit := f.roles[name].ConnLimit; limit < 0 {
			unlimited = true
		} else {
			s.MaxSessions += limit
		}
	}
	if unlimited {
		s.MaxSessions = 0
	}
	return s
}

// rotation says what has become of a login, or of its twin.
func (r *RoleStatus) rotation(t tenant.Tenant) {
	w, ok := t.Twin(r.Name)
	if !ok {
		return
	}
	if r.Name == w.Name {
		r.TwinOf = w.Of
	}
	switch {
	case r.Name != w.Old:
		r.Rotation = "current"
	case w.Open:
		r.Rotation, r.Until = "old", w.Until
	default:
		r.Rotation = "closed"
	}
}

func (f facts) bytes(t tenant.Tenant, p tenant.Place) int64 {
	if t.Alone(p) {
		if n, ok := f.use.Databases[p.Database]; ok {
			return n
		}
		return -1
	}
	sizes, ok := f.use.Schemas[p.Database]
	if !ok {
		return -1
	}
	var n int64
	for _, schema := range p.Schemas {
		n += sizes[schema]
	}
	return n
}

func (f facts) role(t tenant.Tenant, name, kind string) RoleStatus {
	have := f.roles[name]
	r := RoleStatus{Name: name, Kind: kind, Login: have.Login, Verifier: have.Verifier, Sessions: f.use.Sessions[name]}
	for _, m := range f.members[name] {
		if !slices.Contains(t.Roles(), m) {
			r.Members = append(r.Members, m)
		}
	}
	slices.Sort(r.Members)
	r.Members = slices.Compact(r.Members) // by several grantors
	return r
}

// loginLimits are those of single logins.
func loginLimits(t tenant.Tenant) []Limit {
	var out []Limit
	for _, l := range t.Logins {
		if l.Connections != 0 {
			value := "none"
			if n := t.Connections(l); n > 0 {
				value = fmt.Sprint(n)
			}
			out = append(out, Limit{"connections of " + l.Name, value, true})
		}
	}
	return out
}

// limits lists what holds, and says what of it the tenant can undo: every
// parameter that a user may set is only a default (manual, "ALTER ROLE").
func limits(l tenant.Limits) []Limit {
	var out []Limit
	if l.Connections > 0 {
		out = append(out, Limit{"connections per login", fmt.Sprint(l.Connections), true})
	}
	for _, x := range []struct {
		name     string
		value    string
		set      bool
		enforced bool
	}{
		{"temp_files", pgsql.Size(l.TempFiles), l.TempFiles > 0, true},
		{"statement_timeout", pgsql.Duration(l.StatementTimeout), l.StatementTimeout > 0, false},
		{"lock_timeout", pgsql.Duration(l.LockTimeout), l.LockTimeout > 0, false},
		{"idle_transaction", pgsql.Duration(l.IdleTransaction), l.IdleTransaction > 0, false},
		{"work_mem", pgsql.Size(l.WorkMem), l.WorkMem > 0, false},
	} {
		if x.set {
			out = append(out, Limit{x.name, x.value, x.enforced})
		}
	}
	return out
}
