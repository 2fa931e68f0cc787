package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FailedError is what failed of a run.
type FailedError struct{ Failed []Outcome }

func (e *FailedError) Error() string {
	lines := make([]string, len(e.Failed))
	for i, f := range e.Failed {
		lines[i] = fmt.Sprintf("%s: %v", f.Group, f.Err)
		if f.Undone {
			lines[i] += "; what had been made was taken back, and nothing has changed"
		}
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each failure.
func (e *FailedError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		errs[i] = f.Err
	}
	return errs
}

// Hint says what to do about the failures: each advice once, and that which
// always holds only where there is no better.
func (e *FailedError) Hint() string {
	var hints []string
	undone := true
	for _, f := range e.Failed {
		undone = undone && f.Undone
		if h := f.hint(); h != planAgain && h != runAgain && h != "" && !slices.Contains(hints, h) {
			hints = append(hints, h)
		}
	}
	switch {
	case len(hints) > 0:
		return strings.Join(hints, "\n")
	case undone:
		return runAgain
	}
	return planAgain
}

// hint says what to do about one failure, or is "".
func (o Outcome) hint() string {
	var hinted interface{ Hint() string }
	if !errors.As(o.Err, &hinted) {
		return ""
	}
	if h := hinted.Hint(); h != planAgain || !o.Undone {
		return h
	}
	return runAgain
}

// These are the advice that always holds.
const (
	planAgain = "plan again: what was applied stays, and the next apply goes on from there"
	runAgain  = "put that right, then run it again"
)

// diskFull is what to do where PostgreSQL has no room, or will have none.
const diskFull = "the server's disk is full: make room, then run it again"

// StaysError says that what a run had made of a tenant, of whom there was nothing
// before, could not be taken back.
type StaysError struct {
	Tenant string
	// Stays are the roles, databases and schemas; none: that is not known.
	Stays []string
	Why   string
	Err   error
}

func (e *StaysError) Error() string {
	what := strings.Join(e.Stays, ", ")
	if len(e.Stays) == 0 {
		what = "whatever had been made of it"
	}
	why := e.Why
	if e.Err != nil {
		why = e.Err.Error()
	}
	return fmt.Sprintf("tenant %s could not be taken back, and %s stays: %s", e.Tenant, what, why)
}

func (e *StaysError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *StaysError) Hint() string {
	return fmt.Sprintf("landlord tenant add %s goes on from there; landlord tenant remove %[1]s takes it away", e.Tenant)
}
