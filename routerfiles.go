package landlord

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

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

// routerWays are the ways to the names of a router, as its files have them.
type routerWays struct {
	router    tenant.Router
	place     map[string]int // of a name: its process
	processes int
}

func readWays(r tenant.Router) (routerWays, error) {
	w := routerWays{router: r}
	var err error
	if w.place, err = routerPlaces(r); err != nil {
		return w, err
	}
	dirs, _ := filepath.Glob(filepath.Join(r.Directory, "[1-9]*"))
	for _, dir := range dirs {
		if _, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			w.processes++
		}
	}
	return w, nil
}

// routed are the settings by which a login comes through the router, by one of
// its names.
func routed(r tenant.Router, name string, s credentials.Settings) (credentials.Settings, error) {
	w, err := readWays(r)
	if err != nil {
		return s, err
	}
	return w.to(name, s)
}

// to is routed, for many names.
func (w routerWays) to(name string, s credentials.Settings) (credentials.Settings, error) {
	r, n := w.router, cmp.Or(w.place[name], 1)
	if w.place[name] == 0 && w.processes > 1 {
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
