package router

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/isolation"
)

// Version is PgBouncer's, such as 1.18.0.
type Version [3]int

// ParseVersion reads what PgBouncer says of its version ("PgBouncer 1.18.0",
// with more behind it); ok is false where there is none.
func ParseVersion(text string) (v Version, ok bool) {
	for word := range strings.FieldsSeq(text) {
		parts := strings.SplitN(strings.TrimFunc(word, func(r rune) bool { return r < '0' || r > '9' }), ".", 4)
		if len(parts) < 2 {
			continue
		}
		for i := range min(len(parts), len(v)) {
			n, err := strconv.Atoi(strings.TrimRightFunc(parts[i], func(r rune) bool { return r < '0' || r > '9' }))
			if err != nil {
				return Version{}, false
			}
			v[i] = n
		}
		return v, true
	}
	return Version{}, false
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// Before says whether a version is older than another.
func (v Version) Before(o Version) bool { return slices.Compare(v[:], o[:]) < 0 }

// Oldest is the oldest PgBouncer that landlord configures: since 1.14 it passes
// a client's own SCRAM secret through, since 1.17 it reads what landlord writes.
var Oldest = Version{1, 17, 0}

// Setup is what of a PgBouncer's configuration bears on its known holes.
type Setup struct {
	// AuthType is the parameter; empty: PgBouncer's default.
	AuthType string
	// Secrets are how many users have a password or verifier in the list of
	// users (auth_file); Unlisted says that there is such a list, and that it was
	// not read.
	Secrets  int
	Unlisted bool
	// Shut says that the rules for clients (auth_hba_file) turn away, before they ask
	// for a password, whoever comes by a name that is not among the databases.
	Shut bool
	// Queries are those by which passwords are looked up (auth_user, auth_query): of
	// databases with one of their own, and of all others; an empty one is PgBouncer's
	// own. Everywhere says that all databases, the console among them, look passwords
	// up: auth_user stands in [pgbouncer].
	Queries    []string
	Everywhere bool
	// Startup is ignore_startup_parameters, Tracked track_extra_parameters.
	Startup, Tracked string
	// MaxPacket is max_packet_size in bytes; 0: PgBouncer's default.
	MaxPacket int64
	// Watchers are stats_users, who may look at the console.
	Watchers string
	// Servers counts the addresses to which databases lead.
	Servers int
	// Star says that any name is let through ("*" among the databases).
	Star bool
}

// looksUp says whether passwords are looked up.
func (s Setup) looksUp() bool { return len(s.Queries) > 0 }

// names says whether a list of PgBouncer's has a word.
func names(list, word string) bool {
	return slices.Contains(strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }), word)
}

// Hole is a known hole of PgBouncer's, in a configuration.
type Hole struct {
	// CVE is its number; empty: it has none.
	CVE string `json:"cve,omitempty"`
	// What it is, and Here: what comes of it in this configuration.
	What string `json:"what"`
	Here string `json:"here"`
	// Open says that nothing in the configuration closes it.
	Open bool `json:"open"`
	// Fixed is the first version without it.
	Fixed string `json:"fixed"`
	// Source is where it is published.
	Source string `json:"source"`
}

// Name is how people call it.
func (h Hole) Name() string { return cmp.Or(h.CVE, "a hole without a number") }

// Holes lists the known holes of a version in a configuration, those that are
// open first.
func Holes(v Version, s Setup) []Hole {
	var out []Hole
	for _, h := range holes {
		if v.Before(h.first) || !v.Before(h.fixed) {
			continue
		}
		x := Hole{CVE: h.cve, What: h.what, Fixed: h.fixed.String(), Source: h.source}
		x.Here, x.Open = h.here(s)
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b Hole) int {
		return cmp.Compare(map[bool]int{true: 0, false: 1}[a.Open], map[bool]int{true: 0, false: 1}[b.Open])
	})
	return out
}

// Where holes are published: PgBouncer's own list of changes, and the entries of
// the list of CVEs, whose "affected" are the versions.
const (
	changes = "https://www.pgbouncer.org/changelog.html"
	entry   = "https://www.cve.org/CVERecord?id="
)

// hole is an entry of the list: the versions from first up to fixed have it. A
// first of 0 is what the entry in the list of CVEs says ("affected: 0"), or what
// is assumed where neither source names the first.
type hole struct {
	cve, what, source string
	first, fixed      Version
	here              func(Setup) (here string, open bool)
}

