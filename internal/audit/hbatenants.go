package audit

import (
	"fmt"
	"slices"

	"landlord/internal/hba"
)

func allAll(f *facts) []Finding {
	var found []Finding
	for _, r := range f.live {
		if !hasAll(r.Databases) || !hasAll(r.Users) || !r.Method.Admits() || r.Method == hba.Peer || r.Method == hba.Cert {
			continue
		}
		x := f.ruleFinding(r, "Every role may knock at every database here.")
		for _, name := range f.admins() {
			x.Fix = append(x.Fix, hbaFix(f.narrowedTo(r, "all", ident(name))))
		}
		x.Fix = append(x.Fix, hbaFix(f.narrowed(r)))
		found = append(found, x)
	}
	return found
}

func hasAll(tokens []hba.Token) bool {
	for _, t := range tokens {
		if t.Is("all") {
			return true
		}
	}
	return false
}

// narrowed is a line of the same kind that fences each login into its own
// database: sameuser where databases are named like their logins.
func (f *facts) narrowed(r *hba.Rule) string {
	return f.narrowedTo(r, f.fence(), "all")
}

// fence is the word that keeps each login in its own database.
func (f *facts) fence() string {
	named := len(f.tenants) > 0
	for _, t := range f.tenants {
		named = named && len(t.databases) == 1 && len(t.roles) == 1 && t.databases[0] == t.roles[0]
	}
	if named {
		return "sameuser"
	}
	return "samerole"
}

func (f *facts) narrowedTo(r *hba.Rule, databases, who string) string {
	address := ""
	if r.Type != hba.Local {
		address = fmt.Sprintf("%-23s ", r.Address)
	}
	method := string(r.Method)
	if r.Method == hba.MD5 && !f.before(10) || r.Method == hba.Trust || r.Method == hba.Password {
		method = "scram-sha-256"
	}
	return fmt.Sprintf("%-7s %-15s %-15s %s%s", r.Type, databases, who, address, method)
}

func tenantElsewhere(f *facts) []Finding {
	if len(f.tenants) < 2 {
		return nil
	}
	var found []Finding
	env := f.env()
	for _, r := range f.live {
		if !r.Method.Admits() || hasAll(r.Databases) && hasAll(r.Users) { // hba-all-all says so
			continue
		}
		if who, where := f.stranger(r, env); who != "" {
			found = append(found, f.ruleFinding(r, fmt.Sprintf("It lets %s into database %s, which is not its own.", ident(who), ident(where)), hbaFix(f.narrowed(r))))
		}
	}
	return found
}

// stranger finds a tenant's login and another tenant's database that a rule
// brings together. One pair is enough; names are looked up and lists cut
// short, so that ten thousand tenants take no longer than ten.
func (f *facts) stranger(r *hba.Rule, env hba.Env) (who, where string) {
	databases := f.namedDatabases(r)
	for _, u := range f.tenantLogins(r, env) {
		for _, db := range databases {
			if !f.lives(u, db) {
				return u, db
			}
		}
	}
	return "", ""
}

// lives says whether a database is a house of the role's tenant.
func (f *facts) lives(user, database string) bool {
	return slices.Contains(f.housesOf[f.home[user]], database)
}

// tenantLogins are some of the tenants' logins that a rule is for.
func (f *facts) tenantLogins(r *hba.Rule, env hba.Env) []string {
	var list []string
	for _, t := range r.Users {
		if _, group := t.Group(); !group && f.home[t.Text] != "" && f.login(t.Text) {
			list = append(list, t.Text)
		}
	}
	for _, t := range f.tenants[:min(few, len(f.tenants))] {
		for _, name := range t.roles {
			if f.login(name) && f.isFor(r, name, env) {
				list = append(list, name)
			}
		}
	}
	return list
}

// namedDatabases are some of the tenants' databases that a rule opens.
func (f *facts) namedDatabases(r *hba.Rule) []string {
	var list []string
	for _, t := range r.Databases {
		switch {
		case t.Is("all"):
			for _, x := range f.tenants[:min(few, len(f.tenants))] {
				list = append(list, x.databases...)
			}
		case f.tenantDatabase[t.Text] && !t.Regex:
			list = append(list, t.Text)
		}
	}
	return list
}

func (f *facts) isFor(r *hba.Rule, user string, env hba.Env) bool {
	for _, t := range r.Users {
		group, isGroup := t.Group()
		if t.Is("all") || !isGroup && t.Text == user || isGroup && env.IsMember(user, group) {
			return true
		}
	}
	return false
}
