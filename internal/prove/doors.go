package prove

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// doorProbes are about getting in where one does not belong. They knock at
// every door.
var doorProbes = []Probe{
	{Name: "connect-b-db", What: "connect to another tenant's database", Scope: Elsewhere, Expect: Held, Run: admitted(knock)},
	{Name: "connect-postgres", What: "connect to database postgres", Scope: Outside, Relation: Postgres, Expect: Held, Run: admitted(knock)},
	{Name: "connect-template1", What: "connect to template1, which every new database is a copy of", Scope: Outside, Relation: Template1, Expect: Held, Run: admitted(knock)},
	{Name: "connect-any-other-db", What: "connect to a database that is nobody's house", Scope: Outside, Relation: AnyOther, Expect: Held, Run: admitted(knock)},
	{Name: "acl-b-db", What: "hold any right on another database: the wall behind pg_hba.conf", Scope: Foreign, Expect: Held, Run: databaseACL},
	{Name: "acl-b-schema", What: "hold any right on the neighbour's schema: the wall behind the database's", Scope: Neighbours, Expect: Held, Run: schemaACL},
	{Name: "temp-in-b-db", What: "make temporary tables in another database", Scope: Foreign, Expect: Held,
		Run: refusedThere("CREATE TEMPORARY TABLE landlord_probe_temp (id integer) ON COMMIT DROP").run},
	{Name: "create-in-b-public", What: "create in schema public of another tenant's database", Scope: Elsewhere, Expect: Held,
		Run: refusedThere("CREATE TABLE public.{new} (id integer)").denied("3F000").run},
	{Name: "create-in-postgres-public", What: "create in schema public of database postgres", Scope: Outside, Relation: Postgres, Expect: Held,
		Run: refusedThere("CREATE TABLE public.{new} (id integer)").denied("3F000").run},
	{Name: "template1-poison-table", What: "plant a table that every new database would hold", Scope: Outside, Relation: Template1, Expect: Held,
		Run: refusedThere("CREATE TABLE public.{new} (id integer)").denied("3F000").run},
	{Name: "template1-poison-function", What: "plant a function that every new database would hold", Scope: Outside, Relation: Template1, Expect: Held,
		Run: refusedThere("CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS $$ SELECT 'x'::text $$").denied("3F000").run},
	{Name: "login-as-b-wrong-password", What: "log in as the neighbour with another password", Scope: Neighbours, Expect: Held, Run: wrongPassword},
	{Name: "login-as-b-guessing", What: "guess at the neighbour's password again and again", Scope: Neighbours, Expect: Exposed, Closes: ByNothing,
		Consequence: "PostgreSQL counts no wrong passwords: those that landlord makes cannot be guessed, one that a tenant has chosen itself can; the module auth_delay slows guessing down",
		Run:         guessing},
	{Name: "login-as-superuser-wrong-password", What: "log in as a superuser with another password", Expect: Held, Run: superuserPassword},
	{Name: "replication-connect", What: "connect as a replica, which is sent everybody's data", Expect: Held, Run: admitted(replication)},
	{Name: "connect-without-tls", What: "connect from another machine without TLS", Expect: Held, Run: admitted(withoutTLS)},
	{Name: "db-existence-oracle", What: "tell an existing database from one that does not exist", Scope: Foreign, Expect: Held, Closes: ByCluster,
		Consequence: "a tenant that can guess names learns which other databases the server has", Run: admitted(existence)},
}

// atEveryDoor knocks everywhere: one open door is an escape, one answer that
// says nothing leaves the question open.
func atEveryDoor(doors []door, knock func(door) Result) Result {
	worst := Result{}
	var details []string
	for _, d := range doors {
		r := knock(d)
		details = append(details, d.name+": "+r.Detail)
		if badness(r.Verdict) > badness(worst.Verdict) {
			worst = r
		}
	}
	worst.Detail = strings.Join(details, "; ")
	return worst
}

func knockAt(ctx context.Context, d door, who account, database string, extra func(*pgconn.Config), denials []string) Result {
	s, err := enter(ctx, d, who, database, extra)
	if err == nil {
		s.close()
		return Result{Escaped, "", fmt.Sprintf("%s is in database %s", who.user, database)}
	}
	state := connect.State(err)
	if slices.Contains(denials, state) {
		return Result{Held, state, explain(err)}
	}
	return Result{NotTried, state, "an answer that says nothing about the wall: " + explain(err)}
}

