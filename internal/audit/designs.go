package audit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// Design is a way in which the server could be arranged, with what it costs.
type Design struct {
	Name  string   `json:"name"`
	What  string   `json:"what"`
	Gives []string `json:"gives"`
	Costs []string `json:"costs"`
	// Spec is the landlord.yaml of it, for the customers that were found.
	Spec string `json:"spec"`
	// HBA is the pg_hba.conf of it, where that can be told.
	HBA string `json:"hba,omitempty"`
}

// maxDesigned is how many customers a design's spec names.
const maxDesigned = 8

// designs are offered where several customers share a server that landlord
// has not made: there is a choice to be made, and it is better made early.
func designs(f *facts) []Design {
	if len(f.tenants) < 2 || len(f.marks) > 0 || len(f.Input.Tenants) > 0 {
		return nil
	}
	return []Design{
		{
			Name: "A database for each customer, with an administrator (what you have, made right)",
			What: "Each customer keeps a database. A role that cannot log in owns it and everything in it; the program's login may read and write rows and nothing else. " +
				"CONNECT is for the database's own group alone, and pg_hba.conf says the same once more. An administrator without superuser rights can become each owner.",
			Gives: []string{
				"nothing in the programs changes but a password, and perhaps the role's name",
				"customers do not even see the names of each other's tables",
				"one customer's database is dumped, restored, moved or dropped by itself",
				"routine work, making customers and dumping them one by one need no superuser",
			},
			Costs: []string{
				"the administrator's one password still opens every customer; before PostgreSQL 16 whoever makes roles can also become any of them",
				"each database has its own catalogs (about 8 MB) and connections: some hundreds are fine, thousands want a pooler",
				"names of databases and roles, sessions and load stay visible to all, and one customer can still starve the others",
				"point-in-time recovery brings back all customers or none; roles with their passwords (pg_dumpall --globals-only) are dumped by the OS user postgres",
			},
			Spec: adoptSpec(f), HBA: fenced(f),
		},
		{
			Name: "A schema for each customer in one shared database, and no administrator who can read (what the answer recommends)",
			What: "All customers share a database; each has a schema of the login's name, found through search_path by default, owned by a role that cannot log in. " +
				"postgres logs in by peer only, on the machine itself, and has no password; customers are added through a sudo rule for one program. No role administers and reads. Schema public is dropped.",
			Gives: []string{
				"there is no administrator's password that opens everything",
				"one connection string for all, only the user differs; one pool can serve many customers",
				"very many small customers: a schema costs next to nothing",
			},
			Costs: []string{
				"each customer sees the names of the others' tables, columns and functions, and the functions' source: no setting closes that",
				"locks, NOTIFY, large objects and advisory locks are shared; extensions are the same for all",
				"the data has to be moved from the databases into schemas",
				"backups are a dump of each schema, or everything at once; who is not OS user postgres can administer nothing",
				"a pool that all customers share with one login is a convenience and no wall: SQL that gets through can SET ROLE",
			},
			Spec: schemaSpec(f),
		},
		{
			Name: "A server for each customer (what the answer likes best, for big ones)",
			What: "Each customer gets a PostgreSQL server of its own: own address (a virtual one stays when the server moves), own OS user, data directory and volume, with limits on CPU and memory. " +
				"It can be mixed: big customers so, small ones as in A or B, and PgBouncer before all of them as the router, so that programs need not know which.",
			Gives: []string{"the only wall that also holds against starving, and against a hole in PostgreSQL itself, where the OS users differ", "point-in-time recovery, restarts, versions and settings for each customer alone"},
			Costs: []string{"memory and upkeep for each server: about 50 to 200 MB before the first query, and every update as many times as there are customers", "monitoring, backups and passwords for each"},
		},
	}
}

// head begins a design's landlord.yaml.
const head = "servers:\n  main:\n    connection: host=/var/run/postgresql user=postgres\n"

