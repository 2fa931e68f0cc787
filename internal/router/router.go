// Package router says what PgBouncer's files are to be for an estate: one name
// for each tenant, wherever its house stands, and nobody in who is not that
// tenant's. It is pure.
package router

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// Facts are what must be known of one server.
type Facts struct {
	Server tenant.Server
	// Tenants are those that are there, with their twins; Missing are in the
	// spec and not yet on the server.
	Tenants []tenant.Tenant
	Missing []string
	// Pools are the pools' logins that are there.
	Pools []tenant.Pool
	// Host is a name, an address, or a socket's directory.
	Host string
	Port int
	// Room is how many connections the server has for others than superusers.
	Room int
	// Verifiers are those of the logins; read only for secrets: userlist.
	Verifiers map[string]string
	// Unread is why the server could not be read: what stands here is the
	// spec's then. Empty: it was.
	Unread string
	// Refused is why the server cannot stand behind the router at all.
	Refused string
}

// Alias is one name that programs connect to, with where it leads.
type Alias struct {
	Name     string `json:"name"`
	Tenant   string `json:"tenant,omitempty"`
	Pool     string `json:"pool,omitempty"`
	Server   string `json:"server"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Database string `json:"database"`
	// Logins may come by this name, and nobody else.
	Logins []string `json:"logins"`
	// Size is how many connections to the server all of them may have together.
	Size int    `json:"connections"`
	Mode string `json:"poolMode"`
	// Closed says that its tenant is suspended: the name keeps its place, and
	// leads nowhere.
	Closed bool `json:"closed,omitempty"`

	verifiers map[string]string
	// limits are those of its logins that may have fewer connections than all of
	// them together.
	limits map[string]int
}

// Note is something that the router does not do, and why.
type Note struct {
	Tenant string `json:"tenant,omitempty"`
	What   string `json:"what"`
	Next   string `json:"next,omitempty"`
	// Cannot says that somebody stays without the router who is to have it.
	Cannot bool `json:"cannot,omitempty"`
}

// simple is a name that PgBouncer reads without quotes (it knows none before
// its names of databases: pgbouncer.ini(5) of 1.18 has them, and its parser
// refuses them).
var simple = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// Aliases lists the names that the router has, sorted, and what it leaves out.
func Aliases(r tenant.Router, servers []Facts) ([]Alias, []Note, error) {
	var all []Alias
	var notes []Note
	for _, f := range servers {
		if f.Unread != "" {
			notes = append(notes, Note{What: fmt.Sprintf("server %s does not answer, so that its names are as the spec has them: %s", f.Server.Name, f.Unread), Next: "landlord router apply, once it runs"})
		}
		if f.Refused != "" {
			notes = append(notes, Note{What: "no tenant of " + f.Refused, Cannot: true})
		}
		for _, name := range f.Missing {
			notes = append(notes, Note{Tenant: name, What: fmt.Sprintf("tenant %s is not on server %s yet, so that the router leads nobody there", name, f.Server.Name), Next: "landlord apply"})
		}
		for _, t := range f.Tenants {
			all = append(all, f.tenant(r, t)...)
		}
		for _, p := range f.Pools {
			all = append(all, f.alias(r, Alias{Name: p.Name, Pool: p.Name, Database: p.Database, Logins: p.OpenLogins(), Size: cmp.Or(p.Limits.Connections, r.PoolSize), Mode: "transaction"}))
		}
	}
	slices.SortFunc(all, func(a, b Alias) int { return strings.Compare(a.Name, b.Name) })
	var kept []Alias
	for i, a := range all {
		switch {
		case i > 0 && all[i-1].Name == a.Name:
			return nil, nil, fmt.Errorf("the router cannot have the name %q twice: on server %s, and on server %s", a.Name, all[i-1].Server, a.Server)
		case !simple.MatchString(a.Name) || a.Name == console:
			notes = append(notes, Note{Tenant: a.Tenant, Cannot: true, Next: "name it otherwise",
				What: fmt.Sprintf("%q cannot be a name of the router's: PgBouncer takes letters, digits, _, . and - alone, and keeps %q for itself", a.Name, console)})
		default:
			kept = append(kept, a)
		}
	}
	return kept, notes, nil
}

// Name is the router's name for one of a tenant's databases.
func Name(t tenant.Tenant, p tenant.Place) string {
	if p.Database == t.Home.Database {
		return t.Name
	}
	return t.Name + "." + p.Database
}

// tenant are the names of one tenant: its own leads to where it lives, and
// TENANT.DATABASE to each of its further databases.
func (f Facts) tenant(r tenant.Router, t tenant.Tenant) []Alias {
	var out []Alias
	places := t.Places()
	// The server counts a login's connections to all databases together, and
	// refuses one too many, on which a client waits in vain.
	size := cmp.Or(max(t.Limits.Connections/len(places), min(t.Limits.Connections, 1)), r.PoolSize)
	limits := map[string]int{}
	for _, l := range t.Logins {
		if l.Connections > 0 && l.Connections < size {
			limits[l.Name] = l.Connections
			if w, ok := t.Twin(l.Name); ok {
				limits[w.Name] = l.Connections
			}
		}
	}
	for _, p := range places {
		out = append(out, f.alias(r, Alias{Name: Name(t, p), Tenant: t.Name, Database: p.Database, Logins: open(t), Size: size, Mode: r.PoolMode, Closed: t.Suspended, limits: limits}))
	}
	return out
}

func (f Facts) alias(r tenant.Router, a Alias) Alias {
	a.Server, a.Host, a.Port, a.verifiers = f.Server.Name, f.Host, f.Port, f.Verifiers
	if r.Secrets == tenant.UserList {
		// Who was in the list of users and is no more, PgBouncer remembers with an
		// empty password, which would open connections from before.
		a.Logins = slices.DeleteFunc(slices.Clone(a.Logins), func(login string) bool { return f.Verifiers[login] == "" })
	}
	slices.Sort(a.Logins)
	return a
}

// open are the logins of a tenant that can log in: the old one of a rotation
// that is over cannot.
func open(t tenant.Tenant) []string {
	return slices.DeleteFunc(slices.Clone(t.LoginRoles()), func(login string) bool {
		w, ok := t.Twin(login)
		return ok && login == w.Old && !w.Open
	})
}

// Place says which process serves each name. Who has a place keeps it; who has
// none gets one in the first process with room.
func Place(aliases []Alias, before map[string]int, most int) map[string]int {
	place, load := map[string]int{}, map[int]int{}
	for _, a := range aliases {
		if n := before[a.Name]; n > 0 {
			place[a.Name] = n
			load[n]++
		}
	}
	next := 1
	for _, a := range aliases {
		if place[a.Name] > 0 {
			continue
		}
		for load[next] >= most {
			next++
		}
		place[a.Name] = next
		load[next]++
	}
	return place
}

// Demand is how many connections the router may want of a server at once.
type Demand struct {
	Server  string `json:"server"`
	Aliases int    `json:"names"`
	// Pools is the sum over the tenants, Lookups what looking up verifiers may
	// take beside, Room what the server has.
	Pools   int `json:"pools"`
	Lookups int `json:"lookups"`
	Room    int `json:"room"`
}

// Over says that the server has too few.
func (d Demand) Over() bool { return d.Pools+d.Lookups > d.Room }

func (d Demand) String() string {
	sum := fmt.Sprintf("the router may open %d connections to server %s (%s", d.Pools+d.Lookups, d.Server, count(d.Aliases, "name"))
	sum += fmt.Sprintf(", together %d", d.Pools)
	if d.Lookups > 0 {
		sum += fmt.Sprintf("; %d to look up verifiers", d.Lookups)
	}
	return sum + fmt.Sprintf("), which has %d (max_connections, less those reserved)", d.Room)
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// Demands sums up what each server is asked for at the worst.
func Demands(r tenant.Router, v Version, servers []Facts, aliases []Alias, place map[string]int) []Demand {
	var out []Demand
	for _, f := range servers {
		if f.Unread != "" || f.Room == 0 {
			continue
		}
		d := Demand{Server: f.Server.Name, Room: f.Room}
		by := map[int][]Alias{}
		for _, a := range aliases {
			if a.Server == f.Server.Name && !a.Closed {
				d.Aliases++
				d.Pools += a.Size
				by[place[a.Name]] = append(by[place[a.Name]], a)
			}
		}
		for _, names := range by {
			d.Lookups += mostLookups(r, v, names)
		}
		out = append(out, d)
	}
	return out
}

// OverbookedError says that the pools together want more than a server has.
type OverbookedError struct{ Demand Demand }

func (e *OverbookedError) Error() string { return e.Demand.String() }

// Hint says what to do about it.
func (e *OverbookedError) Hint() string {
	return "lower pool_size or the tenants' limits: connections, or raise max_connections; overcommit: true lives with it"
}

// Fits is an *OverbookedError for the first server that has too few.
func Fits(demands []Demand) error {
	for _, d := range demands {
		if d.Over() {
			return &OverbookedError{d}
		}
	}
	return nil
}
