package cli

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"landlord"
	"landlord/internal/spec"
)

// listFlags say who of the tenants is listed, and in which order.
type listFlags struct {
	server, sort, isolation, database, match, larger string
	suspended, open, busy, byHouse                   bool
	rotating, unlimited                              bool
	top, major                                       int
	atLeast                                          int64 // bytes; what larger says
}

func (f *listFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.sort, "sort", "name", "by name, house, server, version, size, connections (now), limit (connections at most), or free (connections left)")
	flags.StringVar(&f.match, "match", "", "only those whose name fits a pattern, such as 'shop_*'")
	flags.StringVar(&f.isolation, "isolation", "", "only those of this model")
	flags.StringVar(&f.database, "database", "", "only those in this database")
	flags.IntVar(&f.major, "major", 0, "only those on a server of this major version, such as 17")
	flags.StringVar(&f.larger, "larger", "", "only those of this size or more, such as 10GiB")
	flags.BoolVar(&f.suspended, "suspended", false, "only those that are suspended")
	flags.BoolVar(&f.open, "open", false, "only those that are not suspended")
	flags.BoolVar(&f.busy, "busy", false, "only those with connections now")
	flags.BoolVar(&f.unlimited, "unlimited", false, "only those who may open any number of connections")
	flags.BoolVar(&f.rotating, "rotating", false, "only those with a rotation that is not finished")
	flags.BoolVar(&f.byHouse, "by-house", false, "a line for each database, with what its tenants have together")
	flags.IntVar(&f.top, "top", 0, "only the first so many (0: all)")
}

// check finds what cannot be asked for, and gives the order.
func (f *listFlags) check() (order func(a, b landlord.Status) int, err error) {
	order, ok := orders[f.sort]
	switch {
	case !ok:
		return nil, usageError{fmt.Errorf("--sort %s: it is one of %s", f.sort, strings.Join(slices.Sorted(maps.Keys(orders)), ", "))}
	case f.byHouse && !slices.Contains([]string{"name", "house", "size", "connections"}, f.sort):
		return nil, usageError{fmt.Errorf("--by-house --sort %s: that is of tenants, not of houses: sort by name, house, size or connections", f.sort)}
	case f.top < 0:
		return nil, usageError{fmt.Errorf("--top %d: it is how many are shown", f.top)}
	case f.suspended && f.open:
		return nil, usageError{fmt.Errorf("--suspended and --open: nobody is both")}
	}
	if _, err := path.Match(f.match, ""); err != nil {
		return nil, usageError{fmt.Errorf("--match %s: %w", f.match, err)}
	}
	if f.larger != "" {
		if f.atLeast, err = spec.ParseSize(f.larger); err != nil {
			return nil, usageError{fmt.Errorf("--larger %s: %w", f.larger, err)}
		}
	}
	return order, nil
}

// has says whether a tenant is among those asked for.
func (f listFlags) has(s landlord.Status) bool {
	named, _ := path.Match(f.match, s.Name)
	return (f.match == "" || named) && (f.isolation == "" || string(s.Isolation) == f.isolation) && (f.database == "" || s.In(f.database)) &&
		(f.major == 0 || major(s) == f.major) && (f.larger == "" || s.Bytes >= f.atLeast) &&
		(!f.suspended || s.Suspended) && (!f.open || !s.Suspended && !s.Down()) && (!f.busy || s.Sessions > 0) &&
		(!f.unlimited || s.Unlimited()) && (!f.rotating || s.Rotating())
}

// first is how many of n are shown.
func (f listFlags) first(n int) int {
	if f.top > 0 {
		return min(f.top, n)
	}
	return n
}

// orders sort a list; what is largest comes first.
var orders = map[string]func(a, b landlord.Status) int{
	"name":        func(a, b landlord.Status) int { return strings.Compare(a.Name, b.Name) },
	"house":       func(a, b landlord.Status) int { return strings.Compare(a.Database, b.Database) },
	"server":      func(a, b landlord.Status) int { return strings.Compare(a.Server, b.Server) },
	"version":     func(a, b landlord.Status) int { return cmp.Compare(major(a), major(b)) }, // the oldest first
	"limit":       func(a, b landlord.Status) int { return cmp.Compare(limit(b), limit(a)) },
	"size":        func(a, b landlord.Status) int { return cmp.Compare(b.Bytes, a.Bytes) },
	"connections": func(a, b landlord.Status) int { return cmp.Compare(b.Sessions, a.Sessions) },
	"free":        func(a, b landlord.Status) int { return cmp.Compare(free(a), free(b)) },
}

// major is the major version of a tenant's server; 0: not known.
func major(s landlord.Status) int {
	digits, _, _ := strings.Cut(s.Version, ".")
	n, _ := strconv.Atoi(digits)
	return n
}

// free is how many more connections a tenant may open.
func free(s landlord.Status) int {
	return limit(s) - s.Sessions
}

// limit is how many connections a tenant may have.
func limit(s landlord.Status) int {
	if s.Unlimited() {
		return 1 << 30
	}
	return s.MaxSessions
}
