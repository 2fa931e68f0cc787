package snapshot

// Focus limits a snapshot to what concerns a few tenants among many, so that
// it costs what these cost, and not what all do. Only a superuser's snapshot
// can be so limited: of who is none, all that it may do bears on what it plans.
type Focus struct {
	// Tenants are names of tenants whose roles are found by landlord's marks, and
	// are read like Roles.
	Tenants []string
	// Names are names that these tenants take. Other roles whose marks say one of
	// them (of a tenant, a database or a schema) are read like Beside.
	Names []string
	// Server also reads, like Beside, the roles that landlord's marks say are the
	// server's own: administrators, pools, groups.
	Server bool
	// Roles are the names of the tenants' roles, whether they are there or not:
	// what these own, hold and are members of is read, and who is in them.
	Roles []string
	// Beside are other roles that the tenants' walls rest on: landlord's own,
	// the groups of databases, operators. Who is in them is not read.
	Beside []string
	// Left are the groups of shared databases that a tenant leaves: of these,
	// [Role.Shelters] is read.
	Left []string
	// Admins are the administrators. Full are those of them that are in every
	// tenant's owner: of what these are in, predefined and mighty roles are read.
	Admins, Full []string
	// Shared are the databases in which others live too, with the schemas in
	// each that are read. Any other database is read whole. Nil: nothing is planned
	// with the snapshot, and superusers are not read, who are looked for among all
	// roles.
	Shared map[string][]string
	// Alone are the tenants' own databases, whose sizes are read where something
	// may be dropped.
	Alone []string
}
