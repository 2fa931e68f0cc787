package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// FoundPools lists the pools that the catalog knows, with whatever limits they
// have there, sorted by name.
func FoundPools(snap snapshot.Snapshot) []tenant.Pool {
	found := map[string]tenant.Pool{}
	for _, r := range snap.Roles {
		m, ok := isolation.ParseMark(r.Comment)
		if !ok || !m.IsPool() {
			continue
		}
		name := cmp.Or(m.Of, r.Name)
		p, there := found[name]
		twin := p.Twin
		if m.Of != "" {
			w := foundTwin(m, r.Name, expiredRoles(snap))
			twin = &w
		}
		if m.Of == "" || !there { // the second tells of it where somebody has dropped the first
			p = foundPool(snap, r, name, m.Database)
		}
		p.Twin = twin
		found[name] = p
	}
	return slices.SortedFunc(maps.Values(found), func(a, b tenant.Pool) int { return strings.Compare(a.Name, b.Name) })
}

// foundPool is a pool as one of its logins tells of it.
func foundPool(snap snapshot.Snapshot, r snapshot.Role, name, database string) tenant.Pool {
	p := tenant.Pool{Name: name, Database: database}
	p.Limits.Connections = max(r.ConnLimit, 0)
	for _, s := range snap.Settings {
		if s.Role == r.Name && s.Database == "" {
			foundLimit(&p.Limits, tenant.Setting{Name: s.Name, Value: s.Value})
		}
	}
	return p
}

// pooled stands in place of a tenant's name for who owns a pool's login, so
// that whatever keeps tenants out keeps it out too. No tenant has such a name.
const pooled = "pool "

// tenantsName is a tenant's name, or "" for a pool.
func tenantsName(name string) string {
	if strings.HasPrefix(name, pooled) {
		return ""
	}
	return name
}

func (x *index) indexPools(in Input) {
	for _, p := range in.Server.Pools {
		x.pools = append(x.pools, isolation.BuildPools(p)...)
	}
	for _, p := range x.foundPools {
		if _, inSpec := in.Server.Pool(p.Name); inSpec {
			continue
		}
		if in.Prune && len(in.Only) == 0 {
			x.ownPool(in, p)
		} else {
			x.leftPools = append(x.leftPools, isolation.BuildPools(p)...)
		}
	}
	for _, p := range in.Server.Pools {
		x.ownPool(in, p)
	}
	x.leftPools = append(x.leftPools, probingPools(in.Snapshot)...)
}

// probingPools are the short-lived logins by which landlord prove stands in for
// a pool.
func probingPools(snap snapshot.Snapshot) []isolation.Pool {
	var out []isolation.Pool
	for _, r := range snap.Roles {
		if m, ok := isolation.ParseMark(r.Comment); ok && m.Role == "probe" && m.Of != "" && m.Database != "" {
			out = append(out, isolation.BuildPool(tenant.Pool{Name: r.Name, Database: m.Database}))
		}
	}
	return out
}

// ownPool notes a pool's login as one that is kept out of all that is not its
// own, where the plan is about some tenant that it may become.
func (x *index) ownPool(in Input, p tenant.Pool) {
	whose := pooled + p.Name
	for _, login := range p.LoginRoles() {
		x.owner[login] = whose
	}
	x.lives[lodger{whose, p.Database}] = true
	x.wanted[whose] = len(in.Only) == 0 || slices.ContainsFunc(in.Tenants, func(t tenant.Tenant) bool { return t.Home.Database == p.Database && in.wants(t.Name) })
}

// withPools adds the memberships by which pools become the house's tenant.
func (x *index) withPools(h isolation.House) isolation.House {
	for _, p := range x.pools {
		if key, ok := p.Key(h.Tenant); ok {
			h.Memberships = append(h.Memberships, key)
		}
	}
	return h
}

// poolsIn are the pools of a database, those that are not in the spec and left
// alone with them.
func (x *index) poolsIn(database string) []isolation.Pool {
	var out []isolation.Pool
	for _, p := range slices.Concat(x.pools, x.leftPools) {
		if p.Pool.Database == database {
			out = append(out, p)
		}
	}
	return out
}

// wantsPool returns what the spec says of a pool's membership. What a tenant
// that is not in the spec has given stays with it.
func (b *builder) wantsPool(m snapshot.Membership) (isolation.Membership, bool) {
	i := slices.IndexFunc(b.pools, func(p isolation.Pool) bool { return p.Role.Name == m.Member })
	if i < 0 {
		return isolation.Membership{}, false
	}
	whose := b.owner[m.Role]
	t, left := b.foundAs[whose]
	if h := b.builtFor(whose); h != nil {
		t, left = h.Tenant, true
	}
	if left {
		key, ok := b.pools[i].Key(t)
		return key, ok && key.Role == m.Role
	}
	for _, want := range b.pools[i].Memberships {
		if want.Role == m.Role {
			return want, true
		}
	}
	return isolation.Membership{}, false
}