var holes = []hole{
	{"CVE-2026-107350", "whoever has a password in the list of users may log in as another user, by SCRAM", // changes: 1.17.0 through 1.26.0
		changes + "#pgbouncer-126x", Version{1, 17, 0}, Version{1, 26, 1}, anotherUser},
	{"CVE-2026-6668", "a client that has not logged in brings PgBouncer to a standstill, by a packet too large to count", // entry: 0 through 1.25.2
		entry + "CVE-2026-6668", Version{}, Version{1, 26, 0},
		always("whoever reaches its port can do it, and it does not end, so that systemd does not start it again: let only those networks reach it that must (a firewall), and update")},
	{"CVE-2026-6664", "a malformed packet of a client that has not logged in ends PgBouncer", // entry: 0 before 1.25.2
		entry + "CVE-2026-6664", Version{}, Version{1, 25, 2},
		always("whoever reaches its port can end it, as often as they like: let only those networks reach it that must (a firewall; rules for clients do not help), and have systemd start it again")},
	{"CVE-2026-107349", "a client that has not logged in brings PgBouncer to a standstill, by an option without a name", // changes: 1.20.0 through 1.26.0
		changes + "#pgbouncer-126x", Version{1, 20, 0}, Version{1, 26, 1}, namelessOption},
	{"CVE-2026-107348", "a client brings PgBouncer to a standstill by a packet of more than 2 GiB, from 1.23 on before it has logged in", // entry: 1.21.0 before 1.26.1
		entry + "CVE-2026-107348", Version{1, 21, 0}, Version{1, 26, 1}, hugePacket},
	{"CVE-2025-12819", "a client that has not logged in chooses the search_path of the query that looks up passwords, and so runs code", // changes name no first; track_extra_parameters came with 1.20.0
		changes + "#pgbouncer-125x", Version{1, 20, 0}, Version{1, 25, 1}, trackedPath},
	{"CVE-2025-2291", "the query that looks up passwords does not look at VALID UNTIL: expired ones go on working", // entry: 0 before 1.24.1
		entry + "CVE-2025-2291", Version{}, Version{1, 24, 1}, expired},
	{"CVE-2026-6665", "a malicious server overflows PgBouncer's memory while it logs in there", // entry: 0 before 1.25.2
		entry + "CVE-2026-6665", Version{}, Version{1, 25, 2}, otherServers},
	{"CVE-2026-6666", "a server's error without SQLSTATE ends PgBouncer", // entry: 0 before 1.25.2
		entry + "CVE-2026-6666", Version{}, Version{1, 25, 2}, otherServers},
	{"CVE-2026-6669", "a malicious server has PgBouncer count for ever while it logs in there", // entry: 0 through 1.25.2
		entry + "CVE-2026-6669", Version{}, Version{1, 26, 0}, otherServers},
	{"CVE-2026-6667", "who may only look at the console may end clients there, too (KILL_CLIENT)", // changes: before 1.25.2; the command came with 1.24.0
		changes + "#pgbouncer-125x", Version{1, 24, 0}, Version{1, 25, 2}, watchers},
	{"", "with auth_user for all databases, whoever knocks at the console by a name that it does not know brings PgBouncer to a standstill", // changes: auth_user for all came with 1.8; 1.20.0 does not look up in the console any more (#817)
		changes + "#pgbouncer-120x", Version{1, 8, 0}, Version{1, 20, 0}, everywhere},
	{"CVE-2021-3935", "what an attacker on the way sends before TLS begins is taken for the client's, where that gives no password", // entry: before 1.16.1
		entry + "CVE-2021-3935", Version{}, Version{1, 16, 1}, noPassword},
	{"CVE-2015-6817", "who logs in as a user that is not there gets in as the one who looks up passwords", // entry: 1.6.x before 1.6.1
		entry + "CVE-2015-6817", Version{1, 6, 0}, Version{1, 6, 1}, unknownUser},
	{"CVE-2015-4054", "whoever reaches its port can end it, by a password before a startup", // entry: before 1.5.5
		entry + "CVE-2015-4054", Version{}, Version{1, 5, 5}, always("there is no setting against it: update")},
	{"CVE-2012-4575", "whoever reaches its port can end it, by a long name of a database", // changes: fixed in 1.5.3, where databases have *
		entry + "CVE-2012-4575", Version{}, Version{1, 5, 3}, longName},
}

func always(here string) func(Setup) (string, bool) {
	return func(Setup) (string, bool) { return here, true }
}

