package access

import (
	"strings"

	"landlord/internal/pgsql"
)

// SourceKind is the kind of place that a right comes from.
type SourceKind string

// The kinds.
const (
	FromSuperuser  SourceKind = "superuser"
	FromOwner      SourceKind = "owner"      // it owns the object, or has the owner's rights
	FromGrant      SourceKind = "grant"      // an entry of the object's ACL
	FromPublic     SourceKind = "public"     // an entry for PUBLIC, perhaps the built-in default
	FromPredefined SourceKind = "predefined" // pg_read_all_data and its kin
)

// Source is where a right comes from.
type Source struct {
	Kind    SourceKind `json:"kind"`
	Grantor string     `json:"grantor,omitempty"`
	// Chain leads from the role to the one that holds the right, both
	// included; each is a member of the next. It is empty for PUBLIC.
	Chain []string `json:"chain,omitempty"`
	// Default says that no ACL is there: it is the built-in default.
	Default bool `json:"default,omitempty"`

	privs, grantable pgsql.Privs
}

// String says it in a few words.
func (s Source) String() string {
	var text string
	switch s.Kind {
	case FromSuperuser:
		return "is a superuser"
	case FromOwner:
		text = "owner"
	case FromPublic:
		text = "PUBLIC, granted by " + s.Grantor
		if s.Default {
			text = "PUBLIC, PostgreSQL's default"
		}
	case FromGrant:
		text = "granted by " + s.Grantor
	case FromPredefined:
		text = "predefined role"
	}
	if len(s.Chain) > 1 {
		text += ", through " + strings.Join(s.Chain[1:], " → ")
	}
	return text
}

// Sources lists where a role's rights on an object come from.
func (s *State) Sources(name string, o Object) []Source {
	all := o.Kind.All(s.snap.Version)
	if s.super(name) {
		return []Source{{Kind: FromSuperuser, privs: all, grantable: all}}
	}
	var out []Source
	holds := s.holding(name, o.Database)
	for _, it := range s.acl(o) {
		src := Source{Kind: FromGrant, Grantor: it.Grantor, Default: o.ACL == nil, privs: it.Privs, grantable: it.Grantable}
		switch {
		case it.Grantee == "":
			src.Kind = FromPublic
		case !holds[it.Grantee]:
			continue
		default:
			src.Chain = s.rightsChain(name, it.Grantee, o.Database)
			if it.Grantee == o.Owner {
				src.Kind, src.Grantor = FromOwner, ""
			}
		}
		out = append(out, src)
	}
	for _, p := range predefined {
		if gives := p.gives(o.Kind, s.snap.Version) & all; gives != 0 && holds[p.role] {
			out = append(out, Source{Kind: FromPredefined, Chain: s.rightsChain(name, p.role, o.Database), privs: gives})
		}
	}
	if o.Catalog {
		for i := range out {
			out[i].privs &^= catalogWrites
		}
	}
	return out
}

// rightsChain is the chain by which a role has another's rights.
func (s *State) rightsChain(name, of, database string) []string {
	if of == databaseOwner && name != of {
		return append(s.Chain(name, s.owners[database], Usage), of)
	}
	return s.Chain(name, of, Usage)
}

// obstacle is what keeps a role from using its rights on an object, or "".
func (s *State) obstacle(name string, o Object) string {
	if o.Database != "" && o.Kind != pgsql.DatabaseObj {
		if p, _ := s.Privileges(name, s.database(o.Database)); p&pgsql.Connect == 0 {
			return "no CONNECT on database " + o.Database
		}
	}
	if o.Schema == "" || o.Kind == pgsql.SchemaKind || o.System {
		return ""
	}
	if schema, ok := s.schema(o.Database, o.Schema); ok {
		if p, _ := s.Privileges(name, schema); p&pgsql.Usage == 0 {
			return "no USAGE on schema " + o.Schema
		}
	}
	return ""
}

func (s *State) database(name string) Object {
	if d := s.databases[name]; d != nil {
		return Object{Kind: pgsql.DatabaseObj, Database: name, Name: name, Owner: d.Owner, ACL: d.ACL}
	}
	return Object{Kind: pgsql.DatabaseObj, Database: name, Name: name, ACL: pgsql.ACL{}}
}

func (s *State) schema(database, name string) (Object, bool) {
	o, ok := s.schemas[[2]string{database, name}]
	return o, ok
}
