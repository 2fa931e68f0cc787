package audit

import (
	"fmt"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
)

const hbaManual = "manual, chapter 20.1, The pg_hba.conf File"

func hbaRules() []Rule {
	needs := []snapshot.Part{snapshot.PartHBA}
	return []Rule{
		{Code: "hba-error", Title: "pg_hba.conf has a mistake, so that none of it counts", Subject: HBA, Severity: Critical, Needs: needs,
			Why: "PostgreSQL refuses a pg_hba.conf with a mistake as a whole: it goes on with the rules that it had before, and does not start again after a stop. " +
				"So what the file says, and what you believe protects you, is not what is in force.",
			Fix: "Put the line right, look at pg_hba_file_rules (PostgreSQL 10 and newer) for what the server makes of it, then reload.", Breaks: "Nothing, until the reload; then the rules of this file come into force, all at once.",
			Source: hbaManual, check: hbaErrors},
		{Code: "hba-stale", Title: "The server goes by other rules than the file's", Subject: HBA, Severity: High, Needs: needs,
			Why:    "The file was changed after the server last read it, or the server could not read it. What you see in the file does not protect you yet.",
			Fix:    "Look at pg_hba_file_rules for errors, then reload.",
			Breaks: "Logins that only the old rules let in.", Source: hbaManual, check: hbaStale},
		{Code: "hba-trust", Title: "A line asks for no proof at all (trust)", Subject: HBA, Severity: Critical, Needs: needs,
			Why:    "Whoever can reach this line is whom they say they are, without a password. If that may be the superuser, they own every customer's data and the machine's account postgres.",
			Fix:    "Replace trust by peer (local lines of the same OS user) or scram-sha-256.",
			Breaks: "Programs that have connected without a password need one, or an OS user of the role's name.", CIS: "5.3, 5.4", Source: "manual, chapter 20.4, Trust Authentication", check: methodRule(hba.Trust)},
		{Code: "hba-password", Title: "A line has passwords sent in the clear (password)", Subject: HBA, Severity: High, Needs: needs,
			Why:    "With this method the password itself goes over the wire and through the server's memory. Whoever listens, or sits between, has it.",
			Fix:    "Replace password by scram-sha-256.",
			Breaks: "Clients whose libpq is older than 10 cannot answer scram-sha-256; passwords stored as md5 must be set anew first.", CIS: "5.3, 5.4", Source: "manual, chapter 20.5, Password Authentication", check: methodRule(hba.Password)},
		{Code: "hba-ident", Title: "A line believes what the client's machine says (ident)", Subject: HBA, Severity: High, Needs: needs,
			Why:    "Over TCP, ident asks the client's own machine who its user is. Whoever controls that machine, or its address, can answer as they like.",
			Fix:    "Replace ident by scram-sha-256, or by cert.",
			Breaks: "The programs that come this way need a password.", CIS: "5.4", Source: "manual, chapter 20.8, Ident Authentication", check: methodRule(hba.Ident)},
		{Code: "hba-md5", Title: "A line takes md5 passwords", Subject: HBA, Severity: Medium, Needs: needs,
			Why:    "An md5 hash, as the server stores it, is as good as the password: whoever sees one in a backup or a dump of roles can log in with it. MD5 itself is long broken, and PostgreSQL 18 calls it deprecated.",
			Fix:    "Set password_encryption = 'scram-sha-256', set each password anew, then replace md5 by scram-sha-256 (an md5 line takes SCRAM verifiers too, so nothing stops on the way).",
			Breaks: "Clients whose libpq is older than 10; roles whose password is still stored as md5.", CIS: "5.3, 5.4", Source: "manual, chapter 20.5, Password Authentication", check: methodRule(hba.MD5)},
		{Code: "hba-superuser-network", Title: "Superusers may connect over the network", Subject: HBA, Severity: High, Needs: append([]snapshot.Part{snapshot.PartRoles}, needs...),
			Why:    "A superuser passes every wall there is, so its password, guessed or stolen, is everybody's data. On the machine itself peer needs no password at all.",
			Fix:    "Above every other line: superusers by peer on the local socket, and reject from everywhere else.",
			Breaks: "Tools that connect as superuser over TCP: give them a role of their own with what they need.", CIS: "5.11", Source: hbaManual, check: superuserFromOutside},
		{Code: "hba-superuser-password", Title: "Superusers log in by password on the machine itself", Subject: HBA, Severity: Medium, Needs: append([]snapshot.Part{snapshot.PartRoles}, needs...),
			Why: "Every program on the machine, each customer's too, may try the superuser's password, and it has to be kept somewhere. " +
				"peer asks the kernel instead: only the OS user postgres (and root) gets in, also when a password is lost or the catalog is damaged.",
			Fix:    "Above every other line: local all postgres peer, and reject for postgres over TCP; then ALTER ROLE postgres PASSWORD NULL.",
			Breaks: "Tools and scripts that connect as postgres by password, or not as the OS user postgres.", CIS: "5.3", Source: "manual, chapter 20.9, Peer Authentication", check: superuserByPassword},
		{Code: "hba-all-all", Title: "One line opens every database to every role", Subject: HBA, Severity: Medium, Needs: needs,
			Why: "all all lets each customer's login knock at every database, so that grants inside the server are the only wall left. " +
				"pg_hba.conf can be a second wall, independent of them, in a constant number of lines.",
			Fix:    "Name who may go where: sameuser (database named like the role), samerole (member of the role named like the database), or one line for each.",
			Breaks: "Logins that go to databases which you did not think of: look at log_connections, or pg_stat_activity, first.", CIS: "5.10", Source: hbaManual, check: allAll},
		{Code: "hba-tenant-elsewhere", Title: "A line admits a customer to another's database", Subject: HBA, Severity: Medium,
			Needs:  append([]snapshot.Part{snapshot.PartRoles, snapshot.PartDatabases, snapshot.PartMemberships}, needs...),
			Why:    "The line lets a login of one customer connect to the database of another. Whether it gets in is then up to the grants alone.",
			Fix:    "Let each customer's line name its own database, or use sameuser or samerole.",
			Breaks: "Nothing, if no program uses it.", CIS: "5.10", Source: hbaManual, check: tenantElsewhere},
		{Code: "hba-wide", Title: "A line is open to a wide network", Subject: HBA, Severity: High, Needs: needs,
			Why:    "Every machine of that network may try passwords, and every hole of the server that needs no login can be reached from it. A database is for the machines of its applications.",
			Fix:    "Name the addresses of the machines that need it, and close the port in the firewall to all others.",
			Breaks: "Clients outside the networks that you name.", CIS: "5.9", Source: hbaManual, check: wideNetworks},
		{Code: "hba-plain", Title: "A line lets the network in without TLS", Subject: HBA, Severity: Medium, Needs: needs,
			Why:    "host takes connections without encryption: queries and all data that they return can be read and changed on the way. A client that merely prefers TLS falls back without a word.",
			Fix:    "Write hostssl, and have the clients use sslmode=verify-full.",
			Breaks: "Clients that do not speak TLS; the server needs a certificate (ssl = on).", CIS: "5.8", Source: "manual, chapter 18.9, Secure TCP/IP Connections with SSL", check: plainHost},
		{Code: "hba-replication", Title: "Replication is open", Subject: HBA, Severity: Medium, Needs: needs,
			Why:    "Who may replicate gets a copy of everything on the server, every customer's data and all stored passwords. The line names no particular role, or asks for too little.",
			Fix:    "Name the one role that replicates, its address, and scram-sha-256 or cert; reject all others.",
			Breaks: "Standbys and backups that use another role or address.", CIS: "7.1", Source: "manual, chapter 26.2.5.1, Authentication", check: replicationOpen},
		{Code: "hba-shadowed-reject", Title: "A reject comes too late", Subject: HBA, Severity: High, Needs: needs,
			Why:    "The first line that matches decides, and a line above this reject lets in all whom it would turn away. Whoever wrote it believes in a wall that is not there.",
			Fix:    "Move the reject above the line that shadows it.",
			Breaks: "Whoever has got in only because of the mistake.", Source: hbaManual, check: shadowed(true)},
		{Code: "hba-never-matches", Title: "A line can never match", Subject: HBA, Severity: Low, Needs: needs,
			Why:    "A line above it matches everything that it would. It does nothing now, and will surprise somebody when the other line goes.",
			Fix:    "Remove it, or move it up if it was meant to count.",
			Breaks: "Nothing, if it is removed.", Source: hbaManual, check: shadowed(false)},
		{Code: "hba-odd", Title: "A line means something else than it seems to", Subject: HBA, Severity: Low, Needs: needs,
			Why:    "The server accepts the line, and hardly anybody means what it makes of it. Rules that are read wrongly by people let in whom nobody thought of.",
			Fix:    "Write what is meant.",
			Breaks: "Whoever has got in only because of the mistake.", Source: hbaManual, check: hbaOdd},
	}
}

