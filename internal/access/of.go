package access

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// Report is all that a role can do.
type Report struct {
	Role       string   `json:"role"`
	Attributes []string `json:"attributes"`
	// Memberships are all roles that it is a member of, near ones first.
	Memberships []Membership `json:"memberships,omitempty"`
	// Rights are what it may do now. A superuser's are not listed: it may do
	// everything.
	Rights []Right `json:"rights,omitempty"`
	// Future are the rights on objects that are not there yet.
	Future []Future          `json:"future,omitempty"`
	Unread []snapshot.Unread `json:"unread,omitempty"`
}

// Membership is what a role is to another.
type Membership struct {
	Role     string   `json:"role"`
	Inherits bool     `json:"inherits,omitempty"` // it has its rights
	Set      bool     `json:"set,omitempty"`      // it can SET ROLE to it
	Admin    bool     `json:"admin,omitempty"`    // it can grant it
	Chain    []string `json:"chain"`              // from the role to it
}

// Right is what a role may do with objects that are alike.
type Right struct {
	Database   string   `json:"database,omitempty"`
	Kind       string   `json:"kind"`
	Schema     string   `json:"schema,omitempty"`
	Objects    []string `json:"objects"` // as SQL names them
	Privileges []string `json:"privileges"`
	Grantable  []string `json:"grantable,omitempty"` // what of it the role may grant
	Source     Source   `json:"source"`
	// Obstacle is what keeps it from using the right.
	Obstacle string `json:"obstacle,omitempty"`
}

// Future is a right on what a role will make.
type Future struct {
	Database   string   `json:"database"`
	Creator    string   `json:"creator"`
	Schema     string   `json:"schema,omitempty"` // empty: in every schema
	Kind       string   `json:"kind"`
	Privileges []string `json:"privileges"`
	Source     Source   `json:"source"`
}

// UnknownRoleError says that there is no such role.
type UnknownRoleError struct{ Role string }

func (e *UnknownRoleError) Error() string { return fmt.Sprintf("there is no role %q", e.Role) }

// Of says all that a role can do, in some databases or in all that were read.
func (s *State) Of(name string, databases []string) (Report, error) {
	r := s.roles[name]
	if r == nil {
		return Report{}, &UnknownRoleError{name}
	}
	rep := Report{Role: name, Attributes: Attributes(r.Role), Memberships: s.memberships(name), Unread: s.unread(databases)}
	if r.Superuser {
		return rep, nil
	}
	g := grouper{s: s, name: name, index: map[groupKey]int{}}
	for o := range s.Shared() {
		if o.Kind != pgsql.DatabaseObj || wanted(databases, o.Database) {
			g.add(o)
		}
	}
	for _, c := range s.snap.Contents {
		if !wanted(databases, c.Database) {
			continue
		}
		for o := range s.Inside(c.Database) {
			g.add(o)
		}
		rep.Future = append(rep.Future, s.future(name, c)...)
	}
	rep.Rights = g.rights
	slices.SortStableFunc(rep.Rights, func(a, b Right) int { return cmp.Compare(a.Database, b.Database) })
	return rep, nil
}

func wanted(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }

// Attributes are a role's, as CREATE ROLE has them.
func Attributes(r snapshot.Role) []string {
	var list []string
	for _, a := range []struct {
		has  bool
		word string
	}{
		{r.Superuser, "SUPERUSER"}, {r.Login, "LOGIN"}, {!r.Login, "NOLOGIN"}, {r.CreateRole, "CREATEROLE"}, {r.CreateDB, "CREATEDB"},
		{r.Replicate, "REPLICATION"}, {r.BypassRLS, "BYPASSRLS"}, {!r.Inherit, "NOINHERIT"},
	} {
		if a.has {
			list = append(list, a.word)
		}
	}
	return list
}

func (s *State) memberships(name string) []Membership {
	all := map[string]bool{}
	s.climb(name, Member, all)
	delete(all, name)
	var out []Membership
	for of := range all {
		out = append(out, Membership{Role: of, Chain: s.Chain(name, of, Member), Admin: s.isAdmin(name, of),
			Inherits: s.Chain(name, of, Usage) != nil, Set: s.Chain(name, of, SetRole) != nil})
	}
	slices.SortFunc(out, func(a, b Membership) int {
		return cmp.Or(len(a.Chain)-len(b.Chain), cmp.Compare(a.Role, b.Role))
	})
	return out
}

// unread is what of the snapshot is not known, as far as it matters here.
func (s *State) unread(databases []string) []snapshot.Unread {
	var out []snapshot.Unread
	for _, u := range s.snap.Unread {
		if u.Database == "" || u.Database != "template0" && wanted(databases, u.Database) {
			out = append(out, u)
		}
	}
	for _, c := range s.snap.Contents {
		if c.Error != "" && wanted(databases, c.Database) {
			out = append(out, snapshot.Unread{Part: snapshot.PartContents, Database: c.Database, Reason: c.Error})
		}
	}
	return out
}

// Unread is what of the snapshot is not known, in any database.
func (s *State) Unread() []snapshot.Unread { return s.unread(nil) }

// grouper puts rights together that differ only in their object.
type grouper struct {
	s      *State
	name   string
	index  map[groupKey]int
	rights []Right
}

type groupKey struct {
	database, kind, schema, source, obstacle string
	privs, grantable                         pgsql.Privs
}

func (g *grouper) add(o Object) {
	for _, src := range g.s.Sources(g.name, o) {
		if src.privs == 0 {
			continue
		}
		key := groupKey{o.Database, o.What(), o.Schema, src.String(), g.s.obstacle(g.name, o), src.privs, src.grantable}
		if o.Kind == pgsql.SchemaKind {
			key.schema = ""
		}
		i, ok := g.index[key]
		if !ok {
			i = len(g.rights)
			g.index[key] = i
			g.rights = append(g.rights, Right{Database: o.Database, Kind: key.kind, Schema: key.schema, Privileges: src.privs.Names(),
				Grantable: src.grantable.Names(), Source: src, Obstacle: key.obstacle})
		}
		g.rights[i].Objects = append(g.rights[i].Objects, o.Identity())
	}
}

// future are the default privileges that will give a role something.
func (s *State) future(name string, c snapshot.Contents) []Future {
	var out []Future
	holds := s.holding(name, c.Database)
	for _, d := range c.DefaultACLs {
		for _, it := range d.ACL {
			src := Source{Kind: FromGrant, Grantor: d.Creator}
			switch {
			case it.Grantee == "":
				src.Kind = FromPublic
			case !holds[it.Grantee] || it.Grantee == d.Creator:
				continue
			default:
				src.Chain = s.rightsChain(name, it.Grantee, c.Database)
			}
			out = append(out, Future{Database: c.Database, Creator: d.Creator, Schema: d.Schema, Kind: d.Kind.String(),
				Privileges: it.Privs.Names(), Source: src})
		}
	}
	slices.SortFunc(out, func(a, b Future) int {
		return cmp.Or(cmp.Compare(a.Creator, b.Creator), cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Source.String(), b.Source.String()))
	})
	return out
}
