package prove

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// adminProbes are about the administrators: whether each is what the spec
// calls it.
var adminProbes = []Probe{
	{Name: "admin-login", What: "log in, and get into every tenant's database", Scope: Administrators, Access: hasRole, Expect: Works, Admin: adminLogin},
	{Name: "admin-no-superuser", What: "be a superuser, or a replica, or in a role that is as good", Scope: Administrators, Access: hasRole, Expect: Held, Admin: adminMight},
	{Name: "admin-could-be-superuser", What: "grant itself what makes it one", Scope: Administrators, Access: []tenant.DataAccess{tenant.FullAccess}, Expect: Held,
		Closes: ByNothing, Admin: adminGrants,
		Consequence: "before PostgreSQL 16 a role with CREATEROLE may grant itself pg_execute_server_program, and then run programs as the server's own user: give data_access: full to nobody whom you would not give the superuser, or upgrade"},
	{Name: "admin-becomes-owner", What: "become a tenant's owner, and change its tables", Scope: Administrators, Access: []tenant.DataAccess{tenant.FullAccess}, Expect: Works, Admin: adminOwns},
	{Name: "admin-unasked", What: "read a tenant's data without becoming its owner first", Scope: Administrators, Access: []tenant.DataAccess{tenant.FullAccess}, Expect: Held,
		Closes: ByNothing, Admin: adminReadsUnasked,
		Consequence: "before PostgreSQL 16 who is in a role has its rights unasked: an admin with full access changes tables without SET ROLE, also by mistake"},
	{Name: "admin-reads", What: "read every tenant's data, for backups", Scope: Administrators, Access: readers, Expect: Works, Admin: adminReads},
	{Name: "admin-writes", What: "change a tenant's data", Scope: Administrators, Access: readers, Expect: Held, Admin: adminWrites},
	{Name: "admin-creates", What: "create in a tenant's database, or a role, or a database", Scope: Administrators, Access: readers, Expect: Held, Admin: adminCreates},
	{Name: "admin-reads-verifiers", What: "read the stored forms of all passwords", Scope: Administrators, Access: readers, Expect: Exposed, Closes: ByNothing, Admin: adminVerifiers,
		Consequence: "who may read all data may read the SCRAM verifiers, and guess weak passwords at leisure; those that landlord makes cannot be guessed"},
	{Name: "admin-without-role", What: "have a role on the server at all", Scope: Administrators, Access: []tenant.DataAccess{tenant.NoAccess}, Expect: Held, Admin: adminWithoutRole},
}

var (
	hasRole = []tenant.DataAccess{tenant.FullAccess, tenant.ReadAccess}
	readers = []tenant.DataAccess{tenant.ReadAccess}
)

// adminAttempt is one administrator's turn.
type adminAttempt struct {
	run   *run
	admin tenant.Admin
	short account // that stands for it
	err   error   // why there is none
	// houses are a tenant of each model at most, with scratch tables in them.
	houses []*guest
}

// proveAdmins tries the server's administrators.
func (r *run) proveAdmins(ctx context.Context) []Outcome {
	if !r.all() || !slices.ContainsFunc(r.probes, func(p Probe) bool { return p.Scope == Administrators }) {
		return nil
	}
	var found []Outcome
	houses := r.sampleHouses(ctx)
	for _, admin := range r.Server.Admins {
		if ctx.Err() != nil {
			break
		}
		a := &adminAttempt{run: r, admin: admin, houses: houses}
		if admin.HasRole() {
			a.short, a.err = r.standIn(ctx, admin)
		}
		for _, p := range r.probes {
			if p.Scope == Administrators && slices.Contains(p.Access, admin.DataAccess) {
				found = append(found, a.outcome(p, a.try(ctx, p)))
				r.tell(found[len(found)-1])
			}
		}
		r.dismiss(ctx, a)
	}
	for _, g := range houses {
		r.release(ctx, g)
	}
	return found
}

// sampleHouses sets up one tenant of each model, and one further database,
// that an administrator is tried in.
func (r *run) sampleHouses(ctx context.Context) []*guest {
	var out []*guest
	if len(r.Server.Admins) == 0 {
		return nil
	}
	sample := func(like func(stand) bool) {
		if i := slices.IndexFunc(r.stands, func(s stand) bool { return like(s) && !s.Suspended }); i >= 0 {
			out = append(out, r.acquire(ctx, r.stands[i]))
		}
	}
	for _, m := range tenant.Models() {
		sample(func(s stand) bool { return s.Isolation == m && !s.further() })
	}
	sample(stand.further)
	return out
}

func (a *adminAttempt) try(ctx context.Context, p Probe) Result {
	if a.err != nil {
		return notTried("making a short-lived login: %s", explain(a.err))
	}
	return p.Admin(ctx, a)
}

func (a *adminAttempt) outcome(p Probe, res Result) Outcome {
	o := Outcome{Admin: a.admin.Name, DataAccess: a.admin.DataAccess, Login: a.admin.Name, Probe: p.Name, Verdict: res.Verdict, State: res.State, Detail: res.Detail}
	if res.Verdict == Exposed {
		o.Closes, o.Consequence = p.Closes, p.Consequence
	}
	return o
}

