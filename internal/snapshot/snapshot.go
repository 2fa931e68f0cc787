// Package snapshot holds what landlord has read from a server at one time, as
// a plain value with a stable JSON form. Everything that judges is a function
// of it, so that a server can be judged from a file on another machine.
package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"landlord/internal/pgsql"
)

// Snapshot is everything that bears on access, of one server at one time.
type Snapshot struct {
	// Format is the version of the JSON form; Encode sets it.
	Format int `json:"format,omitempty"`
	// Taken is when, by the clock of whoever took it.
	Taken   time.Time     `json:"taken,omitzero"`
	Version pgsql.Version `json:"version"`
	// Unread are the parts that could not be read, or that a pasted text does
	// not tell. What judges asks Knows before it calls something absent.
	Unread      []Unread          `json:"unread,omitempty"`
	Session     Session           `json:"session"`
	Parameters  map[string]string `json:"parameters"`
	Roles       []Role            `json:"roles"`
	Memberships []Membership      `json:"memberships"`
	Databases   []Database        `json:"databases"`
	Settings    []Setting         `json:"settings"`
	// ParameterGrants are the grants on configuration parameters (since 15) and
	// tablespaces, and the owners of tablespaces and subscriptions.
	ParameterGrants []Stray `json:"parameterGrants,omitempty"`
	// Dependencies tell in which databases a role owns or is granted
	// something; read only where roles are to be dropped.
	Dependencies []Dependency `json:"dependencies,omitempty"`
	HBA          *HBA         `json:"hba,omitempty"`
	// Focus says that what is read is limited to what concerns a few tenants.
	Focus *Focus `json:"-"`
	Server
	Contents []Contents `json:"contents"`
}

// Session is who has read the snapshot, and what that role may do.
type Session struct {
	User       string `json:"user"`
	Superuser  bool   `json:"superuser"`
	CreateRole bool   `json:"createRole"`
	CreateDB   bool   `json:"createDB"`
	// Database is the one that landlord is connected to for all that belongs
	// to the whole server.
	Database string `json:"database"`
	// Standby says that the server is in recovery and takes no changes.
	Standby bool `json:"standby"`
	// Local says that the session came over a unix socket.
	Local bool `json:"local"`
	// ServerUser is the user of the operating system that the server runs as;
	// empty: not known, as over TCP.
	ServerUser string `json:"serverUser,omitempty"`
	// Address is the client's address as the server sees it, empty if Local.
	Address string `json:"address,omitempty"`
	TLS     bool   `json:"tls,omitempty"`
	// Settable are the parameters that a role without SUPERUSER may set, in
	// small letters and sorted. It is not read for a superuser.
	Settable []string `json:"settable,omitempty"`
}

// MaySet says whether the session's role may set a parameter on a role or a
// database.
func (s Session) MaySet(parameter string) bool {
	if s.Superuser {
		return true
	}
	_, ok := slices.BinarySearch(s.Settable, strings.ToLower(parameter))
	return ok
}

// Role is one row of pg_authid or pg_roles.
type Role struct {
	OID        uint32 `json:"oid"`
	Name       string `json:"name"`
	Superuser  bool   `json:"superuser,omitempty"`
	Inherit    bool   `json:"inherit,omitempty"`
	CreateRole bool   `json:"createRole,omitempty"`
	CreateDB   bool   `json:"createDB,omitempty"`
	Login      bool   `json:"login,omitempty"`
	Replicate  bool   `json:"replication,omitempty"`
	BypassRLS  bool   `json:"bypassRLS,omitempty"`
	ConnLimit  int    `json:"connLimit"`            // -1: none
	ValidUntil string `json:"validUntil,omitempty"` // RFC 3339, UTC; empty: for ever
	Expired    bool   `json:"expired,omitempty"`    // that time has come
	// Verifier is the kind of the stored password: none, md5, scram-sha-256,
	// or empty where it could not be read.
	Verifier string `json:"verifier,omitempty"`
	// PasswordIsName says that the password is the role's own name. It was
	// tried for each role only where nothing of PartWeakness is unread.
	PasswordIsName bool `json:"passwordIsName,omitempty"`
	// Iterations are a SCRAM verifier's; 0 where there is none.
	Iterations int32  `json:"iterations,omitempty"`
	Comment    string `json:"comment,omitempty"`
	// Shelters says that a tenant's role is in it which is outside of the focus.
	Shelters bool `json:"-"`
}

