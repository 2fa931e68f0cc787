package hba

import (
	"net/netip"
	"strconv"
	"strings"
)

// AddressKind is what the address column of a rule means.
type AddressKind int

// The kinds of address.
const (
	AddressNone AddressKind = iota // a local line has none
	AddressAll
	AddressSameHost
	AddressSameNet
	AddressNetwork // IP and Mask
	AddressHost    // Host: a name, or a ".suffix" of names
)

// Address is the address column of a rule.
type Address struct {
	Kind AddressKind
	Host string
	IP   netip.Addr

	// Mask is the netmask as an address. The server takes masks with holes
	// (255.0.255.0), so that it cannot always be written as a prefix.
	Mask netip.Addr
}

// Contains tells whether a network (AddressNetwork) holds an address. An
// IPv4 client never matches an IPv6 network, nor the reverse.
func (a Address) Contains(ip netip.Addr) bool {
	ip = ip.Unmap()
	if a.Kind != AddressNetwork || ip.Is4() != a.IP.Is4() {
		return false
	}
	x, y, mask := ip.AsSlice(), a.IP.AsSlice(), a.Mask.AsSlice()
	for i := range x {
		if (x[i]^y[i])&mask[i] != 0 {
			return false
		}
	}
	return true
}

// Prefix returns the network as a prefix, where its mask has no holes.
func (a Address) Prefix() (netip.Prefix, bool) {
	if a.Kind != AddressNetwork {
		return netip.Prefix{}, false
	}
	for bits := range a.IP.BitLen() + 1 {
		if maskOf(bits, a.IP) == a.Mask {
			return netip.PrefixFrom(a.IP, bits), true
		}
	}
	return netip.Prefix{}, false
}

// String writes the address as a rule would.
func (a Address) String() string {
	switch a.Kind {
	case AddressAll:
		return "all"
	case AddressSameHost:
		return "samehost"
	case AddressSameNet:
		return "samenet"
	case AddressHost:
		return a.Host
	case AddressNetwork:
		if p, ok := a.Prefix(); ok {
			return p.String()
		}
		return a.IP.String() + " " + a.Mask.String()
	}
	return ""
}

// maskOf returns the netmask of so many bits, in the family of like.
func maskOf(bits int, like netip.Addr) netip.Addr {
	mask := make([]byte, like.BitLen()/8)
	for i := range mask {
		n := min(max(bits-8*i, 0), 8)
		mask[i] = byte(uint16(0xff00) >> n)
	}
	a, _ := netip.AddrFromSlice(mask)
	return a
}

// address reads the address column, and the netmask where it is one of its own.
func (r *ruleParser) address() bool {
	t, ok := r.one("IP address specification", "host address", "Specify one address range per line.")
	if !ok {
		return false
	}
	for word, kind := range map[string]AddressKind{"all": AddressAll, "samehost": AddressSameHost, "samenet": AddressSameNet} {
		if t.Is(word) {
			r.rule.Address.Kind = kind
			return true
		}
	}
	host, bits, slash := strings.Cut(t.Text, "/")
	ip, numeric := numericHost(host)
	if !numeric {
		r.hostName(t, host, slash)
		return true
	}
	r.rule.Address = Address{Kind: AddressNetwork, IP: ip}
	if !slash {
		return r.netmask(t)
	}
	n, ok := cidrBits(bits, ip)
	if !ok {
		r.fail(t, "write the number of leading bits, 0 to "+strconv.Itoa(ip.BitLen()), "invalid CIDR mask in address %s", quoted(t.Text))
		return true
	}
	r.rule.Address.Mask = maskOf(n, ip)
	r.checkNetwork(t)
	return true
}

func (r *ruleParser) hostName(t Token, host string, slash bool) {
	r.rule.Address = Address{Kind: AddressHost, Host: host}
	switch {
	case slash:
		r.fail(t, "", "specifying both host name and CIDR mask is invalid: %s", quoted(t.Text))
	case strings.ContainsAny(host, "*:") || strings.Trim(host, "0123456789.") == "":
		r.warn(t, "a host name has its letters, digits, hyphens and dots; a leading dot means every name that ends so",
			"%q is no address, so the server takes it for a host name", host)
	case isMethod(host, r.major) && r.used == len(r.line.Fields):
		// "host all all trust": the mistake is reported as a missing method
	}
}

// netmask reads the column after an address without "/bits".
func (r *ruleParser) netmask(address Token) bool {
	if r.used == len(r.line.Fields) {
		r.fail(address, "Specify an address range in CIDR notation, or provide a separate netmask.", "end-of-line before netmask specification")
		return false
	}
	t, _ := r.one("netmask specification", "netmask", "")
	mask, ok := numericHost(t.Text)
	if !ok {
		hint := ""
		if isMethod(t.Text, r.major) {
			ip := r.rule.Address.IP
			hint = "did you mean " + netip.PrefixFrom(ip, ip.BitLen()).String() + "?"
			r.used-- // the method stands where the mask belongs: go on with it
		}
		r.fail(t, hint, "invalid IP mask %s: Name or service not known", quoted(t.Text))
		return true
	}
	r.rule.Address.Mask = mask
	if mask.Is4() != r.rule.Address.IP.Is4() {
		r.fail(t, "", "IP address and mask do not match")
		return true
	}
	r.checkNetwork(address)
	return true
}

// checkNetwork warns of networks that hold something else than they seem to.
func (r *ruleParser) checkNetwork(t Token) {
	a := r.rule.Address
	written, _, _ := strings.Cut(t.Text, "/")
	if a.IP.Is4() && strings.Count(written, ".") != 3 {
		r.warn(t, "write all four numbers", "the server reads %q as %s", written, a.IP)
	}
	p, ok := a.Prefix()
	switch {
	case !ok:
		r.warn(t, "", "the netmask %s has holes", a.Mask)
	case p.Masked() != p:
		r.warn(t, "", "the address has bits beyond its mask: it means the whole of %s", p.Masked())
	}
}

// cidrBits reads the number after the slash as strtol() would.
func cidrBits(s string, ip netip.Addr) (int, bool) {
	n, err := strconv.ParseInt(strings.TrimLeft(s, " \t\v\f\r\n"), 10, 64)
	if err != nil || n < 0 || n > int64(ip.BitLen()) {
		return 0, false
	}
	return int(n), true
}

// numericHost reads an address as getaddrinfo(AI_NUMERICHOST) does: IPv6, or
// IPv4 in any of the forms of inet_aton, in which "10" is 0.0.0.10, "10.1" is
// 10.0.0.1, and a leading 0 means octal.
func numericHost(s string) (netip.Addr, bool) {
	if strings.Contains(s, ":") {
		ip, err := netip.ParseAddr(s)
		return ip.WithZone(""), err == nil
	}
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var v uint64
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		n, ok := cNumber(part)
		if !ok || n >= 1<<bits {
			return netip.Addr{}, false
		}
		v = v<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), true
}

// cNumber reads a C integer literal.
func cNumber(s string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X"):
		base, s = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base, s = 8, s[1:]
	}
	n, err := strconv.ParseUint(s, base, 40)
	return n, err == nil
}
