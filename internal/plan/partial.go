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
		for p := range t.EachPlace {
			if t.Alone(p) && there(d.in.Snapshot, p.Database) && !d.houseOf(t, p) {
				d.say("database %s bears no mark of the tenant's", p.Database)
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
			if m, ok := isolation.ParseMark(r.Comment); !ok || m.Tenant != t.Name {
				d.say("there is a role %s", rival)
			}
		}
	}
}

// houseOf says whether a mark of the tenant's names a database.
func (d *doubt) houseOf(t *tenant.Tenant, p tenant.Place) bool {
	return slices.ContainsFunc([]string{t.Group(p), t.Identity(), t.Owner}, func(name string) bool {
		r := d.known[name]
		if r == nil {
			return false
		}
		m, ok := isolation.ParseMark(r.Comment)
		return ok && m.Tenant == t.Name && slices.ContainsFunc(m.Places(), func(marked tenant.Place) bool { return marked.Database == p.Database })
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