// eachDesigned writes a line or more for each customer, of many for some.
func (f *facts) eachDesigned(b *strings.Builder, write func(t resident, name string)) {
	for i, t := range f.tenants {
		if i == maxDesigned {
			fmt.Fprintf(b, "  # … and %d more\n", len(f.tenants)-i)
			break
		}
		name := t.name
		if f.roles[name] != nil || tenant.CheckName(name) != nil {
			name = "tenant_" + name
		}
		if tenant.CheckName(name) == nil {
			write(t, name)
		}
	}
}

// adoptSpec takes over what is there: nothing is renamed.
func adoptSpec(f *facts) string {
	var b strings.Builder
	b.WriteString(head)
	if f.before(pgsql.OldestMajor) {
		b.Reset()
		fmt.Fprintf(&b, "# landlord changes servers from PostgreSQL %d on: upgrade first, or do by hand what is said above.\n", pgsql.OldestMajor)
		b.WriteString(head)
	}
	b.WriteString("admins:\n")
	admins := f.admins()
	for _, name := range admins {
		fmt.Fprintf(&b, "  %s: {data_access: full, adopt: true}\n", strconv.Quote(name))
	}
	if len(admins) == 0 {
		b.WriteString("  ops: {data_access: full}\n")
	}
	b.WriteString("defaults:\n  limits: {connections: 20, statement_timeout: 30s}\ntenants:\n")
	f.eachDesigned(&b, func(t resident, name string) {
		var logins []string
		for _, r := range t.roles {
			if f.login(r) {
				logins = append(logins, strconv.Quote(r))
			}
		}
		fmt.Fprintf(&b, "  %s: {database: %s, schema: public, logins: {app: [%s]}, adopt: true}\n", name, strconv.Quote(t.databases[0]), strings.Join(logins, ", "))
	})
	return b.String()
}

// schemaSpec is about roles and a database that are not there yet: data is
// moved there.
func schemaSpec(f *facts) string {
	var b strings.Builder
	b.WriteString(head + "admins:\n  ops: {data_access: none}   # landlord sudoers writes the rule\ndefaults:\n  isolation: schema\n  database: shared\n  limits: {connections: 20, statement_timeout: 30s}\ntenants:\n")
	f.eachDesigned(&b, func(_ resident, name string) { fmt.Fprintf(&b, "  %s: {}\n", name) })
	return b.String()
}

// admins are the logins that make roles and are no superusers.
func (f *facts) admins() []string {
	var names []string
	for _, r := range f.Snapshot.Roles {
		if r.Login && r.CreateRole && !r.Superuser && tenant.CheckRole(r.Name) == nil {
			names = append(names, r.Name)
		}
	}
	return names
}

// fenced is a whole pg_hba.conf where each database has the name of its login,
// and everybody is on the machine itself.
func fenced(f *facts) string {
	if f.HBA == nil || f.fence() != "sameuser" || slices.ContainsFunc(f.live, remote) {
		return ""
	}
	method := "scram-sha-256"
	if f.before(10) {
		method = "md5"
	}
	lines := []string{hbaLine("local", "all,replication", "postgres", "", "peer"), hbaLine("host", "all,replication", "postgres", "all", "reject")}
	add := func(databases, who string) {
		lines = append(lines, hbaLine("local", databases, who, "", method), hbaLine("host", databases, who, "127.0.0.1/32", method), hbaLine("host", databases, who, "::1/128", method))
	}
	for _, name := range f.admins() {
		add("all", ident(name))
	}
	add("sameuser", "all")
	return strings.Join(append(lines, hbaLine("local", "all,replication", "all", "", "reject"), hbaLine("host", "all,replication", "all", "all", "reject")), "\n") + "\n"
}

func hbaLine(kind, databases, who, address, method string) string {
	return fmt.Sprintf("%-7s %-16s %-15s %-15s %s", kind, databases, who, address, method)
}
