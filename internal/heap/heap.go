// Package heap fits Go's garbage collector to a program that reads, thinks
// and ends, over tenants whose number it knows.
package heap

import (
	"bytes"
	"os"
	"runtime/debug"
)

const (
	// base is what landlord takes without any tenant, in bytes.
	base = 32 << 20
	// perTenant is room for one tenant, in bytes: twice what a plan keeps of
	// it, roles, memberships, settings, grants and steps together.
	perTenant = 14 << 10
	// lazy is how much garbage there may be, in per cent of what is kept,
	// while there is room. It also says when the first collection is, in per cent
	// of 4 MiB: what a command about one tenant makes is below, in a spec of ten
	// thousand too.
	lazy = 800
)

// Fit lets the collector rest while there is room for that many tenants and
// as much garbage, and work as it must beyond: ten thousand tenants have
// 170 MiB. Whoever has set GOGC or GOMEMLIMIT knows better, and is obeyed. It
// holds for the whole process: call it from a program, not from a library.
func Fit(tenants int) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(limit(tenants))
	debug.SetGCPercent(lazy)
}

// FitText is Fit for the tenants of a spec that is still to be read: it has no
// more than it has lines. What is read of it is what Fit is called with then.
func FitText(text []byte) { Fit(bytes.Count(text, []byte("\n"))) }

func limit(tenants int) int64 { return base + int64(tenants)*perTenant }
