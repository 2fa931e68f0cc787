package clustertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"landlord"
	"landlord/internal/connect"
	"landlord/internal/prove"
	"landlord/internal/tenant"
)

// routedSpec has tenants of all three models behind two processes of a router,
// one of them in a server with an OS user and an address of its own.
const routedSpec = `host: {memory: 1GiB, interface: own0}
secrets: {file: /run/world/passwords}
servers:
  main: {connection: host=/var/run/postgresql user=postgres}
router:
  listen: [127.0.0.1]
  host: localhost
  socket: /run/router
  aliases: 3
  pool_size: 3
  pool_mode: transaction
  tls: {cert: /run/world/tls/localhost.pem, key: /run/world/tls/localhost.key, ca: /run/world/tls/ca.pem}
  server_tls: {cert: /run/world/tls/landlord_router.pem, key: /run/world/tls/landlord_router.key}
tenants:
  acme: {isolation: cluster, resources: {memory: 256MiB, address: 10.20.0.7, os_user: own, settings: {ssl_ca_file: /run/world/tls/ca.pem}}}
  bolt: {isolation: cluster, resources: {memory: 256MiB}}
  crux: {}
  dyne: {isolation: schema, database: shared}
  erin: {isolation: schema, database: shared}
`

// routedHost makes a server on the host, as its package does, and certificates.
const routedHost = `ip link set lo up; ip link add own0 type veth peer name own1; ip link set own0 up
install -d -o postgres /run/world/tls; cd /run/world/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem
for name in localhost landlord_router; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$name -keyout $name.key -out $name.csr
  printf "subjectAltName=DNS:$name" > ext
  openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out $name.pem
done
chown postgres *.key; chmod 600 *.key
pg_createcluster 15 main -- --username=postgres >/dev/null
mkdir -p /etc/systemd/system/postgresql@15-main.service.d
printf '[Service]\nRestart=on-failure\nRestartSec=1s\n' > /etc/systemd/system/postgresql@15-main.service.d/restart.conf
systemctl daemon-reload; systemctl start postgresql@15-main`

// TestRouterUnderSystemd: systemd runs two processes of the router, which
// systemd starts again whatever happens to them, before tenants of all models.
func TestRouterUnderSystemd(t *testing.T) {
	if !inBox(t) {
		return
	}
	w := &world{T: t}
	w.must(routedHost)
	w.write(routedSpec)
	w.apply()
	w.settled()
	w.route(2)
	for _, unit := range []string{"landlord-router@1", "landlord-router@2"} {
		w.must("systemctl is-active " + unit + "; systemctl is-enabled " + unit)
	}
	if again := w.route(2); touched(again) {
		t.Errorf("nothing has changed, and: %+v", again)
	}
	w.somebodyElses()
	entries := w.enterAll()
	w.behindOne()
	w.underLoad(entries)
	w.alone(entries)
}

// route makes the router, of some processes that run then, and has these notes.
func (w *world) route(processes int, notes ...string) []landlord.RouterOutcome {
	w.Helper()
	p, out, err := w.supervised()
	if len(p.Notes) != len(notes) {
		w.Errorf("%+v", p.Notes)
	}
	for i, n := range p.Notes {
		if i < len(notes) && !strings.Contains(n.What, notes[i]) {
			w.Errorf("%+v", n)
		}
	}
	if err == nil {
		err = landlord.AwaitRouter(w.Context(), w.Estate)
	}
	if err != nil || len(out) != processes {
		w.Fatal(out, err)
	}
	return out
}

// supervised makes the router's files, and has systemd run it.
func (w *world) supervised() (p landlord.RouterPlan, out []landlord.RouterOutcome, err error) {
	w.Helper()
	if p, err = landlord.PlanRouter(w.Context(), w.Estate); err != nil {
		w.Fatal(err)
	}
	out, err = landlord.ApplyRouter(w.Context(), w.Estate, p)
	if err == nil {
		err = landlord.SuperviseRouter(w.Context(), w.Estate, p, out)
	}
	return p, out, err
}

// touched says whether there was anything to do.
func touched(all []landlord.RouterOutcome) bool {
	return slices.ContainsFunc(all, func(o landlord.RouterOutcome) bool { return o.Started || o.Written || o.Loaded })
}

