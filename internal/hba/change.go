package hba

import (
	"fmt"
	"slices"
)

// Keep is an attempt that must not be lost by a change.
type Keep struct {
	Label   string // who it is, for the message
	Attempt Attempt

	// Must says that it has to get in even if it could not before.
	Must bool

	// Methods are those that this client can satisfy: a program without a
	// password cannot use scram-sha-256. Empty means any.
	Methods []Method

	// OSUser is the operating system's user behind the attempt, for peer
	// without a map. Empty means the user of the same name.
	OSUser string
}

// Lockout is an attempt that a change would shut out.
type Lockout struct {
	Keep          Keep
	Before, After Decision
	Reason        string
}

func (l Lockout) String() string {
	return fmt.Sprintf("%s (%s) would be locked out: %s", l.Keep.Label, l.Keep.Attempt, l.Reason)
}

// CheckChange returns those of the attempts that got in before, or must get
// in, and after the change could not, or not for certain. A nil before stands
// for a server that let nobody in.
func CheckChange(before, after *File, keep []Keep, env Env) []Lockout {
	var lockouts []Lockout
	for _, k := range keep {
		l := Lockout{Keep: k}
		wanted := k.Must
		if before != nil {
			l.Before = before.Decide(k.Attempt, env)
			wanted = wanted || k.mayPass(l.Before)
		}
		if !wanted {
			continue
		}
		l.After = after.Decide(k.Attempt, env)
		if l.Reason = k.refusal(l.After); l.Reason != "" {
			lockouts = append(lockouts, l)
		}
	}
	return lockouts
}

// mayPass tells whether the attempt got in, giving it the benefit of doubt.
func (k Keep) mayPass(d Decision) bool {
	return len(d.Doubts) > 0 || k.refusalBy(d) == ""
}

// refusal says why the attempt does not certainly get in, or "".
func (k Keep) refusal(d Decision) string {
	if len(d.Errors) > 0 {
		return fmt.Sprintf("the server would not load the file: %s", d.Errors[0])
	}
	if len(d.Doubts) > 0 {
		doubt := d.Doubts[0]
		return fmt.Sprintf("line %d cannot be judged (%s)", doubt.Line, doubt.Reason)
	}
	return k.refusalBy(d)
}

func (k Keep) refusalBy(d Decision) string {
	switch {
	case d.Rule == nil:
		return "no line matches"
	case !d.Admits():
		return fmt.Sprintf("line %d rejects it: %s", d.Rule.Line, d.Rule.Text)
	case len(k.Methods) > 0 && !slices.Contains(k.Methods, d.Method):
		return fmt.Sprintf("line %d asks for %s, which it cannot answer: %s", d.Rule.Line, d.Method, d.Rule.Text)
	}
	if _, mapped := d.Rule.Option("map"); d.Method == Peer && !mapped && k.OSUser != "" && k.OSUser != k.Attempt.User {
		return fmt.Sprintf("line %d lets in the operating system's user %q only: %s", d.Rule.Line, k.Attempt.User, d.Rule.Text)
	}
	return ""
}

// Danger is a rule above landlord's block that opens a door to tenants which
// the block means to keep shut.
type Danger struct {
	File string
	Line int
	Text string
	Why  []string
}

// Before returns the rules above landlord's block (all rules, if there is
// none) that admit a tenant by a weaker method than landlord's, or to a
// database that may not be its own. The tenants are the members of group;
// isTenant tells which roles are (nil: no role is known to be one, so that
// rules which name a single role are passed over).
func (f *File) Before(group string, isTenant func(role string) bool) []Danger {
	var dangers []Danger
	for _, l := range f.above() {
		d := Danger{File: l.File, Line: l.Number}
		if l.Rule == nil {
			d.Text, d.Why = oneLine(l.Raw), []string{"what it says is not known: it is wrong, or includes a file that was not read"}
			dangers = append(dangers, d)
			continue
		}
		r := l.Rule
		who := admitted(r.Users, group, isTenant)
		if who == "" || !r.Method.Admits() {
			continue
		}
		d.Text = r.Text
		d.Why = slices.Concat(weakness(r), openDatabases(r))
		if len(d.Why) > 0 {
			d.Why = append(d.Why, who)
			dangers = append(dangers, d)
		}
	}
	return dangers
}

// above returns what stands before the block, includes flattened.
func (f *File) above() []*Line {
	head := &File{Name: f.Name}
	for _, l := range f.Lines {
		if looksLike(l.Raw) == begin {
			break
		}
		head.Lines = append(head.Lines, l)
	}
	return head.entries(nil)
}

// admitted says why a user column may match a tenant, or "".
func admitted(users []Token, group string, isTenant func(string) bool) string {
	for _, t := range users {
		role, isGroup := t.Group()
		switch {
		case t.Is("all"):
			return "it is for every user"
		case isGroup && role == group:
			return "it is for every tenant"
		case isGroup:
			return fmt.Sprintf("it is for the members of %q, which tenants may be", role)
		case t.Regex:
			return fmt.Sprintf("the regular expression %s may match a tenant", t.Text)
		case isTenant != nil && isTenant(t.Text):
			return fmt.Sprintf("%q is a tenant's", t.Text)
		}
	}
	return ""
}

func weakness(r *Rule) []string {
	var why []string
	switch r.Method {
	case Trust:
		why = append(why, "trust: it asks for no proof at all")
	case Password:
		why = append(why, "password: the password travels in the clear")
	case MD5:
		why = append(why, "md5: whoever holds the stored hash can log in")
	case Ident:
		why = append(why, "ident: it believes what the client's machine says")
	}
	plain := r.Type == Host || r.Type == HostNoSSL || r.Type == HostNoGSSEnc
	p, ok := r.Address.Prefix()
	if plain && (!ok || !isLoopback(p)) && r.Address.Kind != AddressSameHost {
		why = append(why, fmt.Sprintf("%s: the connection need not be encrypted", r.Type))
	}
	return why
}

func openDatabases(r *Rule) []string {
	var why []string
	for _, t := range r.Databases {
		switch {
		case t.Is("samerole"), t.Is("samegroup"), t.Is("sameuser"):
		case t.Is("all"):
			return append(why, "all: it opens every database")
		case t.Is("replication"):
			why = append(why, "replication: it streams the data of everybody")
		case t.Regex:
			why = append(why, fmt.Sprintf("the regular expression %s may match others' databases", t.Text))
		default:
			why = append(why, fmt.Sprintf("database %q may not be the tenant's own", t.Text))
		}
	}
	return why
}
