-- What views use. The system's own objects are pinned: nothing says that a
-- view uses them.
SELECT DISTINCT n.nspname, v.relname, f.nspname, c.relname
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid
JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class
JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid AND c.oid <> v.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
JOIN pg_catalog.pg_namespace AS f ON f.oid = c.relnamespace
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND v.oid >= 16384;
