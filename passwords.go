package landlord

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/credentials"
	"landlord/internal/journal"
	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// Credentials are the connection settings of one login, and where its
// password came from.
type Credentials struct {
	Settings credentials.Settings
	// New says that the password was made just now; an older one has stopped
	// working.
	New bool
	// Stored says that the user's own store has it.
	Stored bool
}

// In turns the settings to another of the tenant's databases, into which the
// same password leads. With no database named, they stay.
func (c Credentials) In(e tenant.Estate, t tenant.Tenant, database string) (Credentials, error) {
	err := toDatabase(e, &c.Settings, t, database)
	return c, err
}

// toDatabase turns settings to one of the tenant's databases; none named, they
// stay.
func toDatabase(e tenant.Estate, s *credentials.Settings, t tenant.Tenant, database string) error {
	if database == "" {
		return nil
	}
	p, ok := t.Place(database)
	if !ok {
		var names []string
		for _, p := range t.Places() {
			names = append(names, p.Database)
		}
		return fmt.Errorf("tenant %s has no database %q; it has %s", t.Name, database, strings.Join(names, ", "))
	}
	return toPlace(e, s, t, p)
}

// toPlace turns settings to one of the tenant's places.
func toPlace(e tenant.Estate, s *credentials.Settings, t tenant.Tenant, p tenant.Place) error {
	ways, err := waysOf(e)
	if err != nil {
		return err
	}
	*s, err = ways.toPlace(*s, t, p)
	return err
}

// CredentialsError says why a login's settings cannot be given.
type CredentialsError struct {
	Login, Reason, Next string
}

func (e *CredentialsError) Error() string { return fmt.Sprintf("login %s: %s", e.Login, e.Reason) }

// Hint says what to do about it.
func (e *CredentialsError) Hint() string { return e.Next }

// Login gives the connection settings of a tenant's login: where it has two,
// of the one that programs should use. A password that
// the user's store knows is taken from there. A login that has none yet gets
// one, as does every login with rotate: the verifier is made here, so that
// the password itself reaches neither SQL nor the server's log.
func Login(ctx context.Context, e tenant.Estate, t tenant.Tenant, login string, rotate bool) (Credentials, error) {
	s, err := serverOf(e, t.Server)
	if err != nil {
		return Credentials{}, err
	}
	return holder{server: s, tenant: t.Name}.login(ctx, e, login, rotate)
}

func (of holder) login(ctx context.Context, e tenant.Estate, login string, rotate bool) (Credentials, error) {
	w, err := of.visit(ctx, e, "landlord credentials")
	if err != nil {
		return Credentials{}, err
	}
	defer connect.Close(w.conn)
	settings, err := w.settings(w.current(login))
	if err != nil {
		return Credentials{}, err
	}
	return w.obtain(ctx, settings, rotate)
}

// obtain completes a login's settings by its password: the one that the
// user's store knows, or a new one.
func (w *work) obtain(ctx context.Context, settings credentials.Settings, rotate bool) (Credentials, error) {
	login := settings.User
	sink, source := stores(w.estate.Secrets)
	if !rotate {
		if err := w.first(ctx, login); err != nil {
			return Credentials{}, err
		}
	} else if secret, just, err := w.alone(ctx, source, settings); err != nil || just {
		settings.Secret = secret
		return Credentials{Settings: settings, New: true, Stored: true}, err
	}
	// What the store knows of a login that has no password is of an earlier
	// one of that name, or was kept by somebody who was killed right after.
	if r := w.role(login); source != nil && !rotate && (r == nil || r.Verifier != "none") {
		secret, known, err := stored(ctx, source, w.estate, w.of.server, settings)
		if err != nil {
			return Credentials{}, fmt.Errorf("looking up the password of %s: %w", login, err)
		}
		if known {
			settings.Secret = secret
			return Credentials{Settings: settings, Stored: true}, nil
		}
	}
	if err := w.mayHavePassword(login, rotate); err != nil {
		return Credentials{}, err
	}
	settings.Secret = credentials.Password()
	err := setPassword(ctx, w.conn, login, settings.Secret, func() error {
		if sink == nil {
			return nil
		}
		return sink.Store(ctx, settings)
	})
	if err == nil {
		err = record(w.estate, journal.Entry{Action: "password", Server: w.of.server.Name, Tenant: settings.Tenant, Group: "login " + login})
	}
	return Credentials{Settings: settings, New: true, Stored: sink != nil}, err
}

// passwordKey is the first part of the advisory lock of who makes a login's
// password; the second is the role's number.
const passwordKey = 0x6c6c7077

