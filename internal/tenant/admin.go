package tenant

// DataAccess says what an administrator can do with the tenants' data.
type DataAccess string

// The kinds of administrators.
const (
	// FullAccess is a login without SUPERUSER that makes roles and databases
	// and may become each tenant's owner. Before PostgreSQL 16, CREATEROLE
	// may grant itself every role that is no superuser, and with
	// pg_execute_server_program that is as good as a superuser (manual,
	// "CREATE ROLE", Notes): nothing less than "full" would be true there.
	FullAccess DataAccess = "full"
	// ReadAccess monitors and backs up, and changes nothing.
	ReadAccess DataAccess = "read"
	// NoAccess is no role at all: who may make roles can, in the end, read.
	// landlord sudoers writes the rule for such a person.
	NoAccess DataAccess = "none"
)

// DataAccesses lists the kinds of administrators, the mightiest first.
func DataAccesses() []DataAccess { return []DataAccess{FullAccess, ReadAccess, NoAccess} }

// Admin is an administrator of a server who is no superuser. The name is that
// of the login.
type Admin struct {
	Name       string
	DataAccess DataAccess
	// Adopt consents to taking over a role of this name that landlord did not
	// make.
	Adopt bool
}

// HasRole says whether the administrator has a role on the server.
func (a Admin) HasRole() bool { return a.DataAccess != NoAccess }

// Admin returns the administrator of that name.
func (s Server) Admin(name string) (Admin, bool) {
	for _, a := range s.Admins {
		if a.Name == name {
			return a, true
		}
	}
	return Admin{}, false
}
