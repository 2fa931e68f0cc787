package prove

import (
	"slices"

	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Relation is what a neighbour is to a tenant.
type Relation string

// The relations. Each tenant is tried against at most one neighbour of each,
// so that the work grows with the number of tenants and no faster.
const (
	SameDatabase  Relation = "tenant in the same database"
	OtherSchema   Relation = "schema tenant in another database"
	OtherDatabase Relation = "database tenant"
	Postgres      Relation = "database postgres"
	Template1     Relation = "database template1"
	AnyOther      Relation = "any other database"
)

func (r Relation) tenants() bool {
	return r == SameDatabase || r == OtherSchema || r == OtherDatabase
}

// Neighbour is what a tenant is tried against.
type Neighbour struct {
	Relation Relation
	Name     string
	Database string
	Tenant   *tenant.Tenant // nil for a database that is nobody's house
}

// relate says what b is to a.
func relate(a, b tenant.Tenant) Relation {
	switch {
	case a.Home.Database == b.Home.Database:
		return SameDatabase
	case !b.Own():
		return OtherSchema
	}
	return OtherDatabase
}

// neighbours chooses a tenant's neighbours: the next of each kind in the list,
// so that each tenant is also the neighbour of some other. A suspended tenant
// is nobody's neighbour: it has no login that could show its row.
func neighbours(all []tenant.Tenant, at int, snap snapshot.Snapshot) []Neighbour {
	var out []Neighbour
	seen := map[Relation]bool{}
	for i := 1; i < len(all) && len(seen) < 3; i++ {
		b := &all[(at+i)%len(all)]
		if r := relate(all[at], *b); !seen[r] && !b.Suspended {
			seen[r] = true
			out = append(out, Neighbour{Relation: r, Name: b.Name, Database: b.Home.Database, Tenant: b})
		}
	}
	return append(out, nobodys(all, at, snap)...)
}

// nobodys lists postgres, template1 and one other database that is no
// tenant's, where they take connections.
func nobodys(all []tenant.Tenant, at int, snap snapshot.Snapshot) []Neighbour {
	var out, others []Neighbour
	for _, d := range snap.Databases {
		r := AnyOther
		switch d.Name {
		case "postgres":
			r = Postgres
		case "template1":
			r = Template1
		}
		if !d.AllowConn || slices.ContainsFunc(all, func(t tenant.Tenant) bool { return t.Home.Database == d.Name }) {
			continue
		}
		n := Neighbour{Relation: r, Name: d.Name, Database: d.Name}
		if r == AnyOther {
			others = append(others, n)
			continue
		}
		out = append(out, n)
	}
	if len(others) > 0 {
		out = append(out, others[at%len(others)])
	}
	return out
}
