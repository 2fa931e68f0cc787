package router

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/tenant"
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

// Hole is a known hole of PgBouncer's.
type Hole struct {
	CVE string `json:"cve"`
	// What it is, and Here: what comes of it in this configuration.
	What string `json:"what"`
	Here string `json:"here"`
	// Open says that nothing in the configuration closes it.
	Open bool `json:"open"`
	// Fixed is the first version without it.
	Fixed string `json:"fixed"`
}

// hole is an entry of the list: the versions from first up to fixed have it.
type hole struct {
	Hole
	first, fixed Version
	here         func(tenant.Router) (here string, open bool)
}

func always(here string) func(tenant.Router) (string, bool) {
	return func(tenant.Router) (string, bool) { return here, true }
}

func never(here string) func(tenant.Router) (string, bool) {
	return func(tenant.Router) (string, bool) { return here, false }
}

// holes is the list, from PgBouncer's changelog and the published entries.
func holes() []hole {
	return []hole{
		{Hole{CVE: "CVE-2026-107350", What: "whoever has a password in the list of users may log in as another user of that list, by SCRAM"},
			Version{1, 17, 0}, Version{1, 26, 1}, func(r tenant.Router) (string, bool) {
				if r.Secrets == tenant.UserList {
					return "one tenant's login may become another's at the router: the rules of hba.conf are all that is between, since each name has only its own logins; secrets: auth_query has no list, and not this hole", true
				}
				return "no password stands in the list of users (secrets: auth_query), so that nobody can use it", false
			}},
		{Hole{CVE: "CVE-2025-12819", What: "a client that has not logged in chooses the search_path of the query that looks up passwords, where that is in track_extra_parameters"},
			Version{1, 20, 0}, Version{1, 25, 1}, never("every name in landlord's query and function is qualified, and its search_path is fixed")},
		{Hole{CVE: "CVE-2025-2291", What: "VALID UNTIL is not looked at when passwords are looked up: expired ones go on working"},
			Version{1, 0, 0}, Version{1, 24, 1}, func(r tenant.Router) (string, bool) {
				if r.Secrets == tenant.UserList {
					return "with secrets: userlist, an expired password opens the router until the next landlord router apply, though not new connections to the server; secrets: auth_query has not this hole", true
				}
				return "landlord's function tells no expired login's verifier", false
			}},
		{Hole{CVE: "CVE-2026-6664", What: "a malformed packet of a client that has not logged in ends PgBouncer"},
			Version{1, 0, 0}, Version{1, 25, 2}, always("whoever reaches its port can end it, as often as they like: let only those networks reach it that must (router.clients does not help, a firewall does), and have systemd start it again")},
		{Hole{CVE: "CVE-2026-6668", What: "a client that has not logged in brings PgBouncer to a standstill, by a packet too large to count"},
			Version{1, 0, 0}, Version{1, 26, 0}, always("whoever reaches its port can do it, and it does not end, so that systemd does not start it again: let only those networks reach it that must (a firewall), and update")},
		{Hole{CVE: "CVE-2026-107349", What: "a client that has not logged in brings PgBouncer to a standstill, by an option without a name"},
			Version{1, 20, 0}, Version{1, 26, 1}, never("ignore_startup_parameters names options, which closes it")},
		{Hole{CVE: "CVE-2026-107348", What: "a client brings PgBouncer to a standstill by a packet of more than 2 GiB"},
			Version{1, 21, 0}, Version{1, 26, 1}, never("max_packet_size allows none, unless a file of your own (include) does")},
		{Hole{CVE: "CVE-2026-6669", What: "a malicious server has PgBouncer count for ever while it logs in there"},
			Version{1, 0, 0}, Version{1, 26, 0}, never("its servers are those of landlord.yaml")},
		{Hole{CVE: "CVE-2026-6665", What: "a malicious server overflows PgBouncer's memory while it logs in there"},
			Version{1, 0, 0}, Version{1, 25, 2}, never("its servers are those of landlord.yaml")},
		{Hole{CVE: "CVE-2026-6666", What: "a server's error without SQLSTATE ends PgBouncer"},
			Version{1, 0, 0}, Version{1, 25, 2}, never("its servers are those of landlord.yaml")},
		{Hole{CVE: "CVE-2026-6667", What: "who may look at the console may also end others' connections"},
			Version{1, 24, 0}, Version{1, 25, 2}, never("nobody but PgBouncer's own operating system's user may look at the console")},
		{Hole{CVE: "CVE-2021-3935", What: "what an attacker on the way sends before TLS begins is taken for the client's, where clients log in by certificate"},
			Version{1, 0, 0}, Version{1, 16, 1}, never("nobody logs in to the router by certificate")},
		{Hole{CVE: "CVE-2015-6817", What: "who logs in as a user that is not there gets in as the one who looks up passwords"},
			Version{1, 6, 0}, Version{1, 6, 1}, always("anybody gets in")},
	}
}

// Oldest is the oldest PgBouncer that landlord configures: since 1.14 it passes
// a client's own SCRAM secret through, since 1.17 it reads what landlord writes.
var Oldest = Version{1, 17, 0}

// Holes lists the known holes of a version, those that are open first.
func Holes(v Version, r tenant.Router) []Hole {
	var out []Hole
	for _, h := range holes() {
		if v.Before(h.first) || !v.Before(h.fixed) {
			continue
		}
		h.Fixed = h.fixed.String()
		h.Here, h.Open = h.here(r)
		out = append(out, h.Hole)
	}
	slices.SortStableFunc(out, func(a, b Hole) int {
		return cmp.Compare(map[bool]int{true: 0, false: 1}[a.Open], map[bool]int{true: 0, false: 1}[b.Open])
	})
	return out
}
