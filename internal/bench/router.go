package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/bouncer"
	"landlord/internal/connect"
	"landlord/internal/localpg"
	"landlord/internal/pgsql"
	"landlord/internal/router"
	"landlord/internal/run"
	"landlord/internal/tenant"
)

// reloadSizes are how many names a process has while it loads its files.
var reloadSizes = []int{500, 1000, 1500, 2000, 5000, 10000}

// maxStall is how long nobody may get an answer while PgBouncer loads its files.
const maxStall = 50 * time.Millisecond

// router measures PgBouncer with landlord's files.
func (b *bench) router(ctx context.Context) error {
	program, err := bouncer.Program()
	if err != nil {
		return err
	}
	v, err := bouncer.Version(ctx, program)
	if err != nil {
		return err
	}
	b.say("router: loading files")
	b.out.header(fmt.Sprintf("The router: how long all clients of a process stand still while it loads its files (PgBouncer %s)", v), "names", "processor time, median of 5", "wall, median", "wall, longest")
	for _, n := range reloadSizes {
		stalls, err := b.stalls(ctx, program, n)
		if err != nil {
			return err
		}
		var cpu, wall []time.Duration
		for _, s := range stalls {
			cpu, wall = append(cpu, s.cpu), append(wall, s.wall)
		}
		b.out.row(fmt.Sprint(n), fmt.Sprintf("%.1f ms", ms(median(cpu))), fmt.Sprintf("%.1f ms", ms(median(wall))), fmt.Sprintf("%.1f ms", ms(slices.Max(wall))))
		if n == defaultAliases {
			defer func(m time.Duration) {
				b.out.line("\n- %s", b.out.bound(fmt.Sprintf("stall at %d names, the most of a process", n), ms(m), ms(maxStall), " ms"))
			}(median(cpu))
		}
	}
	return b.behind(ctx)
}

// defaultAliases is router.aliases where landlord.yaml does not say it.
const defaultAliases = 1000

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// bouncing is a PgBouncer with some names.
type bouncing struct {
	user *run.Credential
	proc *run.Process
}

