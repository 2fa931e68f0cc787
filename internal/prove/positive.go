package prove

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/tenant"
)

// positiveProbes are what a tenant must be able to do. Walls that also keep
// their owner out hold nothing.
var positiveProbes = []Probe{
	{Name: "own-login", What: "log in to its own database, through every door", Expect: Works, Run: ownLogin},
	{Name: "own-search-path", What: "find its schema first in search_path", Expect: Works, Run: ownSearchPath},
	{Name: "own-owner", What: "become its owner at login, for migrations", Expect: Works, Kinds: []tenant.Kind{tenant.Migrator}, Run: ownOwner},
	{Name: "own-crud", What: "insert, select, update and delete in its own schema", Expect: Works, Kinds: []tenant.Kind{tenant.App}, Run: ownCRUD},
	{Name: "own-read", What: "select in its own schema", Expect: Works, Run: ownRead},
	{Name: "own-read-only", What: "not write, as a reader", Expect: Works, Kinds: []tenant.Kind{tenant.Reader},
		Run: expected(refused("INSERT INTO {table} VALUES (2, 'x')"))},
	{Name: "own-tables", What: "use the tables that are already there", Expect: Works, Run: ownTables},
	{Name: "own-ddl", What: "create, alter and drop in its own schema", Expect: Works, Kinds: []tenant.Kind{tenant.Migrator},
		Run: possible("CREATE TABLE {schema}.{new} (id integer)", "ALTER TABLE {schema}.{new} ADD COLUMN v text", "DROP TABLE {schema}.{new}")},
	{Name: "own-no-ddl", What: "not create, as a login without the right to", Expect: Works, Kinds: []tenant.Kind{tenant.App, tenant.Reader},
		Run: expected(refused("CREATE TABLE {schema}.{new} (id integer)"))},
	{Name: "own-extensions", What: "use the extensions that it is to have", Expect: Works, Run: ownExtensions},
	{Name: "own-temp", What: "make temporary tables, if that is allowed, and only then", Expect: Works, Run: ownTemp},
}

func works(format string, args ...any) Result {
	return Result{Verdict: Works, Detail: fmt.Sprintf(format, args...)}
}

func failed(format string, args ...any) Result {
	return Result{Verdict: Failed, Detail: fmt.Sprintf(format, args...)}
}

// expected turns a refusal, which is as it should be, into the word for that.
func expected(t try) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		r := t.run(ctx, a)
		switch r.Verdict {
		case Held:
			r.Verdict = Works
		case Escaped:
			r.Verdict = Failed
		}
		return r
	}
}

// possible is what must succeed.
func possible(sql ...string) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		r := allowed(sql...).run(ctx, a)
		switch {
		case r.Verdict == Exposed:
			r.Verdict = Works
		case r.State != "":
			r.Verdict = Failed
		}
		return r
	}
}

func ownLogin(ctx context.Context, a *Attempt) Result {
	row, err := a.run.ask(ctx, a.sql("SELECT r.rolcanlogin FROM pg_catalog.pg_roles AS r WHERE r.rolname = {me'}"))
	if err != nil || len(row) == 0 || row[0][0] != "t" {
		return failed("role %s may not log in", a.Login.Name)
	}
	detail := ""
	for i, d := range a.run.doors {
		s, err := enter(ctx, d, a.who, a.Tenant.At.Database, nil)
		if err != nil {
			if i > 0 {
				detail += fmt.Sprintf("; %s: %s", d.name, explain(err))
				continue // the endpoint is what the tenant needs
			}
			return failed("%s: %s", d.name, explain(err))
		}
		_, withTLS := s.conn.Conn().(*tls.Conn)
		s.close()
		detail += "; " + d.name + ": in"
		if withTLS {
			detail += ", with TLS"
		}
	}
	return works("%s", detail[2:])
}

