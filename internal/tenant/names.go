package tenant

import (
	"fmt"
	"regexp"
	"strings"
)

// The roles that landlord keeps on every server, all NOLOGIN.
const (
	// TenantsRole is the marker group: its members are the tenants'
	// identities. It holds no privilege.
	TenantsRole = "landlord_tenants"
	// TempRole holds TEMPORARY on every shared database, so that a
	// database's ACL does not grow with its tenants.
	TempRole = "landlord_temp"
	// AdminsRole is the group of the administrators: it holds CONNECT on the
	// tenants' databases, and pg_hba.conf lets its members into all of them.
	AdminsRole = "landlord_admins"
	// LostRole gets what tenants own outside of their houses, where somebody
	// needs it. It holds no privilege and has no member.
	LostRole = "landlord_lost"
	// ProbePrefix begins the names of the short-lived logins that prove makes.
	ProbePrefix = "landlord_probe_"
)

// MaxName is the longest tenant name, in bytes. PostgreSQL's identifiers hold
// 63; the rest is room for suffixes.
const MaxName = 40

// MaxIdentifier is the longest identifier PostgreSQL keeps, in bytes
// (NAMEDATALEN - 1).
const MaxIdentifier = 63

// NamePattern is the form of a tenant's name, as a regular expression.
const NamePattern = `^[a-z][a-z0-9_]*$`

var namePattern = regexp.MustCompile(NamePattern)

// CheckName says why a name cannot be a tenant's, or nil.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a tenant needs a name")
	case len(name) > MaxName:
		return fmt.Errorf("%q has %d bytes; a tenant's name has at most %d", name, len(name), MaxName)
	case !namePattern.MatchString(name):
		return fmt.Errorf("%q is no tenant name: a lower-case letter first, then lower-case letters, digits and underscores", name)
	case Reserved(name):
		return fmt.Errorf("%q is reserved: PostgreSQL or landlord uses it", name)
	}
	return nil
}

// Reserved says whether PostgreSQL or landlord keeps a name for itself.
func Reserved(name string) bool {
	switch name {
	case "public", "postgres", "information_schema", "none", "current_user", "session_user", "current_role", "user", "all", "sameuser", "samerole", "samegroup", "replication", "samehost", "samenet":
		return true
	}
	for _, prefix := range []string{"pg_", "template", "landlord"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// CheckIdentifier says why a name cannot be an identifier on a server, or
// nil. Adopted roles, schemas and databases may have any such name.
func CheckIdentifier(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a name cannot be empty")
	case len(name) > MaxIdentifier:
		return fmt.Errorf("%q has %d bytes; PostgreSQL keeps %d", name, len(name), MaxIdentifier)
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("%q holds a NUL, which PostgreSQL does not allow", name)
	}
	return nil
}

// DefaultOwner is the owner role of a tenant that names none.
func DefaultOwner(tenant string) string { return tenant + "_owner" }

// DefaultLogin is the login of one kind of a tenant that names none.
func DefaultLogin(tenant string, k Kind) string { return tenant + "_" + string(k) }

// DefaultLogins are the logins of a tenant that names none.
func DefaultLogins(tenant string, r Rights) []Login {
	reader := Login{Name: DefaultLogin(tenant, Reader), Kind: Reader}
	if r == Read {
		return []Login{reader}
	}
	app := Login{Name: DefaultLogin(tenant, App), Kind: App}
	if r == DDL {
		return []Login{app, reader, {Name: DefaultLogin(tenant, Migrator), Kind: Migrator}}
	}
	return []Login{app, reader}
}
