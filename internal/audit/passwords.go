package audit

import (
	"fmt"

	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

func passwordRules() []Rule {
	needs := []snapshot.Part{snapshot.PartRoles, snapshot.PartVerifiers}
	const manual = "manual, chapter 20.5, Password Authentication"
	return []Rule{
		{Code: "password-is-name", Title: "The password is the role's own name", Subject: Roles, Severity: Critical, Needs: append([]snapshot.Part{snapshot.PartWeakness}, needs...),
			Why:    "It is the first that anybody tries. Whoever can reach the server is in.",
			Fix:    "Set a random one (landlord credentials makes one; \\password sets it without showing it to the log).",
			Breaks: "The program that uses it, until it has the new one.", CIS: "5.6", Source: manual, check: passwordIsName},
		{Code: "password-clear", Title: "A password is stored in the clear", Subject: Roles, Severity: High, Needs: needs,
			Why:    "Whoever sees pg_authid, a dump of the roles or a backup has this password, and may try it elsewhere too. PostgreSQL stores none so since version 10; before, it did where password_encryption was off.",
			Fix:    "Set it anew with password_encryption on.",
			Breaks: "The program that uses it, until it has the new one.", CIS: "5.6", Source: "release notes of PostgreSQL 10", check: passwordClear},
		{Code: "password-md5", Title: "A password is stored as an md5 hash", Subject: Roles, Severity: Medium, Needs: needs,
			Why:    "The hash is as good as the password: whoever sees it, in a backup for instance, can log in. It is also quick to guess.",
			Fix:    "Set password_encryption = 'scram-sha-256', then set the password anew.",
			Breaks: "Clients whose libpq is older than 10.", CIS: "5.12", Source: manual, check: passwordMD5},
		{Code: "password-iterations", Title: "A stored password is quick to guess", Subject: Roles, Severity: Low, Needs: needs,
			Why:    "Its SCRAM verifier was made with fewer rounds than PostgreSQL's default of 4096. Whoever gets hold of it tries passwords that much faster.",
			Fix:    "Reset scram_iterations, then set the password anew.",
			Breaks: "Nothing; logging in takes some milliseconds more.", Source: "manual, chapter 19.3, scram_iterations", check: iterations},
		{Code: "password-superuser", Title: "A superuser has a password", Subject: Roles, Severity: Medium, Needs: needs,
			Why:    "A password can be guessed, stolen or left in a script. Without one, the superuser is whom the operating system says, on this machine only (peer).",
			Fix:    "Take the password away, once a peer line in pg_hba.conf lets the OS user in.",
			Breaks: "Tools that connect as superuser by password.", CIS: "5.3", Source: "manual, chapter 20.9, Peer Authentication", check: superuserPassword},
		{Code: "password-none", Title: "A login has no password", Subject: Roles, Severity: Advice, Needs: needs,
			Why:    "No password line of pg_hba.conf lets it in. Either it gets in without one, or nobody uses it.",
			Fix:    "Close it, or give it a password.",
			Breaks: "What gets in by peer, cert, ldap and the like.", Source: manual, check: noPassword},
	}
}

func newPassword(name string) string { return `\password ` + name }

func passwordIsName(f *facts) []Finding {
	return f.each(func(r snapshot.Role) bool { return r.PasswordIsName && r.Login },
		func(snapshot.Role) string { return "It was tried against the stored verifier, and fits." }, newPassword)
}

func passwordClear(f *facts) []Finding {
	return f.each(func(r snapshot.Role) bool { return r.Verifier == "plain" },
		func(snapshot.Role) string { return "What is stored is the password itself." }, newPassword)
}

func passwordMD5(f *facts) []Finding {
	return f.each(func(r snapshot.Role) bool { return r.Verifier == "md5" },
		func(snapshot.Role) string { return "Its verifier begins with md5." }, newPassword)
}

func iterations(f *facts) []Finding {
	return f.each(func(r snapshot.Role) bool { return r.Iterations > 0 && r.Iterations < pgsql.ScramIterations },
		func(r snapshot.Role) string { return fmt.Sprintf("It has %d rounds.", r.Iterations) }, newPassword)
}

func superuserPassword(f *facts) []Finding {
	return f.each(func(r snapshot.Role) bool {
		return r.Superuser && r.Login && r.Verifier != "" && r.Verifier != "none"
	},
		func(r snapshot.Role) string { return "Its password is stored as " + r.Verifier + "." },
		func(name string) string {
			return "-- once a peer line of pg_hba.conf lets the OS user in: ALTER ROLE " + name + " PASSWORD NULL;"
		})
}

func noPassword(f *facts) []Finding {
	return f.each(func(r snapshot.Role) bool {
		_, marked := f.marks[r.Name]
		return r.Login && !r.Superuser && r.Verifier == "none" && !marked
	},
		func(snapshot.Role) string { return "It has none stored." },
		func(name string) string { return "ALTER ROLE " + name + " NOLOGIN;" })
}
