package prove

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// Router is the router before the server.
type Router struct {
	// Names are all of the router's, also those of other servers, sorted.
	Names []RouterName
	// Lookups are how many connections a process has at most by which it looks up
	// verifiers, to all servers together; 0: it has a list of users.
	Lookups int
}

// RouterName is a name by which a tenant's programs come, or a pool's.
type RouterName struct {
	Name, Tenant, Pool string
	// Server and Database are where it leads to.
	Server, Database string
	// Conninfo is where the router is for this name, without user and database.
	Conninfo string
	Logins   []string
}

// knowTwins adds the second logins of this server's tenants and pools to the
// router's names.
func (r *run) knowTwins() {
	if r.Router == nil {
		return
	}
	for i, n := range r.Router.Names {
		if p, ok := r.Server.Pool(n.Pool); ok {
			r.Router.Names[i].Logins = p.OpenLogins()
		}
		if t, ok := r.tenantNamed(n.Tenant); ok {
			r.Router.Names[i].Logins = nil
			for _, l := range t.OpenLogins() {
				r.Router.Names[i].Logins = append(r.Router.Names[i].Logins, l.Name)
			}
		}
	}
}

// routerProbes are about the router. They are tried as the tenant's own logins
// alone: a short-lived one the router does not know.
var routerProbes = []Probe{
	{Name: "router-own-login", What: "log in through the router by its own name, and find its house", Expect: Works, Run: routed(routerOwn)},
	{Name: "router-wrong-password", What: "log in through the router with another password, or none", Expect: Held, Run: routed(routerWrongPassword)},
	{Name: "router-b-name", What: "come by another tenant's name, on whichever server that is", Expect: Held, Run: routed(routerNeighbours(func(a *Attempt, n RouterName) []knocking {
		return []knocking{{n, n.Name, a.who}}
	}))},
	{Name: "router-b-login", What: "come as another tenant's login, with one's own password", Expect: Held, Run: routed(routerNeighbours(func(a *Attempt, n RouterName) []knocking {
		var all []knocking
		for _, login := range n.Logins {
			all = append(all, knocking{n, n.Name, account{login, a.who.password}})
		}
		return all
	}))},
	{Name: "router-b-here", What: "come by one's own name as another tenant's login", Expect: Held, Run: routed(routerHere)},
	{Name: "router-postgres", What: "come through the router into databases that are nobody's house", Expect: Held, Run: routed(routerDatabases("postgres", "template1", "template0", "*"))},
	{Name: "router-console", What: "reach the router's console", Expect: Held, Run: routed(routerConsole)},
	{Name: "router-superuser", What: "come through the router as a superuser", Expect: Held, Run: routed(routerSuperuser)},
	{Name: "router-lookup-login", What: "come as the login by which the router looks up verifiers", Expect: Held, Run: routed(routerAs(tenant.RouterRole))},
	{Name: "router-odd-names", What: "come by a name that is more than a name", Expect: Held, Run: routed(routerOddNames)},
	{Name: "router-absent-name", What: "begin to log in by a name that is not there", Expect: Held, Closes: ByDirect,
		Consequence: "rules of your own (router: hba) ask for a password by any name: whoever has one in the router's list of users becomes any other login there, before PgBouncer 1.26.1 (CVE-2026-107350); name the databases in those rules", Run: routed(routerAbsent)},
	{Name: "router-startup", What: "come through the router with start-up parameters that make it another: a role, a search_path, a name that ends its own quotes", Expect: Held, Run: routed(routerStartup)},
	{Name: "router-pool-login", What: "come through the router as a pool, become a tenant for one transaction, and be nobody after it", Scope: Pooled, Expect: Works, Run: routed(routerPool)},
	{Name: routerFunctionProbe, What: "call the function by which the router looks up verifiers", Expect: Held, Run: routerFunction},
}

// routerLookupProbes are about the server, where the router looks up verifiers.
var routerLookupProbes = []Probe{
	{Name: "router-lookup-answers", What: "have the router's function tell a verifier of somebody who may not come in here: a superuser, an administrator, a role that cannot log in, a tenant of another database", Expect: Held, Run: lookupAnswers},
	{Name: "router-lookup-rights", What: "do anything else as the login by which the router looks up verifiers", Expect: Held, Run: lookupRights},
}

// routerFunctionProbe is tried without a router, too: the function may be there.
const routerFunctionProbe = "router-lookup-function"

// knocking is one attempt to come through the router.
type knocking struct {
	at       RouterName
	database string
	who      account
}

// routed runs a probe where the login itself, and not another in its place,
// can come through the router by a name of its own.
func routed(run func(context.Context, *Attempt, RouterName) Result) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		n, ok := a.routerName()
		if !ok {
			return notTried("the router has no name for it: landlord router apply")
		}
		own, ok := a.known()
		if !ok {
			return notTried("the password of %s is not known, and the router lets in no login that stands for it: name a store for passwords (secrets)", a.Login.Name)
		}
		as := *a
		as.who = own
		return run(ctx, &as, n)
	}
}

