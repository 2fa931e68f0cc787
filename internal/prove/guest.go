package prove

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// loginLife is how long a short-lived login can log in.
const loginLife = 15 * time.Minute

// guest is a tenant in one of its databases for as long as the run has to do with it, as attacker or
// as neighbour: its short-lived logins, and the scratch objects that others
// try to reach.
type guest struct {
	t  stand
	mu sync.Mutex

	refs  int
	ready bool
	err   error // why it has no logins
	until time.Time

	// logins stand for the tenant's own, in the same order.
	logins  []account
	scratch scratch
	// bare is why there are no scratch objects.
	bare error
	memo memo
}

// guests are the tenants that a run has to do with at the moment, by their
// stands' keys.
type guests struct {
	mu    sync.Mutex
	byKey map[string]*guest
}

// acquire sets a tenant up, unless somebody else has, and keeps it so until
// release.
func (r *run) acquire(ctx context.Context, t stand) *guest {
	r.guests.mu.Lock()
	g := r.guests.byKey[t.key()]
	if g == nil {
		g = &guest{t: t}
		r.guests.byKey[t.key()] = g
	}
	r.guests.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refs++
	switch {
	case !g.ready:
		g.ready = true
		r.setUp(ctx, g)
	case g.err == nil && time.Until(g.until) < loginLife/2:
		g.err = r.renew(ctx, g)
	}
	return g
}

// release clears a tenant's logins and scratch objects away when nobody needs
// them any more, also when the run has been interrupted.
func (r *run) release(ctx context.Context, g *guest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refs--; g.refs > 0 {
		return
	}
	g.ready = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*replyTimeout)
	defer cancel()
	if err := r.dropScratch(ctx, g); err != nil {
		r.problem("tenant %s: removing %s from database %s: %v; the next run tries again", g.t.Name, g.scratch.name, g.t.At.Database, err)
		return // the logins stay as the record of what is left; they expire
	}
	if err := r.dropLogins(ctx, g); err != nil {
		r.problem("tenant %s: dropping its short-lived logins: %v; the next run tries again", g.t.Name, err)
	}
}

func (r *run) setUp(ctx context.Context, g *guest) {
	g.bare = nil
	if g.err = r.makeLogins(ctx, g); g.err != nil {
		g.err = fmt.Errorf("making short-lived logins for tenant %s: %w", g.t.Name, g.err)
	} else if g.bare = r.makeScratch(ctx, g); g.bare != nil {
		g.bare = fmt.Errorf("making a scratch table for tenant %s in database %s: %w", g.t.Name, g.t.At.Database, g.bare)
	}
	if err := errors.Join(g.err, g.bare); err != nil && ctx.Err() == nil {
		r.problem("%v", err)
	}
}

// makeLogins makes a login in the roles of each of the tenant's, with its
// parameters. The passwords are known to this process only; the server gets
// verifiers.
func (r *run) makeLogins(ctx context.Context, g *guest) error {
	g.until = time.Now().Add(loginLife)
	g.logins = nil
	sql := []string{"BEGIN"}
	for _, l := range g.t.OpenLogins() {
		a := account{user: r.newName(), password: rand.Text()}
		g.logins = append(g.logins, a)
		verifier, err := pgsql.ScramVerifier(a.password)
		if err != nil {
			return err
		}
		sql = append(sql, r.loginSQL(a.user, verifier, g.t, l, g.until)...)
	}
	err := r.atHome(ctx, strings.Join(append(sql, "COMMIT"), ";\n"))
	if err != nil {
		_ = r.atHome(ctx, "ROLLBACK")
	}
	return err
}

func (r *run) loginSQL(name, verifier string, t stand, l tenant.Login, until time.Time) []string {
	role := pgsql.Ident(name)
	join := "GRANT " + pgsql.Ident(l.Name) + " TO " + role
	if r.snap.Version.MembershipOptions() {
		join += " WITH ADMIN FALSE, INHERIT TRUE, SET TRUE"
	}
	sql := []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN INHERIT CONNECTION LIMIT %d VALID UNTIL %s PASSWORD %s",
			role, 4+2*r.Parallel, r.validUntil(until), pgsql.Literal(verifier)),
		"COMMENT ON ROLE " + role + " IS " + pgsql.Literal(isolation.Mark{Tenant: t.Name, Role: "probe"}.Comment()),
		join,
	}
	becomes := false
	for _, s := range r.snap.Settings {
		if s.Role != l.Name || s.Database != "" && s.Database != t.At.Database || !r.maySet(s.Name) {
			continue
		}
		becomes = becomes || s.Name == "role"
		sql = append(sql, setting(role, s))
	}
	if !becomes {
		// The session is then the tenant's login in all that follows from
		// current_user; only its session_user is another.
		sql = append(sql, "ALTER ROLE "+role+" SET role = "+pgsql.Literal(l.Name))
	}
	return sql
}

// validUntil is a time of this machine's by the server's clock, as a literal.
func (r *run) validUntil(t time.Time) string {
	return pgsql.Literal(t.Add(r.skew).UTC().Format(time.RFC3339))
}

func (r *run) maySet(name string) bool {
	return r.snap.Session.MaySet(name)
}

// setting gives a role a parameter as another role has it.
func setting(role string, s snapshot.Setting) string {
	in := ""
	if s.Database != "" {
		in = " IN DATABASE " + pgsql.Ident(s.Database)
	}
	value := pgsql.Literal(s.Value)
	if isolation.ListSetting(s.Name) {
		value = s.Value
	}
	return "ALTER ROLE " + role + in + " SET " + pgsql.Ident(s.Name) + " = " + value
}

// renew lets logins live on that a long run still needs.
func (r *run) renew(ctx context.Context, g *guest) error {
	g.until = time.Now().Add(loginLife)
	for _, a := range g.logins {
		sql := "ALTER ROLE " + pgsql.Ident(a.user) + " VALID UNTIL " + r.validUntil(g.until)
		if err := r.atHome(ctx, sql); err != nil {
			return fmt.Errorf("renewing the short-lived logins of tenant %s: %w", g.t.Name, err)
		}
	}
	return nil
}

func (r *run) dropLogins(ctx context.Context, g *guest) error {
	if len(g.logins) == 0 {
		return nil
	}
	names := make([]string, len(g.logins))
	for i, a := range g.logins {
		names[i] = a.user
	}
	g.logins = nil
	// An interrupted transaction may have been committed or not.
	return r.atHome(ctx, "DROP ROLE IF EXISTS "+pgsql.Idents(names...))
}

// newName is a new name of this run's, for a login or a table.
func (r *run) newName() string {
	return fmt.Sprintf("%s%s_%d", tenant.ProbePrefix, r.id, r.serial.Add(1))
}

// atHome runs SQL in the run's own session, one at a time.
func (r *run) atHome(ctx context.Context, sql string) error {
	_, err := r.ask(ctx, sql)
	return err
}

// ask runs SQL in the run's own session and gives the last statement's rows.
func (r *run) ask(ctx context.Context, sql string) ([][]string, error) {
	r.homeMu.Lock()
	defer r.homeMu.Unlock()
	if r.home.IsClosed() { // an interruption in the midst of a query costs the session
		fresh, err := r.connect(ctx, "")
		if err != nil {
			return nil, err
		}
		r.home = fresh
	}
	return queryRows(ctx, r.home, sql)
}
