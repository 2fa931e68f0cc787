package audit

import (
	"slices"
	"strings"

	"landlord/internal/access"
	"landlord/internal/hba"
	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// facts is the input with the indexes that the rules look things up in.
type facts struct {
	Input
	roles   map[string]*snapshot.Role
	marks   map[string]isolation.Mark // of roles that landlord made
	above   map[string][]snapshot.Membership
	below   map[string][]snapshot.Membership
	houses  []*house
	tenants []resident
	home    map[string]string // the tenant that a role belongs to
	// housesOf are a tenant's databases, and tenantDatabase says of a database
	// that it is some tenant's.
	housesOf       map[string][]string
	tenantDatabase map[string]bool
	live           []*hba.Rule // rules of pg_hba.conf that can match
	state          *access.State
	crossings      map[access.Certainty][]access.Crossing
	databases      map[string]*snapshot.Database
	dwellers       map[string][]int // by database, places in tenants
	unread         unread
}

// house is a database whose inside is to be judged, known or not.
type house struct {
	name string
	*snapshot.Contents
	schemas map[string]*snapshot.Schema
	// defaults are its default privileges by who creates.
	defaults map[string][]*snapshot.DefaultACL
	rels     map[[2]string]*snapshot.Relation // see rel
}

// rel finds a relation, or nil.
func (h *house) rel(schema, name string) *snapshot.Relation {
	if h.rels == nil { // few rules ask
		h.rels = make(map[[2]string]*snapshot.Relation, len(h.Relations))
		for i, r := range h.Relations {
			h.rels[[2]string{r.Schema, r.Name}] = &h.Relations[i]
		}
	}
	return h.rels[[2]string{schema, name}]
}

// resident is a tenant as far as it can be told: its roles, and the
// databases and schemas that are its own.
type resident struct {
	name      string
	roles     []string
	databases []string
	// schemas are its own, as pairs of database and schema.
	schemas [][2]string
}

func look(in Input) *facts {
	f := &facts{
		Input: in, roles: map[string]*snapshot.Role{}, marks: map[string]isolation.Mark{}, home: map[string]string{},
		crossings: map[access.Certainty][]access.Crossing{},
		housesOf:  map[string][]string{}, tenantDatabase: map[string]bool{},
		above: map[string][]snapshot.Membership{}, below: map[string][]snapshot.Membership{},
		databases: map[string]*snapshot.Database{}, dwellers: map[string][]int{},
	}
	for i, d := range in.Snapshot.Databases {
		f.databases[d.Name] = &in.Snapshot.Databases[i]
	}
	f.unread = whyUnread(in.Snapshot)
	for i, r := range in.Snapshot.Roles {
		f.roles[r.Name] = &in.Snapshot.Roles[i]
		if m, ok := isolation.ParseMark(r.Comment); ok {
			f.marks[r.Name] = m
		}
	}
	for _, m := range in.Snapshot.Memberships {
		f.above[m.Member] = append(f.above[m.Member], m)
		f.below[m.Role] = append(f.below[m.Role], m)
	}
	if in.HBA != nil {
		f.live = live(in.HBA)
	}
	f.lookInside()
	f.findTenants()
	return f
}

// lookInside lists the databases that somebody can connect to, and what is
// known of each.
func (f *facts) lookInside() {
	known := map[string]*snapshot.Contents{}
	for i, c := range f.Snapshot.Contents {
		known[c.Database] = &f.Snapshot.Contents[i]
	}
	add := func(name string) {
		h := &house{name: name, Contents: known[name], schemas: map[string]*snapshot.Schema{}, defaults: map[string][]*snapshot.DefaultACL{}}
		if h.Contents == nil {
			h.Contents = &snapshot.Contents{Database: name}
		}
		for i, s := range h.Schemas {
			h.schemas[s.Name] = &h.Schemas[i]
		}
		for i, d := range h.DefaultACLs {
			h.defaults[d.Creator] = append(h.defaults[d.Creator], &h.DefaultACLs[i])
		}
		f.houses = append(f.houses, h)
		delete(known, name)
	}
	for _, d := range f.Snapshot.Databases {
		if d.AllowConn {
			add(d.Name)
		}
	}
	for _, c := range f.Snapshot.Contents { // a text may show what is in a database and not that it is there
		if known[c.Database] != nil {
			add(c.Database)
		}
	}
}

// findTenants says which roles belong together, by the first that knows: the
// spec, landlord's marks, or who was given which database.
func (f *facts) findTenants() {
	switch {
	case len(f.Input.Tenants) > 0:
		for _, t := range f.Input.Tenants {
			r := resident{name: t.Name, roles: t.Roles()}
			for _, at := range t.Places() {
				r.add(at.Database, at.Schemas)
			}
			f.tenants = append(f.tenants, r)
		}
		f.markedPlaces()
	default:
		f.markedTenants()
		f.guessedTenants()
	}
	for i, t := range f.tenants {
		for _, r := range t.roles {
			f.home[r] = t.name
		}
		f.housesOf[t.name] = t.databases
		for _, db := range t.databases {
			f.tenantDatabase[db] = true
			f.dwellers[db] = append(f.dwellers[db], i)
		}
	}
}

func (f *facts) markedTenants() {
	at := map[string]int{}
	for _, r := range f.Snapshot.Roles {
		m, ok := f.marks[r.Name]
		if !ok || m.Tenant == "" {
			continue
		}
		i, ok := at[m.Tenant]
		if !ok {
			i = len(f.tenants)
			at[m.Tenant] = i
			f.tenants = append(f.tenants, resident{name: m.Tenant})
		}
		f.tenants[i].roles = append(f.tenants[i].roles, r.Name)
	}
	f.markedPlaces()
}

// markedPlaces adds the roles and the databases that marks say are tenants': the
// spec need not name all of them, and knows nothing of second logins.
func (f *facts) markedPlaces() {
	at := map[string]*resident{}
	for i := range f.tenants {
		at[f.tenants[i].name] = &f.tenants[i]
	}
	for _, r := range f.Snapshot.Roles {
		m := f.marks[r.Name]
		t := at[m.Tenant]
		if t == nil {
			continue
		}
		if !slices.Contains(t.roles, r.Name) {
			t.roles = append(t.roles, r.Name)
		}
		if m.Role != "identity" && m.Role != "group" {
			continue
		}
		for _, p := range m.Places() {
			if !slices.Contains(t.databases, p.Database) {
				t.add(p.Database, p.Schemas)
			}
		}
	}
}

// add notes where a tenant has something.
func (r *resident) add(database string, schemas []string) {
	if !slices.Contains(r.databases, database) {
		r.databases = append(r.databases, database)
	}
	for _, s := range schemas {
		r.schemas = append(r.schemas, [2]string{database, s})
	}
}

// guessedTenants takes a login for a tenant of a database when it has the
// database's name, owns it, or is named in its ACL, and is neither an
// administrator nor at home in several. Of several, the one that has its name
// is its home: in the others it is a guest.
func (f *facts) guessedTenants() {
	taken := map[string]bool{}
	for _, t := range f.tenants {
		for _, db := range t.databases {
			taken[db] = true
		}
	}
	in := map[string][]string{}
	for _, d := range f.Snapshot.Databases {
		if maintenance(d.Name) || d.Template || taken[d.Name] {
			continue
		}
		for name := range named(d) {
			if _, marked := f.marks[name]; !marked && (f.ordinary(name) || name == d.Name && f.namesake(name)) && f.login(name) {
				in[name] = append(in[name], d.Name)
			}
		}
	}
	at := map[string]int{}
	for _, r := range f.Snapshot.Roles {
		named := slices.Contains(in[r.Name], r.Name)
		if len(in[r.Name]) != 1 && !named {
			continue
		}
		db := in[r.Name][0]
		if named {
			db = r.Name
		}
		if i, ok := at[db]; ok {
			f.tenants[i].roles = append(f.tenants[i].roles, r.Name)
			continue
		}
		at[db] = len(f.tenants)
		f.tenants = append(f.tenants, resident{name: db, roles: []string{r.Name}, databases: []string{db}})
	}
}

// named are the roles that a database's name, owner or ACL names.
func named(d snapshot.Database) map[string]bool {
	names := map[string]bool{d.Name: true, d.Owner: true}
	for _, it := range d.ACL {
		names[it.Grantee] = true
	}
	return names
}

// maintenance says whether a database is one that initdb makes.
func maintenance(name string) bool {
	return name == "postgres" || name == "template0" || name == "template1"
}

// ordinary says whether a role is neither the server's own nor one that
// administers it.
func (f *facts) ordinary(name string) bool {
	r := f.roles[name]
	return r != nil && !r.Superuser && !r.CreateRole && !r.CreateDB && !r.Replicate && !strings.HasPrefix(name, "pg_") && !f.operator(name)
}

// namesake says whether a role with the name of a database may be a customer's,
// though it has more than a customer's program needs.
func (f *facts) namesake(name string) bool {
	r := f.roles[name]
	return r != nil && !r.CreateRole && !f.operator(name) && !strings.HasPrefix(name, "pg_")
}

// operator says whether the spec names the role among those that work for
// the server.
func (f *facts) operator(name string) bool { return slices.Contains(f.Operators, name) }

// login returns the role if it may log in and is no superuser.
func (f *facts) login(name string) bool {
	r := f.roles[name]
	return r != nil && r.Login && !r.Superuser
}

// migrator says whether landlord made the role to become the owner at login.
func (f *facts) migrator(name string) bool { return f.marks[name].Role == string(tenant.Migrator) }

// version is the server's, or the newest where it is not known.
func (f *facts) version() pgsql.Version {
	if f.Snapshot.Version == 0 {
		return pgsql.NewestMajor * 10000
	}
	return f.Snapshot.Version
}

// before says whether the server is certainly older than a major.
func (f *facts) before(major int) bool {
	return f.Snapshot.Version != 0 && f.Snapshot.Version.Major() < major
}

// reach lists the roles that a role is a member of by edges that pass, itself
// not among them, each once, the nearest first.
func (f *facts) reach(from string, pass func(snapshot.Membership) bool) []string {
	seen := map[string]bool{from: true}
	var list []string
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, m := range f.above[queue[0]] {
			if pass(m) && !seen[m.Role] {
				seen[m.Role] = true
				list = append(list, m.Role)
				queue = append(queue, m.Role)
			}
		}
	}
	return list
}

// usable passes memberships that give something: inherited, or by SET ROLE.
func usable(m snapshot.Membership) bool { return m.Inherit || m.Set }

// settable passes memberships through which one can become the role.
func settable(m snapshot.Membership) bool { return m.Set }

// shared says whether a database's tenants are several.
func (f *facts) shared(database string) bool { return len(f.dwellers[database]) > 1 }

// sql is a fix in any database.
func sql(text string) Fix { return Fix{Text: text} }

// in is a fix in one database.
func in(database, text string) Fix { return Fix{In: "database " + database, Text: text} }

func ident(name string) string { return pgsql.Ident(name) }

// grantee writes a grantee as GRANT does.
func grantee(name string) string {
	if name == "" {
		return "PUBLIC"
	}
	return pgsql.Ident(name)
}

const mostNames = 5 // of many, where a sentence names some

// some joins names, the first few of many.
func some(names []string) string {
	if len(names) <= mostNames {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:mostNames], ", ") + ", …"
}
