package plan

import (
	"fmt"
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// WithPoolTwins gives a server's pools the second logins that were found on it,
// which no spec knows of. A role that the spec names as a pool of its own is no
// second login any more.
func WithPoolTwins(s tenant.Server, snap snapshot.Snapshot) tenant.Server {
	return withPoolTwins(s, FoundPools(snap))
}

func withPoolTwins(s tenant.Server, found []tenant.Pool) tenant.Server {
	s.Pools = slices.Clone(s.Pools)
	for _, have := range found {
		i := slices.IndexFunc(s.Pools, func(p tenant.Pool) bool { return p.Name == have.Name })
		if i < 0 || have.Twin == nil {
			continue
		}
		if _, taken := s.Pool(have.Twin.Name); !taken {
			s.Pools[i].Twin = have.Twin
		}
	}
	return s
}

// otherKeys are the memberships by which one of a pool's two logins may become the
// tenants that the other may become.
func (b *builder) otherKeys(p isolation.Pool) []isolation.Membership {
	var keys []isolation.Membership
	for _, m := range b.members[p.Other()] {
		m.Member = p.Role.Name
		if want, ok := b.wantsPool(m); ok && !slices.Contains(p.Memberships, want) {
			keys = append(keys, want)
		}
	}
	return keys
}

// leftKeys are those of them to tenants that the spec does not name. What those in
// the spec give stands in their houses.
func (b *builder) leftKeys(p isolation.Pool) []isolation.Membership {
	return slices.DeleteFunc(b.otherKeys(p), func(m isolation.Membership) bool { return b.inSpec(b.owner[m.Role]) })
}

// keysAtOnce is how many keys are given in one transaction: each is a lock.
const keysAtOnce = 100

// SecondLogin plans what makes a pool's second login, closed, with all that the
// first has, and nothing beside. The snapshot must have the pool's database.
func SecondLogin(in Input, name string) (Plan, error) {
	b := newBuilder(in)
	i := slices.IndexFunc(b.pools, func(p isolation.Pool) bool { return p.Name() == name && p.Second() })
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
	n := 0
	for keys := range slices.Chunk(b.otherKeys(p), keysAtOnce) {
		n++
		u := unit{b: b, phase: Houses, group: fmt.Sprintf("keys %d of pool %s", n, name)}
		u.join(keys)
	}
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
		{"landlord's function", isolation.BecomeFunction(), become.Owner, pgsql.Execute},
	} {
		u.in(d.Name).change(p.Role.Name+" comes to "+g.what, g.object, "", g.owner, []change{{grant: true, privs: g.privs, grantee: p.Role.Name}})
	}
}
