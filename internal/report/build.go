package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"landlord/internal/access"
	"landlord/internal/audit"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// Build makes the model from a server that is ready for questions, the
// audit's report on it, and the tenants that it has.
func Build(st *access.State, judged audit.Report, residents []audit.Resident) Model {
	snap := st.Snapshot()
	b := builder{st: st, residents: residents, cells: make([]map[int]Level, len(residents)), home: map[string]int{}}
	b.Name = judged.Name
	if snap.Version != 0 {
		b.Version = snap.Version.String()
	}
	if !snap.Taken.IsZero() {
		b.Taken = snap.Taken.UTC().Format(time.RFC3339)
	}
	b.addTenants()
	b.addDatabases(snap.Databases)
	b.addOwners(snap.Contents)
	b.addRoles(snap)
	b.addWays()
	b.fillCells()
	b.addFindings(judged)
	return b.Model
}

// builder is a model in the making.
type builder struct {
	Model
	st        *access.State
	residents []audit.Resident
	cells     []map[int]Level // by tenant and database
	home      map[string]int  // the tenant of a role
	houses    [][]int         // the databases of a tenant
}

func (b *builder) addTenants() {
	b.residents = slices.Clone(b.residents)
	slices.SortStableFunc(b.residents, func(x, y audit.Resident) int { return strings.Compare(x.Name, y.Name) })
	b.Tenants, b.houses = make([]Tenant, len(b.residents)), make([][]int, len(b.residents))
	for i, r := range b.residents {
		b.Tenants[i].Name = r.Name
		b.cells[i] = map[int]Level{}
		for _, role := range r.Roles {
			b.home[role] = i
		}
	}
}

// addDatabases lists those that somebody can connect to, and which tenant
// holds CONNECT there by more than PUBLIC's right.
func (b *builder) addDatabases(databases []snapshot.Database) {
	b.Databases = []Database{}
	living := map[string][]int{}
	for i, r := range b.residents {
		for _, d := range r.Databases {
			living[d] = append(living[d], i)
		}
	}
	for _, d := range databases {
		if !d.AllowConn {
			continue
		}
		at := len(b.Databases)
		public := mayConnect(d.ACL.Or(pgsql.DatabaseObj, d.Owner, b.st.Snapshot().Version))
		b.Databases = append(b.Databases, Database{Name: d.Name, Owner: d.Owner, Public: public, Tenants: len(living[d.Name])})
		for _, i := range living[d.Name] {
			b.raise(i, at, Own)
			b.houses[i] = append(b.houses[i], at)
		}
		if !public {
			b.addVisitors(d, at)
		}
	}
}

// addVisitors marks the tenants that hold CONNECT on a database.
func (b *builder) addVisitors(d snapshot.Database, at int) {
	o := access.Object{Kind: pgsql.DatabaseObj, Database: d.Name, Name: d.Name, Owner: d.Owner, ACL: d.ACL}
	for _, role := range b.st.Holding(o, pgsql.Connect) {
		r, _ := b.st.Role(role)
		if i, ok := b.home[role]; ok && r.Login {
			b.raise(i, at, Connect)
		}
	}
}

// addOwners gives a tenant the roles that own what is in its database, where
// they own nothing in anybody else's: whoever gets at their data gets at the
// tenant's. On a server set up by hand nothing else tells whose they are.
func (b *builder) addOwners(contents []snapshot.Contents) {
	house, shared := map[string]int{}, map[string]int{} // the one tenant of a database
	for i, r := range b.residents {
		for _, d := range r.Databases {
			house[d] = i
			if shared[d]++; shared[d] > 1 {
				house[d] = -1
			}
		}
	}
	owner := map[string]int{}
	for _, c := range contents {
		at, ok := house[c.Database]
		if !ok {
			at = -1
		}
		for name := range owners(c) {
			if old, known := owner[name]; known && old != at {
				owner[name] = -1
				continue
			}
			owner[name] = at
		}
	}
	for _, name := range slices.Sorted(maps.Keys(owner)) {
		i := owner[name]
		r, ok := b.st.Role(name)
		if _, taken := b.home[name]; ok && !taken && i >= 0 && !r.Superuser && !strings.HasPrefix(name, "pg_") {
			b.residents[i].Roles = append(slices.Clip(b.residents[i].Roles), name)
			b.home[name] = i
		}
	}
}

// owners are those of a database's schemas and relations.
func owners(c snapshot.Contents) map[string]bool {
	list := map[string]bool{}
	for _, s := range c.Schemas {
		list[s.Owner] = true
	}
	for _, r := range c.Relations {
		list[r.Owner] = true
	}
	return list
}

