// Package prove logs in as each tenant, through the real door, and tries to
// get out of the house: into other databases, to other tenants' data, to more
// rights, in others' way. It also checks that a tenant can do what it must be
// able to do.
//
// Attempts run in transactions that are rolled back, with short timeouts; what
// would disturb a server is not done, only named. Where landlord is not given
// a login's password, a short-lived login in the same roles stands for it:
// named landlord_probe_<run>_<n>, with a password that only this process
// knows, valid for fifteen minutes. It and the scratch objects that neighbours
// try to reach are gone afterwards; what a killed run has left, the next one
// sweeps.
package prove

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"landlord/internal/catalog"
	"landlord/internal/connect"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Input says what to prove.
type Input struct {
	Server tenant.Server
	// Tenants are all of the server's: also those that are only neighbours.
	Tenants []tenant.Tenant
	// Afar are tenants with servers of their own, elsewhere.
	Afar []Afar
	// Limited are the limits of the server that its host enforces.
	Limited Limited
	// Only are the names of the tenants to prove, Pools those of the pools; both
	// empty: all, and the administrators. One of them empty: none of that kind.
	Only, Pools []string
	// Probes are the names of the probes to run; empty: all.
	Probes []string
	// Lookup gives the password of a tenant's login, where it is known. Nil:
	// short-lived logins stand for all.
	Lookup func(t tenant.Tenant, login string) (password string, ok bool)
	// LookupPool gives the password of a pool's login, where it is known. It may be
	// nil.
	LookupPool func(pool, login string) (password string, ok bool)
	// Router, if not nil, is what stands before the server.
	Router *Router
	// Parallel is how many tenants are tried at once; 0 means 2. Each takes
	// up to five sessions.
	Parallel int
	// Progress, if not nil, is told of each outcome, from one goroutine at a
	// time.
	Progress func(Outcome)
	// Proved, if not nil, is told of each tenant that has been tried, from one
	// goroutine at a time.
	Proved func(tenant string, outcomes []Outcome)
}

// run is one run.
type run struct {
	Input
	id        string
	snap      snapshot.Snapshot
	probes    []Probe
	doors     []door
	stands    []stand       // the tenants in each of their databases, each tenant's together
	assigned  map[int][]int // which further databases a stand must try, so that each is tried
	superuser string        // some superuser that can log in, or ""
	skew      time.Duration // by which the server's clock is ahead
	serial    atomic.Int64

	homeMu sync.Mutex
	home   *pgconn.PgConn

	guests guests
	memo   memo

	mu       sync.Mutex // guards what follows, and Progress
	problems []string
}

// Run proves. Its error says that it could not be done at all, or was
// interrupted; what was found until then is in the report.
func Run(ctx context.Context, in Input) (Report, error) {
	ctx = connect.Remember(ctx)
	r := &run{Input: in, id: newID(), guests: guests{byKey: map[string]*guest{}}}
	if r.Parallel <= 0 {
		r.Parallel = 2
	}
	report := Report{Server: in.Server.Name, Started: time.Now().UTC()}
	if err := r.choose(); err != nil {
		return report, err
	}
	if err := r.open(ctx); err != nil {
		return report, fmt.Errorf("server %s: %w", in.Server.Name, err)
	}
	defer func() { connect.Close(r.home) }()
	report.Version = r.snap.Version.String()
	for _, d := range r.doors {
		report.Doors = append(report.Doors, d.name)
	}
	var err error
	if report.Swept, err = r.sweep(ctx); err != nil {
		return report, err
	}
	report.Outcomes, err = r.proveAll(ctx)
	if err == nil {
		report.Outcomes = append(report.Outcomes, r.proveAdmins(ctx)...)
		report.Outcomes = append(report.Outcomes, r.provePools(ctx)...)
	}
	report.Problems = r.problems
	report.count()
	return report, err
}

func newID() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func (r *run) choose() error {
	for _, name := range r.Only {
		if !slices.ContainsFunc(r.Tenants, func(t tenant.Tenant) bool { return t.Name == name }) {
			return fmt.Errorf("there is no tenant %q on server %s", name, r.Server.Name)
		}
	}
	for _, name := range r.Pools {
		if _, ok := r.Server.Pool(name); !ok {
			return fmt.Errorf("there is no pool %q on server %s", name, r.Server.Name)
		}
	}
	r.probes = Probes()
	if r.Router == nil {
		r.probes = slices.DeleteFunc(r.probes, func(p Probe) bool { return p.Name != routerFunctionProbe && strings.HasPrefix(p.Name, "router-") })
	}
	if !r.Server.Router.Lookup {
		r.probes = slices.DeleteFunc(r.probes, func(p Probe) bool {
			return strings.HasPrefix(p.Name, "router-lookup-") && p.Name != routerFunctionProbe && p.Name != "router-lookup-login"
		})
	}
	if len(r.Probes) == 0 {
		return nil
	}
	for _, name := range r.Probes {
		if !slices.ContainsFunc(Probes(), func(p Probe) bool { return p.Name == name }) {
			return fmt.Errorf("there is no probe %q", name)
		}
	}
	r.probes = slices.DeleteFunc(r.probes, func(p Probe) bool { return !slices.Contains(r.Probes, p.Name) })
	return nil
}

