package clustertest

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"landlord"
	"landlord/internal/cluster"
	"landlord/internal/cluster/host"
	"landlord/internal/connect"
	"landlord/internal/prove"
)

const hostSpec = `host: {memory: 1GiB, interface: own0, clients: [10.20.0.0/24, "fd20::/64"]}
secrets: {file: /run/world/passwords}
defaults: {isolation: cluster, rights: ddl, resources: {memory: 256MiB, settings: {fsync: off}}}
tenants:
  acme: {resources: {address: 10.20.0.7, os_user: own}}
  bolt: {resources: {memory: 400MiB, io_weight: 200, address: "fd20::8", volume: /srv/bolt, cpu: none, settings: {max_connections: 20}}}
  crux: {schemas: [crux, crux_in], databases: {crux_more: {}}, logins: {app: [crux_app, crux_batch]}}
`

func TestServersUnderSystemd(t *testing.T) {
	if !inBox(t) {
		return
	}
	w := &world{T: t}
	// The whole of a small volume is there again when it is mounted again.
	w.must(`ip link set lo up; ip link add own0 type veth peer name own1; ip link set own0 up
mkdir -p /run/volume /srv; mount -t tmpfs tmpfs /srv; mount -t tmpfs -o size=250m tmpfs /run/volume; mkdir -p /srv/bolt`)
	w.write(hostSpec)
	w.refused("bolt", "/srv/bolt", "no mount point")
	w.must("mount --bind /run/volume /srv/bolt; touch /srv/bolt/somebodys")
	w.refused("bolt", "not empty")
	w.must("rm /srv/bolt/somebodys")
	w.change("memory: 1GiB", "memory: 600MiB")
	w.refused("acme", "912MB of memory together, and this host has 600MB", "acme 256MB, bolt 400MB, crux 256MB")
	w.change("memory: 600MiB", "memory: 1GiB")

	w.half()
	for n := 1; !w.some("crux", false, n); n += stride() { // killed after each command
	}
	w.apply()
	w.settled()
	for _, step := range []struct {
		name string
		do   func(*world)
	}{
		{"addresses", (*world).addresses}, {"files", (*world).files}, {"proof", (*world).proof},
		{"connections", (*world).connections}, {"memory", (*world).memory}, {"processors", (*world).processors},
		{"volume", (*world).volume}, {"mount", (*world).mount}, {"suspend", (*world).suspend}, {"moved", (*world).moved}, {"remove", (*world).remove},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			in := *w
			in.T = t
			step.do(&in)
			w.text, w.Estate = in.text, in.Estate
		}) {
			t.FailNow() // the next would only say so again
		}
	}
}

// half stops where crux's server is half made: the next apply makes it anew.
func (w *world) half() {
	s, _ := w.Server("crux")
	want := cluster.Want{Own: *s.Own, Host: w.Host}
	have, err := host.Look(w.Context(), want)
	if err != nil {
		w.Fatal(err)
	}
	p, err := cluster.Make(want, have)
	if err != nil {
		w.Fatal(err)
	}
	for _, step := range p.Steps {
		for _, op := range step.Ops {
			if err := host.Do(w.Context(), op); err != nil {
				w.Fatal(err)
			}
			if op.Run != nil && op.Run[0] == "pg_createcluster" {
				w.must("rm /var/lib/postgresql/15/crux/PG_VERSION /etc/postgresql/15/crux/pg_hba.conf")
				return
			}
		}
	}
	w.Fatal("crux's server was not made")
}

// addresses: each server listens on its own one, and nowhere else.
func (w *world) addresses() {
	out := w.must("ss -Hltnp | grep postgres | awk '{print $4}' | sort")
	if out != "10.20.0.7:5432\n[fd20::8]:5432\n" {
		w.Errorf("listening: %q", out)
	}
	// What the machine does when it starts: the address comes with the server, and
	// without it.
	for _, name := range []string{"acme", "bolt"} {
		w.must(fmt.Sprintf("systemctl stop postgresql@15-%s landlord-address-%[1]s; systemctl is-enabled landlord-address-%[1]s", name))
	}
	if out := w.must("ip -o address show own0 scope global"); out != "" {
		w.Errorf("stopped, the addresses are still there: %s", out)
	}
	w.must("systemctl start postgresql@15-acme postgresql@15-bolt")
	w.answers("acme")
	w.answers("bolt")
	w.settled()
	// Somebody else has taken it away: it comes again, and no session ends.
	pid := w.must("cat /run/landlord/bolt/server.pid; ip address del fd20::8/128 dev own0")
	w.apply("bolt")
	w.settled()
	if now := w.must("cat /run/landlord/bolt/server.pid; ip -o address show own0 | grep -q fd20::8/128"); now != pid {
		w.Error("bolt's server has started again for its address")
	}
}