// routerName is the name by which an attempt's login comes: that of its tenant's
// database, or of its pool.
func (a *Attempt) routerName() (RouterName, bool) {
	for _, n := range a.run.Router.Names {
		if a.pool != nil && n.Pool == a.pool.Name || a.pool == nil && n.Tenant == a.Tenant.Name && n.Database == a.Tenant.At.Database {
			return n, true
		}
	}
	return RouterName{}, false
}

// known is the login itself, where its password is known.
func (a *Attempt) known() (account, bool) {
	if a.pool != nil {
		if a.run.LookupPool == nil {
			return account{}, false
		}
		password, ok := a.run.LookupPool(a.pool.Name, a.Login.Name)
		return account{a.Login.Name, password}, ok
	}
	return a.who, a.who.user == a.Login.Name
}

func routerDoor(n RouterName) door { return door{name: "router", conninfo: n.Conninfo} }

func routerOwn(ctx context.Context, a *Attempt, n RouterName) Result {
	s, err := enter(ctx, routerDoor(n), a.who, n.Name, nil)
	if err != nil {
		return failed("%s", explain(err))
	}
	defer s.close()
	r := s.run(ctx, "SELECT pg_catalog.current_setting('search_path'), current_user, session_user, pg_catalog.current_database()")
	if r.err != nil || len(r.rows) == 0 {
		return failed("in, and no answer: %s", r.said())
	}
	row := r.rows[0]
	if _, err := a.own(ctx); err != nil {
		return notTried("no session without the router to compare with: %s", explain(err))
	}
	direct := a.sessions.started
	if row[2] != a.Login.Name || row[3] != a.Tenant.At.Database || row[0] != direct["search_path"] || row[1] != direct["current_user"] {
		return failed("it is %s as %s in database %s with search_path %s: without the router it is another", row[2], row[1], row[3], row[0])
	}
	return works("in, as %s in database %s", row[2], row[3])
}

// routerPool becomes a tenant for one transaction, as a pool's programs do.
func routerPool(ctx context.Context, a *Attempt, n RouterName) Result {
	s, err := enter(ctx, routerDoor(n), a.who, n.Name, nil)
	if err != nil {
		return failed("%s", explain(err))
	}
	defer s.close()
	const who = "SELECT session_user, current_user, pg_catalog.current_database()"
	in := inTurn(ctx, s, "BEGIN", becomes(a.Tenant.Name), who)
	if in.err != nil || len(in.rows) == 0 || in.rows[0][0] != a.who.user || in.rows[0][1] == a.who.user || in.rows[0][2] != n.Database {
		return failed("it does not become tenant %s: %s", a.Tenant.Name, in.said())
	}
	if after := inTurn(ctx, s, "COMMIT", who); after.err != nil || len(after.rows) == 0 || after.rows[0][1] != a.who.user {
		return failed("after its transaction it is not itself again: %s", after.said())
	}
	return works("in, as %s in database %s, and then nobody", in.rows[0][1], in.rows[0][2])
}

// inTurn runs statements until one fails, and returns the last one's answer.
func inTurn(ctx context.Context, s *session, statements ...string) (r reply) {
	for _, sql := range statements {
		if r = s.run(ctx, sql); r.err != nil {
			break
		}
	}
	return r
}

// routerDenials are what PgBouncer says where it turns somebody away. All of it
// has one SQLSTATE.
var routerDenials = []string{"no such database", "no such user", "login rejected", "authentication failed", "not allowed", "unsupported", "SSL required", "TLS required", "database does not exist"}

// turnsAway says whether an answer is one of these.
func turnsAway(said string) bool {
	return slices.ContainsFunc(routerDenials, func(d string) bool { return strings.Contains(said, d) })
}

// knock makes the attempt, and gives what was said, or who is in.
func (k knocking) knock(ctx context.Context) (said string, in bool) {
	s, err := enter(ctx, routerDoor(k.at), k.who, k.database, nil)
	if err != nil {
		return explain(err), false
	}
	defer s.close()
	r := s.run(ctx, "SELECT 1")
	return fmt.Sprintf("%s is in by the name %s (%s)", k.who.user, k.database, r.said()), true
}

// tryKnocking makes attempts, each of which must be turned away.
func tryKnocking(ctx context.Context, all []knocking) Result {
	if len(all) == 0 {
		return notTried("there is nobody to try it against")
	}
	said, in := "", false
	for _, k := range all {
		if said, in = k.knock(ctx); in {
			return Result{Escaped, "", said}
		}
		if !turnsAway(said) {
			return notTried("an answer that says nothing about the wall: %s as %s: %s", k.database, k.who.user, said)
		}
	}
	return Result{Held, "", said}
}

