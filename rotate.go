package landlord

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/apply"
	"landlord/internal/catalog"
	"landlord/internal/connect"
	"landlord/internal/credentials"
	"landlord/internal/journal"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Rotation is how a login's password is changed.
type Rotation struct {
	// InPlace gives the current login another password: the old one stops
	// working at once. Otherwise the login's twin is opened beside it.
	InPlace bool
	// After is when the old login's password stops to hold; 0: when the
	// rotation is finished.
	After time.Duration
	// Whole is as in [Options].
	Whole func(context.Context) (tenant.Estate, error)
	// Deliver gets the new settings before the server takes the password: if
	// it fails, nothing has changed. It may be nil.
	Deliver func(Credentials) error
}

// Rotated says what a rotation has done.
type Rotated struct {
	Credentials
	// First says that the login had no password before, InPlace that its
	// password is another one now.
	First, InPlace bool
	// Old is the login that goes on until the rotation is finished; empty:
	// there is none.
	Old string
	// Until is when it stops by itself (RFC 3339); empty: not by itself.
	Until string
}

// Rotate gives a tenant's login a new password, so that no program fails: a
// second login beside the first, with all its rights, until Finish closes the
// first. Where a rotation is open already, it gives the settings again if the
// user's store knows the password, and else is an error.
func Rotate(ctx context.Context, e tenant.Estate, name, login string, r Rotation, h Hooks) (Rotated, error) {
	of, err := tenantOf(e, name)
	if err != nil {
		return Rotated{}, err
	}
	w, release, err := enter(ctx, e, of, h)
	if err != nil {
		return Rotated{}, err
	}
	defer release()
	l, ok := w.tenant.LoginOf(login)
	if !ok {
		return Rotated{}, fmt.Errorf("tenant %s has no login %q", name, login)
	}
	return w.rotate(ctx, l.Name, r, h)
}

func (w *work) rotate(ctx context.Context, login string, r Rotation, h Hooks) (Rotated, error) {
	switch twin, has := w.twin(login); {
	case w.role(w.current(login)) == nil:
		return Rotated{}, &CredentialsError{login, "the server has no such role", "landlord apply makes it"}
	case !has && w.role(login).Verifier == "none", r.InPlace:
		return w.inPlace(ctx, twin, login, r)
	case has && twin.Open && w.role(twin.Current()).Verifier == "none":
		return w.turn(ctx, twin, r) // its password was taken away by hand
	case has && twin.Open:
		return w.again(ctx, twin)
	}
	twin, err := w.prepare(ctx, login, r.Whole, h)
	if err != nil {
		if w.made {
			_, err = w.giveUp(ctx, twin, err)
		}
		return Rotated{}, err
	}
	return w.turn(ctx, twin.Turn(""), r)
}

// work is a tenant or a pool at hand, under landlord's lock.
type work struct {
	estate tenant.Estate
	of     holder
	tenant tenant.Tenant // with its twins
	pool   tenant.Pool   // with its twin
	conn   *pgconn.PgConn
	snap   snapshot.Snapshot
	lock   *apply.Held
	made   bool // the second login was not there before
}

