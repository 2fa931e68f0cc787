package converge_test

import (
	"fmt"
	"slices"
	"testing"

	"landlord"
)

// A master user takes tenants of both models away as a superuser does, and
// what they own and hold goes with them.
func TestManagedServicePrunes(t *testing.T) {
	for _, major := range managedMajors() {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			w := newManaged(t, major, 1)
			for len(w.e.Tenants) < 2 {
				w.e = w.estate(w.e.Servers[0].Connection)
			}
			w.applyWith(landlord.Options{})
			w.furnish(2)
			for len(w.e.Tenants) > 0 {
				gone := w.e.Tenants[0]
				w.e.Tenants = slices.Clone(w.e.Tenants[1:])
				w.disconnect()
				w.loses(w.planWith(landlord.Options{Prune: true}), gone)
				w.applyWith(landlord.Options{Prune: true})
				w.isGone(gone)
			}
			w.disconnect()
		})
	}
}
