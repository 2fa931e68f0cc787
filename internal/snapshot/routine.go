package snapshot

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
)

// Path is the search_path that a routine sets for itself; ok is false where it
// sets none.
func (r Routine) Path() (schemas []string, ok bool) {
	for _, c := range r.Config {
		if value, found := strings.CutPrefix(c, "search_path="); found {
			schemas, _ = pgsql.SplitIdents(value)
			return schemas, true
		}
	}
	return nil, false
}

// OpenPath says by what the caller of a SECURITY DEFINER routine can have it
// find objects of the caller's own; "" where by nothing. pg_temp comes first
// where a path does not name it (the manual, CREATE FUNCTION, "Writing SECURITY
// DEFINER Functions Safely"). Nothing is looked up in compiled code that the
// catalog could tell of.
func (r Routine) OpenPath() string {
	if !r.Definer || r.Bound || r.Language == "c" || r.Language == "internal" {
		return ""
	}
	path, pinned := r.Path()
	switch {
	case !pinned:
		return "it sets no search_path, and looks names up where its caller says"
	case len(path) > 0 && path[len(path)-1] == "pg_temp":
		return ""
	}
	return fmt.Sprintf("it sets search_path to %s, in which pg_temp is not last and so comes first", pgsql.Idents(path...))
}

// PinnedPath is the search_path that closes a routine and changes nothing for
// who calls it honestly: its own, or else its callers', with pg_temp last.
func (r Routine) PinnedPath(callers []string) []string {
	path, pinned := r.Path()
	if !pinned {
		path = callers
	}
	path = slices.DeleteFunc(slices.Clone(path), func(s string) bool { return s == "" || s == "pg_temp" })
	return append(path, "pg_temp")
}