// enter takes landlord's lock, and looks at a tenant or a pool as it is then.
func enter(ctx context.Context, e tenant.Estate, of holder, h Hooks) (_ *work, release func(), err error) {
	lock, err := apply.Lock(ctx, of.server.Connection, h.Waiting)
	if err != nil {
		return nil, nil, err
	}
	w := &work{estate: e, of: of, lock: lock}
	if h.Refresh != nil {
		w.estate, err = h.Refresh(ctx)
	}
	if err == nil {
		w.conn, err = connect.Open(ctx, of.server.Connection, connect.Options{Application: apply.Application})
	}
	if err == nil {
		err = w.see(ctx)
	}
	release = func() {
		if w.conn != nil {
			connect.Close(w.conn)
		}
		lock.Release()
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return w, release, nil
}

func (w *work) seeTenant(ctx context.Context) error {
	t, ok := w.estate.Tenant(w.of.tenant)
	if !ok {
		return fmt.Errorf("there is no tenant %q any more", w.of.tenant)
	}
	f := &snapshot.Focus{Roles: t.Names()}
	if err := w.read(ctx, f); err != nil {
		return err
	}
	if plan.Strange(w.of.server, t, w.snap) { // not all of its roles may be found by their names
		f.Tenants = []string{t.Name}
		if err := w.read(ctx, f); err != nil {
			return err
		}
	}
	found := plan.Found(w.of.server.Name, w.snap)
	on, i := []tenant.Tenant{t}, 0
	if slices.ContainsFunc(found, func(f tenant.Tenant) bool { return len(f.Further) > 0 }) { // which may be another tenant's in the spec
		on = w.estate.On(w.of.server.Name)
		i = slices.IndexFunc(on, func(o tenant.Tenant) bool { return o.Name == t.Name })
	}
	w.tenant = plan.Complete(on, found, w.snap)[i]
	return nil
}

// read reads what a server's databases share.
func (w *work) read(ctx context.Context, f *snapshot.Focus) (err error) {
	if w.snap, err = catalog.Shared(ctx, w.conn, catalog.Options{Focus: f}); err != nil {
		return fmt.Errorf("reading server %s: %w", w.of.server.Name, err)
	}
	return plan.Unfit(w.snap)
}

func (w *work) role(name string) *snapshot.Role {
	i := slices.IndexFunc(w.snap.Roles, func(r snapshot.Role) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &w.snap.Roles[i]
}

// prepare sees to it that a login's twin is there, closed, with all that the
// first has. Killed after it, nothing has changed for anybody.
func (w *work) prepare(ctx context.Context, login string, whole func(context.Context) (tenant.Estate, error), h Hooks) (tenant.Twin, error) {
	twin, has := w.twin(login)
	if !has {
		var ok bool
		if twin, ok = tenant.NewTwin(login); !ok {
			return twin, &CredentialsError{login, "its name is so long that there is none for a second login", "--in-place changes its password, which stops working at once"}
		}
		if w.role(twin.Name) != nil {
			return twin, &CredentialsError{login, fmt.Sprintf("role %s is there already, and is not its second login", twin.Name), "--in-place changes its password, which stops working at once"}
		}
		w.made = true
	}
	if w.of.pool != "" {
		return twin, w.second(ctx, twin, h)
	}
	o := Options{Tenants: []string{w.tenant.Name}}
	if whole != nil {
		o.Whole = func(ctx context.Context) (tenant.Estate, error) {
			e, err := whole(ctx)
			return twinned(e, w.tenant.Name, twin), err
		}
	}
	result, err := locked(ctx, twinned(w.estate, w.tenant.Name, twin), w.of.server.Name, o, h, planned{}, w.lock)
	if err := errors.Join(err, result.Err()); err != nil {
		return twin, err
	}
	w.keep(twin)
	return twin, nil
}

// twinned is an estate in which a tenant has a twin.
func twinned(e tenant.Estate, name string, twin tenant.Twin) tenant.Estate {
	e.Tenants = slices.Clone(e.Tenants)
	if i := slices.IndexFunc(e.Tenants, func(t tenant.Tenant) bool { return t.Name == name }); i >= 0 {
		e.Tenants[i] = e.Tenants[i].WithTwin(twin)
	}
	return e
}

// turn opens the twin's current login with a new password, in one step with
// what is written down of it. Where that fails, all is as before; what is
// returned with an error has happened all the same.
func (w *work) turn(ctx context.Context, twin tenant.Twin, r Rotation) (out Rotated, err error) {
	var c Credentials
	var sql []string
	if twin.Until, err = w.after(ctx, r.After); err == nil {
		opened := "VALID UNTIL 'infinity'"
		if !w.tenant.Suspended {
			opened = "LOGIN " + opened
		}
		w.keep(twin)
		sql = []string{"ALTER ROLE " + pgsql.Ident(twin.Current()) + " " + opened, w.validity(twin), w.comment(twin)}
		c, err = w.password(ctx, twin.Current(), r, sql...)
	}
	if err != nil {
		opened, err := w.giveUp(ctx, twin, err)
		if !opened {
			return Rotated{}, err
		}
	}
	return Rotated{Credentials: c, Old: twin.Old, Until: twin.Until}, w.record("password", twin.Current(), sql)
}

// inPlace gives a login another password, or its first.
func (w *work) inPlace(ctx context.Context, twin tenant.Twin, login string, r Rotation) (Rotated, error) {
	current := w.current(login)
	out := Rotated{First: w.role(current).Verifier == "none", InPlace: true}
	if twin.Open {
		out.Old, out.Until = twin.Old, twin.Until
	}
	var err error
	if out.Credentials, err = w.password(ctx, current, r); err != nil {
		return Rotated{}, err
	}
	return out, w.record("password", current, nil)
}

// again gives the settings of a rotation that is open.
func (w *work) again(ctx context.Context, twin tenant.Twin) (Rotated, error) {
	out := Rotated{Old: twin.Old, Until: twin.Until}
	_, source := stores(w.estate.Secrets)
	settings, err := w.settings(twin.Current())
	if err != nil {
		return out, err
	}
	if source != nil {
		secret, known, err := stored(ctx, source, w.estate, w.of.server, settings)
		if err != nil {
			return out, fmt.Errorf("looking up the password of %s: %w", settings.User, err)
		}
		if settings.Secret = secret; known {
			out.Credentials = Credentials{Settings: settings, Stored: true}
			return out, nil
		}
	}
	return out, &CredentialsError{twin.Of, fmt.Sprintf("a rotation is open: %s is the new login, and %s the old one, which still works", twin.Current(), twin.Old),
		fmt.Sprintf("%s --finish closes %s; %s --in-place gives %s another password, should nobody have the first",
			w.of.command(""), twin.Old, w.of.command(twin.Of), twin.Current())}
}

// password makes and stores a login's password, with what else belongs to the
// same step.
func (w *work) password(ctx context.Context, role string, r Rotation, also ...string) (Credentials, error) {
	settings, err := w.settings(role)
	if err != nil {
		return Credentials{}, err
	}
	sink, _ := stores(w.estate.Secrets)
	settings.Secret = credentials.Password()
	c := Credentials{Settings: settings, New: true, Stored: sink != nil}
	err = setPassword(ctx, w.conn, role, settings.Secret, func() error {
		if sink != nil {
			if err := sink.Store(ctx, settings); err != nil {
				return err
			}
		}
		if r.Deliver != nil {
			return r.Deliver(c)
		}
		return nil
	}, also...)
	return c, err
}

// validity is when an old login's password stops to hold.
func (w *work) validity(twin tenant.Twin) string {
	until := twin.Until
	if until == "" {
		until = "infinity"
	}
	return "ALTER ROLE " + pgsql.Ident(twin.Old) + " VALID UNTIL " + pgsql.Literal(until)
}

func (w *work) record(action, role string, sql []string) error {
	entry := journal.Entry{Action: action, Server: w.of.server.Name, Tenant: w.tenant.Name, Group: "login " + role}
	for _, s := range sql {
		entry.Statements = append(entry.Statements, journal.Statement{SQL: s})
	}
	return record(w.estate, entry)
}

// after is a time from now, by the server's clock, which is the one that counts.
func (w *work) after(ctx context.Context, d time.Duration) (string, error) {
	if d == 0 {
		return "", nil
	}
	results, err := w.conn.Exec(ctx, fmt.Sprintf(`SELECT pg_catalog.to_char((pg_catalog.now() + pg_catalog.make_interval(secs => %d)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`,
		int64(d.Round(time.Second)/time.Second))).ReadAll()
	if err != nil {
		return "", fmt.Errorf("asking the server's clock (SQLSTATE %s): %w", connect.State(err), err)
	}
	return string(results[0].Rows[0][0]), nil
}

// run runs statements as one step.
func (w *work) run(ctx context.Context, sql ...string) error {
	_, err := w.conn.Exec(ctx, "BEGIN;\n"+strings.Join(sql, ";\n")+";\nCOMMIT").ReadAll()
	return err
}