// standIn makes a short-lived login that is the administrator in all but
// session_user.
func (r *run) standIn(ctx context.Context, admin tenant.Admin) (account, error) {
	a := account{user: r.newName(), password: rand.Text()}
	verifier, err := pgsql.ScramVerifier(a.password)
	if err != nil {
		return a, err
	}
	role := pgsql.Ident(a.user)
	join := "GRANT " + pgsql.Ident(admin.Name) + " TO " + role
	if r.snap.Version.MembershipOptions() {
		join += " WITH ADMIN FALSE, INHERIT TRUE, SET TRUE"
	}
	err = r.atHome(ctx, strings.Join([]string{"BEGIN",
		fmt.Sprintf("CREATE ROLE %s LOGIN INHERIT CONNECTION LIMIT 4 VALID UNTIL %s PASSWORD %s", role, r.validUntil(time.Now().Add(loginLife)), pgsql.Literal(verifier)),
		"COMMENT ON ROLE " + role + " IS " + pgsql.Literal(isolation.Mark{Role: "probe"}.Comment()),
		join, "ALTER ROLE " + role + " SET role = " + pgsql.Literal(admin.Name), "COMMIT"}, ";\n"))
	if err != nil {
		_ = r.atHome(ctx, "ROLLBACK")
	}
	return a, err
}

func (r *run) dismiss(ctx context.Context, a *adminAttempt) {
	if a.short.user == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*replyTimeout)
	defer cancel()
	if err := r.atHome(ctx, "DROP ROLE IF EXISTS "+pgsql.Ident(a.short.user)); err != nil {
		r.problem("admin %s: dropping its short-lived login: %v; the next run tries again", a.admin.Name, err)
	}
}

// in makes an attempt in a tenant's database. Where there is none, it is made
// at home.
func (a *adminAttempt) in(ctx context.Context, attempt func(*session, *guest) Result) Result {
	worst := Result{}
	for _, g := range a.houses {
		res := Result{}
		s, err := enter(ctx, a.run.doors[0], a.short, g.t.At.Database, nil)
		switch {
		case err != nil:
			res = notTried("no session in database %s: %s", g.t.At.Database, explain(err))
		case g.err != nil || g.bare != nil:
			res = notTried("nothing to try it on in tenant %s", g.t.Name)
		default:
			if err = s.bound(ctx); err == nil {
				res = attempt(s, g)
			} else {
				res = notTried("%s", explain(err))
			}
		}
		s.close()
		if badness(res.Verdict) > badness(worst.Verdict) {
			worst = res
		}
	}
	if worst.Verdict == "" {
		return notTried("there is no tenant yet")
	}
	return worst
}

// refuses is an attempt that the server must refuse.
func refuses(ctx context.Context, s *session, open Verdict, denials []string, sql ...string) Result {
	t := try{sql: sql, open: open, denials: denials}
	return t.judge(s.try(ctx, sql...), sql)
}

var denied = []string{"42501"}

// adminLogin gets into the database of every tenant that it is tried in,
// through every door.
func adminLogin(ctx context.Context, a *adminAttempt) Result {
	rows, err := a.run.ask(ctx, "SELECT r.rolcanlogin FROM pg_catalog.pg_roles AS r WHERE r.rolname = "+pgsql.Literal(a.admin.Name))
	if err != nil || len(rows) == 0 || rows[0][0] != "t" {
		return failed("role %s may not log in", a.admin.Name)
	}
	var in []string
	for _, g := range a.houses {
		s, err := enter(ctx, a.run.doors[0], a.short, g.t.At.Database, nil)
		if err != nil {
			return failed("database %s: %s", g.t.At.Database, explain(err))
		}
		s.close()
		in = append(in, g.t.At.Database)
	}
	s, err := enter(ctx, a.run.doors[0], a.short, a.run.snap.Session.Database, nil)
	if err != nil {
		return failed("database %s: %s", a.run.snap.Session.Database, explain(err))
	}
	s.close()
	return works("in: %s", strings.Join(append(in, a.run.snap.Session.Database), ", "))
}

// adminMight asks, as landlord, for the attributes and the roles that make a
// superuser of somebody, in the administrator itself.
func adminMight(ctx context.Context, a *adminAttempt) Result {
	answer, err := a.run.lookInto(ctx, "", `SELECT pg_catalog.string_agg(x.what, ', ') FROM (
		SELECT 'attribute SUPERUSER or REPLICATION' FROM pg_catalog.pg_roles AS r WHERE r.rolname = `+pgsql.Literal(a.admin.Name)+` AND (r.rolsuper OR r.rolreplication)
		UNION ALL SELECT 'in ' || r.rolname FROM pg_catalog.pg_roles AS r
		WHERE (r.rolsuper OR r.rolreplication OR r.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files', 'pg_write_all_data', 'pg_create_subscription'))
			AND pg_catalog.pg_has_role(`+pgsql.Literal(a.admin.Name)+`, r.oid, 'MEMBER') AND r.rolname <> `+pgsql.Literal(a.admin.Name)+`) AS x (what)`)
	switch {
	case err != nil:
		return notTried("landlord cannot look: %s", explain(err))
	case answer != "":
		return Result{Escaped, "", answer}
	}
	return Result{Held, "", "the server says: neither SUPERUSER nor REPLICATION, nor a role that is as good"}
}