// line makes a finding about a line of pg_hba.conf. Its object is the line's
// text, which stays when lines above it come or go; secrets in it stay out.
func (f *facts) line(file string, n int, text, what string, fix ...Fix) Finding {
	return Finding{Object: snapshot.Object{Kind: "hba", Name: hba.Redact(strings.Join(strings.Fields(text), " "))}, Place: &Place{file, n}, What: hba.Redact(what), Fix: fix}
}

func (f *facts) ruleFinding(r *hba.Rule, what string, fix ...Fix) Finding {
	return f.line(r.File, r.Line, r.Text, what, fix...)
}

// hbaFix is a line to write in pg_hba.conf.
func hbaFix(text string) Fix { return Fix{In: "pg_hba.conf", Text: hba.Redact(text)} }

func hbaErrors(f *facts) []Finding {
	var found []Finding
	for _, e := range f.HBA.Errors {
		what := e.Message
		if e.Hint != "" {
			what += " (" + e.Hint + ")"
		}
		what += ". The server does not load this file: it keeps the rules that it had before, and with this file it would not start."
		x := f.line(e.File, e.Line, e.Text, what)
		if fixed := f.mended(e); fixed != "" {
			x.Fix = []Fix{hbaFix(fixed)}
			if f.Pasted && e.File == f.File {
				x.What += " Should only the pasted text have lost the address, there is nothing to mend here: look at the file."
			}
		}
		found = append(found, x)
	}
	if h := f.Snapshot.HBA; h != nil && len(found) == 0 {
		for _, e := range h.Errors {
			if h.Ident != nil && e.File == h.Ident.Path { // ident-error says so
				continue
			}
			found = append(found, f.line(e.File, e.Line, e.Message, "The server itself says: "+e.Message))
		}
	}
	return found
}

