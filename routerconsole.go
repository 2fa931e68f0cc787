package landlord

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"landlord/internal/bouncer"
	"landlord/internal/pgsql"
	"landlord/internal/router"
	"landlord/internal/run"
	"landlord/internal/tenant"
)

// RouterStatus is one name of the router's, as its process says.
type RouterStatus struct {
	Name     string `json:"name"`
	Tenant   string `json:"tenant,omitempty"`
	Pool     string `json:"pool,omitempty"`
	Server   string `json:"server"`
	Database string `json:"database"`
	Process  int    `json:"process"`
	Port     int    `json:"port"`
	// Running says that the process answers; nothing below is known otherwise.
	Running bool `json:"running"`
	// Clients are those with a connection to the server or idle, Waiting those
	// that wait for one, the first of them for WaitMicros.
	Clients    int   `json:"clients"`
	Waiting    int   `json:"waiting"`
	WaitMicros int64 `json:"waitMicros"`
	// Servers are the connections to the server, Busy those of them in use,
	// MaxServers as many as there may be.
	Servers    int  `json:"servers"`
	Busy       int  `json:"busy"`
	MaxServers int  `json:"maxServers"`
	Paused     bool `json:"paused"`
	// Stale says that the process does not have this name yet, or leads it
	// elsewhere: landlord router apply.
	Stale bool `json:"stale"`
}