// adminGrants tries to become more by CREATEROLE. It is rolled back.
func adminGrants(ctx context.Context, a *adminAttempt) Result {
	open := Escaped
	if !a.run.snap.Version.MembershipOptions() {
		open = Exposed
	}
	return a.in(ctx, func(s *session, _ *guest) Result {
		return refuses(ctx, s, open, denied, "GRANT pg_execute_server_program TO "+pgsql.Ident(a.admin.Name))
	})
}

func adminOwns(ctx context.Context, a *adminAttempt) Result {
	r := a.in(ctx, func(s *session, g *guest) Result {
		return refuses(ctx, s, Works, denied, "SET LOCAL ROLE "+pgsql.Ident(g.t.Owner), "INSERT INTO "+g.scratch.table()+" VALUES (2, 'x')")
	})
	if r.Verdict == Held {
		r.Verdict = Failed
	}
	return r
}

func adminReadsUnasked(ctx context.Context, a *adminAttempt) Result {
	open := Escaped
	if !a.run.snap.Version.MembershipOptions() {
		open = Exposed
	}
	return a.in(ctx, func(s *session, g *guest) Result {
		return refuses(ctx, s, open, denied, "SELECT secret FROM "+g.scratch.table())
	})
}

func adminReads(ctx context.Context, a *adminAttempt) Result {
	return a.in(ctx, func(s *session, g *guest) Result {
		r := s.try(ctx, "SELECT secret FROM "+g.scratch.table())
		if r.value() != g.scratch.secret {
			return failed("a row of tenant %s is not to be read: %s", g.t.Name, r.said())
		}
		return works("read a row of tenant %s", g.t.Name)
	})
}

// adminWrites tries without the default that lets its sessions only read: it
// could change that itself.
func adminWrites(ctx context.Context, a *adminAttempt) Result {
	return a.in(ctx, func(s *session, g *guest) Result {
		worst := Result{}
		for _, sql := range []string{
			"INSERT INTO " + g.scratch.table() + " VALUES (2, 'x')", "UPDATE " + g.scratch.table() + " SET id = 2", "DELETE FROM " + g.scratch.table(),
			"TRUNCATE " + g.scratch.table(), "DROP TABLE " + g.scratch.table(), "SET LOCAL ROLE " + pgsql.Ident(g.t.Owner),
		} {
			if r := refuses(ctx, s, Escaped, denied, "SET TRANSACTION READ WRITE", sql); badness(r.Verdict) > badness(worst.Verdict) {
				worst = r
			}
		}
		return worst
	})
}

func adminCreates(ctx context.Context, a *adminAttempt) Result {
	name := pgsql.Ident(tenant.ProbePrefix + a.run.id + "_new")
	return a.in(ctx, func(s *session, g *guest) Result {
		worst := Result{}
		for _, sql := range []string{
			"CREATE TABLE " + pgsql.Ident(g.t.At.Schemas[0]) + "." + name + " (id integer)", "CREATE SCHEMA " + name, "CREATE ROLE " + name,
			"CREATE TEMPORARY TABLE " + name + " (id integer)",
		} {
			if r := refuses(ctx, s, Escaped, denied, "SET TRANSACTION READ WRITE", sql); badness(r.Verdict) > badness(worst.Verdict) {
				worst = r
			}
		}
		// The template that does not exist is looked for after the rights.
		sql := "CREATE DATABASE " + name + " TEMPLATE landlord_probe_none"
		if r := (try{sql: []string{sql}, open: Escaped, denials: denied, beyond: []string{"3D000"}}).judge(s.run(ctx, sql), []string{sql}); badness(r.Verdict) > badness(worst.Verdict) {
			worst = r
		}
		return worst
	})
}

func adminVerifiers(ctx context.Context, a *adminAttempt) Result {
	return a.in(ctx, func(s *session, _ *guest) Result {
		const question = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')"
		return seen(question).judge(s.try(ctx, question), []string{question})
	})
}

func adminWithoutRole(ctx context.Context, a *adminAttempt) Result {
	rows, err := a.run.ask(ctx, "SELECT r.rolcanlogin FROM pg_catalog.pg_roles AS r WHERE r.rolname = "+pgsql.Literal(a.admin.Name))
	switch {
	case err != nil:
		return notTried("landlord cannot look: %s", explain(err))
	case len(rows) > 0 && rows[0][0] == "t":
		return Result{Escaped, "", "there is a login of that name"}
	case len(rows) > 0:
		return Result{Held, "", "the role of that name cannot log in"}
	}
	return Result{Held, "", "there is no role of that name"}
}
