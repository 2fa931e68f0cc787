package prove

import (
	"slices"

	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// stand is a tenant in one of its databases: each has walls of its own, and is
// tried from and to as if it were a tenant's by itself.
type stand struct {
	tenant.Tenant
	At tenant.Place
}

func standsOf(tenants []tenant.Tenant) []stand {
	var out []stand
	for _, t := range tenants {
		for _, p := range t.Places() {
			out = append(out, stand{t, p})
		}
	}
	return out
}

// further says that the tenant does not live there.
func (s stand) further() bool { return s.At.Database != s.Home.Database }

// key tells stands apart; no database's name holds a NUL.
func (s stand) key() string { return s.Name + "\x00" + s.At.Database }

// assign chooses for each further database the stand of another tenant that
// has to try it: the last one before it in the list that is tried itself. By
// index; so a database that nobody tries is one that nobody is beside.
func assign(all []stand) map[int][]int {
	out := map[int][]int{}
	for i, s := range all {
		if !s.further() || s.Suspended {
			continue
		}
		for back := 1; back < len(all); back++ {
			at := (i - back + len(all)) % len(all)
			if by := all[at]; by.Name != s.Name && !by.Suspended {
				out[at] = append(out[at], i)
				break
			}
		}
	}
	return out
}

func there(snap snapshot.Snapshot, database string) bool {
	return slices.ContainsFunc(snap.Databases, func(d snapshot.Database) bool { return d.Name == database && d.AllowConn })
}