// StatusRouter asks all processes of the router how their names are.
func StatusRouter(ctx context.Context, e tenant.Estate) ([]RouterStatus, error) {
	p, err := planRouter(ctx, e)
	if err != nil {
		return nil, err
	}
	var out []RouterStatus
	for _, process := range p.Processes {
		list, err := p.status(ctx, process)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	slices.SortFunc(out, func(a, b RouterStatus) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (p RouterPlan) status(ctx context.Context, process router.Process) ([]RouterStatus, error) {
	out := make([]RouterStatus, len(process.Aliases))
	at := map[string]*RouterStatus{}
	for i, a := range process.Aliases {
		out[i] = RouterStatus{Name: a.Name, Tenant: a.Tenant, Pool: a.Pool, Server: a.Server, Database: a.Database, Process: process.Number, Port: process.Port}
		at[a.Name] = &out[i]
	}
	c, err := bouncer.Open(ctx, p.socket, process.Port, p.user)
	if errors.Is(err, bouncer.ErrNotRunning) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	defer c.Close()
	databases, err := c.Run(ctx, "SHOW DATABASES")
	if err != nil {
		return nil, err
	}
	pools, err := c.Run(ctx, "SHOW POOLS")
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Running, out[i].Stale = true, true
	}
	for _, r := range databases {
		if s := at[r["name"]]; s != nil {
			s.Stale = r["database"] != s.Database
			s.Paused = r["paused"] == "1"
			s.Servers, s.MaxServers = r.Int("current_connections"), r.Int("max_connections")
		}
	}
	for _, r := range pools {
		if s := at[r["database"]]; s != nil {
			s.Clients += r.Int("cl_active")
			s.Waiting += r.Int("cl_waiting")
			s.Busy += r.Int("sv_active")
			s.WaitMicros = max(s.WaitMicros, int64(r.Int("maxwait"))*1e6+int64(r.Int("maxwait_us")))
		}
	}
	return out, nil
}

// PauseRouter has clients of some names, or of all, wait until they are
// resumed: each connection to the server is closed once its transaction, or in
// session mode its client, is done. Resume undoes that. It returns how many
// names it was about.
func PauseRouter(ctx context.Context, e tenant.Estate, only []string, resume bool) (int, error) {
	word := "PAUSE"
	if resume {
		word = "RESUME"
	}
	n := 0
	err := eachName(ctx, e, only, func(c *bouncer.Console, name string, r bouncer.Row) error {
		if paused := r["paused"] == "1"; paused != resume || r["host"] == router.Nowhere {
			return nil
		}
		n++
		_, err := c.Run(ctx, word+" "+pgsql.Ident(name))
		return err
	})
	return n, err
}

// UnreachedError says that a router could not be asked to do its part.
type UnreachedError struct {
	What string
	Err  error
}

func (e *UnreachedError) Error() string { return fmt.Sprintf("%s: %v", e.What, e.Err) }
func (e *UnreachedError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *UnreachedError) Hint() string {
	return "run landlord router apply as the router's user or as root, on its machine"
}

// eachName does something in the console of each process for each name of some
// tenants (none: of all) that it has.
func eachName(ctx context.Context, e tenant.Estate, only []string, do func(*bouncer.Console, string, bouncer.Row) error) error {
	if e.Router == nil {
		return ErrNoRouter
	}
	user, err := bouncer.User(e.Router.User)
	if err != nil {
		return err
	}
	places, err := routerPlaces(*e.Router)
	if err != nil {
		return err
	}
	byProcess := map[int][]string{}
	for name, n := range places {
		if len(only) == 0 || slices.Contains(only, name) || slices.ContainsFunc(only, func(t string) bool { return len(name) > len(t) && name[:len(t)+1] == t+"." }) {
			byProcess[n] = append(byProcess[n], name)
		}
	}
	for n, names := range byProcess {
		slices.Sort(names)
		if err := inProcess(ctx, *e.Router, n, user, names, do); err != nil {
			return err
		}
	}
	return nil
}

func inProcess(ctx context.Context, r tenant.Router, n int, user *run.Credential, names []string, do func(*bouncer.Console, string, bouncer.Row) error) error {
	c, err := bouncer.Open(ctx, r.Socket, r.Port+n-1, user)
	if errors.Is(err, bouncer.ErrNotRunning) {
		return nil // nobody is held, and nobody gets in
	}
	if err != nil {
		return err
	}
	defer c.Close()
	rows, err := c.Run(ctx, "SHOW DATABASES")
	if err != nil {
		return err
	}
	for _, row := range rows {
		if slices.Contains(names, row["name"]) {
			if err := do(c, row["name"], row); err != nil {
				return err
			}
		}
	}
	return nil
}

// ShutRouter makes the router go by what the servers say now, and ends what it
// holds of some tenants: connections that were opened before a door was shut, or
// a password changed, would let new clients in. Where there is no router, it
// does nothing.
func ShutRouter(ctx context.Context, e tenant.Estate, names ...string) error {
	if e.Router == nil {
		return nil
	}
	p, err := planRouter(ctx, e)
	if err == nil {
		_, err = follow(ctx, e, p)
	}
	if err == nil {
		err = eachName(ctx, e, names, func(c *bouncer.Console, name string, _ bouncer.Row) error { return end(ctx, c, name) })
	}
	if err != nil {
		return &UnreachedError{"the server is as it should be, and the router may still hold connections from before", err}
	}
	return nil
}

// FollowRouter makes the router go by what the servers say now, without ending
// anything, where there is one.
func FollowRouter(ctx context.Context, e tenant.Estate) error {
	if e.Router == nil {
		return nil
	}
	p, err := planRouter(ctx, e)
	var done []RouterOutcome
	if err == nil {
		done, err = follow(ctx, e, p)
	}
	// Where none runs, the router was not started yet.
	if anyRuns(done) {
		for _, o := range done {
			if err == nil && !o.Running {
				err = fmt.Errorf("process %d of the router does not run: start it by %s", o.Process, strings.Join(o.Start, " "))
			}
		}
	}
	if err != nil {
		return &UnreachedError{"the server is as it should be, and the router not yet", err}
	}
	return nil
}

func anyRuns(done []RouterOutcome) bool {
	return slices.ContainsFunc(done, func(o RouterOutcome) bool { return o.Running })
}

func follow(ctx context.Context, e tenant.Estate, p RouterPlan) ([]RouterOutcome, error) {
	done, err := ApplyRouter(ctx, overcommitted(e), p)
	if err == nil && anyRuns(done) {
		err = SuperviseRouter(ctx, e, p, done) // a new tenant may want a new process
	}
	for _, o := range done {
		if err == nil && o.Running && o.Written && !o.Loaded && !o.Started {
			err = fmt.Errorf("process %d of the router must be restarted to go by its files (%s)", o.Process, strings.Join(o.Restart, ", "))
		}
	}
	return done, err
}

// overcommitted leaves the question of room to landlord router apply: a door is
// shut whatever the sum.
func overcommitted(e tenant.Estate) tenant.Estate {
	r := *e.Router
	r.Overcommit = true
	e.Router = &r
	return e
}

// releaseRouter has the router close its idle connections of a tenant, which
// otherwise look as if somebody used them, and counts its clients by login.
func releaseRouter(ctx context.Context, e tenant.Estate, name string) (map[string]int, error) {
	clients := map[string]int{}
	err := eachName(ctx, e, []string{name}, func(c *bouncer.Console, name string, _ bouncer.Row) error {
		rows, err := c.Run(ctx, "SHOW POOLS")
		for _, r := range rows {
			if r["database"] == name {
				clients[r["user"]] += r.Int("cl_active") + r.Int("cl_waiting")
			}
		}
		if err == nil {
			_, err = c.Run(ctx, "RECONNECT "+pgsql.Ident(name))
		}
		return err
	})
	return clients, err
}

// AwaitRouter waits until all processes of the router answer, at most ten
// seconds.
func AwaitRouter(ctx context.Context, e tenant.Estate) (err error) {
	user, err := bouncer.User(e.Router.User)
	if err != nil {
		return err
	}
	places, err := routerPlaces(*e.Router)
	if err != nil {
		return err
	}
	for _, n := range places {
		for range 1000 {
			var c *bouncer.Console
			if c, err = bouncer.Open(ctx, e.Router.Socket, e.Router.Port+n-1, user); err == nil {
				c.Close()
			}
			if !errors.Is(err, bouncer.ErrNotRunning) {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Millisecond):
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
