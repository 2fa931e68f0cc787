package plan

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// settings puts a role's parameters right, in every database. Reset all that
// is not wanted: a parameter on a role or in a database beats what landlord
// sets, and search_path or role in the wrong hands is a way in. The server
// writes some names in its own way: it keeps timezone as TimeZone.
func (u unit) settings(want isolation.Role) {
	var sql []string
	here := map[string]string{}
	var d Danger
	for _, s := range sortedSettings(u.b.settings[want.Name]) {
		if setIn(want, s) {
			continue
		}
		if s.Database == "" && slices.ContainsFunc(want.Settings, func(w tenant.Setting) bool { return strings.EqualFold(w.Name, s.Name) }) {
			here[strings.ToLower(s.Name)] = s.Value
			continue
		}
		if u.mayReset(want.Name, s.Name) {
			sql, d = append(sql, resetSetting(s)), Access
		}
	}
	for _, w := range want.Settings {
		if have, ok := here[strings.ToLower(w.Name)]; (!ok || !sameSetting(w, have)) && u.maySet(w.Name) {
			sql = append(sql, setSetting(want.Name, "", w))
		}
	}
	u.do("parameters of "+want.Name, d, sql...)
}

// setIn says whether a setting is one that the role is to have in one database,
// whatever its value is.
func setIn(want isolation.Role, have snapshot.Setting) bool {
	return slices.ContainsFunc(want.In, func(w isolation.PlaceSetting) bool {
		return w.Database == have.Database && strings.EqualFold(w.Name, have.Name)
	})
}

// placeSettings sets what the logins of a house have in one database only,
// which must be there by then.
func (u unit) placeSettings(h isolation.House) {
	for _, r := range h.Roles {
		var sql []string
		for _, w := range r.In {
			right := slices.ContainsFunc(u.b.settings[r.Name], func(s snapshot.Setting) bool {
				return s.Database == w.Database && strings.EqualFold(s.Name, w.Name) && sameSetting(w.Setting, s.Value)
			})
			if !right && u.maySet(w.Name) {
				sql = append(sql, setSetting(r.Name, w.Database, w.Setting))
			}
		}
		if len(sql) > 0 && u.b.admin(r.Name) {
			u.do("parameters of "+r.Name+" in further databases", Safe, sql...)
		}
	}
}

func sortedSettings(s []snapshot.Setting) []snapshot.Setting {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b snapshot.Setting) int {
		return strings.Compare(a.Database+"\x00"+a.Name, b.Database+"\x00"+b.Name)
	})
	return s
}

func resetSetting(s snapshot.Setting) string {
	in := ""
	if s.Role != "" && s.Database != "" {
		in = " IN DATABASE " + pgsql.Ident(s.Database)
	}
	what := "ROLE " + pgsql.Ident(nonEmpty(s.Role, "x"))
	if s.Role == "" && s.Database == "" {
		what = "ROLE ALL"
	} else if s.Role == "" {
		what = "DATABASE " + pgsql.Ident(s.Database)
	}
	return "ALTER " + what + in + " RESET " + parameter(s.Name)
}

func nonEmpty(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// setSetting sets a role's parameter, in one database or (with none) in all.
func setSetting(role, database string, s tenant.Setting) string {
	value := pgsql.Literal(s.Value)
	if isolation.ListSetting(s.Name) {
		value = s.Value // a list of identifiers, quoted already
	}
	in := ""
	if database != "" {
		in = " IN DATABASE " + pgsql.Ident(database)
	}
	return "ALTER ROLE " + pgsql.Ident(role) + in + " SET " + parameter(s.Name) + " = " + value
}

// parameter quotes a parameter's name, whose parts a point divides.
func parameter(name string) string {
	if !strings.Contains(name, ".") {
		return pgsql.Ident(name)
	}
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = pgsql.Ident(p)
	}
	return strings.Join(parts, ".")
}

func sameSetting(want tenant.Setting, have string) bool {
	if !isolation.ListSetting(want.Name) {
		return want.Value == have
	}
	w, ok1 := pgsql.SplitIdents(want.Value)
	h, ok2 := pgsql.SplitIdents(have)
	return ok1 && ok2 && slices.Equal(w, h)
}

func (u unit) maySet(name string) bool {
	if u.b.snap.Session.MaySet(name) {
		return true
	}
	u.b.cannot(u.tenant, fmt.Sprintf("only a superuser can set %s, and so it is not set", name), "have a superuser apply this tenant once")
	return false
}

func (u unit) mayReset(role, name string) bool {
	if u.b.snap.Session.MaySet(name) {
		return true
	}
	u.b.cannot(u.tenant, fmt.Sprintf("only a superuser can reset %s of role %s", name, role), "have a superuser apply this tenant once")
	return false
}
