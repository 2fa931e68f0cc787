package cluster

import (
	"errors"
	"strings"
	"testing"

	"landlord/internal/tenant"
)

func own(name string, r tenant.Resources) tenant.OwnServer {
	if r.Memory == 0 {
		r.Memory = tenant.DefaultMemory
	}
	if r.OSUser == "" {
		r.OSUser = tenant.SharedUser
	}
	o := tenant.OwnServer{Tenant: name, Resources: r, Manager: tenant.Debian, Home: "/var/lib/landlord/" + name, SocketDir: "/run/landlord/" + name, OSUser: "postgres"}
	if r.OSUser == tenant.OwnUser {
		o.OSUser = "ll_" + name
	}
	return o
}

func debian() Have {
	return Have{Root: true, Debian: true, Memory: 16 << 30, CPUs: 8, Installs: []Install{{Major: 15, BinDir: "/usr/lib/postgresql/15/bin"}}, Interfaces: []string{"lo", "eth0"}}
}

func TestSizesFitBelowTheLimit(t *testing.T) {
	for _, m := range []int64{128 << 20, 256 << 20, 1 << 30, 4 << 30, 64 << 30} {
		for _, connections := range []int{0, 20, 300} {
			sizes := map[string]int64{}
			for _, s := range Sizes(tenant.Resources{Memory: m, CPU: 1500}, connections, 10<<30) {
				if s.Why == "" || s.Value == "" {
					t.Errorf("%+v", s)
				}
				var n int64
				for _, c := range strings.TrimSuffix(s.Value, "MB") {
					n = 10*n + int64(c-'0')
				}
				sizes[s.Name] = n
			}
			// Every connection with one sort, three workers of autovacuum, one
			// CREATE INDEX and the cache.
			sum := sizes["shared_buffers"] + sizes["max_connections"]*sizes["work_mem"] + 3*sizes["autovacuum_work_mem"] + sizes["maintenance_work_mem"]
			if connections < 300 && sum > m/mebi {
				t.Errorf("%s of memory, %d connections: %d MB are given away: %v", megabytes(m), connections, sum, sizes)
			}
			if sizes["max_connections"] < int64(connections)+reserved && connections > 0 || sizes["max_connections"] < 12 {
				t.Errorf("%d connections for %d", sizes["max_connections"], connections)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	volume := tenant.Resources{Volume: "/srv/acme"}
	address := tenant.Resources{Address: "10.0.0.7", Interface: "eth0"}
	made := Mark{Tenant: "acme", State: Made, Manager: tenant.Debian, Major: 15, Data: "/var/lib/postgresql/15/acme", OSUser: "postgres", Port: 5432}
	tests := []struct {
		name string
		r    tenant.Resources
		have func(*Have)
		want string // "" for none
	}{
		{"a new server", tenant.Resources{}, func(*Have) {}, ""},
		{"too much memory", tenant.Resources{Memory: 15 << 30}, func(*Have) {}, "want 15360MB of memory together, and this host has 14336MB for them: acme 15360MB"},
		{"too many processors", tenant.Resources{CPU: 8500}, func(*Have) {}, "want 8.5 processors together, and this host has 8 for them: acme 1024MB and 8.5 cpu"},
		{"no such major", tenant.Resources{Major: 17}, func(*Have) {}, "PostgreSQL 17, which tenant acme is to have, is not installed"},
		{"no Debian", tenant.Resources{}, func(h *Have) { h.Debian = false }, "this machine has not both"},
		{"not root", tenant.Resources{}, func(h *Have) { h.Root = false }, "wants root"},
		{"somebody's data", tenant.Resources{}, func(h *Have) { h.Data = Directory{Exists: true} }, "/var/lib/postgresql/15/acme is there already, and not empty"},
		{"an empty directory", tenant.Resources{}, func(h *Have) { h.Data = Directory{Exists: true, Empty: true} }, ""},
		{"somebody's server", tenant.Resources{}, func(h *Have) { h.Listed = true }, "has a server 15/acme already"},
		{"somebody's user", tenant.Resources{OSUser: tenant.OwnUser, Port: 5433}, func(h *Have) { h.HasUser = true }, "has a user ll_acme already"},
		{"no volume", volume, func(*Have) {}, "/srv/acme, the volume of tenant acme, is no mount point"},
		{"a volume in use", volume, func(h *Have) { h.Volume = Volume{Mounted: true, Free: 1 << 30} }, "is not empty"},
		{"a small volume", volume, func(h *Have) { h.Volume = Volume{Mounted: true, Empty: true, Free: 100 << 20} }, "has room for 100MB; a new server wants 128MB"},
		{"a volume", volume, func(h *Have) { h.Volume = Volume{Mounted: true, Empty: true, Free: 1 << 30, Size: 1 << 30} }, ""},
		{"no interface", tenant.Resources{Address: "10.0.0.7", Interface: "eth1"}, func(*Have) {}, "this machine has no interface eth1"},
		{"an address of nobody's", tenant.Resources{Address: "10.0.0.7"}, func(*Have) {}, "no interface of this machine has the address 10.0.0.7"},
		{"somebody's address", address, func(h *Have) { h.Addressed = []string{"eth0"} }, "is on eth0 already, and landlord did not add it"},
		{"another volume", volume, func(h *Have) { h.Mark = &made; h.Data.Exists = true }, "has volume none, and the spec says /srv/acme"},
		{"another user", tenant.Resources{OSUser: tenant.OwnUser, Port: 1}, func(h *Have) { h.Mark = &made; h.Data.Exists = true }, "has os_user of the server postgres, and the spec says ll_acme"},
		{"its data is gone", tenant.Resources{}, func(h *Have) { h.Mark = &made }, "the data directory of tenant acme, is gone"},
		{"being removed", tenant.Resources{}, func(h *Have) { m := made; m.State = Removing; h.Mark = &m }, "is being removed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, have := own("acme", tt.r), debian()
			tt.have(&have)
			_, err := Make(Want{Own: o, All: []tenant.OwnServer{o}}, have)
			refused(t, err, tt.want)
		})
	}
}

// TestMadeAnewIsConfiguredAnew: what an interrupted landlord had written goes
// with the half server, and is written again.
func TestMadeAnewIsConfiguredAnew(t *testing.T) {
	o, have := own("acme", tenant.Resources{}), debian()
	w := Want{Own: o, All: []tenant.OwnServer{o}}
	d, err := newDesign(w, have)
	if err != nil {
		t.Fatal(err)
	}
	mark := d.mark(Making)
	have.Mark, have.Listed, have.Data, have.Files = &mark, true, Directory{Exists: true}, map[string]File{}
	for _, f := range append(d.confFiles(), d.markFile(mark)) {
		have.Files[f.Path] = f
	}
	got := script(t, w, have)
	_, after, _ := strings.Cut(got, "pg_createcluster")
	for _, want := range []string{"/etc/postgresql/15/acme/conf.d/landlord.conf <<", "/etc/postgresql/15/acme/start.conf <<", "/etc/postgresql/15/acme/pg_hba.conf <<"} {
		if !strings.Contains(after, want) {
			t.Errorf("%s is not written after the server is made anew:\n%s", want, got)
		}
	}
}

// TestSystemdIsAtIt: a server that systemd is just starting or stopping is left
// to systemd.
func TestSystemdIsAtIt(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		o, have := own("acme", tenant.Resources{}), debian()
		o.Stopped = stopped
		w := Want{Own: o, All: []tenant.OwnServer{o}}
		d, err := newDesign(w, have)
		if err != nil {
			t.Fatal(err)
		}
		mark := d.mark(Made)
		have.Mark, have.Listed, have.Data.Exists, have.Running, have.Supervised, have.Between = &mark, true, true, true, true, true
		p, err := Make(w, have)
		if err != nil {
			t.Fatal(err)
		}
		want := "systemctl start postgresql@15-acme.service"
		if stopped {
			want = "systemctl stop postgresql@15-acme.service"
		}
		if got := strings.Join(p.Steps[len(p.Steps)-1].Commands, "\n"); got != want {
			t.Errorf("stopped %v: %s", stopped, got)
		}
	}
}

func TestAddressesHaveAUnitAndAreNeededByTheServer(t *testing.T) {
	o := own("acme", tenant.Resources{Address: "fd00::7", Interface: "eth0", CPU: 1500, IOWeight: 50, Volume: "/srv/acme"})
	d, err := newDesign(Want{Own: o}, debian())
	if err != nil {
		t.Fatal(err)
	}
	if text := d.addressText(); !strings.Contains(text, "ip address replace fd00::7/128 dev eth0 nodad\n") || !strings.Contains(text, "Before=postgresql@15-acme.service\n") {
		t.Error(text)
	}
	for _, line := range []string{"AssertPathIsMountPoint=/srv/acme", "AssertPathExists=/srv/acme/data/PG_VERSION", "Requires=landlord-address-acme.service",
		"Slice=landlord.slice", "CPUQuota=150%", "MemoryMax=1073741824", "IOWeight=50", "OOMPolicy=continue", "StartLimitIntervalSec=0",
		"TemporaryFileSystem=/dev/shm:rw,nosuid,nodev,mode=1777,size=1073741824"} {
		if !strings.Contains(d.dropIn(), line+"\n") {
			t.Errorf("%s is missing:\n%s", line, d.dropIn())
		}
	}
}

func TestAPlanIsAScript(t *testing.T) {
	o := own("acme", tenant.Resources{OSUser: tenant.OwnUser, Port: 5433, Settings: []tenant.Setting{{Name: "log_line_prefix", Value: `it's \m`}}})
	p, err := Make(Want{Own: o, All: []tenant.OwnServer{o}}, debian())
	if err != nil {
		t.Fatal(err)
	}
	script := ""
	for _, s := range p.Steps {
		script += strings.Join(s.Commands, "\n") + "\n"
	}
	for _, want := range []string{
		"useradd --system --user-group --home-dir /var/lib/landlord/acme --no-create-home --shell /usr/sbin/nologin --comment 'landlord tenant acme' ll_acme\n",
		"pg_createcluster 15 acme -u ll_acme -g ll_acme -d /var/lib/landlord/acme/data -s /run/landlord/acme -p 5433",
		`log_line_prefix = 'it\'s \\m'`, "systemctl start postgresql@15-acme.service", "shared_buffers = 256MB   # a quarter of the memory",
		"local all postgres peer map=landlord",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("%q is missing in\n%s", want, script)
		}
	}
	if strings.Contains(script, "trust") || strings.Contains(script, "md5") {
		t.Error("trust or md5 is in the script")
	}
}

// refused says that an error is a refusal with a text in it, and says what to do
// next; or that there is none, where the text is empty.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	var refusal *RefusalError
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (!errors.As(err, &refusal) || !strings.Contains(err.Error(), want) || refusal.Hint() == ""):
		t.Errorf("%v, without %q", err, want)
	}
}
