package landlord

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"landlord/internal/apply"
	"landlord/internal/catalog"
	"landlord/internal/connect"
	"landlord/internal/credentials"
	"landlord/internal/isolation"
	"landlord/internal/journal"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// holder is whose logins get new passwords: a tenant, or a pool; with neither, it is
// the server itself, whose administrators' do.
type holder struct {
	server       tenant.Server
	tenant, pool string
}

func tenantOf(e tenant.Estate, name string) (holder, error) {
	t, _ := e.Tenant(name)
	s, ok := e.Server(t.Server)
	if !ok {
		return holder{}, fmt.Errorf("there is no server for tenant %q", name)
	}
	return holder{server: s, tenant: name}, nil
}

// name is the router's for it.
func (of holder) name() string { return cmp.Or(of.pool, of.tenant) }

// command rotates a login of its, or all.
func (of holder) command(login string) string {
	switch {
	case of.pool != "":
		return "landlord pool rotate " + of.pool
	case login == "":
		return "landlord tenant rotate " + of.tenant
	}
	return "landlord tenant rotate " + of.tenant + " --login " + login
}

// visit looks at a tenant or a pool as it is, without landlord's lock. The caller
// closes the connection.
func (of holder) visit(ctx context.Context, e tenant.Estate, application string) (*work, error) {
	conn, err := connect.Open(ctx, of.server.Connection, connect.Options{Application: application})
	if err != nil {
		return nil, err
	}
	w := &work{estate: e, of: of, conn: conn}
	if err := w.see(ctx); err != nil {
		connect.Close(conn)
		return nil, err
	}
	return w, nil
}

// see looks at the holder as it is on the server.
func (w *work) see(ctx context.Context) error {
	if w.of.pool == "" {
		return w.seeTenant(ctx)
	}
	return w.seePool(ctx)
}

func (w *work) seePool(ctx context.Context) error {
	s, _ := w.estate.Server(w.of.server.Name)
	p, ok := s.Pool(w.of.pool)
	if !ok {
		return fmt.Errorf("there is no pool %q any more", w.of.pool)
	}
	if err := w.read(ctx, &snapshot.Focus{Roles: p.RoleNames()}); err != nil {
		return err
	}
	p.Twin = nil
	w.pool, _ = plan.WithPoolTwins(tenant.Server{Name: s.Name, Pools: []tenant.Pool{p}}, w.snap).Pool(p.Name)
	return nil
}

func (w *work) twins() []tenant.Twin {
	switch {
	case w.of.pool == "":
		return w.tenant.Twins
	case w.pool.Twin == nil:
		return nil
	}
	return []tenant.Twin{*w.pool.Twin}
}

func (w *work) twin(login string) (tenant.Twin, bool) {
	return tenant.TwinOf(w.twins(), login)
}

// keep notes what has become of a twin.
func (w *work) keep(twin tenant.Twin) {
	if w.of.pool != "" {
		w.pool.Twin = &twin
		return
	}
	w.tenant = w.tenant.WithTwin(twin)
}

func (w *work) current(login string) string {
	if twin, ok := w.twin(login); ok {
		return twin.Current()
	}
	return login
}

// settings are those of one of its logins, without the password.
func (w *work) settings(login string) (credentials.Settings, error) {
	if w.of.pool == "" {
		return connectionSettings(w.estate, w.of.server, w.tenant, login)
	}
	ways, err := waysOf(w.estate)
	if err != nil {
		return credentials.Settings{}, err
	}
	_, settings, err := ways.ofPool(w.estate, w.of.server.Name, w.pool.Name, login)
	return settings, err
}

// comment says on a second login whose it is, and what has become of both.
func (w *work) comment(twin tenant.Twin) string {
	mark := isolation.PoolTwinMark(w.pool.Database, twin)
	if w.of.pool == "" {
		l, _ := w.tenant.LoginOf(twin.Of)
		mark = isolation.TwinMark(w.tenant.Name, l.Kind, twin)
	}
	return "COMMENT ON ROLE " + pgsql.Ident(twin.Name) + " IS " + pgsql.Literal(mark.Comment())
}

// unmake drops a second login that has just been made. What somebody else has given
// it meanwhile keeps it from being dropped.
func (w *work) unmake(twin tenant.Twin) (sql []string) {
	role := pgsql.Ident(twin.Name)
	if w.of.pool != "" {
		for _, what := range []string{"DATABASE " + pgsql.Ident(w.pool.Database), "SCHEMA " + pgsql.Ident(tenant.PoolSchema), isolation.BecomeFunction()} {
			sql = append(sql, "REVOKE ALL ON "+what+" FROM "+role)
		}
	}
	return append(sql, "DROP ROLE "+role)
}

// second sees to it that a pool's second login is there, and has all that the
// first has. Nothing else is changed.
func (w *work) second(ctx context.Context, twin tenant.Twin, h Hooks) error {
	s, _ := w.estate.Server(w.of.server.Name)
	s.Pools = slices.Clone(s.Pools)
	for i := range s.Pools {
		if s.Pools[i].Name == w.pool.Name {
			s.Pools[i].Twin = &twin
		}
	}
	in := plan.Input{Server: s, Tenants: w.estate.On(s.Name)}
	var err error
	in.Snapshot, err = catalog.Read(ctx, catalog.Options{Conninfo: s.Connection, Want: func(snap snapshot.Snapshot) []string {
		if open, _ := doorOf(snap, w.pool.Database); open {
			return []string{w.pool.Database}
		}
		return nil
	}})
	if err != nil {
		return fmt.Errorf("reading server %s: %w", s.Name, err)
	}
	p, err := plan.SecondLogin(in, w.pool.Name)
	if err != nil {
		return err
	}
	for _, n := range p.Notes {
		if n.Cannot {
			return &CredentialsError{twin.Name, n.What, n.Next}
		}
	}
	j, err := journal.Open(w.estate.Journal)
	if err != nil {
		return err
	}
	defer j.Close()
	var unwritten error
	result, err := apply.Run(ctx, p, apply.Options{Conninfo: s.Connection, Blocked: h.Blocked, Done: writeDown(j, s.Name, h.Done, &unwritten)})
	if err = errors.Join(err, unwritten, result.Err()); err == nil {
		w.keep(twin)
	}
	return err
}

// RotatePool is [Rotate] for a pool of a server: its programs go on, whichever of
// both logins they have.
func RotatePool(ctx context.Context, e tenant.Estate, server, pool string, r Rotation, h Hooks) (Rotated, error) {
	s, err := serverOf(e, server)
	if err != nil {
		return Rotated{}, err
	}
	w, release, err := enter(ctx, e, holder{server: s, pool: pool}, h)
	if err != nil {
		return Rotated{}, err
	}
	defer release()
	return w.rotate(ctx, pool, r, h)
}

// FinishPoolRotation is [FinishRotation] for a pool of a server.
func FinishPoolRotation(ctx context.Context, e tenant.Estate, server, pool string, f Finish, h Hooks) ([]Finished, error) {
	s, err := serverOf(e, server)
	if err != nil {
		return nil, err
	}
	return holder{server: s, pool: pool}.finish(ctx, e, f, h)
}