func knock(ctx context.Context, a *Attempt) Result {
	return atEveryDoor(a.run.doors, func(d door) Result {
		return knockAt(ctx, d, a.who, a.Neighbour.Database, nil, doorStates)
	})
}

// admitted is the positive control of attempts at doors: a login that gets in
// nowhere, because its password is wrong or it is closed, shows nothing by
// being refused.
func admitted(run func(context.Context, *Attempt) Result) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		if _, err := a.own(ctx); err != nil {
			return notTried("no positive control: it does not get into its own database: %s", explain(err))
		}
		return run(ctx, a)
	}
}

// databaseACL lets the server compute, as landlord, what the tenant's roles
// hold on another database.
func databaseACL(ctx context.Context, a *Attempt) Result {
	return a.computed(ctx, "", `SELECT pg_catalog.string_agg(r.rolname || ' has ' || p, ', ')
		FROM pg_catalog.pg_roles AS r, (VALUES ('CONNECT'), ('TEMPORARY'), ('CREATE')) AS x (p)
		WHERE r.rolname IN ({roles}, {short'}) AND pg_catalog.has_database_privilege(r.oid, {b.db'}, p)`)
}

func schemaACL(ctx context.Context, a *Attempt) Result {
	return a.guest.memo.once("schemas of "+a.Neighbour.key(), func() Result {
		return a.computed(ctx, a.Neighbour.Database, `SELECT pg_catalog.string_agg(r.rolname || ' has ' || p || ' on ' || n.nspname, ', ')
		FROM pg_catalog.pg_roles AS r, (VALUES ('USAGE'), ('CREATE')) AS x (p), pg_catalog.pg_namespace AS n
		WHERE r.rolname IN ({roles}, {short'}) AND n.nspname IN (`+pgsql.Literals(a.victim.t.At.Schemas...)+`) AND pg_catalog.has_schema_privilege(r.oid, n.oid, p)`)
	})
}

// computed asks the server as landlord; the answer must be empty.
func (a *Attempt) computed(ctx context.Context, database, question string) Result {
	answer, err := a.run.lookInto(ctx, database, a.sql(question))
	switch {
	case err != nil:
		return notTried("landlord cannot look: %s", explain(err))
	case answer != "":
		return Result{Escaped, "", answer}
	}
	return Result{Held, "", "the server says: none of the tenant's roles holds anything"}
}

// lookInto asks a question in a database, or at home where that is empty.
func (r *run) lookInto(ctx context.Context, database, question string) (string, error) {
	if database == "" {
		rows, err := r.ask(ctx, question)
		if err != nil || len(rows) == 0 {
			return "", err
		}
		return rows[0][0], nil
	}
	conn, err := r.connect(ctx, database)
	if err != nil {
		return "", err
	}
	defer connect.Close(conn)
	row, err := queryRow(ctx, conn, question)
	if err != nil {
		return "", err
	}
	return row[0], nil
}

// wrongPassword tries the neighbour's real login with a password that is
// nobody's, so that a rule that asks for none is found.
func wrongPassword(ctx context.Context, a *Attempt) Result {
	open := a.victim.t.OpenLogins()
	if len(open) == 0 {
		return notTried("tenant %s has no login", a.Neighbour.Name)
	}
	who := account{open[0].Name, rand.Text()}
	return a.victim.memo.once("wrong password", func() Result {
		return atEveryDoor(a.run.doors, func(d door) Result {
			return knockAt(ctx, d, who, a.Neighbour.Database, nil, []string{"28P01", "28000"})
		})
	})
}

// guesses is how many wrong passwords come before the right one.
const guesses = 5

// guessing tries wrong passwords of a short-lived login of the neighbour's, and
// then the right one. It is the same for all.
func guessing(ctx context.Context, a *Attempt) Result {
	if _, err := a.theirs(ctx); err != nil {
		return notTried("%s", explain(err))
	}
	return a.run.memo.once("guessing", func() Result {
		who, d := a.victim.logins[0], a.run.doors[0]
		for range guesses {
			if r := knockAt(ctx, d, account{who.user, rand.Text()}, a.Neighbour.Database, nil, []string{"28P01"}); r.Verdict != Held {
				return notTried("a wrong password: %s", r.Detail)
			}
		}
		r := knockAt(ctx, d, who, a.Neighbour.Database, nil, []string{"28P01", "28000"})
		if r.Verdict == Escaped {
			return Result{Exposed, "", fmt.Sprintf("after %d wrong passwords the right one still opens", guesses)}
		}
		return r
	})
}

