package hba

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Attempt is somebody who wants in.
type Attempt struct {
	User     string
	Database string     // "" means the database named like the user, as in the server
	Addr     netip.Addr // the client's address; the zero value is the local socket
	TLS      bool
	GSS      bool // GSSAPI encryption

	// Replication is physical replication (replication=yes). Logical
	// replication (replication=database) is to pg_hba.conf an ordinary
	// connection.
	Replication bool
}

// String describes the attempt for a person.
func (a Attempt) String() string {
	where := "the local socket"
	if a.Addr.IsValid() {
		where = a.Addr.String()
		if a.TLS {
			where += " with TLS"
		} else if a.GSS {
			where += " with GSSAPI encryption"
		}
	}
	if a.Replication {
		return fmt.Sprintf("%q for replication from %s", a.User, where)
	}
	return fmt.Sprintf("%q to database %q from %s", a.User, a.database(), where)
}

func (a Attempt) database() string {
	if a.Database == "" {
		return a.User
	}
	return a.Database
}

// Env answers what pg_hba.conf alone cannot. A nil function or an empty list
// makes the rules that need it uncertain.
type Env struct {
	// IsMember tells whether user is a member of role, directly or through
	// others, whatever the options of the memberships (INHERIT and SET do not
	// matter here). Being a superuser counts for nothing
	// (is_member_of_role_nosuper). A role is taken as a member of itself
	// without asking.
	IsMember func(user, role string) bool

	// Interfaces are the server's own addresses with their networks, for
	// samehost and samenet.
	Interfaces []netip.Prefix

	// Resolve returns the client's host name: the reverse lookup of its
	// address, confirmed by a forward lookup; "" if there is none.
	Resolve func(client netip.Addr) (string, error)
}

// Step is one line that the server passes over, and why.
type Step struct {
	File   string
	Line   int
	Text   string
	Reason string
}

// Decision is which line decides an attempt.
type Decision struct {
	Rule   *Rule  // nil when no line matches
	Method Method // ImplicitReject when no line matches
	Passed []Step // the lines before it, and why they do not match

	// Certain is false when something could not be judged: Doubts says what.
	// The Rule is then the first that matches for certain; a doubtful line
	// before it may decide instead.
	Certain bool
	Doubts  []Step

	// Errors is what is wrong with the file. If it is not empty, the server
	// has not loaded this file: it goes by the rules that it had before (and
	// would not start with these), so that the decision is not certain.
	Errors []*Error
}

// Admits tells whether the attempt is let as far as proving who it is.
func (d Decision) Admits() bool { return d.Method.Admits() }

// String says which line decides, for a person.
func (d Decision) String() string {
	s := "no line matches: rejected"
	if d.Rule != nil {
		s = fmt.Sprintf("%s:%d: %s", d.Rule.File, d.Rule.Line, d.Rule.Text)
	}
	for _, doubt := range d.Doubts {
		s += fmt.Sprintf("; not certain: %s:%d: %s", doubt.File, doubt.Line, doubt.Reason)
	}
	if len(d.Errors) > 0 {
		s += fmt.Sprintf("; the server does not load this file (%s) and keeps the rules it had before", d.Errors[0])
	}
	return s
}

// Decide finds the line that decides an attempt: the first whose connection
// type, address, database and user all match (check_hba). That line alone
// counts; if its method fails, later lines are not tried.
func (f *File) Decide(a Attempt, env Env) Decision {
	d := Decision{Method: ImplicitReject, Errors: f.Errors}
	j := judge{env, f.patterns}
	for _, l := range f.entries(nil) {
		if l.Rule == nil {
			d.unreadable(l)
			continue
		}
		r := l.Rule
		v := j.matches(r, a)
		step := Step{File: r.File, Line: r.Line, Text: r.Text, Reason: v.reason}
		if v.answer == yes {
			d.Rule, d.Method = r, r.Method
			break
		}
		if v.answer == unknown {
			d.Doubts = append(d.Doubts, step)
		} else {
			d.Passed = append(d.Passed, step)
		}
	}
	d.Certain = len(d.Doubts) == 0 && len(d.Errors) == 0
	return d
}

// unreadable notes a line that is no rule: a mistake, which Errors has
// already, or an include that nobody could follow.
func (d *Decision) unreadable(l *Line) {
	reason := "it includes a file that was not read"
	if len(l.Errors) > 0 {
		reason = l.Errors[0].Message
	}
	d.Doubts = append(d.Doubts, Step{File: l.File, Line: l.Number, Text: strings.TrimSpace(oneLine(l.Raw)), Reason: reason})
}

type answer int

const (
	no answer = iota
	yes
	unknown
)

// verdict is an answer with its reason; yes needs none.
type verdict struct {
	answer answer
	reason string
}

func verdictOf(matches bool, format string, args ...any) verdict {
	if matches {
		return verdict{answer: yes}
	}
	return verdict{no, fmt.Sprintf(format, args...)}
}

func cannotTell(format string, args ...any) verdict {
	return verdict{unknown, fmt.Sprintf(format, args...)}
}

// judge is an Env with the compiled patterns of one file.
type judge struct {
	Env
	patterns patterns
}

// matches asks each column in turn. One that certainly does not match settles
// it, whatever is unknown about the others.
func (j judge) matches(r *Rule, a Attempt) verdict {
	result := verdict{answer: yes}
	for _, ask := range []func(*Rule, Attempt) verdict{matchType, j.matchAddress, j.matchDatabase, j.matchUser} {
		v := ask(r, a)
		if v.answer == no {
			return v
		}
		if v.answer == unknown && result.answer == yes {
			result = v
		}
	}
	return result
}

