package landlord

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/audit"
	"landlord/internal/bouncer"
	"landlord/internal/pgsql"
	"landlord/internal/router"
	"landlord/internal/run"
	"landlord/internal/tenant"
)

// ErrNoRouter says that the spec has no router.
var ErrNoRouter = errors.New("landlord.yaml has no router: write router: {} into it, and what differs from the defaults (landlord.yaml's reference, docs/router.md)")

// RouterPlan is what the router is to be.
type RouterPlan struct {
	// Version is the oldest PgBouncer that the files are for.
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
// to be, and which holes PgBouncer has then. It changes nothing.
func PlanRouter(ctx context.Context, e tenant.Estate) (RouterPlan, error) {
	p, err := planRouter(ctx, e)
	if err == nil {
		p.Holes, err = p.holes()
	}
	return p, err
}

// planRouter is [PlanRouter] but for the holes, of which nobody hears where the
// router only follows.
func planRouter(ctx context.Context, e tenant.Estate) (RouterPlan, error) {
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
	if err := p.render(*e.Router, aliases, place, before, own); err != nil {
		return p, err
	}
	p.Demands = router.Demands(*e.Router, p.Version, facts, aliases, place)
	return p, nil
}

// render says what the files are to be, and which of them are others now. Where
// they are others anyway, names that have led nowhere for long are left out.
func (p *RouterPlan) render(r tenant.Router, aliases []router.Alias, place, before map[string]int, own router.Own) (err error) {
	if p.Processes, err = router.Processes(r, p.Version, aliases, place, before, own); err != nil {
		return err
	}
	for _, process := range p.Processes {
		changed, err := bouncer.Changed(process)
		if err != nil {
			return err
		}
		if changed {
			p.Changed = append(p.Changed, process.Number)
		}
	}
	if len(p.Changed) == 0 {
		return nil
	}
	kept, err := withoutForgotten(r, before)
	if err != nil || len(kept) == len(before) {
		return err
	}
	short, err := router.Processes(r, p.Version, aliases, place, kept, own)
	if err != nil {
		return err
	}
	for i, process := range short {
		if slices.Contains(p.Changed, process.Number) {
			p.Processes[i] = process
		}
	}
	return nil
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
	if p.Version, err = p.oldest(ctx, *e.Router); err != nil {
		return p, err
	}
	return p, nil
}

// IsBouncerVersion says whether a text tells a version of PgBouncer's.
func IsBouncerVersion(text string) bool {
	_, ok := router.ParseVersion(text)
	return ok
}

// holes are the known holes of this PgBouncer, with the files as they are to be:
// what the user has written by hand counts, too.
func (p RouterPlan) holes() ([]router.Hole, error) {
	var all router.Setup
	for _, process := range p.Processes {
		b, err := audit.ParseBouncer(filepath.Join(process.Dir, router.IniFile), []byte(process.Files[router.IniFile]), nil)
		if err == nil {
			err = b.ParseUsers(filepath.Join(process.Dir, router.UsersFile), []byte(process.Files[router.UsersFile]))
		}
		if err != nil {
			return nil, err
		}
		s := b.Setup()
		s.Shut = !process.OwnRules // landlord's own end with a rule that lets nobody in
		s.Servers, s.Secrets = max(s.Servers, all.Servers), max(s.Secrets, all.Secrets)
		all = s
	}
	return router.Holes(p.Version, all), nil
}

// oldest is the oldest of the versions that run and are installed. A process
// that has run since before PgBouncer was upgraded must understand its files,
// too; the next router apply after its restart writes them for the newer one.
func (p RouterPlan) oldest(ctx context.Context, r tenant.Router) (router.Version, error) {
	oldest := p.Version
	places, err := routerPlaces(r)
	if err != nil {
		return oldest, err
	}
	for _, n := range slices.Compact(slices.Sorted(maps.Values(places))) {
		c, err := bouncer.Open(ctx, r.Socket, r.Port+n-1, p.user)
		if errors.Is(err, bouncer.ErrNotRunning) {
			continue
		}
		if err != nil {
			return oldest, err
		}
		rows, err := c.Run(ctx, "SHOW VERSION")
		c.Close()
		if err != nil {
			return oldest, err
		}
		if v, ok := router.ParseVersion(rows[0]["version"]); ok && v.Before(oldest) {
			oldest = v
		}
	}
	return oldest, nil
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
	// Unit is its unit of systemd's, Started that it was started just now.
	Unit    string `json:",omitempty"`
	Started bool
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
	if err == nil && behind {
		err = fmt.Errorf("process %d of the router has loaded its files, and does not go by them: look into its log", process.Number)
	}
	if err == nil {
		err = endClosed(ctx, c, process)
	}
	if err == nil {
		o.Restart, err = bouncer.Restart(ctx, c, process)
	}
	return err
}

// endClosed ends whom a process holds by names that lead nowhere now.
func endClosed(ctx context.Context, c *bouncer.Console, process router.Process) error {
	if len(process.Closed) == 0 {
		return nil
	}
	pools, err := c.Run(ctx, "SHOW POOLS")
	if err != nil {
		return err
	}
	var ended []string
	for _, r := range pools {
		name := r["database"]
		held := 0
		for column := range r {
			if strings.HasPrefix(column, "cl_") || strings.HasPrefix(column, "sv_") {
				held += r.Int(column)
			}
		}
		if held > 0 && slices.Contains(process.Closed, name) && !slices.Contains(ended, name) {
			ended = append(ended, name)
			if err := end(ctx, c, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// end ends all clients of a name, and its connections to the server.
func end(ctx context.Context, c *bouncer.Console, name string) error {
	if _, err := c.Run(ctx, "KILL "+pgsql.Ident(name)); err != nil {
		return err
	}
	_, err := c.Run(ctx, "RESUME "+pgsql.Ident(name))
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
	for _, name := range process.Closed {
		if where := have[name]; !strings.HasPrefix(where, router.Nowhere+"\x00") {
			return true, nil
		}
	}
	return false, nil
}
