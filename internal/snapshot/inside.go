package snapshot

import "landlord/internal/pgsql"

// Inside is what a database holds and only judging needs. A plan reads the
// extensions, where there are any, and nothing else of it. Names stand as the catalogs have them, not quoted; a function stands
// as its signature, as regprocedure prints it.
type Inside struct {
	Languages     []Language      `json:"languages,omitempty"`
	Wrappers      []Wrapper       `json:"wrappers,omitempty"`
	Servers       []ForeignServer `json:"servers,omitempty"`
	Mappings      []UserMapping   `json:"mappings,omitempty"`
	ForeignTables []ForeignTable  `json:"foreignTables,omitempty"`
	Policies      []Policy        `json:"policies,omitempty"`
	Triggers      []Trigger       `json:"triggers,omitempty"`
	EventTriggers []EventTrigger  `json:"eventTriggers,omitempty"`
	Rules         []Rule          `json:"rules,omitempty"`
	Extensions    []Extension     `json:"extensions,omitempty"`
	Publications  []Publication   `json:"publications,omitempty"`
	Inherits      []Inherit       `json:"inherits,omitempty"`
	// ForeignKeys are those between tables of two owners.
	ForeignKeys []ForeignKey `json:"foreignKeys,omitempty"`
	// Keys are those of tables on which others hold REFERENCES.
	Keys  []Key  `json:"keys,omitempty"`
	Reads []Read `json:"reads,omitempty"`
	// Calls are of functions of another role than the relation's.
	Calls      []Call           `json:"calls,omitempty"`
	SequenceOf []SequenceOf     `json:"sequenceOf,omitempty"`
	LargeACLs  []LargeObjectACL `json:"largeObjectACLs,omitempty"`
	SystemACLs []SystemACL      `json:"systemACLs,omitempty"`
}

// Language is one row of pg_language, without those for internal functions
// and C, which are superusers' alone.
type Language struct {
	Name    string    `json:"name"`
	Owner   string    `json:"owner"`
	ACL     pgsql.ACL `json:"acl"`
	Trusted bool      `json:"trusted,omitempty"`
}

// Wrapper is one row of pg_foreign_data_wrapper.
type Wrapper struct {
	Name  string    `json:"name"`
	Owner string    `json:"owner"`
	ACL   pgsql.ACL `json:"acl"`
}

// ForeignServer is one row of pg_foreign_server.
type ForeignServer struct {
	Name    string    `json:"name"`
	Wrapper string    `json:"wrapper"`
	Owner   string    `json:"owner"`
	ACL     pgsql.ACL `json:"acl"`
	// Host, Port and Database are the options that say where it leads.
	Host     string `json:"host,omitempty"`
	Port     string `json:"port,omitempty"`
	Database string `json:"database,omitempty"`
}

// UserMapping is one row of pg_user_mappings.
type UserMapping struct {
	Server string `json:"server"`
	Role   string `json:"role,omitempty"` // "" is PUBLIC
	User   string `json:"user,omitempty"` // whom it makes of the role there
	// Password says that the options hold one.
	Password bool `json:"password,omitempty"`
	// Optional says that password_required is false, which only a superuser
	// can have set: the wrapper may log in by trust or peer.
	Optional bool `json:"optional,omitempty"`
	// Hidden says that the options could not be read.
	Hidden bool `json:"hidden,omitempty"`
}

// ForeignTable says to which server a foreign table leads.
type ForeignTable struct {
	Schema string `json:"schema"`
	Table  string `json:"table"`
	Server string `json:"server"`
}

// Policy is a row level security policy.
type Policy struct {
	Schema     string   `json:"schema"`
	Table      string   `json:"table"`
	Name       string   `json:"name"`
	Command    Command  `json:"command"`
	Permissive bool     `json:"permissive,omitempty"`
	Roles      []string `json:"roles"`           // "" is PUBLIC
	Using      string   `json:"using,omitempty"` // as pg_get_expr prints it
	Check      string   `json:"check,omitempty"`
}

