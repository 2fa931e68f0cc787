package prove

import (
	"context"
	"slices"

	"landlord/internal/tenant"
)

// Scope says against what a probe is tried.
type Scope int

// The scopes of probes.
const (
	// Own probes need no neighbour.
	Own Scope = iota
	// Neighbours probes are tried against another tenant, wherever it lives.
	Neighbours
	// Housemates probes are tried against a tenant in the same database.
	Housemates
	// Elsewhere probes are tried against a tenant in another database.
	Elsewhere
	// Outside probes are tried against databases that are nobody's house.
	Outside
	// Foreign probes are tried against every other database, a tenant's or not.
	Foreign
	// Afield probes are tried against a tenant with a server of its own.
	Afield
	// Administrators probes are tried as the server's administrators.
	Administrators
	// Pooled probes are tried as a pool, PooledHousemates against another
	// tenant that it may become.
	Pooled
	PooledHousemates
)

// Probe is one attempt.
type Probe struct {
	// Name is the attempt's name, unique and stable.
	Name string
	// What says in a few words what is attempted.
	What  string
	Scope Scope
	// Expect is the verdict where everything is as it should be: Held,
	// Exposed or Works. For an exposure, Closes says what would close it, and
	// Consequence what a person should know.
	Expect      Verdict
	Closes      Closes
	Consequence string
	// Kinds are the logins that it makes sense for; nil: all.
	Kinds []tenant.Kind
	// Relation limits Outside probes to one database.
	Relation Relation
	// Since is the first major version that has what is attempted; 0: all.
	Since int

	Run func(context.Context, *Attempt) Result

	// Access and Admin are of the scope Administrators, in place of Kinds and
	// Run.
	Access []tenant.DataAccess
	Admin  func(context.Context, *adminAttempt) Result
}

// Result is what a probe found.
type Result struct {
	Verdict Verdict
	State   string // SQLSTATE
	Detail  string
}

// Models lists the isolation models in which the attempt makes sense.
func (p Probe) Models() []tenant.Model {
	if p.Scope == Housemates || p.Scope == Pooled || p.Scope == PooledHousemates {
		return []tenant.Model{tenant.Schema}
	}
	return tenant.Models()
}

// fits says whether a probe is for a login's kind and a relation.
func (p Probe) fits(k tenant.Kind, r Relation) bool {
	if p.Kinds != nil && !slices.Contains(p.Kinds, k) {
		return false
	}
	switch p.Scope {
	case Own:
		return r == ""
	case Neighbours:
		return r.tenants()
	case Housemates:
		return r == SameDatabase
	case Elsewhere:
		return r.tenants() && r != SameDatabase
	case Outside:
		return r != "" && r != OtherServer && !r.tenants() && (p.Relation == "" || p.Relation == r)
	case Foreign:
		return r != "" && r != SameDatabase && r != OtherServer
	case Afield:
		return r == OtherServer
	}
	return false
}

// Group is probes about the same thing.
type Group struct {
	Title  string
	Probes []Probe
}

// Groups lists all probes, in the order of a report.
func Groups() []Group {
	return []Group{
		{"What a tenant must be able to do", positiveProbes},
		{"Getting in where one does not belong", slices.Concat(doorProbes, afarProbes)},
		{"Another tenant's data", dataProbes},
		{"Becoming more than one is", slices.Concat(roleProbes, readProbes, serverProbes)},
		{"Turning one's own house against others", houseProbes},
		{"Seeing others", slices.Concat(seeServerProbes, seeHouseProbes)},
		{"Getting in the way of others", obstructionProbes},
		{"Starving others", starvationProbes},
		{"Administrators", adminProbes},
		{"The shared pool", poolProbes},
		{"Through the router", slices.Concat(routerProbes, routerLoadProbes, routerLookupProbes)},
	}
}

// Probes lists all of them, in the order of a report.
func Probes() []Probe {
	var all []Probe
	for _, g := range Groups() {
		all = append(all, g.Probes...)
	}
	return all
}
