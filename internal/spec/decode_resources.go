package spec

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/tenant"
)

func (d *decoder) readHost(n *node) {
	h := &d.host
	d.mapping(n, "host", "host", func(key, path string, _ position, v *node) {
		switch key {
		case "manager":
			h.Manager, _ = choice(d, v, path, tenant.Managers())
			if h.Manager == tenant.Debian {
				h.Manager = "" // the default
			}
		case "directory":
			h.Directory, _ = d.checked(v, path, directory)
		case "memory":
			h.Memory = measure(d, v, path, ParseSize)
		case "cpu":
			h.CPU = d.processors(v, path)
		case "interface":
			h.Interface, _ = d.checked(v, path, interfaceName)
		case "clients":
			h.Clients = d.networks(v, path)
		case "operators":
			h.Operators = d.list(v, path, tenant.CheckIdentifier)
		}
	})
	if h.Directory == tenant.DefaultDirectory {
		h.Directory = ""
	}
}

// minServer is the least memory that a server works in.
const minServer = 128 << 20

// resources reads what a tenant's own server may use.
func (d *decoder) resources(t *draft, at string, n *node) {
	def := "defaults.resources"
	if t.Name != "" {
		def = "tenants.NAME.resources"
	}
	if t.Resources == nil {
		t.Resources = &tenant.Resources{}
	}
	d.mapping(n, at, def, func(key, path string, at position, v *node) {
		t.set("resources."+key, at)
		if v.kind == text && v.text == noLimit && slices.Contains([]string{"cpu", "io_weight", "interface", "port", "major"}, key) {
			return
		}
		r := t.Resources
		switch key {
		case "cpu":
			r.CPU = d.processors(v, path)
		case "memory":
			if r.Memory = measure(d, v, path, ParseSize); 0 < r.Memory && r.Memory < minServer {
				d.errs.add(v.at, path, "a server wants at least 128MiB")
			}
		case "io_weight":
			r.IOWeight = d.between(v, path, 1, 10000)
		case "interface":
			r.Interface, _ = d.checked(v, path, interfaceName)
		case "port":
			r.Port = d.between(v, path, 1, 65535)
		case "major":
			r.Major = d.between(v, path, 14, 99)
		case "os_user":
			r.OSUser, _ = choice(d, v, path, tenant.OSUsers())
		case "volume":
			r.Volume, _ = d.checked(v, path, directory)
		case "address":
			r.Address = d.address(v, path)
		case "settings":
			d.mapping(v, path, "defaults.resources.settings", func(key, path string, at position, v *node) { d.serverSetting(t, key, path, at, v) })
		}
	})
}

var numeral = regexp.MustCompile(`^(0|[1-9][0-9]{0,4})(\.[0-9]{1,3})?$`)

// processors reads a number of processors, in thousandths.
func (d *decoder) processors(n *node, path string) int {
	if n.kind != number || !numeral.MatchString(n.text) {
		d.errs.add(n.at, path, fmt.Sprintf("wants a number of processors, such as 2 or 0.5, found %s", n.kind))
		return 0
	}
	whole, part, _ := strings.Cut(n.text, ".")
	milli, _ := strconv.Atoi(whole + (part + "000")[:3])
	if milli < 10 {
		d.errs.add(n.at, path, "wants at least 0.01 of a processor")
	}
	return milli
}

func (d *decoder) between(n *node, path string, low, high int) int {
	i, err := strconv.Atoi(n.text)
	if n.kind != number || err != nil || i < low || i > high {
		d.errs.add(n.at, path, fmt.Sprintf("wants a whole number from %d to %d, found %s", low, high, found(n)))
		return 0
	}
	return i
}

// found is what stands in a place, for a message.
func found(n *node) string {
	if n.kind == number {
		return n.text
	}
	return n.kind.String()
}

func (d *decoder) address(n *node, path string) string {
	s, ok := d.text(n, path)
	if !ok {
		return ""
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil || a.Zone() != "":
		d.errs.add(n.at, path, fmt.Sprintf("%q is no address, such as 10.20.0.7", s))
	case a.IsUnspecified() || a.IsMulticast():
		d.errs.add(n.at, path, fmt.Sprintf("%s is no address of one machine: the server would listen everywhere", s))
	default:
		return a.Unmap().String()
	}
	return ""
}

