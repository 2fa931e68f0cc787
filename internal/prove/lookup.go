package prove

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// asRouter opens a session of landlord's own in the tenant's database and has it
// be the login by which the router looks up verifiers: nobody else can.
func (a *Attempt) asRouter(ctx context.Context) (*pgconn.PgConn, error) {
	conn, err := a.run.connect(ctx, a.Tenant.At.Database)
	if err != nil {
		return nil, err
	}
	if _, err := queryRows(ctx, conn, "SET SESSION AUTHORIZATION "+pgsql.Ident(tenant.RouterRole)); err != nil {
		connect.Close(conn)
		return nil, err
	}
	return conn, nil
}

// lookupAnswers asks for verifiers as the router would.
func lookupAnswers(ctx context.Context, a *Attempt) Result {
	conn, err := a.asRouter(ctx)
	if err != nil {
		return notTried("no session as %s: %s", tenant.RouterRole, explain(err))
	}
	defer connect.Close(conn)
	strangers := a.strangers()
	for _, name := range strangers {
		rows, err := queryRows(ctx, conn, "SELECT login FROM landlord.lookup("+pgsql.Literal(name)+")")
		if err != nil {
			return notTried("asking for %s: %s", name, explain(err))
		}
		if len(rows) > 0 {
			return Result{Escaped, "", fmt.Sprintf("in database %s it tells the verifier of %s", a.Tenant.At.Database, name)}
		}
	}
	return Result{Held, "", fmt.Sprintf("of %d roles, none", len(strangers))}
}

// strangers are roles whom no verifier of may be told in the tenant's database.
func (a *Attempt) strangers() []string {
	names := []string{tenant.RouterRole, tenant.TenantsRole, a.Tenant.Name, a.Tenant.Owner}
	for _, r := range a.run.snap.Roles {
		if r.Superuser || r.CreateRole || r.Replicate || r.BypassRLS {
			names = append(names, r.Name)
		}
	}
	others := 0
	for _, t := range a.run.Tenants {
		if _, here := t.Place(a.Tenant.At.Database); others < maxRouterNeighbours && !here {
			names = append(names, t.LoginRoles()...)
			others++
		}
	}
	return names
}

// lookupRights tries, as the router's login, what is not for it.
func lookupRights(ctx context.Context, a *Attempt) Result {
	conn, err := a.asRouter(ctx)
	if err != nil {
		return notTried("no session as %s: %s", tenant.RouterRole, explain(err))
	}
	defer connect.Close(conn)
	forbidden := []string{
		"SELECT rolpassword FROM pg_catalog.pg_authid", "SELECT pg_catalog.pg_read_file('PG_VERSION')",
		"SET LOCAL ROLE " + pgsql.Ident(a.Login.Name), "SET LOCAL ROLE " + pgsql.Ident(a.Tenant.Owner),
		"CREATE TEMPORARY TABLE landlord_probe (n int)", "CREATE SCHEMA landlord_probe", "CREATE ROLE landlord_probe NOLOGIN",
	}
	if a.guest.bare == nil {
		forbidden = append(forbidden, a.words.Replace("SELECT secret FROM {table}"))
	}
	for _, sql := range forbidden {
		if _, err := queryRows(ctx, conn, "BEGIN"); err != nil {
			return notTried("%s", explain(err))
		}
		_, err := queryRows(ctx, conn, sql)
		state := connect.State(err)
		if _, err := queryRows(ctx, conn, "ROLLBACK"); err != nil {
			return notTried("%s", explain(err))
		}
		switch {
		case err == nil:
			return Result{Escaped, "", tenant.RouterRole + " may: " + sql}
		case state != "42501":
			return notTried("%s: %s", sql, explain(err))
		}
	}
	return Result{Held, "42501", fmt.Sprintf("%d attempts as %s", len(forbidden), tenant.RouterRole)}
}
