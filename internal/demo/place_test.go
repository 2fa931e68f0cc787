package demo

import "testing"

// Demos at the same time have each a place of their own for the server of the
// tenant that has one.
func TestPlacesAreGivenOnce(t *testing.T) {
	given := map[string]bool{}
	for range 40 {
		d := &Demo{}
		place, _, err := d.ownPlace()
		if err != nil {
			t.Fatal(err)
		}
		defer d.kept.Close()
		if given[place] {
			t.Fatalf("%s was given twice", place)
		}
		given[place] = true
	}
}
