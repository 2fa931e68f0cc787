-- The system's own relations, columns and functions, and those of extensions,
-- whose ACLs are not what initdb or the extension gave them. core.sql says
-- whether there can be any.
SELECT i.schema, i.type, i.identity, o.attname, pg_catalog.pg_get_userbyid(o.owner), o.acl::pg_catalog.text, COALESCE(p.initprivs, o.born)::pg_catalog.text
FROM (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS class, c.oid, 0 AS sub, c.relnamespace AS ns, NULL AS attname, c.relowner AS owner, c.relacl AS acl,
         CASE WHEN s.oid IS NOT NULL AND NOT pg_catalog.left(c.relname::pg_catalog.text, 1) = '_'
           THEN pg_catalog.acldefault('r', c.relowner) || pg_catalog.makeaclitem(0, c.relowner, 'SELECT', false) END AS born
  FROM pg_catalog.pg_class AS c
  LEFT JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace AND s.nspname = 'information_schema'
  WHERE c.relacl IS NOT NULL{{relations}}
  UNION ALL
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, a.attrelid, a.attnum, c.relnamespace, a.attname, c.relowner, a.attacl, NULL
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND c.relnamespace < 16384 AND c.relnamespace <> 2200{{columns}}
  UNION ALL
  SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, f.oid, 0, f.pronamespace, NULL, f.proowner,
         COALESCE(f.proacl, pg_catalog.acldefault('f', f.proowner)), pg_catalog.acldefault('f', f.proowner)
  FROM pg_catalog.pg_proc AS f
  WHERE true{{functions}}
) AS o
LEFT JOIN pg_catalog.pg_init_privs AS p ON p.classoid = o.class AND p.objoid = o.oid AND p.objsubid = o.sub
CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.class, o.oid, 0) AS i
WHERE o.acl IS DISTINCT FROM COALESCE(p.initprivs, o.born)
  AND (o.ns < 16384 AND o.ns <> 2200 OR EXISTS (
    SELECT FROM pg_catalog.pg_depend AS e WHERE e.classid = o.class AND e.objid = o.oid AND e.deptype = 'e'));
