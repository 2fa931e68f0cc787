package audit

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// holder is the role that is to own a database and what is in it: one that
// cannot log in, there already or not.
func (f *facts) holder(database string) string {
	for _, suffix := range []string{"_owner", "_holder"} {
		if r := f.roles[database+suffix]; r == nil || !r.Login && !r.Superuser {
			return database + suffix
		}
	}
	return database + "_holding"
}

// madeHolder makes it where it is not there.
func (f *facts) madeHolder(database string) []Fix {
	to := f.holder(database)
	if f.roles[to] != nil {
		return nil
	}
	return []Fix{sql("CREATE ROLE " + ident(to) + " NOLOGIN;")}
}

// handing gathers what hands things over to a role that cannot log in and lets
// the login that had them go on with its work.
type handing struct {
	pile
	to string
	// after are the schemas in which each login had tables, or routines (""),
	// and last what can be granted once the tables are handed over.
	after, last map[string][]string
}

func loginOwns(f *facts, h *house) []Finding {
	p := handing{to: ident(f.holder(h.name)), after: map[string][]string{}, last: map[string][]string{}}
	for _, r := range h.Relations {
		if !r.Extension && f.login(r.Owner) && f.atHome(r.Owner, h) {
			p.relation(r)
		}
	}
	for _, s := range h.Schemas {
		if !s.Extension && f.login(s.Owner) {
			p.hand(s.Owner, "schema "+ident(s.Name), "SCHEMA "+ident(s.Name), "USAGE ON SCHEMA "+ident(s.Name))
		}
	}
	for _, r := range h.Routines {
		if !r.Extension && f.login(r.Owner) && f.atHome(r.Owner, h) {
			p.hand(r.Owner, r.Signature, "ROUTINE "+r.Signature, "EXECUTE ON ROUTINE "+r.Signature)
			p.later(r.Owner, "")
		}
	}
	for _, t := range h.Types {
		if !t.Extension && f.login(t.Owner) {
			name := pgsql.Qualified(t.Schema, t.Name)
			p.hand(t.Owner, "type "+name, "TYPE "+name, "USAGE ON TYPE "+name)
		}
	}
	found := p.findings(h, "tables of", func(who, names string) string { return fmt.Sprintf("%s logs in, and owns %s.", who, names) })
	for i, who := range p.keys {
		found[i].Fix = slices.Concat(f.madeHolder(h.name), found[i].Fix, p.defaults(h.name, who))
	}
	return found
}

// atHome says whether a login may have things in a database: what is another
// customer's there is no matter of this rule.
func (f *facts) atHome(name string, h *house) bool {
	return f.home[name] == "" || f.lives(name, h.name) || !f.tenantDatabase[h.name]
}

// relation hands over a table or the like. A sequence that belongs to a column
// goes with its table.
func (p *handing) relation(r snapshot.Relation) {
	rights := "SELECT, INSERT, UPDATE, DELETE ON "
	switch {
	case r.Kind == 'S' && r.OwnedBy:
		p.last[r.Owner] = append(p.last[r.Owner], fmt.Sprintf("GRANT USAGE, SELECT ON SEQUENCE %s TO %s;", relName(r), ident(r.Owner)))
		return
	case r.Kind == 'S':
		rights = "USAGE, SELECT ON SEQUENCE "
	case r.Kind == 'm':
		rights = "SELECT ON "
	default:
		p.later(r.Owner, r.Schema)
	}
	p.hand(r.Owner, relName(r), strings.ToUpper(kindWords[r.Kind])+" "+relName(r), rights+relName(r))
}

// hand gives a thing to the new owner, and rights on it to who had it.
func (p *handing) hand(from, name, thing, rights string) {
	p.add(from, name, fmt.Sprintf("ALTER %s OWNER TO %s;", thing, p.to))
	p.sql[from] = append(p.sql[from], fmt.Sprintf("GRANT %s TO %s;", rights, ident(from)))
}

func (p *handing) later(from, schema string) {
	if !slices.Contains(p.after[from], schema) {
		p.after[from] = append(p.after[from], schema)
	}
}

// defaults grant what goes with the tables, and see to what the new owner will
// make.
func (p *handing) defaults(database, who string) []Fix {
	var fix []Fix
	for _, text := range p.last[who] {
		fix = append(fix, in(database, text))
	}
	for _, schema := range p.after[who] {
		text := "REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;"
		if schema != "" {
			text = fmt.Sprintf("IN SCHEMA %s GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %s;", ident(schema), ident(who))
		}
		fix = append(fix, in(database, "ALTER DEFAULT PRIVILEGES FOR ROLE "+p.to+" "+text))
		if schema != "" {
			fix = append(fix, in(database, fmt.Sprintf("ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA %s GRANT USAGE, SELECT ON SEQUENCES TO %s;", p.to, ident(schema), ident(who))))
		}
	}
	return fix
}
