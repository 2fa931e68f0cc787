package prove

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"landlord/internal/connect"
	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// becomes is the statement by which a pool's transaction begins.
func becomes(name string) string {
	return "SELECT " + pgsql.Ident(tenant.PoolSchema) + ".become(" + pgsql.Literal(name) + ")"
}

// notOfPools are the probes that are not tried as a pool: what they find is
// what a pool is for, and its own probes say it, or they are about a login's
// own role.
var notOfPools = []string{
	"set-role-b", "set-config-role", "member-of-any-role", "member-of-b", "set-role-superuser", "grant-self-to-b",
	"self-password", "self-settings", "self-settings-in-b-db", "self-rowlock-blocks-offboarding",
}

// fitsPool says whether a probe is tried as a pool that has become a tenant.
func (p Probe) fitsPool(k tenant.Kind, r Relation) bool {
	switch p.Scope {
	case Pooled:
		return r == ""
	case PooledHousemates:
		return r == SameDatabase
	}
	return p.Expect != Works && !slices.Contains(notOfPools, p.Name) && p.fits(k, r)
}

// provePools tries each pool, by each login that is open, as one of its tenants,
// against the neighbours of that one. Whom it can become is asked of all.
func (r *run) provePools(ctx context.Context) []Outcome {
	var found []Outcome
	for _, p := range r.Server.Pools {
		if !r.all() && !slices.Contains(r.Pools, p.Name) {
			continue
		}
		for _, login := range p.OpenLogins() {
			if ctx.Err() == nil {
				found = append(found, r.provePool(ctx, p, login)...)
			}
		}
	}
	return found
}

func (r *run) provePool(ctx context.Context, pool tenant.Pool, login string) []Outcome {
	at := slices.IndexFunc(r.stands, func(s stand) bool {
		_, ok := isolation.BuildPool(pool).Key(s.Tenant)
		return ok && !s.further()
	})
	if at < 0 {
		return nil
	}
	t := r.stands[at]
	kind := tenant.Reader
	if len(t.LoginsOf(tenant.App)) > 0 {
		kind = tenant.App
	}
	around := neighbours(r.stands, at, r.assigned, r.snap)
	g := r.acquire(ctx, t)
	defer r.release(ctx, g)
	short, err := r.poolLogin(ctx, pool, append([]Neighbour{{stand: &t}}, around...))
	defer r.dismissPool(ctx, pool, short)
	a := Attempt{run: r, Tenant: t, Login: tenant.Login{Name: login, Kind: kind}, guest: &guest{t: t, scratch: g.scratch, bare: g.bare, err: g.err}, short: short, who: short, sessions: newSessions(), pool: &pool}
	a.Tenant.Limits = pool.Limits
	if err != nil {
		a.guest.err = fmt.Errorf("making a short-lived login: %w", err)
	}
	found := r.proveAgainst(ctx, a.against(nil, nil))
	for i := range around {
		var victim *guest
		if around[i].stand != nil {
			victim = r.acquire(ctx, *around[i].stand)
			defer r.release(ctx, victim)
		}
		found = append(found, r.proveAgainst(ctx, a.against(&around[i], victim))...)
	}
	a.sessions.close()
	return found
}

// poolLogin makes a short-lived login that is the pool in all but its name: it
// may become those of its tenants that it is tried with, and has the pool's own
// rights, in its own name, as the pool has them.
func (r *run) poolLogin(ctx context.Context, pool tenant.Pool, with []Neighbour) (account, error) {
	a := account{user: r.newName(), password: rand.Text()}
	verifier, err := pgsql.ScramVerifier(a.password)
	if err != nil {
		return a, err
	}
	role, built := pgsql.Ident(a.user), isolation.BuildPool(pool)
	mark := isolation.Mark{Role: "probe", Of: pool.Name, Database: pool.Database}
	sql := []string{
		"BEGIN",
		fmt.Sprintf("CREATE ROLE %s LOGIN NOINHERIT CONNECTION LIMIT 6 VALID UNTIL %s PASSWORD %s", role, r.validUntil(time.Now().Add(loginLife)), pgsql.Literal(verifier)),
		"COMMENT ON ROLE " + role + " IS " + pgsql.Literal(mark.Comment()),
	}
	members := built.Memberships
	for _, n := range with {
		if n.stand == nil {
			continue
		}
		if key, ok := built.Key(n.stand.Tenant); ok && !slices.Contains(members, key) {
			members = append(members, key)
		}
	}
	for _, m := range members {
		join := "GRANT " + pgsql.Ident(m.Role) + " TO " + role
		if r.snap.Version.MembershipOptions() {
			join += fmt.Sprintf(" WITH ADMIN FALSE, INHERIT FALSE, SET %t", m.Set)
		}
		sql = append(sql, join)
	}
	for _, s := range built.Role.Settings {
		if r.maySet(s.Name) {
			value := pgsql.Literal(s.Value)
			if isolation.ListSetting(s.Name) {
				value = s.Value
			}
			sql = append(sql, "ALTER ROLE "+role+" SET "+pgsql.Ident(s.Name)+" = "+value)
		}
	}
	if err := r.atHome(ctx, strings.Join(append(sql, "COMMIT"), ";\n")); err != nil {
		_ = r.atHome(ctx, "ROLLBACK")
		return a, err
	}
	return a, r.poolRights(ctx, pool.Database, "GRANT", "TO", a.user)
}

// poolRights gives a short-lived login what a pool has of its own, or takes it
// away again.
func (r *run) poolRights(ctx context.Context, database, verb, to, login string) error {
	conn, err := r.connect(ctx, database)
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	schema := pgsql.Ident(tenant.PoolSchema)
	var sql []string
	for _, what := range []string{"CONNECT ON DATABASE " + pgsql.Ident(database), "USAGE ON SCHEMA " + schema, "EXECUTE ON FUNCTION " + schema + ".become(pg_catalog.text)"} {
		sql = append(sql, verb+" "+what+" "+to+" "+pgsql.Ident(login))
	}
	_, err = queryRows(ctx, conn, strings.Join(sql, "; "))
	return err
}

// dismissPool drops a pool's short-lived login, also when the run has been
// interrupted.
func (r *run) dismissPool(ctx context.Context, pool tenant.Pool, a account) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*replyTimeout)
	defer cancel()
	err := r.poolRights(ctx, pool.Database, "REVOKE", "FROM", a.user)
	if connect.State(err) == "42704" { // it was never made
		return
	}
	if err == nil {
		err = r.atHome(ctx, "DROP ROLE IF EXISTS "+pgsql.Ident(a.user))
	}
	if err != nil {
		r.problem("pool %s: dropping its short-lived login: %v; the next run tries again", pool.Name, err)
	}
}
