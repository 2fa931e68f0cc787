package plan

import (
	"landlord/internal/isolation"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// index is a snapshot arranged for looking things up, beside what is wanted
// of the same server.
type index struct {
	snap      snapshot.Snapshot
	roles     map[string]*snapshot.Role
	databases map[string]*snapshot.Database
	contents  map[string]*snapshot.Contents
	members   map[string][]snapshot.Membership // by member
	settings  map[string][]snapshot.Setting    // by role; "" for databases

	*directory                    // of those in the spec
	houses      []isolation.House // of the tenants in the spec that the plan is about
	containers  []isolation.Container
	owner       map[string]string           // role -> the tenant whose it is: spec's and found ones
	houseOf     map[string]*isolation.House // tenant -> its house, of those in the spec; see builtFor
	foundIn     map[place]string            // schema -> a tenant that is in the catalog and not in the spec
	trusted     map[string]bool             // roles that may hold anybody's role: superusers, operators, landlord
	found       []tenant.Tenant
	foundAs     map[string]tenant.Tenant // the same by name
	owns        map[string]bool          // the owner roles of the houses in the spec
	lives       map[lodger]bool          // which found tenants' houses, and pools, stand in which databases; see livesAt
	insides     map[string]*inside       // contents by database, arranged when first asked for
	administers map[string]bool          // roles that a landlord without SUPERUSER may grant; nil: not known yet
	wanted      map[string]bool          // names of the tenants that the plan is about
	admins      []isolation.Admin        // those in the spec that have a role
	adminOf     map[string]tenant.Admin  // administrators' roles: the spec's and found ones
	foundPools  []tenant.Pool            // those on the server
	pools       []isolation.Pool         // those in the spec
	leftPools   []isolation.Pool         // those on the server that are not in the spec, and left alone
}

// place is a schema in a database.
type place struct{ database, schema string }

// lodger is a tenant in a database.
type lodger struct{ tenant, database string }

func newIndex(in Input, found []tenant.Tenant, pools []tenant.Pool) *index {
	x := &index{
		snap: in.Snapshot, found: found, foundPools: pools,
		roles: make(map[string]*snapshot.Role, len(in.Snapshot.Roles)), databases: map[string]*snapshot.Database{}, contents: map[string]*snapshot.Contents{},
		members:  make(map[string][]snapshot.Membership, len(in.Snapshot.Roles)),
		settings: groupBy(in.Snapshot.Settings, func(s *snapshot.Setting) string { return s.Role }),
		owner:    make(map[string]string, len(in.Snapshot.Roles)),
		houseOf:  map[string]*isolation.House{}, directory: newDirectory(in.Tenants, in.Snapshot.Focus == nil),
		foundIn: map[place]string{}, trusted: map[string]bool{},
		wanted: map[string]bool{}, owns: map[string]bool{}, lives: map[lodger]bool{}, foundAs: map[string]tenant.Tenant{}, insides: map[string]*inside{},
	}
	x.indexSnapshot(in)
	x.indexWanted(in)
	return x
}

func (x *index) indexSnapshot(in Input) {
	x.trusted[in.Snapshot.Session.User] = true
	for _, name := range in.Server.Operators {
		x.trusted[name] = true
	}
	for i := range in.Snapshot.Roles {
		r := &in.Snapshot.Roles[i]
		x.roles[r.Name] = r
	}
	for i := range in.Snapshot.Databases {
		d := &in.Snapshot.Databases[i]
		x.databases[d.Name] = d
	}
	for i := range in.Snapshot.Contents {
		c := &in.Snapshot.Contents[i]
		x.contents[c.Database] = c
	}
	for _, m := range in.Snapshot.Memberships {
		x.members[m.Member] = append(x.members[m.Member], m)
	}
}

func (x *index) indexWanted(in Input) {
	x.indexAdmins(in)
	x.indexPools(in)
	x.indexRouter(in)
	named := x.named(in)
	for i := range in.Tenants {
		t := &in.Tenants[i]
		wanted := in.wants(t.Name)
		if wanted {
			x.wanted[t.Name] = true
			x.houses = append(x.houses, x.withPools(x.withKeys(isolation.Build(*t))))
		}
		for role := range t.EachRole {
			if named == nil || named[role] || wanted {
				x.owner[role] = t.Name
			}
		}
		if named == nil || named[t.Owner] || wanted {
			x.owns[t.Owner] = true
		}
	}
	for i, h := range x.houses {
		x.houseOf[h.Tenant.Name] = &x.houses[i]
	}
	x.containers = isolation.Containers(in.Tenants)
	for _, t := range x.found {
		x.foundAs[t.Name] = t
		for _, role := range t.Roles() {
			if x.owner[role] == "" {
				x.owner[role] = t.Name
			}
		}
		_, inSpec := x.find(t.Name)
		for p := range t.EachPlace {
			if !inSpec {
				x.lives[lodger{t.Name, p.Database}] = true
			}
			for _, schema := range p.Schemas {
				if at := (place{p.Database, schema}); x.houseAt(at) == "" {
					x.foundIn[at] = t.Name
				}
			}
		}
	}
	for _, r := range x.roles {
		if r.Superuser && x.owner[r.Name] == "" {
			x.trusted[r.Name] = true
		}
	}
}

// livesAt says whether a tenant's house stands in a database, or a pool's tenants
// do.
func (x *index) livesAt(whose, database string) bool {
	if i, ok := x.find(whose); ok {
		for p := range x.tenants[i].EachPlace {
			if p.Database == database {
				return true
			}
		}
	}
	return x.lives[lodger{whose, database}]
}

// builtFor is the house of a tenant in the spec, or nil. Of those that the plan
// is not about few are asked for.
func (x *index) builtFor(name string) *isolation.House {
	if x.houseOf[name] == nil {
		i, ok := x.find(name)
		if !ok {
			return nil
		}
		h := x.withPools(x.withKeys(isolation.Build(x.tenants[i])))
		x.houseOf[name] = &h
	}
	return x.houseOf[name]
}

// named are the roles that a plan for a few tenants can meet beside theirs:
// those that were read, and those that pg_hba.conf names. Of ten thousand other
// tenants' it meets none.
func (x *index) named(in Input) map[string]bool {
	if in.Snapshot.Focus == nil {
		return nil
	}
	named := map[string]bool{}
	for name := range x.roles {
		named[name] = true
	}
	if in.Snapshot.HBA != nil {
		for _, r := range parseHBA(in.Snapshot, in.Snapshot.HBA.Text).Rules() {
			for _, u := range r.Users {
				named[u.Text] = true
			}
		}
	}
	return named
}

// rooms arranges what a database holds. It must have been read.
func (x *index) rooms(database string) *inside {
	if x.insides[database] == nil {
		x.insides[database] = newInside(x.contents[database])
	}
	return x.insides[database]
}

// isTenants says that a role is one of a tenant's, PUBLIC excluded.
func (x *index) isTenants(role string) bool { return x.owner[role] != "" }

// maintenance is the database that landlord is connected to.
func (x *index) maintenance() string { return x.snap.Session.Database }