// mended guesses the line that was meant where an address is missing: a web
// page or an editor has lost it, and the loopback address is the safe guess.
func (f *facts) mended(e *hba.Error) string {
	words := strings.Fields(e.Text)
	if len(words) != 4 || !strings.HasPrefix(words[0], "host") {
		return ""
	}
	method := words[3]
	if method == "md5" && !f.before(10) {
		method = "scram-sha-256"
	}
	return fmt.Sprintf("%-7s %-15s %-15s %-23s %s", words[0], words[1], words[2], "127.0.0.1/32", method)
}

func hbaStale(f *facts) []Finding {
	h := f.Snapshot.HBA
	if h == nil || !h.Stale {
		return nil
	}
	return []Finding{{Object: snapshot.Object{Kind: "hba", Name: "the file"}, What: "The file was changed after the server last loaded its configuration.", Fix: []Fix{sql("SELECT pg_catalog.pg_reload_conf();")}}}
}

// few is how many tenants stand for all where a rule is for all.
const few = 20

func wideNetworks(f *facts) []Finding {
	var found []Finding
	for _, r := range f.live {
		if !r.Method.Admits() || r.Type == hba.Local {
			continue
		}
		p, ok := r.Address.Prefix()
		switch {
		case r.Address.Kind == hba.AddressAll, ok && p.Bits() == 0:
			found = append(found, f.ruleFinding(r, "It is open to the whole world.", hbaFix(strings.Replace(r.Text, r.Address.String(), "ADDRESS/32", 1))))
		case ok && p.Bits() < 16 && !p.Addr().IsPrivate() && !p.Addr().IsLoopback():
			found = append(found, f.ruleFinding(r, fmt.Sprintf("It is open to %s, a large part of the internet.", p.Masked()), hbaFix(strings.Replace(r.Text, r.Address.String(), "ADDRESS/32", 1))))
		case r.Address.Kind == hba.AddressSameNet:
			found = append(found, f.ruleFinding(r, "samenet is every network that the machine has an address in, whichever these will be tomorrow.").as(Medium))
		}
	}
	return found
}

func plainHost(f *facts) []Finding {
	var found []Finding
	for _, r := range f.live {
		plain := r.Type == hba.Host || r.Type == hba.HostNoSSL || r.Type == hba.HostNoGSSEnc
		if plain && r.Method.Admits() && remote(r) {
			found = append(found, f.ruleFinding(r, fmt.Sprintf("%s takes connections from %s without encryption.", r.Type, r.Address), hbaFix(strings.Replace(r.Text, string(r.Type), "hostssl", 1))))
		}
	}
	return found
}

func replicationOpen(f *facts) []Finding {
	var found []Finding
	for _, r := range f.live {
		named := false
		for _, t := range r.Databases {
			named = named || t.Is("replication")
		}
		if !named || !r.Method.Admits() {
			continue
		}
		weak := r.Method == hba.Trust || r.Method == hba.Ident || r.Method == hba.Password
		if !weak && (!hasAll(r.Users) || !remote(r)) {
			continue
		}
		x := f.ruleFinding(r, fmt.Sprintf("It lets %s replicate the whole server by %s.", words(r.Users, "every role with REPLICATION"), r.Method), hbaFix("hostssl replication     REPLICATOR      ADDRESS/32              scram-sha-256"))
		if weak && remote(r) {
			x = x.as(Critical)
		}
		found = append(found, x)
	}
	return found
}

func hbaOdd(f *facts) []Finding {
	var found []Finding
	for _, w := range f.HBA.Warnings {
		if strings.Contains(w.Message, "md5 is deprecated") { // hba-md5 says so
			continue
		}
		what := w.Message
		if w.Hint != "" {
			what += " (" + w.Hint + ")"
		}
		found = append(found, f.line(w.File, w.Line, w.Text, what))
	}
	return found
}
