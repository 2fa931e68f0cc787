package prove

import (
	"context"
	"strings"

	"landlord/internal/pgsql"
)

// ownExtensions asks for each extension of the tenant's whether it is there,
// in a schema in which the session looks.
func ownExtensions(ctx context.Context, a *Attempt) Result {
	if len(a.Tenant.Extensions) == 0 {
		return works("it is to have none")
	}
	s, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	// What stands in search_path now may have been changed by an attempt, so
	// it is asked as it was when the session began.
	r := s.try(ctx, "SET LOCAL search_path = "+pgsql.Idents(a.Tenant.Path(a.Tenant.At)...), `SELECT pg_catalog.string_agg(x.name, ', ') FROM pg_catalog.unnest(ARRAY[`+
		pgsql.Literals(a.Tenant.Extensions...)+`]::text[]) AS x (name) WHERE NOT EXISTS (
			SELECT FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
			WHERE e.extname = x.name AND n.nspname = ANY (pg_catalog.current_schemas(true)))`)
	switch {
	case r.err != nil:
		return notTried("asking for them: %s", r.said())
	case r.value() != "":
		return failed("not there, or not to be found: %s", r.value())
	}
	return works("found: %s", strings.Join(a.Tenant.Extensions, ", "))
}

// dropExtension tries each kind of extension that is in the database, in a
// transaction that is rolled back, without CASCADE.
func dropExtension(ctx context.Context, a *Attempt) Result {
	s, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	const question = `SELECT e.extname FROM pg_catalog.pg_extension AS e
		ORDER BY pg_catalog.pg_has_role(e.extowner, 'MEMBER') DESC, e.extname LIMIT 1`
	r := s.try(ctx, question)
	if r.value() == "" {
		return notTried("there is no extension in the database")
	}
	return refused("DROP EXTENSION "+pgsql.Ident(r.value())+" RESTRICT").past("2BP01").
		unlessRight("SELECT pg_catalog.pg_has_role(e.extowner, 'MEMBER') FROM pg_catalog.pg_extension AS e WHERE e.extname = "+pgsql.Literal(r.value()))(ctx, a)
}
