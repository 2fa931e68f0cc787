package audit

import (
	"fmt"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
)

func (f *facts) superusers() []string {
	var names []string
	for _, r := range f.Snapshot.Roles {
		if r.Superuser && r.Login {
			names = append(names, r.Name)
		}
	}
	return names
}

// mayBe says whether a rule may be for one of the roles, as far as names go.
func mayBe(r *hba.Rule, roles []string) bool {
	for _, t := range r.Users {
		_, group := t.Group()
		if t.Is("all") || group || t.Regex {
			return true
		}
		for _, name := range roles {
			if t.Text == name {
				return true
			}
		}
	}
	return false
}

// remote says whether a rule is for more than the machine itself.
func remote(r *hba.Rule) bool {
	if r.Type == hba.Local || r.Address.Kind == hba.AddressSameHost {
		return false
	}
	p, ok := r.Address.Prefix()
	return !ok || !p.Addr().IsLoopback() || p.Bits() < 8
}

// env answers memberships for rules with +group and samerole.
func (f *facts) env() hba.Env {
	return hba.Env{IsMember: func(user, role string) bool {
		for _, up := range f.reach(user, func(snapshot.Membership) bool { return true }) {
			if up == role {
				return true
			}
		}
		return false
	}}
}

func superuserFromOutside(f *facts) []Finding {
	return f.superuserLines(func(r *hba.Rule) bool { return remote(r) }, "from the network (%s)")
}

func superuserByPassword(f *facts) []Finding {
	return f.superuserLines(func(r *hba.Rule) bool {
		return !remote(r) && (r.Method == hba.MD5 || r.Method == hba.SCRAM || r.Method == hba.Password)
	}, "on the machine itself, by %s")
}

// superuserLines finds the lines by which a superuser gets in, where no line
// above has decided about it already.
func (f *facts) superuserLines(is func(*hba.Rule) bool, where string) []Finding {
	var found []Finding
	supers := f.superusers()
	above := newShadows(f.HBA)
	for _, r := range f.live {
		var who []string
		if r.Method.Admits() && is(r) && mayBe(r, supers) {
			who = f.superusersBy(r, supers, above)
		}
		above.add(r)
		if len(who) == 0 {
			continue
		}
		how := string(r.Method)
		if remote(r) {
			how = r.Address.String()
		}
		list := strings.Join(who, ",")
		found = append(found, f.ruleFinding(r, fmt.Sprintf("It lets superuser %s in "+where+".", some(who), how),
			hbaFix(fmt.Sprintf("local   all,replication  %-20s                  peer", list)), hbaFix(fmt.Sprintf("host    all,replication  %-20s all              reject", list))))
	}
	return found
}

// superusersBy are the superusers whom a rule is for and whom none above it
// has decided about.
func (f *facts) superusersBy(r *hba.Rule, supers []string, above *shadows) []string {
	var who []string
	env := f.env()
	for _, name := range supers {
		one := *r
		one.Users = []hba.Token{{Text: name}}
		if f.isFor(r, name, env) && above.covering(&one) == nil {
			who = append(who, ident(name))
		}
	}
	return who
}