func routerWrongPassword(ctx context.Context, a *Attempt, n RouterName) Result {
	var all []knocking
	for _, password := range []string{"", "md5", rand.Text()} {
		all = append(all, knocking{n, n.Name, account{a.Login.Name, password}})
	}
	return tryKnocking(ctx, all)
}

// maxRouterNeighbours bounds how many other names each login tries: all of them
// would be the square of the tenants.
const maxRouterNeighbours = 8

// others are names of other tenants, those that come next.
func (r *run) others(n RouterName) []RouterName {
	var out []RouterName
	i := slices.IndexFunc(r.Router.Names, func(x RouterName) bool { return x.Name == n.Name })
	for step := 1; step < len(r.Router.Names) && len(out) < maxRouterNeighbours; step++ {
		if x := r.Router.Names[(i+step)%len(r.Router.Names)]; x.Tenant != n.Tenant || x.Pool != n.Pool {
			out = append(out, x)
		}
	}
	return out
}

func routerNeighbours(knocks func(*Attempt, RouterName) []knocking) func(context.Context, *Attempt, RouterName) Result {
	return func(ctx context.Context, a *Attempt, n RouterName) Result {
		var all []knocking
		for _, other := range a.run.others(n) {
			all = append(all, knocks(a, other)...)
		}
		return tryKnocking(ctx, all)
	}
}

// routerHere tries other tenants' logins by one's own name, with their own
// passwords where they are known.
func routerHere(ctx context.Context, a *Attempt, n RouterName) Result {
	var all []knocking
	for _, other := range a.run.others(n) {
		for _, login := range other.Logins {
			password := a.who.password
			if t, ok := a.run.tenantNamed(other.Tenant); ok && a.run.Lookup != nil {
				if known, ok := a.run.Lookup(t, login); ok {
					password = known
				}
			}
			all = append(all, knocking{n, n.Name, account{login, password}})
		}
	}
	return tryKnocking(ctx, all)
}

func (r *run) tenantNamed(name string) (tenant.Tenant, bool) {
	i := slices.IndexFunc(r.Tenants, func(t tenant.Tenant) bool { return t.Name == name })
	if i < 0 {
		return tenant.Tenant{}, false
	}
	return r.Tenants[i], true
}

func routerDatabases(names ...string) func(context.Context, *Attempt, RouterName) Result {
	return func(ctx context.Context, a *Attempt, n RouterName) Result {
		var all []knocking
		for _, name := range names {
			all = append(all, knocking{n, name, a.who})
		}
		return tryKnocking(ctx, all)
	}
}

func routerConsole(ctx context.Context, a *Attempt, n RouterName) Result {
	const console = "pgbouncer"
	return tryKnocking(ctx, []knocking{
		{n, console, a.who}, {n, console, account{"postgres", a.who.password}}, {n, console, account{"nobody_at_all", ""}},
		{n, n.Name, account{console, ""}}, {n, n.Name, account{console, a.who.password}},
	})
}

func routerSuperuser(ctx context.Context, a *Attempt, n RouterName) Result {
	if a.run.superuser == "" {
		return notTried("no superuser can log in")
	}
	return routerAs(a.run.superuser)(ctx, a, n)
}

// routerAs tries to come by one's own name as somebody, with guesses.
func routerAs(user string) func(context.Context, *Attempt, RouterName) Result {
	return func(ctx context.Context, a *Attempt, n RouterName) Result {
		var all []knocking
		for _, password := range []string{a.who.password, "", "md5", user} {
			all = append(all, knocking{n, n.Name, account{user, password}})
		}
		return tryKnocking(ctx, all)
	}
}

func routerOddNames(ctx context.Context, a *Attempt, n RouterName) Result {
	var all []knocking
	for _, name := range []string{n.Name + `"`, `"` + n.Name + `"`, n.Name + `' dbname='postgres`, n.Name + " dbname=postgres", n.Name + ";", "all", strings.ToUpper(n.Name)} {
		all = append(all, knocking{n, name, a.who})
	}
	for _, user := range []string{a.Login.Name + `"`, `"` + a.Login.Name + `"`, a.Login.Name + `" "x`, "all", "+" + a.Tenant.Name} {
		all = append(all, knocking{n, n.Name, account{user, a.who.password}})
	}
	return tryKnocking(ctx, all)
}

func routerFunction(ctx context.Context, a *Attempt) Result {
	return refused("SELECT * FROM landlord.lookup('"+tenant.RouterRole+"')").denied("3F000", "42883").run(ctx, a)
}

// RouterProbes are the names of those that go through the router, or are about it.
func RouterProbes() []string {
	var names []string
	for _, p := range slices.Concat(routerProbes, routerLoadProbes, routerLookupProbes) {
		names = append(names, p.Name)
	}
	return names
}
