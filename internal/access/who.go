package access

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// Holder is a role that may do something with an object.
type Holder struct {
	Role   string `json:"role"` // "" is PUBLIC: every role
	Login  bool   `json:"login,omitempty"`
	Source Source `json:"source"`
	// Columns are those that the right is limited to.
	Columns []string `json:"columns,omitempty"`
	// SetRole leads to a role that may do it, each by SET ROLE from the one
	// before; the last of them has the right from Source.
	SetRole  []string `json:"setRole,omitempty"`
	Obstacle string   `json:"obstacle,omitempty"`
}

// Answer is who may do something with one object.
type Answer struct {
	Object  Object   `json:"object"`
	What    string   `json:"what"`
	Name    string   `json:"name"`
	Holders []Holder `json:"holders"`
	// Unread is what of the snapshot is not known.
	Unread []snapshot.Unread `json:"unread,omitempty"`
}

// NoObjectError says that nothing is called so.
type NoObjectError struct {
	Name string
	// Unread are databases into which nobody could look.
	Unread []string
}

func (e *NoObjectError) Error() string {
	text := fmt.Sprintf("nothing that was read is called %s; write schema.table, a function as schema.name(types), or the name of a schema or database", e.Name)
	if len(e.Unread) > 0 {
		text += fmt.Sprintf("; what is in %d databases is not known (%s)", len(e.Unread), strings.Join(e.Unread[:min(5, len(e.Unread))], ", "))
	}
	return text
}

// Find finds objects by their name: schema.relation, a function's signature,
// or the name of a schema, a database, or anything else that stands in none.
func (s *State) Find(name string, databases []string) ([]Object, error) {
	parts, plain := splitName(name)
	matches := func(o Object) bool {
		switch {
		case o.Kind == pgsql.ColumnKind:
			return false
		case o.Name == name || o.Identity() == name:
			return true
		case !plain || o.Kind == pgsql.Routine:
			return false
		case len(parts) == 2:
			return o.Kind != pgsql.SchemaKind && o.Schema == parts[0] && o.Name == parts[1]
		}
		return o.Name == parts[0] && (o.Schema == "" || o.Kind == pgsql.SchemaKind)
	}
	var out []Object
	for o := range s.Shared() {
		if matches(o) && (o.Kind != pgsql.DatabaseObj || wanted(databases, o.Database)) {
			out = append(out, o)
		}
	}
	for _, c := range s.snap.Contents {
		if !wanted(databases, c.Database) {
			continue
		}
		for o := range s.Inside(c.Database) {
			if matches(o) {
				out = append(out, o)
			}
		}
	}
	if len(out) == 0 {
		return nil, &NoObjectError{name, s.hidden(databases)}
	}
	return out, nil
}

// splitName splits a name as SQL writes it: one or two identifiers, in quotes
// or not.
func splitName(name string) ([]string, bool) {
	var parts []string
	for rest := name; ; {
		var part string
		if strings.HasPrefix(rest, `"`) {
			end := 1
			for end < len(rest) && (rest[end] != '"' || strings.HasPrefix(rest[end+1:], `"`)) {
				if rest[end] == '"' {
					end++
				}
				end++
			}
			if end >= len(rest) {
				return nil, false
			}
			list, ok := pgsql.SplitIdents(rest[:end+1])
			if !ok {
				return nil, false
			}
			part, rest = list[0], rest[end+1:]
		} else {
			end := strings.IndexByte(rest+".", '.')
			part, rest = rest[:end], rest[end:]
		}
		parts = append(parts, part)
		if rest == "" {
			return parts, len(parts) <= 2
		}
		if rest[0] != '.' {
			return nil, false
		}
		rest = rest[1:]
	}
}

// Who says which roles may do something with an object, and how. Superusers
// come last; a right of PUBLIC's is one entry.
func (s *State) Who(o Object, priv pgsql.Privs) Answer {
	a := Answer{Object: o, What: o.What(), Name: o.Identity(), Unread: s.unread([]string{o.Database})}
	columns := s.columns(o)
	holders := map[string]bool{}
	for _, name := range s.names {
		if h, ok := s.holder(name, o, priv, columns); ok {
			holders[name] = true
			a.Holders = append(a.Holders, h)
		}
	}
	for _, it := range s.acl(o) {
		if it.Grantee == "" && it.Privs&priv != 0 {
			a.Holders = append(a.Holders, Holder{Source: Source{Kind: FromPublic, Grantor: it.Grantor, Default: o.ACL == nil}})
			break
		}
	}
	a.Holders = append(a.Holders, s.becoming(holders, o, a.Holders)...)
	order := func(h Holder) int {
		return slices.Index([]SourceKind{FromPublic, FromOwner, FromGrant, FromPredefined, FromSuperuser}, h.Source.Kind)
	}
	slices.SortStableFunc(a.Holders, func(x, y Holder) int {
		return cmp.Or(cmp.Compare(len(x.SetRole), len(y.SetRole)), cmp.Compare(order(x), order(y)), cmp.Compare(x.Role, y.Role))
	})
	return a
}

// columns are the objects of a table's columns with rights of their own.
func (s *State) columns(o Object) []Object {
	var out []Object
	if o.Kind != pgsql.Table || s.contents[o.Database] == nil {
		return nil
	}
	for c := range relations(s.contents[o.Database]) {
		if c.Kind == pgsql.ColumnKind && c.Schema == o.Schema && c.Name == o.Name {
			c.Database = o.Database
			out = append(out, c)
		}
	}
	return out
}

// holder says how a role may do something otherwise than as everybody.
func (s *State) holder(name string, o Object, priv pgsql.Privs, columns []Object) (Holder, bool) {
	h := Holder{Role: name, Login: s.roles[name].Login}
	for _, src := range s.Sources(name, o) {
		if src.privs&priv != 0 && src.Kind != FromPublic {
			h.Source, h.Obstacle = src, s.obstacle(name, o)
			return h, true
		}
	}
	for _, c := range columns {
		for _, src := range s.Sources(name, c) {
			if src.privs&priv != 0 && src.Kind != FromPublic && src.Kind != FromPredefined {
				h.Source, h.Obstacle = src, s.obstacle(name, o)
				h.Columns = append(h.Columns, c.Column)
				break
			}
		}
	}
	return h, len(h.Columns) > 0
}

// becoming are the roles that can SET ROLE to a holder.
func (s *State) becoming(holders map[string]bool, o Object, list []Holder) []Holder {
	var out []Holder
	seen := map[string]bool{}
	for _, h := range list {
		if h.Role == "" {
			continue
		}
		for _, name := range s.below(h.Role, SetRole) {
			if holders[name] || seen[name] {
				continue
			}
			seen[name] = true
			out = append(out, Holder{Role: name, Login: s.roles[name].Login, Source: h.Source, Columns: h.Columns,
				SetRole: s.Chain(name, h.Role, SetRole), Obstacle: s.obstacle(h.Role, o)})
		}
	}
	return out
}

// hidden are the databases of some that nobody could look into.
func (s *State) hidden(databases []string) []string {
	var out []string
	for _, u := range s.unread(databases) {
		if u.Part == snapshot.PartContents && u.Database != "" {
			out = append(out, u.Database)
		}
	}
	return out
}
