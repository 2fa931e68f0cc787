-- What core.sql reads, of a few roles and schemas among many: their own things
-- are found by the indexes that lead from a role to what it owns and holds
-- (pg_shdepend), and from a schema to what stands in it (pg_depend), never by
-- looking through a catalog that grows with the tenants. Numbers come as arrays:
-- a server without statistics would join by looking through all. One kind more: z a
-- schema, outside of those read, in which the roles own or hold something.
WITH who AS MATERIALIZED (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname IN ({{roles}})),
house AS MATERIALIZED (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ({{houses}})),
inside AS MATERIALIZED (
  SELECT d.classid, d.objid, d.refobjid, d.deptype FROM pg_catalog.pg_depend AS d
  WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = ANY (ARRAY(SELECT h.oid FROM house AS h))),
theirs AS MATERIALIZED (
  SELECT s.classid, s.objid, s.deptype FROM pg_catalog.pg_shdepend AS s
  WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = ANY (ARRAY(SELECT w.oid FROM who AS w)) AND s.deptype IN ('a', 'o')
    AND s.dbid = {{database}})
SELECT 's', n.oid, NULL::pg_catalog.oid, n.nspname::pg_catalog.text, NULL::pg_catalog.text,
       pg_catalog.pg_get_userbyid(n.nspowner)::pg_catalog.text, n.nspacl::pg_catalog.text, false
FROM pg_catalog.pg_namespace AS n
WHERE n.oid = ANY (ARRAY(SELECT h.oid FROM house AS h
  UNION SELECT t.objid FROM theirs AS t WHERE t.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
  UNION SELECT s.oid FROM pg_catalog.pg_namespace AS s WHERE s.oid < 16384))
UNION ALL
SELECT 'd', d.classid, d.refobjid, NULL, NULL, NULL, NULL, false
FROM (SELECT DISTINCT i.classid, i.refobjid FROM inside AS i WHERE i.deptype = 'n') AS d
UNION ALL
SELECT 'r', c.oid, c.relnamespace, c.relname, c.relkind::pg_catalog.text, pg_catalog.pg_get_userbyid(c.relowner), c.relacl::pg_catalog.text,
       c.relkind = 'S' AND EXISTS (
         SELECT FROM pg_catalog.pg_depend AS d
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
FROM pg_catalog.pg_class AS c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND c.oid = ANY (ARRAY(SELECT i.objid FROM inside AS i WHERE i.classid = 'pg_catalog.pg_class'::pg_catalog.regclass))
UNION ALL
SELECT 'r', c.oid, c.relnamespace, c.relname, c.relkind::pg_catalog.text, pg_catalog.pg_get_userbyid(c.relowner), c.relacl::pg_catalog.text, false
FROM pg_catalog.pg_class AS c
WHERE c.oid < 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relacl IS NOT NULL AND CASE
    WHEN c.relnamespace IN (11, 99) OR pg_catalog.left(c.relname::pg_catalog.text, 1) = '_' THEN (c.oid, c.relacl) NOT IN (
      SELECT i.objoid, i.initprivs FROM pg_catalog.pg_init_privs AS i WHERE i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.objsubid = 0)
    ELSE c.relacl <> pg_catalog.acldefault('r', 10) || pg_catalog.makeaclitem(0, 10, 'SELECT', false) END
UNION ALL
SELECT 'c', a.attrelid, NULL, a.attname, NULL, NULL, a.attacl::pg_catalog.text, false
FROM pg_catalog.pg_attribute AS a
WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
  AND a.attrelid = ANY (ARRAY(SELECT i.objid FROM inside AS i WHERE i.classid = 'pg_catalog.pg_class'::pg_catalog.regclass))
UNION ALL
SELECT 'c', a.attrelid, NULL, a.attname, NULL, NULL, a.attacl::pg_catalog.text, false
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid < 16384 AND a.attacl IS NOT NULL AND NOT a.attisdropped
  AND (a.attrelid, a.attnum::pg_catalog.int4, a.attacl) NOT IN (
    SELECT i.objoid, i.objsubid, i.initprivs FROM pg_catalog.pg_init_privs AS i WHERE i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass)
UNION ALL
SELECT 'p', NULL, d.defaclnamespace, NULL, d.defaclobjtype::pg_catalog.text, pg_catalog.pg_get_userbyid(d.defaclrole), d.defaclacl::pg_catalog.text, false
FROM pg_catalog.pg_default_acl AS d
WHERE d.oid = ANY (ARRAY(SELECT p.oid FROM pg_catalog.pg_default_acl AS p WHERE p.defaclrole = ANY (ARRAY(SELECT w.oid FROM who AS w))
  UNION SELECT t.objid FROM theirs AS t WHERE t.classid = 'pg_catalog.pg_default_acl'::pg_catalog.regclass
  UNION SELECT i.objid FROM inside AS i WHERE i.classid = 'pg_catalog.pg_default_acl'::pg_catalog.regclass))
UNION ALL
(SELECT 'x', NULL, NULL, NULL, NULL, NULL, NULL, false
 FROM theirs AS s
 WHERE s.deptype = 'a' AND (s.objid < 16384 OR s.classid NOT IN (
     'pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
     'pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_default_acl'::pg_catalog.regclass,
     'pg_catalog.pg_largeobject'::pg_catalog.regclass))
     AND NOT (s.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND s.objid = 2200)
   OR s.deptype = 'o' AND s.classid IN (2328, 1417, 2612, 3079, 3466, 6104)
 LIMIT 1)
UNION ALL
SELECT DISTINCT 'z', NULL::pg_catalog.oid, NULL::pg_catalog.oid, i.schema, NULL, NULL, NULL, false
FROM (
  SELECT t.classid, t.objid FROM theirs AS t
  -- but for what stands in no schema, or was read above
  WHERE t.objid >= 16384 AND t.classid NOT IN (2328, 1417, 2612, 3079, 3466, 6104, 'pg_catalog.pg_namespace'::pg_catalog.regclass,
    'pg_catalog.pg_default_acl'::pg_catalog.regclass, 'pg_catalog.pg_largeobject'::pg_catalog.regclass)
  EXCEPT SELECT i.classid, i.objid FROM inside AS i
) AS o
CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) AS i
