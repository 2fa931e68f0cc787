package cli

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// home is where the tenant commands work: a spec's server, or a server that
// is given by its connection string, without any spec.
type home struct {
	estate tenant.Estate
	server tenant.Server
	// bare says that there is no spec: the server's own state is the estate.
	bare bool
	// fresh, if any, is how the estate is made anew. Without a spec it is about one
	// tenant, and whole is how it is made of all.
	fresh, whole refresh
	// draft, if any, is a change of the spec that is still to be written.
	draft *draft
}

// commit writes what is still to be written into the spec.
func (h home) commit() error {
	if h.draft == nil {
		return nil
	}
	return h.draft.write()
}

// revert takes back what commit has written.
func (h home) revert() error {
	if h.draft == nil {
		return nil
	}
	return h.draft.unwrite()
}

// bareServer says whether --server is a connection string.
func bareServer(s string) bool { return strings.Contains(s, "=") || strings.Contains(s, "://") }

// serverAt is the server that a connection string leads to. A name it needs only
// for the eye.
func serverAt(connection string) tenant.Server {
	return tenant.Server{Name: "main", Connection: connection}
}

// homes are the servers that --server and the spec name.
func (a *app) homes(server string) ([]home, error) {
	if bareServer(server) {
		s := serverAt(server)
		return []home{{estate: tenant.Estate{Servers: []tenant.Server{s}}, server: s, bare: true}}, nil
	}
	e, err := a.load()
	if err != nil {
		return nil, err
	}
	list, err := servers(e, server, nil)
	if err != nil {
		return nil, err
	}
	var out []home
	for _, s := range list {
		out = append(out, home{estate: e, server: s})
	}
	return out, nil
}

func homeFlag(c *cobra.Command, server *string) {
	c.Flags().StringVar(server, "server", "", "a server in the spec, or a connection string: then no spec is read")
}

// journalFlag is for commands that change a server, with a spec or without.
func (a *app) journalFlag(c *cobra.Command, server *string) {
	c.Flags().StringVar(&a.journal, "journal", "", "with a connection string: write down what is changed, in this file or in syslog (a spec says itself where)")
	c.PreRunE = func(*cobra.Command, []string) error {
		if a.journal != "" && !bareServer(*server) {
			return usageError{errors.New("--journal goes with --server and a connection string; a spec says itself where its journal is (journal: {file: ...})")}
		}
		return nil
	}
}

// liveEstate is what a server has, as the estate of a command that reads no spec.
func (a *app) liveEstate(ctx context.Context, s tenant.Server, tenants ...string) (tenant.Estate, error) {
	e, err := landlord.Export(ctx, s, tenants...)
	switch a.journal {
	case "":
	case "syslog":
		e.Journal.Syslog = true
	default:
		e.Journal.File = a.journal
	}
	return e, err
}

// stateOf is a home without a spec, about one tenant: what the server's own state
// says of it.
func (a *app) stateOf(ctx context.Context, s tenant.Server, name string) (home, error) {
	was, err := a.liveEstate(ctx, s, name)
	if err != nil {
		return home{}, err
	}
	said := was // by the server, which knows of no journal
	said.Journal = tenant.Journal{}
	return home{
		bare: true, estate: was, server: was.Servers[0],
		fresh: func(ctx context.Context) (tenant.Estate, error) {
			if same, err := landlord.Unchanged(ctx, s, said, name); same || err != nil {
				return was, err
			}
			return a.liveEstate(ctx, s, name)
		},
		whole: func(ctx context.Context) (tenant.Estate, error) { return a.liveEstate(ctx, s) },
	}, nil
}

// with is a home without a spec, changed. What is wrong with a change is asked of
// all tenants: it may be about another one.
func (h home) with(ctx context.Context, change spec.Change) (home, error) {
	before, fresh, all := h.estate, h.fresh, h.whole
	h.whole = func(ctx context.Context) (tenant.Estate, error) {
		e, err := all(ctx)
		if err != nil {
			return e, err
		}
		return edited(e, change)
	}
	whole := h.whole
	after, err := edited(before, change)
	if err != nil {
		after, err = whole(ctx)
	}
	if err != nil {
		return home{}, err
	}
	h.estate, h.server = after, after.Servers[0]
	h.fresh = func(ctx context.Context) (tenant.Estate, error) {
		now, err := fresh(ctx)
		if err != nil || reflect.DeepEqual(now, before) {
			return after, err
		}
		if e, err := edited(now, change); err == nil {
			return e, nil
		}
		return whole(ctx)
	}
	return h, nil
}

// edited changes what a server says of its tenants.
func edited(e tenant.Estate, change spec.Change) (tenant.Estate, error) {
	edited, err := spec.Edit("the server's state", spec.Write(e), change)
	if errors.Is(err, spec.ErrUnknownTenant) {
		return tenant.Estate{}, notThere(change.Tenant(), names(e))
	}
	if err != nil {
		return tenant.Estate{}, usageError{err}
	}
	return edited.After, nil
}

// now is what a home's estate has become.
func (a *app) now(h home) refresh {
	switch {
	case h.fresh != nil:
		return h.fresh
	case h.draft != nil:
		return h.draft.now
	}
	return a.specNow
}
