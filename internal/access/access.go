// Package access says who can do what on a server, and by which path, from a
// snapshot alone. It follows aclmask, roles_is_member_of and their kin in
// src/backend/catalog/aclchk.c and src/backend/utils/adt/acl.c of PostgreSQL
// 10 to 18, including their oddities.
package access

import (
	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// How is a way of being a member of a role, as pg_has_role names it.
type How int

// The ways.
const (
	// Usage: to have the role's privileges without doing anything for it.
	Usage How = iota
	// Member: to be a member at all, directly or through others.
	Member
	// SetRole: to be able to SET ROLE to it (since 16; before, as Member).
	SetRole
	// Admin: to be able to grant it (MEMBER WITH ADMIN OPTION).
	Admin
)

// The predefined roles that privileges come from.
const (
	readAll       = "pg_read_all_data"  // since 14
	writeAll      = "pg_write_all_data" // since 14
	maintain      = "pg_maintain"       // since 17
	databaseOwner = "pg_database_owner" // since 14
)

// State is a snapshot prepared for questions. It is not safe for use by
// several goroutines: it remembers what it has found.
type State struct {
	snap     snapshot.Snapshot
	roles    map[string]*role
	names    []string          // in the snapshot's order
	owners   map[string]string // of databases
	contents map[string]*snapshot.Contents
	holdings map[holdingKey]map[string]bool

	databases map[string]*snapshot.Database
	schemas   map[[2]string]Object // by database and name
	graph     *graph
	hba       *hba.File
}

// role is a role with its memberships both ways.
type role struct {
	snapshot.Role
	in      []*snapshot.Membership // what it is a member of
	members []*snapshot.Membership
}

// holdingKey is a role, and whether it owns the database that it is asked in.
type holdingKey struct {
	role  string
	owner bool
}

// Prepare makes a snapshot ready. It keeps the snapshot, and does not change
// it.
func Prepare(s snapshot.Snapshot) *State {
	st := &State{
		snap: s, roles: make(map[string]*role, len(s.Roles)), names: make([]string, 0, len(s.Roles)), owners: map[string]string{},
		contents: map[string]*snapshot.Contents{}, holdings: map[holdingKey]map[string]bool{},
		databases: map[string]*snapshot.Database{}, schemas: map[[2]string]Object{},
	}
	for _, r := range s.Roles {
		st.roles[r.Name] = &role{Role: r}
		st.names = append(st.names, r.Name)
	}
	for i := range s.Memberships {
		m := &s.Memberships[i]
		of, member := st.roles[m.Role], st.roles[m.Member]
		if of != nil && member != nil {
			member.in = append(member.in, m)
			of.members = append(of.members, m)
		}
	}
	for i, d := range s.Databases {
		st.owners[d.Name], st.databases[d.Name] = d.Owner, &s.Databases[i]
	}
	for i := range s.Contents {
		c := &s.Contents[i]
		st.contents[c.Database] = c
		for o := range spaces(c) {
			o.Database = c.Database
			st.schemas[[2]string{c.Database, o.Name}] = o
		}
	}
	return st
}

// Snapshot is what the state was made from.
func (s *State) Snapshot() snapshot.Snapshot { return s.snap }

// Role finds a role.
func (s *State) Role(name string) (snapshot.Role, bool) {
	r, ok := s.roles[name]
	if !ok {
		return snapshot.Role{}, false
	}
	return r.Role, true
}

func (s *State) super(name string) bool {
	r := s.roles[name]
	return r != nil && r.Superuser
}

// follows says whether a membership counts in a way of being a member.
func (h How) follows(m *snapshot.Membership) bool {
	switch h {
	case Usage:
		return m.Inherit
	case SetRole:
		return m.Set
	}
	return true
}

// HasRole is pg_has_role, asked in a database ("" for none in particular).
func (s *State) HasRole(member, of string, how How, database string) bool {
	switch {
	case s.super(member):
		return true
	case how == Admin:
		return s.isAdmin(member, of)
	case member == of:
		return true
	case of == databaseOwner:
		return s.ownsDatabase(member, how, database)
	}
	return s.Chain(member, of, how) != nil
}

// isAdmin is is_admin_of_role: some role that it is a member of, in whatever
// way, or itself, has ADMIN OPTION.
func (s *State) isAdmin(member, of string) bool {
	r := s.roles[of]
	if r == nil || member == of {
		return false
	}
	for _, m := range r.members {
		if m.Admin && (m.Member == member || s.Chain(member, m.Member, Member) != nil) {
			return true
		}
	}
	return false
}

// ownsDatabase says whether a role is an implicit member of
// pg_database_owner: if it is, or has the rights of, the database's owner.
// Before 16 an owner that does not inherit does not inherit this either.
func (s *State) ownsDatabase(member string, how How, database string) bool {
	owner := s.owners[database]
	if owner == "" || s.roles[databaseOwner] == nil {
		return false
	}
	if how == Usage && !s.snap.Version.MembershipOptions() && !s.roles[owner].inherits() {
		return false
	}
	return member == owner || s.Chain(member, owner, how) != nil
}

func (r *role) inherits() bool { return r != nil && r.Inherit }

// Chain is the shortest way up from a member to a role, both ends included;
// nil where there is none. Superusers count for nothing here.
func (s *State) Chain(member, of string, how How) []string {
	if member == of {
		return []string{member}
	}
	from := map[string]string{member: ""}
	queue := []string{member}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		r := s.roles[at]
		if r == nil {
			continue
		}
		for _, m := range r.in {
			if _, seen := from[m.Role]; seen || !how.follows(m) {
				continue
			}
			from[m.Role] = at
			if m.Role == of {
				return trace(from, of)
			}
			queue = append(queue, m.Role)
		}
	}
	return nil
}

