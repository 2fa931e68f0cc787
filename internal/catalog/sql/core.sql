-- What every database has, in one statement and without a join: in a session
-- that has just begun, what a query costs is each catalog that it touches.
-- The kinds: s schema, d what depends on schemas, e member of an extension,
-- r relation, c column, p default privileges, x other grants and owners,
-- i function with other rights than at first, f foreign-data wrapper, l large
-- objects, v extensions, o a function of the doors.
--
-- Of the system's own relations and columns those are rows whose ACL is not
-- what initdb gave them (pg_init_privs). initdb makes information_schema after
-- it has filled pg_init_privs: PUBLIC may read it all, but what has no name for
-- users. A function that is not in pg_init_privs is everybody's from the start.
--
-- What users make has numbers from 16384, and schema public has 2200. pg_depend
-- names the schema of everything that stands in one, and so tells whether the
-- rarer kinds are there at all. commons.sql is the rest of the statement.
SELECT 's', n.oid, NULL::pg_catalog.oid, n.nspname::pg_catalog.text, NULL::pg_catalog.text,
       pg_catalog.pg_get_userbyid(n.nspowner)::pg_catalog.text, n.nspacl::pg_catalog.text, false
FROM pg_catalog.pg_namespace AS n
UNION ALL
SELECT 'd', d.classid, d.refobjid, NULL, NULL, NULL, NULL, false
FROM (SELECT DISTINCT d.classid, d.refobjid FROM pg_catalog.pg_depend AS d
      WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.deptype = 'n') AS d
UNION ALL
SELECT 'r', c.oid, c.relnamespace, c.relname, c.relkind::pg_catalog.text, pg_catalog.pg_get_userbyid(c.relowner), c.relacl::pg_catalog.text,
       c.relkind = 'S' AND EXISTS (
         SELECT FROM pg_catalog.pg_depend AS d
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
FROM pg_catalog.pg_class AS c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (c.relnamespace = 2200 OR c.relnamespace >= 16384
  OR c.relacl IS NOT NULL AND CASE
    WHEN c.relnamespace IN (11, 99) OR pg_catalog.left(c.relname::pg_catalog.text, 1) = '_' THEN (c.oid, c.relacl) NOT IN (
      SELECT i.objoid, i.initprivs FROM pg_catalog.pg_init_privs AS i WHERE i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.objsubid = 0)
    ELSE c.relacl <> pg_catalog.acldefault('r', 10) || pg_catalog.makeaclitem(0, 10, 'SELECT', false) END)
UNION ALL
SELECT 'c', a.attrelid, NULL, a.attname, NULL, NULL, a.attacl::pg_catalog.text, false
FROM pg_catalog.pg_attribute AS a
WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
  AND (a.attrelid >= 16384 OR (a.attrelid, a.attnum::pg_catalog.int4, a.attacl) NOT IN (
    SELECT i.objoid, i.objsubid, i.initprivs FROM pg_catalog.pg_init_privs AS i WHERE i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass))
UNION ALL
SELECT 'p', NULL, d.defaclnamespace, NULL, d.defaclobjtype::pg_catalog.text, pg_catalog.pg_get_userbyid(d.defaclrole), d.defaclacl::pg_catalog.text, false
FROM pg_catalog.pg_default_acl AS d
UNION ALL
(SELECT 'x', NULL, NULL, NULL, NULL, NULL, NULL, false
 FROM pg_catalog.pg_shdepend AS s
 WHERE s.dbid = {{database}}
   AND s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
   AND (s.deptype = 'a' AND (s.objid < 16384 OR s.classid NOT IN (
     'pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
     'pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_default_acl'::pg_catalog.regclass,
     'pg_catalog.pg_largeobject'::pg_catalog.regclass))
     AND NOT (s.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND s.objid = 2200)
     -- wrapper, server, language, extension, event trigger, publication: their numbers, since a name costs a look-up
     OR s.deptype = 'o' AND s.classid IN (2328, 1417, 2612, 3079, 3466, 6104))
 LIMIT 1)
