package audit

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
)

// askedRules are about lines of pg_hba.conf by which somebody else is asked
// who the client is: a directory, RADIUS, PAM.
func askedRules() []Rule {
	needs := []snapshot.Part{snapshot.PartHBA}
	return []Rule{
		{Code: "hba-clear", Title: "Passwords cross the network in the clear (ldap, radius, pam)", Subject: HBA, Severity: High, Needs: needs,
			Why:    "By these methods the client sends the password itself, for the server to show to somebody else. Without TLS whoever listens on the way has it, and mostly it opens more than the database.",
			Fix:    "Write hostssl, and have the clients use sslmode=verify-full.",
			Breaks: "Clients that do not speak TLS; the server needs a certificate (ssl = on).", CIS: "5.8", Source: "manual, chapters 20.10 to 20.13", check: clearPasswords},
		{Code: "hba-ldap", Title: "The server asks a directory without encryption (ldap)", Subject: HBA, Severity: High, Needs: needs,
			Why:    "The server hands every password on to the LDAP server in the clear. Whoever listens between the two, or answers in the directory's place, lets in whom they like.",
			Fix:    "Add ldaptls=1, or use ldapscheme=ldaps.",
			Breaks: "Nothing, if the directory speaks TLS with a certificate that the server trusts.", Source: "manual, chapter 20.10, LDAP Authentication", check: plainLDAP},
		{Code: "hba-radius", Title: "A line goes by RADIUS", Subject: HBA, Severity: Medium, Needs: needs,
			Why:    "RADIUS hides passwords behind MD5 and one shared secret, which stands in pg_hba.conf. Somebody between the two servers can forge an answer (CVE-2024-3596), and is then let in.",
			Fix:    "Use scram-sha-256, or ldap with TLS.",
			Breaks: "People who log in with the password that RADIUS knows.", Source: "manual, chapter 20.11, RADIUS Authentication; CVE-2024-3596", check: radius},
	}
}

// clearly are the methods for which the client sends its password as it is
// (auth.c, recv_password_packet); "password" has a rule of its own.
var clearly = []hba.Method{"ldap", "radius", "pam", "bsd"}

func clearPasswords(f *facts) []Finding {
	var found []Finding
	for _, r := range f.live {
		if slices.Contains(clearly, r.Method) && r.Type != hba.HostSSL && r.Type != hba.HostGSSEnc && remote(r) {
			found = append(found, f.ruleFinding(r, fmt.Sprintf("%s takes passwords from %s without encryption, for %s.", r.Type, r.Address, r.Method), hbaFix(strings.Replace(r.Text, string(r.Type), "hostssl", 1))))
		}
	}
	return found
}

func plainLDAP(f *facts) []Finding {
	var found []Finding
	for _, r := range f.live {
		scheme, _ := r.Option("ldapscheme")
		url, _ := r.Option("ldapurl")
		tls, _ := r.Option("ldaptls")
		if r.Method != "ldap" || scheme == "ldaps" || strings.HasPrefix(url, "ldaps://") || tls == "1" {
			continue
		}
		server, _ := r.Option("ldapserver")
		found = append(found, f.ruleFinding(r, fmt.Sprintf("It asks %s without TLS.", some(slices.DeleteFunc([]string{server, url}, func(s string) bool { return s == "" }))), hbaFix(r.Text+" ldaptls=1")))
	}
	return found
}

func radius(f *facts) []Finding {
	var found []Finding
	for _, r := range f.live {
		if r.Method == "radius" {
			found = append(found, f.ruleFinding(r, fmt.Sprintf("It lets %s into %s by RADIUS.", words(r.Users, "every role"), words(r.Databases, "every database")), hbaFix(fmt.Sprintf("%-7s %-15s %-15s %-23s scram-sha-256", r.Type, texts(r.Databases), texts(r.Users), r.Address))))
		}
	}
	return found
}

// texts is a column of a rule, as it could be written.
func texts(tokens []hba.Token) string {
	var list []string
	for _, t := range tokens {
		list = append(list, t.Written())
	}
	return strings.Join(list, ",")
}
