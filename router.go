package landlord

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"landlord/internal/audit"
	"landlord/internal/bouncer"
	"landlord/internal/catalog"
	"landlord/internal/connect"
	"landlord/internal/credentials"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/router"
	"landlord/internal/run"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// ErrNoRouter says that the spec has no router.
var ErrNoRouter = errors.New("landlord.yaml has no router: write router: {} into it, and what differs from the defaults (landlord.yaml's reference, docs/router.md)")

// RouterPlan is what the router is to be.
type RouterPlan struct {
	Version   router.Version   `json:"-"`
	Holes     []router.Hole    `json:"holes"`
	Processes []router.Process `json:"processes"`
	Demands   []router.Demand  `json:"demands"`
	Notes     []router.Note    `json:"notes,omitempty"`
	// Changed are the numbers of the processes whose files are others now.
	Changed []int `json:"changed"`
	// program and user are PgBouncer's.
	program string
	user    *run.Credential
	socket  string
}

// PlanRouter reads what all servers have and says what the router's files are
// to be. It changes nothing.
func PlanRouter(ctx context.Context, e tenant.Estate) (RouterPlan, error) {
	if e.Router == nil {
		return RouterPlan{}, ErrNoRouter
	}
	p, err := openRouter(ctx, e)
	if err != nil {
		return p, err
	}
	facts, err := routerFacts(ctx, e)
	if err != nil {
		return p, err
	}
	aliases, notes, err := router.Aliases(*e.Router, facts)
	if err != nil {
		return p, err
	}
	p.Notes = notes
	before, err := routerPlaces(*e.Router)
	if err != nil {
		return p, err
	}
	own, err := ownFiles(*e.Router, aliases)
	if err != nil {
		return p, err
	}
	place := router.Place(aliases, before, e.Router.Aliases)
	if p.Processes, err = router.Processes(*e.Router, aliases, place, own); err != nil {
		return p, err
	}
	p.Demands = router.Demands(*e.Router, facts, aliases, place)
	p.Changed = nil
	for _, process := range p.Processes {
		changed, err := bouncer.Changed(process)
		if err != nil {
			return p, err
		}
		if changed {
			p.Changed = append(p.Changed, process.Number)
		}
	}
	return p, nil
}

// openRouter finds PgBouncer and its user.
func openRouter(ctx context.Context, e tenant.Estate) (p RouterPlan, err error) {
	p.socket = e.Router.Socket
	if p.user, err = bouncer.User(e.Router.User); err != nil {
		return p, err
	}
	if p.program, err = bouncer.Program(); err != nil {
		return p, err
	}
	if p.Version, err = bouncer.Version(ctx, p.program); err != nil {
		return p, err
	}
	if p.Version.Before(router.Oldest) {
		return p, fmt.Errorf("PgBouncer here is %s; landlord configures %s and newer", p.Version, router.Oldest)
	}
	p.Holes = router.Holes(p.Version, *e.Router)
	return p, nil
}

// routerPlaces reads which names are in which process already.
func routerPlaces(r tenant.Router) (map[string]int, error) {
	place := map[string]int{}
	files, _ := filepath.Glob(filepath.Join(r.Directory, "*", router.IniFile))
	for _, file := range files {
		n, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || n < 1 {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the router's files: %w", err)
		}
		for _, name := range router.Names(string(text)) {
			place[name] = n
		}
	}
	return place, nil
}

// ownFiles reads what the user has written by hand. What is landlord's, or a
// tenant's name, is refused there.
func ownFiles(r tenant.Router, aliases []router.Alias) (router.Own, error) {
	own := router.Own{Settings: map[string]string{}}
	if r.Include != "" {
		text, err := ownFile(r.Include)
		if err != nil {
			return own, fmt.Errorf("router.include: %w", err)
		}
		found, err := audit.ParseBouncer(r.Include, text, ownFile)
		if err != nil {
			return own, fmt.Errorf("router.include: %w", err)
		}
		for name, s := range found.Settings {
			if router.Insisted(name) {
				return own, fmt.Errorf("router.include: %s: %s is landlord's to set: leave it out", s.Place, name)
			}
			own.Settings[name] = s.Value
		}
		for _, d := range found.Databases {
			if slices.ContainsFunc(aliases, func(a router.Alias) bool { return a.Name == d.Name }) {
				return own, fmt.Errorf("router.include: %s: %s is a name of landlord's: choose another", d.Place, d.Name)
			}
			own.Databases = append(own.Databases, d.Text)
		}
	}
	if r.HBA != "" {
		text, err := os.ReadFile(r.HBA)
		if err != nil {
			return own, fmt.Errorf("router.hba: %w", err)
		}
		own.Rules = string(text)
	}
	return own, nil
}

// ownFile reads a file of the user's own. A user who stands in [users] is
// known to PgBouncer without a password, and looked up no more.
func ownFile(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err == nil && slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "[users]" || line == "[peers]"
	}) {
		err = fmt.Errorf("%s: a section [users] or [peers] is landlord's to write: leave it out", name)
	}
	return text, err
}

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
	snap, err := catalog.Read(ctx, catalog.Options{Conninfo: s.Connection})
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
			f.Pools = append(f.Pools, want)
		}
	}
	f.Room = room(snap.Parameters)
	if e.Router.Secrets == tenant.UserList {
		f.Verifiers, err = verifiers(ctx, s)
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
	f.Pools = f.Server.Pools
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
		return fmt.Errorf("server %s can come through the router: it is reached over TCP, where the router looks up verifiers by a certificate, and the server checks none: set ssl = on and ssl_ca_file there, and restart or reload it, or choose secrets: userlist", s.Name)
	}
	return nil
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
func verifiers(ctx context.Context, s tenant.Server) (map[string]string, error) {
	conn, err := connect.Open(ctx, s.Connection, connect.Options{Application: "landlord router"})
	if err != nil {
		return nil, err
	}
	defer connect.Close(conn)
	results, err := conn.Exec(ctx, `SELECT r.rolname, r.rolpassword FROM pg_catalog.pg_authid AS r
		WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolreplication
		AND (r.rolvaliduntil IS NULL OR r.rolvaliduntil OPERATOR(pg_catalog.>) pg_catalog.now())
		AND pg_catalog.starts_with(r.rolpassword, 'SCRAM-SHA-256$') AND pg_catalog.pg_has_role(r.oid, `+pgsql.Literal(tenant.TenantsRole)+`, 'MEMBER')`).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the verifiers on server %s (SQLSTATE %s): %w", s.Name, connect.State(err), err)
	}
	out := map[string]string{}
	for _, row := range results[0].Rows {
		out[string(row[0])] = string(row[1])
	}
	return out, nil
}

