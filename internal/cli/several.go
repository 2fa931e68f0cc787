package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// look reads what the flags name: a file, or one server, or all of the spec. With
// one, what hinders it is an error; of several, each that cannot be read is among
// the missing, and said.
func (a *app) look(c *cobra.Command, p place) (snapshot.Set, error) {
	if p.file != "" {
		set, err := a.stored(p.file)
		if err == nil {
			err = choose(&set, p.file, p.server)
		}
		return set, err
	}
	list, err := a.places(p)
	if err != nil {
		return snapshot.Set{}, err
	}
	if len(list) == 1 {
		if landlord.Asleep(list[0]) {
			return snapshot.Set{}, fmt.Errorf("server %s is stopped while its tenant is suspended: landlord tenant resume %[1]s starts it", list[0].Name)
		}
		snap, err := a.census(c, list[0], p)
		return snapshot.Set{Servers: []snapshot.Named{{Name: list[0].Name, Snapshot: snap}}}, err
	}
	if len(p.databases) > 0 {
		return snapshot.Set{}, oneAlone("--database", list)
	}
	bar := term.NewProgress(a.Err, a.errLook(), "reading", len(list), a.quiet || !a.errLook().Terminal)
	set, err := landlord.Snapshots(c.Context(), list, options(p), now, func(name string, err error) { bar.Done("server "+name, "read") })
	bar.Close()
	for _, n := range set.Servers {
		if !a.quiet {
			a.sayUnread("server "+n.Name+": ", n.Snapshot)
		}
	}
	return set, err
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

func options(p place) landlord.SnapshotOptions {
	return landlord.SnapshotOptions{Databases: p.databases, Parallel: p.parallel, Timeout: p.timeout}
}

// choose leaves of a file's servers the one that --server names.
func choose(set *snapshot.Set, file, server string) error {
	if server == "" {
		return nil
	}
	var names []string
	for _, n := range set.Servers {
		if n.Name == server {
			set.Servers, set.Missing = []snapshot.Named{n}, nil
			return nil
		}
		names = append(names, n.Name)
	}
	for _, m := range set.Missing {
		if m.Name == server {
			return fmt.Errorf("server %s could not be read when %s was written: %s", m.Name, file, m.Reason)
		}
	}
	if len(names) == 1 && names[0] == "" {
		return usageError{fmt.Errorf("%s is about one server: --server is for a file about several", file)}
	}
	return usageError{suggesting(fmt.Sprintf("there is no server %q in %s, which is about %s", server, file, strings.Join(names, ", ")), server, names)}
}

// oneAlone says that a flag is about one server, and of which it may be.
func oneAlone(flag string, list []tenant.Server) error {
	return usageError{fmt.Errorf("%s is about one server: %w", flag, severalServers(list))}
}

// places are the servers of the flags, or of the spec.
func (a *app) places(p place) ([]tenant.Server, error) {
	if bareServer(p.server) {
		return []tenant.Server{{Connection: p.server}}, nil
	}
	e, err := a.load()
	if err != nil {
		return nil, err
	}
	return servers(e, p.server, nil)
}

// missing says of which servers nothing is known, and makes it the status:
// whoever asked about all must not take silence for an answer.
func (a *app) missing(list []snapshot.Missing) error {
	for _, m := range list {
		a.sayMissing(m)
	}
	return unreached(list)
}

func (a *app) sayMissing(m snapshot.Missing) {
	if m.Stopped {
		a.say("server %s is not looked at: %s", m.Name, m.Reason)
		return
	}
	fmt.Fprintf(a.Err, "nothing is known of server %s: %s\n", term.Clean(m.Name), term.Clean(m.Reason))
}

// unreached is the status where a server could not be read.
func unreached(list []snapshot.Missing) error {
	if slices.ContainsFunc(list, func(m snapshot.Missing) bool { return !m.Stopped }) {
		return exitError(exitFailed)
	}
	return nil
}
