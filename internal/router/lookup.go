package router

import (
	"landlord/internal/tenant"
)

// Versions of PgBouncer's since which it knows what landlord then uses.
var (
	// authDatabase: verifiers of one name are looked up by another (auth_dbname).
	authDatabase = Version{1, 19, 0}
	// clientLimits: how many clients a name may have (max_db_client_connections),
	// and limits of logins whose verifiers are looked up.
	clientLimits = Version{1, 24, 0}
)

// Lookups is how many connections a process has at most, to all servers
// together, by which it looks up verifiers.
const Lookups = 10

// askPrefix begins the names that are nobody's: by them verifiers are looked up.
// No tenant's name begins so.
const askPrefix = "landlord."

// house is a database, in which there may be many tenants.
type house struct {
	host     string
	port     int
	database string
}

func (a Alias) house() house { return house{a.Host, a.Port, a.Database} }

// asks gives each database that several of a process's names lead to one name
// more, by which the verifiers of all their logins are looked up. By each
// tenant's own name, it would be a connection for each of them. The function
// that is asked is the same, and tells nothing else.
func asks(r tenant.Router, v Version, aliases []Alias) map[house]string {
	out := map[house]string{}
	if r.Secrets != tenant.AuthQuery || v.Before(authDatabase) {
		return out
	}
	names := map[house]int{}
	for _, a := range aliases {
		names[a.house()]++
		name := askPrefix + a.Server + "." + a.Database
		if names[a.house()] == 2 && simple.MatchString(name) && len(name) <= maxWord {
			out[a.house()] = name
		}
	}
	return out
}

// mostLookups is how many connections a process may want of one server, to look
// up verifiers of names there.
func mostLookups(r tenant.Router, v Version, aliases []Alias) int {
	if r.Secrets != tenant.AuthQuery {
		return 0
	}
	together := asks(r, v, aliases)
	n := Lookups * len(together)
	for _, a := range aliases {
		if together[a.house()] == "" {
			n++
		}
	}
	return min(n, Lookups)
}
