package converge_test

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/localpg"
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// route gives most worlds a router, which looks verifiers up.
func (w *world) route() {
	user, err := localpg.ServerUser()
	if err != nil {
		w.t.Fatal(err)
	}
	if w.chance(70) {
		w.e.Servers[0].Router = tenant.RouterDoor{Lookup: true, User: user}
	}
}

func (w *world) routed() bool { return w.e.Servers[0].Router.Lookup }

// routerDrift makes the router's login more or less than it is, and the function
// by which it asks another one.
func routerDrift(w *world) {
	if !w.routed() {
		return
	}
	at := w.tenant().at
	db, lookup := pgsql.Ident(at.Database), "landlord.lookup(text)"
	schema := pgsql.Ident(pick(w.gen, at.Schemas))
	for _, sql := range some(w.gen, 1+w.IntN(4), []string{
		"ALTER ROLE landlord_router " + pick(w.gen, []string{"SUPERUSER", "REPLICATION", "CREATEROLE", "CREATEDB", "BYPASSRLS", "NOLOGIN", "NOINHERIT", "CONNECTION LIMIT 1", "PASSWORD 'x'", "VALID UNTIL '2001-01-01'"}),
		"ALTER ROLE landlord_router SET " + pick(w.gen, []string{"search_path = public", "role = 'postgres'", "work_mem = '1GB'"}),
		"ALTER ROLE landlord_router IN DATABASE " + db + " SET search_path = public",
		"GRANT " + pgsql.Ident(pick(w.gen, append(w.roles(), "postgres", "pg_read_all_data", "landlord_tenants"))) + " TO landlord_router" + w.membershipOptions(),
		"GRANT landlord_router TO " + pgsql.Ident(pick(w.gen, append(w.roles(), w.stranger()))) + w.membershipOptions(),
		"GRANT ALL ON DATABASE " + db + " TO landlord_router" + pick(w.gen, []string{"", " WITH GRANT OPTION"}),
		"GRANT CONNECT ON DATABASE postgres TO landlord_router",
		"REVOKE CONNECT ON DATABASE " + db + " FROM landlord_router",
		"GRANT ALL ON SCHEMA landlord TO " + w.anybody(),
		"REVOKE ALL ON SCHEMA landlord FROM landlord_router",
		"GRANT EXECUTE ON FUNCTION " + lookup + " TO " + w.anybody(),
		"GRANT EXECUTE ON FUNCTION " + lookup + " TO landlord_router WITH GRANT OPTION; SET ROLE landlord_router; GRANT EXECUTE ON FUNCTION " + lookup + " TO PUBLIC",
		"REVOKE EXECUTE ON FUNCTION " + lookup + " FROM landlord_router",
		"ALTER FUNCTION " + lookup + " " + pick(w.gen, []string{"SECURITY INVOKER", "SET search_path = public", "RESET ALL", "SET work_mem = '1GB'", "CALLED ON NULL INPUT", "STABLE", "PARALLEL SAFE", "LEAKPROOF"}),
		"ALTER FUNCTION " + lookup + " OWNER TO " + pgsql.Ident(pick(w.gen, w.roles())),
		"ALTER SCHEMA landlord OWNER TO " + pgsql.Ident(pick(w.gen, w.roles())),
		"DROP FUNCTION " + lookup, "DROP SCHEMA landlord CASCADE",
		"CREATE OR REPLACE FUNCTION landlord.lookup(text, OUT login text, OUT verifier text) RETURNS SETOF record LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT rolname::text, rolpassword FROM pg_authid WHERE rolname = $1'",
		"GRANT USAGE ON SCHEMA " + schema + " TO landlord_router; GRANT SELECT ON ALL TABLES IN SCHEMA " + schema + " TO landlord_router",
	}) {
		w.hand(at.Database, "", sql)
		w.hand(at.Database, "", "RESET ROLE")
	}
}

