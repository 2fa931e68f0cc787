-- What core.sql reads, by the plainest SELECTs: in a session that has just
-- begun, each operator, function and catalog that a query names has to be looked
-- up first, so that comparing, counting out and joining is left to the program.
-- Catalogs stand with their numbers, which cost no look-up: 1247 pg_type, 1255
-- pg_proc, 1259 pg_class, 1260 pg_authid, 2606 pg_constraint, 2613 pg_largeobject,
-- 2615 pg_namespace, 2618 pg_rewrite, 2620 pg_trigger, 3256 pg_policy, 3466
-- pg_event_trigger, 826 pg_default_acl. What users make has numbers from 16384,
-- and schema public has 2200.
SELECT n.oid, n.nspname, pg_catalog.pg_get_userbyid(n.nspowner), n.nspacl FROM pg_catalog.pg_namespace AS n;
SELECT i.classoid, i.objoid, i.objsubid, i.initprivs FROM pg_catalog.pg_init_privs AS i;
-- What stands in schemas; parts of extensions; sequences (and indexes) of columns;
-- what rules use; and signs of the rarer kinds. A constraint that needs another
-- table is a foreign key; a view's own rule is tied to it by 'i', other rules to
-- their tables by 'a'; a constraint's own triggers stand on the constraint. What
-- needs a function is an expression that calls it (2604 are defaults).
SELECT d.classid, d.objid, d.refclassid, d.refobjid, d.refobjsubid, d.deptype
FROM pg_catalog.pg_depend AS d
WHERE d.refclassid = 2615 AND d.deptype = 'n' AND (d.refobjid = 2200 OR d.refobjid >= 16384)
   OR d.objid >= 16384 AND (d.classid = 3466
     OR d.refclassid = 1255 AND d.refobjid >= 16384 AND d.deptype = 'n' AND d.classid IN (2604, 2606, 3256, 1259, 2618)
     OR d.classid = 1259 AND d.deptype = 'e'
     OR d.refclassid = 1259 AND (d.classid = 2618 OR d.classid = 1259 AND d.refobjsubid > 0
       OR d.classid = 2606 AND d.deptype = 'n' OR d.classid IN (2620, 3256) AND d.deptype = 'a'));
SELECT c.oid, c.relnamespace, c.relname, c.relkind, pg_catalog.pg_get_userbyid(c.relowner), c.relacl,
       c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.relhassubclass, c.reloptions
FROM pg_catalog.pg_class AS c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (c.relnamespace = 2200 OR c.relnamespace >= 16384 OR c.relacl IS NOT NULL);
SELECT a.attrelid, a.attnum, a.attname, a.attacl FROM pg_catalog.pg_attribute AS a WHERE a.attacl IS NOT NULL AND NOT a.attisdropped;
SELECT d.defaclnamespace, d.defaclobjtype, pg_catalog.pg_get_userbyid(d.defaclrole), d.defaclacl FROM pg_catalog.pg_default_acl AS d;
-- The functions with numbers are those for large objects, for advisory locks and
-- those about the whole server: see commons.sql.
SELECT p.oid, p.pronamespace, p.proname, p.proargtypes, pg_catalog.pg_get_userbyid(p.proowner), p.proacl
FROM pg_catalog.pg_proc AS p
WHERE p.proacl IS NOT NULL OR p.oid IN ({{doors}});
SELECT 1 FROM pg_catalog.pg_shdepend AS s
WHERE s.dbid = {{database}} AND s.refclassid = 1260
  AND (s.deptype = 'a' AND (s.objid < 16384 OR s.classid NOT IN (1259, 2615, 1255, 1247, 826, 2613)) AND NOT (s.classid = 2615 AND s.objid = 2200)
    OR s.deptype = 'o' AND s.classid IN (2328, 1417, 2612, 3079, 3466, 6104))
LIMIT 1;
SELECT 1 FROM pg_catalog.pg_foreign_data_wrapper LIMIT 1;
SELECT 1 FROM pg_catalog.pg_largeobject_metadata LIMIT 1;
-- A database that was made anew since its number was asked for: see commons.sql.
SELECT 1 FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database() AND d.oid <> {{database}};