// open connects and reads what the probes must know.
func (r *run) open(ctx context.Context) (err error) {
	if r.home, err = r.connect(ctx, ""); err != nil {
		return err
	}
	if r.snap, err = catalog.Shared(ctx, r.home, catalog.Options{HBA: true}); err == nil {
		r.doors, err = findDoors(ctx, r.home, r.Server.Connection, r.Server.Endpoint)
	}
	if err == nil {
		r.skew, err = skew(ctx, r.home)
	}
	if err != nil {
		connect.Close(r.home)
		return err
	}
	r.Tenants = plan.Complete(r.Tenants, plan.Found(r.Server.Name, r.snap), r.snap)
	r.Server = plan.WithPoolTwins(r.Server, r.snap)
	r.knowTwins()
	r.stands = standsOf(r.Tenants)
	r.assigned = assign(r.stands)
	for _, role := range r.snap.Roles {
		if role.Superuser && role.Login && (r.superuser == "" || role.Name == "postgres") {
			r.superuser = role.Name
		}
	}
	return nil
}

// all says that neither tenants nor pools were chosen.
func (r *run) all() bool { return len(r.Only)+len(r.Pools) == 0 }

// skew is how far the server's clock is ahead of this machine's.
func skew(ctx context.Context, conn *pgconn.PgConn) (time.Duration, error) {
	row, err := queryRow(ctx, conn, "SELECT extract(epoch FROM pg_catalog.clock_timestamp())")
	if err != nil {
		return 0, fmt.Errorf("reading the server's clock: %w", err)
	}
	seconds, err := strconv.ParseFloat(row[0], 64)
	if err != nil {
		return 0, fmt.Errorf("reading the server's clock: %w", err)
	}
	return time.Until(time.UnixMicro(int64(seconds * 1e6))), nil
}

// connect opens one of landlord's own sessions.
func (r *run) connect(ctx context.Context, database string) (*pgconn.PgConn, error) {
	return connect.Open(ctx, r.Server.Connection, connect.Options{
		Database: database, Application: runApplication(r.id), Statement: replyTimeout, Lock: statementTimeout,
	})
}

func (r *run) problem(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// proveAll tries all wanted tenants, a bounded number at once.
func (r *run) proveAll(ctx context.Context) ([]Outcome, error) {
	if !slices.ContainsFunc(r.probes, func(p Probe) bool { return p.Scope < Administrators }) {
		return nil, ctx.Err()
	}
	found := make([][]Outcome, len(r.Tenants))
	var workers errgroup.Group
	workers.SetLimit(r.Parallel)
	at := 0
	for i, t := range r.Tenants {
		first := at
		at += len(t.Places())
		if ctx.Err() != nil {
			break
		}
		if !r.all() && !slices.Contains(r.Only, t.Name) {
			continue
		}
		workers.Go(func() error {
			if t.Suspended {
				found[i] = r.proveSuspended(ctx, t)
			}
			for n := range t.Places() {
				if !t.Suspended {
					found[i] = append(found[i], r.proveStand(ctx, first+n)...)
				}
			}
			r.proved(t.Name, found[i])
			return nil
		})
	}
	_ = workers.Wait()
	if err := ctx.Err(); err != nil {
		return slices.Concat(found...), fmt.Errorf("stopped: %w", err)
	}
	return slices.Concat(found...), nil
}

// proveStand tries all logins of a tenant, in one of its databases, against
// all its neighbours.
func (r *run) proveStand(ctx context.Context, at int) []Outcome {
	t := r.stands[at]
	g := r.acquire(ctx, t)
	defer r.release(ctx, g)
	around := append(neighbours(r.stands, at, r.assigned, r.snap), r.afar(at)...)
	victims := make([]*guest, len(around))
	for i, n := range around {
		if n.stand != nil && r.needs(n.Relation) {
			victims[i] = r.acquire(ctx, *n.stand)
			defer r.release(ctx, victims[i])
		}
	}
	var found []Outcome
	for i, l := range t.OpenLogins() {
		if ctx.Err() != nil {
			break
		}
		a := Attempt{run: r, Tenant: t, Login: l, guest: g, sessions: newSessions()}
		if g.err == nil {
			a.short = g.logins[i]
			a.who = r.account(t.Tenant, l, a.short)
		}
		found = append(found, r.proveAgainst(ctx, a.against(nil, nil))...)
		for j := range around {
			found = append(found, r.proveAgainst(ctx, a.against(&around[j], victims[j]))...)
		}
		a.sessions.close()
	}
	return found
}

// needs says whether some chosen probe is tried against a relation.
func (r *run) needs(rel Relation) bool {
	return slices.ContainsFunc(r.probes, func(p Probe) bool {
		return slices.ContainsFunc(tenant.Kinds(), func(k tenant.Kind) bool { return p.fits(k, rel) })
	})
}

func (r *run) account(t tenant.Tenant, l tenant.Login, short account) account {
	bare := slices.ContainsFunc(r.snap.Roles, func(have snapshot.Role) bool { return have.Name == l.Name && have.Verifier == "none" })
	if r.Lookup != nil && !bare { // else what is known is of an earlier login of that name
		if password, ok := r.Lookup(t, l.Name); ok {
			return account{l.Name, password}
		}
	}
	return short
}

// proveAgainst runs the probes that fit the attempt.
func (r *run) proveAgainst(ctx context.Context, a *Attempt) []Outcome {
	var found []Outcome
	var relation Relation
	if a.Neighbour != nil {
		relation = a.Neighbour.Relation
	}
	for _, p := range r.probes {
		if !a.fits(p, relation) || ctx.Err() != nil {
			continue
		}
		o := a.outcome(p, r.probe(ctx, p, a))
		found = append(found, o)
		r.tell(o)
	}
	return found
}

func (r *run) tell(o Outcome) {
	if r.Progress != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.Progress(o)
	}
}

