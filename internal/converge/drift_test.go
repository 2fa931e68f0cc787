package converge_test

import (
	"fmt"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// drift is one kind of thing that people do by hand.
type drift struct {
	name string
	do   func(w *world)
}

// drifts lists all kinds.
var drifts = []drift{
	{"grant on a database", grantDatabase}, {"grant on a schema", grantSchema}, {"grant on an object", grantObject}, {"grant on a column", grantColumn},
	{"wide ACL", wideACL}, {"revoke from a tenant", revokeObject}, {"revoke all", revokeAll}, {"database owner", databaseOwner},
	{"schema owner", schemaOwner}, {"object owner", objectOwner}, {"default privileges", defaultPrivileges}, {"global defaults", globalDefaults},
	{"lost defaults", lostDefaults}, {"membership", membership}, {"granted by another", grantedByAnother}, {"membership revoked", membershipRevoked},
	{"attributes", attributes}, {"role setting", roleSetting}, {"database setting", databaseSetting}, {"object by the wrong role", wrongObject},
	{"extra schema", extraSchema}, {"public again", publicAgain}, {"schema dropped", schemaDropped}, {"role dropped", roleDropped},
	{"system grants", systemGrants}, {"postgres opened", postgresOpened}, {"database attributes", databaseAttributes}, {"catalog rights", catalogRights},
	{"large object", largeObjects}, {"comment", comments}, {"lost temp", lostConnect},
	{"admins", adminDrift}, {"pools", poolDrift}, {"router", routerDrift}, {"extensions", extensionDrift}, {"functions for large objects", largeDrift},
	{"setting for everybody", everybodysSetting}, {"settings on a closed database", closedDatabase},
	{"foreign server", foreignServers}, {"strict system", strictSystem},
}

// mess does several random things by hand.
func (w *world) mess(n int) (names []string) {
	for range n {
		d := pick(w.gen, drifts)
		names = append(names, d.name)
		d.do(w)
	}
	return names
}

// lodger is a tenant in one of its databases.
type lodger struct {
	tenant.Tenant
	at tenant.Place
}

// group is a role that holds CONNECT on a tenant's database.
func (w *world) group() string {
	t := w.tenant()
	return t.Group(t.at)
}

func (w *world) tenant() lodger {
	t := pick(w.gen, w.e.Tenants)
	return lodger{t, pick(w.gen, t.Places())}
}

// anybody is PUBLIC, a role of any tenant, or a stranger, quoted.
func (w *world) anybody() string {
	switch {
	case w.chance(20):
		return "PUBLIC"
	case w.chance(25):
		return pgsql.Ident(w.stranger())
	}
	return pgsql.Ident(pick(w.gen, w.roles()))
}

// stranger is a role that is no tenant's, made when first asked for.
func (w *world) stranger() string {
	if len(w.strangers) > 0 && (w.chance(60) || len(w.strangers) > 8) {
		return pick(w.gen, w.strangers)
	}
	name := w.name("stranger")
	w.must("postgres", "", "CREATE ROLE "+pgsql.Ident(name)+pick(w.gen, []string{"", " LOGIN", " CREATEROLE", " NOINHERIT"}))
	w.strangers = append(w.strangers, name)
	return name
}

func (w *world) role() string {
	if w.chance(25) {
		return w.stranger()
	}
	return pick(w.gen, w.roles())
}

func (w *world) option() string { return pick(w.gen, []string{"", "", " WITH GRANT OPTION"}) }

// passOn grants something on, as a grantee who has it with grant option.
func (w *world) passOn(db, privs, object, grantee string) {
	if grantee != "PUBLIC" && w.chance(60) {
		names, _ := pgsql.SplitIdents(grantee)
		next := w.anybody()
		w.hand(db, names[0], "GRANT "+privs+" ON "+object+" TO "+next+strings.ReplaceAll(w.option(), "x", ""))
	}
}

func (w *world) grant(db, privs, object string) {
	to, option := w.anybody(), w.option()
	if to == "PUBLIC" {
		option = ""
	}
	if w.hand(db, "", "GRANT "+privs+" ON "+object+" TO "+to+option) && option != "" {
		w.passOn(db, privs, object, to)
	}
}

func grantDatabase(w *world) {
	db := pick(w.gen, append(w.databases(), "postgres", "template1"))
	w.grant("postgres", pick(w.gen, []string{"CONNECT", "TEMPORARY", "CREATE", "ALL", "CREATE, CONNECT"}), "DATABASE "+pgsql.Ident(db))
}

func grantSchema(w *world) {
	t := w.tenant()
	w.grant(t.at.Database, pick(w.gen, []string{"USAGE", "CREATE", "ALL"}), "SCHEMA "+pgsql.Ident(pick(w.gen, t.at.Schemas)))
}

func (w *world) object(db, kind string) (object, bool) {
	var of []object
	for _, o := range w.objects(db) {
		if kind == "" || o.kind == kind {
			of = append(of, o)
		}
	}
	if len(of) == 0 {
		return object{}, false
	}
	return pick(w.gen, of), true
}

func grantObject(w *world) {
	t := w.tenant()
	o, ok := w.object(t.at.Database, pick(w.gen, []string{"relation", "relation", "routine", "type"}))
	if !ok || w.me == master && w.constructor(t.at.Database, o) {
		return
	}
	privs := "ALL"
	if word := o.grantWord(); word == "TABLE" {
		privs = pick(w.gen, []string{"ALL", "SELECT", "UPDATE, DELETE", "TRUNCATE", "TRIGGER", "REFERENCES", "INSERT"})
	} else if word == "SEQUENCE" {
		privs = pick(w.gen, []string{"ALL", "USAGE", "UPDATE", "SELECT"})
	}
	w.grant(t.at.Database, privs, o.grantWord()+" "+o.name)
}

// constructor says whether a routine makes the values of a range type. Such a
// one is the first superuser's, whoever makes the type (makeRangeConstructors),
// so that only a superuser can open it to others, and close it again.
func (w *world) constructor(db string, o object) bool {
	return o.kind == "routine" && len(w.rows(db, `SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = prolang
		WHERE lanname = 'internal' AND proowner = 10 AND p.oid::regprocedure::text = `+pgsql.Literal(o.name))) > 0
}

func (w *world) aColumn(db string) (table, column string, ok bool) {
	cols := w.rows(db, `SELECT format('%I.%I', nspname, relname), format('%I', attname) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
		JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm') AND nspname !~ '^(pg_|information_schema)' AND attnum > 0 AND NOT attisdropped ORDER BY 1, 2`)
	if len(cols) == 0 {
		return "", "", false
	}
	c := pick(w.gen, cols)
	return c[0], c[1], true
}

func grantColumn(w *world) {
	db := w.tenant().at.Database
	if table, column, ok := w.aColumn(db); ok {
		w.grant(db, pick(w.gen, []string{"SELECT", "UPDATE", "REFERENCES", "ALL"})+" ("+column+")", "TABLE "+table)
	}
}

func wideACL(w *world) {
	t := w.tenant()
	o, ok := w.object(t.at.Database, "relation")
	if !ok {
		return
	}
	var names []string
	for range 20 {
		names = append(names, pgsql.Ident(w.role()))
	}
	w.hand(t.at.Database, "", "GRANT SELECT ON "+o.grantWord()+" "+o.name+" TO "+strings.Join(names, ", "))
}

func revokeObject(w *world) {
	t := w.tenant()
	if o, ok := w.object(t.at.Database, ""); ok && o.kind != "other" {
		w.hand(t.at.Database, "", "REVOKE ALL ON "+o.grantWord()+" "+o.name+" FROM "+w.anybody()+", "+w.anybody()+" CASCADE")
	}
}

// revokeAll leaves the empty ACL {}, not NULL.
func revokeAll(w *world) {
	t := w.tenant()
	everybody := "PUBLIC, " + pgsql.Idents(t.Roles()...)
	if o, ok := w.object(t.at.Database, ""); ok && o.kind != "other" {
		w.hand(t.at.Database, "", "REVOKE ALL ON "+o.grantWord()+" "+o.name+" FROM "+everybody+" CASCADE")
	}
	w.hand(t.at.Database, "", "REVOKE ALL ON SCHEMA "+pgsql.Ident(pick(w.gen, t.at.Schemas))+" FROM "+everybody+" CASCADE")
}

func databaseOwner(w *world) {
	w.hand("postgres", "", "ALTER DATABASE "+pgsql.Ident(w.tenant().at.Database)+" OWNER TO "+pgsql.Ident(w.role()))
}

func schemaOwner(w *world) {
	t := w.tenant()
	w.hand(t.at.Database, "", "ALTER SCHEMA "+pgsql.Ident(pick(w.gen, t.at.Schemas))+" OWNER TO "+pgsql.Ident(w.role()))
}

func objectOwner(w *world) {
	t := w.tenant()
	for range 1 + w.IntN(3) {
		if o, ok := w.object(t.at.Database, ""); ok {
			w.hand(t.at.Database, "", "ALTER "+o.word+" "+o.name+" OWNER TO "+pick(w.gen, []string{pgsql.Ident(w.role()), "postgres"}))
		}
	}
}

var defaultKinds = map[string][]string{
	"TABLES": {"ALL", "SELECT", "UPDATE, TRUNCATE"}, "SEQUENCES": {"ALL", "UPDATE"}, "FUNCTIONS": {"ALL"}, "TYPES": {"ALL"}, "SCHEMAS": {"ALL", "CREATE"},
}

func (w *world) aDefault(in string, kinds ...string) {
	t := w.tenant()
	creator := pick(w.gen, []string{t.Owner, w.role(), "postgres"})
	kind := pick(w.gen, kinds)
	sql := "ALTER DEFAULT PRIVILEGES FOR ROLE " + pgsql.Ident(creator)
	if in != "" {
		sql += " IN SCHEMA " + pgsql.Ident(pick(w.gen, t.at.Schemas))
	}
	option, to := w.option(), w.anybody()
	if to == "PUBLIC" {
		option = ""
	}
	w.hand(t.at.Database, "", sql+" GRANT "+pick(w.gen, defaultKinds[kind])+" ON "+kind+" TO "+to+option)
}

func defaultPrivileges(w *world) { w.aDefault("schema", "TABLES", "SEQUENCES", "FUNCTIONS", "TYPES") }
func globalDefaults(w *world) {
	w.aDefault("", "TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "SCHEMAS")
}

// lostDefaults takes away what the house's owner gives, or gives itself.
func lostDefaults(w *world) {
	t := w.tenant()
	owner := pgsql.Ident(t.Owner)
	sql := "ALTER DEFAULT PRIVILEGES FOR ROLE " + owner
	switch w.IntN(4) {
	case 0:
		w.hand(t.at.Database, "", sql+" IN SCHEMA "+pgsql.Ident(pick(w.gen, t.at.Schemas))+" REVOKE ALL ON TABLES FROM "+pgsql.Idents(t.Roles()...))
	case 1:
		w.hand(t.at.Database, "", sql+" GRANT EXECUTE ON FUNCTIONS TO PUBLIC")
	case 2:
		w.hand(t.at.Database, "", sql+" REVOKE ALL ON "+pick(w.gen, []string{"TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "SCHEMAS"})+" FROM "+owner)
	case 3:
		w.hand(t.at.Database, "", sql+" REVOKE USAGE ON TYPES FROM PUBLIC")
	}
}

func attributes(w *world) {
	role := pick(w.gen, append(w.roles(), "landlord_tenants", "landlord_temp", w.group()))
	words := some(w.gen, 1+w.IntN(3), []string{"SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS", "NOINHERIT", "LOGIN",
		"NOLOGIN", "VALID UNTIL '2001-01-01'", "VALID UNTIL '2099-01-01 12:00+02'", "CONNECTION LIMIT 3", "CONNECTION LIMIT -1", "PASSWORD 'x'"})
	if strings.Contains(strings.Join(words, " "), " LOGIN NOLOGIN") {
		words = words[:1]
	}
	for _, word := range words {
		w.hand("postgres", "", "ALTER ROLE "+pgsql.Ident(role)+" "+word)
	}
}

func roleSetting(w *world) {
	t := w.tenant()
	role := pgsql.Ident(pick(w.gen, append(t.Roles(), "landlord_temp", t.Group(t.at))))
	in := pick(w.gen, []string{"", "", " IN DATABASE " + pgsql.Ident(w.tenant().at.Database), " IN DATABASE postgres"})
	what := pick(w.gen, []string{"SET search_path = pg_temp, \"a\"\"b\"", "SET role = 'none'", "SET statement_timeout = 0", "SET work_mem = '1GB'",
		"RESET search_path", "RESET ALL", "SET \"my.odd\" = 'it''s \\ '", "SET session_replication_role = replica", "SET temp_file_limit = -1",
		"SET session_preload_libraries = 'auto_explain'", "SET lock_timeout = '7s'", "SET log_statement = 'all'", "SET DateStyle = 'SQL, MDY'"})
	w.hand("postgres", "", "ALTER ROLE "+role+in+" "+what)
}

func databaseSetting(w *world) {
	w.hand("postgres", "", "ALTER DATABASE "+pgsql.Ident(w.tenant().at.Database)+" SET "+pick(w.gen, []string{"search_path = evil, public", "role = 'postgres'",
		"statement_timeout = '1h'", "default_transaction_read_only = on", "session_preload_libraries = 'auto_explain'", "app.x = 'y'"}))
}

// everybodysSetting sets a parameter for all roles.
func everybodysSetting(w *world) {
	w.hand("postgres", "", "ALTER ROLE ALL "+pick(w.gen, []string{"SET role = 'none'", "SET session_replication_role = replica", "SET lo_compat_privileges = on",
		"SET password_encryption = md5", "SET search_path = evil, public", "SET work_mem = '5MB'", "RESET work_mem"}))
}

// closedDatabase gives a database that is nobody's house to a tenant, who leaves
// something in it for the next superuser.
func closedDatabase(w *world) {
	w.hand("postgres", "", "ALTER DATABASE template1 SET "+pick(w.gen, []string{"search_path = evil, public", "work_mem = '6MB'", "session_preload_libraries = 'auto_explain'"})+
		"; ALTER DATABASE template1 OWNER TO "+pgsql.Ident(pick(w.gen, w.tenant().Roles())))
}

func schemaDropped(w *world) {
	t := w.tenant()
	w.hand(t.at.Database, "", "DROP SCHEMA "+pgsql.Ident(pick(w.gen, t.at.Schemas))+" CASCADE")
}

// roleDropped drops a role that holds little: a login, a group, a marker.
func roleDropped(w *world) {
	t := w.tenant()
	role := pick(w.gen, append(t.LoginRoles(), t.Group(t.at), "landlord_temp", "landlord_tenants"))
	for _, db := range w.open() {
		w.hand(db, "", "REASSIGN OWNED BY "+pgsql.Ident(role)+" TO postgres; DROP OWNED BY "+pgsql.Ident(role))
	}
	w.hand("postgres", "", "DROP ROLE "+pgsql.Ident(role))
}

func databaseAttributes(w *world) {
	db := pgsql.Ident(w.tenant().at.Database)
	w.hand("postgres", "", "ALTER DATABASE "+db+" "+pick(w.gen, []string{"IS_TEMPLATE true", "CONNECTION LIMIT 1", "CONNECTION LIMIT 0", "ALLOW_CONNECTIONS false"}))
}

func comments(w *world) {
	t := w.tenant()
	w.hand("postgres", "", fmt.Sprintf("COMMENT ON ROLE %s IS %s", pgsql.Ident(pick(w.gen, t.LoginRoles())), pgsql.Literal("landlord "+`{"tenant":"`+t.Name+`","role":"app"}`)))
}

// lostConnect takes away what a tenant needs to get in.
func lostConnect(w *world) {
	t := w.tenant()
	w.hand("postgres", "", "REVOKE "+pick(w.gen, []string{"ALL", "CONNECT", "TEMPORARY"})+" ON DATABASE "+pgsql.Ident(t.at.Database)+" FROM "+
		pick(w.gen, []string{pgsql.Ident(t.Group(t.at)), "postgres", "landlord_temp"}))
}
