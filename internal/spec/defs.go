package spec

import (
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// Type is the form of a key's value.
type Type string

// The types of values.
const (
	Mapping    Type = "mapping"
	Text       Type = "text"
	Name       Type = "name"
	NameOrList Type = "name or list of names"
	NameList   Type = "list of names"
	Bool       Type = "true or false"
	Count      Type = "whole number"
	Size       Type = "size"
	Duration   Type = "duration"
	Networks   Type = "list of networks"
	Argv       Type = "command"
	Scalar     Type = "text, number or true/false"
	Number     Type = "number"
	Choice     Type = "one of"
)

// Key is one key of landlord.yaml. NAME in a path stands for any name.
type Key struct {
	Path     string
	Type     Type
	Values   []string // of a Choice
	Required bool
	Default  string // in words; empty: nothing
	Doc      string // one or two plain sentences
	Example  string // a value, as YAML in one line
}

// Name is the last part of the path.
func (k Key) Name() string { return k.Path[strings.LastIndexByte(k.Path, '.')+1:] }

// parent is the path without its last part.
func (k Key) parent() string { return k.Path[:max(0, strings.LastIndexByte(k.Path, '.'))] }

// keys is the table; children are the names below each path.
var (
	keys     = table()
	children = childNames(keys)
)

// Keys lists every key of landlord.yaml, parents before their children.
func Keys() []Key { return slices.Clone(keys) }

func table() []Key {
	all := slices.Concat(serverKeys(), poolKeys(), hostKeys(), routerKeys(), adminKeys(), secretKeys(), journalKeys(), auditKeys())
	all = append(all, Key{Path: "defaults", Type: Mapping, Example: "{isolation: database}",
		Doc: "What every tenant has that says nothing else. Its profile wins over defaults, and its own keys win over both; limits and settings are merged key by key."})
	all = append(all, houseKeys("defaults", "the shared database of the tenants with isolation: schema")...)
	all = append(all, allowanceKeys("defaults", "defaults")...)
	all = append(all, resourceKeys("defaults")...)
	all = append(all, profileKeys()...)
	all = append(all, tenantKeys()...)
	all = append(all, houseKeys("tenants.NAME", "the tenant's name for isolation: database; shared for isolation: schema")...)
	all = append(all, allowanceKeys("tenants.NAME", "defaults or of the profile")...)
	return slices.Concat(all, resourceKeys("tenants.NAME"), placeKeys())
}

func serverKeys() []Key {
	return []Key{
		{Path: "servers", Type: Mapping, Default: "none: then host must be given, and every tenant has isolation: cluster", Example: "{main: {connection: host=/var/run/postgresql user=postgres}}",
			Doc: "The PostgreSQL servers, each under a name of your choice."},
		{Path: "servers.NAME", Type: Mapping, Example: "{connection: host=/var/run/postgresql user=postgres}",
			Doc: "One running PostgreSQL server."},
		{Path: "servers.NAME.connection", Type: Text, Required: true, Example: "host=/var/run/postgresql user=postgres",
			Doc: "How landlord itself connects: libpq keywords and values, or a postgres:// URI. A password is refused here: it belongs in a pgpass file (PGPASSFILE)."},
		{Path: "servers.NAME.endpoint", Type: Text, Default: "as connection, without its user and database", Example: "host=db.example port=5432",
			Doc: "Where the tenants' programs connect, in the same form as connection."},
		{Path: "servers.NAME.clients", Type: Networks, Default: "none: only the local socket", Example: "[10.0.0.0/8, 192.168.1.7]",
			Doc: "The networks from which tenants and operators may connect over TCP, with TLS. A lone address stands for itself."},
		{Path: "servers.NAME.operators", Type: NameList, Default: "none", Example: "[monitoring, backup]",
			Doc: "Logins that are no tenants' and that pg_hba.conf lets into every database: monitoring, backup, your own. landlord neither makes nor changes them; see admins for those that it makes."},
	}
}

func secretKeys() []Key {
	return []Key{
		{Path: "secrets", Type: Mapping, Default: "each new password is shown once", Example: "{file: /root/tenants.pgpass}",
			Doc: "What becomes of the passwords that landlord makes: a command gets them, or a file does, but not both."},
		{Path: "secrets.command", Type: Argv, Example: "[/usr/local/bin/password, store]",
			Doc: "The program that keeps each new password, with its arguments as a list. It gets one JSON object on its standard input: whose password it is, and the password. A single line without quotes is split at blanks; no shell runs."},
		{Path: "secrets.lookup", Type: Argv, Example: "[/usr/local/bin/password, find]",
			Doc: "The program that prints a stored password, or nothing where it knows none, so that prove can log in with it. It gets the same JSON object, without the password. Only beside command."},
		{Path: "secrets.file", Type: Text, Example: "/root/tenants.pgpass",
			Doc: "A file in pgpass form that landlord writes with mode 0600."},
	}
}

func journalKeys() []Key {
	return []Key{
		{Path: "journal", Type: Mapping, Default: "no journal", Example: "{file: /var/log/landlord.jsonl}",
			Doc: "Where landlord writes down who changed what, when, and with which SQL. Passwords are never in it. file and syslog can both be given."},
		{Path: "journal.file", Type: Text, Default: "none", Example: "/var/log/landlord.jsonl",
			Doc: "A file to which each change is appended as a line of JSON."},
		{Path: "journal.syslog", Type: Bool, Default: "false", Example: "true",
			Doc: "Whether each change goes to the system's log as well (syslog, or journald where that is it)."},
	}
}

func profileKeys() []Key {
	all := []Key{
		{Path: "profiles", Type: Mapping, Default: "none", Example: "{small: {limits: {connections: 5}}}",
			Doc: "What many tenants have in common, each set under a name of your choice. A tenant takes one with profile."},
		{Path: "profiles.NAME", Type: Mapping, Example: "{rights: ddl, limits: {connections: 50}}",
			Doc: "One profile. It changes what defaults says, for the tenants that take it."},
	}
	all = append(all, allowanceKeys("profiles.NAME", "defaults")...)
	return append(all, resourceKeys("profiles.NAME")...)
}

func tenantKeys() []Key {
	const p = "tenants.NAME."
	return []Key{
		{Path: "tenants", Type: Mapping, Default: "none", Example: "{acme: {}}",
			Doc: "The customers, each under its name: a lower-case letter, then lower-case letters, digits and underscores, at most 40 bytes."},
		{Path: "tenants.NAME", Type: Mapping, Example: "{isolation: schema}",
			Doc: "One customer. {} or nothing is enough: everything has a default."},
		{Path: p + "schema", Type: Name, Default: "the tenant's name", Example: "public",
			Doc: "The schema in which the tenant's tables stand."},
		{Path: p + "schemas", Type: NameList, Default: "the tenant's name", Example: "[acme, acme_archive]",
			Doc: "Several schemas, the one that search_path names first first. Instead of schema."},
		{Path: p + "databases", Type: Mapping, Default: "none", Example: "{acme_archive: {}, acme_stats: {schema: public}}",
			Doc: "Further databases, each the tenant's own, under their names. The tenant's logins get into each of them, and nobody else's do."},
		{Path: p + "databases.NAME", Type: Mapping, Example: "{schemas: [acme, acme_import]}",
			Doc: "One further database. {} or nothing is enough."},
		{Path: p + "databases.NAME.schema", Type: Name, Default: "the tenant's name", Example: "public",
			Doc: "The schema in which the tenant's tables stand in that database."},
		{Path: p + "databases.NAME.schemas", Type: NameList, Default: "the tenant's name", Example: "[acme, acme_import]",
			Doc: "Several schemas, the one that search_path names first there first. Instead of schema."},
		{Path: p + "owner", Type: Name, Default: "NAME_owner", Example: "legacy_owner",
			Doc: "The role that owns the schemas, in every database of the tenant, and everything in them. It cannot log in."},
		{Path: p + "logins", Type: Mapping, Default: "app: NAME_app (not with rights: read), ro: NAME_ro, and ddl: NAME_ddl with rights: ddl", Example: "{app: [web_a, web_b]}",
			Doc: "The tenant's logins, by kind (app, ro, ddl) or each under its own name. When given, it is the whole list, save that rights: ddl adds NAME_ddl if no ddl login is named."},
		{Path: p + "logins.app", Type: NameOrList, Example: "acme_app",
			Doc: "Logins that may select, insert, update and delete."},
		{Path: p + "logins.ro", Type: NameOrList, Example: "[acme_ro, acme_report]",
			Doc: "Logins that may only select."},
		{Path: p + "logins.ddl", Type: NameOrList, Example: "acme_ddl",
			Doc: "Logins for migrations: what they create belongs to the owner. Wants rights: ddl."},
		{Path: p + "logins.NAME", Type: Mapping, Example: "{rights: read, connections: 5}",
			Doc: "One login by its name, with what it has of its own."},
		{Path: p + "logins.NAME.rights", Type: Choice, Values: words(tenant.AllRights()), Default: "crud", Example: "read",
			Doc: "What the login may do: crud as app, read as ro, ddl as ddl. One with ddl gives the tenant rights: ddl, unless the tenant says otherwise."},
		{Path: p + "logins.NAME.connections", Type: Count, Default: "limits.connections", Example: "5",
			Doc: "Concurrent connections of this login. The word none takes the tenant's limit back."},
		{Path: p + "adopt", Type: Bool, Default: "false", Example: "true",
			Doc: "Consents to taking over a database, schemas and roles of these names that landlord did not make."},
		{Path: p + "suspended", Type: Bool, Default: "false", Example: "true",
			Doc: "Closes the tenant's door: its logins cannot log in, and nothing is lost. landlord tenant suspend and resume change it."},
	}
}

// houseKeys are the keys that only a tenant and defaults have in common.
func houseKeys(prefix, database string) []Key {
	p := prefix + "."
	return []Key{
		{Path: p + "server", Type: Name, Default: "the only server", Example: "main",
			Doc: "The server, by its name under servers. Required when there are several. A tenant with isolation: cluster has none."},
		{Path: p + "isolation", Type: Choice, Values: words(tenant.Models()), Default: "database", Example: "schema",
			Doc: "database gives the tenant a database of its own; schema gives it a schema in a database that it shares with others; cluster gives it a server of its own, which landlord makes on this host and which has the tenant's name."},
		{Path: p + "database", Type: Name, Default: database, Example: "shared",
			Doc: "The database in which the tenant's schemas stand."},
		{Path: p + "profile", Type: Name, Default: "none", Example: "small",
			Doc: "The profile, by its name under profiles. The word none takes back a profile of defaults."},
	}
}

// allowanceKeys are the keys that a tenant, a profile and defaults have in
// common. The word none takes back a limit that stands above.
func allowanceKeys(prefix, above string) []Key {
	p := prefix + "."
	return slices.Concat([]Key{
		{Path: p + "rights", Type: Choice, Values: words(tenant.AllRights()), Default: "crud", Example: "ddl",
			Doc: "crud: the tenant's programs read and write rows. ddl: a further login may create and change tables. read: there is a login that reads, and no other. Each login's own rights are its kind, see logins."},
		{Path: p + "temp", Type: Bool, Default: "true", Example: "false",
			Doc: "Whether the tenant may make temporary tables."},
		{Path: p + "extensions", Type: NameList, Default: "none", Example: "[citext, pg_trgm]",
			Doc: "Extensions that the tenant can use. landlord installs them, owns them and puts them at the end of the tenant's search_path; in a shared database every tenant there can use them. Those that lead out of a house, such as dblink, file_fdw or an untrusted language, are refused. An empty list takes back what " + above + " says."},
		{Path: p + "large_objects", Type: Bool, Default: "false", Example: "true",
			Doc: "Whether the tenant may make large objects (lo_create and its kin). They stand in no schema and count for no limit. In a shared database it holds for every tenant there, as soon as one may."},
		{Path: p + "advisory_locks", Type: Bool, Default: "false", Example: "true",
			Doc: "Whether tenants of a shared database may take advisory locks, as many migration tools and job queues do. Their keys are one space for everybody in the database, so that tenants can block each other, and see which keys are taken. It holds for every tenant there, as soon as one may. In a database of its own a tenant may always."},
		{Path: p + "limits", Type: Mapping, Default: "none", Example: "{connections: 20, statement_timeout: 30s}",
			Doc: "What each of the tenant's logins may use. The word none takes back a limit of " + above + "."},
	}, limitKeys(p), []Key{
		{Path: p + "settings", Type: Mapping, Default: "none", Example: "{timezone: UTC}",
			Doc: "Further PostgreSQL parameters of the tenant's logins, which the tenant can change."},
		{Path: p + "settings.NAME", Type: Scalar, Example: "UTC",
			Doc: "One parameter by its PostgreSQL name, such as timezone or app.region. true and false mean on and off."},
	})
}

func limitKeys(p string) []Key {
	return []Key{
		{Path: p + "limits.connections", Type: Count, Default: "none", Example: "20",
			Doc: "Concurrent connections of each login. The server enforces it."},
		{Path: p + "limits.temp_files", Type: Size, Default: "none", Example: "1GiB",
			Doc: "Temporary files of one session (temp_file_limit). Enforced where landlord is superuser."},
		{Path: p + "limits.statement_timeout", Type: Duration, Default: "none", Example: "30s",
			Doc: "How long one statement may run. A default that the tenant can change."},
		{Path: p + "limits.lock_timeout", Type: Duration, Default: "none", Example: "5s",
			Doc: "How long a statement waits for a lock. A default that the tenant can change."},
		{Path: p + "limits.idle_transaction", Type: Duration, Default: "none", Example: "5min",
			Doc: "How long a session may sit in an open transaction (idle_in_transaction_session_timeout). A default that the tenant can change."},
		{Path: p + "limits.work_mem", Type: Size, Default: "none", Example: "16MB",
			Doc: "Memory of one sort or hash (work_mem), at least 64kB. A default that the tenant can change."},
	}
}

func words[T ~string](values []T) []string {
	var ws []string
	for _, v := range values {
		ws = append(ws, string(v))
	}
	return ws
}

func childNames(keys []Key) map[string][]string {
	names := map[string][]string{}
	for _, k := range keys {
		names[k.parent()] = append(names[k.parent()], k.Name())
	}
	return names
}