// files: nobody but its own user reads those of a server with one; by landlord's
// map it is no stranger who comes in as superuser.
func (w *world) files() {
	snap, err := landlord.Snapshot(w.Context(), landlord.SnapshotOptions{Conninfo: w.server("acme").Connection})
	if err != nil {
		w.Fatal(err)
	}
	for _, f := range landlord.Audit(landlord.AuditSnapshot("acme", snap, w.Estate, "acme")).Findings {
		if strings.HasPrefix(f.Code, "ident-") {
			w.Errorf("the audit finds %s: %s", f.Code, f.What)
		}
	}
	for _, path := range []string{"/var/lib/landlord/acme/data/PG_VERSION", "/run/landlord/acme/.s.PGSQL.5432", "/var/log/postgresql/postgresql-15-acme.log", "/var/lib/landlord/acme/server.key"} {
		if out, err := w.shell("runuser -u postgres -- test -r " + path); err == nil {
			w.Errorf("postgres reads %s %s", path, out)
		}
		w.must("runuser -u ll_acme -- test -r " + path)
	}
	if out, err := w.shell("runuser -u postgres -- mv /etc/postgresql/15/acme /etc/postgresql/15/other"); err == nil {
		w.Errorf("postgres puts another configuration in the place of acme's: %s", out)
	}
}

func (w *world) proof() {
	p, err := landlord.Plan(w.Context(), w.Estate, "bolt", landlord.Options{})
	if err != nil || len(p.Notes) != 1 || !p.Notes[0].Cannot || !strings.Contains(p.Notes[0].What, "io_weight 200 of bolt's server is not in force") {
		w.Errorf("the plan for bolt says %+v %v", p.Notes, err)
	}
	w.must("test $(stat -L -c %d /dev/shm /proc/$(cat /run/landlord/acme/server.pid)/root/dev/shm /proc/$(cat /run/landlord/bolt/server.pid)/root/dev/shm | sort -u | wc -l) = 3")
	for _, name := range []string{"acme", "bolt", "crux"} {
		r, err := landlord.Prove(w.Context(), w.Estate, name, landlord.Options{}, landlord.ProveHooks{})
		if err != nil || r.Escaped() || r.Broken() {
			w.Fatalf("prove %s: %v %v", name, err, r.Counts)
		}
		seen := map[string]prove.Verdict{}
		for _, o := range r.Outcomes {
			if o.Relation == prove.OtherServer {
				seen[o.Probe] = o.Verdict
			}
			// bolt's volume is in memory here: no disk goes by its weight.
			if o.Probe == "heavy-disk" && (o.Verdict != prove.Exposed || strings.Contains(o.Consequence, "io_weight 200 is not in force") != (name == "bolt")) {
				w.Errorf("%s: %s: %s %s", name, o.Probe, o.Verdict, o.Consequence)
			}
			if o.Probe == "heavy-shared-memory" && o.Verdict != prove.Held {
				w.Errorf("%s: %s: %s %s", name, o.Probe, o.Verdict, o.Consequence)
			}
			if o.Verdict == prove.Exposed && (o.Closes == prove.ByCluster || o.Closes == prove.ByDatabase) {
				w.Errorf("%s: %s is exposed, in a server of its own", name, o.Probe)
			}
		}
		files := prove.Held
		if name == "bolt" || name == "crux" {
			files = seen["read-b-server-files"] // against acme it holds, against each other it does not
		}
		want := map[string]prove.Verdict{"connect-b-server": prove.Held, "login-on-b-server-wrong-password": prove.Held, "read-b-server-files": files,
			"heavy-unauthenticated-b-server": seen["heavy-unauthenticated-b-server"]} // crux has no address
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			w.Errorf("%s, against servers elsewhere: %v", name, seen)
		}
	}
}

// connections: bolt takes all of its own, and the others have theirs.
func (w *world) connections() {
	s, _ := w.Server("bolt")
	for range 40 {
		conn, err := connect.Open(w.Context(), s.Connection, connect.Options{Database: "bolt"})
		if err != nil {
			if connect.State(err) != "53300" {
				w.Errorf("bolt: %v", err)
			}
			w.answers("acme")
			w.answers("crux")
			return
		}
		defer connect.Close(conn)
	}
	w.Error("bolt has more connections than it may")
}