// Command is what a policy is for: ALL, SELECT, INSERT, UPDATE or DELETE.
type Command string

// Trigger is one row of pg_trigger, without those of constraints.
type Trigger struct {
	Schema   string `json:"schema"`
	Table    string `json:"table"`
	Name     string `json:"name"`
	Function string `json:"function"`
	Disabled bool   `json:"disabled,omitempty"`
}

// EventTrigger is one row of pg_event_trigger.
type EventTrigger struct {
	Name     string `json:"name"`
	Event    string `json:"event"`
	Owner    string `json:"owner"`
	Function string `json:"function"`
	Disabled bool   `json:"disabled,omitempty"`
}

// Rule is one row of pg_rewrite, without those that make views.
type Rule struct {
	Schema   string  `json:"schema"`
	Relation string  `json:"relation"`
	Name     string  `json:"name"`
	Event    Command `json:"event"`
	Disabled bool    `json:"disabled,omitempty"`
}

// Extension is one row of pg_extension.
type Extension struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Schema  string `json:"schema"`
	Owner   string `json:"owner"`
}

// Publication is one row of pg_publication.
type Publication struct {
	Name      string `json:"name"`
	Owner     string `json:"owner"`
	AllTables bool   `json:"allTables,omitempty"`
}

// Inherit says that a table is a child, or a partition, of another.
type Inherit struct {
	Schema       string `json:"schema"`
	Table        string `json:"table"`
	ParentSchema string `json:"parentSchema"`
	Parent       string `json:"parent"`
}

// ForeignKey says that a table refers to another.
type ForeignKey struct {
	Schema       string `json:"schema"`
	Table        string `json:"table"`
	TargetSchema string `json:"targetSchema"`
	Target       string `json:"target"`
	// Deletes and Updates say that what is done to the target is done to the
	// table: rows go, or change.
	Deletes bool `json:"deletes,omitempty"`
	Updates bool `json:"updates,omitempty"`
}

// Key is a unique index of a table to which a foreign key can lead.
type Key struct {
	Schema  string   `json:"schema"`
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	Types   []string `json:"types"` // of the columns, as format_type prints them
}

// Call says that an expression of a relation calls a function, with the rights
// of whoever uses the relation.
type Call struct {
	Schema   string `json:"schema"`
	Relation string `json:"relation"`
	// In is where it is called: "check", "domain" (of a column), "default" (or
	// a generated column), "policy", "index", or "query" (a view's).
	In       string `json:"in"`
	Function string `json:"function"`
}

// Read says that a view, a materialized view or a rule uses a relation.
type Read struct {
	Schema     string `json:"schema"`
	View       string `json:"view"`
	FromSchema string `json:"fromSchema"`
	From       string `json:"from"`
}

// SequenceOf says that a sequence belongs to a column.
type SequenceOf struct {
	Schema   string `json:"schema"` // the sequence's
	Sequence string `json:"sequence"`
	Table    string `json:"table"` // in the same schema
	Column   string `json:"column"`
	Identity bool   `json:"identity,omitempty"` // it needs no grant of its own
}

// LargeObjectACL counts the large objects of one owner with one ACL.
type LargeObjectACL struct {
	Owner string    `json:"owner"`
	ACL   pgsql.ACL `json:"acl"`
	Count int       `json:"count"`
}

// SystemACL is an object of the system's own (in pg_catalog or
// information_schema, or a schema of these names) whose ACL is not as initdb
// or its extension left it (pg_init_privs).
type SystemACL struct {
	Kind     pgsql.ObjectKind `json:"kind"`
	Schema   string           `json:"schema,omitempty"`
	Identity string           `json:"identity"`         // name or signature
	Column   string           `json:"column,omitempty"` // of a relation
	View     bool             `json:"view,omitempty"`
	Owner    string           `json:"owner"`
	ACL      pgsql.ACL        `json:"acl"`
	Initial  pgsql.ACL        `json:"initial"` // null: the built-in default
}
