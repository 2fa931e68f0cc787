// Package report draws a server as one page: which tenant reaches which
// database, the roles with the ways that cross tenants, and the findings. It
// is pure: the model follows from a snapshot and its judgement, and the page
// from the model.
package report

import (
	"landlord/internal/access"
	"landlord/internal/audit"
	"landlord/internal/snapshot"
)

// Model is what the page shows. Tenants, databases and roles are named by
// their place in these lists, so that a thousand of them stay small.
type Model struct {
	Name      string     `json:"name"`
	Version   string     `json:"version,omitempty"`
	Taken     string     `json:"taken,omitempty"` // RFC 3339
	Tenants   []Tenant   `json:"tenants"`
	Databases []Database `json:"databases"`
	Roles     []Role     `json:"roles"`
	// Members are memberships: the member's place, the role's, and whether it
	// is held WITH ADMIN OPTION (1).
	Members [][3]int `json:"members"`
	Ways    []Way    `json:"ways"`
	// Certain and Possible count all ways, also those beyond MaxWays.
	Certain  int        `json:"certain"`
	Possible int        `json:"possible"`
	Findings []Finding  `json:"findings"`
	Unknown  []NotKnown `json:"unknown"`
	// Missing are servers of which nothing is known, where there are several.
	Missing []snapshot.Missing `json:"missing,omitempty"`
}

// MaxWays is how many ways the page spells out step by step. Those beyond are
// in the matrix, and landlord access path tells them.
const MaxWays = 2000

// Level is how a tenant stands to a database, the worst that is true of it.
type Level int

// The levels. A tenant's own house may hold others', in the model schema.
const (
	Apart    Level = iota
	Connect        // it may connect
	Own            // its own house
	Possible       // it could get at another tenant's data, if somebody else acts
	Certain        // it gets at another tenant's data now
)

// Tenant is a row of the matrix.
type Tenant struct {
	Name string `json:"name"`
	// Server is the place of its server, where there are several.
	Server int `json:"server,omitempty"`
	// All is the level at which it reaches every database of its server, as a
	// superuser does; or Apart.
	All Level `json:"all,omitempty"`
	// Cells are the databases that it reaches, each with its level. Those that
	// are open to PUBLIC are left out where there is nothing worse.
	Cells [][2]int `json:"cells"`
}

// Database is a column of the matrix.
type Database struct {
	Name   string `json:"name"`
	Owner  string `json:"owner"`
	Server int    `json:"server,omitempty"` // as a tenant's
	Public bool   `json:"public,omitempty"` // PUBLIC may connect
	// Tenants is how many tenants live in it.
	Tenants int `json:"tenants"`
}

// Role is a point of the graph.
type Role struct {
	Name   string `json:"name"`
	Tenant int    `json:"tenant"` // -1: no tenant's
	Login  bool   `json:"login,omitempty"`
	Super  bool   `json:"super,omitempty"`
}

// Way leads from one tenant to another.
type Way struct {
	From int `json:"from"`
	// To is a tenant's place, or -1 for every tenant: a superuser's powers, or
	// everybody's data.
	To      int           `json:"to"`
	Goal    string        `json:"goal"`
	Certain bool          `json:"certain,omitempty"`
	Login   string        `json:"login"`
	Reaches string        `json:"reaches"`
	Steps   []access.Step `json:"steps"`

	rank int // among those of From
}

// Finding is one of the audit's, as the page shows it.
type Finding struct {
	Severity audit.Severity `json:"severity"`
	Code     string         `json:"code"`
	Key      string         `json:"key"`
	Title    string         `json:"title"`
	Where    string         `json:"where"`
	What     string         `json:"what"`
	Why      string         `json:"why"`
	Fix      []audit.Fix    `json:"fix,omitempty"`
	Breaks   string         `json:"breaks,omitempty"`
	CIS      string         `json:"cis,omitempty"`
}

// NotKnown is what could not be judged.
type NotKnown struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
	Ask    string `json:"ask"`
}