// leftPool says whether a role is the login of a pool that the spec does not
// name, and that is left alone.
func (b *builder) leftPool(role string) bool {
	return slices.ContainsFunc(b.leftPools, func(p isolation.Pool) bool { return p.Role.Name == role })
}

// suspended says whether a role is that of a suspended tenant, whom not even a
// pool that is left alone may become.
func (b *builder) suspended(role string) bool {
	h := b.houseOf[b.owner[role]]
	return h != nil && h.Tenant.Suspended
}

// poolLogins makes or mends the logins of a shared database's pools. They are
// let in when the walls stand.
func (u unit) poolLogins(database string) {
	for _, p := range u.b.pools {
		if p.Pool.Database != database {
			continue
		}
		u.role(p.Role)
		u.join(p.Memberships)
		u.join(u.b.leftKeys(p))
		if u.b.admin(p.Role.Name) {
			u.settings(p.Role)
		}
		u.b.hash("", p.Role.Name, "landlord credentials --pool "+p.Name()+" --rotate")
	}
}

// manyPooled is how many tenants a pool may have before 17. There the server
// gathers the roles that one may become in a time that is quadratic in their
// number, for each session, and anew when any membership has changed
// (roles_is_member_of in PostgreSQL's acl.c; docs/performance.md).
const manyPooled = 2000

// openPools lets the logins of pools in, and says of which there is nothing to
// become yet.
func (b *builder) openPools() {
	for _, p := range b.pools {
		i := slices.IndexFunc(b.containers, func(c isolation.Container) bool { return c.Database == p.Pool.Database && c.Shared })
		switch {
		case i < 0 && p.Second():
		case i < 0 && len(b.in.Only) == 0:
			b.note("", fmt.Sprintf("pool %s has no tenant to become: none with isolation: schema stands in database %s", p.Role.Name, p.Pool.Database),
				"it is made with the first one; look whether database is written as you mean it")
		case i >= 0 && b.concerns(b.containers[i]):
			if n := len(b.containers[i].Tenants); n > manyPooled && b.version().Major() < 17 && !p.Second() {
				b.note("", fmt.Sprintf("pool %s may become %d tenants: before PostgreSQL 17, connecting with it takes seconds, and so does its first call after a tenant was added or removed", p.Role.Name, n),
					"put the tenants into several shared databases with a pool each, or upgrade")
			}
			u := unit{b: b, phase: Houses, group: "pool " + p.Name()}
			u.open([]isolation.Role{p.Role})
		}
	}
}

// ownSchema makes or mends, in a container, landlord's own schema, with the
// functions by which pools become a tenant and the router looks up verifiers.
func (u unit) ownSchema(owner string, c isolation.Container, in *inside) {
	pools := u.b.poolsIn(c.Database)
	if !c.Shared {
		pools = nil
	}
	schema, there := in.schemas[tenant.PoolSchema]
	object := "SCHEMA " + pgsql.Ident(tenant.PoolSchema)
	by := u.by(owner)
	if len(pools) == 0 && !u.b.looksUp() {
		if there && u.landlords(in, schema.Name) && landlordsFunction(in, isolation.LookupSignature) != nil {
			u.lookup(in)
			if landlordsFunction(in, isolation.BecomeSignature) == nil {
				by.do("nobody needs landlord's own schema", Access, "DROP "+object+" RESTRICT")
			}
		}
		return
	}
	if !there {
		by.do("landlord's own functions stand in a schema of landlord's own", Safe, "CREATE "+object)
		schema = snapshot.Schema{Name: tenant.PoolSchema, Owner: owner}
	}
	acl, ok := u.own("schema "+schema.Name, object, owner, schema.Owner, schema.ACL)
	if !ok {
		return
	}
	grants := isolation.PoolGrants(pools, pgsql.Usage)
	if u.b.looksUp() {
		grants = append(grants, isolation.Grant{Grantee: tenant.RouterRole, Privs: pgsql.Usage})
	}
	u.setACL("who may use landlord's schema", object, pgsql.SchemaKind, owner, acl, grants)
	u.strangersIn(in)
	if len(pools) > 0 {
		by.become(owner, pools, in)
	}
	u.lookup(in)
}