// mayConnect says whether an ACL lets PUBLIC connect.
func mayConnect(acl pgsql.ACL) bool {
	return slices.ContainsFunc(acl, func(it pgsql.ACLItem) bool { return it.Grantee == "" && it.Privs&pgsql.Connect != 0 })
}

// raise keeps the worst that is true of a tenant and a database.
func (b *builder) raise(tenant, database int, l Level) {
	b.cells[tenant][database] = max(b.cells[tenant][database], l)
}

// addRoles lists every tenant's roles, and of the others those that are
// superusers or that somebody is a member of.
func (b *builder) addRoles(snap snapshot.Snapshot) {
	tied := map[string]bool{}
	for _, m := range snap.Memberships {
		if !strings.HasPrefix(m.Member, "pg_") {
			tied[m.Role], tied[m.Member] = true, true
		}
	}
	at := map[string]int{}
	b.Roles, b.Members = []Role{}, [][3]int{}
	for _, r := range snap.Roles {
		tenant, ok := b.home[r.Name]
		if !ok {
			tenant = -1
		}
		if ok || r.Superuser || tied[r.Name] {
			at[r.Name] = len(b.Roles)
			b.Roles = append(b.Roles, Role{r.Name, tenant, r.Login, r.Superuser})
		}
	}
	for _, m := range snap.Memberships {
		member, ok := at[m.Member]
		role, known := at[m.Role]
		if ok && known {
			b.Members = append(b.Members, [3]int{member, role, bit(m.Admin)})
		}
	}
}

func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}

// addWays finds how one tenant gets at another.
func (b *builder) addWays() {
	at := map[string]int{}
	for i, r := range b.residents {
		at[r.Name] = i
	}
	b.Ways = []Way{}
	rank := map[int]int{}
	for _, c := range b.st.Crossings(audit.Homes(b.residents), access.Possible) {
		w := Way{From: at[c.From], To: -1, Goal: c.To, Certain: c.Path.Certainty == access.Certain, Login: c.Path.From, Reaches: c.Path.To, Steps: c.Path.Steps}
		if i, ok := at[c.To]; ok && len(c.Path.Steps) > 0 && !everywhere(c) {
			w.To = i
		}
		b.Certain += bit(w.Certain)
		b.Possible += 1 - bit(w.Certain)
		b.cross(w)
		w.rank = rank[w.From]
		rank[w.From]++
		b.Ways = append(b.Ways, w)
	}
	b.sortWays()
}

// sortWays puts the surest ways first, and of these those that reach everything.
// Each tenant's first comes before anybody's second, so that MaxWays leaves none
// out whole.
func (m *Model) sortWays() {
	slices.SortStableFunc(m.Ways, func(x, y Way) int {
		return cmp.Or(bit(y.Certain)-bit(x.Certain), bit(y.To < 0)-bit(x.To < 0), x.rank-y.rank)
	})
	m.Ways = m.Ways[:min(len(m.Ways), MaxWays)]
}

// everywhere says whether a way ends in a superuser's powers or everybody's
// data, and not with a tenant that is called so.
func everywhere(c access.Crossing) bool {
	return c.To == access.Superuser && c.Path.To == access.Superuser || c.To == access.Everybody
}

// cross marks the databases that a way leads to.
func (b *builder) cross(w Way) {
	level := Possible
	if w.Certain {
		level = Certain
	}
	if w.To < 0 {
		b.Tenants[w.From].All = max(b.Tenants[w.From].All, level)
		return
	}
	for _, d := range b.houses[w.To] {
		b.raise(w.From, d, level)
	}
}

func (b *builder) fillCells() {
	for i := range b.Tenants {
		b.Tenants[i].Cells = [][2]int{}
		for d := range b.Databases {
			if l := b.cells[i][d]; l != Apart {
				b.Tenants[i].Cells = append(b.Tenants[i].Cells, [2]int{d, int(l)})
			}
		}
	}
}

func (b *builder) addFindings(r audit.Report) {
	b.Findings, b.Unknown = []Finding{}, []NotKnown{}
	for _, f := range r.Findings {
		where := f.Where()
		if f.Place != nil {
			where += " (" + f.Place.String() + ")"
		}
		b.Findings = append(b.Findings, Finding{f.Severity, f.Code, f.ID(), f.Title, where, f.What, f.Why, f.Fix, f.Breaks, f.CIS})
	}
	for _, n := range r.NotKnown {
		what := n.What
		if len(n.Databases) > 0 {
			what += " (database " + strings.Join(n.Databases, ", ") + ")"
		}
		b.Unknown = append(b.Unknown, NotKnown{what, n.Reason, n.Ask})
	}
}
