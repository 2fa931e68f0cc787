package clustertest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/prove"
	"landlord/internal/run"
)

// bootedSpec has a server with all that must come back with the machine, one on a
// volume, and one that must not come back.
const bootedSpec = `host: {memory: 1GiB, interface: own0}
secrets: {file: /mnt/world/passwords}
router: {listen: [127.0.0.1]}
defaults: {isolation: cluster, resources: {memory: 192MiB}}
tenants:
  acme: {resources: {cpu: 0.5, address: 10.20.0.7, os_user: own}}
  bolt: {resources: {volume: /srv/bolt}}
  crux: {resources: {address: 10.20.0.8}}
`

// byAddress is what the router says of acme: no certificate is set up here.
const byAddress = "no tenant of server acme can come through the router: it is reached over TCP"

// TestReboot is a machine that loses its power and starts again: two systemds, one
// after the other, over the same /etc and /var, each with a network of its own that
// has nothing in it at first. The first ends with all its processes at once.
func TestReboot(t *testing.T) {
	switch os.Getenv("LANDLORD_BOOT") {
	case "1":
		(&world{T: t}).firstBoot()
		return
	case "2":
		(&world{T: t}).secondBoot()
		return
	}
	box, program := boxed(t)
	script := fmt.Sprintf(`set -e
mount -t tmpfs tmpfs /mnt; mkdir -p /mnt/volume /mnt/world; chmod 755 /mnt /mnt/world
for n in 1 2; do
  LANDLORD_BOOT=$n unshare -n %s bash -c 'set -e
    %s
    mount -t tmpfs tmpfs /srv; mkdir /srv/bolt; ip link set lo up; cp %s /run/test; cd /mnt/world
    exec /run/test -test.run "^TestReboot$" -test.v -test.timeout 15m'
done`, box, overlaid("/mnt"), program)
	if out, stderr, err := run.Command(t.Context(), run.Spec{Name: "unshare", Args: []string{"-m", "bash", "-c", script}}); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, stderr)
	}
}

// firstBoot makes the servers, and suspends one.
func (w *world) firstBoot() {
	w.must(`ip link add own0 type veth peer name own1; ip link set own0 up
rm -f /etc/systemd/system/multi-user.target.wants/pgbouncer.service
printf '[Mount]\nWhat=/mnt/volume\nWhere=/srv/bolt\nType=none\nOptions=bind\n' >/etc/systemd/system/srv-bolt.mount; systemctl daemon-reload; systemctl start srv-bolt.mount`)
	w.write(bootedSpec)
	w.apply()
	w.change("crux: {", "crux: {suspended: true, ")
	w.apply("crux")
	w.settled()
	w.route(1, byAddress)
	for _, name := range []string{"acme", "bolt"} {
		if err := w.sql(name, "SET ROLE "+name+"_owner", "CREATE TABLE "+name+".t AS SELECT 42 AS x"); err != nil {
			w.Fatal(err)
		}
	}
	w.must("umount /srv/bolt; true") // a power cut takes it away with all else
}

// secondBoot looks at what has come back by itself. The volume is missing first.
func (w *world) secondBoot() {
	w.write(strings.Replace(bootedSpec, "crux: {", "crux: {suspended: true, ", 1))
	// As multi-user.target does of a machine; the interface comes late.
	w.must(`mv /mnt/volume /mnt/gone; touch /mnt/volume
units=$(ls /etc/systemd/system/multi-user.target.wants | grep -E 'landlord|postgresql' | tr '\n' ' ')
printf '[Unit]\nDefaultDependencies=no\nWants=%s\nAfter=%s\n' "$units" "$units" >/run/systemd/system/boot.target
systemctl daemon-reload; systemctl start --no-block boot.target
ip link add own0 type veth peer name own1; ip link set own0 up; systemctl start boot.target; systemctl is-active postgresql@15-acme landlord-router@1`)
	if got := w.value("acme", "SELECT x FROM acme.t"); got != "42" {
		w.Errorf("acme's data is %s", got)
	}
	if out := w.must("ip -4 -o address show own0 | awk '{print $4}' | sort; ss -Hltnp | grep -c 10.20.0.7:5432"); out != "10.20.0.7/32\n10.20.0.8/32\n1\n" {
		w.Errorf("addresses: %s", out)
	}
	if out := w.must("systemctl show postgresql@15-acme -p MemoryMax -p CPUQuotaPerSecUSec -p Slice; pid=$(cat /run/landlord/acme/server.pid); grep -c landlord.slice /proc/$pid/cgroup; ps -o user= -p $pid"); !regexp.MustCompile(`(?s)Slice=landlord.slice.*CPUQuotaPerSecUSec=500ms.*MemoryMax=201326592\n[1-9]\d*\nll_acme`).MatchString(out) {
		w.Errorf("limits: %s", out)
	}
	lists := w.must("pg_lsclusters -h")
	for name, state := range map[string]string{"bolt": "down", "crux": "down"} {
		if !regexp.MustCompile(name + ` +5432 +` + state).MatchString(lists) {
			w.Errorf("%s is not %s:\n%s", name, state, lists)
		}
	}
	if entries, err := os.ReadDir("/srv/bolt"); err != nil || len(entries) > 0 {
		w.Errorf("born where the volume should be: %v %v", entries, err)
	}
	w.refused("bolt", "/srv/bolt", "is not mounted")
	w.must("rm /mnt/volume; mv /mnt/gone /mnt/volume; systemctl start postgresql@15-bolt")
	if got := w.value("bolt", "SELECT x FROM bolt.t"); got != "42" {
		w.Errorf("bolt's data is %s", got)
	}
	if again := w.route(1, byAddress); touched(again) {
		w.Errorf("the router is not as it was: %+v", again)
	}
	w.settled()
	for _, name := range []string{"acme", "bolt"} {
		r, err := landlord.Prove(w.Context(), w.Estate, name, landlord.Options{}, landlord.ProveHooks{})
		if err != nil || r.Escaped() || r.Broken() || r.Counts[prove.Held] == 0 {
			w.Errorf("prove %s: %v %v", name, err, r.Counts)
		}
	}
	w.change("suspended: true, ", "")
	w.apply("crux")
	w.settled()
	w.answers("crux")
}