// strangersIn names what stands in landlord's own schema and is not landlord's.
func (u unit) strangersIn(in *inside) {
	for o := range in.objects(tenant.PoolSchema) {
		if o.name != isolation.BecomeSignature && o.name != isolation.LookupSignature {
			u.b.cannot("", fmt.Sprintf("%s in database %s stands in the schema of landlord's own functions", o.name, in.database), "drop it")
		}
	}
}

// become makes or mends the function.
func (u unit) become(owner string, pools []isolation.Pool, in *inside) {
	name, grants := isolation.BecomeFunction(), isolation.PoolGrants(pools, pgsql.Execute)
	have := landlordsFunction(in, isolation.BecomeSignature)
	if have != nil && have.Owner == owner && have.Form == isolation.BecomeForm() {
		u.setACL("who may call landlord's function", name, pgsql.Routine, owner, have.ACL, grants)
		return
	}
	sql := []string{isolation.Become(), "REVOKE ALL ON " + name + " FROM PUBLIC"}
	why, d := "function "+isolation.BecomeSignature+" is missing", Safe
	if have != nil {
		why, d, sql = "function "+isolation.BecomeSignature+" is not what landlord has made", Access, append([]string{"DROP " + name}, sql...)
	}
	for _, g := range grants {
		sql = append(sql, change{grant: true, privs: g.Privs, grantee: g.Grantee}.sql(name))
	}
	u.do(why, d, sql...)
}

// landlords says whether a schema is the one in which that function stands, or
// stood.
func (u unit) landlords(c *inside, schema string) bool {
	if schema != tenant.PoolSchema {
		return false
	}
	return len(u.b.poolsIn(c.database)) > 0 || u.b.looksUp() || slices.ContainsFunc(c.routines[schema], func(r snapshot.Routine) bool {
		return r.Form == isolation.BecomeForm() || r.Form == isolation.LookupForm()
	})
}

// leavePools takes a tenant that is removed from the pools that may become it,
// and ends the transactions in which one of them may be it.
func (u unit) leavePools(t tenant.Tenant) {
	for _, m := range u.b.snap.Memberships {
		if u.b.isPool(m.Member) && slices.Contains(t.Roles(), m.Role) {
			u.endMembership(fmt.Sprintf("%s must not become tenant %s any more", m.Member, t.Name), m, u.b.revokeRole(m, ""))
			u.endTransactions(m.Member)
		}
	}
}

// isPool says whether a role is marked as a pool's login.
func (b *builder) isPool(role string) bool {
	r := b.roles[role]
	if r == nil {
		return false
	}
	m, ok := isolation.ParseMark(r.Comment)
	return ok && m.IsPool()
}

// extraPools names, or with Prune drops, the pools that the spec does not name.
func (b *builder) extraPools() {
	if len(b.in.Only) > 0 {
		return
	}
	for _, p := range b.foundPools {
		if _, inSpec := b.in.Server.Pool(p.Name); inSpec {
			continue
		}
		if b.in.Prune {
			b.dropPool(p)
			continue
		}
		b.note("", fmt.Sprintf("pool %s is on the server and not in the spec: left alone", p.Name), "add it to the server's pools in the spec, or drop it with --prune")
	}
}

// dropPool takes a pool away: its door, its sessions, what it holds, the role.
func (b *builder) dropPool(p tenant.Pool) {
	u := unit{b: b, phase: Removal, group: "pool " + p.Name}
	roles := slices.DeleteFunc(p.LoginRoles(), func(name string) bool { return b.roles[name] == nil })
	u.shut("pool "+p.Name+" is not in the spec: its door is shut first", roles)
	for _, database := range b.accepting(append(b.touched(roles), p.Database)) {
		u.in(database).takeOver("what pool "+p.Name+" owns is taken over, not dropped", roles)
	}
	u.dropRoles("pool "+p.Name+" has nothing left", roles)
}

// prunePoolSchema drops landlord's own schema where no pool needs it.
func (u unit) prunePoolSchema(owner string, in *inside) {
	if !u.landlords(in, tenant.PoolSchema) || len(u.b.poolsIn(in.database)) > 0 {
		return
	}
	if landlordsFunction(in, isolation.BecomeSignature) == nil {
		return
	}
	sql := []string{"DROP " + isolation.BecomeFunction()}
	if !u.b.looksUp() {
		sql = append(sql, "DROP SCHEMA "+pgsql.Ident(tenant.PoolSchema)+" RESTRICT")
	}
	u.by(owner).do("no pool needs landlord's function any more", Access, sql...)
}