// anotherUser takes somebody with a secret in the list, and somebody else; and it
// begins by a name that is not there, which must be asked for a password.
func anotherUser(s Setup) (string, bool) {
	switch {
	case s.Shut:
		return "the rules for clients turn away whoever comes by a name that is not there, by which it begins", false
	case s.Unlisted:
		return "the list of users was not read: one of its users may become another, unless it has no passwords", true
	case s.Secrets > 1, s.Secrets == 1 && s.looksUp():
		return "one login may become another at PgBouncer: its rules for clients are all that is between; passwords that are looked up, and none in a list, close it", true
	}
	return "no password stands in the list of users by which somebody could become another", false
}

func namelessOption(s Setup) (string, bool) {
	if s.Startup != "" && !names(s.Startup, "options") {
		return "ignore_startup_parameters names parameters, and not options: name that too, or nothing", true
	}
	return "ignore_startup_parameters names options, or nothing, which closes it", false
}

func hugePacket(s Setup) (string, bool) {
	if s.MaxPacket > 1<<31 {
		return "max_packet_size allows such packets: lower it", true
	}
	return "max_packet_size allows no such packet", false
}

func trackedPath(s Setup) (string, bool) {
	if !names(s.Tracked, "search_path") {
		return "track_extra_parameters does not name search_path", false
	}
	return s.lookups(func(query string) (string, bool) {
		if query == isolation.LookupQuery {
			return "every name in landlord's query and function is qualified, and its search_path is fixed", false
		}
		return "track_extra_parameters names search_path: leave it out, unless every name, operators too, is qualified in auth_query", true
	})
}

// lookups is what comes of the queries that look passwords up: of the first that
// opens a hole, else of the last.
func (s Setup) lookups(of func(query string) (string, bool)) (here string, open bool) {
	here = "no passwords are looked up"
	for _, query := range s.Queries {
		if here, open = of(query); open {
			break
		}
	}
	return here, open
}

// ExpiryAsked says whether a query that looks passwords up has a word about
// VALID UNTIL in it: valuntil of pg_shadow, or rolvaliduntil of pg_authid.
func ExpiryAsked(query string) bool {
	query = strings.ToLower(query)
	return strings.Contains(query, "valuntil") || strings.Contains(query, "validuntil")
}

var lookupFunction = regexp.MustCompile(`(?i)\bfrom\s+([a-z0-9_."]+)\s*\(`)

// LookupFunction is the function that a query has look passwords up, as it is
// written there; empty: it calls none.
func LookupFunction(query string) string {
	if m := lookupFunction.FindStringSubmatch(query); m != nil {
		return m[1]
	}
	return ""
}

func expired(s Setup) (string, bool) {
	return s.lookups(func(query string) (string, bool) {
		switch {
		case query == isolation.LookupQuery:
			return "landlord's function tells no expired login's verifier", false
		case ExpiryAsked(query):
			return "the query looks at VALID UNTIL", false
		case LookupFunction(query) != "":
			return "a function looks passwords up: it must leave out those that have expired", true
		}
		return "give auth_query a query that leaves out those that have expired", true
	})
}

// otherServers matter where there are several: who has taken over one gets at
// what PgBouncer holds of the others.
func otherServers(s Setup) (string, bool) {
	if s.Servers > 1 {
		return "who has taken over one of the servers stops the way to all others, or worse: update, since no setting closes it", true
	}
	return "there is one server behind it: who has taken that over has everything already", false
}

func watchers(s Setup) (string, bool) {
	if s.Watchers != "" {
		return "stats_users names " + s.Watchers + ": name nobody whom you would not let end everybody's connections", true
	}
	return "stats_users names nobody", false
}

func everywhere(s Setup) (string, bool) {
	if s.Everywhere {
		return "auth_user stands in [pgbouncer]: set it for each database instead", true
	}
	return "auth_user stands in no section [pgbouncer]", false
}

func noPassword(s Setup) (string, bool) {
	switch s.AuthType {
	case "cert", "trust", "any", "hba": // by its rules, hba may be any of these
		return "with auth_type " + s.AuthType + " clients may log in without a password", true
	}
	return "clients log in by a password", false
}

func unknownUser(s Setup) (string, bool) {
	if s.looksUp() {
		return "anybody gets in", true
	}
	return "no passwords are looked up", false
}

func longName(s Setup) (string, bool) {
	if s.Star {
		return "* stands among the databases: name each", true
	}
	return "* does not stand among the databases", false
}
