-- What is not as initdb, or the making of its extension, left it.
SELECT o.kind, n.nspname, CASE WHEN o.kind = 'f' THEN o.oid::pg_catalog.regprocedure::pg_catalog.text ELSE o.name END,
       o.attribute, pg_catalog.pg_get_userbyid(o.owner), o.acl::pg_catalog.text, i.initprivs::pg_catalog.text, o.kind IN ('r', 'c') AND o.view
FROM (
  SELECT 'n' AS kind, 'pg_catalog.pg_namespace'::pg_catalog.regclass AS class, s.oid, 0 AS sub, s.oid AS ns, s.nspname::pg_catalog.text AS name,
         NULL::pg_catalog.text AS attribute, s.nspowner AS owner, s.nspacl AS acl, false AS view
  FROM pg_catalog.pg_namespace AS s WHERE s.nspacl IS NOT NULL
  UNION ALL
  SELECT CASE c.relkind WHEN 'S' THEN 'S' ELSE 'r' END, 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0, c.relnamespace, c.relname, NULL, c.relowner, c.relacl, c.relkind = 'v'
  FROM pg_catalog.pg_class AS c WHERE c.relacl IS NOT NULL
  UNION ALL
  SELECT 'c', 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, a.attnum, c.relnamespace, c.relname, a.attname, c.relowner, a.attacl, c.relkind = 'v'
  FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
  UNION ALL
  SELECT 'f', 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0, p.pronamespace, NULL, NULL, p.proowner, p.proacl, false
  FROM pg_catalog.pg_proc AS p WHERE p.proacl IS NOT NULL
  UNION ALL
  SELECT 'T', 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0, t.typnamespace, t.typname, NULL, t.typowner, t.typacl, false
  FROM pg_catalog.pg_type AS t WHERE t.typacl IS NOT NULL
) AS o
JOIN pg_catalog.pg_namespace AS n ON n.oid = o.ns AND n.nspname IN ('pg_catalog', 'information_schema')
LEFT JOIN pg_catalog.pg_init_privs AS i ON i.classoid = o.class AND i.objoid = o.oid AND i.objsubid = o.sub
WHERE o.acl IS DISTINCT FROM i.initprivs;