// bounce starts one on files of landlord's, with its socket in dir.
func (b *bench) bounce(ctx context.Context, program, dir string, p router.Process) (*bouncing, error) {
	x := &bouncing{}
	var err error
	if x.user, err = localpg.ServerCredential(); err != nil {
		return nil, err
	}
	if err := bouncer.Write(p, x.user); err != nil {
		return nil, err
	}
	if x.proc, err = run.Start(run.Spec{Name: program, Args: []string{filepath.Join(p.Dir, router.IniFile)}, Dir: "/", User: x.user}, nil, syscall.SIGKILL); err != nil {
		return nil, err
	}
	for range 2000 {
		c, err := bouncer.Open(ctx, dir, p.Port, x.user)
		if err == nil {
			c.Close()
			return x, nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil, errors.Join(errors.New("PgBouncer does not come up"), x.stop())
}

func (x *bouncing) stop() error { return x.proc.Stop(syscall.SIGTERM, 10*time.Second) }

// place makes a directory that PgBouncer's user may use.
func (b *bench) place() (string, error) {
	dir, err := os.MkdirTemp(b.yard.dir, "router-")
	if err != nil {
		return "", err
	}
	user, err := localpg.ServerCredential()
	if err == nil && user != nil {
		err = os.Chown(dir, int(user.UID), int(user.GID))
	}
	return dir, err
}

func routerIn(dir string) tenant.Router {
	return tenant.Router{Directory: filepath.Join(dir, "files"), Port: 6432, Socket: dir, ServerTLS: "require", Secrets: tenant.AuthQuery,
		PoolMode: "session", PoolSize: 1, MaxClients: 2000, Aliases: 20000, Overcommit: true, Log: filepath.Join(dir, "log")}
}

// stalls measures how long PgBouncer takes to load files of n names.
func (b *bench) stalls(ctx context.Context, program string, n int) ([]stall, error) {
	dir, err := b.place()
	if err != nil {
		return nil, err
	}
	r := routerIn(dir)
	var aliases []router.Alias
	place := map[string]int{}
	for i := range n {
		name := fmt.Sprintf("tenant_%05d", i)
		aliases = append(aliases, router.Alias{Name: name, Host: dir, Port: 5432, Database: name, Logins: []string{name + "_app", name + "_ro"}, Size: 1, Mode: "session"})
		place[name] = 1
	}
	p, err := router.Processes(r, router.Version{}, aliases, place, nil, router.Own{})
	if err != nil {
		return nil, err
	}
	x, err := b.bounce(ctx, program, dir, p[0])
	if err != nil {
		return nil, err
	}
	defer func() { _ = x.stop() }()
	c, err := bouncer.Open(ctx, dir, r.Port, x.user)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var out []stall
	for range 5 {
		start, worked := time.Now(), x.worked()
		if _, err := c.Run(ctx, "RELOAD"); err != nil {
			return nil, err
		}
		out = append(out, stall{x.worked() - worked, time.Since(start)})
	}
	return out, nil
}

// stall is how long PgBouncer, which has one thread, was at work on its files
// and nothing else, and how long that took by the clock: longer, where others
// were at work on the machine.
type stall struct{ cpu, wall time.Duration }

// worked is how long the process has been on a processor.
func (x *bouncing) worked() time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", x.proc.Pid()))
	var ns int64
	_, _ = fmt.Sscan(string(text), &ns)
	return time.Duration(ns)
}

// behind puts a thousand tenants behind one process, or as many as there are to
// be, and uses each.
func (b *bench) behind(ctx context.Context) error {
	tenants := min(1000, b.schemas)
	b.say("router: %d tenants behind it", tenants)
	s, e, err := b.routed(ctx, tenants, 20*defaultAliases)
	if err != nil {
		return err
	}
	defer func() { _ = s.Remove() }()
	r, dir := *e.Router, e.Router.Socket
	p, err := landlord.PlanRouter(ctx, e)
	if err != nil {
		return err
	}
	out, err := landlord.ApplyRouter(ctx, e, p)
	if err != nil {
		return err
	}
	x, err := b.bounce(ctx, out[0].Start[0], dir, p.Processes[0])
	if err != nil {
		return err
	}
	defer func() { _ = x.stop() }()
	through := func(t tenant.Tenant) string { return fmt.Sprintf("host=%s port=%d dbname=%s", dir, r.Port, t.Name) }
	direct := func(t tenant.Tenant) string {
		return fmt.Sprintf("host=%s port=%d dbname=%s", s.SocketDir(), s.Port(), t.Home.Database)
	}
	return b.compare(ctx, e.Tenants, direct, through)
}

// routed is a server with tenants who share a database, each with a password, and
// a router that is to have so many names in each process.
func (b *bench) routed(ctx context.Context, tenants, aliases int) (_ *localpg.Server, e tenant.Estate, err error) {
	b.yard.made++
	s, err := localpg.Create(ctx, localpg.Options{Install: b.yard.install, Dir: filepath.Join(b.yard.dir, fmt.Sprint(b.yard.made)), Unsafe: !b.fsync, Template: b.yard.template(),
		Settings: map[string]string{"max_connections": fmt.Sprint(tenants + 200)}})
	if err != nil {
		return nil, e, err
	}
	if err := errors.Join(s.Start(ctx), b.furnish(ctx, s, tenants, aliases, &e)); err != nil {
		return nil, e, errors.Join(err, s.Remove())
	}
	return s, e, nil
}

func (b *bench) furnish(ctx context.Context, s *localpg.Server, tenants, aliases int, e *tenant.Estate) error {
	dir, err := b.place()
	if err != nil {
		return err
	}
	r := routerIn(dir)
	r.Aliases = aliases
	if r.User, err = localpg.ServerUser(); err != nil {
		return err
	}
	*e = tenant.WithDoors(tenant.Estate{Router: &r, Tenants: estateOf("schema", tenants).tenants, Servers: []tenant.Server{{Name: "main", Connection: s.ConnString("postgres", "postgres")}}})
	result, err := landlord.Apply(ctx, *e, e.Servers[0].Name, landlord.Options{}, landlord.Hooks{})
	if err := errors.Join(err, result.Err()); err != nil {
		return err
	}
	return password(ctx, *e)
}

// benchPassword is that of all logins here.
const benchPassword = "bench"

func password(ctx context.Context, e tenant.Estate) error {
	v, err := pgsql.ScramVerifier(benchPassword)
	if err != nil {
		return err
	}
	conn, err := connect.Open(ctx, e.Servers[0].Connection, connect.Options{})
	if err != nil {
		return err
	}
	defer connect.Close(conn)
	var sql strings.Builder
	for _, t := range e.Tenants {
		fmt.Fprintf(&sql, "ALTER ROLE %s PASSWORD %s;\n", pgsql.Ident(t.Logins[0].Name), pgsql.Literal(v))
	}
	_, err = conn.Exec(ctx, sql.String()).ReadAll()
	return err
}

// compare measures the same, direct and through the router.
func (b *bench) compare(ctx context.Context, tenants []tenant.Tenant, direct, through func(tenant.Tenant) string) error {
	b.out.header(fmt.Sprintf("%d tenants behind one process, each used; direct and through the router", len(tenants)), "what", "direct", "through the router", "ratio")
	row := func(what, unit string, d, r, ratio float64) {
		b.out.row(what, fmt.Sprintf("%.2f %s", d, unit), fmt.Sprintf("%.2f %s", r, unit), fmt.Sprintf("%.2f", ratio))
	}
	d, err := logins(ctx, tenants, direct)
	if err != nil {
		return err
	}
	first, err := logins(ctx, tenants, through)
	if err != nil {
		return err
	}
	again, err := logins(ctx, tenants, through)
	if err != nil {
		return err
	}
	n := float64(len(tenants))
	row("log in, the first time of each tenant", "ms", ms(d)/n, ms(first)/n, ms(first)/ms(d))
	row("log in again (a connection is there)", "ms", ms(d)/n, ms(again)/n, ms(again)/ms(d))
	for _, clients := range []int{1, 8} {
		dn, err := rate(ctx, tenants[:clients], direct)
		if err != nil {
			return err
		}
		rn, err := rate(ctx, tenants[:clients], through)
		if err != nil {
			return err
		}
		row(fmt.Sprintf("queries a second, %d client(s)", clients), "/s", dn, rn, rn/dn)
		if clients == 1 {
			row("one query", "ms", 1000/dn, 1000/rn, dn/rn)
		}
	}
	return nil
}

// logins is how long it takes each of some tenants to log in, and to ask one thing,
// one after the other: all together.
func logins(ctx context.Context, tenants []tenant.Tenant, at func(tenant.Tenant) string) (time.Duration, error) {
	start := time.Now()
	for _, t := range tenants {
		if err := use(ctx, at(t), t, func(c *pgx.Conn) error { return c.Ping(ctx) }); err != nil {
			return 0, fmt.Errorf("tenant %s: %w", t.Name, err)
		}
	}
	return time.Since(start), nil
}

func use(ctx context.Context, conninfo string, t tenant.Tenant, do func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, fmt.Sprintf("%s user=%s password=%s sslmode=disable", conninfo, t.Logins[0].Name, benchPassword))
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	return do(c)
}

// rate is how many small queries a second some clients get answered.
func rate(ctx context.Context, tenants []tenant.Tenant, at func(tenant.Tenant) string) (float64, error) {
	const queries = 4000
	var group sync.WaitGroup
	errs := make([]error, len(tenants))
	start := time.Now()
	for i, t := range tenants {
		group.Go(func() {
			errs[i] = use(ctx, at(t), t, func(c *pgx.Conn) error {
				for range queries / len(tenants) {
					if _, err := c.PgConn().Exec(ctx, "SELECT 1").ReadAll(); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	group.Wait()
	return queries / time.Since(start).Seconds(), errors.Join(errs...)
}