// first sees to it that of many who ask at once for a login that has no password
// yet, one makes it, and the others find it: each password but the last would be
// a wrong one.
func (w *work) first(ctx context.Context, login string) error {
	r := w.role(login)
	if r == nil || r.Verifier != "none" {
		return nil
	}
	if _, err := w.lockPassword(ctx, login, nil); err != nil {
		return err
	}
	got, err := w.conn.Exec(ctx, "SELECT FROM pg_catalog.pg_authid AS a WHERE a.rolpassword IS NOT NULL AND a.rolname = "+pgsql.Literal(login)).ReadAll()
	if err == nil && len(got[0].Rows) > 0 {
		r.Verifier = "scram-sha-256" // which it did not have when the server was read
	}
	return err
}

// alone sees to it that of many who ask at once for another password, nobody gets
// one that another is just replacing: they get the one that was made meanwhile,
// where it is kept, and else hear of it. Who may not see whether a login has a
// password asks so for the first one, too.
func (w *work) alone(ctx context.Context, source credentials.Source, settings credentials.Settings) (secret credentials.Secret, just bool, err error) {
	var before string
	waited, err := w.lockPassword(ctx, settings.User, func() {
		if source != nil {
			before, _ = known(ctx, source, w.estate, w.of.server, settings)
		}
	})
	switch {
	case err != nil || !waited:
		return secret, false, err
	case source == nil:
		return secret, false, &CredentialsError{settings.User, "somebody else has given it a new password at this very moment", "ask them for it, or run it again to replace that one"}
	}
	now, ok := known(ctx, source, w.estate, w.of.server, settings)
	return credentials.NewSecret(now), ok && now != before, nil
}

// lockPassword waits until nobody else makes a password of a login, and says
// whether anybody did; held, if any, is called before it waits. The lock falls with
// the session. Any role may take it that may connect; where that was taken from
// it, there is none.
func (w *work) lockPassword(ctx context.Context, login string, held func()) (waited bool, err error) {
	key := fmt.Sprintf("(%d, a.oid::pg_catalog.int4) FROM pg_catalog.pg_roles AS a WHERE a.rolname = %s", passwordKey, pgsql.Literal(login))
	got, err := w.conn.Exec(ctx, "SELECT pg_catalog.pg_try_advisory_lock"+key).ReadAll()
	if err == nil && len(got[0].Rows) > 0 && string(got[0].Rows[0][0]) != "t" {
		if waited = true; held != nil {
			held()
		}
		_, err = w.conn.Exec(ctx, "SELECT pg_catalog.pg_advisory_lock"+key).ReadAll()
	}
	if err != nil && connect.State(err) != "42501" {
		return waited, fmt.Errorf("waiting for whoever makes the password of %s (SQLSTATE %s): %w", login, connect.State(err), err)
	}
	return waited && err == nil, nil
}

// record writes one entry into the estate's journal.
func record(e tenant.Estate, entry journal.Entry) error {
	j, err := journal.Open(e.Journal)
	if err != nil {
		return err
	}
	return errors.Join(j.Write(entry), j.Close())
}

// stores are where passwords go to and come from.
func stores(s tenant.Secrets) (credentials.Sink, credentials.Source) {
	if s.File != "" {
		file := credentials.PassFile{Path: s.File}
		return file, file
	}
	var sink credentials.Sink
	var source credentials.Source
	if len(s.Command) > 0 {
		sink = credentials.Command(s.Command)
	}
	if len(s.Lookup) > 0 {
		source = credentials.Command(s.Lookup)
	}
	return sink, source
}

// mayHavePassword refuses a login that is not there, or whose password would
// be replaced unasked.
func (w *work) mayHavePassword(login string, rotate bool) error {
	switch r := w.role(login); {
	case r == nil:
		return &CredentialsError{login, "the server has no such role", "landlord apply makes it"}
	case rotate || r.Verifier == "none":
		return nil
	case r.Verifier == "":
		return &CredentialsError{login, "landlord may not see whether it has a password already", "--rotate makes a new one; an older one stops working at once"}
	}
	next := "landlord tenant rotate lets it go on for a while"
	if w.of.pool != "" {
		next = w.of.command("") + " lets it go on for a while"
	}
	return &CredentialsError{login, "it has a password already, which landlord does not keep", "--rotate makes a new one; the old one stops working at once; " + next}
}

// setPassword stores a password's verifier, with what else belongs to the same
// step, and keep keeps the password: all or nothing.
func setPassword(ctx context.Context, conn *pgconn.PgConn, login string, secret credentials.Secret, keep func() error, also ...string) error {
	verifier, err := pgsql.ScramVerifier(secret.Reveal())
	if err != nil {
		return err
	}
	// A superuser also keeps the verifier out of the server's log.
	quiet := `SELECT pg_catalog.set_config(s.name, s.value, true)
		FROM (VALUES ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_error_statement', 'panic')) AS s (name, value)
		WHERE (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user)`
	for _, sql := range append([]string{"BEGIN", quiet, "ALTER ROLE " + pgsql.Ident(login) + " PASSWORD " + pgsql.Literal(verifier)}, also...) {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("setting the password of %s (SQLSTATE %s): %w", login, connect.State(err), err)
		}
	}
	if err := keep(); err != nil {
		_, _ = conn.Exec(ctx, "ROLLBACK").ReadAll()
		return fmt.Errorf("keeping the new password of %s (the old one still holds): %w", login, err)
	}
	if _, err := conn.Exec(ctx, "COMMIT").ReadAll(); err != nil {
		return &unansweredError{login, err}
	}
	return nil
}

