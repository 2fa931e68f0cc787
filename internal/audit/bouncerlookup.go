package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/router"
)

// What PgBouncer asks where auth_query is not set, and what it should.
const (
	defaultQuery = "SELECT usename, passwd FROM pg_shadow WHERE usename=$1"
	rightQuery   = "SELECT rolname, CASE WHEN rolvaliduntil < pg_catalog.now() THEN NULL ELSE rolpassword END FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin AND NOT rolsuper"
)

// lookup is a query by which PgBouncer looks passwords up.
type lookup struct {
	query string // empty: the default
	place Place
	// database is the first that has this query of its own; empty for the one of
	// the section [pgbouncer].
	database string
	more     int // further databases with the same of their own
}

// lookups are those by which passwords are looked up, each once: a database may
// have one of its own (since PgBouncer 1.22).
func (b *Bouncer) lookups() []lookup {
	user, set := b.Settings["auth_user"].Value, b.Settings["auth_query"]
	section := lookup{query: set.Value, place: set.Place}
	if len(b.Databases) == 0 && user != "" {
		return []lookup{section}
	}
	var out []lookup
	for _, d := range b.Databases {
		if cmp.Or(d.Words["auth_user"], user) == "" {
			continue
		}
		l := section
		if q := d.Words["auth_query"]; q != "" && q != section.query {
			l = lookup{query: q, place: d.Place, database: d.Name}
		}
		i := slices.IndexFunc(out, func(x lookup) bool { return x.query == l.query })
		if i < 0 {
			out = append(out, l)
		} else if l.database != "" {
			out[i].more++
		}
	}
	return out
}

// queries are the lookups' texts.
func (b *Bouncer) queries() []string {
	var out []string
	for _, l := range b.lookups() {
		out = append(out, l.query)
	}
	return out
}

// bouncerAuthQuery reads the queries as text. What a function does inside, the
// rules on functions judge.
func bouncerAuthQuery(f *facts) []Finding {
	var found []Finding
	for _, l := range f.Bouncer.lookups() {
		wrong, fix := f.queryWrong(cmp.Or(l.query, defaultQuery))
		if len(wrong) == 0 {
			continue
		}
		x := f.bouncerFinding(l.name(), l.place, l.what()+strings.Join(wrong, "; ")+".", l.right())
		if len(fix) > 0 {
			x.Fix = fix
		}
		found = append(found, x)
	}
	return found
}

func (l lookup) name() string {
	if l.database != "" {
		return "auth_query of " + l.database
	}
	return "auth_query"
}

// what begins the sentence that says what is wrong.
func (l lookup) what() string {
	switch {
	case l.database != "" && l.more > 0:
		return fmt.Sprintf("The query of %s, and of %d more: ", l.database, l.more)
	case l.database != "":
		return "The query of " + l.database + " itself: "
	case l.query == "":
		return "auth_query is not set. The default: "
	}
	return "The query: "
}

// right is what is to stand instead: of a database the word in its line.
func (l lookup) right() string {
	if l.database == "" {
		return "auth_query = " + rightQuery
	}
	return l.database + " = … auth_query='" + rightQuery + "'" // in which no quote stands
}

// queryWrong says what is wrong with a query, and how to mend what is not
// PgBouncer's to mend.
func (f *facts) queryWrong(query string) (wrong []string, fix []Fix) {
	query = strings.ToLower(query)
	if function := router.LookupFunction(query); function != "" {
		if !strings.Contains(function, ".") {
			wrong = append(wrong, "the function "+function+" is not qualified with its schema")
		}
		more, fix := f.lookupWrong(function)
		return append(wrong, more...), fix
	}
	if !strings.Contains(query, "pg_catalog.pg_") {
		wrong = append(wrong, "its tables are not qualified with pg_catalog")
	}
	if !strings.Contains(query, "rolcanlogin") {
		wrong = append(wrong, "it asks not for roles that may log in")
	}
	if !router.ExpiryAsked(query) {
		wrong = append(wrong, "it does not look at VALID UNTIL")
	}
	if !strings.Contains(query, "rolsuper") && !strings.Contains(query, "usesuper") {
		wrong = append(wrong, "it gives out superusers' verifiers")
	}
	return wrong, nil
}

// lookupWrong says what is wrong with the function that looks verifiers up, in
// whichever database it was read: what it does is not in a snapshot.
func (f *facts) lookupWrong(name string) (wrong []string, fix []Fix) {
	for _, h := range f.houses {
		for _, r := range h.Routines {
			called, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(r.Signature), `"`, ""), "(")
			if called != strings.ReplaceAll(name, `"`, "") {
				continue
			}
			if public(f.routineACL(r))&pgsql.Execute != 0 {
				wrong = append(wrong, fmt.Sprintf("PUBLIC may run %s of database %s, so that every login reads everybody's verifiers", r.Signature, ident(h.name)))
				fix = append(fix, in(h.name, "REVOKE EXECUTE ON ROUTINE "+r.Signature+" FROM PUBLIC;"))
			}
			if open := r.OpenPath(); open != "" {
				wrong = append(wrong, fmt.Sprintf("%s of database %s: %s", r.Signature, ident(h.name), open))
				fix = append(fix, in(h.name, "ALTER ROUTINE "+r.Signature+" SET search_path = pg_catalog, pg_temp;"))
			}
		}
	}
	return wrong, fix
}
