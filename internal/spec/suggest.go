package spec

import "fmt"

// didYouMean is the question to somebody who wrote word where one of the
// known words was expected, or "" when none is near.
func didYouMean(word string, known []string) string {
	best, distance := "", max(1, min(3, len(word)/3))+1
	for _, k := range known {
		if d := edits(word, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// edits counts the letters to insert, drop, replace or swap with a neighbour
// that turn a into b (optimal string alignment). Words too long to be a typo
// of a key are infinitely far.
func edits(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var before, last, row [longest + 1]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differs(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func differs(a, b byte) int {
	if lower(a) == lower(b) {
		return 0
	}
	return 1
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Suggest is "did you mean …?" with the known word that is nearest to one
// that somebody wrote, or "" when none is near.
func Suggest(word string, known []string) string { return didYouMean(word, known) }
