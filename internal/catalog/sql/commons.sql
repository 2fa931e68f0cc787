-- The rest of core.sql and of focus.sql: of each kind a few, however many tenants there are.
-- The database's number was asked for before: so the server sees, on one that has
-- many databases or one with nearly everything, by which index to find what is
-- another database's. A database that was made anew meanwhile says so (!).
UNION ALL
SELECT 'e', d.classid, d.objid, NULL, NULL, NULL, NULL, false
FROM pg_catalog.pg_depend AS d
WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
  AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
UNION ALL
SELECT 'i', NULL, NULL, NULL, NULL, NULL, NULL, false
FROM pg_catalog.pg_init_privs AS i
WHERE i.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  AND i.initprivs IS DISTINCT FROM (SELECT p.proacl FROM pg_catalog.pg_proc AS p WHERE p.oid = i.objoid)
UNION ALL
SELECT 'f', NULL, NULL, NULL, NULL, NULL, NULL, false WHERE EXISTS (SELECT FROM pg_catalog.pg_foreign_data_wrapper)
UNION ALL
SELECT 'v', NULL, NULL, NULL, NULL, NULL, NULL, false
WHERE EXISTS (SELECT FROM pg_catalog.pg_depend AS d
  WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid >= 16384 AND d.deptype = 'e')
UNION ALL
SELECT 'l', NULL, NULL, NULL, NULL, NULL, NULL, false WHERE EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
UNION ALL
SELECT '!', NULL, NULL, NULL, NULL, NULL, NULL, false
FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database() AND d.oid <> {{database}}
UNION ALL
-- The doors: see [doors].
SELECT 'o', p.oid, NULL, NULL, NULL, NULL, p.proacl::pg_catalog.text, false
FROM pg_catalog.pg_proc AS p
WHERE p.oid IN ({{doors}});
