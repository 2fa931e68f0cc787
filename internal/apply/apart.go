package apply

import (
	"context"
	"errors"
	"time"

	"landlord/internal/plan"
)

// Of two that wait for each other, the server ends the one whose
// deadlock_timeout is over first while both wait. It must not be a client. So a
// transaction that waits for clients' locks does it in two stages:
//
//   - While it holds nothing that clients want, no order of the queue leaves
//     anybody in a circle because of it (the server reorders a queue before it
//     ends somebody). It waits a quarter of what clients wait before the server
//     looks at them, so that whoever queues up behind it goes on in time.
//   - Once it holds a table, it may wait for a sequence of that table's, which a
//     client has that wants the table next. Then it waits a 25th of that, and
//     where landlord may set the parameter, its own look is the first.
//
// What is left is a client that has waited for another client's lock, until
// the last hundredth before its look, just when those two and landlord form
// a circle.
const (
	brief = "SELECT pg_catalog.set_config('lock_timeout', " + share + ", true)"
	// lookFirst is a superuser's to set. The share of deadlock_timeout is taken before.
	lookFirst = "SELECT CASE WHEN r.rolsuper THEN pg_catalog.set_config('deadlock_timeout', '1', true) END " +
		"FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user"
	// briefer is for what comes after a LOCK TABLE.
	briefer = "SELECT pg_catalog.set_config('lock_timeout', GREATEST(1, s.setting::pg_catalog.int4 OPERATOR(pg_catalog./) 25)::pg_catalog.text, true) " +
		"FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) 'lock_timeout'"
	share = "(SELECT GREATEST(1, s.setting::pg_catalog.int4 OPERATOR(pg_catalog./) 4)::pg_catalog.text " +
		"FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) 'deadlock_timeout')"
)

// pauses are the shortest and the longest time between two attempts, in which
// clients that have queued up go on.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = 300 * time.Millisecond
)

// apart runs a step that waits for clients' locks: briefly, and again for as
// long as a statement of landlord's may wait at all.
func (s *sessions) apart(ctx context.Context, run []plan.Step) error {
	pause := firstPause
	for start := time.Now(); ; {
		err := s.again(ctx, run)
		if failed, ok := errors.AsType[*StepError](err); !ok || !yields(failed.State) || time.Since(start) > s.lock {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// yields says that a step has let clients go first: it waited too long, or the
// server chose it to end a circle.
func yields(state string) bool { return state == "55P03" || state == "40P01" }

// again runs steps that go together, and again if another session changed the
// same row at the same time.
func (s *sessions) again(ctx context.Context, run []plan.Step) (err error) {
	for range 5 {
		if err = s.run(ctx, run); !transient(err) {
			break
		}
	}
	return err
}
