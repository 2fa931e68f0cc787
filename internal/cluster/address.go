package cluster

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// address is the one that landlord is to add for the server, if any.
func (d design) address() []Address {
	if d.Resources.Interface == "" {
		return nil
	}
	return []Address{{d.Resources.Address, d.Resources.Interface}}
}

// prefix is the address alone, as ip(8) has it.
func (a Address) prefix() string {
	if strings.Contains(a.IP, ":") {
		return a.IP + "/128"
	}
	return a.IP + "/32"
}

// add is the command that adds the address. One of version 6 can be listened on
// only once nobody else can have it: nobody is asked.
func (a Address) add() []string {
	argv := []string{"ip", "address", "replace", a.prefix(), "dev", a.Interface}
	if strings.Contains(a.IP, ":") {
		argv = append(argv, "nodad")
	}
	return argv
}

// drop takes the address away, if it is there.
func (a Address) drop() Op {
	return Op{Run: []string{"sh", "-c", `[ -z "$(ip -o address show dev "$2" to "$1" 2>/dev/null)" ] || exec ip address del "$1" dev "$2"`, "sh", a.prefix(), a.Interface}}
}

func drops(all []Address) []Op {
	var ops []Op
	for _, a := range all {
		ops = append(ops, a.drop())
	}
	return ops
}

// checkAddress refuses an address that somebody else has put where landlord is
// to, and one that nobody has put anywhere.
func (d design) checkAddress(have Have) error {
	r := d.Resources
	ours := have.Mark != nil && slices.ContainsFunc(have.Mark.addresses(), func(a Address) bool { return a.IP == r.Address })
	switch {
	case r.Address == "":
	case r.Interface == "" && (len(have.Addressed) == 0 || ours):
		return refuse("add it, or say to which interface landlord shall add it (resources: interface, or host: interface)", "no interface of this machine has the address %s of tenant %s%s", r.Address, d.Tenant, but(ours))
	case r.Interface != "" && !slices.Contains(have.Interfaces, r.Interface):
		return refuse("there are "+strings.Join(have.Interfaces, ", "), "this machine has no interface %s for the address of tenant %s", r.Interface, d.Tenant)
	case r.Interface != "" && len(have.Addressed) > 0 && !ours:
		return refuse("if the tenant is to have it nevertheless, leave out the interface (also host: interface): then landlord neither adds it nor takes it away",
			"the address %s of tenant %s is on %s already, and landlord did not add it", r.Address, d.Tenant, strings.Join(have.Addressed, ", "))
	}
	return nil
}

func but(ours bool) string {
	if ours {
		return " but by landlord's doing, and without an interface in the spec landlord takes it away"
	}
	return ""
}

// moves are the addresses that landlord has added for the server, or was about
// to, and that it is not to have any more. That is noted before anything of it
// is done.
func (b *builder) moves() []Address {
	m := b.have.Mark
	if m == nil || m.State != Made {
		return nil
	}
	to := b.address()
	old := slices.DeleteFunc(m.addresses(), func(a Address) bool { return slices.Contains(to, a) })
	if len(to) > 0 && !slices.Contains(m.addresses(), to[0]) {
		coming := *m
		coming.Next = &to[0]
		b.step(fmt.Sprintf("the server's address is to be %s, on %s", to[0].IP, to[0].Interface), false, b.differing(b.markFile(coming))...)
	}
	return old
}

// missing says that the server's address is to be added.
func (b *builder) missing() bool {
	return b.Resources.Interface != "" && !slices.Contains(b.have.Addressed, b.Resources.Interface)
}

func (b *builder) plainAddress() {
	ops := drops(b.moves())
	if b.missing() {
		ops = append(ops, Op{Run: b.address()[0].add()})
	}
	b.step("its address", false, ops...)
}

// addressWait is how long an address waits for its interface when the machine
// starts, in half seconds.
const addressWait = 60

// addressText adds the tenant's address before its server starts. It is there
// also while the server is not: nobody else takes it, and who connects is
// refused at once.
func (d design) addressText() string {
	a := d.address()[0]
	return fmt.Sprintf(`[Unit]
Description=The address of landlord's tenant %s
After=network.target network-online.target
Before=%s

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=/bin/sh -c 'n=0; until /usr/sbin/ip link show dev %s >/dev/null 2>&1 || [ $$n = %d ]; do sleep 0.5; n=$$((n+1)); done'
ExecStart=/usr/sbin/%s
ExecStop=-/usr/sbin/ip address del %s dev %s

[Install]
WantedBy=multi-user.target
`, d.Tenant, d.unit(), a.Interface, addressWait, strings.Join(a.add(), " "), a.prefix(), a.Interface)
}

// addressPath is the unit of a tenant's address, and addressLink what starts it
// with the machine.
func addressPath(name string) string { return filepath.Join(units, AddressUnit(name)) }

func addressLink(name string) string {
	return filepath.Join(units, "multi-user.target.wants", AddressUnit(name))
}

// debianAddress makes the server's address, once its unit is there as it is to
// be.
func (b *builder) debianAddress() []Op {
	var ops []Op
	unit := AddressUnit(b.Tenant)
	if b.Resources.Interface != "" && b.have.Files[addressLink(b.Tenant)].Path == "" {
		ops = append(ops, Op{Run: []string{"systemctl", "enable", "--quiet", unit}})
	}
	if b.missing() {
		// Started already, it does nothing: the address has been taken from it.
		ops = append(ops, Op{Run: []string{"systemctl", "start", unit}}, Op{Run: b.address()[0].add()})
	}
	return ops
}

// debianLeave takes the units of addresses away with the addresses.
func debianLeave(name string, all []Address, have Have) []Op {
	var ops []Op
	if have.Files[addressPath(name)].Path != "" {
		ops = append(ops, Op{Run: []string{"systemctl", "stop", AddressUnit(name)}})
	}
	return append(ops, drops(all)...)
}
