// Package plan compares what somebody wants with what a server has and says
// what to do, as data: an ordered list of steps. It is pure and deterministic.
package plan

import (
	"strings"

	"landlord/internal/cluster"
	"landlord/internal/tenant"
)

// Danger says what a step may cost.
type Danger string

// The dangers of a step, the least first.
const (
	// Safe takes nothing away.
	Safe Danger = ""
	// Access takes a right away from somebody.
	Access Danger = "access"
	// Data destroys data.
	Data Danger = "data"
)

// Step is one thing to do.
type Step struct {
	// Phase orders the steps: all of one phase are done before the next.
	Phase Phase `json:"phase"`
	// Group names what the step is part of. The steps of a group run in
	// order and stop at the first that fails; groups of one phase are
	// independent of each other.
	Group string `json:"group"`
	// Tenant is whose house it is about, or empty.
	Tenant string `json:"tenant,omitempty"`
	// Database is where the SQL runs; empty: the one landlord connects to.
	Database string `json:"database,omitempty"`
	// As is the role that the SQL runs as; empty: landlord's own.
	As string `json:"as,omitempty"`
	// SQL are the statements, without semicolons.
	SQL []string `json:"sql"`
	// Alone says that the statements cannot run in a transaction.
	Alone bool `json:"alone,omitempty"`
	// Late says that the step locks what tenants share, and that no other step
	// of its group waits for it: it may go last in its transaction.
	Late bool `json:"late,omitempty"`
	// Apart says that the statements have a transaction of their own, and wait
	// for clients' locks only so long that no client is ended for it.
	Apart  bool   `json:"apart,omitempty"`
	Why    string `json:"why"`
	Danger Danger `json:"danger,omitempty"`
	// Loses names the data that a step of danger Data destroys.
	Loses *Loss `json:"loses,omitempty"`
}

// Loss is data that a step destroys.
type Loss struct {
	// Tenant is the name to type before it is done: a tenant's, or that of
	// the extra schema.
	Name  string `json:"name"`
	What  string `json:"what"`
	Bytes int64  `json:"bytes"` // -1: not known
}

// Phase is a stage of a plan.
type Phase int

// The phases: first what the clients of tenants that are taken over will live
// on, then the walls of the whole server, what several tenants share, each
// tenant, and what is dropped at the very end.
const (
	Markers Phase = iota - 2
	Bridges
	Ground
	Shared
	Houses
	Removal
)

// Plan is what to do to one server.
type Plan struct {
	Server string `json:"server"`
	// Host are the steps on this machine that come first: a tenant's own
	// server is made, changed, or taken away.
	Host []cluster.Step `json:"host,omitempty"`
	// Sizes are the parameters of a tenant's own server that follow its limits.
	Sizes []cluster.Size `json:"sizes,omitempty"`
	Steps []Step         `json:"steps"`
	// HBA is the change to pg_hba.conf, or nil. It comes after the phase
	// Shared, since its lines name roles that must exist, and before any
	// login is opened.
	HBA *HBAChange `json:"hba,omitempty"`
	// Notes are what cannot be done here, and what is left alone.
	Notes []Note `json:"notes,omitempty"`
	// Gone are the tenants that it takes away, as the server has them, where it is
	// about these alone.
	Gone []tenant.Tenant `json:"-"`
	// Unread names the databases that could not be read: of these the plan
	// says nothing.
	Unread []string `json:"unread,omitempty"`
	// UnreadWhy is the server's reason for the first of them.
	UnreadWhy string `json:"unreadWhy,omitempty"`
	// Again says that a database's inside could not be seen yet: once these
	// steps are done, there is more to plan.
	Again bool `json:"again,omitempty"`
}

// HBAChange is a change to pg_hba.conf. Where After is Before, the server only
// has to load it.
type HBAChange struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
	// Ident is the change to pg_ident.conf that goes with it, or nil.
	Ident *HBAChange `json:"ident,omitempty"`
}

// Note is something that a plan does not do, and why.
type Note struct {
	// Cannot says that the plan should do it and cannot; otherwise it is
	// left alone on purpose.
	Cannot bool `json:"cannot,omitempty"`
	// Open says that by it somebody can get into or out of a tenant's house.
	Open   bool   `json:"open,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	What   string `json:"what"`
	// Next is what the reader can do about it.
	Next string `json:"next,omitempty"`
}

// Empty says that there is nothing to do.
func (p Plan) Empty() bool { return len(p.Steps) == 0 && p.HBA == nil && len(p.Host) == 0 }

// NewDatabases counts the databases that are to be made.
func (p Plan) NewDatabases() (n int) {
	for _, s := range p.Steps {
		if s.Alone && strings.HasPrefix(s.SQL[0], createDatabase) {
			n++
		}
	}
	return n
}

// UnreadError says that databases could not be read, so that nothing is known
// of them: they are not as they should be, and not as they should not be.
type UnreadError struct {
	Databases []string
	Why       string // of the first
}

func (e *UnreadError) Error() string {
	return "could not be read, so that nothing is planned for them: database " + strings.Join(e.Databases, ", ") + ": " + e.Why
}

// Hint says what to do about it.
func (e *UnreadError) Hint() string {
	return "make these databases accept landlord's connections, then run again"
}

// Err is nil if the plan is about everything that was asked for.
func (p Plan) Err() error {
	if len(p.Unread) == 0 {
		return nil
	}
	return &UnreadError{p.Unread, p.UnreadWhy}
}

// Open lists the ways into and out of houses that the plan does not close. As
// long as there is one, the server is not as it should be.
func (p Plan) Open() []Note {
	var out []Note
	for _, n := range p.Notes {
		if n.Open {
			out = append(out, n)
		}
	}
	return out
}

// Losses lists what the plan would destroy.
func (p Plan) Losses() []Loss {
	var out []Loss
	for _, s := range p.Steps {
		if s.Loses != nil {
			out = append(out, *s.Loses)
		}
	}
	return out
}