// unansweredError says that nobody knows whether a password was taken.
type unansweredError struct {
	login string
	err   error
}

func (e *unansweredError) Error() string {
	return fmt.Sprintf("setting the password of %s: the server did not say whether it took it: %v", e.login, e.err)
}

func (e *unansweredError) Unwrap() error { return e.err }

// Hint says what to do about it.
func (e *unansweredError) Hint() string {
	return "once the server answers, make another one: --rotate, or --in-place where it was a rotation (landlord tenant rotate, landlord pool rotate)"
}

// stored looks a password up. What was kept before there was a router stands
// under the server's own address.
func stored(ctx context.Context, source credentials.Source, e tenant.Estate, s tenant.Server, settings credentials.Settings) (credentials.Secret, bool, error) {
	secret, known, err := source.Lookup(ctx, settings)
	t, isTenant := e.Tenant(settings.Tenant)
	if known || err != nil || e.Router == nil || !isTenant {
		return secret, known, err
	}
	direct, err := endpointSettings(s, settings.User)
	if err != nil {
		return secret, false, err
	}
	direct.Tenant, direct.Kind, direct.Schema, direct.Database = settings.Tenant, settings.Kind, settings.Schema, t.Home.Database
	return source.Lookup(ctx, direct)
}

// connectionSettings are a login's settings, without the password: the
// router's address and the tenant's name, or else the server's endpoint and the
// database that the tenant lives in.
func connectionSettings(e tenant.Estate, s tenant.Server, t tenant.Tenant, login string) (credentials.Settings, error) {
	ways, err := waysOf(e)
	if err != nil {
		return credentials.Settings{}, err
	}
	return ways.ofTenant(s, t, login)
}

// endpointSettings are how everybody reaches a server.
func endpointSettings(s tenant.Server, login string) (credentials.Settings, error) {
	endpoint := s.Endpoint
	if endpoint == "" {
		endpoint = s.Connection
	}
	words, err := connect.Words(endpoint)
	if err != nil {
		return credentials.Settings{}, fmt.Errorf("servers.%s.endpoint: %w", s.Name, err)
	}
	out := credentials.Settings{
		Server: s.Name, Host: words["host"], User: login, SSLMode: words["sslmode"], SSLRootCert: words["sslrootcert"],
	}
	if out.Host == "" {
		out.Host = "/var/run/postgresql"
	}
	if words["port"] != "" {
		if out.Port, err = strconv.Atoi(words["port"]); err != nil {
			return out, fmt.Errorf("servers.%s.endpoint: port %q is no number", s.Name, words["port"])
		}
	}
	return out, nil
}

// lookup finds a login's password in the user's own store, by ways that were read
// once for many logins.
func lookup(ctx context.Context, e tenant.Estate, ways *routerWays, t tenant.Tenant, login string) (password string, ok bool) {
	_, source := stores(e.Secrets)
	s, found := e.Server(t.Server)
	if source == nil || !found {
		return "", false
	}
	settings, err := ways.ofTenant(s, t, login)
	if err != nil {
		return "", false
	}
	return known(ctx, source, e, s, settings)
}

// known is the password that the user's own store has, if it answers.
func known(ctx context.Context, source credentials.Source, e tenant.Estate, s tenant.Server, settings credentials.Settings) (password string, ok bool) {
	secret, ok, err := stored(ctx, source, e, s, settings)
	if err != nil || !ok {
		return "", false
	}
	return secret.Reveal(), true
}

// CheckFormat says why a format cannot hold a login's settings for one of the
// tenant's databases (the first, if none is named), before a password is made
// for it.
func CheckFormat(e tenant.Estate, t tenant.Tenant, login, database, format string) error {
	s, _ := e.Server(t.Server)
	settings, err := connectionSettings(e, s, t, login)
	if err == nil {
		err = toDatabase(e, &settings, t, database)
	}
	if err != nil {
		return err
	}
	return fits(format, settings)
}

// fits says why a format cannot hold settings, before there is a password.
func fits(format string, settings credentials.Settings) error {
	settings.Secret = credentials.NewSecret("x")
	_, err := credentials.Render(format, []credentials.Settings{settings})
	return err
}

// Execute runs statements as an ordinary client with these settings would.
func Execute(ctx context.Context, uri string, sql ...string) error {
	conn, err := connect.Open(ctx, strings.TrimSpace(uri), connect.Options{Plain: true})
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	for _, statement := range sql {
		if _, err := conn.Exec(ctx, statement).ReadAll(); err != nil {
			return fmt.Errorf("%s (SQLSTATE %s): %w", statement, connect.State(err), err)
		}
	}
	return nil
}