// somebodyElses: a process that somebody else started is named, and left alone.
func (w *world) somebodyElses() {
	w.Helper()
	w.must(`systemctl stop landlord-router@1; systemctl disable --quiet landlord-router@1
runuser -u postgres -- sh -c '/usr/sbin/pgbouncer /etc/pgbouncer/landlord/1/pgbouncer.ini >/dev/null 2>&1 &'`)
	if err := landlord.AwaitRouter(w.Context(), w.Estate); err != nil {
		w.Fatal(err)
	}
	if _, _, err := w.supervised(); err == nil || !strings.Contains(err.Error(), "runs, and not as systemd's landlord-router@1.service") {
		w.Errorf("beside a process of somebody else's: %v", err)
	}
	w.must("systemctl is-enabled landlord-router@1 | grep -x disabled; kill $(cat /etc/pgbouncer/landlord/1/pid); while [ -e /run/router/.s.PGSQL.6432 ]; do sleep 0.01; done")
	w.route(2)
}

// enterAll gives each login its password and comes in by it, with the settings
// that landlord tells programs.
func (w *world) enterAll() map[string]string {
	w.Helper()
	entries := map[string]string{}
	ports := map[int]bool{}
	for _, t := range w.Tenants {
		for _, l := range t.Logins {
			c, err := landlord.Login(w.Context(), w.Estate, t, l.Name, false)
			if err != nil {
				w.Fatal(err)
			}
			s := c.Settings
			ports[s.Port] = true
			entry := fmt.Sprintf("host=%s port=%d dbname=%s user=%s password=%s sslmode=%s sslrootcert=%s", s.Host, s.Port, s.Database, s.User, s.Secret.Reveal(), s.SSLMode, s.SSLRootCert)
			if s.SSLMode != "verify-full" {
				w.Errorf("%s is told sslmode %s", l.Name, s.SSLMode)
			}
			var who, where string
			conn, err := pgx.Connect(w.Context(), entry)
			if err == nil {
				err = conn.QueryRow(w.Context(), "SELECT session_user, current_database()", pgx.QueryExecModeSimpleProtocol).Scan(&who, &where)
				_ = conn.Close(w.Context())
			}
			if err != nil || who != l.Name || where != t.Home.Database {
				w.Errorf("%s: in as %s, in %s: %v", l.Name, who, where, err)
			}
			if l.Name == t.Name+"_app" {
				entries[t.Name] = entry
			}
		}
	}
	if len(ports) != 2 {
		w.Errorf("ports: %v", ports)
	}
	return entries
}

// behindOne proves all models behind the router, each against those of the
// others, on both processes.
func (w *world) behindOne() {
	w.Helper()
	var probes []string
	for _, p := range prove.Probes() {
		if strings.HasPrefix(p.Name, "router-") {
			probes = append(probes, p.Name)
		}
	}
	for _, s := range w.Servers {
		r, err := landlord.Prove(w.Context(), w.Estate, s.Name, landlord.Options{Probes: probes}, landlord.ProveHooks{})
		if err != nil || len(r.Outcomes) == 0 {
			w.Fatalf("prove %s: %v", s.Name, err)
		}
		for _, o := range r.Outcomes {
			if o.Verdict != prove.Held && o.Verdict != prove.Works && o.Closes != prove.ByDirect {
				w.Errorf("%s %s: %s: %s: %s", o.Tenant, o.Login, o.Probe, o.Verdict, o.Detail)
			}
		}
	}
}

// client writes numbers, and goes on after each error.
type client struct {
	entry        string
	acknowledged []int
	acked        atomic.Int64
}

func (c *client) write(ctx context.Context) {
	var conn *pgx.Conn
	for n := 0; ctx.Err() == nil; n++ {
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		var err error
		if conn == nil || conn.IsClosed() {
			conn, err = pgx.Connect(bounded, c.entry)
		}
		if err == nil {
			_, err = conn.Exec(bounded, fmt.Sprintf("INSERT INTO n VALUES (%d)", n), pgx.QueryExecModeSimpleProtocol)
		}
		cancel()
		if err != nil {
			conn = nil
			time.Sleep(5 * time.Millisecond)
			continue
		}
		c.acknowledged = append(c.acknowledged, n)
		c.acked.Add(1)
	}
	if conn != nil {
		_ = conn.Close(context.Background())
	}
}

