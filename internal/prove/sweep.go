package prove

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/plan"
	"landlord/internal/tenant"
)

// runApplication is the application_name of a run's own sessions: a run lives
// as long as such a session of landlord's role is there. The server ends it
// when landlord is killed, however hard.
func runApplication(id string) string { return "landlord prove " + id }

// sweep clears away what killed runs have left: their short-lived logins, each
// of which names a tenant, and the scratch objects in these tenants'
// databases. It leaves alone what belongs to a run that is alive.
func (r *run) sweep(ctx context.Context) ([]string, error) {
	alive, err := r.alive(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for other runs: %w", err)
	}
	databases := map[string][]string{}
	for _, s := range standsOf(slices.Concat(plan.Found(r.Server.Name, r.snap), r.Tenants)) {
		if !slices.Contains(databases[s.Name], s.At.Database) && there(r.snap, s.At.Database) {
			databases[s.Name] = append(databases[s.Name], s.At.Database)
		}
	}
	var swept []string
	cleared := map[[2]string]error{}
	for _, role := range r.snap.Roles {
		mark, ok := isolation.ParseMark(role.Comment)
		id, ours := runOf(role.Name)
		if !ok || mark.Role != "probe" || !ours || alive[id] {
			continue
		}
		var left []error
		for _, database := range databases[mark.Tenant] {
			at := [2]string{database, id}
			if _, done := cleared[at]; !done {
				cleared[at] = r.clearScratch(ctx, database, tenant.ProbePrefix+id+"_[0-9]+")
			}
			left = append(left, cleared[at])
		}
		if mark.Of != "" && mark.Database != "" && there(r.snap, mark.Database) {
			_ = r.poolRights(ctx, mark.Database, "REVOKE", "FROM", role.Name) // where it has none, nothing is to be taken
		}
		if err := r.sweepLogin(ctx, role.Name, errors.Join(left...)); err != nil {
			r.problem("sweeping %s, which an earlier run has left: %v", role.Name, err)
			continue
		}
		swept = append(swept, role.Name)
	}
	return swept, nil
}

// runOf reads the run's id out of a short-lived login's name.
func runOf(role string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(role, tenant.ProbePrefix)
	if !ok {
		return "", false
	}
	id, _, ok = strings.Cut(rest, "_")
	return id, ok && isID(id)
}

// isID says whether a name's part is what newID makes; it goes into a regular
// expression.
func isID(id string) bool {
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == 4
}

func (r *run) alive(ctx context.Context) (map[string]bool, error) {
	rows, err := r.ask(ctx, `SELECT DISTINCT a.application_name FROM pg_catalog.pg_stat_activity AS a
		JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
		WHERE a.application_name LIKE 'landlord prove %' AND (r.rolsuper OR a.usename = session_user)`)
	ids := map[string]bool{}
	for _, row := range rows {
		ids[strings.TrimPrefix(row[0], runApplication(""))] = true
	}
	return ids, err
}

// sweepLogin drops a login; or only closes it, where what it stands for could
// not be cleared away, so that a later run still knows.
func (r *run) sweepLogin(ctx context.Context, name string, scratch error) error {
	role := pgsql.Ident(name)
	if scratch != nil {
		return fmt.Errorf("it is closed, and its scratch table is still there: %w", both(scratch, r.atHome(ctx, "ALTER ROLE "+role+" NOLOGIN")))
	}
	_ = r.atHome(ctx, `SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity AS a WHERE a.usename = `+pgsql.Literal(name))
	return r.atHome(ctx, "DROP ROLE "+role)
}

func both(first, second error) error {
	if second != nil {
		return fmt.Errorf("%w; closing it: %w", first, second)
	}
	return first
}
