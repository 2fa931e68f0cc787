package plan

import "slices"

// link is one grant in a chain of them: what a grantor has given to a grantee
// of one object (or role) hangs on what the grantor was given of it.
type link struct{ object, grantee, grantor string }

// deepestFirst orders grants so that each comes before those that it hangs
// on: then every grantor can still take its own grants back.
func deepestFirst[T any](grants []T, of func(T) link) []T {
	given := map[[2]string][]string{} // object and grantee -> grantors
	for _, g := range grants {
		l := of(g)
		given[[2]string{l.object, l.grantee}] = append(given[[2]string{l.object, l.grantee}], l.grantor)
	}
	depth := map[[2]string]int{}
	var measure func(at [2]string) int
	measure = func(at [2]string) int {
		d, known := depth[at]
		if known {
			return d
		}
		depth[at] = 0 // a circle, which old servers' memberships may have, ends here
		for _, grantor := range given[at] {
			d = max(d, 1+measure([2]string{at[0], grantor}))
		}
		depth[at] = d
		return d
	}
	out := slices.Clone(grants)
	slices.SortStableFunc(out, func(a, b T) int {
		la, lb := of(a), of(b)
		return measure([2]string{lb.object, lb.grantor}) - measure([2]string{la.object, la.grantor})
	})
	return out
}
