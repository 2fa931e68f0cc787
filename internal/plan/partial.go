package plan

import (
	"slices"

	"landlord/internal/hba"
	"landlord/internal/isolation"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Without a spec, a server's own state is what is wanted of it. A plan for a few
// tenants need not know all of that either: who the others are, and what they
// want, is asked where something of theirs is met.

// State is what must be read of a server so that it says of some tenants what is
// wanted of them, and of itself what every plan rests on; nil: everything.
func State(tenants []string) *snapshot.Focus {
	if len(tenants) == 0 {
		return nil
	}
	f := &snapshot.Focus{Tenants: tenants, Server: true}
	for _, name := range tenants {
		f.Names = append(f.Names, tenant.DefaultNames(name)...)
	}
	return f
}

// Crowded says whether a snapshot that was read for some tenants tells of another
// who takes a name of theirs: then all of them must be known.
func Crowded(tenants []string, snap snapshot.Snapshot) bool {
	return slices.ContainsFunc(snap.Roles, func(r snapshot.Role) bool {
		m, ok := isolation.ParseMark(r.Comment)
		return ok && m.Tenant != "" && !slices.Contains(tenants, m.Tenant)
	})
}

// StateAgain is what must be read to see whether a server still says of a tenant,
// and of itself, what [State] has told, or nil where all must be read: the same
// roles, by their names.
func StateAgain(was tenant.Estate, name string) *snapshot.Focus {
	f := &snapshot.Focus{Roles: tenant.DefaultNames(name), Beside: []string{tenant.AdminsRole, tenant.RouterRole}}
	for _, t := range was.Tenants {
		if t.Name != name {
			return nil
		}
		f.Roles = append(f.Roles, t.Names()...)
	}
	for _, s := range was.Servers {
		for _, a := range s.Admins {
			f.Beside = append(f.Beside, a.Name)
		}
		for _, p := range s.Pools {
			f.Beside = append(f.Beside, p.RoleNames()...)
		}
	}
	return f
}

// Strange says whether somebody is in one of a tenant's roles, or one of these in
// somebody's, of whom nothing is known: it may be a role of the tenant's with
// another name, or a further database's group. So is an administrator strange of
// whom the server is not known to have one. What landlord gives a tenant, it ties
// to it by memberships.
func Strange(server tenant.Server, t tenant.Tenant, snap snapshot.Snapshot) bool {
	theirs, known := map[string]bool{}, map[string]bool{tenant.TenantsRole: true, tenant.TempRole: true, snap.Session.User: true}
	for _, name := range t.Names() {
		theirs[name] = true
	}
	for p := range t.EachPlace {
		known[t.Group(p)] = true
	}
	for _, name := range server.Operators {
		known[name] = true
	}
	for _, a := range server.Admins {
		known[a.Name] = true
	}
	for _, p := range server.Pools {
		for _, name := range p.RoleNames() {
			known[name] = true
		}
	}
	return slices.ContainsFunc(snap.Memberships, func(m snapshot.Membership) bool {
		stranger := func(role string) bool { return !theirs[role] && !known[role] }
		return (theirs[m.Role] || m.Role == tenant.AdminsRole) && stranger(m.Member) || theirs[m.Member] && stranger(m.Role)
	})
}

// others doubts where somebody else may have, or be about to take, what the
// tenants at hand take, and the spec does not say who that could be.
func (d *doubt) others() {
	if !d.in.Partial {
		return
	}
	var names []string
	about := d.in.about()
	for _, t := range about {
		names = append(names, t.Name)
	}
	if Crowded(names, d.in.Snapshot) {
		d.say("there are roles of other tenants")
	}
	for _, t := range about {
		for _, name := range t.Names() {
			d.rivals(t, name)
		}
		d.rivals(t, t.Group(t.Home))
		for p := range t.EachPlace {
			switch there := there(d.in.Snapshot, p.Database); {
			case t.Alone(p) && there && !d.houseOf(t, p):
				d.say("database %s bears no mark of the tenant's", p.Database)
			case !t.Alone(p) && !there: // who may have it, or its name, is asked of all
				d.say("there is no shared database %s yet", p.Database)
			}
		}
	}
}

// rivals doubts a name that a database has which is not the tenant's, or that may
// be that of a role that somebody has dropped.
func (d *doubt) rivals(t *tenant.Tenant, name string) {
	if _, theirs := t.Place(name); !theirs && there(d.in.Snapshot, name) {
		d.say("there is a database %s", name)
	}
	for _, rival := range tenant.Rivals(name) {
		if r := d.known[rival]; r != nil {
			if _, theirs := markFor(r, t.Name); !theirs {
				d.say("there is a role %s", rival)
			}
		}
	}
}

// houseOf says whether a mark of the tenant's names a database.
func (d *doubt) houseOf(t *tenant.Tenant, p tenant.Place) bool {
	return slices.ContainsFunc([]string{t.Group(p), t.Identity(), t.Owner}, func(name string) bool {
		m, theirs := markFor(d.known[name], t.Name)
		return theirs && namesDatabase(m, p.Database)
	})
}

// residents are the tenants by whom pg_hba.conf goes. Where not all are known,
// landlord's own rules say who else has a database whose group is named otherwise:
// a rule that is nobody's is found by a plan for all.
func (in *Input) residents() []tenant.Tenant {
	file := in.Snapshot.HBA
	if !in.Partial || file == nil || file.Error != "" {
		return in.Tenants
	}
	block, found, err := hba.BlockIn(file.Text)
	if err != nil || !found {
		return in.Tenants
	}
	all := slices.Clip(in.Tenants)
	theirs := func(database, group string) bool {
		return slices.ContainsFunc(in.about(), func(t *tenant.Tenant) bool {
			_, lives := t.Place(database)
			return lives || slices.Contains(t.Roles(), group)
		})
	}
	for _, r := range hba.Parse(file.Path, []byte(block), hba.Options{Major: in.Snapshot.Version.Major()}).Rules() {
		if len(r.Databases) != 1 || len(r.Users) != 1 || r.Databases[0].Is("all") || r.Databases[0].Is("samerole") {
			continue
		}
		database := r.Databases[0].Text
		group, isGroup := r.Users[0].Group()
		listed := slices.ContainsFunc(all, func(t tenant.Tenant) bool { return t.Home.Database == database })
		if isGroup && !listed && !theirs(database, group) {
			all = append(all, tenant.Tenant{Name: group, Isolation: tenant.Database, Home: tenant.Place{Database: database}})
		}
	}
	return all
}
