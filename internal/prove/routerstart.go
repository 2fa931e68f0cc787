package prove

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// startups are what a client may ask for as it begins, to be more than its login.
func (a *Attempt) startups() []map[string]string {
	path := "landlord_probe"
	return []map[string]string{
		{"options": "-c role=" + a.Tenant.Owner + " -c search_path=" + path}, {"role": a.Tenant.Owner}, {"search_path": path},
		{"session_authorization": a.run.superuser}, {"application_name": `"; SET ROLE ` + a.Tenant.Owner + `; '; SET search_path = ` + path + `; --\`},
	}
}

// routerStartup comes in with each of these: it is turned away, or is who it is
// without.
func routerStartup(ctx context.Context, a *Attempt, n RouterName) Result {
	said := ""
	for _, parameters := range append([]map[string]string{nil}, a.startups()...) {
		s, err := enter(ctx, routerDoor(n), a.who, n.Name, func(c *pgconn.Config) { maps.Copy(c.RuntimeParams, parameters) })
		if err != nil {
			if parameters == nil || !turnsAway(explain(err)) {
				return notTried("an answer that says nothing about the wall: %v: %s", parameters, explain(err))
			}
			continue
		}
		r := s.run(ctx, "SELECT session_user, current_user, pg_catalog.current_setting('search_path')")
		s.close()
		if r.err != nil || len(r.rows) == 0 {
			return notTried("in, and no answer: %s", r.said())
		}
		who := strings.Join(r.rows[0], " ")
		if parameters != nil && who != said {
			return Result{Escaped, "", fmt.Sprintf("with %v it is %s, and not %s", parameters, who, said)}
		}
		said = who
	}
	return Result{Held, "", "turned away, or " + said + " as without them"}
}

// routerAbsent comes by a name that is not there: it is turned away before its
// password is asked for, or after.
func routerAbsent(ctx context.Context, a *Attempt, n RouterName) Result {
	said, in := knocking{n, a.run.newName(), a.who}.knock(ctx)
	switch {
	case in:
		return Result{Escaped, "", said}
	case strings.Contains(said, "no such database"), strings.Contains(said, "does not exist"):
		return Result{Exposed, "", "its password was asked for first: " + said}
	case turnsAway(said):
		return Result{Held, "", said}
	}
	return notTried("an answer that says nothing about the wall: %s", said)
}
