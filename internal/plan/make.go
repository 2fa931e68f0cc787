package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Input is all that a plan follows from.
type Input struct {
	Server  tenant.Server
	Tenants []tenant.Tenant // all of the server's, also where Only limits the plan
	// Elsewhere are the servers of the spec's other tenants, by their names.
	Elsewhere map[string]string
	Only      []string // plan for these tenants; empty: for all
	Prune     bool     // also drop what is in the catalog and not in the spec
	// Partial says that there is no spec, and that Tenants are those alone whom
	// Only names, as the server has them: the others are not known.
	Partial bool
	// Gone are those of Only that the spec does not name, as the server has them:
	// a plan that takes these away, and nobody else, need not see the others.
	Gone     []tenant.Tenant
	Snapshot snapshot.Snapshot
}

// Needs says which databases' contents a plan must see. It is what
// catalog.Options.Want wants.
func Needs(in Input, snap snapshot.Snapshot) []string {
	wanted := map[string]bool{}
	if snap.Session.Superuser {
		wanted["template1"] = true
		// Administrators get into this one, where before 15 everybody may leave
		// in schema public what a superuser's session would run.
		wanted["postgres"] = len(in.Server.Admins) > 0 && snap.Version.Major() < 15
	}
	want := func(t tenant.Tenant) {
		for _, p := range t.Places() {
			wanted[p.Database] = true
		}
	}
	tenants := in.Tenants
	if in.Prune {
		for _, t := range Found(in.Server.Name, snap) {
			want(t)
		}
	} else {
		tenants = withFurther(tenants, foundFurther(snap), snap)
	}
	for i := range tenants {
		if in.wants(tenants[i].Name) {
			want(tenants[i])
		}
	}
	var out []string
	for _, d := range snap.Databases {
		if wanted[d.Name] && d.AllowConn {
			out = append(out, d.Name)
		}
	}
	return out
}

// wants says whether the plan is about a tenant, or about the container that
// it shares with one.
func (in *Input) wants(tenant string) bool {
	return len(in.Only) == 0 || slices.Contains(in.Only, tenant)
}

// RefusalError says that nothing can be planned at all.
type RefusalError struct{ Reason, Next string }

func (e *RefusalError) Error() string { return e.Reason }

// Hint says what to do about it.
func (e *RefusalError) Hint() string { return e.Next }

// Conflict is something on the server that stands in a tenant's way and that
// landlord does not take over unasked.
type Conflict struct {
	Tenant string `json:"tenant,omitempty"`
	What   string `json:"what"`
	Next   string `json:"next"`
}

// ConflictError lists all conflicts; nothing is planned then.
type ConflictError struct{ Conflicts []Conflict }

func (e *ConflictError) Error() string {
	lines := make([]string, len(e.Conflicts))
	for i, c := range e.Conflicts {
		lines[i] = c.What + "; " + c.Next
	}
	return strings.Join(lines, "\n")
}

// Make plans. The errors are *RefusalError and *ConflictError.
func Make(in Input) (Plan, error) {
	if err := refuse(in.Snapshot); err != nil {
		return Plan{}, err
	}
	b := newBuilder(in)
	b.conflicts()
	if len(b.clashes) > 0 {
		return Plan{}, &ConflictError{b.clashes}
	}
	b.plan.Steps = slices.Grow(b.plan.Steps, b.expected())
	b.bridges()
	b.ground()
	for _, c := range b.containers {
		if b.concerns(c) {
			b.container(c)
		}
	}
	b.doors()
	for _, h := range b.houses {
		if b.in.wants(h.Tenant.Name) {
			b.build(h)
		}
	}
	b.openAdmins()
	b.openPools()
	b.openRouter()
	b.removals()
	b.plan.Gone = in.Gone
	if len(b.clashes) > 0 { // the door's
		return Plan{}, &ConflictError{b.clashes}
	}
	slices.SortStableFunc(b.plan.Steps, func(a, c Step) int { return int(a.Phase) - int(c.Phase) })
	return b.plan, nil
}

// newBuilder begins a plan: what is wanted is completed by what stays on the
// server.
func newBuilder(in Input) *builder {
	found := Found(in.Server.Name, in.Snapshot)
	asked := in.Tenants
	pools := FoundPools(in.Snapshot)
	in.Server = withPoolTwins(in.Server, pools)
	if in.Prune {
		in.Tenants = withTwins(in.Tenants, found)
	} else {
		in.Tenants = Complete(in.Tenants, found, in.Snapshot)
	}
	return &builder{index: newIndex(in, found, pools), in: in, asked: asked, plan: Plan{Server: in.Server.Name}, noted: map[Note]bool{}, lent: map[[2]string]bool{},
		made: map[string]bool{}, mended: map[string]bool{}}
}

// Unfit says why a server is one that landlord changes nothing of, with a
// *RefusalError.
func Unfit(s snapshot.Snapshot) error {
	switch {
	case s.Version.Major() < pgsql.OldestMajor:
		return &RefusalError{fmt.Sprintf("the server is PostgreSQL %s; landlord changes nothing before %d", s.Version, pgsql.OldestMajor),
			"upgrade the server: every major before 14 is past its end of life"}
	case s.Version.Major() > pgsql.NewestMajor:
		return &RefusalError{fmt.Sprintf("the server is PostgreSQL %s; this landlord knows majors up to %d", s.Version, pgsql.NewestMajor),
			"get a newer landlord: privileges it does not know of could stay open"}
	case s.Session.Standby:
		return &RefusalError{"the server is a standby and takes no changes", "connect to the primary"}
	}
	return nil
}

