package prove

import (
	"context"
	"fmt"
	"strconv"

	"landlord/internal/pgsql"
)

// pid is the number of a session's server process.
func pid(s *session) string { return strconv.FormatUint(uint64(s.conn.PID()), 10) }

func replacePID(format string, s *session) string {
	return fmt.Sprintf(format, pid(s))
}

// listen hears what the neighbour says; spoof says something in its place.
func listen(ctx context.Context, a *Attempt) Result { return overhear(ctx, a, false) }
func spoof(ctx context.Context, a *Attempt) Result  { return overhear(ctx, a, true) }

func overhear(ctx context.Context, a *Attempt, swap bool) Result {
	hears, err := a.own(ctx)
	if err != nil {
		return notTried("no session: %s", explain(err))
	}
	says, err := a.theirs(ctx)
	if err != nil {
		return notTried("%s", explain(err))
	}
	if swap {
		hears, says = says, hears
	}
	channel := pgsql.Ident(a.run.newName())
	if r := hears.run(ctx, "LISTEN "+channel); r.err != nil {
		return notTried("LISTEN: %s", r.said())
	}
	defer hears.run(ctx, "UNLISTEN "+channel)
	hears.notifications = nil
	if r := says.run(ctx, "NOTIFY "+channel+", 'landlord probe'"); r.err != nil {
		return notTried("NOTIFY: %s", r.said())
	}
	heard, err := hears.hears(ctx)
	switch {
	case err != nil:
		return notTried("listening: %s", explain(err))
	case heard:
		return Result{Exposed, "", "a notification went from one tenant's session to the other's"}
	}
	return Result{Held, "", "no notification came"}
}

// hears says whether a notification has come. The server wakes whoever listens
// before it answers NOTIFY, and who is awake is told before the next answer: so
// there is nothing to wait for.
func (s *session) hears(ctx context.Context) (bool, error) {
	r := s.run(ctx, "SELECT 1")
	return len(s.notifications) > 0, r.err
}
