package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// place is a server to look at: one that runs, or a file about one.
type place struct {
	server    string // its name in the spec, or a connection string
	file      string // a snapshot
	databases []string
	parallel  int
	timeout   time.Duration
}

// liveFlags give a command the flags by which it finds a running server.
func (a *app) liveFlags(c *cobra.Command, p *place) {
	a.specFlag(c)
	c.Flags().StringVar(&p.server, "server", "", "the server in the spec, or a connection string, without any spec")
	c.Flags().StringSliceVar(&p.databases, "database", nil, "look into these databases only")
	c.Flags().IntVar(&p.parallel, "parallel", 0, "how many databases to read at once (default 4)")
	c.Flags().DurationVar(&p.timeout, "timeout", 2*time.Minute, "the longest that one query may run")
	_ = c.RegisterFlagCompletionFunc("server", a.serverNames)
}

func (a *app) snapshotCommand() *cobra.Command {
	var p place
	c := &cobra.Command{
		Use:   "snapshot",
		Short: "Read all that bears on access into a file",
		Long: `Read everything that says who may do what on a server, PostgreSQL 10 to 18, and
write it as JSON: roles, memberships, settings, owners and rights of all objects
in all databases, policies, functions, pg_hba.conf. What access and audit say
follows from this file alone, so that it can be judged on another machine.

It only reads, in read-only transactions, and locks nothing that anybody would
notice. Any role will do; what it cannot read is in the file as unread, with the
reason. There is no password in the file and no verifier of one, only of what
kind it is, and whether the password is the role's own name.

Where the spec has several servers, all are read into one file, which audit,
report and access take like that of one. A server that could not be read is in
it as missing, with the reason, and so is one that is stopped while its tenant
is suspended.

Exit status: 0; 1 failed, or some server could not be read; 2 bad usage or spec.`,
		Example: "  landlord snapshot --server 'host=/var/run/postgresql user=postgres' > server.json\n" +
			"  landlord snapshot -f landlord.yaml > all.json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.snapshot(c, p) },
	}
	a.liveFlags(c, &p)
	return c
}

func (a *app) snapshot(c *cobra.Command, p place) error {
	set, err := a.look(c, p)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.Out)
	if len(set.Servers)+len(set.Missing) == 1 {
		err = snapshot.Encode(w, set.Servers[0].Snapshot)
	} else {
		err = snapshot.EncodeSet(w, set)
	}
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the snapshot: %w", err)
	}
	return a.missing(set.Missing)
}

// census takes a snapshot of a running server, and says what it could not
// read.
func (a *app) census(c *cobra.Command, s tenant.Server, p place) (snapshot.Snapshot, error) {
	taken, o := now(), options(p)
	o.Conninfo = s.Connection
	snap, err := landlord.Snapshot(c.Context(), o)
	if _, ok := errors.AsType[*landlord.UnknownDatabaseError](err); ok {
		return snap, usageError{err}
	}
	snap.Taken = taken
	if err == nil && !a.quiet {
		a.sayUnread("", snap)
	}
	return snap, err
}

// severalServers says that a command is about one server, and of which it may be.
func severalServers(list []tenant.Server) error {
	const most = 12
	var names []string
	for _, s := range list[:min(most, len(list))] {
		names = append(names, s.Name)
	}
	more := ""
	if len(list) > most {
		more = fmt.Sprintf(" and %d more", len(list)-most)
	}
	return usageError{fmt.Errorf("the spec has %d servers: choose one with --server (%s%s)", len(list), strings.Join(names, ", "), more)}
}

// sayUnread says, in a few lines, what a judgement will not know.
func (a *app) sayUnread(lead string, s snapshot.Snapshot) {
	var said int
	unread := s.Unread
	for _, c := range s.Contents {
		if c.Error != "" {
			unread = append(unread, snapshot.Unread{Part: snapshot.PartContents, Database: c.Database, Reason: c.Error})
		}
	}
	for _, u := range unread {
		if u.Database == "template0" {
			continue // nobody ever gets in
		}
		if said++; said > 8 && !a.verbose {
			continue
		}
		what := string(u.Part)
		if u.Database != "" {
			what += " of database " + u.Database
		}
		fmt.Fprintf(a.Err, "%snot read: %s: %s\n", lead, term.Clean(what), term.Clean(u.Reason))
	}
	if said > 8 && !a.verbose {
		fmt.Fprintf(a.Err, "%snot read: %d more; -v names them\n", lead, said-8)
	}
}

// maxSnapshot is how many bytes of a snapshot are read: a hundred times what
// 1,000 databases make.
const maxSnapshot = 4 << 30

// stored reads a file of landlord snapshot; "-" is the standard input.
func (a *app) stored(path string) (snapshot.Set, error) {
	in := a.In
	if path != "-" {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return snapshot.Set{}, usageError{fmt.Errorf("there is no file %s; landlord snapshot > %s writes one", path, path)}
		}
		if err != nil {
			return snapshot.Set{}, usageError{err}
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSnapshot))
	if err != nil {
		return snapshot.Set{}, usageError{fmt.Errorf("reading %s: %w", path, err)}
	}
	set, err := snapshot.DecodeSet(text)
	if err != nil {
		return set, usageError{fmt.Errorf("%s: %w", path, err)}
	}
	return set, nil
}
