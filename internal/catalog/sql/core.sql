-- What every database has, in one statement and without a join: in a session
-- that has just begun, what a query costs is each catalog that it touches.
-- The kinds: s schema, d what depends on schemas, e member of an extension,
-- r relation, c column, p default privileges, x other grants, l large objects,
-- v extensions, o functions for large objects.
--
-- What users make has numbers from 16384, and schema public has 2200. pg_depend
-- names the schema of everything that stands in one, and so tells whether the
-- rarer kinds are there at all.
SELECT 's', n.oid, NULL::pg_catalog.oid, n.nspname::pg_catalog.text, NULL::pg_catalog.text,
       pg_catalog.pg_get_userbyid(n.nspowner)::pg_catalog.text, n.nspacl::pg_catalog.text, false
FROM pg_catalog.pg_namespace AS n
UNION ALL
SELECT 'd', d.classid, d.refobjid, NULL, NULL, NULL, NULL, false
FROM (SELECT DISTINCT d.classid, d.refobjid FROM pg_catalog.pg_depend AS d
      WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.deptype = 'n') AS d
UNION ALL
SELECT 'e', d.classid, d.objid, NULL, NULL, NULL, NULL, false
FROM pg_catalog.pg_depend AS d
WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
  AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
UNION ALL
SELECT 'r', c.oid, c.relnamespace, c.relname, c.relkind::pg_catalog.text, pg_catalog.pg_get_userbyid(c.relowner), c.relacl::pg_catalog.text,
       c.relkind = 'S' AND EXISTS (
         SELECT FROM pg_catalog.pg_depend AS d
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
FROM pg_catalog.pg_class AS c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (c.relnamespace = 2200 OR c.relnamespace >= 16384)
UNION ALL
SELECT 'c', a.attrelid, NULL, a.attname, NULL, NULL, a.attacl::pg_catalog.text, false
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid >= 16384 AND a.attacl IS NOT NULL AND NOT a.attisdropped
UNION ALL
SELECT 'p', NULL, d.defaclnamespace, NULL, d.defaclobjtype::pg_catalog.text, pg_catalog.pg_get_userbyid(d.defaclrole), d.defaclacl::pg_catalog.text, false
FROM pg_catalog.pg_default_acl AS d
UNION ALL
(SELECT 'x', NULL, NULL, NULL, NULL, NULL, NULL, false
 FROM pg_catalog.pg_shdepend AS s
 WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
   AND s.deptype = 'a' AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
   AND (s.objid < 16384 OR s.classid NOT IN (
     'pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
     'pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_default_acl'::pg_catalog.regclass,
     'pg_catalog.pg_largeobject'::pg_catalog.regclass))
   AND NOT (s.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND s.objid = 2200)
 LIMIT 1)
UNION ALL
SELECT 'l', NULL, NULL, NULL, NULL, NULL, NULL, false WHERE EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
UNION ALL
SELECT 'v', NULL, NULL, NULL, NULL, NULL, NULL, false
WHERE EXISTS (SELECT FROM pg_catalog.pg_depend AS d
  WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid >= 16384 AND d.deptype = 'e')
UNION ALL
-- The functions by which large objects are made and written, by their numbers:
-- whether PUBLIC may call them.
SELECT DISTINCT 'o', NULL::pg_catalog.oid, NULL::pg_catalog.oid, NULL, NULL, NULL, NULL,
       p.proacl IS NULL OR EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) AS a WHERE a.grantee = 0)
FROM pg_catalog.pg_proc AS p
WHERE p.oid IN (715, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3171, 3172, 3457, 3458, 3459, 3460);