func (r *run) proved(tenant string, found []Outcome) {
	if r.Proved != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.Proved(tenant, found)
	}
}

// proveSuspended looks whether a suspended tenant's logins are closed, and
// makes none that could open its house again.
func (r *run) proveSuspended(ctx context.Context, t tenant.Tenant) []Outcome {
	var found []Outcome
	for _, name := range t.LoginRoles() {
		l, _ := t.LoginOf(name)
		o := Outcome{Tenant: t.Name, Kind: l.Kind, Login: name, Probe: "own-login", Verdict: Works, Detail: "suspended: it cannot log in"}
		rows, err := r.ask(ctx, "SELECT r.rolcanlogin FROM pg_catalog.pg_roles AS r WHERE r.rolname = "+pgsql.Literal(name))
		switch {
		case err != nil:
			o.Verdict, o.Detail = NotTried, "reading its role: "+explain(err)
		case len(rows) > 0 && rows[0][0] == "t":
			o.Verdict, o.Detail = Failed, "suspended, and it can log in"
		}
		found = append(found, o)
		r.tell(o)
	}
	return found
}

// probe runs one probe, where that can be done at all.
func (r *run) probe(ctx context.Context, p Probe, a *Attempt) Result {
	switch {
	case a.guest.err != nil && (p.Name == "own-login" || p.Name == "pool-login"):
		return failed("nothing could be proved: %s", explain(a.guest.err))
	case a.guest.err != nil:
		return notTried("%s", explain(a.guest.err))
	case a.victim != nil && a.victim.err != nil:
		return notTried("%s", explain(a.victim.err))
	case p.Since > r.snap.Version.Major():
		return notTried("PostgreSQL %d has nothing of the kind: it came with %d", r.snap.Version.Major(), p.Since)
	}
	return p.Run(ctx, a)
}

func (a *Attempt) outcome(p Probe, res Result) Outcome {
	o := Outcome{
		Tenant: a.Tenant.Name, Kind: a.Login.Kind, Login: a.Login.Name, Probe: p.Name,
		Verdict: res.Verdict, State: res.State, Detail: res.Detail,
	}
	if a.pool != nil {
		o.Tenant, o.Pool = "", a.pool.Name
	}
	if a.Neighbour != nil {
		o.Neighbour, o.Relation = a.Neighbour.Name, a.Neighbour.Relation
		if a.Neighbour.stand != nil && a.Neighbour.stand.further() {
			o.NeighbourDatabase = a.Neighbour.Database
		}
	}
	if a.Tenant.further() {
		o.Database = a.Tenant.At.Database
	}
	if res.Verdict == Exposed {
		o.Closes, o.Consequence = p.Closes, p.Consequence
	}
	a.onOwnServer(&o)
	return o
}