func matchType(r *Rule, a Attempt) verdict {
	tcp := a.Addr.IsValid()
	switch {
	case (r.Type == Local) == tcp:
		if tcp {
			return verdictOf(false, "type: %s is for the local socket, the connection comes over TCP", r.Type)
		}
		return verdictOf(false, "type: %s is for TCP, the connection comes over the local socket", r.Type)
	case r.Type == HostSSL && !a.TLS, r.Type == HostGSSEnc && !a.GSS:
		return verdictOf(false, "type: %s needs encryption, the connection has none of that kind", r.Type)
	case r.Type == HostNoSSL && a.TLS, r.Type == HostNoGSSEnc && a.GSS:
		return verdictOf(false, "type: %s is for connections without that encryption, this one has it", r.Type)
	}
	return verdict{answer: yes}
}

func (env Env) matchAddress(r *Rule, a Attempt) verdict {
	ip := a.Addr.Unmap()
	switch r.Address.Kind {
	case AddressNetwork:
		return verdictOf(r.Address.Contains(ip), "address: %s is not in %s", ip, r.Address)
	case AddressSameHost, AddressSameNet:
		return env.matchInterfaces(r.Address, ip)
	case AddressHost:
		return env.matchHost(r.Address.Host, ip)
	}
	return verdict{answer: yes}
}

func (env Env) matchInterfaces(address Address, ip netip.Addr) verdict {
	if len(env.Interfaces) == 0 {
		return cannotTell("address: %s depends on the server's own addresses, which are not known here", address)
	}
	found := slices.ContainsFunc(env.Interfaces, func(p netip.Prefix) bool {
		return p.Addr() == ip || address.Kind == AddressSameNet && p.Contains(ip)
	})
	return verdictOf(found, "address: %s is not the server's own (%s)", ip, address)
}

// matchHost compares host names as hostname_match does: without regard to
// case, and a leading dot means every name that ends so.
func (env Env) matchHost(pattern string, ip netip.Addr) verdict {
	if env.Resolve == nil {
		return cannotTell("address: %q is a host name, which only the server can look up", pattern)
	}
	name, err := env.Resolve(ip)
	if err != nil {
		return cannotTell("address: looking up %s for %q: %v", ip, pattern, err)
	}
	if name == "" {
		return verdictOf(false, "address: %s has no host name that leads back to it", ip)
	}
	tail := name
	if strings.HasPrefix(pattern, ".") {
		tail = name[max(len(name)-len(pattern), 0):]
	}
	return verdictOf(equalFoldASCII(pattern, tail), "address: the client's name %q does not match %q", name, pattern)
}

func equalFoldASCII(a, b string) bool {
	return len(a) == len(b) && strings.EqualFold(latin1(a), latin1(b))
}

// matchDatabase is check_db.
func (j judge) matchDatabase(r *Rule, a Attempt) verdict {
	db := a.database()
	if a.Replication {
		for _, t := range r.Databases {
			if t.Is("replication") {
				return verdict{answer: yes}
			}
		}
		return verdictOf(false, "database: only the keyword replication matches physical replication")
	}
	return anyOf(r.Databases, func(t Token) verdict {
		switch {
		case t.Is("all"):
			return verdict{answer: yes}
		case t.Is("sameuser"):
			return verdictOf(db == a.User, "database: %q is not named like the user", db)
		case t.Is("samerole"), t.Is("samegroup"):
			return j.member(a.User, db, "database")
		case t.Is("replication"):
			return verdictOf(false, "database: replication matches physical replication only")
		}
		return j.matchName(t, db, "database")
	})
}

// matchUser is check_role.
func (j judge) matchUser(r *Rule, a Attempt) verdict {
	return anyOf(r.Users, func(t Token) verdict {
		if group, ok := t.Group(); ok {
			return j.member(a.User, group, "user")
		}
		if t.Is("all") {
			return verdict{answer: yes}
		}
		return j.matchName(t, a.User, "user")
	})
}

// anyOf asks for each word of a column; the first that matches settles it.
func anyOf(tokens []Token, ask func(Token) verdict) verdict {
	var reasons []string
	doubt := verdict{}
	for _, t := range tokens {
		v := ask(t)
		if v.answer == yes {
			return v
		}
		if v.answer == unknown && doubt.answer == no {
			doubt = v
		}
		if len(reasons) < 3 { // a list of a thousand names is no explanation
			reasons = append(reasons, v.reason)
		}
	}
	if doubt.answer == unknown {
		return doubt
	}
	return verdict{no, strings.Join(reasons, "; ")}
}

func (env Env) member(user, role, column string) verdict {
	if user == role {
		return verdict{answer: yes}
	}
	if env.IsMember == nil {
		return cannotTell("%s: whether %q is a member of role %q is not known here", column, user, role)
	}
	return verdictOf(env.IsMember(user, role), "%s: %q is not a member of role %q", column, user, role)
}

func (j judge) matchName(t Token, name string, column string) verdict {
	if !t.Regex {
		return verdictOf(t.Text == name, "%s: %q is not %q", column, name, t.Text)
	}
	re := j.patterns.compile(t.Text[1:])
	if re.unknown != "" {
		return cannotTell("%s: the regular expression %s cannot be judged here: %s", column, t.Text, re.unknown)
	}
	return verdictOf(re.match(name), "%s: %q does not match %s", column, name, t.Text)
}
