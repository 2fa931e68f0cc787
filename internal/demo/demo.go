// Package demo shows landlord's main job on private, real PostgreSQL servers: five
// tenants out of a landlord.yaml, a little data in each house, and the proof
// that nobody gets into another's.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"landlord"
	"landlord/internal/apply"
	"landlord/internal/cluster"
	"landlord/internal/cluster/host"
	"landlord/internal/credentials"
	"landlord/internal/localpg"
	"landlord/internal/plan"
	"landlord/internal/run"
	"landlord/internal/spec"
	"landlord/internal/tenant"
)

// Demo is private servers with five proven tenants.
type Demo struct {
	// Dir holds what is left for the reader: landlord.yaml, passwords, the
	// server's certificate authority.
	Dir    string
	Estate tenant.Estate
	Server *localpg.Server
	// scratch is the server's own directory, which goes with it.
	scratch string
	// watch ends the tenants' own servers when the demo is killed.
	watch *run.Process
	// bouncer is the router's process; nil where PgBouncer is not installed.
	bouncer *run.Process
	// kept is the address, or the port, of the tenant's own server.
	kept io.Closer
}

// SpecFile is the landlord.yaml that the demo leaves.
func (d *Demo) SpecFile() string { return filepath.Join(d.Dir, "landlord.yaml") }

// PassFile holds the tenants' passwords, in libpq's form, mode 0600.
func (d *Demo) PassFile() string { return filepath.Join(d.Dir, "tenants.pgpass") }

func (d *Demo) caFile() string { return filepath.Join(d.Dir, "ca.pem") }

// Start makes and starts the server, and writes the spec. Close it.
func Start(ctx context.Context, dir string) (_ *Demo, err error) {
	d := &Demo{}
	if d.Dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.Dir, 0o755); err != nil {
		return nil, err
	}
	if d.scratch, err = os.MkdirTemp("", "landlord-demo-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := os.Chmod(d.scratch, 0o755); err != nil {
		return nil, err
	}
	if d.Server, err = localpg.Create(ctx, localpg.Options{Dir: filepath.Join(d.scratch, "pg"), TLS: true, Unsafe: true}); err != nil {
		return nil, fmt.Errorf("making a private server: %w", err)
	}
	if err := d.Server.Start(ctx); err != nil {
		return nil, fmt.Errorf("starting a private server: %w", err)
	}
	return d, d.writeSpec()
}

// Own is the tenant with a server of its own.
const Own = "hooli"

// ownPlace is where the tenant's own server listens: on an address that is for
// examples only (RFC 5737), where landlord may add one, so that demos at the
// same time have each their own; else on a port of localhost. It is the demo's
// until it is closed.
func (d *Demo) ownPlace() (resources, host string, err error) {
	if _, err := os.Stat("/usr/sbin/ip"); os.Geteuid() == 0 && err == nil {
		return d.ownAddress()
	}
	port, kept, err := localpg.FreePort()
	if err != nil {
		return "", "", err
	}
	d.kept = kept
	return fmt.Sprintf("port: %d", port), "", nil
}

// ownAddress chooses an address that no demo has, not even one that has just been
// killed.
func (d *Demo) ownAddress() (resources, host string, err error) {
	for _, n := range rand.Perm(254) {
		address := fmt.Sprintf("192.0.2.%d", 1+n)
		kept, ok := localpg.Claim("address " + address)
		if !ok {
			continue
		}
		all, err := net.InterfaceAddrs()
		if err == nil && !slices.ContainsFunc(all, func(a net.Addr) bool { return strings.HasPrefix(a.String(), address+"/") }) {
			d.kept = kept
			return "address: " + address, ", interface: lo", nil
		}
		if err := errors.Join(err, kept.Close()); err != nil {
			return "", "", err
		}
	}
	return "", "", errors.New("demos have all of the addresses that are for examples")
}

// guard starts a shell that ends the tenant's own server, and takes its address
// and its control group away, as soon as the demo is gone, however it went.
func (d *Demo) guard() (err error) {
	s, _ := d.Estate.Server(Own)
	const script = `trap 'kill -QUIT $(head -n 1 "$1/data/postmaster.pid") 2>/dev/null; [ -z "$2" ] || ip address del "$2/32" dev lo 2>/dev/null
n=0; while [ $n -lt 50 ]; do rmdir /sys/fs/cgroup/"$3" /sys/fs/cgroup/*/"$3" 2>/dev/null; find /sys/fs/cgroup -maxdepth 2 -name "$3" 2>/dev/null | grep -q . || break; n=$((n+1)); sleep 0.1; done; exit' TERM
while :; do sleep 1 & wait $!; done`
	d.watch, err = run.Start(run.Spec{Name: "sh", Args: []string{"-c", script, "sh", s.Own.Home, s.Own.Resources.Address, cluster.Group(s.Own.Home)}, Dir: "/"}, nil, syscall.SIGTERM)
	return err
}

