package audit

import (
	"fmt"
	"strings"

	"landlord/internal/hba"
)

// methodRule finds the lines with one method.
func methodRule(m hba.Method) func(*facts) []Finding {
	return func(f *facts) []Finding {
		var found []Finding
		for _, r := range f.live {
			if r.Method != m || m == hba.Trust && certain(r) {
				continue
			}
			x := f.ruleFinding(r, methodWhat(f, r), hbaFix(f.replaced(r)))
			if m == hba.Trust && r.Type == hba.Local && !mayBe(r, f.superusers()) {
				x = x.as(High)
			}
			if m == hba.MD5 && f.before(10) {
				x.Breaks = "scram-sha-256 is there from PostgreSQL 10 on: upgrade first. Until then, peer with an OS user for each application needs no password at all."
			}
			found = append(found, x)
		}
		return found
	}
}

// certain says of a line with trust that it is none: the client's certificate
// must be the role's (clientcert=verify-full is what cert does).
func certain(r *hba.Rule) bool {
	v, _ := r.Option("clientcert")
	return v == "verify-full"
}

func methodWhat(f *facts, r *hba.Rule) string {
	if r.Method == hba.MD5 && f.before(10) {
		return fmt.Sprintf("It asks for md5, the best that PostgreSQL %s has for passwords.", majorText(f.Snapshot.Version))
	}
	how := string(r.Method)
	if v, _ := r.Option("clientcert"); r.Method == hba.Trust && (v == "verify-ca" || v == "1") {
		how += ", with any certificate of the CA's, whoever's it is"
	}
	return fmt.Sprintf("It lets %s into %s by %s.", words(r.Users, "every role"), words(r.Databases, "every database"), how)
}

// replaced is the line with the best method in the place of its own.
func (f *facts) replaced(r *hba.Rule) string {
	better := "scram-sha-256"
	if f.before(10) { // it has nothing better for passwords
		better = "md5"
	}
	if f.before(10) && r.Method == hba.MD5 && r.Type == hba.Local {
		better = "peer"
	}
	if r.Type == hba.Local && r.Method == hba.Trust {
		better = "peer"
	}
	i := strings.LastIndex(r.Text, string(r.Method))
	if i < 0 {
		return r.Text
	}
	return r.Text[:i] + better + r.Text[i+len(r.Method):]
}

// words names a column of a rule for people.
func words(tokens []hba.Token, all string) string {
	var list []string
	for _, t := range tokens {
		if t.Is("all") {
			return all
		}
		list = append(list, t.Text)
	}
	return some(list)
}
