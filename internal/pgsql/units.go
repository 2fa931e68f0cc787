package pgsql

import (
	"fmt"
	"time"
)

// Duration prints a time span as PostgreSQL's parameters take it, in the
// largest unit that is exact; a fraction of a millisecond is rounded up.
func Duration(d time.Duration) string {
	ms := (d + time.Millisecond - 1) / time.Millisecond
	for _, u := range []struct {
		name string
		ms   time.Duration
	}{{"d", 86_400_000}, {"h", 3_600_000}, {"min", 60_000}, {"s", 1000}} {
		if ms%u.ms == 0 && ms != 0 {
			return fmt.Sprintf("%d%s", ms/u.ms, u.name)
		}
	}
	return fmt.Sprintf("%dms", int64(ms))
}

// Size prints bytes as PostgreSQL's parameters take them, in the largest unit
// (of 1024) that is exact; a fraction of a kB is rounded up.
func Size(bytes int64) string {
	kB := (bytes + 1023) / 1024
	for _, u := range []struct {
		name string
		kB   int64
	}{{"TB", 1 << 30}, {"GB", 1 << 20}, {"MB", 1 << 10}} {
		if kB%u.kB == 0 && kB != 0 {
			return fmt.Sprintf("%d%s", kB/u.kB, u.name)
		}
	}
	return fmt.Sprintf("%dkB", kB)
}

// ParseDuration reads a text that Duration has written, into d; any other
// text leaves d alone and returns false.
func ParseDuration(text string, d *time.Duration) bool {
	n, unit := number(text)
	ms := map[string]time.Duration{"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]
	got := time.Duration(n) * ms * time.Millisecond
	if n <= 0 || ms == 0 || Duration(got) != text {
		return false
	}
	*d = got
	return true
}

// ParseSize reads a text that Size has written, into bytes; any other text
// leaves it alone and returns false.
func ParseSize(text string, bytes *int64) bool {
	n, unit := number(text)
	factor := map[string]int64{"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}[unit]
	got := n * factor
	if n <= 0 || factor == 0 || Size(got) != text {
		return false
	}
	*bytes = got
	return true
}

func number(text string) (n int64, unit string) {
	i := 0
	for i < len(text) && i < 15 && text[i] >= '0' && text[i] <= '9' {
		n = n*10 + int64(text[i]-'0')
		i++
	}
	return n, text[i:]
}