// superuserPassword tries a superuser. Over the socket the operating system's
// user may be let in by peer, rightly, if it is landlord's own: that attempt
// says nothing about tenants.
func superuserPassword(ctx context.Context, a *Attempt) Result {
	if a.run.superuser == "" {
		return notTried("there is no superuser that can log in")
	}
	who := account{a.run.superuser, rand.Text()}
	return a.run.memo.once("superuser", func() Result {
		return atEveryDoor(a.run.doors, func(d door) Result {
			r := knockAt(ctx, d, who, "postgres", nil, []string{"28P01", "28000"})
			if r.Verdict == Escaped && d.socket && a.run.peer(ctx, d, who) {
				return Result{Held, "", "only this operating system user is let in, by peer"}
			}
			return r
		})
	})
}

// peer says whether it is by peer that a superuser is let in over the socket:
// since 16 the session itself knows, before, pg_hba.conf tells, where it can
// be read.
func (r *run) peer(ctx context.Context, d door, who account) bool {
	if r.snap.Version.Major() >= 16 {
		s, err := enter(ctx, d, who, "postgres", nil)
		if err != nil {
			return false
		}
		defer s.close()
		return strings.HasPrefix(s.run(ctx, "SELECT system_user").value(), "peer:")
	}
	if r.snap.HBA == nil || r.snap.HBA.Error != "" {
		return false
	}
	return plan.Decide(r.snap, hba.Attempt{User: who.user, Database: "postgres"}).Method == hba.Peer
}

// replication tries both kinds of replication; and looks at the attribute of
// the login itself, which a short-lived login does not have.
func replication(ctx context.Context, a *Attempt) Result {
	rows, err := a.run.ask(ctx, a.sql("SELECT r.rolreplication OR r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = {me'}"))
	if err == nil && len(rows) > 0 && rows[0][0] == "t" {
		return Result{Escaped, "", a.Login.Name + " has the attribute REPLICATION or SUPERUSER"}
	}
	worst := Result{}
	for _, kind := range []string{"database", "true"} {
		as := func(c *pgconn.Config) { c.RuntimeParams["replication"] = kind }
		r := atEveryDoor(a.run.doors, func(d door) Result {
			return knockAt(ctx, d, a.who, a.Tenant.At.Database, as, []string{"28000", "42501"})
		})
		if badness(r.Verdict) > badness(worst.Verdict) {
			worst = r
		}
	}
	return worst
}

// withoutTLS can be tried only where landlord comes from another machine, or
// from an address of this one that is not the loopback one. A password of the
// application's is never sent that way.
func withoutTLS(ctx context.Context, a *Attempt) Result {
	for _, d := range a.run.doors {
		address := a.comesFrom(ctx, d)
		if !remote(address) {
			continue
		}
		r := knockAt(ctx, d, a.short, a.Tenant.At.Database, func(c *pgconn.Config) { c.TLSConfig, c.Fallbacks = nil, nil }, []string{"28000"})
		r.Detail = "from " + address + ": " + r.Detail
		return r
	}
	return notTried("landlord comes over the socket or the loopback address only: give the server an endpoint that is reached from elsewhere")
}

// comesFrom is landlord's own address as the server sees it through a door,
// or "". It is the same for all logins.
func (a *Attempt) comesFrom(ctx context.Context, d door) string {
	if d.socket {
		return ""
	}
	return a.run.memo.once("address at "+d.name, func() Result {
		s, err := enter(ctx, d, a.short, a.Tenant.At.Database, nil)
		if err != nil {
			return Result{}
		}
		defer s.close()
		return Result{Verdict: Works, Detail: started(ctx, s)["address"]}
	}).Detail
}

// existence compares the answers for a database that is there and one that is
// not.
func existence(ctx context.Context, a *Attempt) Result {
	d := a.run.doors[0]
	_, there := a.there(ctx)
	if there == nil {
		return Result{Escaped, "", "it gets in"}
	}
	name := tenant.ProbePrefix + a.run.id + "_none"
	s, err := enter(ctx, d, a.who, name, nil)
	if err == nil {
		s.close()
		return notTried("there is a database %s", name)
	}
	is, isNot := connect.State(there), connect.State(err)
	switch {
	case is == "" || isNot == "":
		return notTried("no answer from the server: %s", explain(err))
	case is != isNot:
		return Result{Exposed, is, fmt.Sprintf("SQLSTATE %s for a database that is there, %s for one that is not", is, isNot)}
	}
	return Result{Held, is, "the answers differ only in the name"}
}
