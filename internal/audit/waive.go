package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"landlord/internal/snapshot"
)

// Waiver says that somebody knows of findings, and lives with them for a
// while.
type Waiver struct {
	// Finding is a key, in which * stands for anything: "db-public-connect:*". One
	// that begins with a server's name and / counts there alone.
	Finding string    `json:"finding"`
	Reason  string    `json:"reason"`
	Until   time.Time `json:"until"` // the last day on which it counts
}

// Waived is a finding with the waiver that takes it out.
type Waived struct {
	Finding Finding `json:"finding"`
	Reason  string  `json:"reason"`
	Until   string  `json:"until"`
}

// Lapsed is a waiver that does nothing: its time is over, or it fits no
// finding.
type Lapsed struct {
	Finding string `json:"finding"`
	Why     string `json:"why"`
}

const day = "2006-01-02"

// fitsNone is why a waiver does nothing that could do something.
const fitsNone = "it fits no finding: it can go"

// waive moves the findings that are waived out of the list.
func waive(r *Report, server string, p Policy, now time.Time) {
	for _, w := range p.Waivers {
		if !now.Before(w.Until.AddDate(0, 0, 1)) {
			r.Lapsed = append(r.Lapsed, Lapsed{w.Finding, "its time was over on " + w.Until.Format(day)})
			continue
		}
		before := len(r.Findings)
		r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
			fits := w.fits(f.Key) || server != "" && w.fits(server+"/"+f.Key)
			if fits {
				r.Waived = append(r.Waived, Waived{f, w.Reason, w.Until.Format(day)})
			}
			return fits
		})
		if len(r.Findings) == before && !p.Others {
			r.Lapsed = append(r.Lapsed, Lapsed{w.Finding, fitsNone})
		}
	}
}

// fits compares a key with a waiver's pattern, in which * stands for any part,
// of an address such as ::1/128 too, and nothing else has a meaning.
func (w Waiver) fits(key string) bool {
	parts := strings.Split(w.Finding, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return key == first
	}
	if len(key) < len(first)+len(last) || !strings.HasPrefix(key, first) || !strings.HasSuffix(key, last) {
		return false
	}
	key = key[len(first) : len(key)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(key, part)
		if i < 0 {
			return false
		}
		key = key[i+len(part):]
	}
	return true
}

// Since marks what an earlier report has not, and lists what it had and is
// gone.
func (r *Report) Since(earlier Report) {
	old := map[string]bool{}
	for _, f := range earlier.Findings {
		old[f.Key] = true
	}
	for _, w := range earlier.Waived { // known then, whatever became of the waiver
		old[w.Finding.Key] = true
	}
	now := map[string]bool{}
	for i, f := range r.Findings {
		now[f.Key] = true
		r.Findings[i].New = !old[f.Key]
	}
	for _, w := range r.Waived {
		now[w.Finding.Key] = true
	}
	r.Gone = []Finding{}
	for _, f := range earlier.Findings {
		if !now[f.Key] {
			r.Gone = append(r.Gone, f)
		}
	}
}

// Output is the JSON form of one or more reports.
type Output struct {
	Format  int      `json:"format"`
	Reports []Report `json:"reports"`
	// NotJudged are the servers of which nothing is known.
	NotJudged []snapshot.Missing `json:"notJudged,omitempty"`
}

// Format is the version of the JSON form. It changes when something that is
// there already changes its meaning.
const Format = 1

// Decode reads the JSON form, of an earlier run.
func Decode(text []byte) (Output, error) {
	var o Output
	if err := json.Unmarshal(text, &o); err != nil {
		return o, fmt.Errorf("it is no result of landlord audit --output json: %w", err)
	}
	if o.Format > Format {
		return o, fmt.Errorf("it has format %d, and this landlord reads formats up to %d", o.Format, Format)
	}
	if o.Format < 1 || len(o.Reports)+len(o.NotJudged) == 0 {
		return o, fmt.Errorf("it is no result of landlord audit --output json")
	}
	return o, nil
}
