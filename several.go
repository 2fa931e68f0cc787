package landlord

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"landlord/internal/audit"
	"landlord/internal/cluster/host"
	"landlord/internal/report"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// serversAtOnce is how many servers are read at the same time. Each is read over
// a few connections of its own.
const serversAtOnce = 4

// Snapshots reads several servers. One that cannot be read, and one that is
// stopped while its tenant is suspended, is among the missing, with the reason,
// and hinders none of the others. now is the time that a snapshot bears; done
// is told of each server that was looked at, from several goroutines. The error is
// the context's own.
func Snapshots(ctx context.Context, list []tenant.Server, o SnapshotOptions, now func() time.Time, done func(name string, err error)) (snapshot.Set, error) {
	snaps, errs := make([]snapshot.Snapshot, len(list)), make([]error, len(list))
	var group errgroup.Group
	group.SetLimit(serversAtOnce)
	for i, s := range list {
		if Asleep(s) {
			errs[i] = ErrAsleep
			continue
		}
		group.Go(func() error {
			of := o
			of.Conninfo = s.Connection
			taken := now()
			snaps[i], errs[i] = Snapshot(ctx, of)
			snaps[i].Taken = taken
			done(s.Name, errs[i])
			return nil
		})
	}
	_ = group.Wait()
	set := snapshot.Set{Format: snapshot.SetFormat}
	for i, s := range list {
		if errs[i] != nil {
			set.Missing = append(set.Missing, snapshot.Missing{Name: s.Name, Reason: errs[i].Error(), Stopped: errors.Is(errs[i], ErrAsleep)})
			continue
		}
		set.Servers = append(set.Servers, snapshot.Named{Name: s.Name, Snapshot: snaps[i]})
	}
	return set, ctx.Err()
}

// ErrAsleep is why nothing is read of a server that is asleep.
var ErrAsleep = errors.New("it is stopped while its tenant is suspended")

// Asleep says that a tenant's own server does not run, and is not to, since the
// tenant is suspended.
func Asleep(s tenant.Server) bool { return s.Own != nil && s.Own.Stopped && !host.Listens(*s.Own) }

// AuditSet is what AuditAll judges of several servers' snapshots: each by what the
// spec says of the server of its name, where there is one.
func AuditSet(set snapshot.Set, e tenant.Estate) []audit.Input {
	others := slices.ContainsFunc(e.Servers, func(s tenant.Server) bool {
		return !slices.ContainsFunc(set.Servers, func(n snapshot.Named) bool { return n.Name == s.Name }) &&
			!slices.ContainsFunc(set.Missing, func(m snapshot.Missing) bool { return m.Name == s.Name })
	})
	var list []audit.Input
	for _, n := range set.Servers {
		in := AuditSnapshot(n.Name, n.Snapshot, e, n.Name)
		in.Policy.Others = others
		list = append(list, in)
	}
	return list
}

// AuditAll judges several servers, of which some may be missing. The time is the
// caller's to set in each.
func AuditAll(list []audit.Input, missing []snapshot.Missing) audit.Output {
	return audit.JudgeAll(list, missing)
}

// ReportAll is what the page about several servers shows.
func ReportAll(list []audit.Input, missing []snapshot.Missing) report.Model {
	o := audit.JudgeAll(list, missing)
	models := make([]report.Model, len(list))
	for i, in := range list {
		models[i] = model(in, o.Reports[i])
	}
	if len(models) == 1 && len(missing) == 0 {
		return models[0]
	}
	return report.Merge(models, missing)
}

// waivers are those that may count on a server: all that name no other.
func waivers(e tenant.Estate, server string) []audit.Waiver {
	var out []audit.Waiver
	for _, w := range e.Audit.Waivers {
		other := slices.ContainsFunc(e.Servers, func(s tenant.Server) bool {
			return s.Name != server && strings.HasPrefix(w.Finding, s.Name+"/")
		})
		if !other {
			out = append(out, audit.Waiver{Finding: w.Finding, Reason: w.Reason, Until: w.Until})
		}
	}
	return out
}
