package prove

import (
	"context"
	"fmt"
	"strings"
)

// routerLoadProbes are about what all who come through the router share, wherever
// their houses stand.
var routerLoadProbes = []Probe{
	{Name: "router-see-names", What: "guess at the names of other tenants, and of their logins", Expect: Exposed, Closes: ByDirect,
		Consequence: "PgBouncer answers otherwise where there is such a name, or such a login of it, and asks for no password first: give tenants names that tell nothing", Run: routed(routerNames)},
	{Name: "router-heavy-clients", What: "take all of the router's connections, without logging in", Expect: Exposed, Closes: ByDirect,
		Consequence: "connections that have not logged in yet count for max_clients and for no name, for up to a minute each; before PgBouncer 1.24, one name's clients that have may be as many, too: let only machines that you know reach the router's port", Run: routed(routerKnown)},
	{Name: "router-heavy-process", What: "keep the router's process busy, or fill its memory", Expect: Exposed, Closes: ByDirect,
		Consequence: "one process works for all its names, on one processor: one tenant's traffic, or knocks at the door, slow all; and with pool_mode: transaction, or by a pool, from PgBouncer 1.21 on it keeps all prepared statements that a client names, however many and long", Run: routed(routerKnown)},
	{Name: "router-heavy-lookups", What: "keep others from logging in while one server hangs", Expect: Held, Closes: ByDirect,
		Consequence: "so many names lead to one server that, while it hangs and does not even refuse, logins to it take all connections by which the router looks verifiers up: tenants of other servers then wait to log in; secrets: userlist closes it", Run: routed(routerLookups)},
}

func routerKnown(ctx context.Context, a *Attempt, _ RouterName) Result {
	return known("it would disturb the router")(ctx, a)
}

// routerNames compares what is said of a name, and a login, that are there with
// what is said of some that are not.
func routerNames(ctx context.Context, a *Attempt, n RouterName) Result {
	return a.run.memo.once("names by "+n.Conninfo, func() Result { return routerGuesses(ctx, a, n) })
}

func routerGuesses(ctx context.Context, a *Attempt, n RouterName) Result {
	all := a.run.others(n)
	if len(all) == 0 || len(all[0].Logins) == 0 {
		return notTried("there is nobody to guess at")
	}
	there, nobody := all[0], a.run.newName()
	said := map[string]bool{}
	for _, k := range []knocking{{there, nobody, account{nobody, nobody}}, {there, there.Name, account{nobody, nobody}}, {there, there.Name, account{there.Logins[0], nobody}}} {
		text, in := k.knock(ctx)
		switch {
		case in:
			return Result{Escaped, "", text}
		case !turnsAway(text):
			return notTried("an answer that says nothing: %s", text)
		}
		said[text] = true
	}
	if len(said) > 1 {
		return Result{Exposed, "", fmt.Sprintf("of a name that is not there, and of a login that is not, the router speaks otherwise than of %s and %s", there.Name, there.Logins[0])}
	}
	for text := range said {
		if strings.Contains(text, "authentication failed") { // not of something that turns everybody away
			return Result{Held, "", "it says the same of what is there and of what is not: " + text}
		}
	}
	return notTried("an answer that says nothing, whoever comes: %v", said)
}

// routerLookups looks whether the names of one server can take all connections by
// which verifiers are looked up: each wants one, and waits for it.
func routerLookups(_ context.Context, a *Attempt, n RouterName) Result {
	r := a.run.Router
	if r.Lookups == 0 {
		return Result{Held, "", "the router has a list of users, and asks no server"}
	}
	if server, names := r.crowded(n); names >= r.Lookups {
		return Result{Exposed, "", fmt.Sprintf("%d names lead to server %s, and %d connections look verifiers up", names, server, r.Lookups)}
	}
	return Result{Held, "", fmt.Sprintf("no other server has so many names that they take the %d connections by which verifiers are looked up", r.Lookups)}
}

// crowded is the server to which most names of a name's process lead, of those to
// which it does not lead itself.
func (r Router) crowded(n RouterName) (server string, names int) {
	count := map[string]int{}
	for _, x := range r.Names {
		if x.Conninfo != n.Conninfo || x.Server == n.Server {
			continue
		}
		if count[x.Server]++; count[x.Server] > names {
			server, names = x.Server, count[x.Server]
		}
	}
	return server, names
}
