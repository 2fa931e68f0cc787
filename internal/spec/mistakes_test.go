package spec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// head is a valid beginning of four lines, so that tenants stand from line 5.
const head = "servers:\n  main:\n    connection: host=/run\ntenants:\n"

func TestMistakes(t *testing.T) {
	const knownTenant = "schema, schemas, databases, owner, logins, adopt, suspended, server, isolation, database, profile, rights, temp, extensions, large_objects, advisory_locks, limits, settings, resources"
	tests := []struct {
		name, text string
		want       []mistake
	}{
		{"empty", "", []mistake{{1, 1, "servers", noServer, ""}}},
		{"only a comment", "# nothing\n", []mistake{{1, 1, "servers", noServer, ""}}},
		{"no servers", "servers:\ntenants: {}\n", []mistake{{1, 1, "servers", noServer, ""}}},
		{"a scalar", "hello\n", []mistake{{1, 1, "", "wants a key with a colon behind it, found text", ""}}},
		{"a list", "- a\n- b\n", []mistake{{1, 1, "", "wants a key with a colon behind it, found a list", ""}}},
		{"top-level typo", head + "  acme:\ntenatns: {}\n", []mistake{{6, 1, "tenatns", "unknown key", `did you mean "tenants"?`}}},
		{"top-level stranger", head + "  acme:\nclusters: {}\n", []mistake{{6, 1, "clusters", "unknown key: known are servers, host, router, admins, secrets, journal, audit, defaults, profiles, tenants", ""}}},
		{"section twice", head + "  acme:\ntenants: {}\n", []mistake{{6, 1, "tenants", "given twice: first on line 4", ""}}},
		{"tenant twice", head + "  acme:\n  bolt:\n  acme:\n", []mistake{{7, 3, "tenants.acme", "given twice: first on line 5", ""}}},
		{"tenant twice in flow", head[:len(head)-1] + " {acme: {}, acme: {}}\n", []mistake{{4, 21, "tenants.acme", "given twice: first on line 4", ""}}},
		{"key twice", head + "  acme:\n    temp: true\n    temp: false\n", []mistake{{7, 5, "tenants.acme.temp", "given twice: first on line 6", ""}}},
		{"key typo", head + "  acme:\n    isolaton: schema\n", []mistake{{6, 5, "tenants.acme.isolaton", "unknown key", `did you mean "isolation"?`}}},
		{"key in capitals", head + "  acme: {Rights: ddl}\n", []mistake{{5, 10, "tenants.acme.Rights", "unknown key", `did you mean "rights"?`}}},
		{"key stranger", head + "  acme: {colour: red}\n", []mistake{{5, 10, "tenants.acme.colour", "unknown key: known are " + knownTenant, ""}}},
		{"limit typo", head + "  acme:\n    limits: {conections: 3}\n", []mistake{{6, 14, "tenants.acme.limits.conections", "unknown key", `did you mean "connections"?`}}},
		{"default typo", "defaults: {isolatoin: schema}\n" + head, []mistake{{1, 12, "defaults.isolatoin", "unknown key", `did you mean "isolation"?`}}},
		{"choice typo", head + "  acme: {isolation: databse}\n", []mistake{{5, 21, "tenants.acme.isolation", `"databse" is none of schema, database, cluster`, `did you mean "database"?`}}},
		{"tenant is text", head + "  acme: schema\n", []mistake{{5, 9, "tenants.acme", "wants a mapping, found text", ""}}},
		{"tenants are a list", head + "  - acme\n  - bolt\n", []mistake{{5, 3, "tenants", "wants a mapping, found a list", ""}}},
		{"tenants are a list, not indented", head + "- acme\n- bolt\n", []mistake{{5, 1, "tenants", "wants a mapping, found a list", ""}}},
		{"no colon", head + "  acme\n", []mistake{{5, 3, "tenants", "wants a key with a colon behind it, found text", ""}}},
		{"bad name", head + "  Acme:\n", []mistake{{5, 3, "tenants.Acme", `"Acme" is no tenant name: a lower-case letter first, then lower-case letters, digits and underscores`, ""}}},
		{"reserved name", head + "  postgres:\n", []mistake{{5, 3, "tenants.postgres", `"postgres" is reserved: PostgreSQL or landlord uses it`, ""}}},
		{"name is no text", head + "  null: {}\n  12: {}\n", []mistake{
			{5, 3, "tenants.null", "the name is nothing to YAML: write it in quotes", ""},
			{6, 3, "tenants.12", "the name is a number to YAML: write it in quotes", ""}}},
		{"number for text", head + "  acme: {database: 12}\n", []mistake{{5, 20, "tenants.acme.database", "wants text, found a number", `did you mean "12", in quotes?`}}},
		{"list for text", head + "  acme: {owner: [a]}\n", []mistake{{5, 17, "tenants.acme.owner", "wants text, found a list", ""}}},
		{"nothing for text", head + "  acme:\n    owner:\n    temp: true\n", []mistake{{6, 11, "tenants.acme.owner", "wants text, found nothing", ""}}},
		{"yes for true", head + "  acme: {temp: yes}\n", []mistake{{5, 16, "tenants.acme.temp", "wants true or false, found text", `did you mean "true"?`}}},
		{"text for number", head + "  acme: {limits: {connections: many}}\n", []mistake{{5, 32, "tenants.acme.limits.connections", "wants a whole number, found text", ""}}},
		{"number out of range", head + "  acme: {limits: {connections: 0}}\n  bolt: {limits: {connections: -1}}\n  cora: {limits: {connections: 1.5}}\n", []mistake{
			{5, 32, "tenants.acme.limits.connections", "0 is out of range: wants a whole number from 1 to 262143", ""},
			{6, 32, "tenants.bolt.limits.connections", "-1 is out of range: wants a whole number from 1 to 262143", ""},
			{7, 32, "tenants.cora.limits.connections", "1.5 is out of range: wants a whole number from 1 to 262143", ""}}},
		{"no unit", head + "  acme: {limits: {lock_timeout: 30}}\n", []mistake{{5, 33, "tenants.acme.limits.lock_timeout", `"30" has no unit: wants a duration such as 250ms, 30s, 5min, 1h or 1d`, ""}}},
		{"wrong unit", head + "  acme: {limits: {temp_files: 1gb}}\n", []mistake{{5, 31, "tenants.acme.limits.temp_files", `"1gb" has the unknown unit "gb": wants a size such as 64kB, 500MB or 1GiB`, `did you mean "1GB"?`}}},
		{"minutes", head + "  acme: {limits: {statement_timeout: 5m}}\n", []mistake{{5, 38, "tenants.acme.limits.statement_timeout", `"5m" has the unknown unit "m": wants a duration such as 250ms, 30s, 5min, 1h or 1d`, `did you mean "5min"?`}}},
		{"too little work_mem", head + "  acme: {limits: {work_mem: 32kB}}\n", []mistake{{5, 29, "tenants.acme.limits.work_mem", "PostgreSQL wants at least 64kB of work_mem", ""}}},
		{"schema and schemas", head + "  acme: {schema: a, schemas: [b]}\n", []mistake{{5, 10, "tenants.acme.schema", "schema and schemas cannot both be given: list them all under schemas", ""}}},
		{"no schemas", head + "  acme: {schemas: []}\n", []mistake{{5, 19, "tenants.acme.schemas", "wants at least one schema", ""}}},
		{"reserved roles", head + "  acme: {owner: pg_monitor, logins: {app: [landlord_temp]}}\n", []mistake{
			{5, 17, "tenants.acme.owner", `"pg_monitor" cannot be a tenant's role: PostgreSQL or landlord uses it`, ""},
			{5, 44, "tenants.acme.logins.app[0]", `"landlord_temp" cannot be a tenant's role: PostgreSQL or landlord uses it`, ""}}},
		{"long identifier", head + "  acme: {schema: " + strings.Repeat("x", 64) + "}\n", []mistake{{5, 18, "tenants.acme.schema", fmt.Sprintf("%q has 64 bytes; PostgreSQL keeps 63", strings.Repeat("x", 64)), ""}}},
		{"template1", head + "  acme: {database: template1}\n", []mistake{{5, 20, "tenants.acme.database", `"template1" cannot be a tenant's database: it belongs to the server`, ""}}},
		{"writer without the right", head + "  acme: {rights: read, logins: {app: a, ro: b}}\n  bolt: {rights: read, logins: {ddl: c}}\n", []mistake{
			{5, 33, "tenants.acme.logins.app", "a login that writes wants rights: crud, or ddl", ""},
			{6, 33, "tenants.bolt.logins.ddl", "a login for DDL wants rights: ddl", ""}}},
		{"migrator without the right", head + "  acme: {logins: {ddl: m}}\n", []mistake{{5, 19, "tenants.acme.logins.ddl", "a login for DDL wants rights: ddl", ""}}},
		{"settings that landlord sets", head + "  acme: {settings: {Search_Path: x, work_mem: 1MB, role: x}}\n", []mistake{
			{5, 21, "tenants.acme.settings.Search_Path", "cannot stand under settings: landlord sets it: list the schemas under schemas", ""},
			{5, 37, "tenants.acme.settings.work_mem", "cannot stand under settings: write it as limits: work_mem", ""},
			{5, 52, "tenants.acme.settings.role", "cannot stand under settings: landlord sets the role of the logins that need it", ""}}},
		{"settings that are none", head + "  acme: {settings: {a b: 1, a.b.c: 2, x: [], y: , TimeZone: a, timezone: b}}\n", []mistake{
			{5, 21, `tenants.acme.settings."a b"`, "no name of a PostgreSQL parameter: letters, digits and underscores, with at most one dot", ""},
			{5, 29, `tenants.acme.settings."a.b.c"`, "no name of a PostgreSQL parameter: letters, digits and underscores, with at most one dot", ""},
			{5, 42, "tenants.acme.settings.x", "wants text, a number or true/false, found a list", ""},
			{5, 48, "tenants.acme.settings.y", "wants text, a number or true/false, found nothing", ""},
			{5, 64, "tenants.acme.settings.timezone", "given twice: PostgreSQL does not tell capitals in a parameter's name", ""}}},
		{"unknown server", head + "  acme: {server: mian}\n", []mistake{{5, 10, "tenants.acme.server", `no server "mian" stands under servers`, `did you mean "main"?`}}},
		{"unknown default server", "defaults: {server: x}\n" + head + "  acme:\n", []mistake{{1, 12, "defaults.server", `no server "x" stands under servers`, ""}}},
		{"unknown profile", "profiles: {small: {}, large: {}}\n" + head + "  acme: {profile: smal}\n  bolt: {profile: none}\n", []mistake{
			{6, 10, "tenants.acme.profile", `no profile "smal" stands under profiles`, `did you mean "small"?`}}},
		{"unknown default profile", "defaults: {profile: x}\n" + head + "  acme:\n  bolt:\n", []mistake{{1, 12, "defaults.profile", `no profile "x" stands under profiles`, ""}}},
		{"profiles", "profiles: {none: {}, a b: {}, c: {isolation: schema, rigths: ddl}, c: {}}\n" + head, []mistake{
			{1, 12, "profiles.none", "none is no name for a profile: profile: none means without one", ""},
			{1, 22, `profiles."a b"`, "a profile's name is made of letters, digits, underscores and hyphens", ""},
			{1, 35, "profiles.c.isolation", "unknown key: known are rights, temp, extensions, large_objects, advisory_locks, limits, settings, resources", ""},
			{1, 54, "profiles.c.rigths", "unknown key", `did you mean "rights"?`},
			{1, 68, "profiles.c", "given twice: first on line 1", ""}}},
		{"waivers", "audit: {waivers: {a: {until: soon}, b: }}\n" + head, []mistake{
			{1, 19, "audit.waivers.a", "reason is missing: a waiver without one is forgotten by everybody", ""},
			{1, 30, "audit.waivers.a.until", `"soon" is no day: write it as YYYY-MM-DD`, ""},
			{1, 37, "audit.waivers.b", "reason is missing: a waiver without one is forgotten by everybody", ""},
			{1, 37, "audit.waivers.b", `until is missing: the last day on which the waiver counts, such as "2027-03-31"`, ""}}},
		{"journal", "journal: {file: '', syslog: yes}\n" + head, []mistake{
			{1, 17, "journal.file", "wants something, found nothing but blanks", ""},
			{1, 29, "journal.syslog", "wants true or false, found text", `did you mean "true"?`}}},
		{"suspended", "defaults: {suspended: true}\n" + head + "  acme: {suspended: since May}\n", []mistake{
			{1, 12, "defaults.suspended", "unknown key: known are server, isolation, database, profile, rights, temp, extensions, large_objects, advisory_locks, limits, settings, resources", ""},
			{6, 21, "tenants.acme.suspended", "wants true or false, found text", ""}}},
		{"which server", "servers:\n  a: {connection: host=a}\n  b: {connection: host=b}\ntenants:\n  acme:\n", []mistake{{5, 3, "tenants.acme.server", "which server? There are several: a, b", ""}}},
		{"server without connection", "servers:\n  main:\n", []mistake{{2, 3, "servers.main", noConnection, ""}}},
		{"password", "servers:\n  main:\n    connection: host=a password=x\n", []mistake{{3, 17, "servers.main.connection", errPassword.Error(), ""}}},
		{"password in a URI", "servers:\n  main:\n    connection: postgres://me:x@a/db\n    endpoint: postgres://a/?password=x\n", []mistake{
			{3, 17, "servers.main.connection", errPassword.Error(), ""}, {4, 15, "servers.main.endpoint", errPassword.Error(), ""}}},
		{"connection typo", "servers:\n  main:\n    connection: hots=a\n", []mistake{{3, 17, "servers.main.connection", `libpq knows no connection parameter "hots"`, `did you mean "host"?`}}},
		{"networks", "servers:\n  main:\n    connection: host=a\n    clients: [10.0.0.1/8, x, 10.0.0.0/33]\n", []mistake{
			{4, 15, "servers.main.clients[0]", `"10.0.0.1/8" has bits set behind its first 8`, `did you mean "10.0.0.0/8"?`},
			{4, 27, "servers.main.clients[1]", `"x" is no network: wants a prefix such as 10.0.0.0/8, or one address`, ""},
			{4, 30, "servers.main.clients[2]", `"10.0.0.0/33" is no network: wants a prefix such as 10.0.0.0/8, or one address`, ""}}},
		{"admins", head + "admins:\n  ops: {data_access: all}\n  watch:\n  pg_x: {data_access: none, colour: red}\n  dba: {data_access: full, servers: [mian], adopt: yes}\n", []mistake{
			{6, 22, "admins.ops.data_access", `"all" is none of full, read, none`, ""},
			{7, 3, "admins.watch", "data_access is missing: full, read or none?", ""},
			{8, 3, "admins.pg_x", `"pg_x" cannot be an administrator's login: PostgreSQL or landlord uses it`, ""},
			{8, 29, "admins.pg_x.colour", "unknown key: known are data_access, servers, adopt", ""},
			{9, 28, "admins.dba.servers", `no server "mian" stands under servers`, `did you mean "main"?`},
			{9, 52, "admins.dba.adopt", "wants true or false, found text", `did you mean "true"?`}}},
		{"extensions", head + "  acme: {extensions: [citext, dblink, plpython3u, mysql_fdw, Citext, citext]}\n", []mistake{
			{5, 22, "tenants.acme.extensions", "citext is named twice", ""},
			{5, 31, "tenants.acme.extensions[1]", "extension dblink leads out of the tenant's house: it connects from the server itself, past the rules on addresses. landlord installs none of the kind", ""},
			{5, 39, "tenants.acme.extensions[2]", "extension plpython3u leads out of the tenant's house: a function in it does what the server's own user may: it reads every tenant's files. landlord installs none of the kind", ""},
			{5, 51, "tenants.acme.extensions[3]", "extension mysql_fdw leads out of the tenant's house: it connects from the server itself, past the rules on addresses. landlord installs none of the kind", ""},
			{5, 62, "tenants.acme.extensions[4]", `"Citext" is no name of an extension: lower-case letters, digits, underscores and hyphens`, ""}}},
		{"large objects", head + "  acme: {large_objects: some}\n", []mistake{{5, 25, "tenants.acme.large_objects", "wants true or false, found text", ""}}},
		{"secrets twice", "secrets: {file: /a, command: b}\n" + head, []mistake{{1, 1, "secrets", "command and file cannot both be given: where shall the passwords go?", ""}}},
		{"lookup alone", "secrets: {lookup: b}\n" + head, []mistake{{1, 11, "secrets.lookup", "wants command beside it: nothing can be looked up that was not stored", ""}}},
		{"a shell line", "secrets:\n  command: sh -c 'cat >x'\n" + head, []mistake{{2, 12, "secrets.command", shellLine, ""}}},
		{"two documents", head + "  acme:\n---\ntenants: 3\n", []mistake{{6, 1, "", "a YAML document ends here: landlord reads one document per file", ""}}},
		{"a directive", "%YAML 1.2\n---\n" + head, []mistake{{1, 1, "", "YAML directives are not supported", ""}}},
		{"a tag", head + "  acme: !!map {}\n", []mistake{{5, 9, "tenants", "YAML tags are not used in this file", ""}}},
		{"not UTF-8", head + "  acme:\n  b\xff:\n", []mistake{{6, 4, "", "the file is not UTF-8 from here on: save it as UTF-8", ""}}},
		{"a control character", head + "  acme: {owner: \"a\x1b[2J\"}\n", []mistake{{5, 19, "", "the control character U+001B cannot stand in this file; write it as an escape in double quotes", ""}}},
		{"NUL in a name", head + "  acme: {owner: \"a\\0\"}\n", []mistake{{5, 17, "tenants.acme.owner", `"a\x00" holds a NUL, which PostgreSQL does not allow`, ""}}},
		{"unknown alias", head + "  acme: *x\n", []mistake{{5, 9, "tenants", "no anchor &x stands above this alias", ""}}},
		{"alias of itself", head + "  acme: &x {limits: *x}\n", []mistake{{5, 21, "tenants", "no anchor &x stands above this alias", ""}}},
		{"too far to the left", head + "   acme:\n  bolt: {temp: 3}\n", []mistake{
			{6, 3, "tenants", "this entry stands further to the left than those above it", ""},
			{6, 16, "tenants.bolt.temp", "wants true or false, found a number", ""}}},
		{"tabs", head + "\tacme:\n", []mistake{{5, 1, "", "a tab in the indentation: YAML wants blanks", ""}}},
		{"open quote", head + "  acme: {owner: \"x}\n  bolt: {tmep: true}\n", []mistake{
			{5, 17, "tenants", "YAML: could not find end character of double-quoted text", ""},
			{6, 10, "tenants.bolt.tmep", "unknown key", `did you mean "temp"?`}}},
		{"open bracket", head + "  acme: {owner: x\n  bolt: {tmep: true}\n", []mistake{
			{5, 9, "tenants", "YAML: could not find flow mapping end token '}'", ""},
			{6, 10, "tenants.bolt.tmep", "unknown key", `did you mean "temp"?`}}},
		{"deep", head + "  acme: " + strings.Repeat("[", 100) + "\n", []mistake{{5, 41, "tenants", "nested more than 32 deep", ""}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mistakes(t, tt.text)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

const (
	noServer     = "the file names no server. For instance servers: {main: {connection: host=/var/run/postgresql user=postgres}}"
	noConnection = "connection is missing: how does landlord reach this server? For instance connection: host=/var/run/postgresql user=postgres"
	shellLine    = "no shell runs here, so quotes and shell signs mean nothing: write the program and its arguments as a list, such as [/usr/local/bin/password, store]"
)

func TestCollisionsHavePlaces(t *testing.T) {
	tests := []struct {
		name, text string
		want       []mistake
	}{
		{"name and role", "  acme:\n  acme_app:\n", []mistake{
			{6, 3, "tenants.acme_app", `"acme_app" is both a login of tenant acme and the identity of tenant acme_app: a role can belong to one of them only (line 5)`, ""},
			{6, 3, "tenants.acme_app.database", `"acme_app" is both a login of tenant acme and the database of tenant acme_app: pg_hba.conf would let that role's members in (line 5)`, ""}}},
		{"own identity", "  acme: {logins: {app: acme}}\n", []mistake{
			{5, 19, "tenants.acme.logins.app", `"acme" is both the identity of tenant acme and a login of tenant acme: identity and owner cannot log in; give the login another name (line 5)`, ""}}},
		{"owners", "  acme:\n    owner: old\n  bolt:\n    owner: old\n", []mistake{
			{8, 5, "tenants.bolt.owner", `"old" is both the owner of tenant acme and the owner of tenant bolt: a role can belong to one of them only (line 6)`, ""}}},
		{"schemas", "  acme: {isolation: schema, schema: s}\n  bolt: {isolation: schema, schemas: [b, s]}\n", []mistake{
			{6, 29, "tenants.bolt.schemas", `"s" is both a schema in the same database of tenant acme and a schema in the same database of tenant bolt: a schema can belong to one tenant only (line 5)`, ""}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mistakes(t, head+tt.text)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTwoHundredMistakes(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	for i := range 200 {
		fmt.Fprintf(&b, "  t%d: {tmep: true}\n", i)
	}
	got := mistakes(t, b.String())
	if len(got) != 200 {
		t.Fatalf("%d mistakes, want 200", len(got))
	}
	if last := (mistake{204, 10, "tenants.t199.tmep", "unknown key", `did you mean "temp"?`}); got[199] != last {
		t.Errorf("last: %+v, want %+v", got[199], last)
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	for _, line := range []string{
		"connection: host=a password=hunter2 port=x",
		"connection: host=a password = 'hunter2 hunter2'",
		`connection: "host=a PASSWORD='hunter2"`,
		"connection: postgres://me:hunter2@host/db",
		"connection: postgres://me:hunter2@hunter2@host/db?x=y",
		"connection: postgres://host/db?sslpassword=hunter2",
		"connection: postgres://host/db?pass%77ord=hunter2",
		"connection: {password: hunter2}",
		"password: hunter2",
		`"password": "hunter2 hunter2`,
	} {
		_, err := Parse("f", []byte("servers:\n  main:\n    "+line+"\n"))
		if err == nil {
			t.Errorf("%s: accepted", line)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s:\n%v", line, err)
		}
	}
}

func TestErrorText(t *testing.T) {
	_, err := Parse("landlord.yaml", []byte(head+"  acme: {tmep: true} # é\n"))
	const want = `landlord.yaml:5:10: tenants.acme.tmep: unknown key; did you mean "temp"?
    5 |   acme: {tmep: true} # é
      |          ^`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}
