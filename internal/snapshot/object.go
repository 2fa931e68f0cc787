package snapshot

import "strconv"

// Object names something that has been read: what a finding is about, or a
// line of a pasted text has told of.
type Object struct {
	// Kind is "server", "role", "membership", "database", "schema", "table",
	// "function" and the like, in PostgreSQL's own words; "hba" for a line of
	// pg_hba.conf.
	Kind string `json:"kind"`
	// Database is where it stands; empty for what the server shares.
	Database string `json:"database,omitempty"`
	Name     string `json:"name"` // qualified where it stands in a schema
}

// String names the object for people.
func (o Object) String() string {
	switch {
	case o.Kind == "server":
		return "the server"
	case o.Kind == "hba", o.Kind == "ident":
		return "the line " + strconv.Quote(o.Name)
	case o.Database != "":
		return o.Kind + " " + o.Name + " in database " + o.Database
	}
	return o.Kind + " " + o.Name
}
