package isolation

import (
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// Admin is an administrator as it should be.
type Admin struct {
	Admin       tenant.Admin
	Role        Role
	Memberships []Membership
}

// AdminsGroup is the role that alone lets administrators into the databases,
// so that no database's ACL grows with them.
func AdminsGroup() Role {
	return Role{Name: tenant.AdminsRole, ConnLimit: -1, Mark: Mark{Role: "marker"}}
}

// AdminsGrant is what that group holds on each database.
func AdminsGrant() Grant { return Grant{tenant.AdminsRole, pgsql.Connect} }

// BuildAdmin says what an administrator consists of, beside the keys to the
// houses. It must have a role.
//
// Nothing of a tenant's is found by a name that is not written in full: a
// function of a tenant's would run with the administrator's rights.
func BuildAdmin(a tenant.Admin) Admin {
	out := Admin{Admin: a, Role: Role{
		Name: a.Name, Login: true, ConnLimit: -1, Mark: Mark{Role: adminMark, Access: a.DataAccess},
		Settings: []tenant.Setting{{Name: "search_path", Value: SearchPath([]string{"pg_catalog"})}},
	}}
	in := []string{tenant.AdminsRole, "pg_monitor"}
	switch a.DataAccess {
	case tenant.FullAccess:
		out.Role.CreateDB, out.Role.CreateRole = true, true
		in = append(in, "pg_signal_backend")
	case tenant.ReadAccess:
		// Row-level security would stop a dump (pg_dump, --enable-row-security).
		out.Role.BypassRLS = true
		out.Role.Settings = append([]tenant.Setting{{Name: "default_transaction_read_only", Value: "on"}}, out.Role.Settings...)
		in = append(in, "pg_read_all_data")
	}
	for _, role := range in {
		out.Memberships = append(out.Memberships, Membership{Role: role, Member: a.Name, Inherit: true})
	}
	return out
}

// StrippedAdmin is what stays of an administrator's role that may do nothing
// any more.
func StrippedAdmin(a tenant.Admin) Role {
	return Role{Name: a.Name, ConnLimit: -1, Mark: Mark{Role: adminMark, Access: tenant.NoAccess}}
}

// Key is the membership by which an administrator may become a tenant's
// owner, without having its rights unasked.
func (a Admin) Key(t tenant.Tenant) (m Membership, ok bool) {
	return Membership{Role: t.Owner, Member: a.Admin.Name, Set: true}, a.Admin.DataAccess == tenant.FullAccess
}

// adminMark is the role in the mark of an administrator.
const adminMark = "admin"

// IsAdmin says that the mark is an administrator's.
func (m Mark) IsAdmin() bool { return m.Role == adminMark }
