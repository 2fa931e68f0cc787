package hba

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quoted puts a word between quotes as the server's messages do. What could
// disturb a terminal is shown by its bytes.
func quoted(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || r != '\t' && unicode.IsControl(r) {
			for _, c := range []byte(s[:n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return `"` + b.String() + `"`
}

func didYouMean(word string) string {
	if word == "" {
		return ""
	}
	return "did you mean " + word + "?"
}

// nearest returns the word that was probably meant, or "".
func nearest(written string, words []string) string {
	written = strings.ToLower(written)
	best, bestDistance := "", 3
	for _, w := range words {
		if d := distance(written, w); d < bestDistance && d < len(w)-1 {
			best, bestDistance = w, d
		}
	}
	for _, w := range words { // "scram"
		if best == "" && len(written) >= 4 && strings.HasPrefix(w, written) {
			best = w
		}
	}
	return best
}

// distance is the number of letters to insert, delete or replace. Words that
// differ much in length are far apart without counting.
func distance(a, b string) int {
	if len(a) > len(b)+3 || len(b) > len(a)+3 {
		return 99
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