// judgeRouter compares the router's login with what it is to be, and sees by
// asking as that login that it is told what it needs, and nothing else.
func (o *oracle) judgeRouter(have map[string][]string) {
	const router = tenant.RouterRole
	if !o.routed() {
		return
	}
	if want := []string{"false", "true", "false", "false", "true", "false", "false", "200", "forever"}; !slices.Equal(have[router], want) {
		o.complain("the router's login has attributes %v, not %v", have[router], want)
		return
	}
	for _, r := range o.rows("postgres", `SELECT 'a password' FROM pg_authid WHERE rolname = $1 AND rolpassword IS NOT NULL
		UNION ALL SELECT 'a membership: ' || m.rolname || ' in ' || r.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid
			WHERE $1 IN (m.rolname, r.rolname) AND NOT m.rolsuper
		UNION ALL SELECT 'parameters ' || setconfig::text || ' in ' || coalesce(d.datname, 'all') FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole LEFT JOIN pg_database d ON d.oid = setdatabase
			WHERE r.rolname = $1 AND (setdatabase <> 0 OR setconfig::text <> '{search_path=pg_catalog}')`, router) {
		o.complain("the router's login has %s", r[0])
	}
	for _, r := range o.rows("postgres", `SELECT datname::text, has_database_privilege($1, oid, 'CONNECT'), has_database_privilege($1, oid, 'CONNECT WITH GRANT OPTION'),
		has_database_privilege($1, oid, 'TEMPORARY'), has_database_privilege($1, oid, 'CREATE') FROM pg_database WHERE datname <> 'template0'`, router) {
		lives := slices.Contains(o.databases(), r[0])
		if want := []string{fmt.Sprint(lives), "false", "false", "false"}; !slices.Equal(r[1:], want) && (lives || r[0] == "postgres") {
			o.complain("the router's login on database %q: CONNECT, to pass on, TEMPORARY, CREATE are %v, not %v", r[0], r[1:], want)
		}
	}
	for _, db := range o.databases() {
		if slices.Contains(o.open(), db) {
			o.judgeLookup(db)
		}
	}
}

func (o *oracle) judgeLookup(db string) {
	for _, r := range o.rows(db, `SELECT 'schema ' || nspname || ' is open to it' FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|landlord)' AND has_schema_privilege($1, oid, 'USAGE') AND nspname = ANY ($2)
		UNION ALL SELECT 'schema landlord: ' || has_schema_privilege($1, n.oid, 'USAGE')::text || has_schema_privilege($1, n.oid, 'CREATE')::text || pg_get_userbyid(nspowner) FROM pg_namespace n JOIN pg_roles o ON o.oid = nspowner
			WHERE nspname = 'landlord' AND (NOT o.rolsuper OR NOT has_schema_privilege($1, n.oid, 'USAGE') OR has_schema_privilege($1, n.oid, 'CREATE'))
		UNION ALL SELECT 'it is ' || coalesce(a.grantee::regrole::text, '') || '''s, ' || a.is_grantable::text || ', of ' || o.rolname FROM pg_proc p JOIN pg_roles o ON o.oid = proowner, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
			WHERE p.oid = to_regprocedure('landlord.lookup(text)') AND (NOT o.rolsuper OR a.grantee <> proowner AND (a.grantee = 0 OR a.grantee::regrole <> $1::regrole OR a.is_grantable))`, tenant.RouterRole, o.schemasIn(db)) {
		o.complain("the router's lookup in %q: %s", db, r[0])
	}
	c := o.superuser(db)
	if c == nil {
		return
	}
	const verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
	defer c.Exec(o.ctx(), "ROLLBACK; RESET SESSION AUTHORIZATION")
	sql := []string{"BEGIN", "ALTER ROLE postgres PASSWORD " + pgsql.Literal(verifier)}
	want := map[string]bool{"postgres": false, tenant.RouterRole: false}
	for _, t := range o.e.Tenants {
		for _, role := range t.Roles() {
			want[role] = false
		}
		for _, l := range t.Logins {
			want[l.Name] = lives(t, db)
			sql = append(sql, "ALTER ROLE "+pgsql.Ident(l.Name)+" PASSWORD "+pgsql.Literal(verifier))
		}
	}
	for _, p := range o.e.Servers[0].Pools {
		want[p.Name] = p.Database == db
		sql = append(sql, "ALTER ROLE "+pgsql.Ident(p.Name)+" PASSWORD "+pgsql.Literal(verifier))
	}
	if _, err := c.Exec(o.ctx(), strings.Join(append(sql, "SET LOCAL SESSION AUTHORIZATION landlord_router"), "; ")); err != nil {
		o.complain("the router's login in %q: %v", db, err)
		return
	}
	for role, tell := range want {
		var told int
		if err := c.QueryRow(o.ctx(), "SELECT count(*) FROM (SELECT login, verifier FROM landlord.lookup($1)) AS x WHERE login = $1 AND verifier = $2", role, verifier).Scan(&told); err != nil {
			o.complain("the router's lookup in %q: %v", db, err)
			return
		}
		if (told == 1) != tell {
			o.complain("the router is told %d verifiers of %q in %q", told, role, db)
		}
	}
}

// schemasIn are the tenants' schemas in a database.
func (o *oracle) schemasIn(db string) (all []string) {
	for _, t := range o.e.Tenants {
		if p, ok := t.Place(db); ok {
			all = append(all, p.Schemas...)
		}
	}
	return all
}
