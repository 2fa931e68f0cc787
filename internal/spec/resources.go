package spec

import "landlord/internal/tenant"

func hostKeys() []Key {
	return []Key{
		{Path: "host", Type: Mapping, Default: "Debian's manager, and nearly all that the machine has", Example: "{memory: 24GiB, interface: eth0}",
			Doc: "This machine, on which the tenants with isolation: cluster have their servers. See docs/cluster.md."},
		{Path: "host.manager", Type: Choice, Values: words(tenant.Managers()), Default: "debian", Example: "plain",
			Doc: "debian makes servers by pg_createcluster and runs them under systemd, with limits. plain makes them by initdb and runs them by pg_ctl: elsewhere, and to try it out; nothing starts them again with the machine, and limits are enforced only as root, where control groups (cgroup) can be written, and io_weight only with their version 2; the plan says where not."},
		{Path: "host.directory", Type: Text, Default: tenant.DefaultDirectory, Example: "/srv/landlord",
			Doc: "Where landlord keeps what it knows of each server, with the server's certificate; with manager: plain also the servers themselves."},
		{Path: "host.memory", Type: Size, Default: "what the machine has, less an eighth (and at least 512MiB)", Example: "24GiB",
			Doc: "What all tenants' servers may have together. A spec that gives them more is refused, with the sum."},
		{Path: "host.cpu", Type: Number, Default: "as many as the machine has", Example: "8",
			Doc: "How many processors all tenants' servers may have together, those without a limit left out."},
		{Path: "host.interface", Type: Text, Default: "none: then a tenant's address must be there already", Example: "eth0",
			Doc: "The network interface to which tenants' addresses are added."},
		{Path: "host.clients", Type: Networks, Default: "none", Example: "[10.0.0.0/8]",
			Doc: "The networks from which clients may connect to tenants' servers over TCP, with TLS."},
		{Path: "host.operators", Type: NameList, Default: "none", Example: "[monitoring]",
			Doc: "Logins that are no tenants' and that tenants' servers let into every database."},
	}
}

// resourceKeys are the keys of resources that several tenants can have in
// common.
func resourceKeys(prefix string) []Key {
	p := prefix + ".resources"
	return []Key{
		{Path: p, Type: Mapping, Default: "none", Example: "{cpu: 2, memory: 4GiB}",
			Doc: "What a tenant's own server may use (isolation: cluster). The other models do not have it."},
		{Path: p + ".cpu", Type: Number, Default: "no limit", Example: "1.5",
			Doc: "How many processors the server may use. The host enforces it (CPUQuota, or cpu.cfs_quota_us)."},
		{Path: p + ".memory", Type: Size, Default: "1GiB", Example: "4GiB",
			Doc: "Memory of all the server's processes together, at least 128MiB. The host enforces it (MemoryMax, or memory.limit_in_bytes); shared_buffers, work_mem, max_connections and their kin follow it."},
		{Path: p + ".io_weight", Type: Count, Default: "none", Example: "200",
			Doc: "The server's share of the disk where several want it, from 1 to 10000; 100 is what everybody else has (IOWeight). It does nothing unless the disk's scheduler is BFQ, or io.cost is switched on."},
		{Path: p + ".interface", Type: Text, Default: "host.interface", Example: "eth1",
			Doc: "The network interface to which the tenant's address is added."},
		{Path: p + ".port", Type: Count, Default: "5432", Example: "5433",
			Doc: "The port. Without an address, it makes the server listen on localhost; without either it listens on its socket alone."},
		{Path: p + ".major", Type: Count, Default: "the newest that is installed", Example: "15",
			Doc: "The major version of PostgreSQL. It is chosen once, when the server is made."},
		{Path: p + ".os_user", Type: Choice, Values: words(tenant.OSUsers()), Default: "shared", Example: "own",
			Doc: "own: the server runs as a user of the operating system of its own, and nobody else can read its files. shared: as postgres, like others; a superuser of one such server can read the files of all. own needs an address or a port: its socket is closed to everybody else, the router among them."},
		{Path: p + ".settings", Type: Mapping, Default: "none", Example: "{max_connections: 50}",
			Doc: "Parameters of the server. They win over the sizes that landlord works out; the word none takes back one of defaults or of the profile."},
		{Path: p + ".settings.NAME", Type: Scalar, Example: "50",
			Doc: "One parameter by its PostgreSQL name. true and false mean on and off."},
	}
}

// placeKeys are the resources that one tenant alone can have.
func placeKeys() []Key {
	const p = "tenants.NAME.resources."
	return []Key{
		{Path: p + "volume", Type: Text, Default: "none: the data stands with everybody's", Example: "/srv/pg/acme",
			Doc: "The mount point of a volume of the tenant's own: it must be mounted, and empty when the server is made. The server does not start without it."},
		{Path: p + "address", Type: Text, Default: "none", Example: "10.20.0.7",
			Doc: "The address on which the server listens, and on no other. landlord adds it to the interface, also after a restart of the machine, and takes it away with the server; without an interface it must be there already."},
	}
}
