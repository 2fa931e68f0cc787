package plan

import (
	"cmp"
	"fmt"
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// A plan for a few tenants among many need not see what the others have, as
// long as all is usual: whoever is named in what it sees is one of theirs, or
// landlord's, or came with the server. Focus says what is read then, and Lacks
// whether that was enough. Where it was not, everything is read: nothing is
// decided by what was not looked at.

// Focus is what a plan must see of a server, or nil where it must see
// everything: a plan for all, or one that drops what no spec names, unless that
// is tenants who are known.
func Focus(in Input) *snapshot.Focus {
	about := in.about()
	if len(in.Only) == 0 || len(about) < len(in.Only) || in.Prune && len(in.Gone) < len(in.Only) {
		return nil
	}
	f := &snapshot.Focus{Shared: map[string][]string{}}
	for _, t := range about {
		if focusOn(f, *t); in.Partial {
			focusAround(f, *t)
		}
	}
	for _, t := range in.Gone {
		if in.Partial && !t.Own() {
			f.Left = append(f.Left, t.Group(t.Home))
		}
	}
	for _, p := range in.Server.Pools {
		if _, theirs := f.Shared[p.Database]; theirs {
			return nil // it is in every tenant's login, and all of that is looked at
		}
		f.Beside = append(f.Beside, p.RoleNames()...)
	}
	f.Beside = append(f.Beside, tenant.TenantsRole, tenant.TempRole, tenant.LostRole, tenant.AdminsRole, tenant.RouterRole)
	f.Beside = append(f.Beside, in.Server.Operators...)
	for _, a := range in.Server.Admins {
		if f.Admins = append(f.Admins, a.Name); a.DataAccess == tenant.FullAccess {
			f.Full = append(f.Full, a.Name)
		}
	}
	return f
}

// about are the tenants that a plan for a few is about: those in the spec, and
// those that are taken away.
func (in *Input) about() (out []*tenant.Tenant) {
	for i := range in.Tenants {
		if t := &in.Tenants[i]; slices.Contains(in.Only, t.Name) {
			out = append(out, t)
		}
	}
	for i := range in.Gone {
		out = append(out, &in.Gone[i])
	}
	return out
}

func focusOn(f *snapshot.Focus, t tenant.Tenant) {
	f.Roles = append(f.Roles, t.RoleNames()...)
	for _, p := range t.Places() {
		if t.Alone(p) {
			f.Alone = append(f.Alone, p.Database)
			continue
		}
		f.Beside = append(f.Beside, t.Group(p))
		f.Shared[p.Database] = append(f.Shared[p.Database], p.Schemas...)
		for _, name := range []string{"public", tenant.ExtensionsSchema, tenant.PoolSchema} {
			if !slices.Contains(f.Shared[p.Database], name) {
				f.Shared[p.Database] = append(f.Shared[p.Database], name)
			}
		}
	}
}

// focusAround adds what tells whether somebody is in a tenant's way, where no
// spec says who the others are. Of the names that a tenant has who names nothing
// itself, [State] has asked.
func focusAround(f *snapshot.Focus, t tenant.Tenant) {
	asked := tenant.DefaultNames(t.Name)
	for _, name := range t.Names() {
		if !slices.Contains(asked, name) {
			f.Names = append(f.Names, name)
		}
		f.Beside = append(f.Beside, tenant.Rivals(name)...)
	}
	f.Beside = append(f.Beside, tenant.Rivals(t.Group(t.Home))...)
}

// Lacks says why a snapshot that is limited to a focus does not tell enough to
// plan with, or "".
func Lacks(in Input) string {
	f := in.Snapshot.Focus
	switch {
	case f == nil && in.Partial:
		return "all is read, and of the tenants a few are known"
	case f == nil:
		return ""
	}
	d := doubt{in: in, focus: f, known: map[string]*snapshot.Role{"": {}}, theirs: map[string]bool{}}
	for i := range in.Snapshot.Roles {
		d.known[in.Snapshot.Roles[i].Name] = &in.Snapshot.Roles[i]
	}
	for _, name := range f.Roles {
		d.theirs[name] = true
	}
	for _, look := range []func(){d.roles, d.others, d.memberships, d.databases, d.left, d.contents, d.door} {
		if look(); d.why != "" {
			break
		}
	}
	return d.why
}

// doubt looks for what is unusual.
type doubt struct {
	in     Input
	focus  *snapshot.Focus
	known  map[string]*snapshot.Role
	theirs map[string]bool
	why    string
}

func (d *doubt) say(format string, args ...any) {
	d.why = cmp.Or(d.why, fmt.Sprintf(format, args...))
}

// met says that a role is named in something that the plan looks at.
func (d *doubt) met(role string) {
	if d.known[role] == nil {
		d.say("role %s is met", role)
	}
}

// acl looks at the rights on an object. Before 16, what becomes of a grant
// that somebody else than the owner has made depends on who is in which role.
func (d *doubt) acl(owner string, acl pgsql.ACL) {
	d.met(owner)
	for _, it := range acl {
		d.met(it.Grantee)
		d.met(it.Grantor)
		if it.Grantor != owner && !d.in.Snapshot.Version.MembershipOptions() {
			d.say("%s has granted on what is %s's", it.Grantor, owner)
		}
	}
}

// roles doubts those of the tenants' that landlord has not made for them, and
// databases that are to be taken over.
func (d *doubt) roles() {
	marked := func(name string, fits func(isolation.Mark) bool) bool {
		m, ok := isolation.ParseMark(d.known[name].Comment)
		return ok && fits(m)
	}
	for _, t := range d.in.about() {
		for _, name := range d.focus.Roles {
			if d.known[name] != nil && !marked(name, d.fits) {
				d.say("role %s bears no mark of the tenant's", name)
			}
		}
		for _, p := range t.Places() {
			group := t.Group(p)
			made := d.known[group] != nil && marked(group, func(m isolation.Mark) bool { return m.Role == "group" && m.Database == p.Database })
			if !t.Alone(p) && !made && slices.ContainsFunc(d.in.Snapshot.Databases, func(x snapshot.Database) bool { return x.Name == p.Database }) {
				d.say("database %s has no group of landlord's", p.Database)
			}
		}
	}
}

// fits says whether a mark is that of a tenant at hand, who has no database that
// the spec does not name.
func (d *doubt) fits(m isolation.Mark) bool {
	about := d.in.about()
	i := slices.IndexFunc(about, func(t *tenant.Tenant) bool { return t.Name == m.Tenant })
	return i >= 0 && (m.Role != "identity" || !slices.ContainsFunc(m.Places(), func(p tenant.Place) bool {
		_, named := about[i].Place(p.Database)
		return !named
	}))
}

func (d *doubt) memberships() {
	for _, m := range d.in.Snapshot.Memberships {
		d.met(m.Role)
		d.met(m.Member)
		d.met(m.Grantor)
		grantor := d.known[m.Grantor]
		switch {
		case m.Member == d.in.Snapshot.Session.User:
			d.say("%s itself is in %s", m.Member, m.Role)
		case grantor != nil && !grantor.Superuser && !d.theirs[m.Role] && !slices.Contains(d.in.Server.Operators, m.Grantor):
			d.say("%s has put %s into %s", m.Grantor, m.Member, m.Role)
		}
	}
}

// databases doubts those that are no tenant's in the spec, and stand open: they
// may be the house of a tenant that the spec does not name.
func (d *doubt) databases() {
	wanted, others := map[string]bool{"postgres": true, "template1": true}, map[string]bool{"template0": true}
	for i := range d.in.Tenants {
		t, whose := &d.in.Tenants[i], others
		if slices.Contains(d.in.Only, t.Name) {
			whose = wanted
		}
		whose[t.Home.Database] = true
		for _, p := range t.Further {
			whose[p.Database] = true
		}
	}
	for i := range d.in.Gone {
		for p := range d.in.Gone[i].EachPlace {
			wanted[p.Database] = true
		}
	}
	for _, db := range d.in.Snapshot.Databases {
		acl := db.ACL.Or(pgsql.DatabaseObj, db.Owner, d.in.Snapshot.Version)
		if wanted[db.Name] {
			d.acl(db.Owner, acl)
			continue
		}
		bad := func(role string) bool { return d.theirs[role] || role == "" && !others[db.Name] }
		if bad(db.Owner) || slices.ContainsFunc(acl, func(it pgsql.ACLItem) bool { return bad(it.Grantee) || d.theirs[it.Grantor] }) {
			d.say("database %s, which is not theirs, is open", db.Name)
		}
	}
}

// left doubts that nobody stays, of whom is not known, in a shared database that a
// tenant leaves: only then the router leaves, too.
func (d *doubt) left() {
	for _, t := range d.in.Gone {
		routed := func(db snapshot.Database) bool {
			return db.Name == t.Home.Database && slices.ContainsFunc(db.ACL, func(it pgsql.ACLItem) bool { return it.Grantee == tenant.RouterRole })
		}
		stays := func(o tenant.Tenant) bool { return !o.Own() && o.Home.Database == t.Home.Database }
		group := d.known[t.Group(t.Home)]
		if !t.Own() && (group == nil || !group.Shelters) && slices.ContainsFunc(d.in.Snapshot.Databases, routed) && !slices.ContainsFunc(d.in.Tenants, stays) {
			d.say("somebody may stay in database %s", t.Home.Database)
		}
	}
}

func (d *doubt) contents() {
	for i := range d.in.Snapshot.Contents {
		if c := &d.in.Snapshot.Contents[i]; c.Error == "" {
			if c.SomeSchemas {
				d.shared(c)
			}
			d.inside(c)
		}
	}
}

// shared doubts a database in which others live too: what stands there in no
// tenant's house, and the doors to large objects and advisory locks, which are
// everybody's.
func (d *doubt) shared(c *snapshot.Contents) {
	for _, s := range c.Schemas {
		if !slices.Contains(d.focus.Shared[c.Database], s.Name) || s.Name == "public" || s.Name == tenant.PoolSchema && d.pooled(c) {
			d.house(c.Database, s.Name)
		}
	}
	for _, quoted := range c.Elsewhere {
		names, ok := pgsql.SplitIdents(quoted)
		if !ok || len(names) != 1 {
			d.say("they have something in database %s that stands in no schema", c.Database)
			continue
		}
		d.house(c.Database, names[0])
	}
	wanted := func(by func(*tenant.Tenant) bool) bool {
		for i := range d.in.Tenants {
			if t := &d.in.Tenants[i]; t.Home.Database == c.Database && by(t) {
				return true
			}
		}
		return false
	}
	large, advisory := wanted(func(t *tenant.Tenant) bool { return t.LargeObjects }), wanted(func(t *tenant.Tenant) bool { return t.AdvisoryLocks })
	if large && c.LargeShut || !large && c.LargeOpen || advisory && c.AdvisoryShut || !advisory && c.AdvisoryOpen {
		d.say("the functions for large objects or advisory locks in database %s", c.Database)
	}
}

// pooled says whether landlord's own schema is not the router's alone: then the
// pools of a database are every tenant's.
func (d *doubt) pooled(c *snapshot.Contents) bool {
	return !d.in.Server.Router.Lookup || slices.ContainsFunc(c.Routines, func(r snapshot.Routine) bool {
		return r.Schema == tenant.PoolSchema && r.Signature != isolation.LookupSignature
	})
}

// house doubts a schema that is no tenant's in the spec.
func (d *doubt) house(database, schema string) {
	if !slices.ContainsFunc(d.in.Tenants, func(t tenant.Tenant) bool {
		p, ok := t.Place(database)
		return ok && slices.Contains(p.Schemas, schema)
	}) {
		d.say("schema %s in database %s is no tenant's", schema, database)
	}
}

// inside looks at who is named in what was read of a database.
func (d *doubt) inside(c *snapshot.Contents) {
	for _, s := range c.Schemas {
		if !c.SomeSchemas || slices.Contains(d.focus.Shared[c.Database], s.Name) {
			d.acl(s.Owner, s.ACL)
		}
	}
	for _, r := range c.Relations {
		d.acl(r.Owner, r.ACL)
	}
	for _, r := range c.Columns {
		d.acl(r.Owner, r.ACL)
	}
	for _, r := range c.Routines {
		d.acl(r.Owner, r.ACL)
	}
	for _, t := range c.Types {
		d.acl(t.Owner, t.ACL)
	}
	for _, o := range c.Others {
		d.met(o.Owner)
	}
	for _, a := range c.DefaultACLs {
		d.acl(a.Creator, a.ACL)
	}
	for _, s := range c.Strays {
		d.met(s.Role)
		d.met(s.Grantor)
	}
	for _, w := range c.Widened {
		d.acl(w.Owner, w.ACL)
	}
	for _, g := range c.LargeObjects {
		d.met(g.Owner)
		d.met(g.Grantee)
		d.met(g.Grantor)
	}
	for _, e := range c.Extensions {
		d.met(e.Owner)
	}
}

// door doubts pg_hba.conf where it is not as it should be: whom a change keeps
// out is asked of all roles.
func (d *doubt) door() {
	if h := d.in.Snapshot.HBA; h == nil || h.Error != "" {
		return
	}
	change, err := HBA(d.in.Server, d.in.residents(), d.in.Snapshot)
	if change != nil || err != nil {
		d.say("pg_hba.conf")
	}
}
