package plan

import (
	"fmt"
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// foundPoolTwins are the second logins of pools, by the first's names.
func foundPoolTwins(snap snapshot.Snapshot) map[string]*tenant.Twin {
	var twins map[string]*tenant.Twin
	for _, r := range snap.Roles {
		if m, ok := isolation.ParseMark(r.Comment); ok && m.IsPool() && m.Of != "" {
			if twins == nil {
				twins = map[string]*tenant.Twin{}
			}
			w := foundTwin(m, r.Name, expiredRoles(snap))
			twins[m.Of] = &w
		}
	}
	return twins
}

// WithPoolTwins gives a server's pools the second logins that were found on it,
// which no spec knows of. A role that the spec names as a pool of its own is no
// second login any more.
func WithPoolTwins(s tenant.Server, snap snapshot.Snapshot) tenant.Server {
	twins := foundPoolTwins(snap)
	if len(twins) == 0 {
		return s
	}
	s.Pools = slices.Clone(s.Pools)
	for i, p := range s.Pools {
		if w := twins[p.Name]; w != nil {
			if _, taken := s.Pool(w.Name); !taken {
				s.Pools[i].Twin = w
			}
		}
	}
	return s
}

// keysLike are the memberships by which one of a pool's two logins may become
// tenants that the spec does not name, and that the other may become. What those
// in the spec give stands in their houses.
func (b *builder) keysLike(p isolation.Pool) []isolation.Membership {
	i := slices.IndexFunc(b.pools, func(o isolation.Pool) bool {
		return o.Role.Name != p.Role.Name && o.Name() == p.Name()
	})
	if i < 0 {
		return nil
	}
	var keys []isolation.Membership
	for _, m := range b.members[b.pools[i].Role.Name] {
		m.Member = p.Role.Name
		if want, ok := b.wantsPool(m); ok && b.owner[m.Role] != "" && !b.inSpec(b.owner[m.Role]) {
			keys = append(keys, want)
		}
	}
	return keys
}

// secondKeys is how many keys are given in one transaction: each is a lock.
const secondKeys = 100

// SecondLogin plans what makes a pool's second login, closed, with all that the
// first has, and nothing beside. The snapshot must have the pool's database.
func SecondLogin(in Input, name string) (Plan, error) {
	b := newBuilder(in)
	i := slices.IndexFunc(b.pools, func(p isolation.Pool) bool { return p.Name() == name && p.Role.Mark.Of != "" })
	if i < 0 {
		return Plan{}, fmt.Errorf("pool %s has no second login", name)
	}
	p := b.pools[i]
	d, c := b.databases[p.Pool.Database], b.contents[p.Pool.Database]
	if d == nil || c == nil || c.Error != "" || landlordsFunction(b.rooms(d.Name), isolation.BecomeSignature) == nil {
		return Plan{}, &RefusalError{fmt.Sprintf("pool %s is not as it should be in database %s", name, p.Pool.Database), "landlord apply puts it right"}
	}
	b.roleConflict("", p.Role, false)
	if len(b.clashes) > 0 {
		return Plan{}, &ConflictError{b.clashes}
	}
	u := unit{b: b, phase: Shared, group: "pool " + name}
	u.role(p.Role)
	u.join(p.Memberships)
	u.settings(p.Role)
	u.comesIn(p, d)
	b.secondKeys(p)
	return b.plan, nil
}

// comesIn gives a pool's login what it has of its own.
func (u unit) comesIn(p isolation.Pool, d *snapshot.Database) {
	in := u.b.rooms(d.Name)
	schema, become := in.schemas[tenant.PoolSchema], landlordsFunction(in, isolation.BecomeSignature)
	for _, g := range []struct {
		what, object, owner string
		privs               pgsql.Privs
	}{
		{"database " + d.Name, "DATABASE " + pgsql.Ident(d.Name), d.Owner, pgsql.Connect},
		{"landlord's schema", "SCHEMA " + pgsql.Ident(schema.Name), schema.Owner, pgsql.Usage},
		{"landlord's function", "FUNCTION " + pgsql.Ident(tenant.PoolSchema) + `."become"(pg_catalog.text)`, become.Owner, pgsql.Execute},
	} {
		u.in(d.Name).change(p.Role.Name+" comes to "+g.what, g.object, "", g.owner, []change{{grant: true, privs: g.privs, grantee: p.Role.Name}})
	}
}

// secondKeys gives a second login the keys that the first has.
func (b *builder) secondKeys(p isolation.Pool) {
	var keys []isolation.Membership
	for _, m := range b.members[p.Name()] {
		m.Member = p.Role.Name
		if want, ok := b.wantsPool(m); ok && !slices.Contains(p.Memberships, want) {
			keys = append(keys, want)
		}
	}
	for n := 0; len(keys) > 0; n++ {
		some := keys[:min(secondKeys, len(keys))]
		keys = keys[len(some):]
		u := unit{b: b, phase: Houses, group: fmt.Sprintf("keys %d of pool %s", n+1, p.Name())}
		u.join(some)
	}
}
