package prove

import (
	"time"

	"landlord/internal/tenant"
)

// Verdict is what became of a probe.
type Verdict string

// The verdicts. Nothing is ever called held that was not tried.
const (
	// Held says that the attempt was made and refused.
	Held Verdict = "held"
	// Escaped says that the attempt succeeded: a wall is missing.
	Escaped Verdict = "ESCAPED"
	// Exposed says that the attempt succeeded, and that the tenant's model
	// cannot refuse it however well it is set up.
	Exposed Verdict = "exposed"
	// NotTried says that nothing was learned, and Detail why.
	NotTried Verdict = "not tried"
	// Works says that a tenant can do what it must be able to do.
	Works Verdict = "works"
	// Failed says that a tenant cannot do what it must be able to do.
	Failed Verdict = "FAILED"
)

// Closes says which isolation model closes an exposure.
type Closes string

// What closes an exposure.
const (
	// ByDatabase: a database of the tenant's own closes it.
	ByDatabase Closes = "database"
	// ByCluster: only a server of the tenant's own closes it.
	ByCluster Closes = "cluster"
	// ByResources: limits, a volume, an OS user of the tenant's own server
	// close it.
	ByResources Closes = "resources"
	// ByDirect: who goes to the server's own address, past the router, has none of it.
	ByDirect Closes = "direct"
	// ByNothing: it is the tenant's own affair in every model.
	ByNothing Closes = "none"
)

// Outcome is one probe of one login, against one neighbour where it has one.
type Outcome struct {
	// Tenant is whose walls were tried; empty where it was an administrator's
	// turn, of whom Admin and DataAccess tell, or a pool's.
	Tenant     string            `json:"tenant"`
	Admin      string            `json:"admin,omitempty"`
	DataAccess tenant.DataAccess `json:"dataAccess,omitempty"`
	Pool       string            `json:"pool,omitempty"`
	// Kind and Login are whose rights were tried: the tenant's login, also
	// where a short-lived login in the same roles stood for it.
	Kind  tenant.Kind `json:"kind"`
	Login string      `json:"login"`
	// Database is where the login was, if that was a further database of the
	// tenant's and not the one that it lives in.
	Database string `json:"database,omitempty"`
	// Neighbour is the tenant or the database that it was tried against, and
	// Relation what that is to the tenant; both are empty where there is none.
	Neighbour string   `json:"neighbour,omitempty"`
	Relation  Relation `json:"relation,omitempty"`
	// NeighbourDatabase is the neighbour's further database that was tried; empty
	// where it was the one that it lives in.
	NeighbourDatabase string  `json:"neighbourDatabase,omitempty"`
	Probe             string  `json:"probe"`
	Verdict           Verdict `json:"verdict"`
	// State is the SQLSTATE of the server's refusal.
	State string `json:"sqlstate,omitempty"`
	// Detail is what was tried and what the server said. It never holds a
	// password or a verifier.
	Detail string `json:"detail"`
	// Closes and Consequence are there for exposures.
	Closes      Closes `json:"closedBy,omitempty"`
	Consequence string `json:"consequence,omitempty"`
}

// Report is the result of a run. Its JSON form is a documented contract.
type Report struct {
	Server  string    `json:"server"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Doors are the ways in that were knocked at; the first is the tenants'
	// endpoint, through which all probes go that are not about doors.
	Doors []string `json:"doors"`
	// Outcomes are sorted by tenant, login, neighbour and probe.
	Outcomes []Outcome `json:"outcomes"`
	// Counts says how often each verdict was given.
	Counts map[Verdict]int `json:"counts"`
	// Swept are short-lived logins and tables that an earlier run, which was
	// killed, had left, and that are gone now.
	Swept []string `json:"swept,omitempty"`
	// Problems are what could not be set up or cleared away.
	Problems []string `json:"problems,omitempty"`
}

// Escaped says whether any tenant got out of its house.
func (r Report) Escaped() bool { return r.Counts[Escaped] > 0 }

// Broken says whether any tenant cannot do what it must be able to do.
func (r Report) Broken() bool { return r.Counts[Failed] > 0 }

func (r *Report) count() {
	r.Counts = map[Verdict]int{}
	for _, o := range r.Outcomes {
		r.Counts[o.Verdict]++
	}
}
