package plan

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// foundFurther lists the further databases that the catalog knows of, by
// tenant, without a look at all the rest that [Found] finds.
func foundFurther(snap snapshot.Snapshot) map[string][]tenant.Place {
	out := map[string][]tenant.Place{}
	for _, r := range snap.Roles {
		if !strings.Contains(r.Comment, `"group"`) && !strings.Contains(r.Comment, `"further"`) {
			continue
		}
		if m, ok := isolation.ParseMark(r.Comment); ok && m.Tenant != "" {
			out[m.Tenant] = append(out[m.Tenant], furtherIn(m)...)
		}
	}
	return out
}

// furtherIn lists the further databases that a mark tells of.
func furtherIn(m isolation.Mark) []tenant.Place {
	switch m.Role {
	case "group":
		return m.Places()
	case "identity":
		return m.Places()[1:]
	}
	return nil
}

// withFurther gives tenants the further databases that are on the server and
// that no tenant of the spec names.
func withFurther(tenants []tenant.Tenant, found map[string][]tenant.Place, snap snapshot.Snapshot) []tenant.Tenant {
	if len(found) == 0 {
		return tenants
	}
	named := places(tenants)
	tenants = slices.Clone(tenants)
	for i, t := range tenants {
		for _, p := range found[t.Name] {
			if !named[p.Database] && there(snap, p.Database) {
				tenants[i] = tenants[i].WithPlace(p)
			}
		}
	}
	return tenants
}

// places are the databases in which tenants live.
func places(tenants []tenant.Tenant) map[string]bool {
	named := map[string]bool{}
	for i := range tenants {
		for p := range tenants[i].EachPlace {
			named[p.Database] = true
		}
	}
	return named
}

func there(snap snapshot.Snapshot, database string) bool {
	return slices.ContainsFunc(snap.Databases, func(d snapshot.Database) bool { return d.Name == database })
}

// extraPlaces names, or with Prune drops, the further databases of tenants in
// the spec that the spec does not name.
func (b *builder) extraPlaces() {
	var named map[string]bool
	for i := range b.in.Tenants {
		want := &b.in.Tenants[i]
		have, ok := b.foundAs[want.Name]
		if !ok || !b.in.wants(want.Name) || len(have.Further) == 0 {
			continue
		}
		if named == nil {
			named = places(b.asked)
		}
		for _, p := range have.Further {
			switch {
			case named[p.Database]:
			case b.in.Prune:
				b.dropPlace(*want, have, p)
			case b.databases[p.Database] != nil:
				b.note(want.Name, fmt.Sprintf("database %s of tenant %s is on the server and not in the spec: left alone", p.Database, want.Name),
					"name it under the tenant's databases, or drop it with --prune")
			}
		}
	}
}

// dropPlace takes a further database away, and the group that it had.
func (b *builder) dropPlace(want, have tenant.Tenant, p tenant.Place) {
	u := unit{b: b, phase: Removal, group: "tenant " + want.Name, tenant: want.Name}
	u.dropDatabase(want, p)
	group := have.Group(p)
	if b.roles[group] == nil || slices.Contains(want.Roles(), group) {
		return
	}
	for _, database := range b.touched([]string{group}, p.Database) {
		u.in(database).takeOver("what the group of database "+p.Database+" has elsewhere goes with it", []string{group})
	}
	u.do(fmt.Sprintf("tenant %s has no database %s in the spec", want.Name, p.Database), Access, "DROP ROLE "+pgsql.Ident(group))
}

// dropDatabase drops a database that is a tenant's own.
func (u unit) dropDatabase(t tenant.Tenant, p tenant.Place) {
	if d := u.b.databases[p.Database]; d != nil {
		u.loses(&Loss{t.Name, fmt.Sprintf("database %s of tenant %s", p.Database, t.Name), d.Size}, true,
			"DROP DATABASE "+pgsql.Ident(p.Database)+" WITH (FORCE)")
	}
}
