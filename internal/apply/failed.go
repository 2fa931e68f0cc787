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
	for _, f := range e.Failed {
		var hinted interface{ Hint() string }
		if errors.As(f.Err, &hinted) {
			if h := hinted.Hint(); h != planAgain && h != "" && !slices.Contains(hints, h) {
				hints = append(hints, h)
			}
		}
	}
	if len(hints) == 0 {
		return planAgain
	}
	return strings.Join(hints, "\n")
}

// planAgain is the advice that always holds.
const planAgain = "plan again: what was applied stays, and the next apply goes on from there"