// Membership is one row of pg_auth_members. Before 16, Inherit is what the
// member's own INHERIT attribute says, and Set is true.
type Membership struct {
	Role    string `json:"role"`
	Member  string `json:"member"`
	Grantor string `json:"grantor"`
	Admin   bool   `json:"admin,omitempty"`
	Inherit bool   `json:"inherit,omitempty"`
	Set     bool   `json:"set,omitempty"`
}

// Database is one row of pg_database.
type Database struct {
	OID       uint32    `json:"oid"`
	Name      string    `json:"name"`
	Owner     string    `json:"owner"`
	ACL       pgsql.ACL `json:"acl"`
	AllowConn bool      `json:"allowConnections"`
	Template  bool      `json:"template,omitempty"`
	ConnLimit int       `json:"connLimit"`
	Comment   string    `json:"comment,omitempty"`
	// Size is in bytes; -1 where it was not asked for or not readable.
	Size int64 `json:"size"`
}

// Setting is one parameter set on a role, a database, or a role in a
// database (pg_db_role_setting); an empty name means "any".
type Setting struct {
	Role     string `json:"role,omitempty"`
	Database string `json:"database,omitempty"`
	Name     string `json:"name"`
	Value    string `json:"value"`
}

// Dependency says that a role owns, or is named in an ACL of, something in a
// database ("" for what the whole server shares).
type Dependency struct {
	Role     string `json:"role"`
	Database string `json:"database"`
	Owns     bool   `json:"owns"`
}

// HBA is the server's pg_hba.conf.
type HBA struct {
	Path string `json:"path"`
	Text string `json:"text"`
	// Stale says that the file was changed after the server last loaded its
	// configuration: it goes by other rules than these.
	Stale bool `json:"stale,omitempty"`
	// Rebuilt says that the text was made from what pg_hba_file_rules shows:
	// without comments and quotes, and what is included in its place.
	Rebuilt bool `json:"rebuilt,omitempty"`
	// Error is why it could not be read.
	Error string `json:"error,omitempty"`
	// Included are the files that it names, each once.
	Included []File `json:"included,omitempty"`
	// Ident is pg_ident.conf.
	Ident *File `json:"ident,omitempty"`
	// Errors are the mistakes that the server itself finds in the files.
	Errors []FileError `json:"errors,omitempty"`
}

// Read is the text of a file that pg_hba.conf includes, if it was read.
func (h HBA) Read(path string) ([]byte, error) {
	for _, f := range h.Included {
		switch {
		case f.Path != path:
		case strings.Contains(f.Error, "58P01"):
			return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
		case f.Error != "":
			return nil, errors.New(f.Error)
		default:
			return []byte(f.Text), nil
		}
	}
	return nil, fmt.Errorf("%s was not read with the snapshot", path)
}

// ReadDir lists the files of a directory that pg_hba.conf includes.
func (h HBA) ReadDir(dir string) ([]string, error) {
	var names []string
	for _, f := range h.Included {
		if path.Dir(f.Path) == path.Clean(dir) {
			names = append(names, path.Base(f.Path))
		}
	}
	return names, nil
}

// File is a file of the server's configuration.
type File struct {
	Path  string `json:"path"`
	Text  string `json:"text,omitempty"`
	Error string `json:"error,omitempty"` // why it could not be read
}