// Close stops the server and removes it. What is in Dir stays.
func (d *Demo) Close() error {
	var err error
	if _, ok := d.Estate.Server(Own); ok {
		err = landlord.RemoveServer(context.Background(), d.Estate, Own, landlord.Hooks{})
	}
	if d.bouncer != nil {
		err = errors.Join(err, d.bouncer.Stop(syscall.SIGTERM, 5*time.Second))
	}
	if d.watch != nil {
		err = errors.Join(err, d.watch.Stop(syscall.SIGKILL, 5*time.Second))
	}
	if d.Server != nil {
		err = errors.Join(err, d.Server.Remove())
	}
	if d.kept != nil {
		err = errors.Join(err, d.kept.Close())
	}
	return errors.Join(err, os.RemoveAll(d.scratch))
}

// writeSpec leaves the spec, as a person would have written it, and beside it
// the authority that signed the server's certificate. Passwords of an
// earlier demo are of no use any more.
func (d *Demo) writeSpec() error {
	ca, err := os.ReadFile(d.Server.CAFile())
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.caFile(), ca, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(d.PassFile()); err != nil {
		return err
	}
	resources, host, err := d.ownPlace()
	if err != nil {
		return err
	}
	text := fmt.Appendf(nil, specText+d.routerText(), d.Server.SocketDir(), d.Server.Port(), d.Server.Port(), d.caFile(), filepath.Join(d.scratch, "own"), host, d.PassFile(), resources)
	if err := os.WriteFile(d.SpecFile(), text, 0o644); err != nil {
		return err
	}
	d.Estate, err = spec.Parse(d.SpecFile(), text)
	if err != nil {
		return err
	}
	return d.guard()
}

// specText is the demo's landlord.yaml: tenants in each model.
const specText = `# The demo's landlord.yaml. The servers in it end with the demo.
servers:
  main:
    connection: host=%s port=%d user=postgres
    endpoint: host=localhost port=%d sslmode=verify-full sslrootcert=%s

# This machine, on which a tenant may have a server of its own. On Debian leave
# the manager out: systemd then enforces its limits, and starts it with the
# machine. The manager plain enforces memory and cpu where it runs as root and
# has control groups (cgroup); landlord plan says where it does not.
host: {manager: plain, directory: %s%s, clients: [127.0.0.0/8, "::1", 192.0.2.0/24]}

# Where landlord keeps the passwords that it makes: a file that only you read.
secrets:
  file: %s

defaults:
  rights: ddl
  limits: {connections: 20, statement_timeout: 30s, temp_files: 1GiB}

tenants:
  # A database each.
  acme: {}
  globex:
    limits: {connections: 50}

  # A schema each, in the database "shared".
  initech: {isolation: schema, database: shared}
  umbrella: {isolation: schema, database: shared}

  # A server of its own, whose sizes follow its memory (landlord plan -v).
  hooli: {isolation: cluster, resources: {memory: 256MiB, cpu: 1, %s}}
`

// Limit is a command that shows how the kernel limits the memory of the
// tenant's own server; empty: it does not.
func (d *Demo) Limit() string {
	s, ok := d.Estate.Server(Own)
	if !ok {
		return ""
	}
	file := host.MemoryLimit(*s.Own)
	if file == "" {
		return ""
	}
	return "cat " + file
}

// Build gives every tenant its house, and their logins passwords.
func (d *Demo) Build(ctx context.Context, done func(apply.Outcome), begin func(plan.Plan)) error {
	for _, s := range d.Estate.Servers {
		result, err := landlord.Apply(ctx, d.Estate, s.Name, landlord.Options{}, landlord.Hooks{Done: done, Begin: begin})
		if err := errors.Join(err, result.Err()); err != nil {
			return err
		}
	}
	for _, t := range d.Estate.Tenants {
		for _, l := range t.Logins {
			if _, err := landlord.Login(ctx, d.direct().Estate, t, l.Name, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// Fill puts a little data into each house, through the tenants' own logins:
// the migrator makes the table, the application fills it.
func (d *Demo) Fill(ctx context.Context) error {
	for _, t := range d.Estate.Tenants {
		if err := d.as(ctx, t, tenant.Migrator, tables...); err != nil {
			return err
		}
		if err := d.as(ctx, t, tenant.App, rows(t.Name)...); err != nil {
			return err
		}
	}
	return nil
}

var tables = []string{
	"CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL)",
	"CREATE TABLE invoices (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES customers, cents int NOT NULL)",
}

func rows(name string) []string {
	return []string{
		fmt.Sprintf("INSERT INTO customers (name) VALUES ('the first customer of %s'), ('the second customer of %s')", name, name),
		"INSERT INTO invoices (customer, cents) SELECT c.id, 1000 * c.id FROM customers AS c",
	}
}

// as runs statements in a session of a tenant's own login, through TLS.
func (d *Demo) as(ctx context.Context, t tenant.Tenant, kind tenant.Kind, sql ...string) error {
	login := t.LoginsOf(kind)[0]
	got, err := landlord.Login(ctx, d.direct().Estate, t, login, false)
	if err != nil {
		return err
	}
	uri, err := credentials.Render("uri", []credentials.Settings{got.Settings})
	if err != nil {
		return err
	}
	return landlord.Execute(ctx, string(uri), sql...)
}
