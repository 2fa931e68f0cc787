package landlord

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"landlord/internal/catalog"
	"landlord/internal/connect"
	"landlord/internal/isolation"
	"landlord/internal/plan"
	"landlord/internal/router"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// routerFacts reads from all servers what the router must know of them.
func routerFacts(ctx context.Context, e tenant.Estate) ([]router.Facts, error) {
	facts := make([]router.Facts, len(e.Servers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, s := range e.Servers {
		group.Go(func() (err error) {
			facts[i], err = factsOf(ctx, e, s)
			return err
		})
	}
	return facts, group.Wait()
}

func factsOf(ctx context.Context, e tenant.Estate, s tenant.Server) (router.Facts, error) {
	f := router.Facts{Server: s}
	var err error
	if f.Host, f.Port, err = routerAddress(s); err != nil {
		return f, err
	}
	conn, err := connect.Open(ctx, s.Connection, connect.Options{Application: "landlord router"})
	if err != nil {
		return unread(e, f, fmt.Errorf("reading server %s: %w", s.Name, err))
	}
	defer connect.Close(conn)
	snap, err := catalog.Shared(ctx, conn, catalog.Options{})
	if err != nil {
		return unread(e, f, fmt.Errorf("reading server %s: %w", s.Name, err))
	}
	if err := able(*e.Router, s, f.Host, snap); err != nil {
		f.Refused = err.Error()
		return f, nil
	}
	found := plan.Found(s.Name, snap)
	for _, t := range plan.Complete(e.On(s.Name), found, snap) {
		i := slices.IndexFunc(found, func(f tenant.Tenant) bool { return f.Name == t.Name })
		if i < 0 {
			f.Missing = append(f.Missing, t.Name)
			continue
		}
		t.Suspended = t.Suspended || found[i].Suspended
		f.Tenants = append(f.Tenants, t)
	}
	for _, p := range plan.FoundPools(snap) {
		if want, ok := s.Pool(p.Name); ok {
			want.Twin = p.Twin
			f.Pools = append(f.Pools, want)
		}
	}
	f.Room = room(snap.Parameters)
	if e.Router.Secrets == tenant.UserList {
		f.Verifiers, err = verifiers(ctx, conn, s)
	}
	return f, err
}

// unread is what the spec alone tells of a server that does not answer: it must
// not keep the router from closing other tenants' doors. Its names stay, and
// with them the second logins that there may be; whether one of these gets in,
// the server says. Verifiers only the server has.
func unread(e tenant.Estate, f router.Facts, why error) (router.Facts, error) {
	stopped := f.Server.Own != nil && f.Server.Own.Stopped
	if e.Router.Secrets == tenant.UserList && !stopped {
		return f, why
	}
	for _, t := range e.On(f.Server.Name) {
		for _, l := range t.Logins {
			if name, ok := tenant.TwinName(l.Name); ok {
				t.Twins = append(t.Twins, tenant.Twin{Name: name, Of: l.Name, Old: l.Name, Open: true})
			}
		}
		f.Tenants = append(f.Tenants, t)
	}
	for _, p := range f.Server.Pools {
		if twin, ok := tenant.NewTwin(p.Name); ok {
			twin.Open = true
			p.Twin = &twin
		}
		f.Pools = append(f.Pools, p)
	}
	if !stopped {
		f.Unread = why.Error()
	}
	return f, nil
}

// routerAddress is where the router finds a server: over the socket where
// landlord does too, else where its tenants would. The socket of a server with
// a user of its own is closed to the router's.
func routerAddress(s tenant.Server) (host string, port int, err error) {
	for _, conninfo := range []string{s.Connection, cmp.Or(s.Endpoint, s.Connection)} {
		words, err := connect.Words(conninfo)
		if err != nil {
			return "", 0, fmt.Errorf("server %s: %w", s.Name, err)
		}
		host, port = cmp.Or(words["host"], words["hostaddr"], "/var/run/postgresql"), 5432
		if words["port"] != "" {
			if port, err = strconv.Atoi(words["port"]); err != nil {
				return "", 0, fmt.Errorf("server %s: port %q is no number", s.Name, words["port"])
			}
		}
		if strings.HasPrefix(host, "/") && (s.Own == nil || s.Own.Resources.OSUser != tenant.OwnUser) {
			break
		}
	}
	return host, port, nil
}

// able says why the chosen way of telling secrets does not work on a server.
func able(r tenant.Router, s tenant.Server, host string, snap snapshot.Snapshot) error {
	switch {
	case !snap.Session.Superuser:
		return fmt.Errorf("server %s can come through the router: it needs the verifiers of its logins, which only a superuser reads, and landlord is none there: neither secrets: auth_query nor userlist works; give its programs the server's own address", s.Name)
	case r.Secrets == tenant.AuthQuery && !strings.HasPrefix(host, "/") && r.ServerCert == "":
		return fmt.Errorf("server %s can come through the router: it is reached over TCP, where the router looks up verifiers by a certificate for the name %s: name it under router.server_tls, or choose secrets: userlist", s.Name, tenant.RouterRole)
	case r.Secrets == tenant.AuthQuery && !strings.HasPrefix(host, "/") && (snap.Parameters["ssl"] == "off" || snap.Parameters["ssl_ca_file"] == ""):
		return fmt.Errorf("server %s can come through the router: it is reached over TCP, where the router looks up verifiers by a certificate, and the server checks none: %s, or choose secrets: userlist", s.Name, checking(s))
	}
	return nil
}

// checking says how a server comes to check certificates.
func checking(s tenant.Server) string {
	if s.Own != nil {
		return "name the authority's file under the tenant's resources: settings: {ssl_ca_file: FILE}, where " + s.Own.OSUser + " can read it, and landlord apply"
	}
	return "set ssl = on and ssl_ca_file there, and restart or reload it"
}

// room is how many connections a server has for those who are no superusers.
func room(parameters map[string]string) int {
	number := func(name string) int {
		n, _ := strconv.Atoi(parameters[name])
		return n
	}
	return number("max_connections") - number("superuser_reserved_connections") - number("reserved_connections")
}

// verifiers reads the SCRAM verifiers of the logins of tenants and pools.
func verifiers(ctx context.Context, conn *pgconn.PgConn, s tenant.Server) (map[string]string, error) {
	results, err := conn.Exec(ctx, "SELECT r.rolname, r.rolpassword FROM pg_catalog.pg_authid AS r WHERE "+isolation.Tellable()).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the verifiers on server %s (SQLSTATE %s): %w", s.Name, connect.State(err), err)
	}
	out := map[string]string{}
	for _, row := range results[0].Rows {
		out[string(row[0])] = string(row[1])
	}
	return out, nil
}
