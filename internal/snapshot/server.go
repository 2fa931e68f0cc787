package snapshot

import "landlord/internal/pgsql"

// Server is what all databases of a server share and only judging needs. A
// plan reads none of it.
type Server struct {
	ParameterACLs []ParameterACL    `json:"parameterACLs,omitempty"`
	Tablespaces   []Tablespace      `json:"tablespaces,omitempty"`
	Slots         []ReplicationSlot `json:"slots,omitempty"`
	Subscriptions []Subscription    `json:"subscriptions,omitempty"`
	// Available are the extensions that the server has the files of.
	Available []Available `json:"available,omitempty"`
	// Sessions counts client connections, of each role to each database.
	Sessions []Sessions `json:"sessions,omitempty"`
}

// ParameterACL are the grants on one configuration parameter (since 15). One
// without grants has none: the bootstrap superuser's own rights go without
// saying.
type ParameterACL struct {
	Name string    `json:"name"`
	ACL  pgsql.ACL `json:"acl"`
}

// Tablespace is one row of pg_tablespace.
type Tablespace struct {
	Name  string    `json:"name"`
	Owner string    `json:"owner"`
	ACL   pgsql.ACL `json:"acl"`
}

// ReplicationSlot is one row of pg_replication_slots.
type ReplicationSlot struct {
	Name     string `json:"name"`
	Logical  bool   `json:"logical,omitempty"`
	Plugin   string `json:"plugin,omitempty"`
	Database string `json:"database,omitempty"`
	Active   bool   `json:"active,omitempty"`
}

// Subscription is one row of pg_subscription, without its connection string.
type Subscription struct {
	Database string `json:"database"`
	Name     string `json:"name"`
	Owner    string `json:"owner"`
	Enabled  bool   `json:"enabled,omitempty"`
	// PasswordRequired and RunAsOwner are options of it since 16; before,
	// every subscription ran as its owner.
	PasswordRequired bool `json:"passwordRequired,omitempty"`
	RunAsOwner       bool `json:"runAsOwner,omitempty"`
}

// Available is an extension that CREATE EXTENSION would find.
type Available struct {
	Name    string `json:"name"`
	Default string `json:"default"` // the version that it would make
	// Trusted says that whoever may CREATE in a database can make it there.
	Trusted bool `json:"trusted,omitempty"`
	// Schema is where it insists on standing; mostly empty.
	Schema   string   `json:"schema,omitempty"`
	Requires []string `json:"requires,omitempty"`
}

// Sessions counts the connections that a role has open to a database.
type Sessions struct {
	Role     string `json:"role"`
	Database string `json:"database"`
	Count    int    `json:"count"`
}
