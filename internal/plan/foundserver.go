package plan

import (
	"slices"

	"landlord/internal/hba"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// FoundServer completes a server with what landlord's block of its
// pg_hba.conf says, the networks of clients and the operators, and with its
// administrators and pools.
func FoundServer(s tenant.Server, snap snapshot.Snapshot) tenant.Server {
	s.Admins, s.Pools = FoundAdmins(snap), FoundPools(snap)
	s.Router = foundRouter(s.Router, snap)
	if snap.HBA == nil || snap.HBA.Error != "" {
		return s
	}
	block, found, err := hba.BlockIn(snap.HBA.Text)
	if err != nil || !found {
		return s
	}
	s.Clients, s.Operators = nil, nil
	for _, r := range hba.Parse(snap.HBA.Path, []byte(block), hba.Options{Major: snap.Version.Major()}).Rules() {
		if r.Method != hba.SCRAM || len(r.Databases) != 1 || len(r.Users) != 1 {
			continue
		}
		group, isGroup := r.Users[0].Group()
		switch {
		case r.Databases[0].Is("samerole") && group == tenant.TenantsRole && r.Type == hba.HostSSL:
			if prefix, ok := r.Address.Prefix(); ok {
				s.Clients = append(s.Clients, prefix.Masked())
			}
		case r.Databases[0].Is("all") && !isGroup && r.Type == hba.Local && !slices.Contains(s.Operators, r.Users[0].Text):
			s.Operators = append(s.Operators, r.Users[0].Text)
		}
	}
	return s
}
