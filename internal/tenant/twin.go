package tenant

import "slices"

// Twin is the second role of a login. When passwords rotate, the open door
// goes to and fro between the two, so that a program never has to change its
// password at the same moment as the server. No spec knows of twins: who has
// one, and which of both is open, is what the catalog says.
type Twin struct {
	// Of is the login as the spec names it, Name the second role, which is in
	// it.
	Of, Name string
	// Old is which of both is on its way out, or closed already.
	Old string
	// Open says that the old one can still log in.
	Open bool
	// Until is when the old one's password stops to hold, by the server's
	// clock (RFC 3339, UTC, whole seconds). Empty: not by itself.
	Until string
}

// twinSuffix is what a second login's name ends with.
const twinSuffix = "_b"

// TwinName is the name of a login's second role; ok is false where the login's
// own leaves no room for it.
func TwinName(login string) (name string, ok bool) {
	name = login + twinSuffix
	return name, len(name) <= MaxIdentifier
}

// NewTwin is a login's second role as it is made: closed.
func NewTwin(login string) (w Twin, ok bool) {
	name, ok := TwinName(login)
	return Twin{Of: login, Name: name, Old: name}, ok
}

// Current is which of both the programs should use.
func (w Twin) Current() string {
	if w.Old == w.Of {
		return w.Name
	}
	return w.Of
}

// Turn opens the closed one of both, which is the current one then; the other
// stays open, until a time if one is given.
func (w Twin) Turn(until string) Twin {
	w.Old, w.Open, w.Until = w.Current(), true, until
	return w
}

// Finish closes the old one.
func (w Twin) Finish() Twin {
	w.Open, w.Until = false, ""
	return w
}

// Closes says whether one of both may not log in.
func (w Twin) Closes(role string) bool { return role == w.Old && !w.Open }

// TwinOf is the one among twins that is a login's, given by the name of either.
func TwinOf(twins []Twin, login string) (Twin, bool) {
	i := slices.IndexFunc(twins, func(w Twin) bool { return w.Of == login || w.Name == login })
	if i < 0 {
		return Twin{}, false
	}
	return twins[i], true
}

// Twin is the twin of one of the tenant's logins, given by the name of either.
func (t Tenant) Twin(login string) (Twin, bool) { return TwinOf(t.Twins, login) }

// WithTwin is the tenant with a twin instead of what its login had.
func (t Tenant) WithTwin(w Twin) Tenant {
	t.Twins = append(slices.DeleteFunc(slices.Clone(t.Twins), func(x Twin) bool { return x.Of == w.Of }), w)
	return t
}

// Current is which role programs should use for a login, given by the name of
// the login or of its twin.
func (t Tenant) Current(login string) string {
	if w, ok := t.Twin(login); ok {
		return w.Current()
	}
	return login
}

// LoginOf is the login that a role is, or is the twin of.
func (t Tenant) LoginOf(role string) (Login, bool) {
	if w, ok := t.Twin(role); ok {
		role = w.Of
	}
	i := slices.IndexFunc(t.Logins, func(l Login) bool { return l.Name == role })
	if i < 0 {
		return Login{}, false
	}
	return t.Logins[i], true
}

// LoginRoles lists the names of all roles by which the tenant may log in now
// or at another time: its logins, then their twins.
func (t Tenant) LoginRoles() []string {
	var names []string
	for _, l := range t.Logins {
		names = append(names, l.Name)
	}
	for _, w := range t.Twins {
		names = append(names, w.Name)
	}
	return names
}

// OpenLogins lists the roles by which the tenant may log in now, unless it is
// suspended: of each login the current one, then the old one if it is open.
func (t Tenant) OpenLogins() []Login {
	var open []Login
	for _, l := range t.Logins {
		w, ok := t.Twin(l.Name)
		if !ok {
			open = append(open, l)
			continue
		}
		open = append(open, Login{w.Current(), l.Kind, l.Connections})
		if w.Open {
			open = append(open, Login{w.Old, l.Kind, l.Connections})
		}
	}
	return open
}