func trace(from map[string]string, to string) []string {
	var chain []string
	for at := to; at != ""; at = from[at] {
		chain = append([]string{at}, chain...)
	}
	return chain
}

// holding is every role whose rights a role has in a database without doing
// anything, itself included.
func (s *State) holding(name, database string) map[string]bool {
	h := s.held(holdingKey{name, false})
	owner := s.owners[database]
	if owner == "" || !h[owner] || s.roles[databaseOwner] == nil || !s.ownsDatabase(name, Usage, database) {
		return h
	}
	return s.held(holdingKey{name, true})
}

// held is a holding, remembered once for each role, and once more for one
// that is an owner of a database.
func (s *State) held(key holdingKey) map[string]bool {
	h, ok := s.holdings[key]
	if !ok {
		h = map[string]bool{}
		s.climb(key.role, Usage, h)
		if key.owner {
			h[databaseOwner] = true
		}
		s.holdings[key] = h
	}
	return h
}

// climb gathers all roles that one is a member of in a way, itself included.
func (s *State) climb(name string, how How, into map[string]bool) {
	if into[name] {
		return
	}
	into[name] = true
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		r := s.roles[queue[0]]
		if r == nil {
			continue
		}
		for _, m := range r.in {
			if how.follows(m) && !into[m.Role] {
				into[m.Role] = true
				queue = append(queue, m.Role)
			}
		}
	}
}

// below gathers all roles that are members of one in a way, itself included.
func (s *State) below(name string, how How) []string {
	into, queue := map[string]bool{name: true}, []string{name}
	for i := 0; i < len(queue); i++ {
		r := s.roles[queue[i]]
		if r == nil {
			continue
		}
		for _, m := range r.members {
			if how.follows(m) && !into[m.Member] {
				into[m.Member] = true
				queue = append(queue, m.Member)
			}
		}
	}
	return queue
}

// Privileges are what a role may do with an object, and what it may grant.
// An owner may grant what it has not got itself.
func (s *State) Privileges(name string, o Object) (privs, grantable pgsql.Privs) {
	all := o.Kind.All(s.snap.Version)
	if s.super(name) {
		return all, all
	}
	holds := s.holding(name, o.Database)
	for _, it := range s.acl(o) {
		if it.Grantee == "" || holds[it.Grantee] {
			privs |= it.Privs
			grantable |= it.Grantable
		}
	}
	if holds[o.Owner] {
		grantable |= all
	}
	for _, p := range predefined {
		if holds[p.role] {
			privs |= p.gives(o.Kind, s.snap.Version) & all
		}
	}
	if o.Catalog {
		privs &^= catalogWrites
	}
	return privs, grantable
}

// Holding lists the roles, superusers aside, to which an object's ACL gives a
// privilege by more than PUBLIC's right.
func (s *State) Holding(o Object, priv pgsql.Privs) []string {
	seen := map[string]bool{}
	var out []string
	for _, it := range s.acl(o) {
		if it.Grantee == "" || it.Privs&priv == 0 {
			continue
		}
		holders := s.below(it.Grantee, Usage)
		if it.Grantee == databaseOwner {
			holders = append(holders, s.below(s.owners[o.Database], Usage)...)
		}
		for _, name := range holders {
			if !seen[name] && s.roles[name] != nil && !s.super(name) {
				seen[name] = true
				out = append(out, name)
			}
		}
	}
	return out
}

// catalogWrites are what only a superuser can do to the system's own tables,
// whatever their ACLs say.
const catalogWrites = pgsql.Insert | pgsql.Update | pgsql.Delete | pgsql.Truncate

// Column are the privileges on a column, those on its whole table included.
// The column's own object is nil where it has no ACL.
func (s *State) Column(name string, table Object, column *Object) (privs, grantable pgsql.Privs) {
	privs, grantable = s.Privileges(name, table)
	if column != nil {
		p, g := s.Privileges(name, *column)
		privs, grantable = privs|p, grantable|g
	}
	all := pgsql.ColumnKind.All(s.snap.Version)
	return privs & all, grantable & all
}

// acl is an object's list, with NULL read as the server reads it.
func (s *State) acl(o Object) pgsql.ACL {
	if o.ACL == nil && (o.Kind == pgsql.ColumnKind || o.Kind == pgsql.Parameter) {
		return nil
	}
	return o.ACL.Or(o.Kind, o.Owner, s.snap.Version)
}

// predefined are the roles that give privileges on objects whose ACLs do not
// name them (pg_class_aclmask_ext, pg_namespace_aclmask_ext).
var predefined = []struct {
	role  string
	gives func(pgsql.ObjectKind, pgsql.Version) pgsql.Privs
}{
	{readAll, func(k pgsql.ObjectKind, v pgsql.Version) pgsql.Privs {
		return dataRights(k, v, pgsql.Select)
	}},
	{writeAll, func(k pgsql.ObjectKind, v pgsql.Version) pgsql.Privs {
		return dataRights(k, v, pgsql.Insert|pgsql.Update|pgsql.Delete)
	}},
	{maintain, func(k pgsql.ObjectKind, v pgsql.Version) pgsql.Privs {
		if k != pgsql.Table || !v.Maintain() {
			return 0
		}
		return pgsql.Maintain
	}},
}

func dataRights(k pgsql.ObjectKind, v pgsql.Version, on pgsql.Privs) pgsql.Privs {
	switch {
	case v.Major() < 14:
		return 0
	case k == pgsql.SchemaKind:
		return pgsql.Usage
	case k == pgsql.Table, k == pgsql.Sequence, k == pgsql.ColumnKind:
		return on
	}
	return 0
}