// memory: a session of bolt's that takes too much is killed, and nobody else.
func (w *world) memory() {
	pid := w.must("cat /run/landlord/acme/server.pid")
	err := w.sql("bolt", "SELECT length(string_agg(repeat('x', 1000), '')) FROM generate_series(1, 600000)")
	if err == nil {
		w.Fatal("bolt has more memory than its limit")
	}
	w.answers("acme")
	w.answers("crux")
	if now := w.must("cat /run/landlord/acme/server.pid"); now != pid {
		w.Error("acme's server is another one now")
	}
	if out := w.must("cat /sys/fs/cgroup/memory/landlord.slice/postgresql@15-bolt.service/memory.oom_control /sys/fs/cgroup/landlord.slice/postgresql@15-bolt.service/memory.events 2>/dev/null || true"); !strings.Contains(out, "oom_kill ") || strings.Contains(out, "oom_kill 0") {
		w.Errorf("nobody was killed for bolt's memory (%v): %s", err, out)
	}
	for range 200 { // it recovers
		if err = w.sql("bolt", "SELECT 1"); err == nil {
			break
		}
		w.must("sleep 0.1")
	}
	w.answers("bolt")
	w.settled()
}

// processors: how much work gets done in a time, with a quota and without.
func (w *world) processors() {
	const work = `CREATE FUNCTION pg_temp.work() RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE n bigint := 0; t timestamptz := clock_timestamp() + interval '1500ms';
	BEGIN WHILE clock_timestamp() < t LOOP PERFORM md5(n::text); n := n + 1; END LOOP; RETURN n; END $$`
	// rounds of work in 1.5 s, and the processor's time that they took, which the
	// session's process has used, in seconds.
	count := func() (int, float64) {
		s, _ := w.Server("crux")
		conn, err := connect.Open(w.Context(), s.Connection, connect.Options{Database: "crux"})
		if err != nil {
			w.Fatal(err)
		}
		defer connect.Close(conn)
		before := processorTime(w.T, conn.PID())
		r, err := conn.Exec(w.Context(), work+"; SELECT pg_temp.work()").ReadAll()
		if err != nil {
			w.Fatal(err)
		}
		n, _ := strconv.Atoi(string(r[len(r)-1].Rows[0][0]))
		return n, processorTime(w.T, conn.PID()) - before
	}
	free, freely := count()
	w.change("crux: {", "crux: {resources: {cpu: 0.1}, ")
	w.apply("crux")
	w.settled()
	held, took := count()
	w.Logf("measured: in 1.5 s %d rounds of work and %.2f s of a processor without a quota, %d and %.2f s with a tenth of a processor", free, freely, held, took)
	// Twice the quota is a wide margin: the kernel counts in ticks. What other
	// programs leave of the processors does not matter for it.
	if took > 2*0.1*1.5 {
		w.Errorf("the quota of a tenth of a processor does not hold: %.2f s in 1.5 s were used", took)
	}
	throttled := func() bool {
		return strings.TrimSpace(w.must("cat /sys/fs/cgroup/cpu/landlord.slice/postgresql@15-crux.service/cpu.stat /sys/fs/cgroup/landlord.slice/postgresql@15-crux.service/cpu.stat 2>/dev/null | grep nr_throttled")) != "nr_throttled 0"
	}
	for tries := 0; !throttled() && tries < 40; tries++ { // others may leave less than the quota for a while
		count()
	}
	if !throttled() {
		w.Error("nobody was throttled")
	}
}

// processorTime is what a process has used, in seconds (proc(5), stat: the
// fields 14 and 15, in hundredths).
func processorTime(t *testing.T, pid uint32) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return float64(user+system) / 100
}

// volume: bolt fills its own, and nobody else's.
func (w *world) volume() {
	for what, sql := range map[string][]string{
		"its tables":      {"CREATE UNLOGGED TABLE bolt.fill (x text)", "ALTER TABLE bolt.fill ALTER x SET STORAGE EXTERNAL", "INSERT INTO bolt.fill SELECT repeat(n::text, 100000) FROM generate_series(100000, 101000) n"},
		"temporary files": {"SET work_mem = '64kB'", "SELECT pg_catalog.count(*) FROM (SELECT repeat(n::text, 200) AS x FROM generate_series(100000, 600000) n ORDER BY 1 OFFSET 1) y"},
	} {
		if err := w.sql("bolt", sql...); connect.State(err) != "53100" {
			w.Errorf("bolt fills its volume with %s: %v", what, err)
		}
	}
	for _, name := range []string{"acme", "crux"} {
		if err := w.sql(name, "CREATE TABLE "+name+".t (x int)", "INSERT INTO "+name+".t VALUES (1)", "DROP TABLE "+name+".t"); err != nil {
			w.Errorf("%s, while bolt's volume is full: %v", name, err)
		}
	}
	if err := w.sql("bolt", "DROP TABLE IF EXISTS bolt.fill"); err != nil {
		w.Errorf("bolt does not get over it: %v", err)
	}
}

