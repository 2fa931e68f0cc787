package plan

import (
	"slices"

	"landlord/internal/isolation"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Complete gives tenants what was found on the server and stays, though the
// spec does not say so: twins, and further databases that it does not name any
// more.
func Complete(tenants, found []tenant.Tenant, snap snapshot.Snapshot) []tenant.Tenant {
	further := map[string][]tenant.Place{}
	for _, t := range found {
		if len(t.Further) > 0 {
			further[t.Name] = t.Further
		}
	}
	return withTwins(withFurther(tenants, further, snap), found)
}

// withTwins gives tenants the twins that were found on the server, which no
// spec knows of. A role that a spec names as a login of its own is no twin any
// more.
func withTwins(tenants, found []tenant.Tenant) []tenant.Tenant {
	have := map[string][]tenant.Twin{}
	for _, t := range found {
		if len(t.Twins) > 0 {
			have[t.Name] = t.Twins
		}
	}
	if len(have) == 0 {
		return tenants
	}
	tenants = slices.Clone(tenants)
	for i, t := range tenants {
		for _, w := range have[t.Name] {
			_, wanted := t.LoginOf(w.Of)
			_, taken := t.LoginOf(w.Name)
			if _, known := t.Twin(w.Of); wanted && !taken && !known {
				t = t.WithTwin(w)
			}
		}
		tenants[i] = t
	}
	return tenants
}

// foundTwins takes the marked second logins into their tenants, which must have
// all others already.
func foundTwins(byName map[string]*tenant.Tenant, marks []isolation.Mark, snap snapshot.Snapshot) {
	var expired map[string]bool
	for i, m := range marks {
		t, kind := byName[m.Tenant], tenant.Kind(m.Role)
		if m.Of == "" || t == nil || !slices.Contains(tenant.Kinds(), kind) {
			continue
		}
		if expired == nil {
			expired = expiredRoles(snap)
		}
		t.Twins = append(t.Twins, foundTwin(m, snap.Roles[i].Name, expired))
		if _, ok := t.LoginOf(m.Of); !ok { // somebody has dropped the first, which the second needs
			foundRole(t, isolation.Mark{Role: m.Role}, snapshot.Role{Name: m.Of, ConnLimit: snap.Roles[i].ConnLimit})
		}
	}
}

// foundTwin is a second login as its mark says. Where the old one's time is
// over, it is closed: nobody can log in by its password any more.
func foundTwin(m isolation.Mark, name string, expired map[string]bool) tenant.Twin {
	w := tenant.Twin{Of: m.Of, Name: name, Old: m.Old, Open: m.State == "open", Until: m.Until}
	if w.Old != w.Of {
		w.Old = name
	}
	if w.Open && w.Until != "" && expired[w.Old] {
		return w.Finish()
	}
	return w
}

func expiredRoles(snap snapshot.Snapshot) map[string]bool {
	out := map[string]bool{}
	for _, r := range snap.Roles {
		if r.Expired {
			out[r.Name] = true
		}
	}
	return out
}
