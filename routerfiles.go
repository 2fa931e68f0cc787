package landlord

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"landlord/internal/audit"
	"landlord/internal/credentials"
	"landlord/internal/router"
	"landlord/internal/tenant"
)

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

// forgotten is after how long a name that leads nowhere may go from the files:
// nobody has been about to log in by it for that long (client_login_timeout, a
// minute unless the user says otherwise).
const forgotten = time.Hour

// withoutForgotten leaves out of the places of names those that lead nowhere and
// did so for long.
func withoutForgotten(r tenant.Router, before map[string]int) (map[string]int, error) {
	kept := maps.Clone(before)
	for _, n := range slices.Compact(slices.Sorted(maps.Values(before))) {
		path := filepath.Join(r.Directory, strconv.Itoa(n), router.IniFile)
		info, err := os.Stat(path)
		if err == nil && time.Since(info.ModTime()) < forgotten {
			continue
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(path)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the router's files: %w", err)
		}
		for _, name := range router.Shut(string(text)) {
			delete(kept, name)
		}
	}
	return kept, nil
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

// routerWays are the ways to the names of a router, as its files have them; nil:
// there is no router.
type routerWays struct {
	router    tenant.Router
	place     map[string]int // of a name: its process
	processes int
	names     int // that the estate has
}

// waysOf reads them.
func waysOf(e tenant.Estate) (*routerWays, error) {
	if e.Router == nil {
		return nil, nil
	}
	w := &routerWays{router: *e.Router}
	for _, t := range e.Tenants {
		w.names += len(t.Places())
	}
	for _, s := range e.Servers {
		w.names += len(s.Pools)
	}
	var err error
	if w.place, err = routerPlaces(*e.Router); err != nil {
		return nil, err
	}
	dirs, _ := filepath.Glob(filepath.Join(e.Router.Directory, "[1-9]*"))
	for _, dir := range dirs {
		if _, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			w.processes++
		}
	}
	return w, nil
}

// ofTenant are the settings of a tenant's login, without the password, to where
// the tenant lives.
func (w *routerWays) ofTenant(s tenant.Server, t tenant.Tenant, login string) (credentials.Settings, error) {
	out, err := endpointSettings(s, login)
	if err != nil {
		return out, err
	}
	out.Tenant = t.Name
	l, ok := t.LoginOf(login)
	if !ok {
		return out, fmt.Errorf("tenant %s has no login %q", t.Name, login)
	}
	out.Kind = l.Kind
	return w.toPlace(out, t, t.Home)
}

// toPlace turns settings to one of the tenant's places. The router's name for a
// further one has the tenant's before it.
func (w *routerWays) toPlace(s credentials.Settings, t tenant.Tenant, p tenant.Place) (credentials.Settings, error) {
	s.Schema, s.Also = p.Schemas[0], nil
	if w != nil {
		return w.to(router.Name(t, p), s)
	}
	s.Database = p.Database
	for _, other := range t.Places() {
		if other.Database != p.Database {
			s.Also = append(s.Also, other.Database)
		}
	}
	return s, nil
}

// to are the settings by which a login comes through the router, by one of its
// names.
func (w *routerWays) to(name string, s credentials.Settings) (credentials.Settings, error) {
	r, n := w.router, cmp.Or(w.place[name], 1)
	if w.place[name] == 0 && (w.processes > 1 || w.names > r.Aliases) {
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
