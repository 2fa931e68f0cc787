package prove

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// Attempt is one login's turn, against one neighbour or none.
type Attempt struct {
	run       *run
	Tenant    stand
	Login     tenant.Login
	Neighbour *Neighbour // nil for probes that need none

	guest *guest
	// short is the short-lived login that stands for Login; who is the one
	// that logs in: it, or Login itself where its password is known.
	short, who account
	victim     *guest // the neighbour, where it is a tenant
	// pool is the pool that has become the tenant, where that is so; Login is
	// its login then, and the limits are its own.
	pool *tenant.Pool

	sessions *sessions
	words    *strings.Replacer
}

// sessions are a login's, opened when first needed.
type sessions struct {
	own     *session
	started map[string]string // parameters that a new session had
	ownErr  error
	// there are the login's sessions in other databases, guests those of the
	// neighbours' logins at home; each holds also why there is none.
	there  map[string]entry
	guests map[string]entry
}

type entry struct {
	session *session
	err     error
}

func newSessions() *sessions {
	return &sessions{there: map[string]entry{}, guests: map[string]entry{}}
}

func (s *sessions) close() {
	s.own.close()
	for _, e := range s.there {
		e.session.close()
	}
	for _, e := range s.guests {
		e.session.close()
	}
}

// against makes the attempt one against a neighbour.
func (a Attempt) against(n *Neighbour, victim *guest) *Attempt {
	a.Neighbour, a.victim = n, victim
	a.words = a.dictionary()
	return &a
}

// own is the login's session in its own database. It is opened again if an
// attempt has cost it.
func (a *Attempt) own(ctx context.Context) (*session, error) {
	s := a.sessions
	if s.own != nil && !s.own.conn.IsClosed() {
		return s.own, nil
	}
	if s.ownErr != nil {
		return nil, s.ownErr
	}
	fresh, err := enter(ctx, a.run.doors[0], a.who, a.Tenant.At.Database, nil)
	if err == nil && s.started == nil {
		s.started = started(ctx, fresh)
	}
	if err == nil {
		err = fresh.bound(ctx)
	}
	if err == nil && a.pool != nil {
		fresh.first = becomes(a.Tenant.Name)
	}
	s.own, s.ownErr = fresh, err
	return fresh, err
}

// fits says whether a probe is for who makes the attempt.
func (a *Attempt) fits(p Probe, r Relation) bool {
	if a.pool != nil {
		return p.fitsPool(a.Login.Kind, r)
	}
	return p.fits(a.Login.Kind, r)
}

// started reads the parameters that a new session has from its login.
func started(ctx context.Context, s *session) map[string]string {
	r := s.run(ctx, `SELECT pg_catalog.current_setting('search_path'), current_user, session_user,
		coalesce(pg_catalog.host(pg_catalog.inet_client_addr()), '')`)
	if len(r.rows) == 0 {
		return map[string]string{}
	}
	row := r.rows[0]
	return map[string]string{"search_path": row[0], "current_user": row[1], "session_user": row[2], "address": row[3]}
}

// there is the login's session in the neighbour's database, or why there is
// none.
func (a *Attempt) there(ctx context.Context) (*session, error) {
	db := a.Neighbour.Database
	if db == a.Tenant.At.Database {
		return a.own(ctx)
	}
	if e, ok := a.sessions.there[db]; ok && (e.err != nil || !e.session.conn.IsClosed()) {
		return e.session, e.err
	}
	var e entry
	e.session, e.err = enter(ctx, a.run.doors[0], a.who, db, nil)
	if e.err == nil {
		e.err = e.session.bound(ctx)
	}
	a.sessions.there[db] = e
	return e.session, e.err
}

// theirs is a session of the neighbour's first login at home: the positive
// control, and what others may see or disturb.
func (a *Attempt) theirs(ctx context.Context) (*session, error) {
	if a.victim.err != nil {
		return nil, a.victim.err
	}
	key := a.Neighbour.key()
	if e, ok := a.sessions.guests[key]; ok && (e.err != nil || !e.session.conn.IsClosed()) {
		return e.session, e.err
	}
	var e entry
	if len(a.victim.logins) == 0 {
		e.err = fmt.Errorf("tenant %s has no login", a.Neighbour.Name)
	} else {
		e.session, e.err = enter(ctx, a.run.doors[0], a.victim.logins[0], a.Neighbour.Database, nil)
	}
	if e.err != nil {
		e.err = fmt.Errorf("the neighbour's own login cannot get in: %s", explain(e.err))
	} else {
		e.err = e.session.bound(ctx)
	}
	a.sessions.guests[key] = e
	return e.session, e.err
}