// FileError is a line that the server cannot read (pg_hba_file_rules, and
// since 15 pg_ident_file_mappings).
type FileError struct {
	File    string `json:"file,omitempty"` // since 16; before, pg_hba.conf or pg_ident.conf
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// Invalid says that a database's DROP was interrupted: it can only be dropped
// (DATCONNLIMIT_INVALID_DB).
func (d Database) Invalid() bool { return d.ConnLimit == -2 }

// Contents is what one database holds.
type Contents struct {
	Database string `json:"database"`
	// Error is why the database could not be read; everything else is empty
	// then.
	Error       string       `json:"error,omitempty"`
	Schemas     []Schema     `json:"schemas"`
	Relations   []Relation   `json:"relations"`
	Columns     []Column     `json:"columns,omitempty"`
	Routines    []Routine    `json:"routines,omitempty"`
	Types       []Type       `json:"types,omitempty"`
	Others      []Other      `json:"others,omitempty"`
	DefaultACLs []DefaultACL `json:"defaultACLs,omitempty"`
	Strays      []Stray      `json:"strays,omitempty"`
	Widened     []Widened    `json:"widened,omitempty"`
	Ties        []Tie        `json:"ties,omitempty"`
	// LargeObjects are the grants on large objects, each that is there at all
	// once: a database may hold millions of them.
	LargeObjects []LargeObjectGrant `json:"largeObjects,omitempty"`
	// LargeOpen says that PUBLIC may call some of the functions for large
	// objects, LargeShut that it may not call some.
	LargeOpen bool `json:"largeOpen,omitempty"`
	LargeShut bool `json:"largeShut,omitempty"`
	// AdvisoryOpen and AdvisoryShut say the same of the functions for advisory
	// locks.
	AdvisoryOpen bool `json:"advisoryOpen,omitempty"`
	AdvisoryShut bool `json:"advisoryShut,omitempty"`
	// ControlOpen says that PUBLIC may call some of the functions that read
	// the server's control data, from 17 and 18 on also which blocks have
	// changed and what others' sessions read and write.
	ControlOpen bool `json:"controlOpen,omitempty"`
	// MessagesOpen says the same of the functions that write messages into the
	// write-ahead log (pg_logical_emit_message).
	MessagesOpen bool `json:"messagesOpen,omitempty"`
	// SomeSchemas says that a focus limits it.
	SomeSchemas bool `json:"-"`
	// Elsewhere are the schemas, quoted, outside of a focus in which its roles
	// own or hold something; "" for what stands in none.
	Elsewhere []string `json:"-"`
	Inside
}

// Schema is one row of pg_namespace, without the system's own.
type Schema struct {
	Name      string    `json:"name"`
	Owner     string    `json:"owner"`
	ACL       pgsql.ACL `json:"acl"`
	Empty     bool      `json:"empty,omitempty"`     // nothing depends on it
	Extension bool      `json:"extension,omitempty"` // it holds, or is, a part of an extension
	Size      int64     `json:"size"`                // bytes of its tables; -1 where it was not asked for
}

// Relation is a table, view, sequence, materialized view, foreign or
// partitioned table.
type Relation struct {
	Schema    string    `json:"schema"`
	Name      string    `json:"name"`
	Kind      RelKind   `json:"kind"`
	Owner     string    `json:"owner"`
	ACL       pgsql.ACL `json:"acl"`
	Extension bool      `json:"extension,omitempty"`
	OwnedBy   bool      `json:"ownedBy,omitempty"` // a sequence that belongs to a column, and so has its table's owner
	// RLS is row level security; Forced also holds for the owner.
	RLS    bool `json:"rls,omitempty"`
	Forced bool `json:"forced,omitempty"`
	// Invoker says of a view that it reads with its reader's rights
	// (security_invoker, since 15), not its owner's.
	Invoker bool `json:"invoker,omitempty"`
	// Partition says that it is one.
	Partition bool `json:"partition,omitempty"`
}

// RelKind is pg_class.relkind: r table, p partitioned table, v view, m
// materialized view, f foreign table, S sequence. In JSON it is that letter.
type RelKind byte

// MarshalText writes the letter.
func (k RelKind) MarshalText() ([]byte, error) { return []byte{byte(k)}, nil }

// UnmarshalText reads it.
func (k *RelKind) UnmarshalText(text []byte) error {
	if len(text) != 1 || !strings.Contains("rpvmfS", string(text)) {
		return fmt.Errorf("no kind of relation is called %q", text)
	}
	*k = RelKind(text[0])
	return nil
}

// Column is a column with an ACL of its own.
type Column struct {
	Schema   string    `json:"schema"`
	Relation string    `json:"relation"`
	Name     string    `json:"name"`
	Owner    string    `json:"owner"` // the relation's
	ACL      pgsql.ACL `json:"acl"`
}

// Routine is a function, procedure or aggregate.
type Routine struct {
	Schema    string    `json:"schema"`
	Signature string    `json:"signature"` // quoted and qualified, as regprocedure prints it
	Owner     string    `json:"owner"`
	ACL       pgsql.ACL `json:"acl"`
	Extension bool      `json:"extension,omitempty"`
	Aggregate bool      `json:"aggregate,omitempty"`
	// EventTrigger says that an event trigger runs it, for everybody in the
	// database, superusers not excepted.
	EventTrigger bool `json:"eventTrigger,omitempty"`
	// Definer says that it runs with its owner's rights.
	Definer  bool     `json:"definer,omitempty"`
	Language string   `json:"language,omitempty"`
	Config   []string `json:"config,omitempty"` // its SET clauses, as name=value
	// Form is, of a function in landlord's own schema alone, all that it is:
	// language, attributes and text.
	Form string `json:"form,omitempty"`
	// Returns is "trigger" or "event_trigger" where it is a function for one,
	// which nobody can call.
	Returns string `json:"returns,omitempty"`
	// Bound says that the names in it were looked up when it was made (BEGIN
	// ATOMIC, since 14), so that no search_path turns it.
	Bound bool `json:"bound,omitempty"`
}

// Type is a type or domain that stands for itself (no array, no row type).
type Type struct {
	Schema    string    `json:"schema"`
	Name      string    `json:"name"`
	Owner     string    `json:"owner"`
	ACL       pgsql.ACL `json:"acl"`
	Extension bool      `json:"extension,omitempty"`
}

// Other is an object with an owner and no ACL: an operator, a collation, a
// text search configuration and the like.
type Other struct {
	Schema    string `json:"schema"`
	Kind      string `json:"kind"`     // as pg_identify_object names it
	Identity  string `json:"identity"` // quoted
	Owner     string `json:"owner"`
	Extension bool   `json:"extension,omitempty"`
}

// DefaultACL is one row of pg_default_acl; an empty schema means "everywhere
// in this database".
type DefaultACL struct {
	Creator string           `json:"creator"`
	Schema  string           `json:"schema,omitempty"`
	Kind    pgsql.ObjectKind `json:"kind"`
	ACL     pgsql.ACL        `json:"acl"`
}

// LargeObjectGrant says that there are large objects of an owner on which a
// grantor has given something to a grantee ("" for PUBLIC). Every owner has
// such an entry with itself as the grantee.
type LargeObjectGrant struct {
	Owner   string `json:"owner"`
	Grantee string `json:"grantee"`
	Grantor string `json:"grantor"`
}

// Tie is what leads from a table in one schema into another past every ACL.
type Tie struct {
	Kind string `json:"kind"` // "child", "partition", "foreign key" or "trigger"
	Name string `json:"name"` // the constraint's or trigger's; quoted
	// Schema is where Table stands, quoted and qualified.
	Schema string `json:"schema"`
	Table  string `json:"table"`
	// To is the schema of Other: the parent, the table that is referred to, or
	// the trigger's function; quoted and qualified.
	To    string `json:"to"`
	Other string `json:"other"`
}

// Stray is a grant to a role, or to PUBLIC (""), on an object of any other kind: a system
// function, a language, a foreign server, a parameter. Or it is such an object
// of a role's own, as also extensions, publications and the like are. A user
// mapping for PUBLIC counts as PUBLIC's own, with its server as the identity.
type Stray struct {
	Role     string `json:"role"`
	Kind     string `json:"kind"` // as pg_identify_object names it
	Identity string `json:"identity"`
	Grantor  string `json:"grantor,omitempty"`
	Owns     bool   `json:"owns,omitempty"`
}