var (
	interfacePattern = regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,15}$`)
	// safePath needs no quotes: not in a unit file of systemd, nor in a shell.
	safePath = regexp.MustCompile(`^(/[A-Za-z0-9_.+-]+)+$`)
)

func interfaceName(s string) error {
	if !interfacePattern.MatchString(s) || s == "." || s == ".." {
		return fmt.Errorf("%q is no name of a network interface, such as eth0", s)
	}
	return nil
}

func directory(s string) error {
	if !safePath.MatchString(s) || path.Clean(s) != s {
		return fmt.Errorf("%q is no directory that landlord takes: an absolute path of letters, digits and . _ + -, without a / at its end", s)
	}
	return nil
}

// landlords are the parameters of a server that landlord or its manager sets.
var landlords = map[string]string{
	"listen_addresses":        "write it as resources: address or port",
	"port":                    "write it as resources: port",
	"unix_socket_directories": "landlord sets it", "unix_socket_permissions": "landlord sets it", "unix_socket_group": "landlord sets it",
	"data_directory": "landlord sets it", "hba_file": "landlord sets it", "ident_file": "landlord sets it", "config_file": "landlord sets it",
	"external_pid_file": "landlord sets it", "password_encryption": "landlord's rules take SCRAM only",
	"ssl": "landlord sets it", "ssl_cert_file": "landlord sets it", "ssl_key_file": "landlord sets it",
	"include": "it is no parameter", "include_dir": "it is no parameter", "include_if_exists": "it is no parameter",
	"max_prepared_transactions": "a prepared transaction keeps its locks for ever: landlord keeps it at 0",
}

func (d *decoder) serverSetting(t *draft, key, path string, at position, v *node) {
	name := strings.ToLower(key)
	if !dotted.MatchString(key) || len(key) > tenant.MaxIdentifier {
		d.errs.add(at, path, "no name of a PostgreSQL parameter: letters, digits and underscores, with at most one dot")
		return
	}
	if why, known := landlords[name]; known {
		d.errs.add(at, path, "cannot stand under resources: settings: "+why)
		return
	}
	if t.has("resources.settings." + name) {
		d.errs.add(at, path, "given twice: PostgreSQL does not tell capitals in a parameter's name")
	}
	t.set("resources.settings."+name, at)
	value := v.text
	switch {
	case v.kind > text || v.kind == null:
		d.errs.add(v.at, path, fmt.Sprintf("wants text, a number or true/false, found %s", v.kind))
		return
	case strings.ContainsAny(value, "\x00\n\r"):
		d.errs.add(v.at, path, "wants one line")
		return
	case v.kind == text && value == noLimit:
		return
	case v.kind == boolean:
		value = map[bool]string{true: "on", false: "off"}[strings.EqualFold(value, "true")]
	}
	t.Resources.Settings = append(t.Resources.Settings, tenant.Setting{Name: name, Value: value})
}

// inheritResources takes what the draft does not say itself.
func (t *draft) inheritResources(def *draft) {
	if def.Resources == nil || t.Name != "" && t.Isolation != tenant.Cluster {
		return
	}
	if t.Resources == nil {
		t.Resources = &tenant.Resources{}
	}
	r, from := t.Resources, def.Resources
	inheritResource(t, "cpu", &r.CPU, from.CPU)
	inheritResource(t, "memory", &r.Memory, from.Memory)
	inheritResource(t, "io_weight", &r.IOWeight, from.IOWeight)
	inheritResource(t, "interface", &r.Interface, from.Interface)
	inheritResource(t, "port", &r.Port, from.Port)
	inheritResource(t, "major", &r.Major, from.Major)
	inheritResource(t, "os_user", &r.OSUser, from.OSUser)
	for _, s := range from.Settings {
		if !t.has("resources.settings." + s.Name) {
			r.Settings = append(slices.Clip(r.Settings), s)
		}
	}
}

func inheritResource[T comparable](t *draft, key string, own *T, def T) {
	if !t.has("resources." + key) {
		*own = def
	}
}

// resolveResources completes what a tenant's own server has, and where it
// stands.
func (d *decoder) resolveResources(t *draft, path string) {
	if t.Isolation != tenant.Cluster {
		if t.has("resources") && t.Name != "" {
			d.errs.add(t.place("resources"), path+".resources", "only a tenant with isolation: cluster has a server of its own, and resources")
		}
		t.Resources = nil
		return
	}
	if t.Resources == nil {
		t.Resources = &tenant.Resources{}
	}
	r := t.Resources
	if t.has("server") {
		d.errs.add(t.place("server"), path+".server", "a tenant with isolation: cluster has a server of its own, with the tenant's name: leave this out")
	}
	t.Server = t.Name
	if slices.Contains(d.serverNames(), t.Name) {
		d.errs.add(t.at, path, fmt.Sprintf("its own server would have the name %s, which stands under servers already", t.Name))
	}
	if r.Memory == 0 {
		r.Memory = tenant.DefaultMemory
	}
	if r.OSUser == "" {
		r.OSUser = tenant.SharedUser
	}
	if r.Address == "" && t.has("resources.interface") {
		d.errs.add(t.place("resources.interface"), path+".resources.interface", "an interface is of use for an address only: which one?")
	}
	if r.Address == "" {
		r.Interface = ""
	}
	slices.SortFunc(r.Settings, func(a, b tenant.Setting) int { return strings.Compare(a.Name, b.Name) })
	d.checkOwnUser(t, path)
}

// checkOwnUser refuses what a user of its own makes impossible.
func (d *decoder) checkOwnUser(t *draft, path string) {
	r := t.Resources
	switch {
	case r.OSUser != tenant.OwnUser:
	case len(t.Name) > tenant.MaxOwnUser:
		d.errs.add(t.place("resources.os_user"), path+".resources.os_user", fmt.Sprintf("Linux keeps 32 bytes of a user's name, so that the tenant's may have %d at most", tenant.MaxOwnUser))
	case r.Address == "" && r.Port == 0:
		d.errs.add(t.place("resources.os_user"), path+".resources.os_user",
			"the socket of a server with an OS user of its own is closed to everybody else, the router and the tenant's programs among them: give it an address, or a port on localhost")
	}
}

// places reports volumes, and addresses with their ports, that two tenants
// claim.
func (d *decoder) places(e tenant.Estate) {
	taken := map[string]string{}
	claim := func(t tenant.Tenant, key, what, place string) {
		if other, twice := taken[what+place]; twice {
			d.errs.add(d.entry(t.Name).place("resources."+key), join(tenantsSection, t.Name)+".resources."+key, fmt.Sprintf("%s %s is tenant %s's already", what, place, other))
			return
		}
		taken[what+place] = t.Name
	}
	for _, s := range e.Servers {
		if s.Own == nil {
			continue
		}
		t, _ := e.Tenant(s.Own.Tenant)
		if v := t.Resources.Volume; v != "" {
			claim(t, "volume", "volume", v)
		}
		if a := t.Resources.Address; a != "" {
			claim(t, "address", "address", a)
		} else if t.Resources.Port != 0 {
			claim(t, "port", "port", fmt.Sprint(t.Resources.Port))
		}
	}
}
