package isolation

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"landlord/internal/tenant"
)

// Mark is what landlord writes into a role's comment, so that the catalog
// says which roles are landlord's, whose and what for: memberships and names
// alone cannot tell that of an adopted database. It holds no secret.
type Mark struct {
	Tenant string `json:"tenant,omitempty"`
	// Role is "identity", "owner", a login's kind, "group" for the group of a
	// shared database, or of a further one of a tenant, "marker" for the
	// server's own, "admin", "pool", or "probe".
	Role string `json:"role"`
	// Access is an administrator's.
	Access tenant.DataAccess `json:"access,omitempty"`

	// Database is the container, of an identity, an owner, a group and a pool.
	Database string `json:"database,omitempty"`
	// Schemas are the tenant's in it, of an identity and a tenant's group;
	// absent: the one with the tenant's name.
	Schemas []string `json:"schemas,omitempty"`

	// Of an identity only:
	Isolation tenant.Model `json:"isolation,omitempty"`
	// Further are the further databases that have no group of their own.
	Further   []MarkedPlace `json:"further,omitempty"`
	Suspended bool          `json:"suspended,omitempty"`
	// Extensions are the spec's: in a shared database nothing else tells
	// whose they are.
	Extensions   []string `json:"extensions,omitempty"`
	LargeObjects bool     `json:"largeObjects,omitempty"`
	// AdvisoryLocks are the spec's.
	AdvisoryLocks bool `json:"advisoryLocks,omitempty"`

	// Of a second login only: the first, which of both is the old one, its
	// state ("open" or "closed"), and until when it is open.
	Of    string `json:"of,omitempty"`
	Old   string `json:"old,omitempty"`
	State string `json:"state,omitempty"`
	Until string `json:"until,omitempty"`
}

// MarkedPlace is a tenant's place in a mark.
type MarkedPlace struct {
	Database string   `json:"database"`
	Schemas  []string `json:"schemas,omitempty"` // absent: the one with the tenant's name
}

// Places lists the tenant's places that a mark of an identity, or of a
// tenant's group, tells of.
func (m Mark) Places() []tenant.Place {
	all := []tenant.Place{place(m.Tenant, m.Database, m.Schemas)}
	for _, p := range m.Further {
		all = append(all, place(m.Tenant, p.Database, p.Schemas))
	}
	return all
}

func place(name, database string, schemas []string) tenant.Place {
	if len(schemas) == 0 {
		schemas = []string{name}
	}
	return tenant.Place{Database: database, Schemas: schemas}
}

const markPrefix = "landlord "

// Comment is the mark as a role's comment.
func (m Mark) Comment() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic("isolation: a mark is plain strings: " + err.Error())
	}
	return markPrefix + string(text)
}

// ParseMark reads a role's comment; ok is false where it is not landlord's.
func ParseMark(comment string) (m Mark, ok bool) {
	text, ok := strings.CutPrefix(comment, markPrefix)
	if !ok {
		return Mark{}, false
	}
	if m, ok = plainMark(text); ok {
		return m, true
	}
	m = Mark{}
	if json.Unmarshal([]byte(text), &m) != nil || m.Role == "" {
		return Mark{}, false
	}
	return m, true
}

// plainMark reads a mark of strings alone, none of them escaped, as nearly all
// of the fifty thousand are that ten thousand tenants have. Whatever else
// there is, it leaves to the decoder.
func plainMark(text string) (m Mark, ok bool) {
	rest, ok := strings.CutPrefix(text, "{")
	if !ok || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '\\' || r == utf8.RuneError }) {
		return m, false
	}
	for {
		var key, value string
		if key, rest, ok = quoted(rest); !ok || !strings.HasPrefix(rest, ":") {
			return m, false
		}
		if value, rest, ok = quoted(rest[1:]); !ok || !m.set(key, value) {
			return m, false
		}
		if rest == "}" {
			return m, m.Role != ""
		}
		if rest, ok = strings.CutPrefix(rest, ","); !ok {
			return m, false
		}
	}
}

// quoted cuts a string in quotes from the beginning of a text.
func quoted(text string) (word, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, `"`)
	if !ok {
		return "", "", false
	}
	return strings.Cut(text, `"`)
}

func (m *Mark) set(key, value string) bool {
	switch key {
	case "tenant":
		m.Tenant = value
	case "role":
		m.Role = value
	case "database":
		m.Database = value
	case "access":
		m.Access = tenant.DataAccess(value)
	case "isolation":
		m.Isolation = tenant.Model(value)
	case "of":
		m.Of = value
	case "old":
		m.Old = value
	case "state":
		m.State = value
	case "until":
		m.Until = value
	default:
		return false
	}
	return true
}

func identityMark(t tenant.Tenant) Mark {
	m := Mark{Tenant: t.Name, Role: "identity", Isolation: inServer(t.Isolation), Database: t.Home.Database, Schemas: markedSchemas(t, t.Home),
		Suspended: t.Suspended, Extensions: t.Extensions, LargeObjects: t.LargeObjects, AdvisoryLocks: t.AdvisoryLocks}
	for _, p := range t.Further {
		if t.Group(p) == t.Identity() {
			m.Further = append(m.Further, MarkedPlace{p.Database, markedSchemas(t, p)})
		}
	}
	return m
}

// inServer is how the catalog has a model: in its own server, a tenant is as
// one with its own database.
func inServer(m tenant.Model) tenant.Model {
	if m == tenant.Cluster {
		return tenant.Database
	}
	return m
}

func groupMark(t tenant.Tenant, p tenant.Place) Mark {
	return Mark{Tenant: t.Name, Role: "group", Database: p.Database, Schemas: markedSchemas(t, p)}
}

func markedSchemas(t tenant.Tenant, p tenant.Place) []string {
	if slices.Equal(p.Schemas, []string{t.Name}) {
		return nil
	}
	return p.Schemas
}
