package apply

import (
	"context"
	"errors"
	"time"

	"landlord/internal/plan"
)

// brief bounds how long the statements of a transaction wait for locks: a
// quarter of what the server lets clients wait before it looks for deadlocks.
// A client that waits for landlord, while landlord waits for it, is let go
// before the server ends it, also where the machine is so busy that timers are
// late: with half of it, a client was once ended.
const brief = "SELECT pg_catalog.set_config('lock_timeout', (SELECT GREATEST(1, s.setting::pg_catalog.int4 OPERATOR(pg_catalog./) 4)::pg_catalog.text " +
	"FROM pg_catalog.pg_settings AS s WHERE s.name = 'deadlock_timeout'), true)"

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
		if failed, ok := errors.AsType[*StepError](err); !ok || failed.State != "55P03" || time.Since(start) > s.lock {
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
