package spec

import "errors"

// Revert takes a change out of a text again that somebody else may have changed
// since; edited is what it had made. A tenant that was taken out cannot be put
// back into another text than the one it stood in: that is an [ErrConflict].
func Revert(name string, text []byte, edited Edited, c Change) ([]byte, error) {
	before, had := edited.Before.Tenant(c.tenant)
	after, has := edited.After.Tenant(c.tenant)
	var back Change
	switch {
	case c.verb == adding && had || c.verb != adding && before.Suspended == after.Suspended && has:
		return text, nil // there was nothing to change
	case c.verb == adding:
		back = Remove(c.tenant)
	case c.verb == setting && has && c.keys[0].Key == suspendedKey:
		back = Unset(c.tenant, suspendedKey)
	case c.verb == unsetting && has && c.keys[0].Key == suspendedKey:
		back = Set(c.tenant, suspendedKey, "true")
	default:
		return nil, &EditError{File: name, Doing: "undo: " + c.String(), Why: []string{"somebody has changed the file meanwhile"}, Err: ErrConflict}
	}
	out, err := Edit(name, text, back)
	if errors.Is(err, ErrUnknownTenant) {
		return text, nil // somebody has taken it out
	}
	return out.Text, err
}

const suspendedKey = "suspended"
