package audit

import (
	"fmt"
	"strings"
)

// Design is a way in which the server could be arranged, with what it costs.
type Design struct {
	Name  string   `json:"name"`
	What  string   `json:"what"`
	Gives []string `json:"gives"`
	Costs []string `json:"costs"`
	// Spec is the landlord.yaml of it, for the customers that were found.
	Spec string `json:"spec"`
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
				"routine work needs no superuser",
			},
			Costs: []string{
				"the administrator's one password still opens every customer; before PostgreSQL 16 whoever makes roles can also become any of them",
				"each database has its own catalogs (about 8 MB) and connections: some hundreds are fine, thousands want a pooler",
				"names of databases and roles, sessions and load stay visible to all, and one customer can still starve the others",
				"point-in-time recovery brings back all customers or none",
			},
			Spec: designSpec(f, "database", "    operators: [admin]\n"),
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
			Spec: designSpec(f, "schema", ""),
		},
		{
			Name:  "A server for each customer (what the answer likes best, for big ones)",
			What:  "Each customer gets a PostgreSQL server of its own: own port or address, own OS user and data directory, with limits on CPU and memory.",
			Gives: []string{"the only wall that also holds against starving, and against a hole in PostgreSQL itself, where the OS users differ", "point-in-time recovery, restarts, versions and settings for each customer alone"},
			Costs: []string{"memory and upkeep for each server: about 50 to 200 MB before the first query, and every update as many times as there are customers", "monitoring, backups and passwords for each"},
		},
	}
}

// designSpec is a landlord.yaml for the customers that were found.
func designSpec(f *facts, model, server string) string {
	var b strings.Builder
	b.WriteString("servers:\n  main:\n    connection: host=/var/run/postgresql user=postgres\n" + server)
	b.WriteString("defaults:\n  isolation: " + model + "\n")
	if model == "schema" {
		b.WriteString("  database: shared\n")
	}
	b.WriteString("  limits: {connections: 20, statement_timeout: 30s}\ntenants:\n")
	for i, t := range f.tenants {
		if i == maxDesigned {
			fmt.Fprintf(&b, "  # … and %d more\n", len(f.tenants)-i)
			break
		}
		fmt.Fprintf(&b, "  %s: {}\n", t.name)
	}
	return b.String()
}
