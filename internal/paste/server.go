package paste

import (
	"regexp"
	"strings"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
)

// parameter reads what SHOW prints: a name, a ruler, a value. A web page may
// have lost the ruler; then only names that are asked for count.
func (r *reader) parameter() bool {
	l := r.lines[r.at]
	if strings.ContainsAny(l.text, "| ") {
		return false
	}
	rest := r.following(3)
	ruled := len(rest) > 0 && rest[0].isDashes()
	if ruled {
		rest = rest[1:]
	}
	if len(rest) == 0 || !ruled && !shown(l.text) || !plainName.MatchString(l.text) {
		return false
	}
	if v := rest[0].text; !footerLine.MatchString(v) {
		r.value(l.n, l.text, v)
	}
	for r.at < len(r.lines) && r.lines[r.at].n <= rest[0].n {
		r.at++
	}
	r.Tables = append(r.Tables, Table{Kind: Parameters, Line: l.n, Columns: []string{strings.ToLower(l.text)}, Rows: 1})
	return true
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_.]*$`)

// isDashes is a ruler of one column, however narrow.
func (l line) isDashes() bool { return l.text != "" && strings.Trim(l.text, "-") == "" }

// following are the next lines that hold something.
func (r *reader) following(n int) []line {
	var list []line
	for _, l := range r.lines[r.at+1:] {
		if l.text != "" {
			list = append(list, l)
		}
		if len(list) == n {
			break
		}
	}
	return list
}

// shown are parameters that bear on access.
func shown(name string) bool {
	switch name {
	case "server_version", "server_version_num", "listen_addresses", "ssl", "password_encryption", "log_connections", "log_disconnections",
		"data_checksums", "archive_mode", "max_connections", "unix_socket_permissions", "row_security", "max_prepared_transactions":
		return true
	}
	return false
}

func (r *reader) parameterRow(_ Table, f fields) { r.value(f.n, f.get("name"), f.get("setting")) }

func (r *reader) value(n int, name, value string) {
	switch name {
	case "version":
		r.banner(line{n: n, text: value})
		return
	case "server_version":
		first, _, _ := strings.Cut(value, " ")
		if v, minor, ok := parseVersion(first); ok {
			r.setVersion(n, v, minor, fromServer)
		}
	}
	if r.Snapshot.Parameters == nil {
		r.Snapshot.Parameters = map[string]string{}
	}
	r.Snapshot.Parameters[name] = value
	r.at1(n, "parameter", "", name)
}

var ruleStart = regexp.MustCompile(`^(?:local|host|hostssl|hostnossl|hostgssenc|hostnogssenc)\s+\S+\s+\S+\s+\S+`)

// rules finds lines of a pg_hba.conf in the text.
func (r *reader) rules() {
	var b strings.Builder
	found := false
	for _, l := range r.lines {
		if ruleStart.MatchString(l.text) && !strings.Contains(l.text, "|") && hasMethod(l.text) {
			b.WriteString(l.text)
			found = true
		}
		b.WriteByte('\n')
	}
	if found {
		r.HBA = b.String()
	}
}

// hasMethod says whether a line names one of pg_hba.conf's methods, as prose
// that begins with "host" does not.
func hasMethod(text string) bool {
	words := strings.Fields(text)
	for _, w := range words[min(3, len(words)):] {
		switch hba.Method(w) {
		case hba.Trust, hba.Reject, hba.SCRAM, hba.MD5, hba.Password, hba.Peer, hba.Ident, hba.Cert, "gss", "ldap", "radius", "pam", "sspi", "bsd", "oauth", "krb5", "crypt":
			return true
		}
	}
	return false
}

// unread says which parts of a snapshot the text does not tell.
func (r *reader) unread() {
	told := map[snapshot.Part]bool{}
	tell := func(ok bool, parts ...snapshot.Part) {
		for _, p := range parts {
			told[p] = told[p] || ok
		}
	}
	for _, t := range r.Tables {
		switch t.Kind {
		case Roles:
			tell(true, snapshot.PartRoles, snapshot.PartValidUntil, snapshot.PartConnLimits)
			tell(t.Has("member of"), snapshot.PartMemberships)
		case Grants:
			tell(true, snapshot.PartMemberships, snapshot.PartMembershipOptions)
			tell(t.Has("grantor"), snapshot.PartGrantors)
		case Databases:
			tell(true, snapshot.PartDatabases)
			tell(t.Has("access privileges"), snapshot.PartDatabaseACLs)
		case Settings:
			tell(true, snapshot.PartSettings)
		case Verifiers:
			tell(true, snapshot.PartVerifiers)
		}
	}
	for _, p := range snapshot.ServerParts() {
		if !told[p] && !(p == snapshot.PartHBA && r.HBA != "") {
			r.Snapshot.Unread = append(r.Snapshot.Unread, snapshot.Unread{Part: p, Reason: "the text does not tell it"})
		}
	}
	r.unreadInside()
}

// unreadInside does so for each database that the text looks into; the others
// are not among the contents.
func (r *reader) unreadInside() {
	for _, c := range r.Snapshot.Contents {
		told := map[snapshot.Part]bool{}
		for _, t := range r.Tables {
			if t.Database != c.Database {
				continue
			}
			switch t.Kind {
			case Schemas:
				told[snapshot.PartSchemas] = t.Has("access privileges")
			case Privileges:
				told[snapshot.PartRelations], told[snapshot.PartColumns] = true, true
				told[snapshot.PartPolicies] = t.Has("policies")
			case Defaults:
				told[snapshot.PartDefaultACLs] = true
			case Extensions:
				told[snapshot.PartExtensions] = true
			}
		}
		for _, p := range snapshot.DatabaseParts() {
			if !told[p] {
				r.Snapshot.Unread = append(r.Snapshot.Unread, snapshot.Unread{Part: p, Database: c.Database, Reason: "the text does not tell it"})
			}
		}
	}
}
