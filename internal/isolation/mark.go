package isolation

import (
	"encoding/json"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// Mark is what landlord writes into a role's comment, so that the catalog
// says which roles are landlord's, whose and what for: memberships and names
// alone cannot tell that of an adopted database. It holds no secret.
type Mark struct {
	Tenant string `json:"tenant,omitempty"`
	// Role is "identity", "owner", a login's kind, "group" for a shared
	// database's group, "marker" for the server's own, or "probe".
	Role string `json:"role"`

	// Database is the container, of an identity, an owner and a group.
	Database string `json:"database,omitempty"`

	// Of an identity only:
	Isolation tenant.Model `json:"isolation,omitempty"`
	Schemas   []string     `json:"schemas,omitempty"` // absent: the one with the tenant's name
	Suspended bool         `json:"suspended,omitempty"`
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
	if !ok || json.Unmarshal([]byte(text), &m) != nil || m.Role == "" {
		return Mark{}, false
	}
	return m, true
}

func identityMark(t tenant.Tenant) Mark {
	m := Mark{Tenant: t.Name, Role: "identity", Isolation: t.Isolation, Database: t.Database, Suspended: t.Suspended}
	if !slices.Equal(t.Schemas, []string{t.Name}) {
		m.Schemas = t.Schemas
	}
	return m
}
