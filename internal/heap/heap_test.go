package heap

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestFit(t *testing.T) {
	percent, before := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(before)
	})
	t.Setenv("GOMEMLIMIT", "")
	t.Setenv("GOGC", "50")
	Fit(10_000)
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("GOGC is set, and the limit became %d", got)
	}
	t.Setenv("GOGC", "")
	Fit(10_000)
	const most = 200 << 20 // docs/performance.md
	if got := debug.SetMemoryLimit(-1); got != limit(10_000) || got >= most {
		t.Errorf("ten thousand tenants have %d bytes, want %d, below %d", got, limit(10_000), most)
	}
	if got := debug.SetGCPercent(100); got != lazy {
		t.Errorf("the collector's percentage is %d, want %d", got, lazy)
	}
}
