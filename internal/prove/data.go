package prove

import "context"

// dataProbes are about another tenant's data. Each needs the neighbour's row
// to be there: its own login reads it first.
var dataProbes = []Probe{
	{Name: "b-schema-usage", What: "look a table up in the neighbour's schema", Scope: Neighbours, Expect: Held,
		Run: refusedThere("SELECT pg_catalog.to_regclass({b.table'})").control().run},
	{Name: "b-schema-create", What: "create a table in the neighbour's schema", Scope: Neighbours, Expect: Held,
		Run: refusedThere("CREATE TABLE {b.schema}.{new} (id integer)").run},
	{Name: "b-table-select", What: "read the neighbour's table", Scope: Neighbours, Expect: Held,
		Run: refusedThere("SELECT * FROM {b.table}").control().run},
	{Name: "b-table-copy", What: "copy the neighbour's table out", Scope: Neighbours, Expect: Held,
		Run: refusedThere("COPY {b.table} TO STDOUT").control().run},
	{Name: "b-table-insert", What: "write into the neighbour's table", Scope: Neighbours, Expect: Held,
		Run: refusedThere("INSERT INTO {b.table} VALUES (3, 'x')").control().run},
	{Name: "b-table-update", What: "change the neighbour's rows", Scope: Neighbours, Expect: Held,
		Run: refusedThere("UPDATE {b.table} SET secret = 'x'").control().run},
	{Name: "b-table-delete", What: "delete the neighbour's rows", Scope: Neighbours, Expect: Held,
		Run: refusedThere("DELETE FROM {b.table}").control().run},
	{Name: "b-table-truncate", What: "empty the neighbour's table", Scope: Neighbours, Expect: Held,
		Run: refusedThere("TRUNCATE {b.table}").control().run},
	{Name: "b-table-trigger", What: "plant a trigger on the neighbour's table, which runs with the neighbour's rights", Scope: Neighbours, Expect: Held,
		Run: refusedThere("CREATE TRIGGER {new} BEFORE UPDATE ON {b.table} FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()").control().run},
	{Name: "b-table-references", What: "refer to the neighbour's table by a column of a type of its own, whose cast then runs with the neighbour's rights", Scope: Housemates, Expect: Held,
		Run: refers.run},
	{Name: "b-table-lock", What: "lock the neighbour's table", Scope: Neighbours, Expect: Held,
		Run: refusedThere("LOCK TABLE {b.table} IN ACCESS SHARE MODE NOWAIT").control().run},
	{Name: "b-table-ddl", What: "alter the neighbour's table", Scope: Neighbours, Expect: Held,
		Run: refusedThere("ALTER TABLE {b.table} ADD COLUMN probe integer").control().run},
	{Name: "b-function-execute", What: "call the neighbour's function", Scope: Neighbours, Expect: Held,
		Run: onFunction(refusedThere("SELECT {b.function}()").control())},
	{Name: "b-largeobject-read", What: "read the neighbour's large object", Scope: Neighbours, Expect: Held,
		Run: onLargeObject(refusedThere("SELECT pg_catalog.lo_get({b.lo})").control())},
	{Name: "b-schema-drop", What: "drop the neighbour's schema", Scope: Neighbours, Expect: Held,
		// RESTRICT: with the right, it fails because the schema is not empty.
		Run: refusedThere("DROP SCHEMA {b.schema} RESTRICT").past("2BP01").run},
	{Name: "b-schema-rename", What: "rename the neighbour's schema", Scope: Neighbours, Expect: Held,
		Run: refusedThere("ALTER SCHEMA {b.schema} RENAME TO {new}").run},
	{Name: "b-db-alter", What: "change the neighbour's database", Scope: Elsewhere, Expect: Held,
		Run: refused("ALTER DATABASE {b.db} CONNECTION LIMIT 100").run},
	{Name: "b-db-owner", What: "take the neighbour's database over", Scope: Elsewhere, Expect: Held,
		Run: refused("ALTER DATABASE {b.db} OWNER TO {me}").run},
	{Name: "b-db-grant", What: "grant itself the way into the neighbour's database", Scope: Elsewhere, Expect: Held,
		Run: refused("GRANT CONNECT ON DATABASE {b.db} TO {me}").effect("SELECT pg_catalog.has_database_privilege({me'}, {b.db'}, 'CONNECT')").run},
	{Name: "b-db-template-copy", What: "copy the neighbour's database as a template", Scope: Elsewhere, Expect: Held,
		// The tablespace that does not exist is looked at after the rights,
		// and before anything is copied.
		Run: refused("CREATE DATABASE {new} TEMPLATE {b.db} TABLESPACE landlord_probe_none").byItself().past("42704").run},
}

// refers makes a foreign key into the neighbour's table from a column of a type
// of its own. The server looks for the key as that table's owner, and casts the
// value by a function of the first tenant's, which reads the neighbour's row: it
// is let only if it runs as the owner, and the key is found only if it has read.
var refers = refusedThere(
	"CREATE TYPE {schema}.{new} AS ENUM ('1')",
	"CREATE FUNCTION {schema}.{new}({schema}.{new}) RETURNS pg_catalog.int4 LANGUAGE sql AS 'SELECT id FROM {b.table} LIMIT 1'",
	"GRANT EXECUTE ON FUNCTION {schema}.{new}({schema}.{new}) TO PUBLIC",
	"CREATE CAST ({schema}.{new} AS pg_catalog.int4) WITH FUNCTION {schema}.{new}({schema}.{new}) AS IMPLICIT",
	"CREATE TABLE {schema}.{new.refers} (id {schema}.{new} REFERENCES {b.table} (id))",
	"INSERT INTO {schema}.{new.refers} VALUES ('1')").control()

func onFunction(t try) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		if !a.victim.scratch.function {
			return notTried("no function could be made in the neighbour's schema")
		}
		return t.run(ctx, a)
	}
}

func onLargeObject(t try) func(context.Context, *Attempt) Result {
	return func(ctx context.Context, a *Attempt) Result {
		if a.victim.scratch.largeObject == "" {
			return notTried("no large object could be made in the neighbour's database")
		}
		return t.run(ctx, a)
	}
}
