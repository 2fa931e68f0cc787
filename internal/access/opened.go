package access

import (
	"cmp"

	"landlord/internal/pgsql"
)

// openMore finds databases that the roles reached can let the first one into, by
// the shortest way to each.
func (w *walk) openMore() bool {
	g, doors := w.s.steps(), map[string]door{}
	open := func(db string, at node, step Step) {
		d := door{at, step, w.back[at].cost}
		if old, known := doors[db]; !known || d.before(old) {
			if _, is := w.open[db]; !is {
				doors[db] = d
			}
		}
	}
	for n, h := range w.back {
		if n.what == rights {
			for _, db := range g.owned[n.name] {
				if w.s.databases[db].AllowConn {
					open(db, n, ownerStep(n.name, db))
				}
			}
		}
		if n.what == being && w.s.roles[n.name].CreateDB {
			for _, d := range w.s.snap.Databases {
				if d.Template {
					open(d.Name, n, templateStep(n.name, d.Name))
				}
			}
		}
		if n.what == being && selfGrant(h.step.Kind, h.step.Certainty) && g.joins(w.from) {
			for name := range w.s.holding(n.name, "") {
				for _, db := range g.connect[name] {
					open(db, n, joinedStep(h.step, w.from, n.name, db))
				}
			}
		}
	}
	for db, d := range doors {
		w.open[db] = append(w.steps(d.at), d.step)
	}
	return len(doors) > 0
}

// door is how a database is opened.
type door struct {
	at   node
	step Step
	cost int
}

func (d door) before(o door) bool {
	return cmp.Or(cmp.Compare(d.cost, o.cost), cmp.Compare(d.at.what, o.at.what), cmp.Compare(d.at.name, o.at.name), cmp.Compare(d.step.Why, o.step.Why)) < 0
}

// joinedStep: what a role has granted itself, its next sessions have from the start.
func joinedStep(by Step, from, role, db string) Step {
	return Step{Kind: by.Kind, Certainty: Certain, Mend: by.Mend, Why: from + " is a member of " + role + " then, and so has CONNECT on database " + db, SQL: []string{"-- connect to " + db}}
}

func ownerStep(owner, db string) Step {
	return Step{Kind: "database-owner", Certainty: Certain, Mend: []string{"CREATE ROLE " + pgsql.Ident(db+"_owner") + " NOLOGIN", "ALTER DATABASE " + pgsql.Ident(db) + " OWNER TO " + pgsql.Ident(db+"_owner")}, Why: owner + " owns database " + db,
		SQL: []string{"GRANT CONNECT ON DATABASE " + pgsql.Ident(db) + " TO SESSION_USER", "-- connect to " + db}}
}

func templateStep(role, db string) Step {
	return Step{Kind: "template", Certainty: Certain, Mend: []string{"ALTER DATABASE " + pgsql.Ident(db) + " IS_TEMPLATE false"}, Why: role + " has CREATEDB, and " + db + " is a template",
		SQL: []string{"CREATE DATABASE landlord_path TEMPLATE " + pgsql.Ident(db), "-- connect to landlord_path"}}
}