// control says why the neighbour's row is not there to be reached, or nil.
func (a *Attempt) control(ctx context.Context) error {
	s, err := a.theirs(ctx)
	if err != nil {
		return err
	}
	if a.victim.bare != nil {
		return a.victim.bare
	}
	if r := s.try(ctx, "SELECT secret FROM "+a.victim.scratch.table()); r.value() != a.victim.scratch.secret {
		return fmt.Errorf("the neighbour's own login does not read its row: %s", r.said())
	}
	return nil
}

// missing says why there is something that a statement cannot be made with.
func (a *Attempt) missing() error {
	if a.victim != nil && a.victim.bare != nil {
		return a.victim.bare
	}
	if a.guest.bare != nil {
		return a.guest.bare
	}
	return fmt.Errorf("the tenant lacks a role or a table that it names")
}

// sql fills in a statement's words: {db} is an identifier, {db'} a literal.
func (a *Attempt) sql(text string) string { return a.words.Replace(text) }

func (a *Attempt) dictionary() *strings.Replacer {
	var pairs []string
	name := func(word, value string) {
		if value != "" {
			pairs = append(pairs, "{"+word+"}", pgsql.Ident(value))
		}
		pairs = append(pairs, "{"+word+"'}", pgsql.Literal(value))
	}
	raw := func(word, value string) {
		pairs = append(pairs, "{"+word+"}", value, "{"+word+"'}", pgsql.Literal(value))
	}
	name("db", a.Tenant.At.Database)
	name("schema", a.Tenant.At.Schemas[0])
	name("owner", a.Tenant.Owner)
	name("me", a.Login.Name)
	name("self", a.who.user)
	name("short", a.short.user)
	name("new", tenant.ProbePrefix+a.run.id+"_new")
	name("new.refers", tenant.ProbePrefix+a.run.id+"_new_refers")
	name("superuser", a.run.superuser)
	raw("mine", pgsql.Literals(a.mine()...))
	raw("schemas", pgsql.Literals(a.Tenant.At.Schemas...))
	raw("roles", pgsql.Literals(a.Tenant.Roles()...))
	if a.guest.err == nil && a.guest.bare == nil {
		raw("table", a.guest.scratch.table())
	}
	if a.Neighbour != nil {
		name("b.db", a.Neighbour.Database)
	}
	if a.victim != nil {
		b, s := a.victim.t, a.victim.scratch
		name("b", b.Name)
		name("b.schema", b.At.Schemas[0])
		name("b.owner", b.Owner)
		if open := b.OpenLogins(); len(open) > 0 {
			name("b.login", open[0].Name)
		}
		if login, ok := b.PoolLogin(); ok {
			name("b.become", login)
		}
		raw("b.roles", pgsql.Literals(b.Roles()...))
		if a.victim.err == nil && a.victim.bare == nil {
			raw("b.table", s.table())
			raw("b.view", s.view())
			raw("b.function", s.functionName())
			raw("b.oid", s.oid)
			name("b.name", s.name)
			raw("b.lo", s.largeObject)
			raw("b.secret", s.secret)
			raw("b.mark", s.mark())
		}
	}
	return strings.NewReplacer(pairs...)
}

// mine lists the roles that the login may be a member of: itself, what its
// house makes it a member of, and those in whose place it stands when
// passwords rotate.
func (a *Attempt) mine() []string {
	names := []string{a.short.user, a.Login.Name}
	names = append(names, a.Tenant.LoginsOf(a.Login.Kind)...)
	all := isolation.Build(a.Tenant.Tenant).Memberships
	for i := 0; i < len(names); i++ {
		for _, m := range all {
			if m.Member == names[i] && !slices.Contains(names, m.Role) {
				names = append(names, m.Role)
			}
		}
	}
	return names
}
