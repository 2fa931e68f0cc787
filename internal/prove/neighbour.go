package prove

import (
	"slices"

	"landlord/internal/snapshot"
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
	// OtherServer is tried at its doors only: nothing of it is on this server.
	OtherServer Relation = "tenant with a server of its own"
)

func (r Relation) tenants() bool {
	return r == SameDatabase || r == OtherSchema || r == OtherDatabase
}

// Neighbour is what a tenant is tried against.
type Neighbour struct {
	Relation Relation
	Name     string
	Database string
	stand    *stand // nil for a database that is nobody's house, and for a tenant afar
	Afar     *Afar  // only for a tenant with a server of its own, elsewhere
}

// key tells neighbours apart.
func (n Neighbour) key() string { return n.Name + "\x00" + n.Database }

// relate says what b is to a.
func relate(a, b stand) Relation {
	switch {
	case a.At.Database == b.At.Database:
		return SameDatabase
	case !b.Alone(b.At):
		return OtherSchema
	}
	return OtherDatabase
}

// atHome says that a's tenant lives in b's database too, with another of its
// houses: from there b is tried, and it may well get in from here.
func atHome(a, b stand) bool {
	_, lives := a.Place(b.At.Database)
	return lives && a.At.Database != b.At.Database
}

// neighbours chooses a stand's neighbours: the next tenant of each kind in the
// list, so that each is also the neighbour of some other, the next further
// database, and those that are its to try. A suspended tenant is nobody's
// neighbour: it has no login that could show its row.
func neighbours(all []stand, at int, assigned map[int][]int, snap snapshot.Snapshot) []Neighbour {
	var out []Neighbour
	add := func(b *stand) {
		out = append(out, Neighbour{Relation: relate(all[at], *b), Name: b.Name, Database: b.At.Database, stand: b})
	}
	seen := map[Relation]bool{}
	further := len(assigned) == 0 || len(assigned[at]) > 0 // there is none, or its own are tried anyway
	for i := 1; i < len(all) && !(len(seen) == 3 && further); i++ {
		b := &all[(at+i)%len(all)]
		switch r := relate(all[at], *b); {
		case b.Suspended || b.Name == all[at].Name || atHome(all[at], *b):
		case b.further() && !further:
			further = true
			add(b)
		case !b.further() && !seen[r]:
			seen[r] = true
			add(b)
		}
	}
	for _, i := range assigned[at] {
		add(&all[i])
	}
	return append(out, nobodys(all, at, snap)...)
}

// nobodys lists postgres, template1 and one other database that is no
// tenant's, where they take connections.
func nobodys(all []stand, at int, snap snapshot.Snapshot) []Neighbour {
	var out, others []Neighbour
	for _, d := range snap.Databases {
		r := AnyOther
		switch d.Name {
		case "postgres":
			r = Postgres
		case "template1":
			r = Template1
		}
		if !d.AllowConn || slices.ContainsFunc(all, func(s stand) bool { return s.At.Database == d.Name }) {
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
