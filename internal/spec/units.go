package spec

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// PostgreSQL keeps these parameters as 32-bit numbers of kB and of
// milliseconds, and max_connections below 2^18 (guc_tables.c).
const (
	maxSize        = math.MaxInt32 * kibi
	maxDuration    = math.MaxInt32 * time.Millisecond
	maxConnections = 1<<18 - 1
)

const kibi = 1024

type unit struct {
	name string
	size int64
}

// sizeUnits are powers of 1024 under both spellings, as PostgreSQL's own kB
// is 1024 bytes. Those that landlord writes come first, the largest first.
var sizeUnits = []unit{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"kB", 1 << 10}, {"B", 1},
	{"KiB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"TB", 1 << 40},
}

// durationUnits are PostgreSQL's, the largest first.
var durationUnits = []unit{
	{"d", int64(24 * time.Hour)}, {"h", int64(time.Hour)}, {"min", int64(time.Minute)},
	{"s", int64(time.Second)}, {"ms", int64(time.Millisecond)},
}

// ParseSize reads a size as the spec writes it, such as 64kB or 1GiB, in bytes.
// It must be a whole number of kB, in which PostgreSQL counts.
func ParseSize(s string) (int64, error) {
	n, err := quantity(s, sizeUnits, "a size such as 64kB, 500MB or 1GiB")
	switch {
	case err != nil:
		return 0, err
	case n > maxSize:
		return 0, fmt.Errorf("%s is more than PostgreSQL can count (2147483647kB)", s)
	case n%kibi != 0:
		return 0, fmt.Errorf("%s is no whole number of kB, in which PostgreSQL counts", s)
	}
	return n, nil
}

// parseDuration reads a duration such as 250ms, 30s, 5min or 1h.
func parseDuration(s string) (time.Duration, error) {
	n, err := quantity(s, durationUnits, "a duration such as 250ms, 30s, 5min, 1h or 1d")
	switch {
	case err != nil:
		return 0, err
	case time.Duration(n) > maxDuration:
		return 0, fmt.Errorf("%s is more than PostgreSQL can count (2147483647ms, about 24 days)", s)
	}
	return time.Duration(n), nil
}

// unitError is a mistake in a number with a unit, with what was meant if that
// can be guessed.
type unitError struct{ message, suggestion string }

func (e *unitError) Error() string { return e.message }

// quantity reads a whole number above zero with one of the units.
func quantity(s string, units []unit, wants string) (int64, error) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	name := strings.TrimSpace(s[digits:])
	fail := func(why, suggestion string) error {
		return &unitError{fmt.Sprintf("%q %s: wants %s", s, why, wants), suggestion}
	}
	if digits == 0 {
		return 0, fail("does not begin with a whole number", "")
	}
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	switch {
	case err != nil:
		return 0, fail("is too large", "")
	case n == 0:
		return 0, fail("sets no limit", `did you mean "none"?`)
	case name == "":
		return 0, fail("has no unit", "")
	}
	for _, u := range units {
		if u.name == name {
			if n > math.MaxInt64/u.size {
				return 0, fail("is too large", "")
			}
			return n * u.size, nil
		}
	}
	return 0, fail(fmt.Sprintf("has the unknown unit %q", name), unitMeant(s[:digits], name, units))
}

// unitMeant guesses a unit from other habits: gb for GB, m and sec as in
// other programs.
func unitMeant(digits, name string, units []unit) string {
	habits := map[string]string{"m": "min", "mins": "min", "minute": "min", "minutes": "min", "sec": "s", "secs": "s",
		"seconds": "s", "second": "s", "hour": "h", "hours": "h", "day": "d", "days": "d", "msec": "ms",
		"k": "kB", "g": "GB", "t": "TB"}
	if len(units) == len(sizeUnits) {
		habits["m"] = "MB"
	}
	meant := habits[strings.ToLower(name)]
	for _, u := range units {
		if strings.EqualFold(u.name, name) || u.name == meant {
			return fmt.Sprintf("did you mean %q?", digits+u.name)
		}
	}
	return ""
}

// formatSize writes bytes with the largest unit that keeps them whole.
func formatSize(n int64) string { return format(n, sizeUnits) }

// formatDuration writes a duration with the largest unit that keeps it whole.
func formatDuration(d time.Duration) string { return format(int64(d), durationUnits) }

func format(n int64, units []unit) string {
	for _, u := range units {
		if n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	last := units[len(units)-1]
	return strconv.FormatInt(n/last.size, 10) + last.name
}
