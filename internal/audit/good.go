package audit

import (
	"fmt"
	"slices"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
)

// good lists what is right already: somebody who is told of twenty mistakes
// should also know what to leave as it is.
func good(f *facts, found []Finding) []string {
	silent := func(codes ...string) bool {
		return !slices.ContainsFunc(found, func(x Finding) bool { return slices.Contains(codes, x.Code) })
	}
	var list []string
	if f.Snapshot.Knows(snapshot.PartRoles) && len(f.tenants) > 1 {
		var plain []string
		for _, t := range f.tenants {
			for _, r := range t.roles {
				if x := f.roles[r]; x != nil && x.Login && f.ordinary(r) && !x.BypassRLS {
					plain = append(plain, ident(r))
				}
			}
		}
		if len(plain) > 0 {
			list = append(list, fmt.Sprintf("%s have no attribute that reaches beyond their own: none is superuser, none makes roles or databases.", some(plain)))
		}
	}
	if f.Snapshot.Knows(snapshot.PartMemberships) && len(f.tenants) > 1 && silent("member-crosses", "member-superuser") {
		list = append(list, "No customer's role is a member of another's, and none leads to superuser.")
	}
	if f.Snapshot.Knows(snapshot.PartRoles) && silent("role-superusers") && f.bootstrap() != "" {
		list = append(list, fmt.Sprintf("There is one superuser, %s, as there should be.", ident(f.bootstrap())))
	}
	if f.HBA != nil && silent("hba-trust", "hba-password", "hba-ident") {
		list = append(list, "No line of pg_hba.conf is trust, password or ident.")
	}
	if f.HBA != nil && len(f.live) > 0 && !slices.ContainsFunc(f.live, func(r *hba.Rule) bool { return r.Method.Admits() && remote(r) }) {
		list = append(list, "No line of pg_hba.conf lets another machine in. (listen_addresses = 'localhost' says so once more.)")
	}
	return list
}
