// Package apply runs the steps of a plan: per database in parallel over a
// bounded number of connections, in transactions of bounded size. A step that
// fails stops its group; the others go on, and what failed is a value. Run it
// again, and it goes on from there, since it plans again.
package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"landlord/internal/connect"
	"landlord/internal/plan"
)

// Options say how to run a plan.
type Options struct {
	// Conninfo is where landlord connects.
	Conninfo string
	// Parallel is how many groups run at once; 0 means 4, since CREATE
	// DATABASE waits for the disk, and the server has other clients.
	Parallel int
	// Lock is how long a statement waits for a lock; 0 means 15 s.
	Lock time.Duration
	// Blocked is told, once a statement, who holds a lock that it waits for. It
	// may be nil, and is called from several goroutines.
	Blocked func([]Blocker)
	// Done is told of each group that has ended, failed or not. It is called
	// from one goroutine at a time.
	Done func(Outcome)
}

// Outcome is what became of one group of steps.
type Outcome struct {
	Group  string
	Tenant string
	Steps  int
	Err    error
	// Undone says that it failed and that what had been done for its tenant was
	// taken back: nothing has changed.
	Undone bool
	// Ran are the steps themselves.
	Ran []plan.Step
}

// MarshalJSON gives the error in words, with its SQLSTATE and what to do next,
// and leaves the steps out: a plan has them.
func (o Outcome) MarshalJSON() ([]byte, error) {
	out := struct {
		Group  string `json:"group"`
		Tenant string `json:"tenant,omitempty"`
		Steps  int    `json:"steps"`
		Error  string `json:"error,omitempty"`
		State  string `json:"sqlstate,omitempty"`
		Undone bool   `json:"undone,omitempty"`
		Next   string `json:"next,omitempty"`
	}{Group: o.Group, Tenant: o.Tenant, Steps: o.Steps, Undone: o.Undone}
	if o.Err != nil {
		out.Error, out.State, out.Next = o.Err.Error(), connect.State(o.Err), o.hint()
	}
	if step, ok := errors.AsType[*StepError](o.Err); ok {
		out.State = step.State
	}
	return json.Marshal(out)
}

// Result is what a run has done. A run that has failures is not an error in
// itself: everything else was applied.
type Result struct {
	Applied int       `json:"applied"` // groups
	Failed  []Outcome `json:"failed,omitempty"`
	// Open are the ways into and out of houses that stand open still, since
	// the plan does not close them.
	Open []plan.Note `json:"open,omitempty"`
}

// Err is the failures as one error, a *FailedError, or nil.
func (r Result) Err() error {
	if len(r.Failed) == 0 {
		return nil
	}
	return &FailedError{r.Failed}
}

// Run applies a plan. It returns an error only where it could not go on at
// all: the first phases failed (how, the result says), or the context ended.
func Run(ctx context.Context, p plan.Plan, o Options) (Result, error) {
	ctx = connect.Remember(ctx)
	r := &runner{Options: o, ctx: ctx}
	if r.Parallel == 0 {
		r.Parallel = 4
	}
	for _, phase := range []plan.Phase{plan.Markers, plan.Bridges, plan.Ground, plan.Shared, plan.Houses, plan.Removal} {
		if phase == plan.Ground && len(r.result.Failed) > 0 {
			return r.result, errors.New("nothing is taken away before clients have what they will live on")
		}
		if phase == plan.Houses && p.HBA != nil {
			err := WriteHBA(ctx, o.Conninfo, *p.HBA)
			r.finish(Outcome{Group: "pg_hba.conf", Steps: 1, Err: err})
		}
		if phase > plan.Shared && len(r.result.Failed) > 0 && phase == plan.Houses {
			return r.result, errors.New("no house was looked at: the server's own walls, and the databases that houses stand in, come first")
		}
		if err := r.phase(batches(p.Steps, phase)); err != nil {
			return r.result, err
		}
	}
	return r.result, nil
}

type runner struct {
	Options
	ctx    context.Context
	mu     sync.Mutex
	result Result
}

func (r *runner) finish(o Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.Err != nil {
		r.result.Failed = append(r.result.Failed, o)
	} else {
		r.result.Applied++
	}
	if r.Done != nil {
		r.Done(o)
	}
}

// phase runs batches, a bounded number at once, each worker over connections
// of its own.
func (r *runner) phase(all [][]group) error {
	work := make(chan []group)
	workers, ctx := errgroup.WithContext(r.ctx)
	for range min(r.Parallel, len(all)) {
		workers.Go(func() error {
			s := &sessions{conninfo: r.Conninfo, lock: cmp.Or(r.Lock, 15*time.Second), blocked: r.Blocked}
			defer s.close()
			for batch := range work {
				r.batch(ctx, s, batch)
			}
			return nil
		})
	}
feed:
	for _, b := range all {
		select {
		case work <- b:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	_ = workers.Wait()
	if err := r.ctx.Err(); err != nil {
		return fmt.Errorf("stopped: %w; apply again to go on from here", err)
	}
	return nil
}

// batch runs groups in one transaction; if that fails, each in one of its
// own, so that one bad group costs only itself.
func (r *runner) batch(ctx context.Context, s *sessions, groups []group) {
	if len(groups) > 1 && s.run(ctx, groups...) == nil {
		for _, g := range groups {
			r.finish(g.outcome(nil))
		}
		return
	}
	for _, g := range groups {
		r.finish(g.outcome(r.group(ctx, s, g)))
	}
}

// group runs the steps of one group, and again if another session changed the
// same row at the same time.
func (r *runner) group(ctx context.Context, s *sessions, g group) error {
	for run := range plan.Runs(g) {
		var err error
		if run[0].Apart {
			err = s.apart(ctx, run)
		} else {
			err = s.again(ctx, run)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// StepError is a statement that failed.
type StepError struct {
	Step  plan.Step
	SQL   string
	State string // SQLSTATE
	Err   error
	// Blockers held a lock that the statement waited for.
	Blockers []Blocker
}

func (e *StepError) Error() string {
	return fmt.Sprintf("%s: %s: %v", e.Step.Why, e.SQL, e.Err)
}

func (e *StepError) Unwrap() error { return e.Err }

// Hint says what to do about the failure, where the SQLSTATE tells.
func (e *StepError) Hint() string {
	switch e.State {
	case "55P03":
		return blockedHint(e.Blockers)
	case "55006":
		return "somebody uses the database (a session, a prepared transaction or a replication slot): end that, then run it again"
	case "53100":
		return diskFull
	case "XX000": // PostgreSQL 18 says so while it tidies up after a CREATE DATABASE without room
		return "that is an error within PostgreSQL, and its log says more: a full disk can look like this; then plan again"
	case "53300":
		return "the server is out of connections: raise max_connections or end sessions, then run it again"
	case "42501":
		return "landlord's role may not do this: connect as a superuser"
	case "42710", "42P04", "42P06":
		return "somebody else has made it in the meantime: plan again"
	}
	return planAgain
}

// transient says that a statement may succeed if it is just run again.
func transient(err error) bool {
	var e *StepError
	if !errors.As(err, &e) {
		return false
	}
	return e.State == "40P01" || e.State == "40001" || e.State == "XX000" && strings.Contains(e.Err.Error(), "concurrently")
}
