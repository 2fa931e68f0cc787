package isolation

import (
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// login is the role of a login, as its twin leaves it: open, on its way out,
// or closed.
func login(t tenant.Tenant, l tenant.Login) Role {
	r := Role{
		Name: l.Name, Login: !t.Suspended, ConnLimit: connLimit(t.Connections(l)),
		Mark: Mark{Tenant: t.Name, Role: string(l.Kind)}, Settings: LoginSettings(t, l.Kind), In: placeSettings(t),
	}
	if w, ok := t.Twin(l.Name); ok {
		r.age(w)
	}
	return r
}

// age makes the old one of two logins what it should be.
func (r *Role) age(w tenant.Twin) {
	if r.Name != w.Old {
		return
	}
	r.ValidUntil = w.Until
	if !w.Open {
		r.Login, r.Closed = false, true
	}
}

// twin adds a second login to the house. It is in the first, and so holds all
// that this one holds; role settings it needs of its own, since nobody inherits
// these (manual, "Role Membership"). Its sessions are the first's in all that
// follows from current_user, so that what one of both makes belongs to both: a
// large object, say, or a row that a policy gives to its writer.
func (h *House) twin(w tenant.Twin) {
	l, ok := h.Tenant.LoginOf(w.Of)
	if !ok {
		return
	}
	settings := LoginSettings(h.Tenant, l.Kind)
	if !slices.ContainsFunc(settings, func(s tenant.Setting) bool { return s.Name == "role" }) {
		settings = append(settings, tenant.Setting{Name: "role", Value: l.Name})
		slices.SortFunc(settings, func(a, b tenant.Setting) int { return strings.Compare(a.Name, b.Name) })
	}
	r := Role{Name: w.Name, Login: !h.Tenant.Suspended, ConnLimit: connLimit(h.Tenant.Connections(l)), Mark: TwinMark(h.Tenant.Name, l.Kind, w), Settings: settings, In: placeSettings(h.Tenant)}
	r.age(w)
	h.Roles = append(h.Roles, r)
	h.join(l.Name, w.Name, true, true)
}

// TwinMark says whose second login a role is, and what became of both.
func TwinMark(name string, k tenant.Kind, w tenant.Twin) Mark {
	state := "closed"
	if w.Open {
		state = "open"
	}
	return Mark{Tenant: name, Role: string(k), Of: w.Of, Old: w.Old, State: state, Until: w.Until}
}
