package tenant

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// What a first look takes for free of collisions is.
func TestMayCollideMissesNone(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	name := func() string {
		return []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}[rng.IntN(12)] + []string{"", "", "x", "_b", "_b_b", "_app", "_owner", "_app_b"}[rng.IntN(8)]
	}
	free := 0
	for range 20000 {
		e := Estate{Servers: []Server{{Name: "one"}, {Name: "two"}}}
		if rng.IntN(4) == 0 {
			e.Servers[0].Operators = []string{name()}
		}
		for i := range 1 + rng.IntN(4) {
			x := Tenant{Name: fmt.Sprintf("t%d", i), Server: []string{"one", "one", "two"}[rng.IntN(3)], Isolation: []Model{Schema, Database}[rng.IntN(2)],
				Owner: name(), Logins: []Login{{Name: name(), Kind: App}}, Home: Place{Database: name(), Schemas: []string{name()}}}
			if rng.IntN(3) == 0 {
				x.Name = name()
			}
			if rng.IntN(4) == 0 {
				x.Logins = append(x.Logins, Login{Name: name(), Kind: Reader})
			}
			if rng.IntN(4) == 0 {
				x.Further = []Place{{Database: name(), Schemas: []string{name(), name()}}}
			}
			if rng.IntN(3) == 0 { // all by rule
				x.Owner, x.Logins, x.Further = DefaultOwner(x.Name), DefaultLogins(x.Name, AllRights()[rng.IntN(3)]), nil
				if x.Home.Schemas = []string{x.Name}; x.Own() {
					x.Home.Database = x.Name
				}
			}
			e.Tenants = append(e.Tenants, x)
		}
		if rng.IntN(4) > 0 {
			slices.SortFunc(e.Tenants, func(a, b Tenant) int { return strings.Compare(a.Name, b.Name) })
		}
		switch found := collisions(e); {
		case len(found) == 0:
			if !MayCollide(e) {
				free++
			}
		case !MayCollide(e):
			t.Fatalf("%+v\nhas %v", e, found)
		}
	}
	if free < 1000 {
		t.Errorf("only %d of 20,000 were seen to be free", free)
	}
}