// mount: without its volume, a server does not start, and nothing is born in
// the directory below.
func (w *world) mount() {
	w.must("systemctl stop postgresql@15-bolt; umount /srv/bolt")
	if out, err := w.shell("systemctl start postgresql@15-bolt"); err == nil {
		w.Errorf("it starts without its volume: %s", out)
	}
	w.refused("bolt", "/srv/bolt", "is not mounted")
	if entries, _ := os.ReadDir("/srv/bolt"); len(entries) > 0 {
		w.Errorf("born under the mount point: %v", entries)
	}
	// A volume that systemd knows is mounted before the server starts, as when the
	// machine does; one that is another, and empty, keeps it down.
	unit := "[Mount]\nWhat=/run/%s\nWhere=/srv/bolt\nType=none\nOptions=bind\n"
	w.must(fmt.Sprintf("printf '"+unit+"' >/run/systemd/system/srv-bolt.mount; systemctl daemon-reload", "nothing"))
	if out, err := w.shell("systemctl start postgresql@15-bolt"); err == nil {
		w.Errorf("it starts on another volume: %s", out)
	}
	if entries, _ := os.ReadDir("/run/nothing"); len(entries) > 0 {
		w.Errorf("born on another volume: %v", entries)
	}
	w.must(fmt.Sprintf("printf '"+unit+"' >/run/systemd/system/srv-bolt.mount; systemctl stop srv-bolt.mount; systemctl daemon-reload; systemctl start postgresql@15-bolt", "volume"))
	w.answers("bolt")
	w.settled()
}

func (w *world) suspend() {
	w.change("acme: {", "acme: {suspended: true, ")
	w.apply("acme")
	w.settled()
	if out := w.must("pg_lsclusters -h"); !regexp.MustCompile(`acme +5432 +down`).MatchString(out) {
		w.Error(out)
	}
	// Its address stays its own: nobody else gets it, and who connects is refused
	// at once.
	if out, err := w.shell("ip -o address show own0 | grep 10.20.0.7/32 && bash -c '</dev/tcp/10.20.0.7/5432'"); err == nil || !strings.Contains(out, "Connection refused") {
		w.Errorf("%v %s", err, out)
	}
	all, err := landlord.List(w.Context(), w.server("acme"))
	if err != nil || len(all) != 1 || !all[0].Suspended {
		w.Errorf("%+v %v", all, err)
	}
	w.change("suspended: true, ", "")
	w.apply("acme")
	w.settled()
	w.answers("acme")
}

// moved: another address, killed after each command; the old one goes.
func (w *world) moved() {
	w.change("address: 10.20.0.7", "address: 10.20.0.17")
	for n := 1; !w.some("acme", false, n); n += stride() {
	}
	w.apply("acme")
	w.settled()
	if out := w.must("ip -4 -o address show own0 | awk '{print $4}'; ss -Hltn | grep -c 10.20.0.17:5432"); out != "10.20.0.17/32\n1\n" {
		w.Errorf("addresses: %s", out)
	}
	w.change("address: 10.20.0.17", "address: 10.20.0.7") // half way, somebody changes their mind
	w.some("acme", false, 5)
	w.change("address: 10.20.0.7", "address: 10.20.0.27")
	w.apply("acme")
	w.settled()
	if out := w.must("ip -4 -o address show own0 | awk '{print $4}'"); out != "10.20.0.27/32\n" {
		w.Errorf("addresses: %s", out)
	}
}

// remove keeps a dump, and leaves nothing, wherever it is interrupted.
func (w *world) remove() {
	w.must("mkdir dumps")
	kept, err := landlord.Vacate(w.Context(), w.Estate, "acme", "dumps", landlord.Hooks{})
	if err != nil || len(kept) != 1 || kept[0].Bytes == 0 {
		w.Fatalf("%+v %v", kept, err)
	}
	w.removedStep("acme")
	if err := landlord.RemoveServer(w.Context(), w.Estate, "acme", landlord.Hooks{}); err != nil {
		w.Fatal(err)
	}
	out, _ := w.shell("ls -d /var/lib/landlord/acme /etc/postgresql/15/acme /etc/systemd/system/*acme* /run/landlord/acme /var/log/postgresql/*acme* 2>/dev/null; id -un ll_acme 2>/dev/null; ls /etc/systemd/system/*/*acme* 2>/dev/null; ip address show own0 | grep 10.20.0; pg_lsclusters -h | grep acme")
	if out != "" {
		w.Errorf("left of acme: %s", out)
	}
	w.answers("bolt")
	if err := landlord.RemoveServer(w.Context(), w.Estate, "bolt", landlord.Hooks{}); err != nil {
		w.Fatal(err)
	}
	if out := w.must("ip -o address show own0 scope global; ls /etc/systemd/system | grep -v crux | grep landlord-address || true"); out != "" {
		w.Errorf("left of bolt's address: %s", out)
	}
	if entries, err := os.ReadDir("/srv/bolt"); err != nil || len(entries) > 0 {
		w.Errorf("left on bolt's volume: %v %v", entries, err)
	}
}