// ask runs statements in a tenant's database as landlord itself, and returns
// the last one's answer.
func (w *world) ask(t tenant.Tenant, sql string) string {
	w.Helper()
	s, _ := w.Server(t.Server)
	conn, err := connect.Open(w.Context(), s.Connection, connect.Options{Database: t.Home.Database})
	if err != nil {
		w.Fatal(err)
	}
	defer connect.Close(conn)
	results, err := conn.Exec(w.Context(), sql).ReadAll()
	if err != nil {
		w.Fatal(err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		return string(last.Rows[0][0])
	}
	return ""
}

// underLoad reloads, restarts and kills the router and all servers while clients
// of each tenant write.
func (w *world) underLoad(entries map[string]string) {
	w.Helper()
	var clients []*client
	var names []string
	for _, t := range w.Tenants {
		w.ask(t, fmt.Sprintf("SET ROLE %s_owner; CREATE TABLE %[1]s.n (n int)", t.Name))
		clients, names = append(clients, &client{entry: entries[t.Name]}), append(names, t.Name)
	}
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	var group sync.WaitGroup
	for _, c := range clients {
		group.Go(func() { c.write(ctx) })
	}
	// more waits until all write again.
	more := func(after string) {
		w.Helper()
		var from []int64
		for _, c := range clients {
			from = append(from, c.acked.Load())
		}
		deadline := time.Now().Add(90 * time.Second)
		for i, c := range clients {
			for c.acked.Load() < from[i]+10 {
				if time.Now().After(deadline) {
					cancel()
					w.Fatalf("after %s %s does not write again: %s", after, names[i], w.must("systemctl status --no-pager -ln 20 'postgresql@*' 'landlord-router@*' 2>&1; tail -vn 20 /var/log/postgresql/*.log || true"))
				}
				time.Sleep(2 * time.Millisecond)
			}
		}
	}
	more("the start")
	for _, what := range []string{
		"systemctl reload landlord-router@1 landlord-router@2",
		"systemctl restart landlord-router@1 landlord-router@2",
		"systemctl kill -s KILL landlord-router@1 landlord-router@2",
		"kill -9 $(head -1 /run/landlord/acme/server.pid) $(head -1 /run/landlord/bolt/server.pid) $(head -1 /run/postgresql/15-main.pid)",
		"kill -9 $(cat /etc/pgbouncer/landlord/1/pid) $(head -1 /run/postgresql/15-main.pid)",
	} {
		w.must(what)
		more(what)
	}
	cancel()
	group.Wait()
	for i, c := range clients {
		in := strings.ReplaceAll(strings.Trim(fmt.Sprint(c.acknowledged), "[]"), " ", ",")
		if there := w.ask(w.Tenants[i], fmt.Sprintf("SELECT count(*) FROM %s.n WHERE n IN (%s)", names[i], in)); there != fmt.Sprint(len(c.acknowledged)) {
			w.Errorf("%s: %d were acknowledged, and %s are there", names[i], len(c.acknowledged), there)
		}
	}
}

// alone: a process that does not run says nothing about the other, and what is
// done to tenants meanwhile counts when it is there again.
func (w *world) alone(entries map[string]string) {
	w.Helper()
	in := func(name string) error {
		conn, err := pgx.Connect(w.Context(), entries[name])
		if err == nil {
			err = conn.Ping(w.Context())
			_ = conn.Close(w.Context())
		}
		return err
	}
	w.must("systemctl stop landlord-router@2")
	for i, t := range w.Tenants {
		w.Tenants[i].Suspended = t.Name == "dyne" || t.Name == "erin"
	}
	w.apply("main")
	if err := landlord.ShutRouter(w.Context(), w.Estate, "dyne", "erin"); err != nil {
		w.Errorf("with a process that does not run: %v", err)
	}
	for name, want := range map[string]bool{"acme": true, "bolt": true, "crux": true, "dyne": false, "erin": false} {
		if err := in(name); (err == nil) != want {
			w.Errorf("%s: %v", name, err)
		}
	}
	for i := range w.Tenants {
		w.Tenants[i].Suspended = w.Tenants[i].Name == "erin"
	}
	w.apply("main")
	w.route(2)
	for name, want := range map[string]bool{"crux": true, "dyne": true, "erin": false} {
		if err := in(name); (err == nil) != want {
			w.Errorf("after all run again, %s: %v", name, err)
		}
	}
}
