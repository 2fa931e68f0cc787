package spec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/tenant"
)

func TestMistakesOfServersOfTheirOwn(t *testing.T) {
	own := func(resources string) string {
		return head + "  acme: {isolation: cluster, resources: " + resources + "}\n"
	}
	tests := []struct {
		name, text string
		want       []mistake
	}{
		{"only cluster has resources", head + "  acme: {resources: {cpu: 2}}\n", []mistake{{5, 10, "tenants.acme.resources", "only a tenant with isolation: cluster has a server of its own, and resources", ""}}},
		{"a server of another's", head + "  acme: {isolation: cluster, server: main}\n", []mistake{{5, 30, "tenants.acme.server", "a tenant with isolation: cluster has a server of its own, with the tenant's name: leave this out", ""}}},
		{"the name of a server", head + "  main: {isolation: cluster}\n", []mistake{{5, 3, "tenants.main", "its own server would have the name main, which stands under servers already", ""}}},
		{"no server, and no cluster", "host: {}\ntenants: {acme: {}}\n", []mistake{{2, 11, "tenants.acme.server", "which server? The file names none, so that only isolation: cluster is possible", ""}}},
		{"values", own("{cpu: 0, memory: 1MiB, io_weight: 0, port: 70000, major: 9, volume: ../x, address: 10.0.0.300, os_user: mine}"), []mistake{
			{5, 47, "tenants.acme.resources.cpu", "wants at least 0.01 of a processor", ""},
			{5, 58, "tenants.acme.resources.memory", "a server wants at least 128MiB", ""},
			{5, 75, "tenants.acme.resources.io_weight", "wants a whole number from 1 to 10000, found 0", ""},
			{5, 84, "tenants.acme.resources.port", "wants a whole number from 1 to 65535, found 70000", ""},
			{5, 98, "tenants.acme.resources.major", "wants a whole number from 14 to 99, found 9", ""},
			{5, 109, "tenants.acme.resources.volume", `"../x" is no directory that landlord takes: an absolute path of letters, digits and . _ + -, without a / at its end`, ""},
			{5, 124, "tenants.acme.resources.address", `"10.0.0.300" is no address, such as 10.20.0.7`, ""},
			{5, 145, "tenants.acme.resources.os_user", `"mine" is none of shared, own`, ""}}},
		{"everywhere", own("{address: '0.0.0.0'}"), []mistake{{5, 51, "tenants.acme.resources.address", "0.0.0.0 is no address of one machine: the server would listen everywhere", ""}}},
		{"landlord's settings", own("{settings: {Port: 1, shared_buffers: 1GB, SHARED_buffers: 2GB}}"), []mistake{
			{5, 53, "tenants.acme.resources.settings.Port", "cannot stand under resources: settings: write it as resources: port", ""},
			{5, 83, "tenants.acme.resources.settings.SHARED_buffers", "given twice: PostgreSQL does not tell capitals in a parameter's name", ""}}},
		{"a closed socket and nothing else", own("{os_user: own}"), []mistake{{5, 42, "tenants.acme.resources.os_user",
			"the socket of a server with an OS user of its own is closed to everybody else, the router and the tenant's programs among them: give it an address, or a port on localhost", ""}}},
		{"a user's long name", head + "  " + strings.Repeat("a", 30) + ": {isolation: cluster, resources: {os_user: own, port: 1}}\n", []mistake{{5, 68, "tenants." + strings.Repeat("a", 30) + ".resources.os_user",
			"Linux keeps 32 bytes of a user's name, so that the tenant's may have 29 at most", ""}}},
		{"one place for two", head + "  acme: {isolation: cluster, resources: {address: 10.0.0.7, volume: /srv/a}}\n  bolt: {isolation: cluster, resources: {address: '::ffff:10.0.0.7', volume: /srv/a, port: 5433}}\n", []mistake{
			{6, 42, "tenants.bolt.resources.address", "address 10.0.0.7 is tenant acme's already", ""},
			{6, 70, "tenants.bolt.resources.volume", "volume /srv/a is tenant acme's already", ""}}},
		{"one port for two", head + "  acme: {isolation: cluster, resources: {port: 5433}}\n  bolt: {isolation: cluster, resources: {port: 5433}}\n", []mistake{
			{6, 42, "tenants.bolt.resources.port", "port 5433 is tenant acme's already", ""}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mistakes(t, tt.text)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestServersOfTheirOwn(t *testing.T) {
	e, err := Parse("f", []byte(`host: {interface: eth0, clients: [10.0.0.0/8]}
admins: {ops: {data_access: full}}
profiles: {small: {resources: {memory: 512MiB, cpu: 0.5, settings: {work_mem: 1MB, jit: false}}}}
defaults: {isolation: cluster, profile: small}
tenants:
  acme: {resources: {address: 10.20.0.7, os_user: own, settings: {jit: none}}}
  bolt: {suspended: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	acme, _ := e.Server("acme")
	want := tenant.OwnServer{Tenant: "acme", Manager: tenant.Debian, Home: "/var/lib/landlord/acme", SocketDir: "/run/landlord/acme", OSUser: "ll_acme",
		Resources: tenant.Resources{CPU: 500, Memory: 512 << 20, Address: "10.20.0.7", Interface: "eth0", OSUser: tenant.OwnUser, Settings: []tenant.Setting{{Name: "work_mem", Value: "1MB"}}}}
	if diff := cmp.Diff(want, *acme.Own); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if acme.Connection != "host=/run/landlord/acme port=5432 user=postgres" || acme.Endpoint != "host=10.20.0.7 port=5432 sslmode=verify-full sslrootcert=/var/lib/landlord/acme/server.crt" ||
		len(acme.Admins) != 1 || len(acme.Clients) != 1 {
		t.Errorf("server acme: %+v", acme)
	}
	bolt, _ := e.Server("bolt")
	if !bolt.Own.Stopped || bolt.Endpoint != "" || bolt.Own.OSUser != "postgres" || len(bolt.Own.Resources.Settings) != 2 {
		t.Errorf("server bolt: %+v %+v", bolt, bolt.Own)
	}
	if on := e.On("acme"); len(on) != 1 || !on[0].Own() || on[0].Server != "acme" {
		t.Errorf("on server acme: %+v", on)
	}
}

// A tenant's own server comes and goes with its entry, the last one's too.
func TestEditsOfServersOfTheirOwn(t *testing.T) {
	text := []byte("host: {}\ndefaults: {isolation: cluster}\ntenants:\n  acme: {}\n")
	edited, err := Edit("f", text, Add(TenantEntry{Name: "bolt", Keys: []KeyValue{{"resources.cpu", []string{"0.5"}}, {"resources.settings.max_connections", []string{"30"}}}}))
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := edited.After.Server("bolt"); !ok || s.Own.Resources.CPU != 500 || len(s.Own.Resources.Settings) != 1 {
		t.Errorf("%+v\n%s", s.Own, edited.Text)
	}
	if edited, err = Edit("f", edited.Text, Set("bolt", "suspended", "true")); err != nil {
		t.Fatal(err)
	}
	if s, _ := edited.After.Server("bolt"); !s.Own.Stopped {
		t.Error("suspended, and its server is to run")
	}
	for _, name := range []string{"bolt", "acme"} {
		if edited, err = Edit("f", edited.Text, Remove(name)); err != nil {
			t.Fatal(err)
		}
	}
	if len(edited.After.Servers) != 0 {
		t.Errorf("left: %+v", edited.After.Servers)
	}
}