func refuse(s snapshot.Snapshot) error {
	if err := Unfit(s); err != nil {
		return err
	}
	if !s.Session.Superuser && !(s.Session.CreateRole && s.Session.CreateDB) {
		return &RefusalError{fmt.Sprintf("role %q has neither SUPERUSER nor CREATEROLE with CREATEDB", s.Session.User),
			"connect as a superuser (peer on the local socket), or as a role with CREATEROLE and CREATEDB"}
	}
	return nil
}

// expected is about how many steps there will be, so that a list of two hundred
// thousand is not moved eighteen times.
func (b *builder) expected() int {
	const perTenant = 20 // to make one, from nothing
	n := 0
	for _, h := range b.houses {
		if b.in.wants(h.Tenant.Name) && b.roles[h.Tenant.Identity()] == nil {
			n += perTenant
		}
	}
	return n
}

// concerns says whether a container is some wanted tenant's.
func (b *builder) concerns(c isolation.Container) bool {
	return slices.ContainsFunc(c.Tenants, func(t *tenant.Tenant) bool { return b.wanted[t.Name] })
}

// builder gathers the steps of a plan.
type builder struct {
	*index
	in      Input           // its tenants completed by what stays on the server
	asked   []tenant.Tenant // as the spec has them
	plan    Plan
	mended  map[string]bool // databases whose owner or ACL the plan puts right
	clashes []Conflict
	depends map[string][]string // databases by role, gathered when first asked for
	noted   map[Note]bool
	lent    map[[2]string]bool // owner of a house and member of it, until the house is right
	made    map[string]bool    // roles that a step before has made
}

// unit is a part of a plan under construction: steps of one group, in one
// database.
type unit struct {
	b        *builder
	phase    Phase
	group    string
	tenant   string
	database string
	as       string
	late     bool
	apart    bool
	lock     bool // a table whose owner changes is locked first
}

// do adds a step with at least one statement; with none it adds nothing.
func (u unit) do(why string, d Danger, sql ...string) {
	if len(sql) == 0 {
		return
	}
	l, ok := loan{}, true
	if u.as != "" && !u.keyed() {
		l, ok = u.b.borrow(u.as)
	}
	if !ok {
		u.b.cannot(u.tenant, fmt.Sprintf("%s, which is %s's to change", why, u.as), "have that role or a superuser run: "+strings.Join(sql, "; "))
		return
	}
	u.mine("to act as "+u.as, l.before)
	u.b.plan.Steps = append(u.b.plan.Steps, u.step(why, d, sql))
	u.mine("to be "+u.as+" no longer", l.after)
}

// mine adds a step of landlord's own.
func (u unit) mine(why string, sql []string) {
	if u.as = ""; len(sql) > 0 {
		u.b.plan.Steps = append(u.b.plan.Steps, u.step(why, Safe, sql))
	}
}

// keyed says whether landlord may become the unit's role by then: it has the
// key of each house that it builds.
func (u unit) keyed() bool {
	own := u.phase == Houses && u.b.owner[u.as] == u.tenant && u.b.owns[u.as]
	return own || u.b.memberWith(u.b.snap.Session.User, u.as, false, true)
}

// alone adds a step that cannot run in a transaction.
func (u unit) alone(why string, d Danger, sql ...string) {
	s := u.step(why, d, sql)
	s.Alone = true
	u.b.plan.Steps = append(u.b.plan.Steps, s)
}

func (u unit) step(why string, d Danger, sql []string) Step {
	return Step{Phase: u.phase, Group: u.group, Tenant: tenantsName(u.tenant), Database: u.database, As: u.as, SQL: sql, Why: why, Danger: d, Late: u.late, Apart: u.apart}
}

// in returns the unit with its steps in another database.
func (u unit) in(database string) unit {
	if database == u.b.maintenance() {
		database = ""
	}
	u.database = database
	return u
}

// where is the database that the unit works in.
func (u unit) where() string { return cmp.Or(u.database, u.b.maintenance()) }

// lately returns the unit with its steps marked Late.
func (u unit) lately() unit {
	u.late = true
	return u
}

// by returns the unit with its steps run as another role: as the owner of
// what they change, where landlord is no superuser.
func (u unit) by(role string) unit {
	u.as = ""
	if !u.b.superuser() && role != u.b.snap.Session.User && role != databaseOwner {
		u.as = role
	}
	return u
}

func (b *builder) cannot(tenant, what, next string) {
	b.once(Note{Cannot: true, Tenant: tenant, What: what, Next: next})
}

// stands notes a way into or out of a house that landlord does not close.
func (b *builder) stands(tenant, what, next string) {
	b.once(Note{Cannot: true, Open: true, Tenant: tenant, What: what, Next: next})
}

func (b *builder) once(n Note) {
	n.Tenant = tenantsName(n.Tenant)
	if !b.noted[n] {
		b.noted[n] = true
		b.plan.Notes = append(b.plan.Notes, n)
	}
}

func (b *builder) note(tenant, what, next string) {
	b.plan.Notes = append(b.plan.Notes, Note{Tenant: tenant, What: what, Next: next})
}

func (b *builder) superuser() bool        { return b.snap.Session.Superuser }
func (b *builder) version() pgsql.Version { return b.snap.Version }

// databaseOwner is the predefined role whose only member is, implicitly, the
// owner of the database that one is connected to (since 14).
const databaseOwner = "pg_database_owner"
