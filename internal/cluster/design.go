package cluster

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"landlord/internal/tenant"
)

// design is one server as it is to be, with all its places.
type design struct {
	tenant.OwnServer
	host    tenant.Host
	install Install
	major   int
	data    string
	sizes   []Size
}

// newDesign chooses what is chosen once, and then stays: the major version and
// the data directory.
func newDesign(w Want, have Have) (design, error) {
	d := design{OwnServer: w.Own, host: w.Host, major: w.Own.Resources.Major}
	if have.Mark != nil && have.Mark.State != Making {
		d.major = have.Mark.Major
	} else if d.major == 0 && len(have.Installs) > 0 {
		d.major = have.Installs[0].Major
	}
	i := slices.IndexFunc(have.Installs, func(in Install) bool { return in.Major == d.major })
	switch {
	case d.major == 0:
		return d, refuse("install Debian's package postgresql", "no PostgreSQL server is installed that tenant %s's could be made of", w.Own.Tenant)
	case i < 0:
		return d, refuse(fmt.Sprintf("install Debian's package postgresql-%d, or write another major", d.major), "PostgreSQL %d, which tenant %s is to have, is not installed", d.major, w.Own.Tenant)
	}
	d.install, d.data = have.Installs[i], d.dataDir()
	if have.Mark != nil && have.Mark.State != Making {
		d.data = have.Mark.Data
	}
	d.sizes = Sizes(w.Own.Resources, w.Connections, have.Volume.Size)
	return d, nil
}

// dataDir stands on the tenant's volume (below its mount point: that has a
// lost+found, and cannot be made anew), or below landlord's own directory,
// which is root's, or where Debian has it.
func (d design) dataDir() string {
	switch {
	case d.Resources.Volume != "":
		return filepath.Join(d.Resources.Volume, "data")
	case d.Manager == tenant.Plain || d.Resources.OSUser == tenant.OwnUser:
		return filepath.Join(d.Home, "data")
	}
	return fmt.Sprintf("/var/lib/postgresql/%d/%s", d.major, d.Tenant)
}

// conf is the directory of postgresql.conf and its kin.
func (d design) conf() string {
	if d.Manager == tenant.Plain {
		return filepath.Join(d.Home, "etc")
	}
	return debianConf(d.major, d.Tenant)
}

func (d design) mark(s State) Mark {
	r := d.Resources
	return Mark{Tenant: d.Tenant, State: s, Manager: d.Manager, Major: d.major, Data: d.data, OSUser: d.OSUser,
		Volume: r.Volume, Address: r.Address, Interface: r.Interface, Port: d.Port()}
}

// markFile is the mark as a file.
func (d design) markFile(m Mark) File {
	return File{Path: MarkPath(d.Home), Owner: d.keeper(), Mode: "0644", Text: m.Text()}
}

// keeper owns what only landlord changes.
func (d design) keeper() string {
	if d.Manager == tenant.Plain && d.OSUser != "postgres" && d.Resources.OSUser != tenant.OwnUser {
		return d.OSUser
	}
	return "root"
}

// settings is the file of all parameters that landlord gives the server.
func (d design) settings() string {
	var b strings.Builder
	b.WriteString("# landlord writes this file anew at every change: resources: settings in landlord.yaml\n# is the place for parameters of your own.\n")
	line := func(name, value string) { fmt.Fprintf(&b, "%s = %s\n", name, quote(value)) }
	if d.Manager == tenant.Plain {
		line("data_directory", d.data)
		line("hba_file", filepath.Join(d.conf(), "pg_hba.conf"))
		line("ident_file", filepath.Join(d.conf(), "pg_ident.conf"))
		line("cluster_name", d.Tenant)
		line("timezone", "UTC")
		line("log_timezone", "UTC")
		line("log_line_prefix", "%m [%p] %q%u@%d ")
		line("dynamic_shared_memory_type", "posix")
	} else {
		line("external_pid_file", d.pidFile())
	}
	line("port", fmt.Sprint(d.Port()))
	line("unix_socket_directories", d.SocketDir)
	line("listen_addresses", d.Listen())
	line("password_encryption", "scram-sha-256")
	line("max_prepared_transactions", "0")
	if d.Listen() != "" {
		line("ssl", "on")
		line("ssl_cert_file", d.Certificate())
		line("ssl_key_file", filepath.Join(d.Home, "server.key"))
	} else {
		line("ssl", "off")
	}
	fmt.Fprintf(&b, "\n# What follows from %s of memory and %s processors:\n", megabytes(d.Resources.Memory), unlimited(d.Resources.CPU))
	for _, s := range d.sizes {
		if !d.overruled(s.Name) {
			fmt.Fprintf(&b, "%s = %s   # %s\n", s.Name, s.Value, s.Why)
		}
	}
	if len(d.Resources.Settings) > 0 {
		b.WriteString("\n# The spec's own:\n")
	}
	for _, s := range d.Resources.Settings {
		line(s.Name, s.Value)
	}
	return b.String()
}

func (d design) overruled(name string) bool {
	return slices.ContainsFunc(d.Resources.Settings, func(s tenant.Setting) bool { return s.Name == name })
}

func unlimited(milli int) string {
	if milli == 0 {
		return "any number of"
	}
	return Processors(milli)
}

// quote quotes a value of postgresql.conf, where a backslash escapes.
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// identMap is the map of pg_ident.conf by which landlord gets in: as root, or
// as the user that the server runs as.
const identMap = "landlord"

// hba is the first pg_hba.conf: nobody but landlord gets in. The tenants' rules
// are those of landlord's block, which comes next.
const hba = "# landlord's own way in, over the socket, by the user of the operating system.\nlocal all postgres peer map=" + identMap + "\n"

func (d design) ident() string {
	peers := []string{"root", d.OSUser}
	text := "# MAP OS-USER ROLE\n"
	for _, p := range slices.Compact(peers) {
		text += fmt.Sprintf("%s %s postgres\n", identMap, p)
	}
	return text
}

// socketMode closes the socket of a server with an OS user of its own.
func (d design) socketMode() string {
	if d.Resources.OSUser == tenant.OwnUser {
		return "0700"
	}
	return "0755"
}

// names are those that the certificate is for.
func (d design) names() []string {
	if listen := d.Listen(); listen != "localhost" {
		return []string{listen}
	}
	return []string{"localhost", "127.0.0.1", "::1"}
}
