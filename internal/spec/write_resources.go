package spec

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"landlord/internal/tenant"
)

// host prints this machine, unless nothing is said of it.
func (w *writer) host(h tenant.Host, must bool) {
	var body writer
	body.given(1, "manager", string(h.Kind()), string(tenant.Debian))
	body.given(1, "directory", h.Dir(), tenant.DefaultDirectory)
	if h.Memory > 0 {
		body.value(1, "memory", formatSize(h.Memory))
	}
	if h.CPU > 0 {
		body.value(1, "cpu", formatCPU(h.CPU))
	}
	body.given(1, "interface", h.Interface, "")
	if len(h.Clients) > 0 {
		body.value(1, "clients", flow(h.Clients, netip.Prefix.String))
	}
	if len(h.Operators) > 0 {
		body.value(1, "operators", names(h.Operators))
	}
	switch {
	case body.Len() > 0:
		w.key(0, "host")
		w.Write(body.Bytes())
	case must:
		w.value(0, "host", "{}")
	}
}

// resources prints what a tenant's own server may use.
func (w *writer) resources(t tenant.Tenant) {
	if t.Resources == nil {
		return
	}
	r := *t.Resources
	var body writer
	if r.CPU > 0 {
		body.value(3, "cpu", formatCPU(r.CPU))
	}
	if r.Memory > 0 && r.Memory != tenant.DefaultMemory {
		body.value(3, "memory", formatSize(r.Memory))
	}
	if r.IOWeight > 0 {
		body.value(3, "io_weight", strconv.Itoa(r.IOWeight))
	}
	body.given(3, "volume", r.Volume, "")
	body.given(3, "address", r.Address, "")
	body.given(3, "interface", r.Interface, "")
	if r.Port > 0 {
		body.value(3, "port", strconv.Itoa(r.Port))
	}
	if r.Major > 0 {
		body.value(3, "major", strconv.Itoa(r.Major))
	}
	if r.OSUser == tenant.OwnUser {
		body.value(3, "os_user", string(r.OSUser))
	}
	body.settings(3, r.Settings)
	if body.Len() > 0 {
		w.key(2, "resources")
		w.Write(body.Bytes())
	}
}

// formatCPU writes thousandths of a processor as a number of processors.
func formatCPU(milli int) string {
	s := fmt.Sprintf("%d.%03d", milli/1000, milli%1000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
