package spec

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

func adminKeys() []Key {
	const p = "admins.NAME."
	return []Key{
		{Path: "admins", Type: Mapping, Default: "none", Example: "{ops: {data_access: full}}",
			Doc: "The people and programs that administer the servers without being superusers, each under the name of the login. landlord makes these logins."},
		{Path: "admins.NAME", Type: Mapping, Example: "{data_access: read}",
			Doc: "One administrator."},
		{Path: p + "data_access", Type: Choice, Values: words(tenant.DataAccesses()), Required: true, Example: "full",
			Doc: "full: makes roles and databases and may become each tenant's owner; before PostgreSQL 16 that is as much as a superuser can do. read: monitors and backs up, reads everything, changes nothing. none: has no role on the server, since none may both administer and not read; landlord sudoers writes a rule for such a person."},
		{Path: p + "servers", Type: NameList, Default: "all servers, tenants' own among them", Example: "[main]",
			Doc: "The servers, by their names under servers. Who is on all of them is on tenants' own servers too."},
		{Path: p + "adopt", Type: Bool, Default: "false", Example: "true",
			Doc: "Consents to taking over a role of this name that landlord did not make: what it is a member of and its attributes become what data_access says."},
	}
}

// adminDraft is an administrator as written.
type adminDraft struct {
	tenant.Admin
	servers []string // nil: all
	at      position // of the list of servers
}

func (d *decoder) admin(name, path string, at position, n *node) {
	a := adminDraft{Admin: tenant.Admin{Name: name}}
	d.byName[path] = at
	if err := tenant.CheckRole(name); err != nil {
		d.errs.add(at, path, strings.ReplaceAll(err.Error(), "a tenant's role", "an administrator's login"))
	}
	d.mapping(n, path, "admins.NAME", func(key, path string, at position, v *node) {
		switch key {
		case "data_access":
			if a.DataAccess, _ = choice(d, v, path, tenant.DataAccesses()); a.DataAccess == "" {
				a.DataAccess = tenant.NoAccess // it is reported
			}
		case "servers":
			a.at = at
			if a.servers = d.list(v, path, notEmpty); v.kind == sequence && len(v.items) == 0 {
				d.errs.add(v.at, path, "wants at least one server; without this key it is all of them")
			}
		case "adopt":
			a.Adopt, _ = d.bool(v, path)
		}
	})
	if a.DataAccess == "" && (n.kind == mapping || n.kind == null) {
		d.errs.add(at, path, "data_access is missing: full, read or none?")
	}
	d.admins = append(d.admins, a)
}

// resolveAdmins gives each server its administrators.
func (d *decoder) resolveAdmins() {
	slices.SortStableFunc(d.admins, func(a, b adminDraft) int { return strings.Compare(a.Name, b.Name) })
	known := d.serverNames()
	for _, a := range d.admins {
		for _, name := range a.servers {
			if !slices.Contains(known, name) && !d.broken {
				d.errs.suggest(a.at, join("admins", a.Name)+".servers", fmt.Sprintf("no server %q stands under servers", name), didYouMean(name, known))
			}
		}
		if all := !slices.ContainsFunc(known, func(name string) bool { return !slices.Contains(a.servers, name) }); a.servers == nil || all && len(known) > 0 {
			d.host.Admins = append(d.host.Admins, a.Admin)
		}
		for i, s := range d.servers {
			if a.servers == nil || slices.Contains(a.servers, s.Name) {
				d.servers[i].Admins = append(d.servers[i].Admins, a.Admin)
			}
		}
	}
}

// admins prints the administrators of all servers. One whose servers say
// different things of it cannot be written: the first counts.
func (w *writer) admins(servers []tenant.Server, host tenant.Host) {
	on := map[string][]string{}
	var all []tenant.Admin
	if len(servers) == 0 {
		all = slices.Clone(host.Admins)
	}
	for _, s := range servers {
		for _, a := range s.Admins {
			if on[a.Name] == nil {
				all = append(all, a)
			}
			on[a.Name] = append(on[a.Name], s.Name)
		}
	}
	slices.SortFunc(all, func(a, b tenant.Admin) int { return strings.Compare(a.Name, b.Name) })
	if len(all) > 0 {
		w.key(0, "admins")
	}
	for _, a := range all {
		w.key(1, a.Name)
		w.value(2, "data_access", string(a.DataAccess))
		if len(on[a.Name]) < len(servers) {
			w.value(2, "servers", names(on[a.Name]))
		}
		if a.Adopt {
			w.value(2, "adopt", "true")
		}
	}
}
