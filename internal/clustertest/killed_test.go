package clustertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"landlord"
	"landlord/internal/cluster"
	"landlord/internal/cluster/host"
	"landlord/internal/localpg"
	"landlord/internal/pgtest"
	"landlord/internal/tenant"
)

func (w *world) server(name string) tenant.Server {
	s, ok := w.Server(name)
	if !ok {
		w.Fatalf("no server %s", name)
	}
	return s
}

// plain is a host with the plain manager in a directory of the test's own.
func plain(t *testing.T, tenants string) *world {
	installed := localpg.Installed(t.Context())
	if len(installed) == 0 {
		t.Skip("SKIPPED, AND NOT TRIED: there is no PostgreSQL")
	}
	dir, err := os.MkdirTemp("", "own-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t}
	w.write(fmt.Sprintf("host: {manager: plain, directory: %s}\ndefaults: {isolation: cluster, resources: {memory: 128MiB, settings: {fsync: off}}}\ntenants:\n%s", filepath.Join(dir, "h"), tenants))
	t.Cleanup(func() {
		marks, _ := host.Marks(w.Host)
		for _, m := range marks {
			if err := landlord.RemoveServer(context.WithoutCancel(t.Context()), w.Estate, m.Tenant, landlord.Hooks{}); err != nil {
				t.Error(err)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return w
}

// some does the first n operations of what is to be done for a server, and says
// whether that was all.
func (w *world) some(name string, gone bool, n int) (all bool) {
	w.Helper()
	s := w.server(name)
	want := cluster.Want{Own: *s.Own, Host: w.Host, Gone: gone}
	have, err := host.Look(w.Context(), want)
	if err != nil {
		w.Fatal(err)
	}
	p, err := cluster.Make(want, have)
	if err != nil {
		w.Fatalf("after a kill: %v", err)
	}
	for _, step := range p.Steps {
		for _, op := range step.Ops {
			if n == 0 {
				return false
			}
			n--
			if err := host.Do(w.Context(), op); err != nil {
				w.Fatalf("%s: %v", step.Why, err)
			}
		}
	}
	return true
}

// stride is by how many commands further each attempt gets before it is killed:
// LANDLORD_EVERY_STEP=1 leaves none out, and takes longer.
func stride() int {
	if os.Getenv("LANDLORD_EVERY_STEP") != "" {
		return 1
	}
	return 2
}

// removedStep is a removal that is killed after each command.
func (w *world) removedStep(name string) {
	w.Helper()
	for n := 1; !w.some(name, true, n); n++ {
	}
}

// oldest is the oldest PostgreSQL there is that landlord knows: any pg_dump can dump it.
func oldest(t *testing.T) int {
	major := 0
	for _, in := range localpg.Installed(t.Context()) {
		if in.Major >= 14 && (major == 0 || in.Major < major) {
			major = in.Major
		}
	}
	return major
}

func TestKilledAfterEachCommand(t *testing.T) {
	port, next := fmt.Sprintf("port: %d", pgtest.FreePort(t)), fmt.Sprintf("port: %d", pgtest.FreePort(t))
	w := plain(t, fmt.Sprintf("  acme: {resources: {%s, major: %d}}\n", port, oldest(t)))
	rounds := 0
	for n := 1; !w.some("acme", false, n); n += stride() {
		rounds++
	}
	if rounds < 5 {
		t.Errorf("killed %d times only", rounds)
	}
	w.apply()
	w.settled()
	w.answers("acme")
	if err := w.sql("acme", "CREATE TABLE acme.t AS SELECT 42 AS x"); err != nil {
		t.Fatal(err)
	}

	w.apply()

	// What has run once is never made anew, whatever the mark says.
	mark := cluster.MarkPath(w.server("acme").Own.Home)
	text, _ := os.ReadFile(mark)
	if err := os.WriteFile(mark, []byte(strings.Replace(string(text), `"made"`, `"making"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	w.refused("acme", "has run")
	if err := os.WriteFile(mark, text, 0o644); err != nil {
		t.Fatal(err)
	}
	w.settled()
	if w.value("acme", "SELECT x FROM acme.t") != "42" {
		t.Error("the data is gone")
	}

	w.change(port, next)
	w.apply()
	w.settled()
	if got := w.value("acme", "SHOW port"); "port: "+got != next {
		t.Errorf("port %s", got)
	}
	w.must("kill -QUIT $(head -n 1 " + filepath.Join(w.server("acme").Own.Home, "data", "postmaster.pid") + ")")
	for down := false; !down; time.Sleep(5 * time.Millisecond) { // it ends
		all, err := landlord.List(w.Context(), w.server("acme"))
		down = err == nil && len(all) == 1 && all[0].Down() && !all[0].Suspended
	}
	w.apply()
	w.answers("acme")
	w.unlisted("acme")
	w.removedStep("acme")
	if _, err := os.Stat(w.server("acme").Own.Home); err == nil {
		t.Error("it is still there")
	}
}

// unlisted: of a tenant who is out of the spec, a dump can be had as well.
func (w *world) unlisted(name string) {
	w.Helper()
	dir := w.TempDir()
	kept, err := landlord.Vacate(w.Context(), tenant.Estate{Host: w.Host}, name, dir, landlord.Hooks{})
	if err != nil || len(kept) != 1 || kept[0].Bytes == 0 {
		w.Fatalf("%+v %v", kept, err)
	}
	if got := w.value(name, "SELECT count(*) FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'acme\\_%'"); got != "0" {
		w.Errorf("%s logins are open", got)
	}
	left, err := landlord.Leftovers(tenant.Estate{Host: w.Host})
	if err != nil || len(left) != 1 {
		w.Errorf("%+v %v", left, err)
	}
}

func TestNoDataDirectoryIsOverwritten(t *testing.T) {
	w := plain(t, "  acme: {}\n")
	data := filepath.Join(w.server("acme").Own.Home, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(data, "precious")
	if err := os.WriteFile(precious, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.refused("acme", data, "not empty")
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	_ = os.RemoveAll(filepath.Dir(data))
}
