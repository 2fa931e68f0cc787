package converge_test

import (
	"fmt"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

// maker returns the SQL that makes one object, with the name and the schema
// quoted already.
type maker func(g *gen, schema, name string) string

// makers has one entry for each kind of object that stands in a schema.
var makers = []maker{
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE TABLE %s.%s (id int PRIMARY KEY, \"a'b\" text, c numeric); INSERT INTO %[1]s.%[2]s VALUES (1, 'x', 2)", s, n)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE TABLE %s.%s (id bigint GENERATED ALWAYS AS IDENTITY, s serial, t text)", s, n)
	},
	func(g *gen, s, n string) string {
		part := pgsql.Ident(g.name("part"))
		return fmt.Sprintf("CREATE TABLE %s.%s (id int, t text) PARTITION BY LIST (id); CREATE TABLE %[1]s.%[3]s PARTITION OF %[1]s.%[2]s FOR VALUES IN (1)", s, n, part)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE VIEW %s.%s AS SELECT 1 AS one, 2 AS two", s, n)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE MATERIALIZED VIEW %s.%s AS SELECT 1 AS one", s, n)
	},
	func(_ *gen, s, n string) string { return fmt.Sprintf("CREATE SEQUENCE %s.%s", s, n) },
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE FUNCTION %s.%s(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION %[1]s.%[2]s(text, VARIADIC int[]) RETURNS int LANGUAGE sql AS 'SELECT 2'", s, n)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE FUNCTION %s.%s(INOUT a int, OUT b text, c numeric DEFAULT 1) LANGUAGE sql AS 'SELECT 1, ''x''::text'", s, n)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE PROCEDURE %s.%s(a int) LANGUAGE sql AS 'SELECT 1'", s, n)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE AGGREGATE %s.%s(int) (SFUNC = pg_catalog.int4pl, STYPE = int)", s, n)
	},
	func(g *gen, s, n string) string {
		return fmt.Sprintf("CREATE TYPE %s.%s AS (a int, b text); CREATE FUNCTION %[1]s.%[3]s(%[1]s.%[2]s) RETURNS int LANGUAGE sql AS 'SELECT 1'", s, n, pgsql.Ident(g.name("f")))
	},
	func(_ *gen, s, n string) string { return fmt.Sprintf("CREATE TYPE %s.%s AS ENUM ('a', 'b')", s, n) },
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE TYPE %s.%s AS RANGE (SUBTYPE = int)", s, n)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE DOMAIN %s.%s AS int CHECK (VALUE > 0)", s, n)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE COLLATION %s.%s (LOCALE = 'C')", s, n)
	},
	func(g *gen, s, n string) string {
		return fmt.Sprintf("CREATE TABLE %s.%s (a int, b int); CREATE STATISTICS %[1]s.%[3]s ON a, b FROM %[1]s.%[2]s", s, n, pgsql.Ident(g.name("stat")))
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE TEXT SEARCH CONFIGURATION %s.%s (COPY = pg_catalog.english)", s, n)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE TEXT SEARCH DICTIONARY %s.%s (TEMPLATE = pg_catalog.simple)", s, n)
	},
	func(_ *gen, s, _ string) string {
		return fmt.Sprintf("CREATE OPERATOR %s.+++ (FUNCTION = pg_catalog.int4pl, LEFTARG = int, RIGHTARG = int)", s)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE OPERATOR FAMILY %s.%s USING btree", s, n)
	},
	func(_ *gen, s, n string) string {
		return fmt.Sprintf("CREATE CONVERSION %s.%s FOR 'LATIN1' TO 'UTF8' FROM pg_catalog.iso8859_1_to_utf8", s, n)
	},
}

// furnish makes random objects in every house, as its owner, and large
// objects, as anybody of the house.
func (w *world) furnish(each int) {
	for _, t := range w.e.Tenants {
		for _, p := range t.Places() {
			for _, schema := range p.Schemas {
				for _, m := range some(w.gen, each, makers) {
					w.hand(p.Database, t.Owner, m(w.gen, pgsql.Ident(schema), pgsql.Ident(w.name("o"))))
				}
			}
			if w.chance(30) {
				w.largeObject(p.Database, t, pick(w.gen, append(t.LoginRoles(), t.Name, t.Owner)))
			}
		}
	}
}

// largeObject makes one, and grants it within the house.
func (w *world) largeObject(db string, t tenant.Tenant, as string) {
	grantee := pgsql.Literal(pick(w.gen, t.Roles()))
	w.hand(db, as, fmt.Sprintf(`DO $do$ BEGIN EXECUTE pg_catalog.format('GRANT SELECT ON LARGE OBJECT %%s TO %%I',
		pg_catalog.lo_from_bytea(0, '\x01'), %s); END $do$`, grantee))
}

// object is something that stands in a schema and can be granted.
type object struct {
	schema, kind, word, name string // name is quoted and qualified
}

// objects lists what stands in the schemas of a database, by the server's own
// description.
func (w *world) objects(db string) []object {
	var out []object
	for _, r := range w.rows(db, `
		SELECT n.nspname::text, 'relation', CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
			WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, format('%I.%I', nspname, relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname !~ '^(pg_|information_schema|landlord_extensions)'
		UNION ALL SELECT n.nspname::text, 'routine', 'ROUTINE', p.oid::regprocedure::text
		FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname !~ '^(pg_|information_schema|landlord_extensions)'
		UNION ALL SELECT n.nspname::text, 'type', CASE WHEN typtype = 'd' THEN 'DOMAIN' ELSE 'TYPE' END, format('%I.%I', nspname, typname)
		FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace LEFT JOIN pg_class c ON c.oid = typrelid
		WHERE (typtype IN ('d', 'e', 'r') OR relkind = 'c' OR typtype = 'm' AND current_setting('server_version_num')::int < 170000) AND nspname !~ '^(pg_|information_schema|landlord_extensions)'
		UNION ALL SELECT n.nspname::text, 'other', upper(i.type), i.identity FROM (
			SELECT 'pg_collation'::regclass AS c, oid, collnamespace AS ns FROM pg_collation
			UNION ALL SELECT 'pg_operator'::regclass, oid, oprnamespace FROM pg_operator
			UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfnamespace FROM pg_opfamily
			UNION ALL SELECT 'pg_conversion'::regclass, oid, connamespace FROM pg_conversion
			UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgnamespace FROM pg_ts_config
			UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictnamespace FROM pg_ts_dict
		) o JOIN pg_namespace n ON n.oid = ns CROSS JOIN LATERAL pg_identify_object(o.c, o.oid, 0) i WHERE nspname !~ '^(pg_|information_schema|landlord_extensions)'
		ORDER BY 2, 4`) {
		out = append(out, object{r[0], r[1], r[2], r[3]})
	}
	return out
}

// grantWord is the word by which GRANT knows the object's kind.
func (o object) grantWord() string {
	switch {
	case o.kind == "type":
		return "TYPE"
	case o.word == "SEQUENCE" || o.kind == "routine":
		return o.word
	}
	return "TABLE"
}