// RouterOutcome is what became of a process.
type RouterOutcome struct {
	Process int `json:"process"`
	// Written says that its files are new, Loaded that it goes by them now,
	// Running that it runs.
	Written, Loaded, Running bool
	// Restart names parameters that it takes only when it starts.
	Restart []string
	// Start is the command that starts it, where it does not run.
	Start []string
}

// ApplyRouter writes the files of the processes that have changed, each tried
// first by a PgBouncer of its own, and has the running ones load them. A
// configuration that PgBouncer refuses replaces none, of no process.
func ApplyRouter(ctx context.Context, e tenant.Estate, p RouterPlan) ([]RouterOutcome, error) {
	if !e.Router.Overcommit {
		if err := router.Fits(p.Demands); err != nil {
			return nil, err
		}
	}
	for _, process := range p.Processes {
		if slices.Contains(p.Changed, process.Number) {
			if err := bouncer.Try(ctx, p.program, process, p.user); err != nil {
				return nil, err
			}
		}
	}
	var out []RouterOutcome
	for _, process := range p.Processes {
		o := RouterOutcome{Process: process.Number, Written: slices.Contains(p.Changed, process.Number)}
		if o.Written {
			if err := bouncer.Write(process, p.user); err != nil {
				return out, err
			}
		}
		if err := p.load(ctx, process, &o); err != nil {
			return append(out, o), err
		}
		out = append(out, o)
	}
	return out, nil
}

// load has a running process go by its files.
func (p RouterPlan) load(ctx context.Context, process router.Process, o *RouterOutcome) error {
	o.Start = []string{p.program, filepath.Join(process.Dir, router.IniFile)}
	c, err := bouncer.Open(ctx, p.socket, process.Port, p.user)
	if errors.Is(err, bouncer.ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	o.Running = true
	if !o.Written {
		if o.Written, err = lagging(ctx, c, process); err != nil || !o.Written {
			return err
		}
	}
	if same, err := bouncer.SameSecrets(ctx, c, process); err != nil || !same {
		// A login that PgBouncer (1.18) has looked up and then finds in its list of
		// users ends it, at that login's next knock.
		o.Restart = []string{"secrets"}
		return err
	}
	if _, err := c.Run(ctx, "RELOAD"); err != nil {
		return err
	}
	o.Loaded = true
	behind, err := lagging(ctx, c, process)
	if err == nil && !behind {
		o.Restart, err = bouncer.Restart(ctx, c, process)
	}
	if err == nil && behind {
		err = fmt.Errorf("process %d of the router has loaded its files, and does not go by them: look into its log", process.Number)
	}
	return err
}

// lagging says whether a process has other names than its files: it was killed,
// or landlord was, before it loaded them.
func lagging(ctx context.Context, c *bouncer.Console, process router.Process) (bool, error) {
	rows, err := c.Run(ctx, "SHOW DATABASES")
	if err != nil {
		return false, err
	}
	have := map[string]string{}
	for _, r := range rows {
		have[r["name"]] = r["host"] + "\x00" + r["port"] + "\x00" + r["database"] + "\x00" + r["pool_size"]
	}
	for _, a := range process.Aliases {
		if have[a.Name] != a.Host+"\x00"+strconv.Itoa(a.Port)+"\x00"+a.Database+"\x00"+strconv.Itoa(a.Size) {
			return true, nil
		}
	}
	return false, nil
}

// routed are the settings by which a login comes through the router, by one of
// its names.
func routed(r tenant.Router, name string, s credentials.Settings) (credentials.Settings, error) {
	place, err := routerPlaces(r)
	if err != nil {
		return s, err
	}
	n, processes := cmp.Or(place[name], 1), 0
	dirs, _ := filepath.Glob(filepath.Join(r.Directory, "[1-9]*"))
	for _, dir := range dirs {
		if _, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			processes++
		}
	}
	if place[name] == 0 && processes > 1 {
		return s, fmt.Errorf("which of the router's processes serves %s cannot be told from %s: run landlord as the router's user %s or as root, after landlord router apply", name, r.Directory, r.User)
	}
	s.Host, s.SSLMode, s.SSLRootCert = routerHost(r), "", ""
	s.Port, s.Database = r.Port+n-1, name
	if strings.HasPrefix(s.Host, "/") {
		return s, nil
	}
	if s.SSLMode = "disable"; r.Cert != "" {
		s.SSLMode = "require"
	}
	if r.CA != "" {
		s.SSLMode, s.SSLRootCert = "verify-full", r.CA
	}
	return s, nil
}

func routerHost(r tenant.Router) string {
	if r.Host == "" && len(r.Listen) > 0 {
		return r.Listen[0].String()
	}
	return cmp.Or(r.Host, r.Socket)
}
