package snapshot

import "landlord/internal/pgsql"

// Widened is an object of the system's own, or of an extension's, whose ACL is
// not what initdb or the extension gave it (pg_init_privs), so that somebody
// may hold more than was meant. A plan reads these; a [SystemACL] is for judging.
type Widened struct {
	Schema   string `json:"schema"`           // quoted, or empty for what stands in none
	Kind     string `json:"kind"`             // as pg_identify_object names it; a column's relation
	Identity string `json:"identity"`         // quoted and qualified
	Column   string `json:"column,omitempty"` // not quoted
	Owner    string `json:"owner"`
	// ACL is never nil: the built-in default stands for NULL.
	ACL pgsql.ACL `json:"acl"`
	// First is the ACL that it had at first.
	First pgsql.ACL `json:"first"`
}