func ownSearchPath(ctx context.Context, a *Attempt) Result {
	if _, err := a.own(ctx); err != nil {
		return notTried("no session: %s", explain(err))
	}
	have, want := a.sessions.started["search_path"], isolation.SearchPath(a.Tenant.Path(a.Tenant.At))
	if !isolation.SamePath(have, want) {
		return failed("search_path is %s, not %s", have, want)
	}
	return works("search_path is %s", have)
}

func ownOwner(ctx context.Context, a *Attempt) Result {
	if _, err := a.own(ctx); err != nil {
		return notTried("no session: %s", explain(err))
	}
	if have := a.sessions.started["current_user"]; have != a.Tenant.Owner {
		return failed("the session is %s, not %s: what it creates would not be the owner's", have, a.Tenant.Owner)
	}
	return works("the session is %s", a.Tenant.Owner)
}

// scratched opens the login's session where there is a scratch table to work
// on.
func (a *Attempt) scratched(ctx context.Context) (*session, error) {
	if a.guest.bare != nil {
		return nil, a.guest.bare
	}
	return a.own(ctx)
}

func ownRead(ctx context.Context, a *Attempt) Result {
	s, err := a.scratched(ctx)
	if err != nil {
		return failed("%s", explain(err))
	}
	r := s.try(ctx, a.sql("SELECT secret FROM {table}"))
	if r.value() != a.guest.scratch.secret {
		return failed("a row that the owner has written is not to be read: %s", r.said())
	}
	return works("read a row that the owner has written")
}

func ownCRUD(ctx context.Context, a *Attempt) Result {
	s, err := a.scratched(ctx)
	if err != nil {
		return failed("%s", explain(err))
	}
	r := s.try(ctx, a.sql("INSERT INTO {table} VALUES (2, 'own')"), a.sql("SELECT id FROM {table} WHERE id = 2"),
		a.sql("UPDATE {table} SET secret = 'other' WHERE id = 2"), a.sql("DELETE FROM {table} WHERE id = 2"))
	if r.err != nil || !slices.Equal(r.affected, []int64{1, 1, 1, 1}) {
		return failed("insert, select, update, delete of one row: %v rows: %s", r.affected, r.said())
	}
	return works("inserted, selected, updated and deleted a row, and rolled it back")
}

// ownTables asks for the rights to the tables that stand in the tenant's
// schemas. It does not use them: a trigger could do anything.
func ownTables(ctx context.Context, a *Attempt) Result {
	rights := "SELECT, INSERT, UPDATE, DELETE"
	if a.Login.Kind == tenant.Reader {
		rights = "SELECT"
	}
	s, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	r := s.try(ctx, a.sql(`SELECT pg_catalog.count(*), pg_catalog.string_agg(x.missing, ', ') FROM (
		SELECT (SELECT t.oid::pg_catalog.regclass || ': ' || pg_catalog.string_agg(p, ' ') FROM pg_catalog.regexp_split_to_table('`+rights+`', ', ') AS p
			WHERE NOT pg_catalog.has_table_privilege(t.oid, p)) AS missing
		FROM (SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
			WHERE n.nspname IN ({schemas}) AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'landlord\_probe\_%'
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
			ORDER BY c.oid LIMIT 1000) AS t) AS x`))
	switch {
	case r.err != nil:
		return notTried("asking for its rights: %s", r.said())
	case r.rows[0][1] != "":
		return failed("it lacks rights: %s", r.rows[0][1])
	case r.rows[0][0] == "0":
		return works("there are no tables yet")
	}
	return works("%s on %s tables, as the server says", rights, r.rows[0][0])
}

func ownTemp(ctx context.Context, a *Attempt) Result {
	const sql = "CREATE TEMPORARY TABLE landlord_probe_temp (id integer) ON COMMIT DROP"
	if a.Tenant.Temp {
		return possible(sql)(ctx, a)
	}
	return expected(refused(sql))(ctx, a)
}
